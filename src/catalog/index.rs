//! The index: every entity of the catalog at one moment, and what each question needs to be quick.
//!
//! Immutable. A change makes a new one, and the handle is turned to it in one step; whoever still reads the
//! old one reads a whole truth. Positions in it are in order of reference, so that "unsorted" is sorted too.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::column::{Column, Filling};
use super::descriptor::Entity;
use super::files::Files;
use super::flatten;
use super::relation::{self, Ref};
use super::set::Set;
use super::text::Haystack;

/// All entities of one moment.
#[derive(Debug, Default)]
pub struct Index {
    entities: Vec<Arc<Value>>,
    references: Vec<Ref>,
    sources: Vec<(Arc<Files>, Box<str>)>,
    by_reference: HashMap<Ref, u32>,
    by_name: HashMap<Box<str>, Vec<u32>>,
    columns: HashMap<Box<str>, Column>,
    haystack: Haystack,
}

impl Index {
    /// Builds the index. Where two entities have one reference, the first is kept.
    pub fn new(mut described: Vec<Entity>) -> Self {
        described.sort_by(|a, b| a.reference.cmp(&b.reference));
        described.dedup_by(|later, first| later.reference == first.reference);
        Self::of(described.into_iter().map(|entity| {
            (entity.reference, Arc::new(entity.value), (entity.files, entity.place.file.into()))
        }))
    }

    /// The part of it that `keep` names, as if there were nothing else: what is left out is in no count, no relation and
    /// no suggestion, since it is not there (attack: a hidden entity that shows by what surrounds it).
    pub fn part(&self, keep: &Set) -> Self {
        let is_hidden = |target: &str| self.position(target).is_some_and(|at| !keep.contains(at));
        Self::of(keep.iter_from(0).map(|at| {
            let (reference, source) = (self.reference(at).clone(), self.sources[at as usize].clone());
            let value = relation::without(&reference, self.entity(at), is_hidden);
            (reference, value, source)
        }))
    }

    /// Of entities in order of reference, each once.
    fn of(entities: impl Iterator<Item = (Ref, Arc<Value>, (Arc<Files>, Box<str>))>) -> Self {
        let mut index = Self::default();
        let mut fillings: HashMap<Box<str>, Filling> = HashMap::new();
        for ((reference, value, source), at) in entities.zip(0_u32..) {
            flatten::rows(&value, |key, cell| match fillings.get_mut(key) {
                Some(filling) => filling.add(at, cell),
                None => fillings.entry(key.into()).or_default().add(at, cell),
            });
            index.haystack.add(&value);
            index.by_name.entry(reference.name().into()).or_default().push(at);
            index.by_reference.insert(reference.clone(), at);
            index.references.push(reference);
            index.sources.push(source);
            index.entities.push(value);
        }
        index.columns = fillings.into_iter().map(|(key, filling)| (key, filling.finish())).collect();
        index
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Every entity, in order of reference.
    pub fn entities(&self) -> &[Arc<Value>] {
        &self.entities
    }

    /// The entity at a position.
    pub fn entity(&self, at: u32) -> &Arc<Value> {
        &self.entities[at as usize]
    }

    /// The reference of the entity at a position.
    pub fn reference(&self, at: u32) -> &Ref {
        &self.references[at as usize]
    }

    /// Every reference, in order.
    pub fn references(&self) -> &[Ref] {
        &self.references
    }

    /// The entity of a canonical reference.
    pub fn get(&self, reference: &str) -> Option<&Arc<Value>> {
        self.by_reference.get(reference).map(|&at| self.entity(at))
    }

    /// The tree and the file in it that an entity was described in: relative URLs of a template start there.
    pub fn source(&self, reference: &str) -> Option<(&Files, &str)> {
        let (files, file) = &self.sources[self.position(reference)? as usize];
        Some((files.as_ref(), file.as_ref()))
    }

    /// The position of a canonical reference.
    pub fn position(&self, reference: &str) -> Option<u32> {
        self.by_reference.get(reference).copied()
    }

    /// The positions of all entities of one name, which is in lower case, whatever their kind and namespace.
    pub fn named(&self, name: &str) -> &[u32] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every name in use, in lower case and in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(AsRef::as_ref)
    }

