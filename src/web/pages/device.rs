//! Where a person types the code that a device shows (RFC 8628 section 3.3), and reads how it went.
//!
//! The code becomes a request at the hub like any other, so that sign-in and consent are the same ones. A wrong code, one
//! whose time is up and one that was answered read alike: who guesses learns nothing (attack E09).

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::authorize::hub;
use crate::app::App;
use crate::audit::Fact;
use crate::config::subscriber;
use crate::identity::session::Session;
use crate::oauth::client::Client;
use crate::oauth::device::{Device, UserCode};
use crate::oauth::request::AuthorizationRequest;
use crate::oauth::scope::ScopeSet;
use crate::secret::{Digest, Request, Secret};
use crate::store::grants::NewGrant;
use crate::web::described;
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::session;
use crate::{limits, secret, store};

const PURPOSE: &str = "device";
const UNKNOWN: &str =
    "That code is not known here, or its time is up. Look at the device again, or start again there.";

#[derive(Template)]
#[template(path = "device.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    code: &'a str,
    problem: &'a str,
    /// Set once it is answered: the client, and whether it was a yes.
    outcome: Option<(String, bool)>,
}

/// `GET /device`. A code in the address fills the form and no more: the person must see that it is the device's own
/// (RFC 8628 section 5.4).
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::of(query.unwrap_or_default().as_bytes());
    let code = UserCode::parse(query.get("user_code")).map(|code| code.to_string()).unwrap_or_default();
    Ok(form(&app, &visit, &code, StatusCode::OK, ""))
}

fn form(app: &App, visit: &Visit, code: &str, status: StatusCode, problem: &str) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(PURPOSE);
    let page = Page { frame: Frame::of(&app.config), csrf: proof.reveal(), code, problem, outcome: None };
    (jar, page::html(status, &page)).into_response()
}

/// `POST /device`.
pub async fn enter(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let browser = session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let typed: String = fields.get("user_code").chars().take(limits::DEVICE_CODE_TYPED_CHARS_MAX).collect();
    let wrong = |status, why| Ok(form(&app, &visit, &typed, status, why));
    if !may_guess(&app, &visit).await? {
        let minutes = limits::DEVICE_GUESSES_SECONDS / 60;
        let why = format!("Too many codes were typed. Wait {minutes} minutes, then try again.");
        let mut response: Response = form(&app, &visit, "", StatusCode::TOO_MANY_REQUESTS, &why);
        let wait = HeaderValue::from(limits::DEVICE_GUESSES_SECONDS);
        response.headers_mut().insert(header::RETRY_AFTER, wait);
        return Ok(response);
    }
    let Some(code) = UserCode::parse(fields.get("user_code")) else {
        return wrong(StatusCode::UNPROCESSABLE_ENTITY, UNKNOWN);
    };
    let Some((request, expires_at)) = store::devices::find(&app.store, &code.digest(), visit.now).await?
    else {
        return wrong(StatusCode::UNPROCESSABLE_ENTITY, UNKNOWN);
    };
    let name = Secret::<Request>::mint();
    store::requests::add(&app.store, &name.digest(), &request, expires_at, visit.now).await?;
    store::requests::bind(&app.store, &name.digest(), &browser.digest()).await?;
    page::see_other(&hub(name.reveal()))
}

/// Counts by address, and by account where somebody is signed in: a guesser with many addresses has one account, one
/// with many accounts few addresses.
async fn may_guess(app: &App, visit: &Visit) -> store::Result<bool> {
    let address = subscriber(visit.address);
    let from_there =
        store::devices::count_guess(&app.store, &format!("address {address}"), visit.now).await?;
    let mut fine = from_there <= limits::DEVICE_GUESSES_ADDRESS_MAX;
    if let Some(session) = session::current(app, visit).await? {
        let account = format!("account {}", session.user.id);
        let of_account = store::devices::count_guess(&app.store, &account, visit.now).await?;
        fine &= of_account <= limits::DEVICE_GUESSES_ACCOUNT_MAX;
    }
    Ok(fine)
}

/// A yes, at the hub: the grant, which the device's next poll finds.
pub(super) async fn allow(
    app: &App,
    visit: &Visit,
    digest: &Digest,
    client: &Client,
    session: &Session,
    asked: (&AuthorizationRequest, &Device, &ScopeSet),
) -> Answer {
    let ((request, device, scope), now) = (asked, visit.now);
    let grant = NewGrant {
        id: secret::id(now),
        client_id: client.id.clone(),
        user_id: Some(session.user.id.clone()),
        scope: scope.to_string(),
        resource: request.resource.clone(),
        redirect_uri: None,
        authenticated_at: Some(session.authenticated_at),
        expires_at: now.plus_seconds(app.config.tokens.refresh_absolute_seconds),
    };
    let mut tx = app.store.begin().await?;
    let is_first = store::requests::finish(&mut tx, digest, now).await?
        && store::devices::decide(&mut tx, &device.digest, Some(&grant.id), now).await?;
    if !is_first {
        tx.rollback().await?;
        return Err(spent(client).into());
    }
    described::keep(app, &mut tx, client, now).await?;
    store::grants::add(&mut tx, &grant, now).await?;
    tx.commit().await?;
    let fact = Fact {
        event: "grant.issued",
        actor: grant.user_id,
        client_id: Some(grant.client_id),
        grant_id: Some(grant.id),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"scope": grant.scope, "resource": grant.resource, "device_address": device.address}),
    };
    app.audit.note(fact).await;
    store::clients::touch(&app.store, &client.id, now).await?;
    Ok(outcome(app, client, true))
}

/// A no, at the hub.
pub(super) async fn deny(
    app: &App,
    visit: &Visit,
    digest: &Digest,
    client: &Client,
    device: &Device,
) -> Answer {
    let mut tx = app.store.begin().await?;
    store::requests::finish(&mut tx, digest, visit.now).await?;
    store::devices::decide(&mut tx, &device.digest, None, visit.now).await?;
    tx.commit().await?;
    Ok(outcome(app, client, false))
}

fn outcome(app: &App, client: &Client, allowed: bool) -> Response {
    let outcome = Some((page::shown(&client.name), allowed));
    let page = Page { frame: Frame::of(&app.config), csrf: "", code: "", problem: "", outcome };
    page::html(StatusCode::OK, &page)
}

fn spent(client: &Client) -> Told {
    let next =
        format!("Look at the device. If {} still waits there, start again there.", page::shown(&client.name));
    let what = "This device has its answer already, or its time is up.";
    Told::new(StatusCode::CONFLICT, "request_finished", "That device was answered", what, &next)
}
