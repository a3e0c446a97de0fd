//! It obeys: one file per document, one test per MUST.

mod mcp_authorization;
mod mcp_client;
mod mcp_tools;
mod mcp_transport;
