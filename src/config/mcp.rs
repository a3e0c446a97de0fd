//! What an operator decides about the MCP endpoints.

use super::{ConfigError, Raw};

/// Whether MCP clients from before 2026-07-28 get sessions. Newer ones have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McpSessions {
    /// `initialize` begins one; a client that never sends its id is served request by request. Those clients are real
    /// (gateways, scripts), and no session decides what anyone may do.
    Offered,
    /// The same, and a request without its session is refused with 400.
    Required,
    /// None: no event stream, no questions to the client.
    Off,
}

/// Reads `mcp.sessions`.
pub(super) fn sessions(raw: &Raw) -> Result<McpSessions, ConfigError> {
    match raw.text("mcp.sessions").as_str() {
        "offered" => Ok(McpSessions::Offered),
        "required" => Ok(McpSessions::Required),
        "off" => Ok(McpSessions::Off),
        other => Err(ConfigError(format!("mcp.sessions = \"{other}\": one of offered, required, off"))),
    }
}
