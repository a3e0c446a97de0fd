//! The catalog, read again: what changed is parsed, what did not is taken over, what is broken keeps its last good
//! version.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::descriptor::Entity;
use super::index::Index;
use super::load::{From, Loaded, Memory, Problem, read};
use super::relation::Ref;
use super::sources::Source;
use super::sources::shelf::Shelf;
use crate::limits;

/// What a catalog is read from, and what the last reading left.
#[derive(Debug, Default)]
pub struct Reader {
    paths: Vec<PathBuf>,
    demo: bool,
    sources: Vec<Source>,
    /// Whether the sources are others than at the last reading.
    is_moved: bool,
    memory: Option<Memory>,
    said: HashSet<String>,
    problems: Arc<Vec<Problem>>,
}

/// What a refresh came to.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Whether the catalog is another one now.
    pub is_changed: bool,
    /// Which entities are new, gone or different, the first [`limits::CATALOG_CHANGES_TOLD_MAX`] of them.
    pub changed: Vec<Ref>,
    /// What there is to say that the refresh before did not say.
    pub problems: Vec<Problem>,
    /// How many files were read as descriptors.
    pub files: usize,
    /// How many of them had to be parsed.
    pub parsed: usize,
}

impl Reader {
    /// Reads `paths`, and the sample where `demo` says so.
    pub fn new(paths: &[PathBuf], demo: bool) -> Self {
        Self { paths: paths.to_vec(), demo, ..Self::default() }
    }

    /// What else is read.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Reads these from now on.
    pub fn set_sources(&mut self, sources: Vec<Source>) {
        let keys = |all: &[Source]| all.iter().map(|it| it.files.root().to_owned()).collect::<Vec<_>>();
        self.is_moved |= keys(&self.sources) != keys(&sources);
        self.sources = sources;
    }

    /// Everything that the last reading had to say.
    pub fn problems(&self) -> Arc<Vec<Problem>> {
        Arc::clone(&self.problems)
    }

    /// Reads again. Gives the entities where they are others than those of `index`.
    pub fn read(&mut self, index: &Index) -> (Refreshed, Option<Vec<Entity>>) {
        let is_opened = !self.paths.is_empty() || self.demo || !self.sources.is_empty() || self.is_moved;
        let is_current = !self.is_moved && self.memory.as_ref().is_some_and(Memory::is_current);
        if !is_opened || is_current {
            return (Refreshed::default(), None);
        }
        self.is_moved = false;
        let shelves = || self.sources.iter().filter_map(Source::shelf);
        shelves().for_each(Shelf::begin);
        let before = self.memory.as_ref().map(|memory| (memory, index));
        let from = From { paths: &self.paths, demo: self.demo, sources: &self.sources };
        let (Loaded { entities, problems, files, parsed }, memory) = read(&from, before);
        shelves().for_each(Shelf::end);
        self.memory = Some(memory);
        let is_last = !shelves().any(Shelf::wants);
        let sentence = |problem: &Problem| format!("{} {}", problem.place, problem.message);
        self.problems = Arc::new(problems.clone());
        let mut news = Vec::new();
        // What is still being fetched is nothing to tell anybody.
        if is_last {
            let said = problems.iter().map(sentence).collect();
            news.extend(problems.into_iter().filter(|it| !self.said.contains(&sentence(it))));
            self.said = said;
        }
        let changed = difference(index, &entities);
        let is_changed = !changed.is_empty();
        let refreshed = Refreshed { is_changed, changed, problems: news, files, parsed };
        let entities = refreshed.is_changed.then_some(entities);
        (refreshed, entities)
    }
}

impl Refreshed {
    /// Adds what the next reading came to.
    pub fn merge(&mut self, next: Self) {
        self.is_changed |= next.is_changed;
        self.changed.extend(next.changed);
        self.changed.sort();
        self.changed.dedup();
        self.changed.truncate(limits::CATALOG_CHANGES_TOLD_MAX);
        self.problems.extend(next.problems);
        self.files = self.files.max(next.files);
        self.parsed += next.parsed;
    }
}

