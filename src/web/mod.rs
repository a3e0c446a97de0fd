//! Every URL on one screen, in two trees: endpoints for machines, pages for people.

mod assets;
pub mod client_auth;
pub mod clients;
pub mod cors;
pub mod described;
pub mod endpoints;
pub mod error;
mod fields;
pub mod form;
pub mod graph;
pub mod happened;
pub mod issuers;
pub mod key_sets;
pub mod logos;
pub mod openapi;
pub mod opens;
pub mod page;
pub mod pages;
pub mod peer;
pub mod proof;
pub mod pushed;
pub mod rates;
pub mod recipes;
pub mod route;
pub mod seen;
pub mod session;
pub mod stops;
pub mod stranger;
pub mod way_back;

use std::time::Duration;

use axum::Router;
use http::StatusCode;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::limits;

/// Both trees.
pub fn routes(app: App) -> Router {
    // Whoever sends a body byte by byte is not waited for (attack J01).
    let patience = TimeoutLayer::with_status_code(
        StatusCode::REQUEST_TIMEOUT,
        Duration::from_secs(limits::REQUEST_TIME_SECONDS),
    );
    route::router(endpoints::ROUTES, &app).merge(pages::routes(&app)).layer(patience).with_state(app)
}
