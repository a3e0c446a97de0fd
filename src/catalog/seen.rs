//! The part of the catalog that a caller may read.
//!
//! An index of its own, made of what the policy gives them: whoever reads it need not know that there is more, and cannot
//! forget to leave something out. Made once for all who may read the same, and kept until the catalog turns.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use moka::sync::Cache;

use super::Catalog;
use super::actions::READ_PERMISSION;
use super::index::Index;
use super::set::Set;
use crate::access::roles::{Level, Rights, Thing};
use crate::actions::Caller;
use crate::limits;

/// The parts that are kept ready.
#[derive(Debug)]
pub struct Parts {
    turns: AtomicU64,
    /// What names the set of entities that somebody may read, by their rights.
    sets: Cache<u64, Named>,
    made: Cache<[u8; 32], Part>,
    nothing: Arc<Index>,
}

/// The digest of a set of positions, and the whole that these are positions in.
type Named = (Weak<Index>, [u8; 32]);

/// A part, and the whole that it is of.
#[derive(Clone, Debug)]
struct Part {
    of: Weak<Index>,
    index: Arc<Index>,
}

impl Default for Parts {
    fn default() -> Self {
        let weight = |_: &[u8; 32], part: &Part| u32::try_from(part.index.len() + 1).unwrap_or(u32::MAX);
        let made = Cache::builder().max_capacity(limits::CATALOG_PARTS_ENTITIES_MAX).weigher(weight).build();
        let sets = Cache::new(limits::RIGHTS_REMEMBERED_MAX);
        Self { turns: AtomicU64::new(0), sets, made, nothing: Arc::default() }
    }
}

impl Parts {
    pub(super) fn turn(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
        self.sets.invalidate_all();
        self.made.invalidate_all();
    }

    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    fn ready(&self, rights: &Rights, whole: &Arc<Index>) -> Option<Arc<Index>> {
        // Of two catalogs, positions mean other entities: a set of one that was named late says nothing of the other.
        let (_, digest) = self.sets.get(&rights.id).filter(|(of, _)| is_of(of, whole))?;
        let part = self.made.get(&digest)?;
        is_of(&part.of, whole).then_some(part.index)
    }
}

fn is_of(of: &Weak<Index>, whole: &Arc<Index>) -> bool {
    std::ptr::eq(of.as_ptr(), Arc::as_ptr(whole))
}

/// Whether `caller` may read everything, whatever there may be.
pub fn sees_all(caller: &Caller) -> bool {
    caller.rights.as_ref().is_none_or(|rights| rights.level(READ_PERMISSION) == Level::All)
}

impl Catalog {
    /// What `caller` may read. Everything, at no cost, while no policy is published. May take as long as reading the
    /// catalog does, where nobody with these rights asked since it turned; see [`Catalog::seen_by`].
    pub fn seen(&self, caller: &Caller) -> Arc<Index> {
        let whole = self.index();
        match self.at_once(caller, &whole) {
            Some(index) => index,
            None => match &caller.rights {
                Some(rights) => self.make(rights, &whole),
                None => whole,
            },
        }
    }

    /// The same, without holding up the thread that answers others.
    pub async fn seen_by(&self, caller: &Arc<Caller>) -> Arc<Index> {
        if let Some(index) = self.at_once(caller, &self.index()) {
            return index;
        }
        let (catalog, asking) = (self.clone(), Arc::clone(caller));
        let made = tokio::task::spawn_blocking(move || catalog.seen(&asking)).await;
        // Where it cannot be made there is nothing to see.
        made.unwrap_or_else(|_| Arc::clone(&self.parts.nothing))
    }

    fn at_once(&self, caller: &Caller, whole: &Arc<Index>) -> Option<Arc<Index>> {
        let Some(rights) = &caller.rights else { return Some(Arc::clone(whole)) };
        match rights.level(READ_PERMISSION) {
            Level::All => Some(Arc::clone(whole)),
            Level::None => Some(Arc::clone(&self.parts.nothing)),
            Level::Some => self.parts.ready(rights, whole),
        }
    }

