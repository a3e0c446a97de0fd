//! It obeys: one file per document, one test per MUST.

mod client_registration;
mod described_clients;
mod mcp_authorization;
mod mcp_client;
mod mcp_tools;
mod mcp_transport;
mod server_metadata;
