//! The folder in which one task works: on disk, bounded, for its owner's eyes only, gone when the task has ended.
//!
//! A step names files by relative paths. What is absolute, what leads up with `..`, and what goes through a symbolic link
//! is refused before anything is opened, so that no step reads or writes anywhere else.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::limits;

/// A workspace. Its folder goes with it.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
}

/// One file or folder in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative, with `/` between its parts.
    pub path: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its size; nothing for a folder.
    pub bytes: u64,
    /// Whether it may be run.
    pub is_executable: bool,
}

impl Workspace {
    /// A new and empty one below `parent`; what was there before under that name goes.
    ///
    /// # Errors
    /// A sentence, where the disk does not let us.
    pub fn make(parent: &Path, name: &str) -> Result<Self, String> {
        let root = parent.join(name);
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("the old workspace cannot be removed: {error}"));
            }
            _ => {}
        }
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&root);
        made.map_err(|error| format!("the workspace cannot be made: {error}"))?;
        // Canonical, so that a link above it is no link within it.
        let root = root.canonicalize().map_err(|error| format!("the workspace cannot be opened: {error}"))?;
        Ok(Self { root })
    }

    /// The place of `path`, which may not be there yet.
    ///
    /// # Errors
    /// A sentence, where it is not a plain relative path, or goes through a symbolic link.
    pub fn place(&self, path: &str) -> Result<PathBuf, String> {
        let mut place = self.root.clone();
        for part in parts(path)? {
            place.push(part);
            if fs::symlink_metadata(&place).is_ok_and(|found| found.is_symlink()) {
                return Err(format!("{path:?} goes through a symbolic link"));
            }
        }
        Ok(place)
    }

    /// What is at `path`, if anything.
    ///
    /// # Errors
    /// As [`Workspace::place`].
    pub fn look(&self, path: &str) -> Result<Option<fs::Metadata>, String> {
        Ok(fs::symlink_metadata(self.place(path)?).ok())
    }

    /// Writes a file and the folders that lead to it.
    ///
    /// # Errors
    /// A sentence, also where the workspace would hold too much.
    pub fn write(&self, path: &str, content: &[u8], is_executable: bool) -> Result<(), String> {
        let place = self.place(path)?;
        if place == self.root {
            return Err(format!("{path:?} names no file"));
        }
        let (files, bytes) = self.size()?;
        let new = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if new > limits::SCAFFOLDER_FILE_BYTES_MAX {
            return Err(format!("{path:?} has more than {} bytes", limits::SCAFFOLDER_FILE_BYTES_MAX));
        }
        if files >= limits::SCAFFOLDER_FILES_MAX || bytes + new > limits::SCAFFOLDER_WORKSPACE_BYTES_MAX {
            return Err("the workspace holds as much as it may".to_owned());
        }
        let told = |error: std::io::Error| format!("{path:?} cannot be written: {error}");
        if let Some(folder) = place.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(told)?;
        }
        let mode = if is_executable { 0o700 } else { 0o600 };
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(mode).open(&place).map_err(told)?;
        file.write_all(content).map_err(told)
    }

    /// The content of a file.
    ///
    /// # Errors
    /// A sentence, also where it is no file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let place = self.place(path)?;
        read_file(&place, limits::SCAFFOLDER_FILE_BYTES_MAX).map_err(|why| format!("{path:?} {why}"))
    }

    /// Everything in the folder `path` and below, in order of path. Links are not followed, and not listed.
    ///
    /// # Errors
    /// A sentence, where it is no folder, or holds too much.
    pub fn list(&self, path: &str, deep: bool) -> Result<Vec<Entry>, String> {
        let start = self.place(path)?;
        if !start.is_dir() {
            return Err(format!("{path:?} is no folder"));
        }
        let mut found = Vec::new();
        walk(&start, "", deep, &mut found).map_err(|error| format!("{path:?} cannot be read: {error}"))?;
        if found.len() > limits::SCAFFOLDER_FILES_MAX {
            return Err(format!("{path:?} holds more than {} files", limits::SCAFFOLDER_FILES_MAX));
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// How many files and folders there are, and how many bytes.
    fn size(&self) -> Result<(usize, u64), String> {
        let mut found = Vec::new();
        walk(&self.root, "", true, &mut found)
            .map_err(|error| format!("the workspace cannot be read: {error}"))?;
        Ok((found.len(), found.iter().map(|entry| entry.bytes).sum()))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.root) {
            tracing::warn!(%error, "a workspace could not be removed");
        }
    }
}

