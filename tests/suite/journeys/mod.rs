//! It works.

pub mod catalog;
mod mcp_revoke;
pub mod store;
