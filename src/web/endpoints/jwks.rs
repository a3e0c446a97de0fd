//! `GET /jwks.json`: the public keys (RFC 7517 section 5).

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde_json::json;

use crate::app::App;

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    get(keys)
}

async fn keys(State(app): State<App>) -> Response {
    let keys = app.keys.load();
    super::metadata::published(&json!({"keys": keys.public().collect::<Vec<_>>()}))
}
