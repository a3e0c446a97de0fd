//! It works.

pub mod catalog;
mod mcp_revoke;
mod sign_in;
pub mod store;
