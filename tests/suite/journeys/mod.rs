//! It works.

pub mod catalog;
pub mod store;
