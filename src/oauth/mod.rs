//! The protocol, pure: no async, no SQL, no HTTP, no clock, no randomness.

pub mod claims;
pub mod client;
pub mod client_auth;
pub mod code;
pub mod described;
pub mod device;
pub mod dpop;
pub mod error;
pub mod grant;
pub mod id_token;
pub mod introspection;
pub mod key;
pub mod members;
pub mod metadata;
pub mod pkce;
pub mod refresh;
pub mod registration;
pub mod request;
pub mod resource;
pub mod rotation;
pub mod scope;
pub mod step;
pub mod trust;
