//! The shape of each kind of entity: which fields it has, which it must have.
//!
//! A table, read by one checker that words its faults as Backstage's validator does:
//! `/spec must have required property 'owner' - missingProperty: owner`.

use serde_json::{Map, Value};

/// What a field holds.
#[derive(Clone, Copy)]
enum Shape {
    /// A string of at least one character.
    Text,
    /// A string.
    AnyText,
    /// A list of strings of at least one character each.
    Texts,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A string of at most so many characters.
    TextUpTo(usize),
    /// An object with these fields, and whatever else.
    Object(&'static [Field]),
    /// A list of at least so many objects.
    Objects(usize, &'static [Field]),
    /// An object or a list of objects, as a template's form may be.
    ObjectOrObjects,
}

/// One field of an object.
struct Field {
    name: &'static str,
    required: bool,
    shape: Shape,
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, required: true, shape }
}

const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, required: false, shape }
}

use Shape::{AnyText, Object, ObjectOrObjects, Objects, OneOf, Text, TextUpTo, Texts};

const ALPHA_OR_BETA: &[&str] = &["backstage.io/v1alpha1", "backstage.io/v1beta1"];
const ALPHA: &[&str] = &["backstage.io/v1alpha1"];
const SCAFFOLDER: &[&str] = &["scaffolder.backstage.io/v1beta3"];

const LINK: &[Field] = &[must("url", Text), may("title", Text), may("icon", Text), may("type", Text)];
const METADATA: &[Field] = &[
    must("name", Text),
    may("namespace", Text),
    may("title", Text),
    may("description", AnyText),
    may("labels", Object(&[])),
    may("annotations", Object(&[])),
    may("tags", Texts),
    may("links", Objects(0, LINK)),
];
const ENVELOPE: &[Field] = &[
    must("apiVersion", Text),
    must("kind", Text),
    must("metadata", Object(METADATA)),
    may("spec", Object(&[])),
];
const PROFILE: &[Field] = &[may("displayName", Text), may("email", Text), may("picture", Text)];
const COMPONENT: &[Field] = &[
    must("type", Text),
    must("lifecycle", Text),
    must("owner", Text),
    may("system", Text),
    may("subcomponentOf", Text),
    may("providesApis", Texts),
    may("consumesApis", Texts),
    may("dependsOn", Texts),
    may("dependencyOf", Texts),
];
const API: &[Field] = &[
    must("type", Text),
    must("lifecycle", Text),
    must("owner", Text),
    must("definition", Text),
    may("system", Text),
];
const REMOTE: &[Field] = &[must("type", Text), must("url", Text)];
const MCP_SERVER: &[Field] = &[
    must("type", Text),
    must("lifecycle", Text),
    must("owner", Text),
    must("remotes", Objects(1, REMOTE)),
    may("system", Text),
];
const RESOURCE: &[Field] = &[
    must("type", Text),
    must("owner", Text),
    may("system", Text),
    may("dependsOn", Texts),
    may("dependencyOf", Texts),
];
const SYSTEM: &[Field] = &[must("owner", Text), may("domain", Text), may("type", Text)];
const DOMAIN: &[Field] = &[must("owner", Text), may("subdomainOf", Text), may("type", Text)];
const GROUP: &[Field] = &[
    must("type", Text),
    must("children", Texts),
    may("parent", Text),
    may("members", Texts),
    may("profile", Object(PROFILE)),
];
const USER: &[Field] = &[must("memberOf", Texts), may("profile", Object(PROFILE))];
const LOCATION: &[Field] = &[
    may("type", Text),
    may("target", Text),
    may("targets", Texts),
    may("presence", OneOf(&["required", "optional"])),
];
const STEP: &[Field] = &[must("action", AnyText), may("id", AnyText), may("name", AnyText)];
const TEMPLATE: &[Field] = &[
    must("type", Text),
    must("steps", Objects(0, STEP)),
    may("owner", Text),
    may("lifecycle", Text),
    may("parameters", ObjectOrObjects),
    may("output", Object(&[])),
];
const AI_BASE: &[Field] =
    &[must("type", Text), must("lifecycle", Text), must("owner", Text), may("system", Text)];
const AI_SKILL: &[Field] = &[
    may("disciplines", Texts),
    may("categories", Texts),
    may("agents", Texts),
    may("dependsOn", Texts),
    may("allowedTools", Text),
    may("license", Text),
    may("compatibility", TextUpTo(500)),
];
const AI_RULE: &[Field] = &[may("disciplines", Texts), must("category", Text), must("rationale", Text)];
const AI_PLUGIN: &[Field] = &[must("skills", Texts), may("version", Text)];
const AI_MARKETPLACE: &[Field] = &[must("plugins", Texts), may("version", Text)];

