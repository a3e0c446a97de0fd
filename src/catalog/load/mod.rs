//! Paths → entities. Finds descriptors, follows Locations, links what was read, and reports the rest.
//!
//! A path that is a file is read as a descriptor whatever it is called. In a folder, at any depth:
//! `catalog-info.yaml` is a descriptor; another `.yaml` or `.yml` is one if a line of it begins with
//! `apiVersion:` and names `backstage.io`, so that a Kubernetes manifest or an OpenAPI document beside it is
//! not an error. Hidden folders and `node_modules` are not entered. What a template copies is not read: the
//! folders that its `fetch:` steps name by a relative URL, files with `${{` in their name, and folders called
//! `skeleton` or `skeletons`.

mod fetched;
mod find;
mod hold;
mod memory;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::descriptor::{self, Entity, Place};
use super::files::{Files, matches, resolve};
use super::index::Index;
use super::relation::Ref;
use super::sources::Source;
use super::yaml::{self, Document};
use super::{placeholder, sample};
use crate::limits;
use fetched::Bounds;
use hold::{Fault, Held};
use memory::{Kept, made};

pub use hold::STATUS_TYPE;
pub use memory::Memory;

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is not in the catalog.
    Error,
    /// It is, and something about it is probably not meant.
    Warning,
    /// Something was passed over on purpose.
    Note,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something to tell whoever wrote a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The entity, as far as it is known: `component:default/x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// What, as a sentence.
    pub message: String,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The sound entities, with their relations.
    pub entities: Vec<Entity>,
    /// Everything there is to say about the rest.
    pub problems: Vec<Problem>,
    /// How many files were read as descriptors.
    pub files: usize,
    /// How many of them had to be parsed; the others are as they were.
    pub parsed: usize,
}

/// Reads the descriptors at `paths`, each a file or a folder. Never fails as a whole: what cannot be read is
/// a [`Problem`], and everything else is there.
pub fn load(paths: &[PathBuf]) -> Loaded {
    read(&From { paths, demo: false, sources: &[] }, None).0
}

/// What there is to read.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// Files and folders.
    pub paths: &'a [PathBuf],
    /// Whether those that the binary carries are read too.
    pub demo: bool,
    /// What was fetched from elsewhere.
    pub sources: &'a [Source],
}

/// Reads the descriptors of `from`: paths, then sources of the configuration, then those that the binary carries, then
/// what was registered; of two that describe one entity the first is kept. With what the reading before left, files
/// that have not changed since are not parsed again, and what is broken now keeps its last good version.
pub fn read(from: &From<'_>, before: Option<(&Memory, &Index)>) -> (Loaded, Memory) {
    let mut loading = Loading { before, ..Loading::default() };
    for path in from.paths {
        loading.path(path);
    }
    let (registered, configured): (Vec<_>, Vec<_>) = from.sources.iter().partition(|it| it.is_registered());
    for source in configured {
        loading.source(source);
    }
    if from.demo {
        let files = Arc::new(Files::Embedded(sample::FILES));
        loading.start(&files, vec!["all.yaml".to_owned()], &HashSet::new());
    }
    // What is held for the operator's own comes before what anybody registered: a descriptor that is broken for an hour
    // must not be somebody else's from then on (attack).
    loading.put_back();
    for source in registered {
        loading.source(source);
        loading.put_back();
    }
    loading.finish()
}

/// A file to read, and the file that first led to it.
struct Next {
    path: String,
    origin: String,
    /// How many Locations led to it.
    steps: usize,
}

#[derive(Default)]
struct Loading<'a> {
    loaded: Loaded,
    first: HashMap<String, Place>,
    before: Option<(&'a Memory, &'a Index)>,
    memory: Memory,
    held: Vec<Held>,
    /// Why each entity that was put back is as it was, by position.
    reasons: HashMap<usize, String>,
    /// What the source that is being read may make.
    bounds: Option<Bounds>,
}

impl Loading<'_> {
    /// Reads `paths`, and where their Locations lead, each file once.
    fn start(&mut self, files: &Arc<Files>, paths: Vec<String>, skeletons: &HashSet<String>) {
        let mut seen = HashSet::new();
        let mut queue: VecDeque<Next> = paths
            .into_iter()
            .filter(|path| !skeletons.iter().any(|folder| is_inside(path, folder)))
            .map(|path| Next { origin: path.clone(), path, steps: 0 })
            .collect();
        while let Some(next) = queue.pop_front() {
            if seen.insert(next.path.clone()) && !self.is_full(&next) && !self.again(&next, files, &mut queue)
            {
                self.file(&next, files, &mut queue);
            }
        }
    }

    /// Takes the entities of a file over from the index, where nothing about it changed.
    fn again(&mut self, next: &Next, files: &Arc<Files>, queue: &mut VecDeque<Next>) -> bool {
        let Some((_, index)) = self.before else { return false };
        let kept = self.unchanged(files, &next.path);
        let Some(kept) = kept.filter(|kept| kept.is_sound && kept.origin == next.origin) else {
            return false;
        };
        let Some(entities) = kept.makes.iter().map(|of| made(index, files, of)).collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        self.memory.keep(files, &next.path, kept);
        self.loaded.files += 1;
        for entity in entities {
            let _ = self.accept(entity, next, files, queue);
        }
        true
    }

    fn file(&mut self, next: &Next, files: &Arc<Files>, queue: &mut VecDeque<Next>) {
        let mut kept = Kept {
            stamp: files.stamp(&next.path),
            origin: next.origin.clone(),
            is_descriptor: true,
            ..Kept::default()
        };
        let mut faults = Vec::new();
        match files.read(&next.path, limits::DESCRIPTOR_BYTES_MAX) {
            Err(why) => {
                self.say(Severity::Error, &next.path, &why);
                // A file that is gone takes its entities with it; one that cannot be read does not.
                faults.extend(kept.stamp.is_some().then_some((None, why)));
            }
            Ok(text) => {
                self.loaded.files += 1;
                self.loaded.parsed += 1;
                kept.hash = memory::hash(&text);
                let documents = yaml::documents(&text);
                if text.contains("fetch:") {
                    kept.skeletons = skeletons_of(&next.path, &documents);
                }
                for document in documents {
                    if let Ok(value) = &document.content {
                        let brought = placeholder::targets(&value["spec"], &next.path, files);
                        kept.brings
                            .extend(brought.into_iter().map(|path| (path.clone(), files.stamp(&path))));
                    }
                    match self.document(document, next, files, queue) {
                        Ok(made) => kept.makes.push(made),
                        Err(fault) => faults.push(fault),
                    }
                }
            }
        }
        kept.is_sound = faults.is_empty() && !kept.hash.is_empty();
        if !faults.is_empty() {
            kept.makes.extend(self.hold(files, &next.path, &faults));
            self.follow_held(next, files, queue);
        }
        self.memory.keep(files, &next.path, kept);
    }

    /// A Location that is held leads on at once: what it led to must not go because of it.
    fn follow_held(&mut self, next: &Next, files: &Arc<Files>, queue: &mut VecDeque<Next>) {
        let Some((_, index)) = self.before else { return };
        for location in self.held_locations(index, &next.path) {
            self.follow(&location, next, files, queue);
        }
    }

    fn is_full(&mut self, next: &Next) -> bool {
        let full = self.loaded.entities.len() >= limits::ENTITIES_MAX;
        if full {
            let why = format!("the catalog has {} entities; no more are read", limits::ENTITIES_MAX);
            self.say(Severity::Error, &next.path, &why);
        }
        full
    }

    fn document(
        &mut self,
        document: Document,
        next: &Next,
        files: &Arc<Files>,
        queue: &mut VecDeque<Next>,
    ) -> Result<(Ref, Place), Fault> {
        let place = Place { file: next.path.clone(), document: document.number, line: document.line };
        let value = match document.content {
            Ok(value) => value,
            Err(why) => {
                self.problem(Severity::Error, place, None, why.clone());
                return Err((None, why));
            }
        };
        match descriptor::entity(value, &place, &next.origin, files) {
            Err(faults) => {
                let all = faults.messages.join("; ");
                for message in faults.messages {
                    self.problem(Severity::Error, place.clone(), faults.reference.clone(), message);
                }
                Err((faults.reference, all))
            }
            Ok(entity) => self.accept(entity, next, files, queue),
        }
    }

    fn accept(
        &mut self,
        entity: Entity,
        next: &Next,
        files: &Arc<Files>,
        queue: &mut VecDeque<Next>,
    ) -> Result<(Ref, Place), Fault> {
        let (made, reference) =
            ((entity.reference.clone(), entity.place.clone()), entity.reference.to_string());
        if let Some(first) = self.first.get(&reference) {
            let place = entity.place;
            let message = format!(
                "Detected conflicting entityRef {reference} already referenced by {first} and now also {place}"
            );
            self.problem(Severity::Error, place, Some(reference.clone()), message.clone());
            return Err((Some(reference), message));
        }
        if let Some(why) = self.out_of_bounds(&entity) {
            self.problem(Severity::Error, entity.place, Some(reference.clone()), why.clone());
            return Err((Some(reference), why));
        }
        self.first.insert(reference, entity.place.clone());
        if entity.reference.kind() == "location" {
            self.follow(&entity, next, files, queue);
        }
        self.loaded.entities.push(entity);
        Ok(made)
    }

    fn follow(&mut self, location: &Entity, next: &Next, files: &Arc<Files>, queue: &mut VecDeque<Next>) {
        let spec = &location.value["spec"];
        let one = spec["target"].as_str();
        let many = spec["targets"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let is_optional = spec["presence"] == "optional";
        let name = Some(location.reference.to_string());
        if files.is_web() && next.steps >= limits::SOURCE_STEPS_MAX {
            let why = format!("its targets are more than {} steps away", limits::SOURCE_STEPS_MAX);
            return self.problem(Severity::Error, location.place.clone(), name, why);
        }
        for target in one.into_iter().chain(many) {
            let place = location.place.clone();
            if target.contains("://") && !files.is_web() {
                let message = format!("not fetched here: {}", super::excerpt(target));
                self.problem(Severity::Note, place, name.clone(), message);
                continue;
            }
            match files.lead(&next.path, target) {
                Err(why) => self.problem(Severity::Error, place, name.clone(), why),
                Ok(pattern) if pattern.contains('*') && !files.is_web() => {
                    let found = files.walk().0;
                    self.memory.walked(files, &found);
                    let found = found.into_iter().filter(|path| matches(&pattern, path));
                    queue.extend(found.map(|path| Next {
                        path,
                        origin: next.origin.clone(),
                        steps: next.steps + 1,
                    }));
                }
                Ok(path) => match self.target(files, &path) {
                    Ok(()) => {
                        queue.push_back(Next { path, origin: next.origin.clone(), steps: next.steps + 1 })
                    }
                    Err(_) if is_optional => {}
                    Err(why) => {
                        let message = format!("the target {} cannot be read: {why}", super::excerpt(target));
                        self.problem(Severity::Error, place, name.clone(), message);
                    }
                },
            }
        }
    }

    fn say(&mut self, severity: Severity, file: &str, message: &str) {
        let place = Place { file: file.to_owned(), document: 1, line: 1 };
        self.problem(severity, place, None, message.to_owned());
    }

    fn problem(&mut self, severity: Severity, place: Place, entity: Option<String>, message: String) {
        self.loaded.problems.push(Problem { severity, place, entity, message });
    }

    fn finish(mut self) -> (Loaded, Memory) {
        let mut reasons = std::mem::take(&mut self.reasons);
        self.link(&mut reasons);
        self.mark_orphans();
        (self.loaded, self.memory)
    }
}

fn is_inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The folders that the templates in `documents` copy from. One that holds the template itself is not a
/// skeleton, or the template would hide itself.
fn skeletons_of(path: &str, documents: &[Document]) -> Vec<String> {
    let steps = documents.iter().filter_map(|document| document.content.as_ref().ok()).flat_map(|document| {
        let is_template = document["kind"] == "Template";
        document["spec"]["steps"].as_array().filter(|_| is_template).into_iter().flatten()
    });
    steps
        .filter(|step| step["action"].as_str().is_some_and(|action| action.starts_with("fetch:")))
        .filter_map(|step| resolve(path, step["input"]["url"].as_str()?).ok())
        .filter(|folder| !folder.is_empty() && !is_inside(path, folder))
        .collect()
}

#[cfg(test)]
mod tests;
