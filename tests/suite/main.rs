//! The suite: journeys that work, documents that are obeyed, attacks that are resisted, on both engines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should stop loudly"
)]

#[macro_use]
mod support;

mod attacks;
mod conformance;
mod journeys;
