//! It resists: one test per attack, named after it.

mod mcp;
