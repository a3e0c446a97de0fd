//! It works.

pub mod store;
