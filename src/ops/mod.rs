//! Keeping it alive: serve, telemetry, health, sweep.

pub mod serve;
