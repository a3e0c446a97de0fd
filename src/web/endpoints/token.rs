//! `POST /token` (RFC 6749 section 3.2): a code, a refresh token or a client's own secret becomes an access token.

use std::sync::{Arc, Mutex, PoisonError};

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
use crate::clock::Time;
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
    at: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, Failure> {
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
        let why = refusal.to_string();
        let Some(unwritten) = app.refused.count(client_id, grant_type, &why, app.clock.now()) else { return };
        let detail = json!({"grant_type": grant_type, "why": why, "more_since_the_last": unwritten});
        let (event, outcome) = ("token.refused", refusal.code().as_str());
        let client_id = Some(client_id.to_owned());
        app.audit.note(Fact { event, client_id, outcome, detail, ..Fact::default() }).await;
    }
}

/// What was refused of late and is on record: the rows that anybody can cause who knows a client's id, and makes up tokens,
/// are one a minute for each reason.
#[derive(Clone, Debug)]
pub struct Refused(moka::sync::Cache<(String, String, String), Arc<Mutex<Written>>>);

/// When the last row was written, and how many came since.
type Written = (Time, u64);

impl Default for Refused {
    fn default() -> Self {
        Self(moka::sync::Cache::new(limits::REFUSALS_REMEMBERED_MAX))
    }
}

impl Refused {
    /// Counts one; where it is to be written, gives how many came since the last that was.
    pub fn count(&self, client_id: &str, grant_type: &str, why: &str, now: Time) -> Option<u64> {
        let key = (client_id.to_owned(), grant_type.to_owned(), why.to_owned());
        let entry = self.0.entry(key).or_insert_with(|| Arc::new(Mutex::new((now, 0))));
        if entry.is_fresh() {
            return Some(0);
        }
        let mut last = entry.value().lock().unwrap_or_else(PoisonError::into_inner);
        if now < last.0.plus_seconds(limits::REFUSALS_NOTED_SECONDS) {
            last.1 += 1;
            return None;
        }
        Some(std::mem::replace(&mut *last, (now, 0)).1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a12_a_flood_of_refusals_is_a_row_a_minute_that_says_how_many() {
        let (refused, at) = (Refused::default(), Time::from_seconds);
        assert_eq!(refused.count("app", "refresh_token", "used", at(0)), Some(0));
        for second in 1..limits::REFUSALS_NOTED_SECONDS {
            assert_eq!(refused.count("app", "refresh_token", "used", at(second)), None);
        }
        assert_eq!(refused.count("app", "refresh_token", "expired", at(5)), Some(0), "another reason");
        assert_eq!(refused.count("other", "refresh_token", "used", at(5)), Some(0), "another client");
        assert_eq!(refused.count("app", "refresh_token", "used", at(60)), Some(59));
        assert_eq!(refused.count("app", "refresh_token", "used", at(61)), None);
        assert_eq!(refused.count("app", "refresh_token", "used", at(121)), Some(1));
    }
}
