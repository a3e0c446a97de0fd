//! Paths → entities. Finds descriptors, follows Locations, links what was read, and reports the rest.
//!
//! A path that is a file is read as a descriptor whatever it is called. In a folder, at any depth:
//! `catalog-info.yaml` is a descriptor; another `.yaml` or `.yml` is one if a line of it begins with
//! `apiVersion:` and names `backstage.io`, so that a Kubernetes manifest or an OpenAPI document beside it is
//! not an error. Hidden folders and `node_modules` are not entered. What a template copies is not read: the
//! folders that its `fetch:` steps name by a relative URL, files with `${{` in their name, and folders called
//! `skeleton` or `skeletons`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::descriptor::{self, Entity, Place};
use super::files::{Files, matches, resolve};
use super::relation;
use super::yaml::{self, Document};
use crate::limits;

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
}

/// Reads the descriptors at `paths`, each a file or a folder. Never fails as a whole: what cannot be read is
/// a [`Problem`], and everything else is there.
pub fn load(paths: &[PathBuf]) -> Loaded {
    let mut loading = Loading::default();
    for path in paths {
        loading.path(path);
    }
    loading.finish()
}

/// Reads the descriptors at `paths`, and then those that the binary carries, from its `all.yaml` on.
pub(super) fn load_with(paths: &[PathBuf], carried: &'static [(&'static str, &'static str)]) -> Loaded {
    let mut loading = Loading::default();
    for path in paths {
        loading.path(path);
    }
    let files = Arc::new(Files::Embedded(carried));
    loading.start(&files, vec!["all.yaml".to_owned()], &HashSet::new());
    loading.finish()
}

/// A file to read, and the file that first led to it.
struct Next {
    path: String,
    origin: String,
}

#[derive(Default)]
struct Loading {
    loaded: Loaded,
    first: HashMap<String, Place>,
}

