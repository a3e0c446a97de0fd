//! The catalog: what the platform consists of, and the index that answers questions about it.
//!
//! Owns: descriptor rules (Backstage's, in Backstage's words), relations, the index, the languages of
//! questions (filter, predicate, full text), and the actions on them. Does not own: where rows are kept
//! (`store`), who may read an entity (`access`), or how MCP shows an answer (`mcp`).
//!
//! A descriptor's way: [`load`] finds files → [`yaml`] cuts documents → [`descriptor`] checks one entity →
//! [`placeholder`] brings in its texts → [`relation`] links all of them → [`index`] answers.

pub mod column;
pub mod cursor;
pub mod descriptor;
pub mod files;
pub mod filter;
pub mod flatten;
pub mod format;
pub mod index;
pub mod load;
pub mod placeholder;
pub mod predicate;
pub mod project;
pub mod query;
pub mod relation;
pub mod schema;
pub mod set;
pub mod text;
pub mod yaml;

/// At most 120 characters of something found where something else was expected: a fault is a sentence,
/// never a dump.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