/// The references of what is new, gone or different, at most as many as are told of.
fn difference(index: &Index, entities: &[Entity]) -> Vec<Ref> {
    let is_other = |entity: &&Entity| {
        let known = index.get(entity.reference.as_str());
        let source = index.source(entity.reference.as_str());
        known.is_none_or(|known| **known != entity.value)
            || source.is_none_or(|(files, _)| files.root() != entity.files.root())
    };
    let here: HashSet<&Ref> = entities.iter().map(|entity| &entity.reference).collect();
    let gone = index.references().iter().filter(|reference| !here.contains(reference)).cloned();
    let others = entities.iter().filter(is_other).map(|entity| entity.reference.clone());
    gone.chain(others).take(limits::CATALOG_CHANGES_TOLD_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::Catalog;
    use super::super::load::STATUS_TYPE;
    use super::*;

    fn group(name: &str, more: &str) -> String {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {{name: {name}}}\nspec: {{type: team, children: []{more}}}\n"
        )
    }

    fn write(folder: &Path, name: &str, text: &str) {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }

    fn names(catalog: &Catalog) -> Vec<String> {
        catalog.index().references().iter().map(|it| it.name().to_owned()).collect()
    }

    fn said(refreshed: &Refreshed) -> String {
        refreshed.problems.iter().map(|it| format!("{}\n", it.message)).collect()
    }

    #[test]
    fn one_changed_file_is_parsed_and_the_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            write(folder.path(), &format!("{name}/catalog-info.yaml"), &group(name, ""));
        }
        let (catalog, first) = Catalog::open(&[folder.path().to_owned()], false);
        assert_eq!((first.parsed, first.is_changed), (3, true));
        let held = catalog.index();
        let idle = catalog.refresh();
        assert_eq!((idle.files, idle.parsed, idle.is_changed), (0, 0, false));
        assert!(std::sync::Arc::ptr_eq(&held, &catalog.index()));
        write(folder.path(), "b/catalog-info.yaml", &group("b", ", parent: a"));
        let one = catalog.refresh();
        assert_eq!((one.files, one.parsed, one.is_changed), (3, 1, true));
        // The other end of a relation is another entity, though its file is not.
        assert_eq!(one.changed.iter().map(Ref::name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(catalog.index().get("group:default/a").unwrap()["relations"][0]["type"], "parentOf");
        assert!(held.get("group:default/a").unwrap()["relations"][0].is_null(), "who reads is not disturbed");
        fs::remove_file(folder.path().join("a/catalog-info.yaml")).unwrap();
        write(folder.path(), "d/catalog-info.yaml", &group("d", ""));
        let moved = catalog.refresh();
        assert_eq!((names(&catalog), moved.parsed), (vec!["b".into(), "c".into(), "d".into()], 1));
        assert!(said(&moved).contains("group:default/a, which is not in the catalog"), "{}", said(&moved));
        write(folder.path(), "c/catalog-info.yaml", &group("c", ""));
        assert!(!catalog.refresh().is_changed, "written again with the same text");
    }

    #[test]
    fn a_spoilt_descriptor_keeps_its_last_good_version_and_says_why_once() {
        let folder = tempfile::tempdir().unwrap();
        let two = format!("{}---\n{}", group("a", ""), group("b", ""));
        write(folder.path(), "catalog-info.yaml", &two);
        let (catalog, _) = Catalog::open(&[folder.path().to_owned()], false);
        let status = |name: &str| {
            let index = catalog.index();
            index.get(&format!("group:default/{name}")).unwrap()["status"].clone()
        };
        assert!(status("a").is_null());
        for bad in [
            two.replace("name: a}\nspec: {type: team", "name: a}\nspec: {type: 5"),
            two.replace(
                "name: a}\nspec: {type: team, children: []",
                "name: a}\nspec: {type: team, children: [':']",
            ),
        ] {
            write(folder.path(), "catalog-info.yaml", &bad);
            assert!(said(&catalog.refresh()).len() > 10);
            assert_eq!(names(&catalog), ["a", "b"]);
            let item = &status("a")["items"][0];
            assert_eq!((item["type"].as_str(), item["level"].as_str()), (Some(STATUS_TYPE), Some("error")));
            assert!(item["message"].as_str().unwrap().starts_with("InputError: "));
            assert!(status("b").is_null());
            // Looked at again with another file beside it, it is held still and not said again.
            write(folder.path(), "other/catalog-info.yaml", &group(&format!("x{}", bad.len()), ""));
            assert_eq!(said(&catalog.refresh()), "");
            assert!(status("a").is_object());
            fs::remove_dir_all(folder.path().join("other")).unwrap();
            catalog.refresh();
        }
        write(folder.path(), "catalog-info.yaml", "a: [\n");
        catalog.refresh();
        assert!(status("a").is_object() && status("b").is_object(), "nothing says which entity it was");
        write(folder.path(), "catalog-info.yaml", &two);
        catalog.refresh();
        assert!(status("a").is_null() && status("b").is_null());
        write(folder.path(), "catalog-info.yaml", &group("b", ""));
        catalog.refresh();
        assert_eq!(names(&catalog), ["b"], "what is taken out of a sound file goes");
    }

    #[test]
    fn a_spoilt_location_does_not_take_what_it_led_to_and_an_absent_folder_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("here");
        let location = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec: {target: ./a.yaml}\n";
        write(&here, "all.yaml", location);
        write(&here, "a.yaml", &group("a", ""));
        let (catalog, _) = Catalog::open(&[here.join("all.yaml")], false);
        assert_eq!(names(&catalog), ["a", "all"]);
        write(&here, "all.yaml", "kind: [\n");
        catalog.refresh();
        assert_eq!(names(&catalog), ["a", "all"]);
        fs::rename(&here, folder.path().join("away")).unwrap();
        assert!(!said(&catalog.refresh()).is_empty());
        assert_eq!(names(&catalog), ["a", "all"]);
        fs::rename(folder.path().join("away"), &here).unwrap();
        write(&here, "all.yaml", location);
        catalog.refresh();
        assert_eq!(names(&catalog), ["a", "all"]);
        assert!(catalog.index().get("group:default/a").unwrap().get("status").is_none());
        fs::remove_file(here.join("a.yaml")).unwrap();
        catalog.refresh();
        assert_eq!(names(&catalog), ["all"], "a file that is gone takes its entities with it");
    }

    #[test]
    fn what_a_location_leads_to_later_is_found_when_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let location = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec: {presence: optional, targets: [./a.yaml, './more/*.yaml']}\n";
        write(folder.path(), "all.yaml", location);
        let (catalog, _) = Catalog::open(&[folder.path().join("all.yaml")], false);
        assert_eq!(names(&catalog), ["all"]);
        write(folder.path(), "a.yaml", &group("a", ""));
        assert_eq!(catalog.refresh().parsed, 1);
        write(folder.path(), "more/b.yaml", &group("b", ""));
        assert_eq!(catalog.refresh().parsed, 1);
        assert_eq!(names(&catalog), ["a", "b", "all"]);
    }

    #[test]
    fn what_a_placeholder_brings_in_is_part_of_the_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let api = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec: {type: x, lifecycle: y, owner: z, definition: {$text: ./a.txt}}\n";
        write(folder.path(), "catalog-info.yaml", api);
        write(folder.path(), "a.txt", "one");
        let (catalog, _) = Catalog::open(&[folder.path().to_owned()], false);
        write(folder.path(), "a.txt", "two");
        assert!(catalog.refresh().is_changed);
        assert_eq!(catalog.index().get("api:default/a").unwrap()["spec"]["definition"], "two");
    }
}
