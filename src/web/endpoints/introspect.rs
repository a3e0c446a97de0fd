//! `POST /introspect` (RFC 7662): what a token is good for, for those who may know.
//!
//! Only a client that can prove who it is may ask. It learns about tokens that were issued to itself; one that an
//! administrator made to guard a resource learns about access tokens for that resource too. To everybody else every
//! token is inactive and nothing more: a client that registered itself must not be able to try tokens it found, and who
//! guards one resource has no business with the tokens of another (attack E11).

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::token::{authenticated, presented};
use crate::access::personal::{CLIENT_ID, EVERY};
use crate::app::App;
use crate::limits;
use crate::oauth::client::Client;
use crate::oauth::error::Refusal;
use crate::oauth::refresh::State as Rotated;
use crate::oauth::{claims, introspection};
use crate::secret::{Personal, Refresh, Secret};
use crate::store;
use crate::web::error::{Failure, NEVER_KEPT};
use crate::web::form::Form;
use crate::web::rates::{Door, by_client};

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    let limit = DefaultBodyLimit::max(limits::TOKEN_FORM_BYTES_MAX);
    post(introspect).layer(limit)
}

async fn introspect(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match answer(&app, &headers, body).await.and_then(|told| written(&app, &headers, told)) {
        Ok(response) => response,
        Err(failure) => failure.answer(&app, &headers),
    }
}

/// Plain JSON, or signed for the client that asked where it says so (RFC 9701 section 4).
fn written(app: &App, headers: &HeaderMap, (client, known): (Client, Value)) -> Result<Response, Failure> {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if !accepts.into_iter().any(introspection::is_asked_for) {
        return Ok((NEVER_KEPT, Json(known)).into_response());
    }
    let (issuer, now) = (app.config.issuer(), app.clock.now());
    let signed = introspection::signed(&known, issuer, &client.id, app.keys.load().signing(), now)?;
    Ok((NEVER_KEPT, [(header::CONTENT_TYPE, introspection::MEDIA_TYPE)], signed).into_response())
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Client, Value), Failure> {
    let form = Form::read(headers, body)?;
    // Whoever is no client is told that, and nothing else (RFC 7662 section 2.1).
    let presented = presented(headers, &form).map_err(|refusal| match refusal {
        Refusal::Missing("client_id") => Refusal::Unproven,
        other => other,
    })?;
    let client = authenticated(app, &presented).await?;
    by_client(app, Door::Introspect, &client)?;
    if !client.is_confidential() {
        return Err(Refusal::Unproven.into());
    }
    let token = form.need("token")?;
    let known = if let Some(personal) = Secret::<Personal>::presented(token) {
        about_personal(app, &client, &personal).await?
    } else if let Some(refresh) = Secret::<Refresh>::presented(token) {
        about_refresh(app, &client, &refresh).await?
    } else {
        about_access(app, &client, token).await?
    };
    Ok((client, known.unwrap_or(json!({"active": false}))))
}

async fn about_refresh(
    app: &App,
    client: &Client,
    token: &Secret<Refresh>,
) -> Result<Option<Value>, Failure> {
    let now = app.clock.now();
    let (_, found) = store::refresh_tokens::find(&app.store, &client.id, &token.digest()).await?;
    let Some(found) = found.filter(|found| found.grant.client_id == client.id) else { return Ok(None) };
    if found.state != Rotated::Live || found.expires_at <= now || found.grant.stands(now).is_err() {
        return Ok(None);
    }
    Ok(Some(json!({
        "active": true, "scope": found.grant.scope.to_string(), "client_id": found.grant.client_id,
        "sub": found.grant.user_id, "exp": found.expires_at.seconds(), "iat": found.issued_at.seconds(),
        "iss": app.config.issuer(),
    })))
}

/// No client was issued a personal token, so only those that guard a resource that it opens learn about it, and of no
/// other resource.
async fn about_personal(
    app: &App,
    client: &Client,
    token: &Secret<Personal>,
) -> Result<Option<Value>, Failure> {
    let found = store::personal_tokens::find(&app.store, &token.digest()).await?;
    let Some(found) = found.filter(|found| found.stands(app.clock.now())) else { return Ok(None) };
    let opens = match found.resource.as_str() {
        EVERY => app.resources.identifiers(),
        one => &[one.to_owned()],
    };
    let guarded: Vec<&String> = opens.iter().filter(|resource| client.guards(resource)).collect();
    let audience = match guarded.as_slice() {
        [] => return Ok(None),
        [one] => json!(one),
        several => json!(several),
    };
    Ok(Some(json!({
        "active": true, "scope": found.scope.to_string(), "client_id": CLIENT_ID,
        "username": found.person.map(|person| person.email), "token_type": "Bearer",
        "exp": found.expires_at.seconds(), "iat": found.created_at.seconds(), "sub": found.user_id, "aud": audience,
        "iss": app.config.issuer(), "jti": found.id,
        // Ours: a guard elsewhere must know what the token is kept to besides its scopes.
        "restrictions": found.kept,
    })))
}

async fn about_access(app: &App, client: &Client, token: &str) -> Result<Option<Value>, Failure> {
    let now = app.clock.now();
    let read = claims::verify_for_any_audience(token, &app.keys.load(), app.config.issuer(), now);
    let Ok(read) = read else { return Ok(None) };
    if read.client_id != client.id && !client.guards(&read.audience) {
        return Ok(None);
    }
    if !store::grants::is_live(&app.store, &read.grant_id, &read.token_id).await? {
        return Ok(None);
    }
    let kind = if read.key.is_some() { "DPoP" } else { "Bearer" };
    let mut known = json!({
        "active": true, "scope": read.scope.to_string(), "client_id": read.client_id, "username": read.username,
        "token_type": kind, "exp": read.expires_at.seconds(), "iat": read.issued_at.seconds(),
        "sub": read.subject, "aud": read.audience, "iss": read.issuer, "jti": read.token_id,
    });
    // RFC 9449 section 6.2: whoever guards a resource must ask for the proof too.
    if let Some(key) = read.key {
        known["cnf"] = json!({"jkt": key});
    }
    // RFC 8693 section 4.1: who acts, where that is not the client that the person allowed.
    if let Some(actor) = read.actor {
        known["act"] = json!(actor);
    }
    Ok(Some(known))
}
