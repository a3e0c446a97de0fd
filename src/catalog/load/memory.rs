//! What one reading of the descriptors leaves for the next: which files there were, how to see that one changed, and
//! which entities each made. The entities themselves are in the index; nothing is kept twice.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::super::descriptor::{Entity, Place};
use super::super::files::{Files, Stamp};
use super::super::index::Index;
use super::super::relation::Ref;

/// A reading, remembered.
#[derive(Debug, Default)]
pub struct Memory {
    trees: HashMap<PathBuf, Tree>,
    /// Which tree each path of the configuration was.
    roots: HashMap<PathBuf, PathBuf>,
    /// Whether some path could not be opened: it may be there again at any time.
    is_lost: bool,
}

#[derive(Clone, Debug)]
struct Tree {
    of: Files,
    /// What was on a shelf of fetched files when it was read; it is looked at again when that changed.
    generation: u64,
    /// What a walk found, where there was one.
    walked: Option<Vec<String>>,
    files: HashMap<String, Kept>,
}

/// One file, remembered.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// How the file looked before it was read; `None` where there was none.
    pub stamp: Option<Stamp>,
    /// SHA-256 of its text.
    pub hash: Vec<u8>,
    /// The file that first led to it.
    pub origin: String,
    /// Whether it was read as a descriptor.
    pub is_descriptor: bool,
    /// Whether every document of it made an entity, so that there is nothing to say about it again.
    pub is_sound: bool,
    /// What it made, or what it made before it was spoilt.
    pub makes: Vec<(Ref, Place)>,
    /// The folders that its templates copy from.
    pub skeletons: Vec<String>,
    /// The files that its placeholders bring in.
    pub brings: Vec<(String, Option<Stamp>)>,
}

/// SHA-256 of a text.
pub fn hash(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

impl Memory {
    /// Whether everything that was read looks as it did: a walk and one `stat` a file, and nothing is opened.
    pub fn is_current(&self) -> bool {
        let is_same = |(root, tree): (&PathBuf, &Tree)| {
            if root.as_os_str().is_empty() {
                return true; // The binary's own.
            }
            let files = &tree.of;
            if let Files::Fetched(shelf) = files {
                return shelf.generation() == tree.generation;
            }
            tree.walked.as_ref().is_none_or(|walked| files.walk().0 == *walked)
                && tree.files.iter().all(|(path, kept)| {
                    files.stamp(path) == kept.stamp
                        && kept.brings.iter().all(|(path, stamp)| files.stamp(path) == *stamp)
                })
        };
        !self.is_lost && self.trees.iter().all(is_same)
    }

    fn tree(&mut self, files: &Files) -> &mut Tree {
        let new = || Tree {
            of: files.clone(),
            generation: files.generation(),
            walked: None,
            files: HashMap::new(),
        };
        self.trees.entry(files.root().to_owned()).or_insert_with(new)
    }

    /// Remembers that what was fetched into `files` was read.
    pub fn fetched(&mut self, files: &Files) {
        self.tree(files);
    }

    /// Remembers that `path` of the configuration is the tree `files`.
    pub fn opened(&mut self, path: &Path, files: &Files) {
        self.roots.insert(path.to_owned(), files.root().to_owned());
        self.tree(files);
    }

    /// Remembers what a walk of `files` found.
    pub fn walked(&mut self, files: &Files, found: &[String]) {
        self.tree(files).walked = Some(found.to_vec());
    }

    /// Remembers a file.
    pub fn keep(&mut self, files: &Files, path: &str, kept: Kept) {
        self.tree(files).files.insert(path.to_owned(), kept);
    }

    /// What is remembered of a file.
    pub fn kept(&self, files: &Files, path: &str) -> Option<&Kept> {
        self.trees.get(files.root())?.files.get(path)
    }

    /// What is remembered of a file that turns out to be spoilt.
    pub fn spoil(&mut self, files: &Files, path: &str) {
        if let Some(kept) = self.trees.get_mut(files.root()).and_then(|tree| tree.files.get_mut(path)) {
            kept.is_sound = false;
        }
    }

    /// Takes over from `before` the tree that `path` was, since it cannot be opened now: its root and its files.
    pub fn lost(&mut self, path: &Path, before: Option<&Self>) -> Option<(PathBuf, Vec<String>)> {
        self.is_lost = true;
        let before = before?;
        let root = before.roots.get(path)?;
        let tree = before.trees.get(root)?;
        self.roots.insert(path.to_owned(), root.clone());
        self.trees.entry(root.clone()).or_insert_with(|| tree.clone());
        Some((root.clone(), tree.files.keys().cloned().collect()))
    }
}

/// The entity that `index` has of this reference, where this file made it: as it was described, without what reading
/// adds.
pub fn made(index: &Index, files: &Arc<Files>, (reference, place): &(Ref, Place)) -> Option<Entity> {
    let (source, file) = index.source(reference.as_str())?;
    if file != place.file || source.root() != files.root() {
        return None;
    }
    let mut value = Value::clone(index.get(reference.as_str())?);
    if let Value::Object(root) = &mut value {
        root.shift_remove("relations");
        root.shift_remove("status");
        // Only what reading added: of a descriptor on disk it would be its author's.
        if let (Files::Fetched(_), Some(annotations)) =
            (files.as_ref(), root.get_mut("metadata").and_then(|it| it["annotations"].as_object_mut()))
        {
            annotations.shift_remove(super::fetched::ORPHAN);
        }
    }
    let (reference, place) = (reference.clone(), place.clone());
    Some(Entity { reference, value, place, files: Arc::clone(files) })
}
