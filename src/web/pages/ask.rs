//! A client let in, or not; a call let through, or not, is `approvals`. A client that nobody here knows yet stops at this
//! page, which says who asks for it, and goes on from the same request once it is let in. The hub shows it; only the
//! form here asks.

use askama::Template;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::authorize::hub;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::identity::user::User;
use crate::oauth::client::Client;
use crate::oauth::request::AuthorizationRequest;
use crate::oauth::step::Decision;
use crate::oauth::trust::Standing;
use crate::secret::{Csrf, Digest, Request, Secret};
use crate::web::clients;
use crate::web::described;
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::session;
use crate::{limits, store};

/// Who waits, and in which request.
pub struct Wait<'a> {
    /// The request's name in the URL.
    pub id: &'a str,
    /// The client that nobody knows yet.
    pub client: &'a Client,
    /// Who wants it.
    pub session: &'a Session,
    /// What the form carries.
    pub proof: Secret<Csrf>,
}

#[derive(Template)]
#[template(path = "ask.html")]
struct Page<'a> {
    frame: Frame,
    id: &'a str,
    csrf: &'a str,
    client: String,
    client_id: &'a str,
    host: String,
    user: &'a User,
    /// When this person asked, if they did.
    asked_at: Option<String>,
}

/// What a proof on this form is good for: this request and this session.
pub fn purpose(request: &Digest, session: &Session) -> String {
    format!("approval {} {}", request.as_str(), session.digest.as_str())
}

/// The page.
///
/// # Errors
/// [`Problem::Fault`].
pub async fn show(app: &App, wait: &Wait<'_>) -> Answer {
    let Wait { id, client, session, proof } = wait;
    let asked = store::rulings::asked_at(&app.store, &client.id, &session.user.id).await?;
    let page = Page {
        frame: Frame::of(&app.config),
        id,
        csrf: proof.reveal(),
        client: page::shown(&client.name),
        client_id: &client.id,
        host: client.host().unwrap_or_default(),
        user: &session.user,
        asked_at: asked.map(page::moment),
    };
    Ok(page::html_in_flow(StatusCode::OK, &page))
}

/// `POST /authorize/{id}`: ask, or give up. Writes nothing for a client that no longer waits.
pub async fn ask(State(app): State<App>, Path(id): Path<String>, visit: Visit, body: Bytes) -> Answer {
    let form = Fields::of(&body);
    let name = Secret::<Request>::presented(&id).ok_or_else(unreadable)?;
    let digest = name.digest();
    let stored = store::requests::find(&app.store, &digest).await?;
    let session = session::current(&app, &visit).await?;
    let (Some(stored), Some(session)) = (stored, session) else { return page::see_other(&hub(&id)) };
    let browser = session::admit_form(&app, &visit, &purpose(&digest, &session), form.get("csrf"))?;
    let is_ours = stored.browser.as_ref().is_some_and(|known| known.matches(&browser.digest()));
    let is_open = stored.pending.finished_at.is_none() && visit.now < stored.pending.expires_at;
    if !is_ours || !is_open {
        return page::see_other(&hub(&id));
    }
    let request = &stored.pending.request;
    match form.get("decision") {
        "ask" => {
            // Where it is not to be had any longer the hub says so.
            let client = clients::find(&app, &request.client_id).await.ok();
            let waits = match &client {
                Some(client) => clients::judge(&app, client).await?.standing == Standing::Waits,
                None => false,
            };
            if let Some(client) = client.filter(|_| waits) {
                record(&app, &visit, &digest, &session, &client).await?;
            }
        }
        "cancel" => cancel(&app, &visit, &digest, &session, request).await?,
        _ => return Err(unreadable().into()),
    }
    page::see_other(&hub(&id))
}

async fn record(
    app: &App,
    visit: &Visit,
    digest: &Digest,
    session: &Session,
    client: &Client,
) -> Result<(), Problem> {
    let (user, now) = (&session.user.id, visit.now);
    let is_new = store::rulings::asked_at(&app.store, &client.id, user).await?.is_none();
    if is_new && store::rulings::open_of(&app.store, user).await? >= limits::ASKS_PER_USER_MAX {
        return Err(too_many().into());
    }
    let mut tx = app.store.begin().await?;
    let is_first = store::rulings::ask(&mut tx, &client.id, user, now).await?;
    // The administrator reads what it says of itself, and the request is still there when they have.
    described::keep(app, &mut tx, client, now).await?;
    let until = now.plus_seconds(limits::CLIENT_APPROVAL_SECONDS);
    store::requests::extend(&mut tx, digest, until, now).await?;
    tx.commit().await?;
    if is_first {
        let detail = json!({"name": client.name, "redirect_uris": client.metadata.redirect_uris});
        app.audit.note(fact("client.asked_for", visit, session, &client.id, detail)).await;
    }
    Ok(())
}

async fn cancel(
    app: &App,
    visit: &Visit,
    digest: &Digest,
    session: &Session,
    request: &AuthorizationRequest,
) -> Result<(), Problem> {
    let detail = json!({"resource": request.resource, "redirect_uri": request.redirect_uri});
    let fact = fact("consent.cancelled", visit, session, &request.client_id, detail);
    app.audit.record(Fact { outcome: "cancelled", ..fact }).await?;
    let mut tx = app.store.begin().await?;
    store::requests::decide(&mut tx, digest, &Decision::Cancelled, visit.now).await?;
    tx.commit().await?;
    Ok(())
}

fn fact(
    event: &'static str,
    visit: &Visit,
    session: &Session,
    client_id: &str,
    detail: serde_json::Value,
) -> Fact {
    Fact {
        event,
        actor: Some(session.user.id.clone()),
        client_id: Some(client_id.to_owned()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail,
        ..Fact::default()
    }
}

fn too_many() -> Told {
    let what = format!(
        "You are waiting for {} other apps already, which is as many as one person can ask for at once.",
        limits::ASKS_PER_USER_MAX
    );
    let next = "Wait until an administrator has answered one of them.";
    Told::new(StatusCode::TOO_MANY_REQUESTS, "too_many_asks", "That is one too many", &what, next)
}

fn unreadable() -> Told {
    let next = "Go back to the app you came from and start again.";
    Told::new(
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "That form cannot be read",
        "It says neither Ask nor Cancel.",
        next,
    )
}
