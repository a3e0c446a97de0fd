//! `POST /register`: a client registers itself (RFC 7591).

use std::sync::Mutex;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::config::SelfRegistered;
use crate::oauth::members::Fault;
use crate::oauth::registration::{self, Credentials, Registration};
use crate::secret::{ClientSecret, InitialAccess, Registration as Management, Secret};
use crate::{limits, secret, store};

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    post(register).layer(DefaultBodyLimit::max(limits::REGISTRATION_BYTES_MAX))
}

/// How many registered within this hour, on this node. An end for a flood and not a cap on rows: nobody can lock
/// others out for longer than the hour (attack A12).
#[derive(Debug, Default)]
pub struct Hour(Mutex<(i64, u32)>);

impl Hour {
    /// Counts one more, and says whether it still fits in.
    pub fn admits(&self, now: Time) -> bool {
        let hour = now.seconds().div_euclid(3_600);
        let mut counted = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if counted.0 != hour {
            *counted = (hour, 0);
        }
        counted.1 += 1;
        counted.1 <= limits::REGISTRATIONS_PER_HOUR_MAX
    }
}

async fn register(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let initial = initial_access(&app, &headers)?;
    let registration = Registration::read(&json_body(&headers, body)?, &app.scopes)?;
    // Whoever has a token was counted when it was made.
    if initial.is_none() && !app.registrations.admits(app.clock.now()) {
        let why = "too many clients registered within this hour; try again later";
        return Err(refuse(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", why));
    }
    record(&app, registration, initial.as_ref()).await
}

/// Whether this request may register anything, and with which initial access token, which is not yet looked up
/// (RFC 7591 section 3). One that is presented must be good even where none is needed.
fn initial_access(app: &App, headers: &HeaderMap) -> Result<Option<Secret<InitialAccess>>, Refused> {
    let open = match app.config.clients.self_registered {
        SelfRegistered::Open => true,
        SelfRegistered::Token => false,
        SelfRegistered::Off => {
            let why = "clients cannot register themselves here; ask an administrator for a client_id";
            return Err(refuse(StatusCode::FORBIDDEN, "access_denied", why));
        }
    };
    if open && !headers.contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let token = bearer(headers).and_then(Secret::<InitialAccess>::presented);
    let why = "registering needs an initial access token; ask an administrator for one";
    token.map(Some).ok_or_else(|| unauthorized(why))
}

/// Apply and answer. Every registration is a client of its own, however alike two are: RFC 7591 section 3.2.1 wants a
/// client_id that no other has, and one that two installations shared could be changed or removed by either. What is not
/// used goes with the sweep instead.
async fn record(
    app: &App,
    registration: Registration,
    initial: Option<&Secret<InitialAccess>>,
) -> Result<Response, Refused> {
    let now = app.clock.now();
    let minted = registration.wants_secret().then(Secret::<ClientSecret>::mint);
    let management = Secret::<Management>::mint();
    let client = registration.into_client(secret::id(now), minted.as_ref().map(Secret::digest));
    let (digest, spent) = (management.digest(), initial.map(Secret::digest));
    let recorded = store::registrations::add(&app.store, &client, &digest, spent.as_ref(), now).await;
    if !recorded.map_err(|error| unavailable(&error))? {
        return Err(unauthorized("this initial access token is unknown, used up or expired"));
    }
    let detail = json!({"name": client.name, "redirect_uris": client.metadata.redirect_uris});
    let (event, client_id) = ("client.registered", Some(client.id.clone()));
    app.audit.note(Fact { event, client_id, outcome: "ok", detail, ..Fact::default() }).await;
    let place = place(app, &client.id);
    let credentials = Credentials {
        secret: minted.as_ref().map(Secret::reveal),
        registration: Some((management.reveal(), &place)),
    };
    let answer = registration::response((&client.id, &client.name, &client.metadata), credentials, now);
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Where a client manages its registration (RFC 7592 section 3).
pub(super) fn place(app: &App, client_id: &str) -> String {
    app.config.public_url.at(&format!("/register/{client_id}"))
}

/// The bearer token of a request, if it has one (RFC 6750 section 2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A refusal of either endpoint of registrations (RFC 7591 section 3.2.2, RFC 7592 section 2).
pub(super) struct Refused {
    status: StatusCode,
    error: &'static str,
    why: String,
}

pub(super) fn refuse(status: StatusCode, error: &'static str, why: &str) -> Refused {
    Refused { status, error, why: why.to_owned() }
}

/// No token, or not a good one (RFC 6750 section 3).
pub(super) fn unauthorized(why: &str) -> Refused {
    refuse(StatusCode::UNAUTHORIZED, "invalid_token", why)
}

/// Our own fault, logged here once.
pub(super) fn unavailable(error: &store::Error) -> Refused {
    tracing::error!(%error, "a registration could not be read or written");
    let why = "the server cannot reach its registrations at the moment; try again";
    refuse(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", why)
}

impl From<Fault> for Refused {
    fn from(Fault { code, why }: Fault) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: code.as_str(), why }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.error, "error_description": self.why}));
        let mut response = (self.status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
        let also = match self.status {
            StatusCode::UNAUTHORIZED => {
                Some((header::WWW_AUTHENTICATE, "Bearer realm=\"postern\", error=\"invalid_token\""))
            }
            StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "3600")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "2")),
            _ => None,
        };
        if let Some((name, value)) = also {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The body of a registration: JSON, and not more of it than fits. A form or text/plain needs no preflight: any web page
/// could make a browser send one.
pub(super) fn json_body(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refused> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let why = "the body must be application/json";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_client_metadata", why));
    }
    body.map_err(|_| {
        let why = format!("the body is larger than {} bytes", limits::REGISTRATION_BYTES_MAX);
        refuse(StatusCode::PAYLOAD_TOO_LARGE, "invalid_client_metadata", &why)
    })
}
