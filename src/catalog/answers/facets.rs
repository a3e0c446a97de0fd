//! How many entities say what under a key, as they spell it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::flatten::scalar;
use super::super::index::Index;
use super::super::predicate::Predicate;
use super::super::project;
use super::super::set::Set;
use super::related;
use crate::limits;

/// Counts the values of each of `facets` over the entities that fit: `{"spec.type": [{"value": …, "count": …}]}`, most
/// frequent first, at most [`limits::FACET_VALUES_MAX`] of each.
///
/// # Errors
/// A sentence, where too many are asked for.
pub fn facets(index: &Index, fits: &Predicate, facets: &[String]) -> Result<Value, String> {
    if facets.len() > limits::FACETS_MAX {
        return Err(format!("at most {} facets are counted at once", limits::FACETS_MAX));
    }
    let set = fits.evaluate(index);
    let mut answer = Map::new();
    for facet in facets {
        let counts = counted(index, &set, facet).into_iter();
        let list = counts.map(|(value, count)| json!({"value": value, "count": count})).collect();
        answer.insert(facet.clone(), Value::Array(list));
    }
    Ok(Value::Object(answer))
}

/// The values of one facet over the entities of a set, most frequent first, at most [`limits::FACET_VALUES_MAX`].
pub fn counted(index: &Index, set: &Set, facet: &str) -> Vec<(String, usize)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for at in set.iter_from(0) {
        for value in values(index.entity(at), facet) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(limits::FACET_VALUES_MAX);
    counts
}

/// What one entity says under a key, each value once.
fn values(entity: &Value, facet: &str) -> Vec<String> {
    let mut found: Vec<String> = match facet.split_at_checked("relations.".len()) {
        Some((prefix, kind)) if prefix.eq_ignore_ascii_case("relations.") => {
            let all = entity["relations"].as_array().into_iter().flatten();
            let spelt = all.filter_map(|it| it["type"].as_str()).find(|it| it.eq_ignore_ascii_case(kind));
            spelt.into_iter().flat_map(|kind| related(entity, kind).map(str::to_owned)).collect()
        }
        _ => match project::get(entity, facet) {
            Some(Value::Array(items)) => items.iter().filter_map(scalar).collect(),
            Some(one) => scalar(one).into_iter().collect(),
            None => Vec::new(),
        },
    };
    found.sort_unstable();
    found.dedup();
    found
}
