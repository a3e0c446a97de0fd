//! The catalog: what the platform consists of, and the index that answers questions about it.
//!
//! Owns: descriptor rules (Backstage's, in Backstage's words), relations, the index, the languages of
//! questions (filter, predicate, full text), and the actions on them. Does not own: where rows are kept
//! (`store`), who may read an entity (`access`), or how MCP shows an answer (`mcp`).
//!
//! A descriptor's way: [`load()`] finds files → [`yaml`] cuts documents → [`descriptor`] checks one entity
//! (its shape in [`schema`], its names in [`format`](mod@format), its texts in [`placeholder`]) → [`relation`]
//! links all of them → [`index`] holds them; [`refresh`] does it again. A question's way: [`actions`] → [`query`] → [`predicate`] or
//! [`filter`], [`text`] → [`column`](mod@column) by column as a [`set`] → a page.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

pub mod load;

pub mod files;
pub mod yaml;

pub mod descriptor;
pub mod schema;

pub mod format;
pub mod placeholder;

pub mod relation;

pub mod difference;
pub mod flatten;
pub mod index;

pub mod column;
pub mod set;

pub mod query;

pub mod cursor;
pub mod filter;
pub mod predicate;
pub mod project;
pub mod text;
pub mod texts;

pub mod actions;
pub mod answers;

pub mod attached;

pub mod schemas;
mod schemas_more;
pub mod suggest;
pub mod who_am_i;

pub mod check;
pub mod refresh;
pub mod sample;

pub use check::check;
pub use load::{Loaded, load};

use index::Index;
use refresh::Reader;
pub use refresh::Refreshed;

/// A sentence for each configured path that leads nowhere. What it should hold is missing, and all else is served.
pub fn missing_paths(paths: &[PathBuf]) -> Vec<String> {
    let missing = paths.iter().filter_map(|path| Some((path, path.try_exists().map_or_else(Some, no_file)?)));
    missing
        .map(|(path, why)| format!("catalog.paths has {}, which cannot be read: {why}", path.display()))
        .collect()
}

fn no_file(exists: bool) -> Option<std::io::Error> {
    (!exists).then(|| std::io::ErrorKind::NotFound.into())
}

/// The catalog of this node: a handle that all who ask share, and that always points at one whole index.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    current: Arc<ArcSwap<Index>>,
    turned: Arc<watch::Sender<Arc<Index>>>,
    reader: Arc<Mutex<Reader>>,
    wanted: Arc<Notify>,
}

impl Catalog {
    /// A catalog of these entities, linked by [`relation::link`] as [`load()`] gives them.
    pub fn new(entities: Vec<descriptor::Entity>) -> Self {
        let catalog = Self::default();
        catalog.replace(entities);
        catalog
    }

    /// The catalog of what `paths` hold, with the sample's entities after them where `demo` says so, and
    /// everything there was to say about it.
    pub fn open(paths: &[PathBuf], demo: bool) -> (Self, Refreshed) {
        let reader = Reader::new(paths, demo);
        let catalog = Self { reader: Arc::new(Mutex::new(reader)), ..Self::default() };
        let refreshed = catalog.refresh();
        (catalog, refreshed)
    }

    /// The catalog of the fictional company that the binary carries.
    pub fn sample() -> Self {
        Self::open(&[], true).0
    }

    /// The index of this moment. Whoever holds it is not disturbed by a change.
    pub fn index(&self) -> Arc<Index> {
        self.current.load_full()
    }

    /// Turns to a new set of entities in one step: nobody ever sees half of it. Whoever follows is told; nothing else has
    /// to be called.
    pub fn replace(&self, entities: Vec<descriptor::Entity>) {
        let index = Arc::new(Index::new(entities));
        self.current.store(Arc::clone(&index));
        self.turned.send_replace(index);
    }

    /// Follows the indices that this catalog turns to on this node. Of several in a row the last one is seen.
    pub fn follow(&self) -> watch::Receiver<Arc<Index>> {
        self.turned.subscribe()
    }

    /// Reads again what the catalog was opened from, and turns to it if anything is different. Waits for the disk, and
    /// for whoever does the same at this moment.
    pub fn refresh(&self) -> Refreshed {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (refreshed, entities) = reader.read(&self.index());
        if let Some(entities) = entities {
            self.replace(entities);
        }
        refreshed
    }

    /// Asks for a refresh without waiting for it.
    pub fn want_refresh(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody asks for a refresh.
    pub async fn refresh_wanted(&self) {
        self.wanted.notified().await;
    }
}

/// At most 120 characters of something found where something else was expected: a fault is a sentence,
/// never a dump.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(120) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_descriptors_come_before_the_sample_and_may_refer_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let text = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: mine}\nspec: {type: a, lifecycle: b, owner: fleet}\n";
        std::fs::write(folder.path().join("catalog-info.yaml"), text).unwrap();
        let (catalog, loaded) = Catalog::open(&[folder.path().to_owned()], true);
        assert_eq!(loaded.problems, []);
        let fleet = catalog.index().get("group:default/fleet").unwrap()["relations"].to_string();
        assert!(fleet.contains("component:default/mine"));
        assert_eq!(Catalog::open(&[folder.path().to_owned()], false).0.index().len(), 1);
    }

    #[test]
    fn what_is_quoted_in_a_fault_is_short_and_whole_characters() {
        assert_eq!(excerpt("é"), "é");
        assert_eq!(excerpt(&"é".repeat(200)).chars().count(), 121);
    }
}
