//! Postern: the front door to a platform's MCP tools.

pub mod access;
pub mod actions;
pub mod clock;
pub mod config;
pub mod limits;
pub mod mcp;
pub mod oauth;
pub mod secret;
pub mod store;
