//! Postern: the front door to a platform's MCP tools.

pub mod actions;
pub mod catalog;
pub mod clock;
pub mod limits;
pub mod oauth;
pub mod secret;
