//! What was fetched from elsewhere, kept in the data directory: the last good answer to each name, so that a host that
//! is down, or a restart, takes nothing out of the catalog.
//!
//! A shelf is one source's: what one source fetched is never read for another. The reading of descriptors asks it like
//! any tree of files; a name that it does not have is noted as wanted, and is there at the next reading.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

use super::super::files::{Stamp, is_visible, is_yaml};
use super::kept::{Item, Kept};
use super::target;
use crate::clock::Time;
use crate::limits;

/// Said of what is not there yet; a reading that says it is followed by another.
pub const PENDING: &str = "it is still being fetched";

/// What is on it, and how it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Files of URLs, named by them.
    Web,
    /// Files of a repository, named by their path in it.
    Git,
}

/// The shelf of one source.
#[derive(Debug)]
pub struct Shelf {
    source: String,
    kind: Kind,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: Kept,
    used: HashSet<String>,
    wanted: BTreeSet<String>,
    generation: u64,
    /// Whether something is not written down yet.
    is_dirty: bool,
}

impl Shelf {
    /// Opens the shelf of `source` below `folder`, with what an earlier process left on it.
    pub fn open(folder: &Path, source: &str, kind: Kind) -> Self {
        let folder = folder.join(hex(source.as_bytes()));
        let kept = fs::read(folder.join("index.json"))
            .ok()
            .and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        let kept = kept.filter(|kept| kept.source == source).unwrap_or_default();
        let kept = Kept { source: source.to_owned(), ..kept };
        let state = Mutex::new(State { kept, ..State::default() });
        Self { source: source.to_owned(), kind, folder, state }
    }

    /// The URL that it was made for.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What is on it.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What tells it from every other tree.
    pub fn key(&self) -> &Path {
        &self.folder
    }

    /// Grows with every change that a reading would see.
    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// The text of `name`, if it has at most `bytes_max` bytes.
    ///
    /// # Errors
    /// A sentence, where there is none; of a URL it is wanted from then on.
    pub fn read(&self, name: &str, bytes_max: u64) -> Result<String, String> {
        let mut state = self.state();
        self.mark(&mut state, name);
        let Some(item) = state.kept.items.get(name) else {
            return match self.kind {
                Kind::Git => Err("no such file".to_owned()),
                Kind::Web => Err(state.want(name)),
            };
        };
        let (Some(hash), bytes) = (item.hash.clone(), item.bytes) else {
            return Err(item.failure.clone().unwrap_or_else(|| PENDING.to_owned()));
        };
        drop(state);
        if bytes > bytes_max {
            return Err(format!("larger than {bytes_max} bytes"));
        }
        let text = fs::read(self.folder.join(&hash)).unwrap_or_default();
        // A power cut leaves files of nothing: what is here is what came, or it is fetched again.
        if hex(&text) != hash {
            self.forget(name, &hash);
            return Err("what was fetched is damaged on this disk; it is fetched again".to_owned());
        }
        String::from_utf8(text).map_err(|_| "not UTF-8 text".to_owned())
    }

    /// Of a repository nothing goes by not being asked for; and there any reader's names come here.
    fn mark(&self, state: &mut State, name: &str) {
        if self.kind == Kind::Web {
            state.used.insert(name.to_owned());
        }
    }

    fn forget(&self, name: &str, hash: &str) {
        let mut state = self.state();
        // Something newer may have come meanwhile, and the old file have gone.
        if state.kept.items.get(name).is_none_or(|item| item.hash.as_deref() != Some(hash)) {
            return;
        }
        state.kept.items.remove(name);
        let _ = fs::remove_file(self.folder.join(hash));
        (state.kept.revision, state.kept.tried_at) = (None, 0);
        state.generation += 1;
        state.is_dirty = true;
        let _ = self.kind == Kind::Web && state.wanted.insert(name.to_owned());
    }

    /// How the last good answer looks.
    pub fn stamp(&self, name: &str) -> Option<Stamp> {
        let mut state = self.state();
        self.mark(&mut state, name);
        let item = state.kept.items.get(name)?;
        Some(Stamp::of_hash(item.bytes, item.hash.as_ref()?))
    }

    /// Every YAML file of a repository, in order; of URLs nothing can be listed.
    pub fn walk(&self) -> Vec<String> {
        self.below("", usize::MAX).into_iter().filter(|name| is_yaml(name)).collect()
    }