impl Loading {
    fn path(&mut self, path: &Path) {
        let (folder, file) = match path.is_dir() {
            true => (path, None),
            false => {
                (path.parent().unwrap_or(Path::new("")), path.file_name().and_then(|name| name.to_str()))
            }
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match (Files::disk(folder).map(Arc::new), file) {
            (Ok(files), None) if path.is_dir() => self.tree(&files),
            (Ok(files), Some(name)) => self.start(&files, vec![name.to_owned()], &HashSet::new()),
            (Ok(_), None) => {
                self.say(Severity::Error, &path.display().to_string(), "its name cannot be read")
            }
            (Err(why), _) => self.say(Severity::Error, &path.display().to_string(), &why),
        }
    }

    fn tree(&mut self, files: &Arc<Files>) {
        let (found, passed) = files.walk();
        for (file, why) in passed {
            self.say(Severity::Note, &file, &why);
        }
        let mut skeletons = HashSet::new();
        let mut descriptors = Vec::new();
        for path in found.into_iter().filter(|path| !is_skeleton_by_name(path)) {
            let is_named = path.rsplit('/').next().is_some_and(|name| {
                name.eq_ignore_ascii_case("catalog-info.yaml")
                    || name.eq_ignore_ascii_case("catalog-info.yml")
            });
            match files.read(&path, limits::DESCRIPTOR_BYTES_MAX) {
                Ok(text) if is_named || names_backstage(&text) => {
                    if text.contains("fetch:") {
                        skeletons.extend(skeletons_of(&path, &yaml::documents(&text)));
                    }
                    descriptors.push(path);
                }
                Err(why) if is_named => self.say(Severity::Error, &path, &why),
                Ok(_) => self.say(Severity::Note, &path, "not a descriptor: no apiVersion of backstage.io"),
                Err(why) => self.say(Severity::Note, &path, &why),
            }
        }
        self.start(files, descriptors, &skeletons);
    }

    /// Reads `paths`, and where their Locations lead, each file once.
    fn start(&mut self, files: &Arc<Files>, paths: Vec<String>, skeletons: &HashSet<String>) {
        let mut seen = HashSet::new();
        let mut queue: VecDeque<Next> = paths
            .into_iter()
            .filter(|path| !skeletons.iter().any(|folder| is_inside(path, folder)))
            .map(|path| Next { origin: path.clone(), path })
            .collect();
        while let Some(next) = queue.pop_front() {
            if !seen.insert(next.path.clone()) || self.is_full(&next) {
                continue;
            }
            match files.read(&next.path, limits::DESCRIPTOR_BYTES_MAX) {
                Err(why) => self.say(Severity::Error, &next.path, &why),
                Ok(text) => {
                    self.loaded.files += 1;
                    for document in yaml::documents(&text) {
                        self.document(document, &next, files, &mut queue);
                    }
                }
            }
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

    fn document(&mut self, document: Document, next: &Next, files: &Arc<Files>, queue: &mut VecDeque<Next>) {
        let place = Place { file: next.path.clone(), document: document.number, line: document.line };
        let value = match document.content {
            Ok(value) => value,
            Err(why) => return self.problem(Severity::Error, place, None, why),
        };
        match descriptor::entity(value, &place, &next.origin, files) {
            Err(faults) => {
                for message in faults.messages {
                    self.problem(Severity::Error, place.clone(), faults.reference.clone(), message);
                }
            }
            Ok(entity) => {
                let reference = entity.reference.to_string();
                if let Some(first) = self.first.get(&reference) {
                    let message = format!(
                        "Detected conflicting entityRef {reference} already referenced by {first} and now also {place}"
                    );
                    return self.problem(Severity::Error, place, Some(reference), message);
                }
                self.first.insert(reference, place);
                if entity.reference.kind() == "location" {
                    self.follow(&entity, next, files, queue);
                }
                self.loaded.entities.push(entity);
            }
        }
    }

    fn follow(&mut self, location: &Entity, next: &Next, files: &Arc<Files>, queue: &mut VecDeque<Next>) {
        let spec = &location.value["spec"];
        let one = spec["target"].as_str();
        let many = spec["targets"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let is_optional = spec["presence"] == "optional";
        let name = Some(location.reference.to_string());
        for target in one.into_iter().chain(many) {
            let place = location.place.clone();
            if target.contains("://") {
                let message = format!("not fetched here: {}", super::excerpt(target));
                self.problem(Severity::Note, place, name.clone(), message);
                continue;
            }
            match resolve(&next.path, target) {
                Err(why) => self.problem(Severity::Error, place, name.clone(), why),
                Ok(pattern) if pattern.contains('*') => {
                    let found = files.walk().0.into_iter().filter(|path| matches(&pattern, path));
                    queue.extend(found.map(|path| Next { path, origin: next.origin.clone() }));
                }
                Ok(path) => match files.read(&path, limits::DESCRIPTOR_BYTES_MAX) {
                    Ok(_) => queue.push_back(Next { path, origin: next.origin.clone() }),
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

    fn finish(mut self) -> Loaded {
        let findings = relation::link(&mut self.loaded.entities);
        let mut unsound = HashSet::new();
        for finding in findings {
            let entity = &self.loaded.entities[finding.entity];
            let (place, name) = (entity.place.clone(), entity.reference.to_string());
            let severity = if finding.is_fault { Severity::Error } else { Severity::Warning };
            if finding.is_fault {
                unsound.insert(finding.entity);
            }
            self.problem(severity, place, Some(name), finding.message);
        }
        let mut index = 0;
        self.loaded.entities.retain(|_| {
            index += 1;
            !unsound.contains(&(index - 1))
        });
        self.loaded
    }
}

fn names_backstage(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("apiVersion:") && line.contains("backstage.io"))
}

fn is_skeleton_by_name(path: &str) -> bool {
    path.contains("${{") || path.split('/').any(|part| part == "skeleton" || part == "skeletons")
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
