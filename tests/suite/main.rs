//! The suite: journeys that work, documents that are obeyed, attacks that are resisted, on both engines.

#[macro_use]
mod support;

mod attacks;
mod conformance;
mod journeys;
