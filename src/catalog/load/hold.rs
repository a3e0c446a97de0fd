//! The last good version of what is broken now: it stays in the catalog, and says why it is old, as Backstage does.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::descriptor::{Entity, Place};
use super::super::files::Files;
use super::super::index::Index;
use super::super::relation::{self, Finding, Ref};
use super::memory::made;
use super::{Loading, Severity};

/// The type of a `status` item about a descriptor that could not be used, by Backstage's name.
pub const STATUS_TYPE: &str = "backstage.io/catalog-processing";

/// An entity to keep if nothing else describes it.
pub(super) struct Held {
    made: (Ref, Place),
    files: Arc<Files>,
    why: String,
}

/// What is wrong with one document: the entity it is, as far as that is known, and what to say about it.
pub(super) type Fault = (Option<String>, String);

impl Loading<'_> {
    /// Holds what the file `path` made before, as far as `faults` spoil it now: the entity that a fault names, or
    /// every one where a fault can name none. Gives what is held.
    pub(super) fn hold(&mut self, files: &Arc<Files>, path: &str, faults: &[Fault]) -> Vec<(Ref, Place)> {
        let Some(kept) = self.before.and_then(|(memory, _)| memory.kept(files, path)) else {
            return Vec::new();
        };
        let mut holds = Vec::new();
        for made in &kept.makes {
            let of = |(of, _): &&Fault| of.as_deref().is_none_or(|of| of == made.0.as_str());
            if self.first.contains_key(made.0.as_str()) {
                continue;
            }
            if let Some((_, why)) = faults.iter().find(of) {
                self.held.push(Held { made: made.clone(), files: Arc::clone(files), why: why.clone() });
                holds.push(made.clone());
            }
        }
        holds
    }

    /// The Locations among what is held of the file `path`.
    pub(super) fn held_locations(&self, index: &Index, path: &str) -> Vec<Entity> {
        let of = |held: &&Held| held.made.1.file == path && held.made.0.kind() == "location";
        self.held.iter().filter(of).filter_map(|held| made(index, &held.files, &held.made)).collect()
    }

    /// Puts what is held beside what was read, with the reason.
    pub(super) fn put_back(&mut self) {
        let Some((_, index)) = self.before else { return };
        for held in std::mem::take(&mut self.held) {
            if self.first.contains_key(held.made.0.as_str()) {
                continue;
            }
            if let Some(entity) = made(index, &held.files, &held.made) {
                self.first.insert(entity.reference.to_string(), entity.place.clone());
                self.reasons.insert(self.loaded.entities.len(), held.why);
                self.loaded.entities.push(entity);
            }
        }
    }

    /// Links what was read. An entity with a reference that cannot be read gives way to its last good version, and
    /// where there is none, it goes.
    pub(super) fn link(&mut self, reasons: &mut HashMap<usize, String>) {
        let mut findings = relation::link(&mut self.loaded.entities);
        let mut stay = Vec::new();
        for Finding { entity: at, message, .. } in findings.iter().filter(|finding| finding.is_fault) {
            let entity = &mut self.loaded.entities[*at];
            self.memory.spoil(&entity.files, &entity.place.file);
            let place = (entity.reference.clone(), entity.place.clone());
            let good = self.before.and_then(|(_, index)| made(index, &entity.files, &place));
            if let Some(good) = good.filter(|good| good.value["spec"] != entity.value["spec"]) {
                *entity = good;
                reasons.insert(*at, message.clone());
                stay.push(*at);
            }
        }
        if !stay.is_empty() {
            let faults: Vec<_> = findings.into_iter().filter(|finding| finding.is_fault).collect();
            findings = relation::link(&mut self.loaded.entities);
            findings.retain(|finding| !finding.is_fault);
            findings.extend(faults);
        }
        let mut gone = Vec::new();
        for Finding { entity: at, is_fault, message } in findings {
            let entity = &self.loaded.entities[at];
            let (place, name) = (entity.place.clone(), entity.reference.to_string());
            if is_fault && !stay.contains(&at) {
                gone.push(at);
            }
            let severity = if is_fault { Severity::Error } else { Severity::Warning };
            self.problem(severity, place, Some(name), message);
        }
        for (at, why) in &*reasons {
            if let Value::Object(root) = &mut self.loaded.entities[*at].value {
                root.insert("status".to_owned(), status(why));
            }
        }
        gone.sort_unstable();
        let mut at = 0;
        self.loaded.entities.retain(|_| {
            at += 1;
            gone.binary_search(&(at - 1)).is_err()
        });
    }
}

fn status(why: &str) -> Value {
    json!({"items": [{
        "type": STATUS_TYPE,
        "level": "error",
        "message": format!("InputError: {why}"),
        "error": {"name": "InputError", "message": why},
    }]})
}
