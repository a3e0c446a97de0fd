//! `fetch:plain`, `fetch:template` and their one-file forms: from the template's own folder, and one file over guarded https.

use serde_json::{Value, json};

use super::super::expression::{Scope, Style, render};
use super::super::source::Found;
use super::super::workspace::parts;
use super::{Doing, Given, Kind, Lasting, Working, on_disk, text};
use crate::catalog::files::matches;
use crate::limits;
use crate::outbound::{Answer, Ask, Kind as Wanted};

fn is_remote(input: &Value) -> bool {
    text(input, "url").contains("://")
}

fn input(more: Value, required: &[&str]) -> Value {
    let mut properties = json!({
        "url": {"type": "string", "description": "A path beside the template, or the https URL of one file."},
        "targetPath": {"type": "string", "description": "Where it goes within the workspace."},
        "token": {"type": ["string", "boolean"], "description": "Not sent: what is fetched must be public. false is as good as nothing."},
    });
    for (name, schema) in more.as_object().into_iter().flatten() {
        properties[name] = schema.clone();
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn of_template() -> Value {
    json!({
        "values": {"type": "object", "description": "What the files can say as ${{ values.name }}."},
        "copyWithoutTemplating": {"type": "array", "items": {"type": "string"}, "description": "Patterns of files that are copied as they are; their names are filled in all the same."},
        "copyWithoutRender": {"type": "array", "items": {"type": "string"}, "description": "The old name of copyWithoutTemplating, whose names are left as they are too."},
        "templateFileExtension": {"type": ["boolean", "string"], "description": "Only files that end so are filled in, and lose the ending; true is .njk."},
        "cookiecutterCompat": {"type": "boolean", "description": "{{ cookiecutter.name }} instead of ${{ values.name }}."},
        "replace": {"type": "boolean", "description": "Whether files that are there already are replaced; otherwise they stay."},
        "trimBlocks": {"type": "boolean", "description": "Whether the first line break after a block goes."},
        "lstripBlocks": {"type": "boolean", "description": "Whether blanks before a block at the beginning of a line go."},
    })
}

fn nothing() -> Value {
    json!({"type": "object", "properties": {}})
}

pub static PLAIN: Kind = Kind {
    id: "fetch:plain",
    description: "Copies a folder that is beside the template into the workspace.",
    input: || input(json!({}), &["url"]),
    output: nothing,
    lasting: Lasting::Workspace,
    needs: None,
    reaches_out: is_remote,
    run: |doing| on_disk(doing, plain),
};

fn plain(doing: &Doing) -> Given {
    let found = folder(doing)?;
    for file in &found {
        doing.work.write(&target(doing, &file.path), &file.content, file.is_executable)?;
    }
    doing.journal.say(&format!("Files copied: {}", found.len()));
    Ok(json!({}))
}

pub static PLAIN_FILE: Kind = Kind {
    id: "fetch:plain:file",
    description: "Copies one file, from beside the template or from an https URL, into the workspace.",
    input: || input(json!({}), &["url", "targetPath"]),
    output: nothing,
    lasting: Lasting::Workspace,
    needs: None,
    reaches_out: is_remote,
    run: |doing| {
        one_file(doing, |doing, found| {
            doing.work.write(text(&doing.input, "targetPath"), &found.content, found.is_executable)?;
            Ok(json!({}))
        })
    },
};

pub static TEMPLATE_FILE: Kind = Kind {
    id: "fetch:template:file",
    description: "Copies one file into the workspace and fills in its expressions.",
    input: || input(of_template(), &["url", "targetPath"]),
    output: nothing,
    lasting: Lasting::Workspace,
    needs: None,
    reaches_out: is_remote,
    run: |doing| {
        one_file(doing, |doing, found| {
            let path = text(&doing.input, "targetPath");
            if doing.input["replace"] != true && doing.work.look(path)?.is_some() {
                return Ok(json!({}));
            }
            let content = filled(doing, &found.content, path)?;
            doing.work.write(path, content.as_bytes(), found.is_executable)?;
            Ok(json!({}))
        })
    },
};

fn one_file(doing: Doing, done: fn(&Doing, &Found) -> Given) -> Working {
    Box::pin(async move {
        if !is_remote(&doing.input) {
            return on_disk(doing, move |doing| done(doing, &own(doing)?.file(text(&doing.input, "url"))?))
                .await;
        }
        let content = remote(&doing).await?;
        let found = Found { path: String::new(), content, is_executable: false };
        on_disk(doing, move |doing| done(doing, &found)).await
    })
}

pub static TEMPLATE: Kind = Kind {
    id: "fetch:template",
    description: "Copies a folder that is beside the template into the workspace, and fills in the expressions in its \
                  files and in their names. A name that comes out empty leaves the file out.",
    input: || input(of_template(), &["url"]),
    output: nothing,
    lasting: Lasting::Workspace,
    needs: None,
    reaches_out: is_remote,
    run: |doing| on_disk(doing, template),
};

fn template(doing: &Doing) -> Given {
    let patterns = |name: &str| -> Vec<String> {
        let listed = doing.input[name].as_array().into_iter().flatten();
        listed.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (as_they_are, untouched) = (patterns("copyWithoutTemplating"), patterns("copyWithoutRender"));
    let ending = match &doing.input["templateFileExtension"] {
        Value::Bool(true) => Some(".njk".to_owned()),
        Value::String(ending) if !ending.is_empty() => {
            Some(if ending.starts_with('.') { ending.clone() } else { format!(".{ending}") })
        }
        _ => None,
    };
    if ending.is_some() && !(as_they_are.is_empty() && untouched.is_empty()) {
        return Err("templateFileExtension and copyWithoutTemplating are two ways to say the same; use one"
            .to_owned());
    }
    let is_of = |patterns: &[String], path: &str| patterns.iter().any(|pattern| is_meant(pattern, path));
    let (found, mut made) = (folder(doing)?, 0_usize);
    for file in &found {
        if doing.cancelled.is_cancelled() {
            return Err("cancelled".to_owned());
        }
        let raw = is_of(&untouched, &file.path);
        let named = if raw { file.path.clone() } else { render_name(doing, &file.path)? };
        // Backstage's way to leave a file out: a part of its path that comes out empty.
        if named.is_empty() || named.starts_with('/') || named.ends_with('/') || named.contains("//") {
            continue;
        }
        let (named, fills) = match &ending {
            Some(ending) => match named.strip_suffix(ending.as_str()) {
                Some(short) => (short.to_owned(), true),
                None => (named, false),
            },
            None => (named, !raw && !is_of(&as_they_are, &file.path)),
        };
        // What the values say may not lead anywhere either: the path is judged as it came out.
        parts(&named)?;
        let path = target(doing, &named);
        if doing.input["replace"] != true && doing.work.look(&path)?.is_some() {
            continue;
        }
        match std::str::from_utf8(&file.content) {
            Ok(text) if fills && !text.contains('\0') => {
                let content = filled(doing, &file.content, &file.path)?;
                doing.work.write(&path, content.as_bytes(), file.is_executable)?;
            }
            _ => doing.work.write(&path, &file.content, file.is_executable)?,
        }
        made += 1;
    }
    doing.journal.say(&format!("Files made: {made}"));
    Ok(json!({}))
}

/// A pattern, or the path of a folder.
fn is_meant(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    matches(pattern, path) || path.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('/'))
}

fn scope(doing: &Doing) -> Scope {
    let values = doing.input.get("values").cloned().unwrap_or_else(|| json!({}));
    let name = if doing.input["cookiecutterCompat"] == true { "cookiecutter" } else { "values" };
    Scope::default().with(name, values)
}

fn style(doing: &Doing) -> Style {
    let says = |name: &str| doing.input[name] == true;
    Style {
        trim_blocks: says("trimBlocks"),
        lstrip_blocks: says("lstripBlocks"),
        cookiecutter: says("cookiecutterCompat"),
    }
}

fn render_name(doing: &Doing, path: &str) -> Result<String, String> {
    render(path, &scope(doing), style(doing), limits::SCAFFOLDER_EXPRESSION_FUEL).map_err(|fault| fault.0)
}

fn filled(doing: &Doing, content: &[u8], path: &str) -> Result<String, String> {
    let text = std::str::from_utf8(content).map_err(|_| format!("{path:?} is not text"))?;
    let made = render(text, &scope(doing), style(doing), limits::SCAFFOLDER_FILE_FUEL);
    made.map_err(|fault| format!("{path}: {fault}"))
}

fn target(doing: &Doing, path: &str) -> String {
    match text(&doing.input, "targetPath").trim_end_matches('/') {
        "" | "." => path.to_owned(),
        folder => format!("{folder}/{path}"),
    }
}

fn own(doing: &Doing) -> Result<&super::super::source::Source, String> {
    doing.source.as_ref().ok_or_else(|| "this template has no folder of its own here".to_owned())
}

fn folder(doing: &Doing) -> Result<Vec<Found>, String> {
    let url = text(&doing.input, "url");
    if is_remote(&doing.input) {
        return Err(format!(
            "{url} is elsewhere: a folder is copied from beside the template only. Put it there, or fetch single files \
             with fetch:plain:file"
        ));
    }
    own(doing)?.folder(url)
}

/// One file over https, by the rules of every call out: public hosts only, no redirect, so many bytes.
async fn remote(doing: &Doing) -> Result<Vec<u8>, String> {
    let url = text(&doing.input, "url");
    if !text(&doing.input, "token").is_empty() {
        return Err("a token is not sent to other hosts; the file must be public".to_owned());
    }
    let bytes_max = usize::try_from(limits::SCAFFOLDER_FILE_BYTES_MAX).unwrap_or(usize::MAX);
    let ask = Ask { url, kind: Wanted::Anything, bytes_max, etag: None };
    match doing.house.outbound.get(ask).await {
        Ok(Answer::New(fetched)) => Ok(fetched.body.to_vec()),
        Ok(Answer::Same(_)) => Err(format!("{url} was not fetched")),
        Err(refusal) => Err(format!("{url} was not fetched: {refusal}")),
    }
}
