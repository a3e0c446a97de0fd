//! How an entity got here: the Locations that lead to its file, and those that lead to theirs.

use std::collections::{BTreeMap, VecDeque};

use super::super::files::matches;
use super::super::index::Index;
use super::super::relation::Ref;
use crate::limits;

/// An entity and what leads to it, nearest first; each with its own parents.
pub fn ancestry(index: &Index, reference: &Ref) -> Vec<(Ref, Vec<Ref>)> {
    let (mut found, mut seen) = (Vec::new(), BTreeMap::new());
    let mut queue = VecDeque::from([reference.clone()]);
    while let Some(next) = queue.pop_front() {
        if seen.insert(next.clone(), ()).is_some() || found.len() >= limits::ANCESTRY_MAX {
            continue;
        }
        let parents = parents(index, &next);
        queue.extend(parents.iter().cloned());
        found.push((next, parents));
    }
    found
}

fn parents(index: &Index, reference: &Ref) -> Vec<Ref> {
    let Some((files, file)) = index.source(reference.as_str()) else { return Vec::new() };
    let locations = index.column("kind").map_or(&[][..], |kinds| kinds.equal("location"));
    let leads = |at: &&u32| {
        let location = index.reference(**at);
        let Some((from_files, from)) = index.source(location.as_str()) else { return false };
        let spec = &index.entity(**at)["spec"];
        let many = spec["targets"].as_array().into_iter().flatten();
        let mut targets = many.chain([&spec["target"]]).filter_map(serde_json::Value::as_str);
        location != reference
            && from_files.root() == files.root()
            && targets
                .any(|target| from_files.lead(from, target).is_ok_and(|to| to == file || matches(&to, file)))
    };
    locations.iter().filter(leads).map(|&at| index.reference(at).clone()).collect()
}
