//! `/openapi.json`: what programs can ask, of all tables together.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header;

use super::serve::table;
use crate::app::App;
use crate::limits;
use crate::web::openapi;
use crate::web::route::Route;

/// The row.
pub static ROUTES: &[Route] =
    &[Route::open("/openapi.json", &["GET"], "This server as an OpenAPI document", || get(show))];

async fn show(State(app): State<App>) -> Response {
    let fresh = format!("public, max-age={}", limits::METADATA_FRESH_SECONDS);
    ([(header::CACHE_CONTROL, fresh)], Json(openapi::document(&app.config, table()))).into_response()
}