/// The kinds that this catalog knows, as their descriptors spell them.
pub const KINDS: &[&str] = &[
    "AiResource",
    "API",
    "Component",
    "Domain",
    "Group",
    "Location",
    "Resource",
    "System",
    "Template",
    "User",
];

/// Checks what all kinds share. Faults are in the order of the fields.
pub fn envelope(entity: &Map<String, Value>, faults: &mut Vec<String>) {
    object(entity, "", ENVELOPE, faults);
    for field in entity.keys() {
        if !["apiVersion", "kind", "metadata", "spec"].contains(&field.as_str()) {
            faults.push(format!("Unknown field {field}"));
        }
    }
}

/// Checks the `spec` of an entity whose envelope is sound.
///
/// Returns `false`, and adds no fault, where no kind of that name and version is known.
pub fn kind(entity: &Map<String, Value>, faults: &mut Vec<String>) -> bool {
    let version = text(entity.get("apiVersion"));
    let spec = entity.get("spec");
    let spec_type = text(spec.and_then(|spec| spec.get("type")));
    let (versions, fields, more): (_, _, &[Field]) = match text(entity.get("kind")) {
        "Component" => (ALPHA_OR_BETA, COMPONENT, &[]),
        "API" if spec_type == "mcp-server" => (ALPHA_OR_BETA, MCP_SERVER, &[]),
        "API" => (ALPHA_OR_BETA, API, &[]),
        "Resource" => (ALPHA_OR_BETA, RESOURCE, &[]),
        "System" => (ALPHA_OR_BETA, SYSTEM, &[]),
        "Domain" => (ALPHA_OR_BETA, DOMAIN, &[]),
        "Group" => (ALPHA_OR_BETA, GROUP, &[]),
        "User" => (ALPHA_OR_BETA, USER, &[]),
        "Location" => (ALPHA_OR_BETA, LOCATION, &[]),
        "Template" => (SCAFFOLDER, TEMPLATE, &[]),
        "AiResource" => (ALPHA, AI_BASE, ai_fields(spec_type)),
        _ => return false,
    };
    if !versions.contains(&version) {
        return false;
    }
    match spec {
        None => required("", "spec", faults),
        Some(Value::Object(spec)) => {
            object(spec, "/spec", fields, faults);
            object(spec, "/spec", more, faults);
        }
        Some(_) => {} // The envelope has said that it must be an object.
    }
    true
}

fn ai_fields(spec_type: &str) -> &'static [Field] {
    match spec_type {
        "skill" => AI_SKILL,
        "rule" => AI_RULE,
        "plugin" => AI_PLUGIN,
        "marketplace" => AI_MARKETPLACE,
        _ => &[],
    }
}

fn object(object: &Map<String, Value>, path: &str, fields: &[Field], faults: &mut Vec<String>) {
    for field in fields {
        match object.get(field.name) {
            None if field.required => required(path, field.name, faults),
            None => {}
            Some(found) => value(found, &format!("{path}/{}", field.name), field.shape, faults),
        }
    }
}

fn value(found: &Value, path: &str, shape: Shape, faults: &mut Vec<String>) {
    match (shape, found) {
        (Text, Value::String(text)) if text.is_empty() => {
            faults.push(format!("{path} must NOT have fewer than 1 characters - limit: 1"));
        }
        (TextUpTo(limit), Value::String(text)) if text.chars().count() > limit => {
            faults.push(format!("{path} must NOT have more than {limit} characters - limit: {limit}"));
        }
        (Text | AnyText | TextUpTo(_), Value::String(_)) => {}
        (OneOf(allowed), Value::String(text)) if allowed.contains(&text.as_str()) => {}
        (OneOf(allowed), _) => faults.push(format!(
            "{path} must be equal to one of the allowed values - allowedValues: {}",
            allowed.join(",")
        )),
        (Texts, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                value(item, &format!("{path}/{index}"), Text, faults);
            }
        }
        (Object(fields), Value::Object(map)) => object(map, path, fields, faults),
        (Objects(least, _), Value::Array(items)) if items.len() < least => {
            faults.push(format!("{path} must NOT have fewer than {least} items - limit: {least}"));
        }
        (Objects(_, fields), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                value(item, &format!("{path}/{index}"), Object(fields), faults);
            }
        }
        (ObjectOrObjects, Value::Object(_)) => {}
        (ObjectOrObjects, Value::Array(_)) => value(found, path, Objects(0, &[]), faults),
        (ObjectOrObjects, _) => faults.push(format!("{path} must be object or array - type: object,array")),
        (Text | AnyText | TextUpTo(_), _) => faults.push(format!("{path} must be string - type: string")),
        (Texts | Objects(..), _) => faults.push(format!("{path} must be array - type: array")),
        (Object(_), _) => faults.push(format!("{path} must be object - type: object")),
    }
}

