//! It works.

mod mcp_revoke;
pub mod store;
