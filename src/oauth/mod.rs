//! The protocol, pure: no async, no SQL, no HTTP, no clock, no randomness.

pub mod claims;
pub mod client;
pub mod key;
pub mod scope;
