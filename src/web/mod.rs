//! Every URL on one screen, in two trees: endpoints for machines, pages for people.

pub mod client_auth;
pub mod clients;
pub mod cors;
pub mod described;
pub mod endpoints;
pub mod error;
pub mod form;
pub mod issuers;
pub mod key_sets;
pub mod page;
pub mod pages;
pub mod peer;
pub mod proof;
pub mod pushed;
pub mod rates;
pub mod recipes;
pub mod route;
pub mod session;

use axum::Router;

use crate::app::App;

/// Both trees.
pub fn routes(app: App) -> Router {
    route::router(endpoints::ROUTES, &app).merge(pages::routes(&app)).with_state(app)
}
