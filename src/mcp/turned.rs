//! The catalog turned to another index: what clients that listen on this node hear of it.
//!
//! Each node loads its catalog for itself and tells its own streams; nothing goes through the database.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use tokio::sync::watch::Receiver;

use super::changes::{Change, What};
use super::features::uri::Target;
use super::streams::Streams;
use crate::access::roles::Thing;
use crate::catalog::Catalog;
use crate::catalog::actions::READ_PERMISSION;
use crate::catalog::difference;
use crate::catalog::index::Index;
use crate::catalog::relation::Ref;

/// Tells `streams` whenever `catalog` turns, as long as both are there.
pub fn follow(catalog: &Catalog, streams: &Arc<Streams>) {
    let turns = catalog.follow();
    tokio::spawn(tell(catalog.index(), turns, Arc::downgrade(streams)));
}

async fn tell(mut seen: Arc<Index>, mut turns: Receiver<Arc<Index>>, streams: Weak<Streams>) {
    loop {
        let now = Arc::clone(&turns.borrow_and_update());
        let before = std::mem::replace(&mut seen, Arc::clone(&now));
        // A hundred thousand entities are compared in some milliseconds, and others wait for this thread.
        let both = (Arc::clone(&before), Arc::clone(&now));
        let compared = tokio::task::spawn_blocking(move || difference::changed(&both.0, &both.1));
        let Some(streams) = streams.upgrade() else { return };
        if let Ok(changed) = compared.await
            && !changed.is_empty()
        {
            tell_of(&streams, &changed, (&before, &now));
        }
        drop(streams);
        if turns.changed().await.is_err() {
            return;
        }
    }
}

fn tell_of(streams: &Streams, changed: &[Ref], (before, now): (&Index, &Index)) {
    // Groups are of the catalog, and what people may do follows from them.
    streams.turn_rights();
    streams.tell(&Change::of(What::Resources));
    // One prompt a template.
    if changed.iter().any(|reference| reference.kind() == "template") {
        streams.tell(&Change::of(What::Prompts));
    }
    let set: HashSet<&Ref> = changed.iter().collect();
    let uris = changed
        .iter()
        .flat_map(|reference| [Target::Entity(reference.clone()), Target::Definition(reference.clone())]);
    streams.tell_of_resources(uris.map(|target| target.to_uri()), 2 * changed.len(), |caller, uri| {
        let Some(target) = Target::parse(uri).filter(|target| set.contains(target.reference())) else {
            return false;
        };
        // That what is hidden from them changed would say that it is there.
        let Some(rights) = &caller.rights else { return true };
        let reference = target.reference().as_str();
        [before.get(reference), now.get(reference)]
            .into_iter()
            .flatten()
            .any(|entity| rights.judge(READ_PERMISSION, &Thing::Entity(entity)).allows())
    });
}
