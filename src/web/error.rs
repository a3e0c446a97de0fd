//! How the token side says no: JSON by RFC 6749 section 5.2, with an id that the log has too.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::oauth::dpop;
use crate::oauth::error::{Code, Refusal, printable};
use crate::{limits, secret, store};

/// Neither may be kept by anyone on the way (RFC 6749 section 5.1).
pub const NEVER_KEPT: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::PRAGMA, HeaderValue::from_static("no-cache")),
];

/// Why a request of the token side does not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The client's doing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The client's doing, too often: the seconds to wait.
    #[error("too many requests; try again in {0} seconds")]
    TooMany(i64),
    /// The store's.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The signing key's.
    #[error("a token could not be signed: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

impl Failure {
    /// The answer. A fault is logged here, once, and says only its id; a refusal says what a client's author needs.
    pub fn answer(&self, app: &App, headers: &HeaderMap) -> Response {
        if let Self::TooMany(seconds) = self {
            return super::rates::too_many(*seconds);
        }
        let request_id = secret::id(app.clock.now());
        let Self::Refused(refusal) = self else {
            tracing::error!(error = %self, %request_id, "the token side failed");
            let body = json!({"error": "temporarily_unavailable", "request_id": request_id,
                "error_description": "the server cannot answer at the moment; try again"});
            let retry = [(header::RETRY_AFTER, limits::UNAVAILABLE_RETRY_SECONDS.to_string())];
            return (StatusCode::SERVICE_UNAVAILABLE, NEVER_KEPT, retry, Json(body)).into_response();
        };
        tracing::info!(%refusal, %request_id, "refused");
        let body = json!({"error": refusal.code().as_str(), "error_description": printable(&refusal.to_string()),
            "request_id": request_id});
        let mut response = (StatusCode::BAD_REQUEST, NEVER_KEPT, Json(body)).into_response();
        if refusal.code() == Code::UseDpopNonce
            && let Ok(nonce) = HeaderValue::try_from(dpop::nonce(&app.vault, app.clock.now()))
        {
            response.headers_mut().insert("dpop-nonce", nonce);
        }
        if refusal.code() == Code::InvalidClient {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            if headers.contains_key(header::AUTHORIZATION) {
                let challenge = HeaderValue::from_static("Basic realm=\"postern\", charset=\"UTF-8\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}
