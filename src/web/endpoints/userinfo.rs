//! `/userinfo` (OpenID Connect Core section 5.3): who signed in.
//!
//! Access tokens are for one MCP resource, and this endpoint is not one. It takes a token for any resource of this
//! server nevertheless, if the person allowed `openid`: that scope is for nothing else, so no token opens more here than
//! what was agreed to.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::oauth::claims;
use crate::store;
use crate::web::error::{Failure, NEVER_KEPT};

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    get(userinfo).post(userinfo)
}

async fn userinfo(State(app): State<App>, headers: HeaderMap) -> Response {
    match answer(&app, &headers).await {
        Ok(response) => response,
        Err(error) => Failure::from(error).answer(&app, &headers),
    }
}

async fn answer(app: &App, headers: &HeaderMap) -> Result<Response, store::Error> {
    let unauthorized = |challenge: &str| refuse(StatusCode::UNAUTHORIZED, challenge);
    let Some(token) = bearer(headers) else { return Ok(unauthorized("Bearer realm=\"postern\"")) };
    let invalid = "Bearer error=\"invalid_token\", error_description=\"the access token is not valid here\"";
    let now = app.clock.now();
    let read = claims::verify_for_any_audience(token, &app.keys.load(), app.config.issuer(), now);
    let Some(read) = read.ok().filter(|read| app.resources.find(&read.audience).is_some()) else {
        return Ok(unauthorized(invalid));
    };
    if !store::grants::is_live(&app.store, &read.grant_id, &read.token_id).await? {
        return Ok(unauthorized(invalid));
    }
    if !read.scope.contains("openid") {
        let challenge = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
        return Ok(refuse(StatusCode::FORBIDDEN, challenge));
    }
    let grant = store::grants::find(&app.store, &read.grant_id).await?;
    let Some(person) = grant.and_then(|grant| grant.person) else { return Ok(unauthorized(invalid)) };
    let mut claims = json!({"sub": person.id});
    if read.scope.contains("profile") {
        claims["name"] = json!(person.name);
        claims["preferred_username"] = json!(person.email);
    }
    if read.scope.contains("email") {
        claims["email"] = json!(person.email);
    }
    Ok((NEVER_KEPT, Json(claims)).into_response())
}

/// The token of the `Authorization` header (RFC 6750 section 2.1), the only place where one is looked for.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// RFC 6750 section 3.
fn refuse(status: StatusCode, challenge: &str) -> Response {
    (status, NEVER_KEPT, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
}
