//! It works.

mod administrator;
pub mod catalog;
mod client_commands;
pub mod clients;
mod mcp_call;
mod mcp_revoke;
mod pages;
mod replays;
mod sign_in;
pub mod store;