    /// At most `files_max` files of a repository below `folder`, in order; nothing hidden.
    pub fn below(&self, folder: &str, files_max: usize) -> Vec<String> {
        if self.kind == Kind::Web {
            return Vec::new();
        }
        let inside = |name: &&String| {
            folder.is_empty() || name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let state = self.state();
        let visible = state.kept.items.keys().filter(inside).filter(|name| is_visible(name));
        visible.take(files_max).cloned().collect()
    }

    /// What an entity says about the file it is described in, without the kind of location.
    pub fn location(&self, name: &str) -> String {
        match self.kind {
            Kind::Web => name.to_owned(),
            Kind::Git => {
                let branch = self.state().kept.branch.clone().unwrap_or_else(|| "HEAD".to_owned());
                target::page(&self.source, &branch, name)
            }
        }
    }

    /// The commit that is on it.
    pub fn revision(&self) -> Option<String> {
        self.state().kept.revision.clone()
    }

    /// Why it, or a name on it, could not be fetched at the last attempt, in order of name.
    pub fn failures(&self) -> Vec<(String, String)> {
        let state = self.state();
        let whole = state.kept.failure.iter().map(|why| (self.source.clone(), why.clone()));
        let each = state.kept.items.iter();
        let each = each.filter_map(|(name, item)| Some((name.clone(), item.failure.clone()?)));
        whole.chain(each).collect()
    }

    /// Those of what is here all the same, and of a repository.
    pub fn failures_of_good(&self) -> Vec<(String, String)> {
        let failures = self.failures();
        let state = self.state();
        let is_here = |name: &String| state.kept.items.get(name).is_none_or(|item| item.hash.is_some());
        failures.into_iter().filter(|(name, _)| is_here(name)).collect()
    }

    /// Begins a reading: what it does not ask for can go.
    pub fn begin(&self) {
        let mut state = self.state();
        state.used.clear();
        state.wanted.clear();
    }

    /// Whether the reading asked for something that is not there yet.
    pub fn wants(&self) -> bool {
        !self.state().wanted.is_empty()
    }

    /// What to ask for now: whatever is wanted, and what was asked for last before `stale`.
    pub fn due(&self, stale: Time) -> Vec<(String, Option<String>)> {
        let mut state = self.state();
        if state.kept.items.is_empty() && state.wanted.is_empty() {
            let source = self.source.clone();
            state.wanted.insert(source);
        }
        let old = state.kept.items.iter().filter(|(_, item)| item.tried_at < stale.micros());
        let mut due: BTreeMap<String, Option<String>> = old
            .map(|(name, item)| (name.clone(), item.etag.clone().filter(|_| item.hash.is_some())))
            .collect();
        for name in std::mem::take(&mut state.wanted) {
            due.entry(name).or_default();
        }
        due.into_iter().collect()
    }

    /// Whether the whole was asked for last before `stale`.
    pub fn is_stale(&self, stale: Time) -> bool {
        self.state().kept.tried_at < stale.micros()
    }

    /// Puts a new good answer in place of the one before.
    ///
    /// # Errors
    /// What the system says, where it cannot be kept; then the one before stays.
    pub fn put(&self, name: &str, body: &[u8], etag: Option<String>, now: Time) -> std::io::Result<()> {
        let hash = hex(body);
        self.write(&hash, body)?;
        let mut state = self.state();
        let bytes = body.len() as u64;
        let item = Item { hash: Some(hash), bytes, etag, tried_at: now.micros(), ..Item::default() };
        let before = state.kept.items.insert(name.to_owned(), item);
        let is_same = before
            .is_some_and(|before| before.failure.is_none() && before.hash == state.kept.items[name].hash);
        state.generation += u64::from(!is_same);
        state.is_dirty = true;
        Ok(())
    }

    /// The answer before is still what its host says.
    pub fn same(&self, name: &str, now: Time) {
        let mut state = self.state();
        let Some(item) = state.kept.items.get_mut(name) else { return };
        item.tried_at = now.micros();
        let failed = item.failure.take().is_some();
        item.gone_at = None;
        state.generation += u64::from(failed);
        state.is_dirty = true;
    }

    /// Nothing came. What its host said last stays; where the host says that it `is_gone`, for a while.
    pub fn fail(&self, name: &str, why: String, is_gone: bool, now: Time) {
        let mut state = self.state();
        let item = state.kept.items.entry(name.to_owned()).or_default();
        item.tried_at = now.micros();
        let gone_at = is_gone.then(|| item.gone_at.unwrap_or(now.micros()));
        let is_over = gone_at.is_some_and(|at| at < now.plus_seconds(-limits::SOURCE_GONE_SECONDS).micros());
        let ends = is_over && item.hash.take().is_some();
        let is_new = item.failure.as_ref() != Some(&why) || item.gone_at.is_some() != is_gone || ends;
        (item.failure, item.gone_at) = (Some(why), gone_at);
        state.generation += u64::from(is_new);
        state.is_dirty = true;
    }

    /// Whether the host of `name` says that it is gone.
    pub fn is_gone(&self, name: &str) -> bool {
        self.state().kept.items.get(name).is_some_and(|item| item.gone_at.is_some())
    }

    /// Puts a whole commit in place of the one before: names, and the place of each in `body`.
    ///
    /// # Errors
    /// As [`Shelf::put`].
    pub fn turn<'b>(
        &self,
        commit: &str,
        branch: &str,
        files: Vec<(String, usize)>,
        body: &dyn Fn(usize) -> &'b [u8],
        now: Time,
    ) -> std::io::Result<()> {
        // One text may stand under very many names; it is hashed and written once.
        let mut known: BTreeMap<usize, (String, u64)> = BTreeMap::new();
        let mut items = BTreeMap::new();
        for (name, at) in files {
            if let std::collections::btree_map::Entry::Vacant(entry) = known.entry(at) {
                let body = body(at);
                let hash = hex(body);
                self.write(&hash, body)?;
                entry.insert((hash, body.len() as u64));
            }
            let (hash, bytes) = known.get(&at).cloned().unwrap_or_default();
            items.insert(name, Item { hash: Some(hash), bytes, tried_at: now.micros(), ..Item::default() });
        }
        let mut state = self.state();
        let source = self.source.clone();
        let (revision, branch) = (Some(commit.to_owned()), Some(branch.to_owned()));
        state.kept = Kept { source, revision, branch, failure: None, tried_at: now.micros(), items };
        state.generation += 1;
        state.is_dirty = true;
        Ok(())
    }