    fn make(&self, rights: &Rights, whole: &Arc<Index>) -> Arc<Index> {
        let mut keep = Set::empty(whole.len());
        for (entity, at) in whole.entities().iter().zip(0_u32..) {
            if rights.judge(READ_PERMISSION, &Thing::Entity(entity)).allows() {
                keep.extend(&[at]);
            }
        }
        let digest = keep.digest();
        let part = || {
            let index =
                if keep.count() == whole.len() { Arc::clone(whole) } else { Arc::new(whole.part(&keep)) };
            Part { of: Arc::downgrade(whole), index }
        };
        let mut found = self.parts.made.get_with(digest, part);
        if !is_of(&found.of, whole) {
            found = part();
            self.parts.made.insert(digest, found.clone());
        }
        self.parts.sets.insert(rights.id, (Arc::downgrade(whole), digest));
        found.index
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::access::roles::{Person, Policy};
    use crate::catalog::answers::facets;
    use crate::catalog::people;
    use crate::catalog::predicate::Predicate;

    fn caller(permissions: Value, id: u64) -> Caller {
        let policy = json!({"roles": [{"name": "a", "members": ["*"], "permissions": permissions}]});
        let rights = Rights::of(&Arc::new(Policy::parse(&policy).unwrap()), Person::default(), (id, 1));
        Caller {
            subject: "u".into(),
            username: "u@a.example".into(),
            is_user: true,
            client_id: "c".into(),
            grant_id: "g".into(),
            scopes: crate::oauth::scope::ScopeSet::default(),
            resource: "r".into(),
            restrictions: None,
            rights: Some(Arc::new(rights)),
        }
    }

    fn not(kind: &str) -> Value {
        json!([{"permission": "catalog.entity.read"}, {"permission": "catalog.entity.read", "effect": "deny",
            "when": {"rule": "IS_ENTITY_KIND", "params": {"kinds": [kind]}}}])
    }

    #[test]
    fn attack_what_is_hidden_shows_in_no_count_relation_column_or_name() {
        let catalog = Catalog::sample();
        let whole = catalog.index();
        let seen = catalog.seen(&caller(not("API"), 1));
        let hidden: Vec<_> = whole.references().iter().filter(|it| it.kind() == "api").collect();
        assert!(!hidden.is_empty() && seen.len() == whole.len() - hidden.len());
        for reference in &hidden {
            assert!(seen.get(reference.as_str()).is_none() && seen.position(reference.as_str()).is_none());
            assert!(seen.source(reference.as_str()).is_none());
            for entity in seen.entities() {
                // What others said of it is gone; what a descriptor says itself is that descriptor's own.
                let named = entity["relations"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|it| it["targetRef"] == reference.as_str());
                let said = entity["spec"].to_string().contains(reference.name());
                assert!(!named || said, "{} names {reference}", entity["metadata"]["name"]);
            }
        }
        let owned = seen.column("relations.ownerof").unwrap();
        assert!(hidden.iter().all(|reference| owned.equal(reference.as_str()).is_empty()));
        let everything = Predicate::parse(&json!({})).unwrap();
        let counted = facets::facets(&seen, &everything, &["kind".to_owned()]).unwrap().to_string();
        assert!(!counted.contains("API"), "{counted}");
    }

    #[test]
    fn who_may_read_everything_reads_the_index_itself_and_who_may_read_nothing_an_empty_one() {
        let catalog = Catalog::sample();
        let all = catalog.seen(&caller(json!([{"permission": "catalog.entity.read"}]), 1));
        assert!(Arc::ptr_eq(&all, &catalog.index()));
        assert!(catalog.seen(&caller(json!([]), 2)).is_empty());
        let none = Caller { rights: None, ..caller(json!([]), 3) };
        assert!(Arc::ptr_eq(&catalog.seen(&none), &catalog.index()));
    }

    #[test]
    fn whoever_may_read_the_same_shares_one_part_until_the_catalog_turns() {
        let catalog = Catalog::sample();
        let (one, two) = (caller(not("API"), 1), caller(not("API"), 2));
        let first = catalog.seen(&one);
        assert!(Arc::ptr_eq(&first, &catalog.seen(&one)) && Arc::ptr_eq(&first, &catalog.seen(&two)));
        assert!(!Arc::ptr_eq(&first, &catalog.seen(&caller(not("User"), 3))));
        let before = catalog.turns();
        catalog.replace(Vec::new());
        assert!(catalog.turns() > before && catalog.seen(&one).is_empty());
    }

    /// Whoever was slow to make theirs of the catalog before is not shown what another's set means in this one.
    #[test]
    fn attack_h07_positions_of_a_catalog_before_show_nothing_of_this_one() {
        let entity = |kind: &str, name: &str| super::super::descriptor::Entity {
            reference: super::super::relation::Ref::new(kind, "default", name),
            value: json!({"kind": kind, "metadata": {"name": name}, "spec": {}}),
            place: super::super::descriptor::Place { file: "a".to_owned(), document: 1, line: 1 },
            files: Arc::new(super::super::files::Files::Embedded(&[])),
        };
        let only_groups = json!([{"permission": "catalog.entity.read", "when":
            {"rule": "IS_ENTITY_KIND", "params": {"kinds": ["Group"]}}}]);
        let catalog = Catalog::new(vec![entity("API", "a"), entity("Group", "b")]);
        let before = catalog.index();
        catalog.replace(vec![entity("Group", "b"), entity("User", "c")]);
        // Both see the first of two: one an API of before, the other a group of now.
        let (slow, quick) = (caller(not("Group"), 1), caller(only_groups, 2));
        catalog.make(slow.rights.as_ref().unwrap(), &before);
        catalog.make(quick.rights.as_ref().unwrap(), &catalog.index());
        let seen = catalog.seen(&slow);
        assert!(seen.get("group:default/b").is_none() && seen.get("user:default/c").is_some());
    }

    #[test]
    fn a_person_is_their_user_their_groups_and_their_address() {
        let index = Catalog::sample().index();
        let mut asking = caller(json!([]), 1);
        asking.username = "Oskar.Nilsen@Halyard.example".into();
        let person = people::person(&index, &asking);
        assert_eq!(person.user.as_deref(), Some("user:default/oskar.nilsen"));
        assert!(person.names.contains(&"group:default/halyard".to_owned()));
        assert!(person.names.contains(&"user:default/oskar.nilsen@halyard.example".to_owned()));
        // Whoever can choose an address must not choose a user by it.
        asking.username = "oskar.nilsen@evil.example".into();
        let person = people::person(&index, &asking);
        assert_eq!((person.user, person.owners.len()), (None, 0));
        assert_eq!(person.names, ["user:default/oskar.nilsen@evil.example"]);
        asking.is_user = false;
        assert_eq!(people::person(&index, &asking).names, ["client:u"]);
    }
}
