//! It resists: one test per attack, named after it.

mod described;
mod mcp;
mod registration;
