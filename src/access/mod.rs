//! Who may use what. Pure: no async, no SQL, no HTTP, no clock, no randomness.
//!
//! Owns: the one rule that list, call and consent page share, the sentences that scopes are shown as, and which part
//! of the registry each MCP server shows.

pub mod approval;
pub mod choice;
pub mod decision;
pub mod personal;
pub mod policy;
pub mod roles;
pub mod scopes;
pub mod servers;

pub use decision::{Decision, decide};
