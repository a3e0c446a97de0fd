//! Sign-in with a local account. Comes back to the hub, to a page that asked for it, or to the account page.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::cookie::CookieJar;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::approvals;
use super::authorize::hub;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::guesses::{self, Counter, Turn};
use crate::identity::password;
use crate::identity::user::{Email, User};
use crate::secret::{Browser, Request, Secret};
use crate::web::page::{self, Answer, Fields, Frame, Visit};
use crate::web::{session, way_back};
use crate::{limits, store};

const PURPOSE: &str = "login";

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    request: &'a str,
    approval: &'a str,
    next: &'a str,
    client: Option<String>,
    email: &'a str,
    problem: &'a str,
}

/// `GET /login`, alone or for a request that waits.
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::of(query.unwrap_or_default().as_bytes());
    let waiting = waiting(&app, &query).await?;
    let hint = match &waiting {
        Some(Waiting::Request { hint, .. }) => hint.clone().unwrap_or_default(),
        _ => String::new(),
    };
    Ok(form(&app, &visit, waiting.as_ref(), &hint, StatusCode::OK, ""))
}

/// What waits for somebody to sign in. A request or a call comes back as its id, and a page only if it is
/// one of our own, never any other URL (B10).
enum Waiting {
    /// A request of a client.
    Request { id: String, client: String, hint: Option<String> },
    /// A call to be approved.
    Approval(String),
    /// A page of ours, by its address.
    Place(String),
}

impl Waiting {
    /// Where it goes on.
    fn next(&self) -> String {
        match self {
            Self::Request { id, .. } => hub(id),
            Self::Approval(id) => format!("/approvals/{id}"),
            Self::Place(place) => place.clone(),
        }
    }
}

async fn waiting(app: &App, fields: &Fields) -> store::Result<Option<Waiting>> {
    if let Some(id) = approvals::known(fields.get("approval")) {
        return Ok(Some(Waiting::Approval(id.to_owned())));
    }
    if let Some(place) = way_back::place(fields.get("next")) {
        return Ok(Some(Waiting::Place(place.to_owned())));
    }
    let id = fields.get("request");
    let Some(name) = Secret::<Request>::presented(id) else { return Ok(None) };
    let Some(stored) = store::requests::find(&app.store, &name.digest()).await? else { return Ok(None) };
    let request = stored.pending.request;
    let client = store::clients::find(&app.store, &request.client_id).await?;
    let client = client.map_or_else(String::new, |c| page::shown(&c.name));
    Ok(Some(Waiting::Request { id: id.to_owned(), client, hint: request.login_hint }))
}

fn form(
    app: &App,
    visit: &Visit,
    waiting: Option<&Waiting>,
    email: &str,
    status: StatusCode,
    problem: &str,
) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(PURPOSE);
    let (frame, csrf) = (Frame::of(&app.config), proof.reveal());
    let mut page = Page { frame, csrf, request: "", approval: "", next: "", client: None, email, problem };
    match waiting {
        Some(Waiting::Request { id, client, .. }) => {
            (page.request, page.client) = (id, Some(client.clone()).filter(|name| !name.is_empty()));
        }
        Some(Waiting::Approval(id)) => page.approval = id,
        Some(Waiting::Place(place)) => page.next = place,
        None => {}
    }
    (jar, page::html_in_flow(status, &page)).into_response()
}

/// `POST /login`.
pub async fn sign_in(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let browser = session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let waiting = waiting(&app, &fields).await?;
    let typed: String = fields.get("email").chars().take(limits::EMAIL_BYTES_MAX).collect();
    let again = |status, problem: &str| Ok(form(&app, &visit, waiting.as_ref(), &typed, status, problem));
    match judge(&app, &visit, &browser, &typed, fields.get("password")).await? {
        Judged::Known(user, counter) => {
            let jar = welcome(&app, &visit, &user, &counter).await?;
            let next = waiting.as_ref().map_or_else(|| "/account".to_owned(), Waiting::next);
            Ok((jar, page::see_other(&next)?).into_response())
        }
        // One sentence for a wrong password, an unknown address and a suspended account: it tells nothing.
        Judged::Unknown => again(
            StatusCode::UNPROCESSABLE_ENTITY,
            "That e-mail address and password do not belong together here.",
        ),
        Judged::TooOften(seconds) => {
            let why = format!("Too many attempts for this address. Wait {seconds} seconds, then try again.");
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = form(&app, &visit, waiting.as_ref(), &typed, status, &why);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

enum Judged {
    Known(Box<User>, Counter),
    Unknown,
    TooOften(i64),
}

/// Counts, then judges, so that a hundred attempts at once are a hundred (attack C08). Every way costs one argon2.
async fn judge(
    app: &App,
    visit: &Visit,
    browser: &Secret<Browser>,
    typed: &str,
    password: &str,
) -> Result<Judged, page::Problem> {
    let Ok(email) = Email::parse(typed) else {
        password::verify(password, None).await?;
        return Ok(Judged::Unknown);
    };
    let counter = match guesses::take_turn(&app.store, &email, browser, visit.now).await? {
        Turn::Taken(counter) => counter,
        Turn::Wait(seconds) => {
            refused(app, visit, "too-many-attempts").await;
            return Ok(Judged::TooOften(seconds));
        }
    };
    let found = store::users::find_with_password(&app.store, &email).await?;
    let stored = found.as_ref().and_then(|(_, hash)| hash.as_deref());
    let is_right = password::verify(password, stored).await?;
    match found {
        Some((user, _)) if is_right && user.is_active() => Ok(Judged::Known(Box::new(user), counter)),
        _ => {
            refused(app, visit, "unknown").await;
            Ok(Judged::Unknown)
        }
    }
}

async fn refused(app: &App, visit: &Visit, outcome: &'static str) {
    let request_id = Some(visit.request_id.clone());
    app.audit.note(Fact { event: "user.sign-in", request_id, outcome, ..Fact::default() }).await;
}

async fn welcome(
    app: &App,
    visit: &Visit,
    user: &User,
    counter: &Counter,
) -> Result<CookieJar, page::Problem> {
    let fact = Fact {
        event: "user.sign-in",
        actor: Some(user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"with": "password"}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut tx = app.store.begin().await?;
    let jar = session::begin(app, &mut tx, visit, user).await?;
    counter.right(&mut tx, &user.id, visit.now).await?;
    tx.commit().await?;
    Ok(jar)
}
