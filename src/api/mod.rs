//! The catalog for programs that do not speak MCP: Backstage's REST API for reads, under its paths.
//!
//! Owns: the shapes of requests and answers, by Backstage's OpenAPI document. Does not own: who a token speaks for
//! (`mcp::gate`, the same door as an MCP endpoint's), who may read (`access`), or what the answer is (`catalog`).
//!
//! A token is one for `/mcp`, or a personal access token; each URL asks what the action that answers the same asks.

pub mod asked;
pub mod catalog;
pub mod door;

use std::sync::Arc;

use axum::{Extension, Router};

use crate::app::App;
use crate::mcp::{CannotServe, McpState};
use crate::web::route::{self, Route};
use door::Door;

/// The MCP endpoint whose tokens open all of this.
const MCP: &str = "/mcp";

/// Every URL.
pub static ROUTES: &[Route] = &[
    Route::open("/api/catalog/entities", &["GET"], "Entities (Backstage's REST API)", catalog::entities),
    Route::open(
        "/api/catalog/entities/by-query",
        &["GET", "POST"],
        "A page of entities that a query finds",
        catalog::by_query,
    ),
    Route::open(
        "/api/catalog/entities/by-refs",
        &["POST"],
        "Entities by their references, null where one is not there",
        catalog::by_refs,
    ),
    Route::open(
        "/api/catalog/entities/by-name/{kind}/{namespace}/{name}",
        &["GET"],
        "One entity",
        catalog::by_name,
    ),
    Route::open(
        "/api/catalog/entities/by-name/{kind}/{namespace}/{name}/ancestry",
        &["GET"],
        "The Locations that lead to an entity",
        catalog::ancestry,
    ),
    Route::open(
        "/api/catalog/entity-facets",
        &["GET", "POST"],
        "How many entities say what under a key",
        catalog::facets,
    ),
];

/// The router of these rows, behind the door of the main MCP endpoint.
///
/// # Errors
/// [`CannotServe`] where its challenge cannot stand in a header.
pub fn routes(app: &App, state: &McpState) -> Result<Router, CannotServe> {
    let Some(whole) = state.servers.first() else { return Ok(Router::new()) };
    let door = Arc::new(Door { gate: state.gate(whole, MCP)?, patience: state.patience, app: app.clone() });
    Ok(route::router(ROUTES, app).layer(Extension(door)).with_state(app.clone()))
}
