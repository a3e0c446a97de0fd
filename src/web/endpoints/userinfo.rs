//! `/userinfo` (OpenID Connect Core section 5.3): who signed in.
//!
//! Access tokens are for one MCP resource, and this endpoint is not one. It takes a token for any resource of this
//! server nevertheless, if the person allowed `openid`: that scope is for nothing else, so no token opens more here than
//! what was agreed to.

use axum::Json;
use axum::extract::{MatchedPath, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::oauth::bearer::Bearer;
use crate::oauth::error::Refusal;
use crate::oauth::{claims, dpop};
use crate::store;
use crate::web::error::{Failure, NEVER_KEPT};
use crate::web::proof;

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    get(userinfo).post(userinfo)
}

async fn userinfo(State(app): State<App>, at: MatchedPath, method: Method, headers: HeaderMap) -> Response {
    match answer(&app, (&method, at.as_str()), &headers).await {
        Ok(response) => response,
        // A proof that does not count is a 401 here, as at every protected resource (RFC 9449 section 7.1).
        Err(Failure::Refused(refusal)) => {
            let (error, algs) = (refusal.code().as_str(), dpop::ALGORITHMS.join(" "));
            let challenge =
                format!("DPoP error=\"{error}\", error_description=\"{refusal}\", algs=\"{algs}\"");
            let mut response = Failure::from(refusal).answer(&app, &headers);
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            if let Ok(challenge) = HeaderValue::try_from(challenge) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
        Err(failure) => failure.answer(&app, &headers),
    }
}

async fn answer(app: &App, (method, at): (&Method, &str), headers: &HeaderMap) -> Result<Response, Failure> {
    let unauthorized = |challenge: &str| refuse(StatusCode::UNAUTHORIZED, challenge);
    let values = headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let (is_bound, token) = match Bearer::read(values) {
        Bearer::Token(token) => (false, token),
        Bearer::Bound(token) => (true, token),
        Bearer::Absent => return Ok(unauthorized("Bearer realm=\"postern\"")),
        Bearer::Malformed(why) => {
            let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
            return Ok(unauthorized(&challenge));
        }
    };
    let invalid = "Bearer error=\"invalid_token\", error_description=\"the access token is not valid here\"";
    let now = app.clock.now();
    let read = claims::verify_for_any_audience(token, &app.keys.load(), app.config.issuer(), now);
    let Some(read) = read.ok().filter(|read| app.resources.find(&read.audience).is_some()) else {
        return Ok(unauthorized(invalid));
    };
    if is_bound != read.key.is_some() {
        return Ok(unauthorized(invalid)); // RFC 9449 section 7.2
    }
    if is_bound {
        let shown = proof::shown(app, headers, method, at, Some(token)).await?;
        if shown.is_none() || shown != read.key {
            return Err(Refusal::OtherKey.into());
        }
    }
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

/// RFC 6750 section 3.
fn refuse(status: StatusCode, challenge: &str) -> Response {
    (status, NEVER_KEPT, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
}
