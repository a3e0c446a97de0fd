//! `/register/{id}`: a client reads, replaces or removes its own registration (RFC 7592), with the token that it was
//! given when it registered.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::register::{Refused, bearer, json_body, place, refuse, unauthorized, unavailable};
use crate::app::App;
use crate::audit::Fact;
use crate::limits;
use crate::oauth::client::{Client, Metadata};
use crate::oauth::management;
use crate::oauth::registration::{self, Credentials};
use crate::secret::{Registration, Secret};
use crate::store;
use crate::store::events::Event;
use crate::store::registrations::{self, Replacement};

/// No such client, or another one's token: nobody learns which.
const NOT_ITS_TOKEN: &str = "no such client, or not its registration_access_token";
/// Another request changed the registration between the look-up and the write.
const SUPERSEDED: &str = "the registration_access_token was just replaced";

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    get(read).put(replace).delete(remove).layer(DefaultBodyLimit::max(limits::REGISTRATION_BYTES_MAX))
}

/// The client that goes by `id`, if the request carries its own token. An unknown client and a wrong token are answered
/// alike (RFC 7592 section 2): nobody learns from here which clients there are.
async fn own(app: &App, headers: &HeaderMap, id: &str) -> Result<(Client, Secret<Registration>), Refused> {
    let token = bearer(headers).and_then(Secret::<Registration>::presented);
    let token = token.ok_or_else(|| unauthorized("this needs the registration_access_token"))?;
    // A NUL no database stores, so that none is asked for it either.
    if id.len() > limits::CLIENT_ID_BYTES_MAX || id.contains(char::is_control) {
        return Err(unauthorized(NOT_ITS_TOKEN));
    }
    let found = registrations::find(&app.store, id, &token.digest()).await.map_err(|e| unavailable(&e))?;
    let client = found.ok_or_else(|| unauthorized(NOT_ITS_TOKEN))?;
    if !client.is_active() {
        let why = "an administrator has suspended this client";
        return Err(refuse(StatusCode::FORBIDDEN, "access_denied", why));
    }
    Ok((client, token))
}

async fn read(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (client, token) = own(&app, &headers, &id).await?;
    Ok(answer(&app, (&client.name, &client.metadata), &client, &token))
}

async fn replace(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let (client, token) = own(&app, &headers, &id).await?;
    let new = management::replacement(&json_body(&headers, body)?, &client, &app.scopes)?;
    let next = Secret::<Registration>::mint();
    let replacement = Replacement { name: new.name(), metadata: new.metadata(), management: &next.digest() };
    let replaced = registrations::replace(&app.store, &id, &token.digest(), &replacement).await;
    if !replaced.map_err(|e| unavailable(&e))? {
        return Err(unauthorized(SUPERSEDED));
    }
    let detail = json!({"name": new.name(), "redirect_uris": new.metadata().redirect_uris});
    note(&app, "client.updated", id, detail).await;
    Ok(answer(&app, (new.name(), new.metadata()), &client, &next))
}

async fn remove(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (_, token) = own(&app, &headers, &id).await?;
    let ended = end(&app, &id, &token).await.map_err(|e| unavailable(&e))?;
    let ended = ended.ok_or_else(|| unauthorized(SUPERSEDED))?;
    app.store.tell(Event::ClientRevoked(id.clone()));
    note(&app, "client.deleted", id, json!({"grants": ended.len()})).await;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response())
}

async fn end(app: &App, id: &str, token: &Secret<Registration>) -> store::Result<Option<Vec<String>>> {
    let mut tx = app.store.begin().await?;
    let now = app.clock.now();
    let ended = registrations::remove(&mut tx, &app.store, id, &token.digest(), now).await?;
    tx.commit().await?;
    Ok(ended)
}

/// What is registered, with the token that is good from now on. The secret is not among it: only its digest is stored.
fn answer(
    app: &App,
    (name, metadata): (&str, &Metadata),
    client: &Client,
    token: &Secret<Registration>,
) -> Response {
    let place = place(app, &client.id);
    let credentials = Credentials { secret: None, registration: Some((token.reveal(), &place)) };
    let body = registration::response((&client.id, name, metadata), credentials, client.registered_at);
    (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn note(app: &App, event: &'static str, id: String, detail: serde_json::Value) {
    app.audit.note(Fact { event, client_id: Some(id), outcome: "ok", detail, ..Fact::default() }).await;
}
