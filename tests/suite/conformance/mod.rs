//! It obeys: one file per document, one test per MUST.

mod client_assertion_7523;
mod client_management_7592;
mod client_registration;
mod described_clients;
mod device_8628;
mod id_jag;
mod introspection_7662;
mod jwt_9068;
mod mcp_authorization;
mod mcp_batches;
mod mcp_client;
mod mcp_resources;
mod mcp_sessions;
mod mcp_speaking;
mod mcp_sse;
mod mcp_subscriptions;
mod mcp_tasks;
mod mcp_tools;
mod mcp_transport;
mod named_servers;
pub mod oauth21_token;
mod par_9126;
mod pkce_7636;
mod revocation_7009;
mod routes;
mod server_metadata;
mod token_exchange_8693;
