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
use axum::middleware::{from_fn, from_fn_with_state};

use super::{cors, rates};
use crate::app::App;

/// The endpoints.
pub fn routes(app: &App) -> Router<App> {
    let limit = from_fn_with_state(app.clone(), rates::machines);
    Router::new()
        .merge(metadata::routes())
        .merge(jwks::routes())
        .merge(register::routes())
        .merge(token::routes())
        .merge(revoke::routes())
        .merge(userinfo::routes())
        .layer(limit.clone())
        // Around the limit: a program in a browser must be able to read that it is to wait.
        .layer(from_fn(cors::open))
        // After the layer: no program in a browser has the secret that introspection asks for.
        .merge(introspect::routes().layer(limit))
}