    /// What the entities say under a key, which is in lower case.
    pub fn column(&self, key: &str) -> Option<&Column> {
        self.columns.get(key)
    }

    /// What full-text search reads where no fields are named.
    pub fn haystack(&self) -> &Haystack {
        &self.haystack
    }

    /// The User whose `spec.profile.email` is `email`, in whatever case. Nobody, where two claim it: an
    /// account must not become whichever of them comes first.
    pub fn user_of_email(&self, email: &str) -> Option<&Ref> {
        let claimed = self.column("spec.profile.email")?.equal(&email.to_lowercase());
        let mut users = claimed.iter().map(|&at| self.reference(at)).filter(|r| r.kind() == "user");
        users.next().filter(|_| users.next().is_none())
    }

    /// Whom a user may speak for; see [`relation::ownership`].
    pub fn ownership(&self, user: &str) -> Vec<String> {
        relation::ownership(user, |reference| self.get(reference).map(|entity| &entity["relations"]))
    }

    /// A group and its parents, nearest first.
    pub fn group_with_parents(&self, group: &str) -> Vec<String> {
        relation::parents(vec![group.to_owned()], |reference| {
            self.get(reference).map(|entity| &entity["relations"])
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::descriptor::Place;
    use super::super::query::Query;
    use super::*;
    use crate::limits;

    fn entity(kind: &str, name: &str, spec: Value) -> Entity {
        Entity {
            reference: Ref::new(kind, "default", name),
            value: json!({"kind": kind, "metadata": {"name": name}, "spec": spec}),
            place: Place { file: "a/b.yaml".to_owned(), document: 1, line: 1 },
            files: Arc::new(Files::Embedded(&[])),
        }
    }

    #[test]
    fn an_address_that_two_users_claim_is_nobody_s() {
        let claim = |kind, name| entity(kind, name, json!({"profile": {"email": "Ann@a.example"}}));
        let one = Index::new(vec![claim("User", "ann"), claim("Group", "anns")]);
        assert_eq!(one.user_of_email("ANN@A.example").unwrap().as_str(), "user:default/ann");
        assert_eq!(one.user_of_email("bob@a.example"), None);
        let two = Index::new(vec![claim("User", "ann"), claim("User", "mallory")]);
        assert_eq!(two.user_of_email("ann@a.example"), None);
    }

    #[test]
    fn the_first_of_two_entities_of_one_reference_is_kept_and_knows_its_source() {
        let index =
            Index::new(vec![entity("API", "a", json!({"n": 1})), entity("api", "A", json!({"n": 2}))]);
        assert_eq!(index.get("api:default/a").unwrap()["spec"]["n"], 1);
        assert_eq!(index.source("api:default/a").unwrap().1, "a/b.yaml");
        assert!(index.source("api:default/b").is_none());
        assert_eq!((index.len(), index.named("a").len()), (1, 1));
    }

    #[test]
    fn a_search_that_would_read_more_long_texts_than_is_fair_is_refused() {
        let long = json!({"definition": "x".repeat(limits::SEARCH_CHARS_MAX + 1)});
        let count = limits::FULL_TEXT_LONG_MAX + 1;
        let index = Index::new((0..count).map(|n| entity("API", &format!("a{n}"), long.clone())).collect());
        let ask = |query: Value| {
            let filter = json!({"term": "y", "fields": ["spec.definition"]});
            Query::from_arguments(&json!({"query": query, "fullTextFilter": filter})).unwrap().run(&index)
        };
        assert!(ask(json!({})).unwrap_err().contains("narrow the question"));
        assert_eq!(ask(json!({"metadata.name": {"$hasPrefix": "a1"}})).unwrap().total, 0);
    }
}
