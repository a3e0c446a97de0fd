//! An entity → the rows of the search index, by Backstage's rules (`buildEntitySearch`): dotted paths in
//! lower case; a list gives `path=value` and, for strings, `path.value=true`; `relations.<type>=ref`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::limits;

/// Paths that are not searched as they are; some come back under [`rows`] in their own way.
const SKIPPED: &[&str] = &[
    "attachments",
    "relations",
    "status",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.etag",
];

/// What an entity says under one key, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A value that can be compared.
    Text(&'a str),
    /// Null, or longer than [`limits::SEARCH_CHARS_MAX`]: the key exists and equals nothing.
    Incomparable,
}

/// Calls `row` with each key, in lower case, and its value.
pub fn rows(entity: &Value, mut row: impl FnMut(&str, Cell<'_>)) {
    let mut emit = |path: &str, value: &Value| {
        let key = path.to_lowercase();
        if !is_short(&key) {
            return;
        }
        match scalar(value).map(|text| text.to_lowercase()) {
            Some(text) if is_short(&text) => row(&key, Cell::Text(&text)),
            _ => row(&key, Cell::Incomparable),
        }
    };
    if let Some(root) = entity.as_object() {
        object(root, "", &mut emit);
    }
    let metadata = &entity["metadata"];
    for field in ["name", "namespace", "uid"] {
        if let Some(value) = metadata.get(field) {
            emit(&format!("metadata.{field}"), value);
        }
    }
    if metadata.get("namespace").is_none() {
        emit("metadata.namespace", &Value::String("default".to_owned()));
    }
    for relation in entity["relations"].as_array().into_iter().flatten() {
        if let Some(kind) = relation["type"].as_str() {
            emit(&format!("relations.{kind}"), &relation["targetRef"]);
        }
    }
}

/// The faults of an entity whose keys are the same in lower case, as `Label` and `label` are.
pub fn keys_that_differ_only_in_case(entity: &Map<String, Value>) -> Option<String> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut twice = Vec::new();
    object(entity, "", &mut |path, _| {
        let first = seen.entry(path.to_lowercase()).or_insert_with(|| path.to_owned());
        if first != path && !twice.contains(&path.to_lowercase()) {
            twice.push(path.to_lowercase());
        }
    });
    (!twice.is_empty()).then(|| {
        format!("Entity has duplicate keys that vary only in casing, {}", super::excerpt(&twice.join(", ")))
    })
}

/// A scalar as JavaScript's `String()` writes it; `None` for null.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        }),
        _ => None,
    }
}

fn is_short(text: &str) -> bool {
    text.len() <= limits::SEARCH_CHARS_MAX || text.chars().count() <= limits::SEARCH_CHARS_MAX
}

fn object(map: &Map<String, Value>, path: &str, emit: &mut impl FnMut(&str, &Value)) {
    for (key, value) in map {
        if path.is_empty() {
            visit(value, key, emit);
        } else {
            visit(value, &format!("{path}.{key}"), emit);
        }
    }
}

fn visit(value: &Value, path: &str, emit: &mut impl FnMut(&str, &Value)) {
    if SKIPPED.contains(&path) {
        return;
    }
    match value {
        Value::Object(map) => object(map, path, emit),
        Value::Array(items) => {
            for item in items {
                visit(item, path, emit);
                if let Value::String(text) = item {
                    emit(&format!("{path}.{text}"), &Value::Bool(true));
                }
            }
        }
        scalar => emit(path, scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_rows_are_those_of_backstage() {
        let entity = json!({
            "apiVersion": "a/v1", "kind": "Component",
            "metadata": {"name": "Shop", "uid": "U", "etag": "E", "tags": ["Java", "web", "Java"], "annotations": {"a.io/B": "C"}, "long": "x".repeat(201)},
            "spec": {"n": 1, "f": 2.0, "b": true, "z": null, "list": [{"k": 1}, {"k": 2}], ("k".repeat(200)): 1},
            "relations": [{"type": "ownedBy", "targetRef": "group:default/team"}], "status": {"x": 1},
        });
        let mut seen = Vec::new();
        rows(&entity, |key, cell| {
            seen.push(match cell {
                Cell::Text(text) => format!("{key}={text}"),
                Cell::Incomparable => format!("{key}=∅"),
            });
        });
        let want = [
            "apiversion=a/v1",
            "kind=component",
            "metadata.tags=java",
            "metadata.tags.java=true",
            "metadata.tags=web",
            "metadata.tags.web=true",
            "metadata.tags=java",
            "metadata.tags.java=true",
            "metadata.annotations.a.io/b=c",
            "metadata.long=∅",
            "spec.n=1",
            "spec.f=2",
            "spec.b=true",
            "spec.z=∅",
            "spec.list.k=1",
            "spec.list.k=2",
            "metadata.name=shop",
            "metadata.uid=u",
            "metadata.namespace=default",
            "relations.ownedby=group:default/team",
        ];
        assert_eq!(seen, want);
    }
}
