//! For machines: JSON, no cookies, CORS where browsers' programs call.

pub mod device;
mod grants;
pub mod introspect;
pub mod jwks;
pub mod metadata;
pub mod register;
pub mod registration;
pub mod revoke;
pub mod token;
pub mod userinfo;

use axum::Router;

use super::cors;
use crate::app::App;

/// The endpoints.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(metadata::routes())
        .merge(jwks::routes())
        .merge(register::routes())
        .merge(registration::routes())
        .merge(token::routes())
        .merge(device::routes())
        .merge(revoke::routes())
        .merge(userinfo::routes())
        .layer(axum::middleware::from_fn(cors::open))
        // After the layer: no program in a browser has the secret that introspection asks for.
        .merge(introspect::routes())
}