/// The parts of a plain relative path. `.` and nothing are the folder itself.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parts(path: &str) -> Result<Vec<&str>, String> {
    let told = |what: &str| Err(format!("{:?} {what}", crate::catalog::excerpt(path)));
    if path.len() > limits::SCAFFOLDER_PATH_BYTES_MAX {
        return told("is too long for a path");
    }
    if path.starts_with('/') {
        return told("is an absolute path; paths here are relative to the workspace");
    }
    if path.contains(['\\', '\0', '\n']) {
        return told("holds characters that no path here may hold");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return told("leads out of its folder");
    }
    if parts.iter().any(|part| part.len() > 255) {
        return told("has a part that is too long");
    }
    Ok(parts)
}

/// A regular file, whole.
///
/// # Errors
/// The end of a sentence about it.
pub fn read_file(place: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let about = fs::symlink_metadata(place).map_err(|_| "is not there".to_owned())?;
    // A pipe would block for ever, and a link may lead anywhere.
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    let file = fs::File::open(place).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut content = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut content).map_err(|error| format!("cannot be read: {error}"))?;
    if content.len() as u64 > bytes_max {
        return Err(format!("has more than {bytes_max} bytes"));
    }
    Ok(content)
}

/// Adds what is in `folder`. Stops counting once there is more than anything here may hold.
pub fn walk(folder: &Path, prefix: &str, deep: bool, found: &mut Vec<Entry>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if about.is_symlink() || found.len() > limits::SCAFFOLDER_FILES_MAX {
            continue;
        }
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let is_executable = about.is_file() && about.permissions().mode() & 0o100 != 0;
        let bytes = if about.is_file() { about.len() } else { 0 };
        found.push(Entry { path: path.clone(), is_folder: about.is_dir(), bytes, is_executable });
        // As deep as the longest path is long, two bytes a part.
        if about.is_dir() && deep && path.len() <= limits::SCAFFOLDER_PATH_BYTES_MAX {
            walk(&entry.path(), &path, deep, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_listed_and_read_and_goes_with_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let work = Workspace::make(folder.path(), "w").unwrap();
        work.write("a/b.txt", b"b", false).unwrap();
        work.write("./run.sh", b"#!", true).unwrap();
        let listed = work.list("", true).unwrap();
        let paths: Vec<_> = listed.iter().map(|e| (e.path.as_str(), e.is_executable)).collect();
        assert_eq!(paths, [("a", false), ("a/b.txt", false), ("run.sh", true)]);
        assert_eq!(work.read("a//b.txt").unwrap(), b"b");
        assert_eq!(work.list(".", false).unwrap().len(), 2);
        drop(work);
        assert!(!folder.path().join("w").exists());
    }

    #[test]
    fn attack_a_path_that_leads_elsewhere_is_refused_before_anything_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        fs::create_dir(folder.path().join("elsewhere")).unwrap();
        let work = Workspace::make(folder.path(), "w").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), folder.path().join("w/link")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), folder.path().join("w/folder")).unwrap();
        for path in [
            "../secret",
            "a/../../secret",
            "/etc/passwd",
            "link",
            "folder/x",
            "a\\..\\..\\secret",
            "..",
            "a\0",
            "./../secret",
        ] {
            assert!(work.read(path).is_err(), "{path:?}");
            assert!(work.write(path, b"x", false).is_err(), "{path:?}");
            assert!(work.list(path, true).is_err(), "{path:?}");
        }
        assert_eq!(fs::read_to_string(folder.path().join("secret")).unwrap(), "s");
        assert_eq!(fs::read_dir(folder.path().join("elsewhere")).unwrap().count(), 0);
        assert!(work.list("", true).unwrap().is_empty(), "links are not listed");
    }

    #[test]
    fn a_file_that_is_too_large_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let work = Workspace::make(folder.path(), "w").unwrap();
        let bytes = usize::try_from(limits::SCAFFOLDER_FILE_BYTES_MAX).unwrap() + 1;
        assert!(work.write("big", &vec![0; bytes], false).unwrap_err().contains("more than"));
    }
}
