//! For machines: JSON, no cookies, CORS where browsers' programs call.

mod exchange;
pub mod introspect;
pub mod jwks;
pub mod metadata;
pub mod register;
pub mod revoke;
pub mod token;
pub mod userinfo;

use axum::Router;

use super::cors;
use crate::app::App;

/// The path that Backstage has for an endpoint: a client that was set up for it by hand goes on working. Metadata names
/// our own paths only, and the issuer is the same at both.
pub fn backstage(name: &str) -> String {
    format!("/api/auth/v1/{name}")
}

/// The endpoints.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(metadata::routes())
        .merge(jwks::routes())
        .merge(register::routes())
        .merge(token::routes())
        .merge(revoke::routes())
        .merge(userinfo::routes())
        .layer(axum::middleware::from_fn(cors::open))
        // After the layer: no program in a browser has the secret that introspection asks for.
        .merge(introspect::routes())
}
