//! What is asked of a catalog beyond finding entities: who is behind one, what it offers, how it got here.
//!
//! Each is a function of the index, so that an action, a page and a URL give the same answer.

pub mod ancestry;
pub mod docs;
pub mod facets;
pub mod model;
pub mod operations;
pub mod owners;
pub mod summary;
pub mod validate;

use serde_json::Value;

/// The targets of an entity's relations of one type, in order.
pub fn related<'e>(entity: &'e Value, kind: &'e str) -> impl Iterator<Item = &'e str> {
    let all = entity["relations"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(move |it| it["type"] == kind).filter_map(|it| it["targetRef"].as_str())
}

/// What a person would call an entity.
pub fn title(entity: &Value) -> &str {
    let name = entity["metadata"]["name"].as_str().unwrap_or_default();
    let title = entity["metadata"]["title"].as_str();
    title.or_else(|| entity["spec"]["profile"]["displayName"].as_str()).unwrap_or(name)
}
