//! `publish:local`: what the workspace holds becomes a bare git repository under the data directory.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::super::filters::repository as parsed;
use super::repository::{self, Commit};
use super::{Doing, Given, Kind, Lasting, always, on_disk, text};

/// Where repositories are, below the data directory.
pub const FOLDER: &str = "repositories";
/// In each of them: the task that made it.
const MARK: &str = "postern-task";

pub static LOCAL: Kind = Kind {
    id: "publish:local",
    description: "Makes a bare git repository of the workspace, under the data directory of this server. It never \
                  changes one that is there.",
    input: || {
        json!({
            "type": "object",
            "properties": {
                "repo": {"type": "string", "description": "The repository's name: letters, digits, dots, dashes and underscores."},
                "repoUrl": {"type": "string", "description": "The same as RepoUrlPicker writes it; only its repo is used."},
                "description": {"type": "string", "description": "One line about it."},
                "defaultBranch": {"type": "string", "default": "main", "description": "The branch."},
                "gitCommitMessage": {"type": "string", "default": "Initial commit", "description": "The message of the commit."},
                "sourcePath": {"type": "string", "description": "The folder of the workspace that is published; all of it by default."},
            },
            "additionalProperties": false,
        })
    },
    output: || {
        let text = |what: &str| json!({"type": "string", "description": what});
        json!({"type": "object", "properties": {
            "remoteUrl": text("What git clone takes, on this machine."),
            "repoContentsUrl": text("The same."),
            "commitHash": text("The commit."),
        }})
    },
    // The same task finds its own repository and gives the same answer.
    lasting: Lasting::OutsideOnce,
    needs: None,
    reaches_out: always,
    run: |doing| on_disk(doing, publish),
};

fn publish(doing: &Doing) -> Given {
    let name = repository_name(&doing.input)?;
    let branch = Some(text(&doing.input, "defaultBranch")).filter(|b| !b.is_empty()).unwrap_or("main");
    if !repository::is_branch(branch) {
        return Err(format!("{branch:?} is no name of a branch"));
    }
    let folder = doing.house.data_dir.join(FOLDER);
    let told = |error: std::io::Error| format!("the repository cannot be made: {error}");
    fs::create_dir_all(&folder).map_err(told)?;
    let folder = folder.canonicalize().map_err(told)?;
    let place = folder.join(format!("{name}.git"));
    if let Some(given) = made_before(doing, &place, branch)? {
        return Ok(given);
    }
    let files = files(doing)?;
    let message =
        Some(text(&doing.input, "gitCommitMessage")).filter(|m| !m.is_empty()).unwrap_or("Initial commit");
    let owner = doing.task.owner_name.as_str();
    let address = if owner.contains('@') { owner } else { "scaffolder@localhost" };
    let count = files.len();
    let commit =
        Commit { files, author: (owner, address), at: doing.task.created_at.seconds(), message, branch };
    // Made beside and put in place in one step: a clone never sees half of it.
    let half = folder.join(format!(".{}.half", doing.task.id));
    let _ = fs::remove_dir_all(&half);
    fs::create_dir(&half).map_err(told)?;
    let made = fs::write(half.join(MARK), &doing.task.id).and_then(|()| repository::write(&half, &commit));
    let made = made.and_then(|id| {
        if let Some(about) = doing.input["description"].as_str() {
            fs::write(half.join("description"), format!("{about}\n"))?;
        }
        // Refused where something is there already.
        fs::rename(&half, &place).map(|()| id)
    });
    match made {
        Ok(id) => {
            doing.journal.say(&format!("Made {name}.git with {count} files"));
            Ok(given(&place, &id))
        }
        Err(error) => {
            let _ = fs::remove_dir_all(&half);
            Err(if place.exists() { taken(&name) } else { told(error) })
        }
    }
}

fn repository_name(input: &Value) -> Result<String, String> {
    let name = match text(input, "repo") {
        "" => parsed(text(input, "repoUrl"))?["repo"].as_str().unwrap_or_default().to_owned(),
        name => name.to_owned(),
    };
    let plain = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 100
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !name.ends_with(".git");
    if plain { Ok(name) } else { Err(format!("{name:?} is no name of a repository")) }
}

fn taken(name: &str) -> String {
    format!("there is a repository {name} already, and it is not changed; choose another name")
}

/// What this very task made before its node died.
fn made_before(doing: &Doing, place: &Path, branch: &str) -> Result<Option<Value>, String> {
    if !place.exists() {
        return Ok(None);
    }
    let name = place.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mark = fs::read_to_string(place.join(MARK)).unwrap_or_default();
    if mark != doing.task.id {
        return Err(taken(&name));
    }
    let id = fs::read_to_string(place.join("refs/heads").join(branch)).map_err(|_| taken(&name))?;
    doing.journal.say(&format!("{name}.git was made by this task before"));
    Ok(Some(given(place, id.trim())))
}

fn files(doing: &Doing) -> Result<Vec<(String, Vec<u8>, bool)>, String> {
    let folder = text(&doing.input, "sourcePath").trim_end_matches('/');
    let mut files = Vec::new();
    for entry in doing.work.list(folder, true)? {
        // A `.git` of the workspace would be the repository's own on the other side (CVE-2014-9390 and its kin).
        let hostile = entry.path.split('/').any(|part| part.eq_ignore_ascii_case(".git"));
        if entry.is_folder || hostile {
            continue;
        }
        let path = if folder.is_empty() { entry.path.clone() } else { format!("{folder}/{}", entry.path) };
        files.push((entry.path, doing.work.read(&path)?, entry.is_executable));
    }
    Ok(files)
}

fn given(place: &Path, id: &str) -> Value {
    let url = url::Url::from_file_path(place).map_or_else(|()| place.display().to_string(), String::from);
    json!({"remoteUrl": url, "repoContentsUrl": url, "commitHash": id})
}
