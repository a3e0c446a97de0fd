//! Where a template's own files are: its folder on disk, the sample in the binary, what was fetched of it, or what a dry run
//! brought along.
//!
//! Unlike the catalog's view of the same folder, hidden files are part of it (a skeleton has its `.github`), and files
//! need not be text. Symbolic links are never followed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::catalog::files::{Files, resolve};
use crate::catalog::index::Index;
use crate::limits;

use super::workspace;

/// A template's own files.
#[derive(Clone, Debug)]
pub enum Source {
    /// A tree, and the file in it that describes the template.
    Tree(Files, String),
    /// Paths relative to the template, and contents.
    Given(BTreeMap<String, Vec<u8>>),
}

/// One file of a source.
#[derive(Clone, Debug)]
pub struct Found {
    /// Relative to what was asked for.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
    /// Whether it may be run.
    pub is_executable: bool,
}

impl Source {
    /// Of a template in the catalog.
    pub fn of(index: &Index, reference: &str) -> Option<Self> {
        let (files, file) = index.source(reference)?;
        Some(Self::Tree(files.clone(), file.to_owned()))
    }

    /// Every file below the folder that `url` names, relative to the template.
    ///
    /// # Errors
    /// A sentence, where it leads out, is no folder, or holds too much.
    pub fn folder(&self, url: &str) -> Result<Vec<Found>, String> {
        let found = match self {
            Self::Given(files) => given(files, &self.place(url)?),
            Self::Tree(files @ (Files::Embedded(_) | Files::Fetched(_)), _) => {
                let folder = self.place(url)?;
                let names = files.below(&folder, limits::SCAFFOLDER_FILES_MAX);
                names
                    .iter()
                    .map(|name| embedded(files, name, below(name, &folder)))
                    .collect::<Result<_, _>>()?
            }
            Self::Tree(Files::Disk(_), _) => {
                on_disk(&self.on_disk(url)?).map_err(|why| format!("{url:?}: {why}"))?
            }
        };
        if found.is_empty() {
            return Err(format!("{url:?} is no folder beside the template, or an empty one"));
        }
        Ok(found)
    }

    /// The one file that `url` names.
    ///
    /// # Errors
    /// A sentence, as [`Source::folder`].
    pub fn file(&self, url: &str) -> Result<Found, String> {
        let place = self.place(url)?;
        match self {
            Self::Given(files) => {
                let content = files.get(&place).ok_or_else(|| format!("{url:?} is not there"))?;
                Ok(Found { path: place, content: content.clone(), is_executable: false })
            }
            Self::Tree(files @ (Files::Embedded(_) | Files::Fetched(_)), _) => {
                embedded(files, &place, &place)
            }
            Self::Tree(Files::Disk(_), _) => {
                let on_disk = self.on_disk(url)?;
                let content = workspace::read_file(&on_disk, limits::SCAFFOLDER_FILE_BYTES_MAX);
                let content = content.map_err(|why| format!("{url:?} {why}"))?;
                Ok(Found { path: place, content, is_executable: false })
            }
        }
    }

    /// What `url` means, from the root of the tree.
    fn place(&self, url: &str) -> Result<String, String> {
        match self {
            Self::Tree(files, file) => files.beside(file, url),
            Self::Given(_) => resolve("template.yaml", url),
        }
    }

    /// Its place on disk, every part of which is no link: a template's author may not own the machine.
    fn on_disk(&self, url: &str) -> Result<PathBuf, String> {
        let place = self.place(url)?;
        let Self::Tree(Files::Disk(root), _) = self else { return Err("it is on no disk".to_owned()) };
        let mut on_disk = root.clone();
        for part in workspace::parts(&place)? {
            on_disk.push(part);
            if std::fs::symlink_metadata(&on_disk).is_ok_and(|found| found.is_symlink()) {
                return Err(format!("{url:?} goes through a symbolic link"));
            }
        }
        Ok(on_disk)
    }
}

fn given(files: &BTreeMap<String, Vec<u8>>, folder: &str) -> Vec<Found> {
    let inside =
        |name: &str| folder.is_empty() || name.strip_prefix(folder).is_some_and(|r| r.starts_with('/'));
    let files = files.iter().filter(|(name, _)| inside(name));
    files
        .map(|(name, content)| Found {
            path: below(name, folder).to_owned(),
            content: content.clone(),
            is_executable: false,
        })
        .collect()
}

fn embedded(files: &Files, name: &str, path: &str) -> Result<Found, String> {
    let content =
        files.read(name, limits::SCAFFOLDER_FILE_BYTES_MAX).map_err(|why| format!("{name:?}: {why}"))?;
    Ok(Found { path: path.to_owned(), content: content.into_bytes(), is_executable: false })
}

fn below<'n>(name: &'n str, folder: &str) -> &'n str {
    name.strip_prefix(folder).unwrap_or(name).trim_start_matches('/')
}

fn on_disk(folder: &std::path::Path) -> Result<Vec<Found>, String> {
    let mut entries = Vec::new();
    workspace::walk(folder, "", true, &mut entries)
        .map_err(|error| format!("its folder cannot be read: {error}"))?;
    if entries.len() > limits::SCAFFOLDER_FILES_MAX {
        return Err(format!("its folder holds more than {} files", limits::SCAFFOLDER_FILES_MAX));
    }
    if entries.iter().map(|entry| entry.bytes).sum::<u64>() > limits::SCAFFOLDER_WORKSPACE_BYTES_MAX {
        return Err("its folder holds more than a workspace may".to_owned());
    }
    entries.retain(|entry| !entry.is_folder && !entry.path.starts_with(".git/"));
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let read = |entry: workspace::Entry| {
        let content = workspace::read_file(&folder.join(&entry.path), limits::SCAFFOLDER_FILE_BYTES_MAX);
        let content = content.map_err(|why| format!("{:?} {why}", entry.path))?;
        Ok(Found { path: entry.path, content, is_executable: entry.is_executable })
    };
    entries.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_template_reads_nothing_outside_the_catalog_s_folder_and_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("catalog");
        std::fs::create_dir_all(root.join("t/skeleton/.github")).unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        std::fs::write(root.join("t/skeleton/.github/x.yml"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("t/skeleton/link")).unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("t/out")).unwrap();
        let source = Source::Tree(Files::disk(&root).unwrap(), "t/template.yaml".into());
        let paths: Vec<_> = source.folder("./skeleton").unwrap().into_iter().map(|f| f.path).collect();
        assert_eq!(paths, [".github/x.yml"]);
        for url in
            ["../../secret", "out", "out/secret", "skeleton/link", "/etc", "file:///etc", "..\\..", "nosuch"]
        {
            assert!(source.folder(url).is_err() && source.file(url).is_err(), "{url}");
        }
    }
}
