//! Postern: the front door to a platform's MCP tools.

pub mod access;
pub mod actions;
pub mod app;
pub mod audit;
pub mod clock;
pub mod config;
pub mod limits;
pub mod oauth;
pub mod ops;
pub mod secret;
pub mod store;
pub mod web;
