//! `POST /register`: a client registers itself (RFC 7591).

use std::sync::Mutex;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::oauth::members::Fault;
use crate::oauth::registration::{self, Registration};
use crate::secret::{ClientSecret, Secret};
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
) -> Response {
    let now = app.clock.now();
    if !app.config.clients.self_registered {
        let why = "clients cannot register themselves here; ask an administrator for a client_id";
        return refuse(StatusCode::FORBIDDEN, "access_denied", why);
    }
    // A form or text/plain needs no preflight: any web page could make a browser send one.
    if !is_json(&headers) {
        let why = "the body must be application/json";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_client_metadata", why);
    }
    let Ok(body) = body else {
        let why = format!("the body is larger than {} bytes", limits::REGISTRATION_BYTES_MAX);
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "invalid_client_metadata", &why);
    };
    let registration = match Registration::read(&body, &app.scopes) {
        Ok(registration) => registration,
        Err(Fault { code, why }) => return refuse(StatusCode::BAD_REQUEST, code.as_str(), &why),
    };
    if !app.registrations.admits(now) {
        let why = "too many clients registered within this hour; try again later";
        let answer = refuse(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", why);
        return ([(header::RETRY_AFTER, "3600")], answer).into_response();
    }
    let minted = registration.wants_secret().then(Secret::<ClientSecret>::mint);
    let client = registration.into_client(secret::id(now), minted.as_ref().map(Secret::digest));
    if let Err(error) = store::clients::add(&app.store, &client, now).await {
        tracing::error!(%error, "a registration could not be stored");
        let why = "the server cannot register clients at the moment";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", why);
    }
    let detail = json!({"name": client.name, "redirect_uris": client.metadata.redirect_uris});
    let (event, client_id) = ("client.registered", Some(client.id.clone()));
    app.audit.note(Fact { event, client_id, outcome: "ok", detail, ..Fact::default() }).await;
    let answer = registration::response(&client, minted.as_ref().map(Secret::reveal), now);
    (StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn refuse(status: StatusCode, error: &str, why: &str) -> Response {
    let body = Json(json!({"error": error, "error_description": why}));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
