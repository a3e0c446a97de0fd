//! Keeping it alive: serving, telemetry, health, sweeping.
//!
//! Owns: the process. Does not own: anything that a request means.

pub mod banner;
pub mod health;
pub mod listen;
pub mod news;
pub mod openapi;
pub mod refresh;
pub mod serve;
pub mod sweep;
pub mod telemetry;
