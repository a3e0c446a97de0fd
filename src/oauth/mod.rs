//! The protocol, pure: no async, no SQL, no HTTP, no clock, no randomness.

pub mod scope;
