//! `POST /token` (RFC 6749 section 3.2): a code, a refresh token or a client's own secret becomes an access token.

use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, MatchedPath, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::json;

use super::grants;
use crate::app::App;
use crate::audit::Fact;
use crate::limits;
use crate::oauth::client::Client;
use crate::oauth::client_auth::Presented;
use crate::oauth::described::DocumentUrl;
use crate::oauth::error::{Code, Refusal};
use crate::web::client_auth::prove;
pub(super) use crate::web::client_auth::{authenticated, presented};
use crate::web::clients::{ClientRefusal, resolve};
use crate::web::error::{Failure, NEVER_KEPT};
use crate::web::form::Form;
use crate::web::proof;

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    let limit = DefaultBodyLimit::max(limits::TOKEN_FORM_BYTES_MAX);
    post(token).layer(limit)
}

async fn token(
    State(app): State<App>,
    at: MatchedPath,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match issue(&app, at.as_str(), &headers, body).await {
        Ok(json) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (NEVER_KEPT, kind, json).into_response()
        }
        Err(failure) => failure.answer(&app, &headers),
    }
}

/// The answer as JSON text: a repeated refresh gives the very same bytes again.
async fn issue(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, Failure> {
    at: &str,
    let form = Form::read(headers, body)?;
    // A proof names the address that was asked, which may be the alias (RFC 9449 section 4.3).
    let key = proof::shown(app, headers, &Method::POST, at, None).await?;
    let form = form.signed_with(key);
    let grant_type = form.need("grant_type")?;
    let presented = presented(headers, &form)?;
    let answer = match grant_type {
        "authorization_code" => grants::code::exchange(app, &presented, &form).await,
        "refresh_token" => grants::refresh::exchange(app, &presented, &form).await,
        "client_credentials" => grants::client_credentials::exchange(app, &presented, &form).await,
        "urn:ietf:params:oauth:grant-type:token-exchange" => {
            grants::token_exchange::exchange(app, &presented, &form).await
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            grants::jwt_bearer::exchange(app, &presented, &form).await
        }
        "urn:ietf:params:oauth:grant-type:device_code" => {
            grants::device::exchange(app, &presented, &form).await
        }
        _ => Err(Refusal::UnknownGrantType.into()),
    };
    if let Err(Failure::Refused(refusal)) = &answer {
        note_refusal(app, &presented.client_id, grant_type, *refusal).await;
    }
    answer
}

/// What an administrator should see: a client that failed to prove itself, a token that was not good. Not what anybody
/// can send without knowing anything, or the log would be theirs to fill.
async fn note_refusal(app: &App, client_id: &str, grant_type: &str, refusal: Refusal) {
    let known = !matches!(refusal, Refusal::UnknownClient | Refusal::Unknown);
    let telling = matches!(refusal.code(), Code::InvalidClient | Code::InvalidGrant)
        || matches!(refusal, Refusal::BadSubject | Refusal::BadActor);
    if known && telling {
        let detail = json!({"grant_type": grant_type, "why": refusal.to_string()});
        let (event, outcome) = ("token.refused", refusal.code().as_str());
        let client_id = Some(client_id.to_owned());
        app.audit.note(Fact { event, client_id, outcome, detail, ..Fact::default() }).await;
    }
}

/// As [`authenticated`], where a described client may come first of all: its document is fetched if it is new.
pub(super) async fn introduced(app: &App, presented: &Presented) -> Result<Client, Failure> {
    if DocumentUrl::is_claimed(&presented.client_id) {
        match resolve(app, &presented.client_id).await {
            Ok(client) => {
                prove(app, presented, Some(&client)).await?;
                return Ok(client);
            }
            Err(ClientRefusal::Unavailable) => {}
            Err(_) => return Err(Refusal::UnknownClient.into()),
        }
    }
    authenticated(app, presented).await
}
