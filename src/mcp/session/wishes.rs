//! What a session asks to be told: log lines from a level on, resources that change.

use std::sync::Arc;

use axum::http::request::Parts;
#[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
use rmcp::model::LoggingLevel;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

use super::{Session, Sessions};
use crate::limits;
use crate::store;

/// The session of a request, where it has one.
pub fn of(context: &RequestContext<RoleServer>) -> Option<&Arc<Session>> {
    context.extensions.get::<Parts>()?.extensions.get()
}

fn sessions(context: &RequestContext<RoleServer>) -> Option<&Arc<Sessions>> {
    context.extensions.get::<Parts>()?.extensions.get()
}

/// The level that the session of a request asked for.
#[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
pub fn level(context: &RequestContext<RoleServer>) -> Option<LoggingLevel> {
    let level = of(context)?.log_level.as_deref()?;
    serde_json::from_value(level.into()).ok()
}

/// Remembers what `logging/setLevel` asks for. Without a session there is nobody to remember, and nothing is lost:
/// log lines come with the request that they are about.
///
/// # Errors
/// `-32603` where the store does not answer.
#[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
pub async fn set_level(context: &RequestContext<RoleServer>, level: LoggingLevel) -> Result<(), ErrorData> {
    let (Some(session), Some(sessions)) = (of(context), sessions(context)) else { return Ok(()) };
    let level = serde_json::to_value(level).unwrap_or_default();
    sessions.set_level(session, level.as_str().unwrap_or("info")).await.map_err(|e| lost(&e))
}

/// Follows `uri` from now on, or no longer does.
///
/// # Errors
/// `-32600` without a session, `-32602` where it follows too many, `-32603` where the store does not answer.
pub async fn follow(context: &RequestContext<RoleServer>, uri: &str, follows: bool) -> Result<(), ErrorData> {
    let (Some(session), Some(sessions)) = (of(context), sessions(context)) else {
        return Err(ErrorData::invalid_request(
            "a subscription needs a session: begin with initialize",
            None,
        ));
    };
    if sessions.follow(session, uri, follows).await.map_err(|e| lost(&e))? {
        return Ok(());
    }
    let (many, bytes) = (limits::MCP_SUBSCRIPTIONS_MAX, limits::MCP_URI_BYTES_MAX);
    Err(ErrorData::invalid_params(
        format!("a session follows at most {many} resources, by URIs of at most {bytes} bytes"),
        None,
    ))
}

fn lost(error: &store::Error) -> ErrorData {
    tracing::error!(%error, "what an MCP session asks for could not be kept");
    ErrorData::internal_error("the session could not be written; try again in a moment", None)
}
