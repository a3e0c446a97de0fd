//! `POST /device_authorization` (RFC 8628 section 3.1): a device without a browser asks, and is told what to show.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::token::{introduced, presented};
use crate::app::App;
use crate::identity::user::is_invisible;
use crate::limits;
use crate::oauth::device::{self, Device, UserCode};
use crate::oauth::error::Refusal;
use crate::oauth::request::RawRequest;
use crate::secret::{self, DeviceCode, Secret};
use crate::store;
use crate::web::error::{Failure, NEVER_KEPT};
use crate::web::form::Form;
use crate::web::peer::Peer;
use crate::web::rates::{Door, by_client};

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    post(ask).layer(DefaultBodyLimit::max(limits::TOKEN_FORM_BYTES_MAX))
}

async fn ask(
    State(app): State<App>,
    Peer(address): Peer,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let address = if address.is_loopback() { "this computer".to_owned() } else { address.to_string() };
    match answer(&app, &headers, body, address).await {
        Ok(told) => (NEVER_KEPT, Json(told)).into_response(),
        Err(failure) => failure.answer(&app, &headers),
    }
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    address: String,
) -> Result<Value, Failure> {
    let now = app.clock.now();
    let text = body.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let form = Form::read(headers, body)?;
    let client = introduced(app, &presented(headers, &form)?).await?;
    by_client(app, Door::DeviceAuthorization, &client)?;
    let raw = RawRequest::parse(&text).map_err(|_| Refusal::Malformed("the body is too large"))?;
    let expires_at = now.plus_seconds(limits::DEVICE_SECONDS);
    let code = Secret::<DeviceCode>::mint();
    loop {
        let letters = secret::letters(device::USER_CODE_LETTERS, limits::USER_CODE_CHARS);
        let user_code = UserCode::parse(&letters).ok_or(Refusal::Unknown)?;
        let device = Device {
            digest: code.digest().as_str().to_owned(),
            user_code: user_code.to_string(),
            address: address.clone(),
            user_agent: agent(headers),
            asked_at: now.seconds(),
        };
        let request = device::ask(&raw, &client, app.offer(), device)?;
        // Another device has this code just now in one case of a million.
        if !store::devices::add(&app.store, &code.digest(), &user_code.digest(), &request, expires_at, now)
            .await?
        {
            continue;
        }
        let page = app.config.public_url.at("/device");
        return Ok(json!({
            "device_code": code.reveal(),
            "user_code": user_code.to_string(),
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "verification_uri": page,
            "expires_in": limits::DEVICE_SECONDS,
            "interval": limits::DEVICE_INTERVAL_SECONDS,
        }));
    }
}

/// What the device calls itself, as far as a page may show it.
fn agent(headers: &HeaderMap) -> String {
    let said = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let shown = said.chars().filter(|c| !c.is_control() && !is_invisible(*c));
    shown.take(limits::DEVICE_AGENT_CHARS_MAX).collect()
}
