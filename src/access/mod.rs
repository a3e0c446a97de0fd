//! Who may use what. Pure: no async, no SQL, no HTTP, no clock, no randomness.
//!
//! Owns: the one rule that list, call and consent page share, and the sentences that scopes are shown as.

pub mod decision;
pub mod policy;
pub mod scopes;

pub use decision::{Decision, decide};