    /// The repository is at the commit that is here already, or could not be asked.
    pub fn asked(&self, failure: Option<String>, now: Time) {
        let mut state = self.state();
        state.kept.tried_at = now.micros();
        let is_new = state.kept.failure != failure;
        state.kept.failure = failure;
        state.generation += u64::from(is_new);
        state.is_dirty = true;
    }

    /// Ends a reading: names of the web that it did not ask for go.
    pub fn end(&self) {
        let mut state = self.state();
        if self.kind == Kind::Web {
            let used = std::mem::take(&mut state.used);
            let before = state.kept.items.len();
            state.kept.items.retain(|name, _| used.contains(name) || *name == self.source);
            state.is_dirty |= state.kept.items.len() != before;
        }
    }

    /// Writes down what there is, where that is not done, and removes every file that no name needs.
    pub fn save(&self) {
        let mut state = self.state();
        if !std::mem::take(&mut state.is_dirty) {
            return;
        }
        let text = serde_json::to_vec(&state.kept).unwrap_or_default();
        let needed: HashSet<String> =
            state.kept.items.values().filter_map(|item| item.hash.clone()).collect();
        drop(state);
        if let Err(error) = self.replace("index.json", &text) {
            tracing::warn!(%error, source = self.source, "what was fetched cannot be kept; it is fetched again after a restart");
            return;
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "index.json" && !needed.contains(&name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Takes everything away.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn write(&self, name: &str, body: &[u8]) -> std::io::Result<()> {
        // Named by what is in it: one that is there is whole.
        if self.folder.join(name).exists() { Ok(()) } else { self.replace(name, body) }
    }

    fn replace(&self, name: &str, body: &[u8]) -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let half = self.folder.join(format!("{name}.part"));
        let mut file = fs::File::create(&half)?;
        file.write_all(body)?;
        fs::rename(half, self.folder.join(name))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn want(&mut self, name: &str) -> String {
        // A Location with a million targets, or one that leads on for ever, ends here.
        if self.kept.items.len() + self.wanted.len() >= limits::SOURCE_FILES_MAX {
            return format!("the location leads to more than {} files", limits::SOURCE_FILES_MAX);
        }
        self.wanted.insert(name.to_owned());
        PENDING.to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
