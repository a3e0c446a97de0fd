//! The protocol, pure: no async, no SQL, no HTTP, no clock, no randomness.

pub mod claims;
pub mod client;
pub mod described;
pub mod key;
pub mod members;
pub mod metadata;
pub mod registration;
pub mod request;
pub mod scope;
pub mod step;
