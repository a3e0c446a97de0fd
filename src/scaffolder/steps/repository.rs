//! A bare git repository with one commit, written without git: an image without the program publishes all the same, and
//! no hook, configuration or environment variable of the machine has a say in it.
//!
//! Loose objects are zlib over `<kind> <bytes>\0<content>`, named by the SHA-1 of that (git's repository format 0).
//! SHA-1 is git's name for things here, not a proof of anything.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// What is committed.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Paths with `/` between their parts, contents, and whether they may be run.
    pub files: Vec<(String, Vec<u8>, bool)>,
    /// Who, as git writes it: a name and an address.
    pub author: (&'a str, &'a str),
    /// When, in seconds since 1970.
    pub at: i64,
    /// Why.
    pub message: &'a str,
    /// On which branch.
    pub branch: &'a str,
}

#[derive(Default)]
struct Folder {
    files: BTreeMap<String, (String, bool)>,
    folders: BTreeMap<String, Folder>,
}

/// Makes the repository in the folder `root`, which must be there and empty, and gives the name of the commit.
///
/// # Errors
/// What the disk said.
pub fn write(root: &Path, commit: &Commit<'_>) -> std::io::Result<String> {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(root.join(folder))?;
    }
    let mut top = Folder::default();
    for (path, content, is_executable) in &commit.files {
        let object = object(root, "blob", content)?;
        let mut folder = &mut top;
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder = folder.folders.entry(part.to_owned()).or_default();
        }
        folder.files.insert(name.to_owned(), (object, *is_executable));
    }
    let tree = tree(root, &top)?;
    let (name, address) = (named(commit.author.0), named(commit.author.1));
    let who = format!("{name} <{address}> {} +0000", commit.at);
    let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\n{}\n", commit.message.trim());
    let id = object(root, "commit", text.as_bytes())?;
    let head = root.join("refs/heads").join(commit.branch);
    if let Some(folder) = head.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(head, format!("{id}\n"))?;
    fs::write(
        root.join("config"),
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n",
    )?;
    fs::write(root.join("description"), "Made from a template.\n")?;
    // Last: a folder without HEAD is no repository.
    fs::write(root.join("HEAD"), format!("ref: refs/heads/{}\n", commit.branch))?;
    Ok(id)
}

/// Whether git takes this for a branch (git-check-ref-format).
pub fn is_branch(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !name.is_empty()
        && name.len() <= 200
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
        && !name.contains("..")
        && !name.starts_with('-')
        && !name.ends_with('.')
        && name.split('/').all(part)
}

/// A name as it may stand in a commit: what would end it there is left out.
fn named(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).collect();
    if kept.trim().is_empty() { "unknown".to_owned() } else { kept.trim().to_owned() }
}

fn tree(root: &Path, folder: &Folder) -> std::io::Result<String> {
    let mut entries: Vec<(String, &str, String)> = Vec::new();
    for (name, (object, is_executable)) in &folder.files {
        entries.push((name.clone(), if *is_executable { "100755" } else { "100644" }, object.clone()));
    }
    for (name, inner) in &folder.folders {
        entries.push((name.clone(), "40000", tree(root, inner)?));
    }
    // Git compares a folder as if its name ended in a slash.
    entries.sort_by_key(|(name, mode, _)| if *mode == "40000" { format!("{name}/") } else { name.clone() });
    let mut content = Vec::new();
    for (name, mode, object) in entries {
        content.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        let byte = |at: usize| u8::from_str_radix(&object[at..at + 2], 16).unwrap_or_default();
        content.extend((0..object.len()).step_by(2).map(byte));
    }
    object(root, "tree", &content)
}

fn object(root: &Path, kind: &str, content: &[u8]) -> std::io::Result<String> {
    let mut whole = format!("{kind} {}\0", content.len()).into_bytes();
    whole.extend_from_slice(content);
    let id: String =
        digest(&SHA1_FOR_LEGACY_USE_ONLY, &whole).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = root.join("objects").join(&id[..2]);
    let path = folder.join(&id[2..]);
    if !path.exists() {
        fs::create_dir_all(&folder)?;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(&whole)?;
        fs::write(path, packed.finish()?)?;
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_commit_that_git_makes() {
        let folder = tempfile::tempdir().unwrap();
        let file =
            |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec(), path.ends_with(".sh"));
        let files = vec![file("a.txt", "a\n"), file("a/b.sh", "b\n"), file("a0", ""), file("x/y/z", "z")];
        let commit = Commit {
            files,
            author: ("Ada <x>\n", "ada@a.example"),
            at: 1_795_521_600,
            message: "Why\n",
            branch: "main",
        };
        let id = write(folder.path(), &commit).unwrap();
        let git = |arguments: &[&str]| {
            let mut command = std::process::Command::new("git");
            let done = command.arg("--git-dir").arg(folder.path()).args(arguments).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8(done.stdout).unwrap()
        };
        git(&["fsck", "--strict"]);
        assert_eq!(git(&["rev-parse", "HEAD"]).trim(), id);
        assert_eq!(git(&["ls-tree", "-r", "--name-only", "HEAD"]), "a.txt\na/b.sh\na0\nx/y/z\n");
        assert!(git(&["ls-tree", "-r", "HEAD", "a/b.sh"]).starts_with("100755"));
        assert_eq!(git(&["log", "--format=%an|%ae|%at|%s"]), "Ada x|ada@a.example|1795521600|Why\n");
    }

    #[test]
    fn a_branch_is_a_plain_name() {
        for good in ["main", "feature/x-1", "v1.0"] {
            assert!(is_branch(good), "{good}");
        }
        for bad in ["", "..", "a..b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "-x", "a b", "a~", "a."] {
            assert!(!is_branch(bad), "{bad}");
        }
    }
}
