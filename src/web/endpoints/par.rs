//! `POST /par` (RFC 9126): a client sends its authorization request ahead, proves who it is, and gets a name for it that
//! works once. Nobody on the way through the browser can read or change what it asks for.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::token::{introduced, presented};
use crate::app::App;
use crate::limits;
use crate::oauth::error::Refusal;
use crate::oauth::request::{AuthorizationRequest, PUSHED, RawRequest, Show, Stop};
use crate::secret::{Pushed, Secret};
use crate::store;
use crate::web::clients;
use crate::web::error::{Failure, NEVER_KEPT};
use crate::web::form::Form;
use crate::web::pages::authorize::expected;
use crate::web::proof;
use crate::web::rates::{Door, by_client};

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    post(push).layer(DefaultBodyLimit::max(limits::TOKEN_FORM_BYTES_MAX))
}

async fn push(State(app): State<App>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    // Section 2.3 names the status for this one.
    let too_large = body.as_ref().is_err_and(|e| e.status() == StatusCode::PAYLOAD_TOO_LARGE);
    match answer(&app, &headers, body).await {
        Ok(told) => (StatusCode::CREATED, NEVER_KEPT, Json(told)).into_response(),
        Err(failure) => {
            let mut response = failure.answer(&app, &headers);
            if too_large {
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            }
            response
        }
    }
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Value, Failure> {
    let now = app.clock.now();
    let text = body.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let form = Form::read(headers, body)?;
    let client = introduced(app, &presented(headers, &form)?).await?;
    by_client(app, Door::Par, &client)?;
    if form.get("request_uri").is_some() {
        return Err(Refusal::Malformed("request_uri must not be pushed").into()); // section 2.1
    }
    let key = proof::shown(app, headers, &Method::POST, "/par", None).await?;
    let raw = RawRequest::parse(&text).map_err(|_| Refusal::Malformed("the body is too large"))?;
    let offered = clients::offered(app, clients::judge(app, &client).await?.standing);
    let checked = raw.check(&client, offered.offer());
    let request = checked.and_then(|r| expected(app, &raw, &client, r)).map_err(|stop| match stop {
        Stop::Show(Show::UnknownRedirect) => {
            Refusal::Malformed("redirect_uri is not one that this client registered")
        }
        Stop::Show(_) => Refusal::Malformed("client_id and redirect_uri must be there, once"),
        Stop::Bounce(bounce) => Refusal::Request(bounce.error, bounce.description),
    })?;
    let request = bound(request, key)?;
    let name = Secret::<Pushed>::mint();
    let expires_at = now.plus_seconds(limits::PUSHED_SECONDS);
    store::pushed::add(&app.store, &name.digest(), &request, expires_at).await?;
    let request_uri = format!("{PUSHED}{}", name.reveal());
    Ok(json!({"request_uri": request_uri, "expires_in": limits::PUSHED_SECONDS}))
}

/// With the key that the request proves: the code will be bound to it, as if `dpop_jkt` had said so (RFC 9449 section 10.1).
fn bound(request: AuthorizationRequest, key: Option<String>) -> Result<AuthorizationRequest, Refusal> {
    match (&request.dpop_jkt, key) {
        (_, None) => Ok(request),
        (Some(said), Some(key)) if *said != key => {
            Err(Refusal::Malformed("dpop_jkt is not the key of the DPoP proof"))
        }
        (_, key) => Ok(AuthorizationRequest { dpop_jkt: key, ..request }),
    }
}
