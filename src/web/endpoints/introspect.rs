//! `POST /introspect` (RFC 7662): what a token is good for, for those who may know.
//!
//! Only a client with a secret may ask. It learns about tokens that were issued to itself; one that an administrator made
//! stands for a resource server, and learns about access tokens for the resources that this server issues for too. To
//! everybody else every token is inactive and nothing more: a client that registered itself must not be able to try
//! tokens it found (attack E11).

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::token::{authenticated, presented};
use crate::app::App;
use crate::limits;
use crate::oauth::claims;
use crate::oauth::client::{Client, ClientKind};
use crate::oauth::error::Refusal;
use crate::oauth::refresh::State as Rotated;
use crate::secret::{Refresh, Secret};
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
    match answer(&app, &headers, body).await {
        Ok(known) => (NEVER_KEPT, Json(known.unwrap_or(json!({"active": false})))).into_response(),
        Err(failure) => failure.answer(&app, &headers),
    }
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Option<Value>, Failure> {
    let form = Form::read(headers, body)?;
    let token = form.need("token")?;
    let client = authenticated(app, &presented(headers, &form)?).await?;
    by_client(app, Door::Introspect, &client)?;
    if client.secret_digest.is_none() {
        return Err(Refusal::Unproven.into());
    }
    match Secret::<Refresh>::presented(token) {
        Some(refresh) => about_refresh(app, &client, &refresh).await,
        None => about_access(app, &client, token).await,
    }
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

async fn about_access(app: &App, client: &Client, token: &str) -> Result<Option<Value>, Failure> {
    let now = app.clock.now();
    let read = claims::verify_for_any_audience(token, &app.keys.load(), app.config.issuer(), now);
    let Ok(read) = read else { return Ok(None) };
    let guards = client.kind == ClientKind::PreRegistered && app.resources.contains(&read.audience);
    if read.client_id != client.id && !guards {
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
    Ok(Some(known))
}
