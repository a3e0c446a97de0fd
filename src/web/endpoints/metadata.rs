//! What the server says of itself: the well-known documents and its public keys. Any program may read them, whatever
//! headers it sends; none of them ever redirects.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::app::App;
use crate::limits;
use crate::oauth::metadata;

/// The document of the authorization server (RFC 8414 section 3, OpenID Connect Discovery section 4).
pub async fn authorization_server(State(app): State<App>) -> Response {
    let mut document = metadata::authorization_server(&app.config, &app.scopes);
    // Of the keys there are, not of the one that is wanted next.
    document["id_token_signing_alg_values_supported"] = json!(app.keys.load().algorithms());
    published(&document)
}

/// The document of `/mcp` (RFC 9728 section 3).
pub async fn protected_resource(State(app): State<App>) -> Response {
    published(&metadata::protected_resource(&app.config, &app.baseline))
}

/// At the root form `resource` would have to be the origin (RFC 9728 section 3.3), and that is not a resource here.
pub async fn no_root_resource(State(app): State<App>) -> Response {
    let place = app.config.public_url.at("/.well-known/oauth-protected-resource/mcp");
    missing(&format!("the protected resource is {}; its metadata is at {place}", app.config.resource()))
}

/// Any other form of a well-known path.
pub async fn no_such_form(State(app): State<App>) -> Response {
    missing(&format!("nothing is published here; the issuer is {}", app.config.issuer()))
}

/// A document that may be kept for minutes.
pub(super) fn published(document: &Value) -> Response {
    let fresh = format!("public, max-age={}", limits::METADATA_FRESH_SECONDS);
    ([(header::CACHE_CONTROL, fresh)], Json(document)).into_response()
}

fn missing(why: &str) -> Response {
    let body = Json(json!({"error": "not_found", "error_description": why}));
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
