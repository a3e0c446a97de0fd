//! It works.

mod admin_pages;
mod administrator;
mod apps;
mod ask;
pub mod catalog;
mod catalog_pages;
mod catalog_refresh;
mod catalog_rest;
mod client_commands;
pub mod clients;
mod consent_choice;
mod doctor;
mod mcp_call;
mod mcp_revoke;
mod mcp_sessions;
mod mcp_tasks;
mod own_account;
mod pages;
pub mod personal_tokens;
mod replays;
mod scaffolder;
mod sign_in;
mod sse;
pub mod store;
mod suspend;
mod trust_commands;
