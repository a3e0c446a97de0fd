//! For people: HTML that works without script.

pub mod account;
pub mod admin;
pub mod authorize;
pub mod consent;
pub mod error;
pub mod finished;
pub mod first_admin;
pub mod login;
pub mod tokens;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::page;
use crate::app::App;
use crate::limits;

/// The pages.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/", get(account::front))
        .route("/account", get(account::show))
        .route("/account/tokens", get(tokens::show).post(tokens::make))
        .route("/account/tokens/revoke", post(tokens::revoke))
        .route("/logout", get(account::ask).post(account::sign_out))
        .route("/admin", get(admin::show))
        .route("/admin/revoke", post(admin::revoke))
        .route("/admin/first/{secret}", get(first_admin::show).post(first_admin::make))
        .route("/authorize", get(authorize::begin).post(authorize::begin_with_form))
        .route(
            &super::endpoints::backstage("authorize"),
            get(authorize::begin).post(authorize::begin_with_form),
        )
        .route("/authorize/{id}", get(authorize::resume))
        .route("/login", get(login::show).post(login::sign_in))
        .route("/consent/{id}", post(consent::decide).get(consent::back))
        .merge(page::routes())
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(DefaultBodyLimit::max(limits::PAGE_FORM_BYTES_MAX))
        .layer(from_fn_with_state(app.clone(), page::dress))
}
