//! Reading what was fetched from elsewhere, and keeping it within its bounds.

use std::collections::HashSet;

use serde_json::Value;

use super::super::descriptor::Entity;
use super::super::files::Files;
use super::super::sources::Source;
use super::super::sources::shelf::Kind;
use super::{Loading, Severity};
use crate::limits;

/// The annotation of an entity whose descriptor is gone.
pub(super) const ORPHAN: &str = "backstage.io/orphan";

/// What the source that is being read may make.
#[derive(Debug)]
pub(super) struct Bounds {
    kinds: Vec<String>,
    left: usize,
}

impl Loading<'_> {
    /// Reads a source.
    pub(super) fn source(&mut self, source: &Source) {
        let Files::Fetched(shelf) = source.files.as_ref() else { return };
        self.memory.fetched(&source.files);
        self.bounds = source
            .kinds
            .as_ref()
            .map(|kinds| Bounds { kinds: kinds.to_vec(), left: limits::SOURCE_ENTITIES_MAX });
        // Of what was never there the reading itself says why.
        for (name, why) in shelf.failures_of_good() {
            let why = format!("it could not be fetched: {why}; what it said last stays");
            self.say(Severity::Error, &name, &why);
        }
        match shelf.kind() {
            Kind::Web => self.start(&source.files, vec![shelf.source().to_owned()], &HashSet::new()),
            Kind::Git => self.tree(&source.files, Some(&source.paths)),
        }
        self.bounds = None;
    }

    /// Marks what is here though its host says that it is gone, by Backstage's name for it.
    pub(super) fn mark_orphans(&mut self) {
        for entity in &mut self.loaded.entities {
            if let Files::Fetched(shelf) = entity.files.as_ref()
                && shelf.is_gone(&entity.place.file)
            {
                entity.value["metadata"]["annotations"][ORPHAN] = Value::String("true".to_owned());
            }
        }
    }

    /// Why the source may not make this entity. Who registers a Group with themselves in it, or a User with somebody's
    /// address, would own what that group owns (attack).
    pub(super) fn out_of_bounds(&mut self, entity: &Entity) -> Option<String> {
        let bounds = self.bounds.as_mut()?;
        let kind = entity.reference.kind();
        if !bounds.kinds.iter().any(|it| it.eq_ignore_ascii_case(kind)) {
            let (reference, place) = (&entity.reference, entity.files.location(&entity.place.file));
            return Some(format!(
                "Entity {reference} at {place} is not of an allowed kind for that location (catalog.registered_kinds)"
            ));
        }
        match bounds.left.checked_sub(1) {
            Some(left) => bounds.left = left,
            None => {
                return Some(format!(
                    "the location makes more than {} entities",
                    limits::SOURCE_ENTITIES_MAX
                ));
            }
        }
        None
    }
}
