//! One document → one entity: checked, completed and in the order that a reader of the catalog sees.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::files::Files;
use super::relation::Ref;
use super::{flatten, format, placeholder, schema};

/// Where an entity was described.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The file, relative to the root that it was read from.
    pub file: String,
    /// The document in it, counted from 1.
    pub document: usize,
    /// The line that the document begins on, counted from 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} (document {})", self.file, self.line, self.document)
    }
}

/// A sound entity, with everything but its relations, which need the others.
#[derive(Clone, Debug)]
pub struct Entity {
    /// `kind:namespace/name`, lower-cased: what it is found by.
    pub reference: Ref,
    /// The entity as it is answered.
    pub value: Value,
    /// Where it was described.
    pub place: Place,
    /// The tree that file is in; relative URLs of a template are resolved there.
    pub files: Arc<Files>,
}

/// What is wrong with one document.
#[derive(Debug, PartialEq, Eq)]
pub struct Faults {
    /// `component:default/x`, as far as the document gets with saying so.
    pub reference: Option<String>,
    /// One sentence a fault, in Backstage's words.
    pub messages: Vec<String>,
}

/// Makes an entity of one document.
///
/// `origin` is the file that led here, which is `place.file` where no Location did.
///
/// # Errors
/// Every fault of the document; nothing of it is used then.
pub fn entity(document: Value, place: &Place, origin: &str, files: &Arc<Files>) -> Result<Entity, Faults> {
    let mut messages = Vec::new();
    let Value::Object(mut root) = document else {
        let found = match document {
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            _ => "number",
        };
        return Err(Faults {
            reference: None,
            messages: vec![format!("Expected object at root, got {found}")],
        });
    };
    let reference = Ref::of(&root).ok();
    let refused = |messages| Faults { reference: reference.as_ref().map(ToString::to_string), messages };
    schema::envelope(&root, &mut messages);
    if messages.is_empty() {
        format::check(&root, &mut messages);
    }
    if !messages.is_empty() {
        return Err(refused(messages));
    }
    if let Some(spec) = root.get_mut("spec") {
        placeholder::expand(spec, &place.file, files).map_err(|why| refused(vec![why]))?;
    }
    let known = schema::kind(&root, &mut messages);
    if !known {
        messages.push(unrecognised(&root, reference.as_ref()));
    }
    messages.extend(flatten::keys_that_differ_only_in_case(&root));
    match reference {
        Some(reference) if messages.is_empty() => {
            let value = complete(root, &reference, place, (origin, files));
            Ok(Entity { reference, value, place: place.clone(), files: Arc::clone(files) })
        }
        reference => Err(Faults { reference: reference.map(|r| r.to_string()), messages }),
    }
}

fn unrecognised(root: &Map<String, Value>, reference: Option<&Ref>) -> String {
    let name = reference.map_or_else(String::new, ToString::to_string);
    let mut message = format!(
        "No processor recognized the entity {name} as valid, possibly caused by a foreign kind or apiVersion"
    );
    let kind = root.get("kind").and_then(Value::as_str).unwrap_or_default();
    if let Some(near) = schema::KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind) && **known != kind)
    {
        message.push_str(&format!(" (did you mean the kind {near}?)"));
    }
    message
}

