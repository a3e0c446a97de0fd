//! The files of a commit: plain ones, nothing hidden, no links, no other repositories.

use super::super::super::files::is_visible;
use super::pack::{Kind, Name, Pack};
use crate::limits;

/// Every file of `commit`, by its path and its place in the pack, in order of path. Files that the pack leaves out, as
/// large ones are, are not among them.
///
/// # Errors
/// A sentence, where the commit is not there or has too much in it.
pub(super) fn files(pack: &Pack, commit: &str) -> Result<Vec<(String, usize)>, String> {
    let broken = || "its pack does not have the commit".to_owned();
    let commit = name(commit).and_then(|name| pack.find(&name, Kind::Commit)).ok_or_else(broken)?;
    let text = pack.body(commit).strip_prefix(b"tree ").and_then(|rest| rest.get(..40)).ok_or_else(broken)?;
    let root = std::str::from_utf8(text).ok().and_then(name).ok_or_else(broken)?;
    let (mut files, mut folders) = (Vec::new(), vec![(String::new(), root, 0)]);
    let mut entered = 0;
    while let Some((path, name, depth)) = folders.pop() {
        entered += 1;
        // The same folder may stand in ten others, and those in ten others: small as a pack, endless as a walk (attack).
        if entered > limits::DESCRIPTOR_FOLDERS_MAX {
            return Err(too_many());
        }
        let Some(tree) = pack.find(&name, Kind::Tree) else { continue };
        let mut rest = pack.body(tree);
        while let Some(Entry { mode, called, object, after }) = entry(rest) {
            rest = after;
            let Ok(called) = std::str::from_utf8(called) else { continue };
            if called.is_empty() || called.contains(['/', '\\']) || !is_visible(called) {
                continue;
            }
            // A folder called by a megabyte of letters would stand in the path of everything in it (attack).
            if path.len() + 1 + called.len() > limits::GIT_PATH_BYTES_MAX {
                continue;
            }
            let path = if path.is_empty() { called.to_owned() } else { format!("{path}/{called}") };
            match mode {
                b"40000" if depth < limits::GIT_FOLDERS_DEEP_MAX => folders.push((path, object, depth + 1)),
                b"100644" | b"100755" | b"100664" => {
                    files.extend(pack.find(&object, Kind::Blob).map(|at| (path, at)));
                }
                // A link leads where its author wants, a module to another server.
                _ => {}
            }
            // Here as well: one folder alone may have millions in it.
            if files.len() > limits::DESCRIPTOR_FILES_MAX || folders.len() > limits::DESCRIPTOR_FOLDERS_MAX {
                return Err(too_many());
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn too_many() -> String {
    format!("it has more than {} files or folders", limits::DESCRIPTOR_FILES_MAX)
}

/// One line of a folder.
struct Entry<'b> {
    mode: &'b [u8],
    called: &'b [u8],
    object: Name,
    /// What follows it.
    after: &'b [u8],
}

fn entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let space = bytes.iter().position(|&byte| byte == b' ')?;
    let (mode, rest) = (&bytes[..space], &bytes[space + 1..]);
    let end = rest.iter().position(|&byte| byte == 0)?;
    let (object, after) = rest[end + 1..].split_first_chunk::<20>()?;
    Some(Entry { mode, called: &rest[..end], object: *object, after })
}

fn name(hex: &str) -> Option<Name> {
    let mut name = [0; 20];
    if hex.len() != 40 || !hex.is_ascii() {
        return None;
    }
    for (byte, at) in name.iter_mut().zip((0..40).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(name)
}
