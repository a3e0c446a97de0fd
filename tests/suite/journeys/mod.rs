//! It works.

pub mod catalog;
pub mod clients;
mod mcp_call;
mod mcp_revoke;
pub mod store;