/// metadata(namespace, annotations, name, …, uid, etag), apiVersion, kind, spec: as Backstage reads back.
fn complete(
    mut root: Map<String, Value>,
    reference: &Ref,
    place: &Place,
    (origin, files): (&str, &Files),
) -> Value {
    let mut metadata = match root.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let mut annotations = match metadata.shift_remove("annotations") {
        Some(Value::Object(annotations)) => annotations,
        _ => Map::new(),
    };
    let mut annotate =
        |key: &str, file: &str| annotations.insert(key.to_owned(), Value::String(files.location(file)));
    annotate("backstage.io/managed-by-location", &place.file);
    annotate("backstage.io/managed-by-origin-location", origin);
    let namespace = metadata.shift_remove("namespace").filter(Value::is_string);
    let mut ordered = Map::new();
    ordered.insert("namespace".to_owned(), namespace.unwrap_or_else(|| Value::String("default".to_owned())));
    ordered.insert("annotations".to_owned(), Value::Object(annotations));
    metadata.shift_remove("uid"); // The server's to give.
    metadata.shift_remove("etag");
    ordered.extend(metadata);
    let mut value = Map::new();
    value.insert("metadata".to_owned(), Value::Object(ordered));
    for key in ["apiVersion", "kind", "spec"] {
        if let Some(part) = root.remove(key) {
            value.insert(key.to_owned(), part);
        }
    }
    let etag = hex(&digest(&SHA256, Value::Object(value.clone()).to_string().as_bytes()).as_ref()[..20]);
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        metadata.insert("uid".to_owned(), Value::String(uid(reference)));
        metadata.insert("etag".to_owned(), Value::String(etag));
    }
    Value::Object(value)
}

/// The same entity has the same id on every node and after every start, without asking anybody.
fn uid(reference: &Ref) -> String {
    let hash = digest(&SHA256, reference.as_str().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(document: Value) -> Result<Entity, Faults> {
        let place = Place { file: "org/a.yaml".to_owned(), document: 2, line: 7 };
        entity(document, &place, "all.yaml", &Arc::new(Files::Embedded(&[])))
    }

    fn component() -> Value {
        json!({
            "kind": "Component", "apiVersion": "backstage.io/v1alpha1",
            "metadata": {"name": "Shop", "uid": "mine", "tags": ["a"], "annotations": {"a.example/b": "c"}},
            "spec": {"type": "service", "lifecycle": "production", "owner": "team"},
        })
    }

    #[test]
    fn an_entity_reads_back_in_the_order_of_backstage() {
        let entity = of(component()).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&entity.value), ["metadata", "apiVersion", "kind", "spec"]);
        assert_eq!(
            keys(&entity.value["metadata"]),
            ["namespace", "annotations", "name", "tags", "uid", "etag"]
        );
        assert_eq!(entity.reference.as_str(), "component:default/shop");
        assert_eq!(entity.value["metadata"]["etag"].as_str().unwrap().len(), 40);
        assert_ne!(entity.value["metadata"]["uid"], "mine");
        let annotations = &entity.value["metadata"]["annotations"];
        assert_eq!(annotations["backstage.io/managed-by-location"], "file:org/a.yaml");
        assert_eq!(annotations["backstage.io/managed-by-origin-location"], "file:all.yaml");
    }

    #[test]
    fn the_id_stays_and_the_tag_changes_when_the_entity_does() {
        let before = of(component()).unwrap();
        let mut changed = component();
        changed["spec"]["type"] = json!("website");
        let after = of(changed).unwrap();
        assert_eq!(before.value["metadata"]["uid"], after.value["metadata"]["uid"]);
        assert_ne!(before.value["metadata"]["etag"], after.value["metadata"]["etag"]);
    }

    #[test]
    fn what_is_not_an_entity_is_said_in_the_words_of_backstage() {
        assert_eq!(of(json!(["a"])).unwrap_err().messages, ["Expected object at root, got array"]);
        let foreign = json!({"apiVersion": "apps/v1", "kind": "Foo", "metadata": {"name": "x"}, "spec": {}});
        let faults = of(foreign).unwrap_err();
        assert_eq!(faults.reference.as_deref(), Some("foo:default/x"));
        assert_eq!(
            faults.messages,
            [
                "No processor recognized the entity foo:default/x as valid, possibly caused by a foreign kind or apiVersion"
            ]
        );
        let mut lower = component();
        lower["kind"] = json!("component");
        assert!(of(lower).unwrap_err().messages[0].ends_with("(did you mean the kind Component?)"));
        let mut twice = component();
        twice["metadata"]["labels"] = json!({"a": "1", "A": "2"});
        assert!(of(twice).unwrap_err().messages[0].contains("vary only in casing"));
    }
}
