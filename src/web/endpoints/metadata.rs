//! What the server says of itself: the well-known documents and its public keys. Any program may read them, whatever
//! headers it sends; none of them ever redirects.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::app::App;
use crate::limits;
use crate::oauth::metadata;

/// The documents, and a plain 404 at every other form of their paths: clients probe several, and a page or a redirect
/// there would be taken for an answer.
pub fn routes() -> Router<App> {
    let mut router = Router::new()
        .route("/.well-known/oauth-protected-resource/{*path}", get(protected_resource))
        .route("/.well-known/oauth-protected-resource", get(no_root_resource))
        .route("/.well-known/oauth-protected-resource/", get(no_root_resource));
    for place in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        router = router
            .route(place, get(authorization_server))
            .route(&format!("{place}/"), get(no_such_form))
            .route(&format!("{place}/{{*form}}"), get(no_such_form));
    }
    router
}

async fn authorization_server(State(app): State<App>) -> Response {
    published(&metadata::authorization_server(&app.config, &app.scopes, &app.resources))
}

/// The part behind the well-known prefix is the resource's own path (RFC 9728 section 3.1), to the letter.
async fn protected_resource(State(app): State<App>, Path(path): Path<String>) -> Response {
    match app.resources.at(&format!("/{path}")) {
        Some(resource) => published(&metadata::protected_resource(&app.config, resource)),
        None => missing(&format!(
            "no protected resource is at /{path}; there is {}",
            app.resources.identifiers().join(", ")
        )),
    }
}

/// At the root form `resource` would have to be the origin (RFC 9728 section 3.3), and that is not a resource here.
async fn no_root_resource(State(app): State<App>) -> Response {
    let place = app.config.public_url.at("/.well-known/oauth-protected-resource/mcp");
    missing(&format!("the protected resource is {}; its metadata is at {place}", app.config.resource()))
}

async fn no_such_form(State(app): State<App>) -> Response {
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
