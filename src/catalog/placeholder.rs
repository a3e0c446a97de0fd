//! `$text`, `$json`, `$yaml` and `$openapi`: texts that a descriptor keeps in files beside it.
//!
//! Only files inside the same root are read (see [`super::files`]). What lies behind a URL is refused with a
//! sentence: fetching for whoever can write a descriptor is a request forged by the server (SSRF).

use serde_json::Value;

use super::files::{Files, is_visible, resolve};
use super::yaml;
use crate::limits;

/// Replaces every placeholder in `entity`, which the file `from` describes.
///
/// # Errors
/// The first placeholder that cannot be replaced, as a sentence.
pub fn expand(entity: &mut Value, from: &str, files: &Files) -> Result<(), String> {
    let mut left = limits::PLACEHOLDERS_PER_ENTITY_MAX;
    visit(entity, from, files, &mut left)
}

fn visit(value: &mut Value, from: &str, files: &Files, left: &mut usize) -> Result<(), String> {
    if let Some((key, target)) = placeholder(value) {
        *left = left.checked_sub(1).ok_or_else(|| {
            format!("more than {} placeholders in one entity", limits::PLACEHOLDERS_PER_ENTITY_MAX)
        })?;
        *value = bring(key, target, from, files)?;
        return Ok(()); // What was brought in is text, not a descriptor: its own `$` keys stay.
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| visit(item, from, files, left)),
        Value::Object(map) => map.values_mut().try_for_each(|item| visit(item, from, files, left)),
        _ => Ok(()),
    }
}

/// Puts a text where a placeholder is, for whoever has the descriptor and not the files beside it.
pub fn stand_in(value: &mut Value) {
    if placeholder(value).is_some() {
        *value = Value::String("openapi".to_owned());
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(stand_in),
        Value::Object(map) => map.values_mut().for_each(stand_in),
        _ => {}
    }
}

/// The files that the placeholders in `value` name, relative to the root: what else an entity is made of.
pub fn targets(value: &Value, from: &str) -> Vec<String> {
    if let Some((_, target)) = placeholder(value) {
        return resolve(from, target).into_iter().collect();
    }
    match value {
        Value::Array(items) => items.iter().flat_map(|item| targets(item, from)).collect(),
        Value::Object(map) => map.values().flat_map(|item| targets(item, from)).collect(),
        _ => Vec::new(),
    }
}

/// An object whose only key is a known placeholder with a string. Anything else with a `$` is somebody's
/// data, such as a JSON Schema's `$ref`, and stays as it is.
fn placeholder(value: &Value) -> Option<(&'static str, &str)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (key, target) = map.iter().next()?;
    let known = ["$text", "$json", "$yaml", "$openapi"].into_iter().find(|known| known == key)?;
    Some((known, target.as_str()?))
}

fn bring(key: &str, target: &str, from: &str, files: &Files) -> Result<Value, String> {
    let refuse =
        |why: &str| format!("Placeholder {key} could not read location {}, {why}", super::excerpt(target));
    if target.contains("://") {
        return Err(refuse(
            "remote files are not fetched here; keep the text in a file beside the descriptor",
        ));
    }
    let path = resolve(from, target).map_err(|why| refuse(&why))?;
    if !is_visible(&path) {
        return Err(refuse("it is hidden: no part of a path may begin with a dot, or be node_modules"));
    }
    let text = files.read(&path, limits::PLACEHOLDER_BYTES_MAX).map_err(|why| refuse(&why))?;
    match key {
        "$text" => Ok(Value::String(text)),
        "$json" => serde_json::from_str(&text).map_err(|error| refuse(&format!("it is not JSON: {error}"))),
        "$yaml" => yaml::single(&text).map_err(|why| refuse(&why)),
        // The document as its author wrote it, once it is known to be one.
        _ => match yaml::single(&text).map_err(|why| refuse(&why))? {
            Value::Object(document)
                if document.contains_key("openapi") || document.contains_key("swagger") =>
            {
                Ok(Value::String(text))
            }
            _ => Err(refuse("it is not an OpenAPI document: neither \"openapi\" nor \"swagger\" is there")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILES: Files = Files::Embedded(&[
        ("a/api.yaml", "openapi: 3.1.0\npaths: {}\n"),
        ("a/data.json", "{\"n\": [1]}"),
        ("a/note.txt", "$text: other"),
        ("b/.env", "SECRET=1"),
        ("b/.git/config", "secret"),
        ("b/node_modules/x.txt", "secret"),
    ]);

    fn expanded(mut value: Value) -> Result<Value, String> {
        expand(&mut value, "a/catalog-info.yaml", &FILES).map(|()| value)
    }

    #[test]
    fn texts_and_documents_are_brought_in() {
        let spec = json!({"t": {"$text": "note.txt"}, "j": [{"$json": "./data.json"}], "y": {"$yaml": "../a/api.yaml"}, "o": {"$openapi": "api.yaml"}});
        let want = json!({"t": "$text: other", "j": [{"n": [1]}], "y": {"openapi": "3.1.0", "paths": {}}, "o": "openapi: 3.1.0\npaths: {}\n"});
        assert_eq!(expanded(spec).unwrap(), want);
    }

    #[test]
    fn data_that_only_looks_like_a_placeholder_stays() {
        for same in [json!({"$ref": "#/x"}), json!({"$text": 1}), json!({"$text": "note.txt", "more": 1})] {
            assert_eq!(expanded(same.clone()).unwrap(), same);
        }
    }

    #[test]
    fn attack_a_descriptor_brings_in_nothing_that_is_hidden() {
        for target in ["../b/.env", "./../b/.git/config", "../b/x/../.env", "../b/node_modules/x.txt"] {
            let why = expanded(json!({"x": {"$text": target}})).unwrap_err();
            assert!(why.contains("hidden"), "{target}: {why}");
        }
    }

    #[test]
    fn what_is_remote_missing_outside_or_of_another_kind_is_said() {
        for (spec, says) in [
            (json!({"$text": "https://a.example/x"}), "remote files are not fetched"),
            (json!({"$text": "none.txt"}), "no such file"),
            (json!({"$text": "../../etc/passwd"}), "leads out"),
            (json!({"$json": "note.txt"}), "not JSON"),
            (json!({"$openapi": "data.json"}), "not an OpenAPI document"),
            (json!(vec![json!({"$text": "note.txt"}); 17]), "more than 16 placeholders"),
        ] {
            let why = expanded(json!({"x": spec})).unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
}
