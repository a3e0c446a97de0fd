//! `fs:delete`, `fs:readdir` and `fs:rename`, within the workspace.

use serde_json::{Value, json};

use super::{Doing, Given, Kind, Lasting, never, on_disk, text};
use crate::catalog::files::matches;

pub static DELETE: Kind = Kind {
    id: "fs:delete",
    description: "Deletes files and folders of the workspace, by paths or patterns such as docs/**/*.tmp.",
    input: || {
        json!({
            "type": "object",
            "properties": {"files": {"type": "array", "items": {"type": "string"}, "description": "Paths or patterns."}},
            "required": ["files"],
            "additionalProperties": false,
        })
    },
    output: || json!({"type": "object", "properties": {}}),
    lasting: Lasting::Workspace,
    needs: None,
    reaches_out: never,
    run: |doing| on_disk(doing, delete),
};

fn delete(doing: &Doing) -> Given {
    for pattern in doing.input["files"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        super::super::workspace::parts(pattern)?;
        let paths: Vec<String> = if pattern.contains('*') {
            let all = doing.work.list("", true)?;
            all.into_iter().map(|entry| entry.path).filter(|path| matches(pattern, path)).collect()
        } else {
            vec![pattern.to_owned()]
        };
        for path in paths {
            let place = doing.work.place(&path)?;
            if place == doing.work.place("")? {
                return Err("the workspace itself is not deleted".to_owned());
            }
            // One that a pattern found may be gone with its folder.
            let gone = match doing.work.look(&path)? {
                Some(found) if found.is_dir() => std::fs::remove_dir_all(&place),
                Some(_) => std::fs::remove_file(&place),
                None => continue,
            };
            gone.map_err(|error| format!("{path:?} cannot be deleted: {error}"))?;
            doing.journal.say(&format!("Deleted {path}"));
        }
    }
    Ok(json!({}))
}

pub static READDIR: Kind = Kind {
    id: "fs:readdir",
    description: "Lists the files and folders in folders of the workspace.",
    input: || {
        json!({
            "type": "object",
            "properties": {
                "paths": {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "Folders."},
                "recursive": {"type": "boolean", "default": false, "description": "Whether to go into folders too."},
            },
            "required": ["paths"],
            "additionalProperties": false,
        })
    },
    output: || {
        let entries = json!({"type": "array", "items": {"type": "object", "properties": {
            "name": {"type": "string"}, "path": {"type": "string"}, "fullPath": {"type": "string"},
        }}});
        json!({"type": "object", "properties": {"files": entries, "folders": entries}})
    },
    lasting: Lasting::Nothing,
    needs: None,
    reaches_out: never,
    run: |doing| on_disk(doing, readdir),
};

fn readdir(doing: &Doing) -> Given {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for path in doing.input["paths"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        for entry in doing.work.list(path, doing.input["recursive"] == true)? {
            let full = format!("{}/{}", path.trim_end_matches('/'), entry.path);
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            let kept = json!({"name": name, "path": path, "fullPath": full.trim_start_matches("./")});
            if entry.is_folder { folders.push(kept) } else { files.push(kept) }
        }
    }
    Ok(json!({"files": files, "folders": folders}))
}

pub static RENAME: Kind = Kind {
    id: "fs:rename",
    description: "Renames or moves files and folders within the workspace.",
    input: || {
        json!({
            "type": "object",
            "properties": {"files": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "from": {"type": "string", "description": "What is there."},
                    "to": {"type": "string", "description": "What it becomes."},
                    "overwrite": {"type": "boolean", "default": false, "description": "Whether what is there already goes."},
                },
                "required": ["from", "to"],
            }}},
            "required": ["files"],
            "additionalProperties": false,
        })
    },
    output: || json!({"type": "object", "properties": {}}),
    lasting: Lasting::Workspace,
    needs: None,
    reaches_out: never,
    run: |doing| on_disk(doing, rename),
};

fn rename(doing: &Doing) -> Given {
    for file in doing.input["files"].as_array().into_iter().flatten() {
        let (from, to) = (text(file, "from"), text(file, "to"));
        let (source, target) = (doing.work.place(from)?, doing.work.place(to)?);
        let root = doing.work.place("")?;
        if source == root || target == root {
            return Err("the workspace itself is not renamed".to_owned());
        }
        if doing.work.look(from)?.is_none() {
            return Err(format!("{from:?} is not there"));
        }
        if let Some(there) = doing.work.look(to)? {
            if file["overwrite"] != true {
                return Err(format!("{to:?} is there already; set overwrite to replace it"));
            }
            let gone =
                if there.is_dir() { std::fs::remove_dir_all(&target) } else { std::fs::remove_file(&target) };
            gone.map_err(|error| format!("{to:?} cannot be replaced: {error}"))?;
        }
        let told = |error: std::io::Error| format!("{from:?} cannot become {to:?}: {error}");
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(told)?;
        }
        std::fs::rename(&source, &target).map_err(told)?;
        doing.journal.say(&format!("Renamed {from} to {to}"));
    }
    Ok(json!({}))
}