fn required(path: &str, name: &str, faults: &mut Vec<String>) {
    let path = if path.is_empty() { "<root>" } else { path };
    faults.push(format!("{path} must have required property '{name}' - missingProperty: {name}"));
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(entity: &Value) -> (bool, Vec<String>) {
        let mut faults = Vec::new();
        envelope(entity.as_object().unwrap(), &mut faults);
        let known = kind(entity.as_object().unwrap(), &mut faults);
        (known, faults)
    }

    fn entity(kind: &str, version: &str, spec: Value) -> Value {
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec})
    }

    #[test]
    fn the_faults_are_worded_as_backstage_words_them() {
        let (_, faults) = of(&json!({"kind": "Component", "metadata": {"name": "x"}, "spec": {}}));
        assert_eq!(
            faults[0],
            "<root> must have required property 'apiVersion' - missingProperty: apiVersion"
        );
        let (_, faults) =
            of(&entity("Component", "backstage.io/v1alpha1", json!({"type": "", "lifecycle": 1})));
        assert_eq!(
            faults,
            [
                "/spec/type must NOT have fewer than 1 characters - limit: 1",
                "/spec/lifecycle must be string - type: string",
                "/spec must have required property 'owner' - missingProperty: owner",
            ]
        );
        let (_, faults) = of(&json!({"apiVersion": "a", "kind": "b", "metadata": {"name": "x"}, "more": 1}));
        assert_eq!(faults, ["Unknown field more"]);
    }

    #[test]
    fn the_smallest_entity_of_each_kind_is_sound_and_needs_every_field_it_has() {
        let owned = json!({"type": "t", "lifecycle": "l", "owner": "o"});
        let with = |name: &str, value: Value| {
            let mut spec = owned.clone();
            spec[name] = value;
            spec
        };
        let alpha = "backstage.io/v1alpha1";
        let mut mcp = with("remotes", json!([{"type": "t", "url": "u"}]));
        mcp["type"] = json!("mcp-server");
        let mut rule = with("category", json!("c"));
        rule["rationale"] = json!("r");
        rule["type"] = json!("rule");
        let smallest = [
            entity("Component", alpha, owned.clone()),
            entity("API", "backstage.io/v1beta1", with("definition", json!("d"))),
            entity("API", alpha, mcp),
            entity("Resource", alpha, json!({"type": "t", "owner": "o"})),
            entity("System", alpha, json!({"owner": "o"})),
            entity("Domain", alpha, json!({"owner": "o"})),
            entity("Group", alpha, json!({"type": "t", "children": []})),
            entity("User", alpha, json!({"memberOf": []})),
            entity("Location", alpha, json!({})),
            entity(
                "Template",
                "scaffolder.backstage.io/v1beta3",
                json!({"type": "t", "steps": [{"action": "a"}]}),
            ),
            entity("AiResource", alpha, owned.clone()),
            entity("AiResource", alpha, rule),
        ];
        for sound in &smallest {
            assert_eq!(of(sound), (true, vec![]), "{sound}");
            for field in sound["spec"].as_object().unwrap().keys() {
                if field == "type" && (sound["spec"][field] == "mcp-server" || sound["spec"][field] == "rule")
                {
                    continue;
                }
                let mut broken = sound.clone();
                broken["spec"].as_object_mut().unwrap().remove(field);
                assert_eq!(of(&broken).1.len(), 1, "without {field}: {broken}");
            }
        }
    }

    #[test]
    fn a_foreign_kind_or_version_is_not_recognised() {
        assert!(!of(&entity("Deployment", "apps/v1", json!({}))).0);
        assert!(!of(&entity("component", "backstage.io/v1alpha1", json!({}))).0);
        assert!(!of(&entity("Template", "backstage.io/v1beta2", json!({}))).0);
    }
}
