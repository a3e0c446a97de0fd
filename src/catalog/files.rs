//! Where descriptors are read from: a folder on disk, or the sample that the binary carries.
//!
//! Everything is named by a path relative to the root, with `/` between its parts. Nothing outside the
//! root is ever read: a descriptor is other people's text, and `$text: ../../etc/passwd` or a symbolic link
//! to it would publish the file to every caller of the catalog.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::limits;

/// How a file looks without being opened. The time of its last change in any way is among it, which nothing but the
/// kernel sets: a file that was written and given its old date back looks changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

/// A tree of files.
#[derive(Clone, Debug)]
pub enum Files {
    /// A folder, by its canonical path.
    Disk(PathBuf),
    /// Paths and contents in the binary, in order of path.
    Embedded(&'static [(&'static str, &'static str)]),
}

impl Files {
    /// The folder `root` on disk.
    ///
    /// # Errors
    /// A sentence, where it cannot be opened.
    pub fn disk(root: &Path) -> Result<Self, String> {
        let canonical = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
        Ok(Self::Disk(canonical))
    }

    /// The text of one file of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// A sentence, where it is not there, not a file, outside the root, too large, or not UTF-8.
    pub fn read(&self, path: &str, bytes_max: u64) -> Result<String, String> {
        match self {
            Self::Embedded(files) => files
                .binary_search_by(|(name, _)| (*name).cmp(path))
                .map(|index| files[index].1.to_owned())
                .map_err(|_| "no such file".to_owned()),
            Self::Disk(root) => read_inside(root, path, bytes_max),
        }
    }

    /// The folder on disk; empty for what the binary carries.
    pub fn root(&self) -> &Path {
        match self {
            Self::Disk(root) => root,
            Self::Embedded(_) => Path::new(""),
        }
    }

    /// How a file looks, where it is there.
    pub fn stamp(&self, path: &str) -> Option<Stamp> {
        match self {
            Self::Embedded(_) => Some(Stamp::default()),
            Self::Disk(root) => {
                let found = fs::metadata(root.join(path)).ok()?;
                Some(Stamp {
                    bytes: found.len(),
                    written: (found.mtime(), found.mtime_nsec()),
                    changed: (found.ctime(), found.ctime_nsec()),
                    inode: found.ino(),
                })
            }
        }
    }

    /// Every YAML file, in order of path, and what was passed over and why.
    pub fn walk(&self) -> (Vec<String>, Vec<(String, String)>) {
        match self {
            Self::Embedded(files) => {
                let names = files.iter().map(|(name, _)| *name).filter(|name| is_yaml(name));
                (names.map(str::to_owned).collect(), Vec::new())
            }
            Self::Disk(root) => walk(root, "", limits::DESCRIPTOR_FILES_MAX, is_yaml),
        }
    }

