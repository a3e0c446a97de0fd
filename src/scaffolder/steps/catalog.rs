//! `catalog:fetch` and `catalog:write`.

use serde_json::{Value, json};

use super::{Doing, Given, Kind, Lasting, never, on_disk, text};
use crate::catalog::index::Index;
use crate::catalog::relation::Ref;

pub static FETCH: Kind = Kind {
    id: "catalog:fetch",
    description: "Gives one entity of the catalog, or several, by reference.",
    input: || {
        json!({
            "type": "object",
            "properties": {
                "entityRef": {"type": "string", "description": "One reference."},
                "entityRefs": {"type": "array", "items": {"type": "string"}, "description": "Several."},
                "optional": {"type": "boolean", "description": "Whether one that is not there is no fault."},
                "defaultKind": {"type": "string", "description": "The kind of references that name none."},
                "defaultNamespace": {"type": "string", "description": "The namespace of those that name none."},
            },
            "additionalProperties": false,
        })
    },
    output: || {
        json!({"type": "object", "properties": {
            "entity": {"description": "With entityRef."},
            "entities": {"type": "array", "description": "With entityRefs; null where one is not there."},
        }})
    },
    lasting: Lasting::Nothing,
    needs: Some("catalog:get-catalog-entity"),
    reaches_out: never,
    run: |doing| Box::pin(async move { fetch(&doing, &*doing.house.catalog.seen_by(&doing.caller).await) }),
};

fn fetch(doing: &Doing, index: &Index) -> Given {
    let kind = doing.input["defaultKind"].as_str();
    let namespace = doing.input["defaultNamespace"].as_str().unwrap_or("default");
    let get = |text: &str| -> Result<Value, String> {
        let reference = Ref::parse(text, kind, namespace)?;
        match index.get(reference.as_str()) {
            Some(entity) => Ok(Value::clone(entity)),
            None if doing.input["optional"] == true => Ok(Value::Null),
            None => Err(format!("Entity {text} not found")),
        }
    };
    match (doing.input["entityRef"].as_str(), doing.input["entityRefs"].as_array()) {
        (Some(one), _) => Ok(json!({"entity": get(one)?})),
        (None, Some(all)) => {
            let all: Result<Vec<_>, _> = all.iter().filter_map(Value::as_str).map(get).collect();
            Ok(json!({"entities": all?}))
        }
        (None, None) => Err("neither entityRef nor entityRefs is given".to_owned()),
    }
}

pub static WRITE: Kind = Kind {
    id: "catalog:write",
    description: "Writes an entity as catalog-info.yaml into the workspace.",
    input: || {
        json!({
            "type": "object",
            "properties": {
                "entity": {"type": "object", "description": "The entity, as a descriptor says it."},
                "filePath": {"type": "string", "description": "Instead of catalog-info.yaml."},
            },
            "required": ["entity"],
            "additionalProperties": false,
        })
    },
    output: || json!({"type": "object", "properties": {}}),
    lasting: Lasting::Workspace,
    needs: None,
    reaches_out: never,
    run: |doing| on_disk(doing, write),
};

fn write(doing: &Doing) -> Given {
    let path = match text(&doing.input, "filePath") {
        "" => "catalog-info.yaml",
        path => path,
    };
    let mut content = String::new();
    yaml(&doing.input["entity"], 0, &mut content);
    doing.work.write(path, content.as_bytes(), false)?;
    doing.journal.say(&format!("Wrote {path}"));
    Ok(json!({}))
}

/// A JSON value as YAML blocks. A text that could be read as anything else is quoted: a person's words never become
/// structure.
fn yaml(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                *out += &format!("{indent}{}:", word(name));
                below(member, depth + 1, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                *out += &format!("{indent}-");
                below(item, depth + 1, out);
            }
        }
        Value::String(text) => *out += &format!("{indent}{}\n", word(text)),
        other => *out += &format!("{indent}{other}\n"),
    }
}

fn below(value: &Value, depth: usize, out: &mut String) {
    let is_block = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        out.push('\n');
        yaml(value, depth, out);
    } else {
        out.push(' ');
        yaml(value, 0, out);
    }
}

fn word(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_it_was() {
        let entity = json!({
            "kind": "Component", "metadata": {"name": "a", "tags": ["x", "on", ""], "annotations": {"a.b/c": "d: e\n- f"}},
            "spec": {"n": 1, "empty": {}, "none": [], "null": null, "list": [{"a": [1, [2]]}, "0x1", "# no"], "y": true},
        });
        let mut text = String::new();
        yaml(&entity, 0, &mut text);
        assert_eq!(crate::catalog::yaml::single(&text), Ok(entity), "{text}");
        assert!(text.starts_with("kind: Component\nmetadata:\n  name: a\n"), "{text}");
    }
}
