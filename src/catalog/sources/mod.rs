//! Where the catalog comes from besides this machine's disk: https URLs and git repositories, of the configuration or
//! registered.
//!
//! Owns: which there are, when they are fetched, and what may be registered. Does not own: what a descriptor means
//! ([`super::load`] reads a [`shelf`] like any tree of files), or the way out, which is the guarded one of
//! [`crate::outbound`].
//!
//! A look: [`fetch`] asks the hosts for what is old → the catalog reads → what that reading wanted and was not there is
//! fetched → it reads again, a few times at most.

pub mod fetch;
pub mod git;
mod kept;
pub mod register;
pub mod shelf;
pub mod target;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::files::Files;
use super::{Catalog, Refreshed};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::limits;
use crate::outbound::Outbound;
use crate::store::locations::{self, LocationRow, LocationState};
use crate::store::{self, Store};
use shelf::{Kind, Shelf};

/// Where what was fetched is kept, by where it was named.
const WINGS: [&str; 3] = ["urls", "git", "registered"];

/// One source, as the reading of descriptors sees it.
#[derive(Clone, Debug)]
pub struct Source {
    /// What was fetched of it.
    pub files: Arc<Files>,
    /// Which files of a repository are descriptors, as patterns.
    pub paths: Vec<String>,
    /// Which kinds it may make, where it was registered; `None` for the operator's own.
    pub kinds: Option<Arc<[String]>>,
    /// The branch of a repository, where one is said.
    pub branch: Option<String>,
}

impl Source {
    /// Whether somebody registered it.
    pub fn is_registered(&self) -> bool {
        self.kinds.is_some()
    }

    /// The shelf of it.
    pub fn shelf(&self) -> Option<&Shelf> {
        if let Files::Fetched(shelf) = self.files.as_ref() { Some(shelf) } else { None }
    }
}

/// Everything that the catalog is read from, and the way to change it. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    catalog: Catalog,
    outbound: Outbound,
    /// Where what is registered is, and what time it is: known once there is a database.
    ground: Arc<OnceLock<(Store, Clock)>>,
    config: Arc<config::Catalog>,
    tokens: Arc<fetch::Tokens>,
    folder: PathBuf,
    shelves: Arc<Mutex<HashMap<PathBuf, Arc<Files>>>>,
    /// One look at a time.
    looking: Arc<tokio::sync::Mutex<()>>,
    is_cleared: Arc<AtomicBool>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

impl Sources {
    /// The sources of `config`, for `catalog`. Touches no database before there is one.
    pub fn new(catalog: Catalog, outbound: Outbound, config: &Config) -> Self {
        Self {
            catalog,
            outbound,
            ground: Arc::default(),
            tokens: Arc::new(config.catalog.tokens.clone()),
            config: Arc::new(config.catalog.clone()),
            folder: config.data_dir.join("catalog"),
            shelves: Arc::default(),
            looking: Arc::default(),
            is_cleared: Arc::default(),
        }
    }

    /// Tells where the database is. Only the first word counts.
    pub fn attach(&self, store: Store, clock: Clock) {
        let _ = self.ground.set((store, clock));
    }

    fn ground(&self) -> store::Result<&(Store, Clock)> {
        let none = || store::Error::Row { table: "catalog_locations", why: "no database is open".to_owned() };
        self.ground.get().ok_or_else(none)
    }

    async fn rows(&self) -> store::Result<Vec<LocationRow>> {
        locations::list(&self.ground()?.0).await
    }

    /// The catalog that they are read into.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What the configuration names: its type, what it is, and the source where it is fetched.
    pub fn configured(&self) -> Vec<(&'static str, String, Option<Source>)> {
        let sources = self.catalog.sources();
        // The last part alone: where this server keeps its files is nobody's business.
        let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let paths = self.config.paths.iter().map(|path| ("file", name(path).unwrap_or_default(), None));
        let fetched = sources.into_iter().filter(|source| !source.is_registered()).filter_map(|source| {
            let shelf = source.shelf()?;
            let kind = if *shelf.kind() == Kind::Git { "git" } else { "url" };
            Some((kind, shelf.source().to_owned(), Some(source.clone())))
        });
        paths.chain(fetched).collect()
    }

    /// Has the catalog read what was fetched before, without asking anybody.
    ///
    /// # Errors
    /// [`store::Error::Database`].
    pub async fn open(&self) -> store::Result<Refreshed> {
        let rows = self.rows().await?;
        self.take(&rows);
        if self.catalog.sources().is_empty() {
            return Ok(Refreshed::default());
        }
        Ok(self.read().await)
    }