    /// At most `files_max` files in the folder `folder` and below it, in order of path; nothing hidden.
    pub fn below(&self, folder: &str, files_max: usize) -> Vec<String> {
        let inside = |name: &str| {
            folder.is_empty() || name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        match self {
            Self::Embedded(files) => {
                let names = files.iter().map(|(name, _)| *name).filter(|name| inside(name));
                names.take(files_max).map(str::to_owned).collect()
            }
            Self::Disk(root) => match root.join(folder).canonicalize() {
                Ok(there) if there.starts_with(root) => walk(root, folder, files_max, |_| true).0,
                _ => Vec::new(),
            },
        }
    }

    /// The absolute path of a file, where it has one.
    pub fn absolute(&self, path: &str) -> Option<PathBuf> {
        match self {
            Self::Disk(root) => Some(root.join(path)),
            Self::Embedded(_) => None,
        }
    }
}

/// Whether a path below the root names nothing hidden: `.git`, `.env` and what was installed are nobody's to read
/// here, whatever a descriptor says (attack). Of the path as it is written: where a folder is mounted into a cluster,
/// what lies on disk has `..data` in it.
pub fn is_visible(path: &str) -> bool {
    path.split('/').all(|part| !part.starts_with('.') && part != "node_modules")
}

/// The path that `target` means when it is written in the file `from`.
///
/// # Errors
/// A sentence, where it is absolute or leads out of the root.
pub fn resolve(from: &str, target: &str) -> Result<String, String> {
    if target.starts_with(['/', '\\']) || target.contains(['\\', '\0']) || target.contains(':') {
        return Err(format!("\"{target}\" is not a relative path"));
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => {
                return Err(format!("\"{target}\" leads out of the folder that the catalog is read from"));
            }
            ".." => {}
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

/// Whether a path is one that `pattern` means: `*` for anything within a part, `**` for any parts.
pub fn matches(pattern: &str, path: &str) -> bool {
    fn parts(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            (["**", rest @ ..], _) => {
                parts(rest, path) || path.split_first().is_some_and(|(_, path)| parts(pattern, path))
            }
            ([first, pattern @ ..], [name, path @ ..]) => part(first, name) && parts(pattern, path),
            _ => false,
        }
    }
    fn part(pattern: &str, name: &str) -> bool {
        let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
        let Some(rest) = name.strip_prefix(before) else { return false };
        rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| part(after, &rest[at..]))
    }
    // Each star multiplies the work: a pattern with many is an attack, or a mistake.
    pattern.matches('*').count() <= 4
        && parts(&pattern.split('/').collect::<Vec<_>>(), &path.split('/').collect::<Vec<_>>())
}

/// `true` for names that end in `.yaml` or `.yml`.
pub fn is_yaml(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"))
}

fn read_inside(root: &Path, path: &str, bytes_max: u64) -> Result<String, String> {
    let canonical = root.join(path).canonicalize().map_err(|error| error.to_string())?;
    // After every symbolic link is followed, and before anything is opened.
    if !canonical.starts_with(root) {
        return Err(
            "the file is a link that leads out of the folder that the catalog is read from".to_owned()
        );
    }
    if !fs::metadata(&canonical).map_err(|error| error.to_string())?.is_file() {
        return Err("not a file".to_owned()); // A pipe would block the start for ever.
    }
    let file = fs::File::open(&canonical).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > bytes_max {
        return Err(format!("larger than {bytes_max} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())
}

fn walk(
    root: &Path,
    from: &str,
    files_max: usize,
    wanted: fn(&str) -> bool,
) -> (Vec<String>, Vec<(String, String)>) {
    let (mut found, mut passed) = (Vec::new(), Vec::new());
    let mut folders = vec![(from.to_owned(), 0)];
    let mut entered = 0;
    while let Some((folder, depth)) = folders.pop() {
        entered += 1;
        if found.len() > files_max || entered > limits::DESCRIPTOR_FOLDERS_MAX {
            passed.push((folder, "there are too many files and folders; the rest is left out".to_owned()));
            break;
        }
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(error) => {
                passed.push((folder, error.to_string()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                passed.push((format!("{folder}/{}", name.display()), "its name is not UTF-8".to_owned()));
                continue;
            };
            if name.starts_with('.') || name == "node_modules" {
                continue;
            }
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            // The type of the entry itself: a linked folder is not entered, so that no cycle is.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < limits::DESCRIPTOR_FOLDERS_DEEP_MAX => {
                    folders.push((path, depth + 1));
                }
                Ok(kind) if kind.is_dir() => passed.push((path, "too deep".to_owned())),
                Ok(_) if wanted(name) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort_unstable();
    (found, passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_resolved_beside_its_file_and_never_above_the_root() {
        assert_eq!(resolve("a/b.yaml", "./c.txt").unwrap(), "a/c.txt");
        assert_eq!(resolve("a/b.yaml", "../c/d.txt").unwrap(), "c/d.txt");
        for outside in ["../../c", "/etc/passwd", "..\\c", "C:/x", "https://a.example/b", "a\0b"] {
            assert!(resolve("a/b.yaml", outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn a_star_stands_for_a_part_and_two_for_any_parts() {
        for (pattern, path, yes) in [
            ("a/*.yaml", "a/b.yaml", true),
            ("a/*.yaml", "a/b/c.yaml", false),
            ("a/*/catalog-*.yaml", "a/x/catalog-info.yaml", true),
            ("**/catalog-info.yaml", "catalog-info.yaml", true),
            ("**/catalog-info.yaml", "a/b/catalog-info.yaml", true),
            ("a/**/c.yaml", "a/c.yaml", true),
            ("*", "é.yaml", true),
            ("*****.yaml", "a.yaml", false),
        ] {
            assert_eq!(matches(pattern, path), yes, "{pattern} {path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_a_pipe_and_a_large_file_are_refused() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("link.yaml")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("folder")).unwrap();
        fs::write(folder.path().join("large"), "x".repeat(11)).unwrap();
        fs::write(folder.path().join("bytes"), [0xff]).unwrap();
        let files = Files::disk(folder.path()).unwrap();
        assert!(files.read("link.yaml", 10).unwrap_err().contains("leads out"));
        assert!(files.read("folder/secret", 10).unwrap_err().contains("leads out"));
        assert!(files.read("large", 10).unwrap_err().contains("larger than 10"));
        assert_eq!(files.read("large", 11).unwrap().len(), 11);
        assert!(files.read("bytes", 10).unwrap_err().contains("UTF-8"));
        assert!(files.read("", 10).unwrap_err().contains("not a file"));
        assert!(files.read("/dev/zero", 10).is_err());
    }
}
