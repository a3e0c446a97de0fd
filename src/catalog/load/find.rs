//! Which files are descriptors, and which of them changed since the last reading.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::super::files::{Files, matches};
use super::super::yaml;
use super::memory::{self, Kept};
use super::{Loading, Severity, skeletons_of};
use crate::limits;

impl Loading<'_> {
    pub(super) fn path(&mut self, path: &Path) {
        let (folder, file) = match path.is_dir() {
            true => (path, None),
            false => {
                (path.parent().unwrap_or(Path::new("")), path.file_name().and_then(|name| name.to_str()))
            }
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let opened = Files::disk(folder).map(Arc::new);
        if let Ok(files) = &opened
            && (path.is_dir() || path.exists())
        {
            self.memory.opened(path, files);
        }
        match (opened, file) {
            (Ok(files), None) if path.is_dir() => self.tree(&files, None),
            (Ok(files), Some(name)) if path.exists() => {
                self.start(&files, vec![name.to_owned()], &HashSet::new());
            }
            (Ok(_), Some(name)) => self.lost(path, name, "No such file or directory"),
            (Ok(_), None) => {
                self.say(Severity::Error, &path.display().to_string(), "its name cannot be read")
            }
            (Err(why), _) => self.lost(path, &path.display().to_string(), &why),
        }
    }

    /// A path that cannot be opened, as when a disk is not there for a moment: what it held stays.
    pub(super) fn lost(&mut self, path: &Path, name: &str, why: &str) {
        self.say(Severity::Error, name, why);
        if let Some((root, names)) = self.memory.lost(path, self.before.map(|(memory, _)| memory)) {
            let files = Arc::new(Files::Disk(root));
            for name in names {
                self.hold(&files, &name, &[(None, why.to_owned())]);
            }
        }
    }

    /// Reads the descriptors of a tree; where there are `patterns`, the files that they mean, whatever they are called.
    pub(super) fn tree(&mut self, files: &Arc<Files>, patterns: Option<&[String]>) {
        let (mut found, passed) = files.walk();
        self.memory.walked(files, &found);
        if let Some(patterns) = patterns {
            found.retain(|path| patterns.iter().any(|pattern| matches(pattern, path)));
        }
        for (file, why) in passed {
            self.say(Severity::Note, &file, &why);
        }
        let mut skeletons = HashSet::new();
        let mut descriptors = Vec::new();
        for path in found.into_iter().filter(|path| !is_skeleton_by_name(path)) {
            let is_catalog_info = path.rsplit('/').next().is_some_and(|name| {
                name.eq_ignore_ascii_case("catalog-info.yaml")
                    || name.eq_ignore_ascii_case("catalog-info.yml")
            });
            let is_named = patterns.is_some() || is_catalog_info;
            let kept = match self.unchanged(files, &path) {
                Some(kept) => kept,
                None => match self.sift(files, &path, is_named) {
                    Ok(kept) => kept,
                    Err(why) => {
                        let severity = if is_named { Severity::Error } else { Severity::Note };
                        self.say(severity, &path, &why);
                        continue;
                    }
                },
            };
            if kept.is_descriptor {
                skeletons.extend(kept.skeletons.iter().cloned());
                descriptors.push(path.clone());
            } else {
                self.say(Severity::Note, &path, "not a descriptor: no apiVersion of backstage.io");
            }
            self.memory.keep(files, &path, kept);
        }
        self.start(files, descriptors, &skeletons);
    }

    /// Reads a file of a folder, to tell whether it is a descriptor.
    pub(super) fn sift(&mut self, files: &Arc<Files>, path: &str, is_named: bool) -> Result<Kept, String> {
        let stamp = files.stamp(path);
        let text = match files.read(path, limits::DESCRIPTOR_BYTES_MAX) {
            Ok(text) => text,
            Err(why) => {
                let makes = self.hold(files, path, &[(None, why.clone())]);
                self.memory.keep(files, path, Kept { stamp, makes, ..Kept::default() });
                return Err(why);
            }
        };
        let mut kept = Kept { stamp, hash: memory::hash(&text), ..Kept::default() };
        kept.is_descriptor = is_named || names_backstage(&text);
        if kept.is_descriptor && text.contains("fetch:") {
            kept.skeletons = skeletons_of(path, &yaml::documents(&text));
        }
        Ok(kept)
    }

    /// Whether a Location's target can be read. One that cannot is remembered, since it may come; and what it made
    /// before stays, unless it is gone.
    pub(super) fn target(&mut self, files: &Arc<Files>, path: &str) -> Result<(), String> {
        let (stamp, before) =
            (files.stamp(path), self.before.and_then(|(memory, _)| memory.kept(files, path)));
        let is_same = |kept: &Kept| kept.stamp == stamp && !kept.hash.is_empty();
        if stamp.is_some() && before.is_some_and(is_same) {
            return Ok(());
        }
        let why = match files.read(path, limits::DESCRIPTOR_BYTES_MAX) {
            Ok(_) => return Ok(()),
            Err(why) => why,
        };
        let faults = [(None, why.clone())];
        let makes = if stamp.is_some() { self.hold(files, path, &faults) } else { Vec::new() };
        self.memory.keep(files, path, Kept { stamp, makes, ..Kept::default() });
        Err(why)
    }

    /// What is remembered of a file that has not changed since, nor what its placeholders bring in. Where only its
    /// times are others, its text decides.
    pub(super) fn unchanged(&self, files: &Files, path: &str) -> Option<Kept> {
        let kept = self.before?.0.kept(files, path)?;
        let stamp = files.stamp(path)?;
        if kept.brings.iter().any(|(path, stamp)| files.stamp(path) != *stamp) || kept.hash.is_empty() {
            return None;
        }
        let is_same = kept.stamp.as_ref() == Some(&stamp)
            || files
                .read(path, limits::DESCRIPTOR_BYTES_MAX)
                .is_ok_and(|text| memory::hash(&text) == kept.hash);
        is_same.then(|| Kept { stamp: Some(stamp), ..kept.clone() })
    }
}

fn names_backstage(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("apiVersion:") && line.contains("backstage.io"))
}

fn is_skeleton_by_name(path: &str) -> bool {
    path.contains("${{") || path.split('/').any(|part| part == "skeleton" || part == "skeletons")
}
