//! For people: HTML that works without script.

pub mod access;
pub mod account;
pub mod activity;
pub mod admin;
pub mod approvals;
pub mod apps;
pub mod ask;
pub mod audit;
pub mod authorize;
pub mod catalog;
pub mod client;
pub mod connect;
pub mod consent;
pub mod device;
pub mod entity;
pub mod error;
pub mod finished;
pub mod first_admin;
pub mod login;
pub mod logout;
pub mod new_password;
pub mod password;
pub mod scaffolder;
pub mod scorecard;
pub mod scorecards;
pub mod sessions;
pub mod task;
pub mod template;
pub mod tokens;
pub mod users;
pub mod waiting;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::route::{self, Route};
use super::{logos, page, rates};
use crate::app::App;
use crate::limits;

/// Every page.
pub static ROUTES: &[Route] = &[
    Route::page("/", &["GET"], "The front page", || get(account::front)),
    Route::page("/account", &["GET"], "Who you are here", || get(account::show)),
    Route::page("/account/apps", &["GET", "POST"], "What a person let in; takes it back", || {
        get(apps::show).post(apps::take_back)
    }),
    Route::page("/account/activity", &["GET"], "What was done in a person's name", || get(activity::show)),
    Route::page("/account/sessions", &["GET", "POST"], "Where a person is signed in; ends it", || {
        get(sessions::show).post(sessions::end)
    }),
    Route::page("/account/password", &["GET", "POST"], "Changes a person's password", || {
        get(password::show).post(password::change)
    }),
    Route::page("/account/tokens", &["GET", "POST"], "A person's access tokens", || {
        get(tokens::show).post(tokens::make)
    }),
    Route::page("/account/tokens/revoke", &["POST"], "Ends one of them", || post(tokens::revoke)),
    Route::page("/approvals/{id}", &["GET", "POST"], "A call that waits for its person's yes", || {
        get(approvals::show).post(approvals::decide)
    }),
    Route::page("/logout", &["GET", "POST"], "Signs a person out", || get(logout::ask).post(logout::answer))
        .named("end_session_endpoint"),
    Route::page("/catalog", &["GET"], "Searches the catalog", || get(catalog::show)),
    Route::page("/catalog/scorecards", &["GET"], "How everything stands", || get(scorecards::show)),
    Route::page("/catalog/scorecards/{id}", &["GET"], "One scorecard, and what fails in it", || {
        get(scorecard::show)
    }),
    Route::page("/catalog/{kind}/{namespace}/{name}", &["GET"], "One entity of the catalog", || {
        get(entity::show)
    }),
    Route::page(
        "/catalog/{kind}/{namespace}/{name}/definition",
        &["GET"],
        "The definition of an API, as text",
        || get(entity::definition),
    ),
    Route::page("/connect", &["GET"], "How each client is connected", || get(connect::show)),
    Route::page("/admin", &["GET"], "The clients, for administrators", || get(admin::show)),
    Route::page(
        "/admin/clients/{id}",
        &["GET", "POST"],
        "One client; suspends it, ends a grant of it",
        || get(client::show).post(client::change),
    ),
    Route::page("/admin/access", &["GET", "POST"], "Who may do what, for administrators", || {
        get(access::show).post(access::change)
    }),
    Route::page("/admin/users", &["GET", "POST"], "The people, for administrators", || {
        get(users::show).post(users::change)
    }),
    Route::page(
        "/password/{secret}",
        &["GET", "POST"],
        "Sets a password with a link of an administrator",
        || get(new_password::show).post(new_password::set),
    ),
    Route::page("/admin/audit", &["GET"], "What happened, for administrators", || get(audit::show)),
    Route::page("/admin/audit.jsonl", &["GET"], "The same as a file", || get(audit::export)),
    Route::page("/admin/revoke", &["POST"], "Ends a client", || post(admin::revoke)),
    Route::page("/admin/waiting", &["POST"], "Lets a client in, or keeps it out", || post(waiting::rule)),
    Route::page("/admin/first/{secret}", &["GET", "POST"], "Makes the first administrator", || {
        get(first_admin::show).post(first_admin::make)
    }),
    Route::page("/authorize", &["GET", "POST"], "Asks a person for access (RFC 6749 section 3.1)", || {
        get(authorize::begin).post(authorize::begin_with_form)
    })
    .named("authorization_endpoint"),
    // Backstage's path for the same.
    Route::page("/api/auth/v1/authorize", &["GET", "POST"], "As /authorize", || {
        get(authorize::begin).post(authorize::begin_with_form)
    }),
    Route::page("/authorize/{id}", &["GET", "POST"], "The hub of a sign-in; asks an administrator", || {
        get(authorize::resume).post(ask::ask)
    }),
    Route::page("/device", &["GET", "POST"], "Takes the code that a device shows (RFC 8628)", || {
        get(device::show).post(device::enter)
    }),
    Route::page("/login", &["GET", "POST"], "Signs a person in", || get(login::show).post(login::sign_in)),
    Route::page("/consent/{id}", &["GET", "POST"], "Takes a person's answer", || {
        post(consent::decide).get(consent::back)
    }),
    Route::page("/static/postern.css", &["GET"], "The stylesheet", || get(page::style)),
    Route::page("/static/logos/{hash}", &["GET"], "The picture of a client", || get(logos::serve)),
    Route::page("/scaffolder", &["GET"], "The software templates, and a person's runs", || {
        get(scaffolder::show)
    }),
    Route::page(
        "/scaffolder/templates/{namespace}/{name}",
        &["GET", "POST"],
        "A template as a form; begins a run",
        || get(template::show).post(template::begin),
    ),
    Route::page("/scaffolder/tasks/{id}", &["GET", "POST"], "A run; cancels it, retries it", || {
        get(task::show).post(task::change)
    }),
    Route::page("/scaffolder/tasks/{id}/events", &["GET"], "What it says, as it says it", || {
        get(task::events)
    }),
    Route::page("/static/task.js", &["GET"], "The script of a run's page", || get(page::task)),
    Route::page("/static/copy.js", &["GET"], "The script of Copy buttons", || get(page::copy)),
];

/// The pages.
pub fn routes(app: &App) -> Router<App> {
    route::router(ROUTES, app)
        .fallback(error::not_found)
        .layer(DefaultBodyLimit::max(limits::PAGE_FORM_BYTES_MAX))
        .layer(from_fn_with_state(app.clone(), rates::people))
        .layer(from_fn_with_state(app.clone(), page::dress))
}
