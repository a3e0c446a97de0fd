//! For machines: JSON, no cookies, CORS where browsers' programs call.

use axum::Router;

use crate::app::App;

/// The endpoints.
pub fn routes() -> Router<App> {
    Router::new()
}
