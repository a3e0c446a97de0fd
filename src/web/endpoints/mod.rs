//! For machines: JSON, no cookies, CORS where browsers' programs call.

pub mod jwks;
pub mod metadata;
pub mod register;

use axum::Router;

use super::cors;
use crate::app::App;

/// The endpoints.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(metadata::routes())
        .merge(jwks::routes())
        .merge(register::routes())
        .layer(axum::middleware::from_fn(cors::open))
}