    /// Looks at everything: fetches what is old, or what is older than a moment where `asked`; and reads.
    pub async fn look(&self, asked: bool) -> Refreshed {
        let _turn = self.looking.lock().await;
        let Ok((_, clock)) = self.ground() else { return Refreshed::default() };
        let rows = match self.rows().await {
            Ok(rows) => {
                self.take(&rows);
                rows
            }
            // What was known of a moment ago is what there is.
            Err(error) => {
                tracing::warn!(%error, "the registered locations cannot be read; they stay as they were");
                Vec::new()
            }
        };
        if !self.is_cleared.swap(true, Ordering::Relaxed) {
            self.clear();
        }
        let sources = self.catalog.sources();
        let seconds = match asked {
            true => limits::SOURCE_AGAIN_SECONDS,
            false => i64::try_from(self.config.fetch_seconds).unwrap_or(i64::MAX),
        };
        let mut all = Refreshed::default();
        for round in 0..limits::SOURCE_ROUNDS_MAX {
            let now = clock.now();
            // Only the first round looks at what is there already.
            let stale =
                if round == 0 { now.plus_seconds(1 - seconds) } else { crate::clock::Time::from_seconds(0) };
            fetch::all(&self.outbound, &self.tokens, &sources, (now, stale)).await;
            let refreshed = self.read().await;
            all.merge(refreshed);
            if !sources.iter().filter_map(Source::shelf).any(Shelf::wants) {
                break;
            }
        }
        let shelves = sources.clone();
        let saving = tokio::task::spawn_blocking(move || {
            shelves.iter().filter_map(Source::shelf).for_each(Shelf::save)
        });
        let _ = saving.await;
        self.note(&rows).await;
        all
    }

    async fn read(&self) -> Refreshed {
        let catalog = self.catalog.clone();
        match tokio::task::spawn_blocking(move || catalog.refresh()).await {
            Ok(refreshed) => refreshed,
            Err(error) => {
                tracing::error!(%error, "the catalog could not be refreshed; it stays as it was");
                Refreshed::default()
            }
        }
    }

    /// Tells the catalog which sources there are. A shelf whose source is gone is emptied.
    fn take(&self, rows: &[LocationRow]) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = HashMap::new();
        let mut of = |url: &str, kind: Kind, wing: &str| {
            // A registered location that the configuration names too has a shelf of its own: it may go.
            let folder = self.folder.join(wing);
            let key = folder.join(format!("{kind:?} {url}"));
            let open = || Arc::new(Files::Fetched(Arc::new(Shelf::open(&folder, url, kind))));
            let files = shelves.remove(&key).unwrap_or_else(open);
            kept.insert(key, Arc::clone(&files));
            files
        };
        let mut sources = Vec::new();
        for url in &self.config.urls {
            let files = of(url, Kind::Web, WINGS[0]);
            sources.push(Source { files, paths: Vec::new(), kinds: None, branch: None });
        }
        for git in &self.config.git {
            let files = of(&git.url, Kind::Git, WINGS[1]);
            let (paths, branch) = (git.paths.clone(), git.branch.clone());
            sources.push(Source { files, paths, kinds: None, branch });
        }
        let kinds: Arc<[String]> = self.config.registered_kinds.clone().into();
        for row in rows {
            let files = of(&row.target, Kind::Web, WINGS[2]);
            let kinds = Some(Arc::clone(&kinds));
            sources.push(Source { files, paths: Vec::new(), kinds, branch: None });
        }
        for files in shelves.values() {
            if let Files::Fetched(shelf) = files.as_ref() {
                shelf.remove();
            }
        }
        *shelves = kept;
        self.catalog.set_sources(sources);
    }

    /// Removes what was fetched for sources that went while this server did not run. Only a server's look does: what a
    /// command is configured with is not what counts.
    fn clear(&self) {
        let sources = self.catalog.sources();
        let is_known = |folder: &Path| sources.iter().any(|source| source.files.root() == folder);
        for wing in WINGS {
            for entry in std::fs::read_dir(self.folder.join(wing)).into_iter().flatten().flatten() {
                if !is_known(&entry.path()) {
                    let _ = std::fs::remove_dir_all(entry.path());
                }
            }
        }
    }

    /// Writes down how each registered location stands, where that is news. Of many nodes the last one is believed.
    async fn note(&self, rows: &[LocationRow]) {
        let (index, sources) = (self.catalog.index(), self.catalog.sources());
        let Ok((store, clock)) = self.ground() else { return };
        if rows.is_empty() {
            return;
        }
        let mut made: HashMap<&Path, i64> = HashMap::new();
        for reference in index.references() {
            if let Some((Files::Fetched(shelf), _)) = index.source(reference.as_str()) {
                *made.entry(shelf.key()).or_default() += 1;
            }
        }
        let now = clock.now();
        for source in sources.iter().filter(|source| source.is_registered()) {
            let Some(shelf) = source.shelf() else { continue };
            let Some(row) = rows.iter().find(|row| row.target == shelf.source()) else { continue };
            let failure = shelf.failures().into_iter().next().map(|(_, why)| why);
            let entities = made.get(shelf.key()).copied().unwrap_or(0);
            let state = LocationState { failure, entities };
            if row.state.as_ref() != Some(&state)
                && let Err(error) = locations::note(store, &row.id, &state, now).await
            {
                tracing::debug!(%error, "the state of a location cannot be written down");
            }
        }
    }
}
