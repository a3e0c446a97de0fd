//! What a person fills in: defaults put where nothing was given, and every fault told in words beside its field.

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::template::Template;
use crate::limits;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, dotted; empty where it is about all of them.
    pub field: String,
    /// What, as the end of a sentence about it.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.field.as_str() {
            "" => write!(f, "{}", self.message),
            field => write!(f, "{field}: {}", self.message),
        }
    }
}

/// A page's schema, compiled. Draft 7, which the forms of templates are written in: later drafts do not know
/// `dependencies`. Nothing is fetched.
///
/// # Errors
/// What is wrong with the schema.
pub fn validator(page: &Value) -> Result<Validator, String> {
    jsonschema::draft7::new(page).map_err(|e| e.to_string())
}

/// The values that the template runs with: those given, and the defaults of its forms for the rest.
///
/// # Errors
/// Every [`Fault`], up to [`limits::SCAFFOLDER_FAULTS_MAX`].
pub fn accept(template: &Template, given: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Fault>> {
    let mut values = given.clone();
    for page in &template.pages {
        put_defaults(page, &mut values, 0);
    }
    let bytes = serde_json::to_string(&values).map_or(usize::MAX, |text| text.len());
    if bytes > limits::SCAFFOLDER_VALUES_BYTES_MAX {
        let message = format!("the values have more than {} bytes", limits::SCAFFOLDER_VALUES_BYTES_MAX);
        return Err(vec![Fault { field: String::new(), message }]);
    }
    let mut faults = Vec::new();
    for page in &template.pages {
        faults.extend(faults_of(page, &Value::Object(values.clone())));
    }
    // Two pages may say the same of one field.
    faults.dedup();
    faults.truncate(limits::SCAFFOLDER_FAULTS_MAX);
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

/// What is wrong with the secrets, by the schema that the template has for them.
pub fn faults_of_secrets(template: &Template, secrets: &Map<String, Value>) -> Vec<Fault> {
    let Some(schema) = &template.secrets else { return Vec::new() };
    let mut faults = faults_of(schema, &Value::Object(secrets.clone()));
    for fault in &mut faults {
        // A message repeats the value that it is about, which nobody may read here.
        if !fault.message.starts_with("is required") {
            fault.message = "does not fit the template's schema of secrets".to_owned();
        }
        fault.field = format!("secrets.{}", fault.field);
    }
    faults
}

fn faults_of(schema: &Value, values: &Value) -> Vec<Fault> {
    let validator = match validator(schema) {
        Ok(validator) => validator,
        Err(why) => {
            return vec![Fault { field: String::new(), message: format!("its form is broken: {why}") }];
        }
    };
    validator
        .iter_errors(values)
        .take(limits::SCAFFOLDER_FAULTS_MAX)
        .map(|error| fault(schema, &error))
        .collect()
}

fn fault(schema: &Value, error: &jsonschema::ValidationError<'_>) -> Fault {
    use jsonschema::error::ValidationErrorKind as Kind;
    let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
    if let Kind::Required { property } = error.kind() {
        let name = property.as_str().unwrap_or_default();
        let field = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let title = schema["properties"][name]["title"].as_str().filter(|title| *title != name);
        let message =
            title.map_or_else(|| "is required".to_owned(), |title| format!("is required ({title})"));
        return Fault { field, message };
    }
    let mut message = error.to_string();
    if message.len() > limits::ARGUMENT_REASON_BYTES_MAX {
        let keep = limits::ARGUMENT_REASON_BYTES_MAX / 2;
        let (head, tail) =
            (message.floor_char_boundary(keep), message.ceil_char_boundary(message.len() - keep));
        message = format!("{} … {}", &message[..head], &message[tail..]);
    }
    Fault { field: place, message }
}

/// Puts the defaults of a schema where nothing was given: those of nested objects too, and those of a branch of
/// `dependencies`, `if` or `allOf` that the values have chosen.
fn put_defaults(schema: &Value, values: &mut Map<String, Value>, depth: usize) {
    if depth > limits::SCAFFOLDER_RECURSION_MAX {
        return;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(default) = property.get("default").filter(|_| !values.contains_key(name)) {
            values.insert(name.clone(), default.clone());
        }
        if property["properties"].is_object() {
            let mut inner = values.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            put_defaults(property, &mut inner, depth + 1);
            if values.contains_key(name) || !inner.is_empty() {
                match values.get(name) {
                    None | Some(Value::Object(_)) => drop(values.insert(name.clone(), Value::Object(inner))),
                    Some(_) => {}
                }
            }
        }
    }
    for branch in branches(schema, values) {
        put_defaults(branch, values, depth + 1);
    }
}

fn branches<'s>(schema: &'s Value, values: &Map<String, Value>) -> Vec<&'s Value> {
    let chosen = |branch: &Value| {
        validator(branch).is_ok_and(|validator| validator.is_valid(&Value::Object(values.clone())))
    };
    let mut found: Vec<&Value> = schema["allOf"].as_array().into_iter().flatten().collect();
    for (name, dependency) in schema["dependencies"].as_object().into_iter().flatten() {
        if !values.contains_key(name) {
            continue;
        }
        match dependency["oneOf"].as_array() {
            // The branch is told by what it says of this property alone: what else it asks for is not there yet.
            Some(all) => found.extend(all.iter().filter(|branch| {
                let own = &branch["properties"][name];
                validator(own).is_ok_and(|v| v.is_valid(&values[name]))
            })),
            None if dependency.is_object() => found.push(dependency),
            None => {}
        }
    }
    if let Some(condition) = schema.get("if") {
        found.extend(schema.get(if chosen(condition) { "then" } else { "else" }));
    }
    found
}

/// Whether what a person types here must not be shown or written down.
pub fn is_secret(property: &Value) -> bool {
    property["ui:field"] == "Secret"
        || property["ui:widget"] == "password"
        || property["format"] == "password"
}

/// The names of top-level parameters that [`is_secret`].
pub fn secret_names(template: &Template) -> Vec<String> {
    let pages = template.pages.iter().filter_map(|page| page["properties"].as_object());
    pages.flatten().filter(|(_, property)| is_secret(property)).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(pages: Value) -> Template {
        Template { pages: pages.as_array().unwrap().clone(), ..Template::default() }
    }

    fn told(pages: Value, values: Value) -> Result<Value, Vec<String>> {
        let accepted = accept(&template(pages), values.as_object().unwrap());
        accepted.map(Value::Object).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults_stand_where_nothing_was_given() {
        let pages = json!([
            {"properties": {
                "a": {"type": "string", "default": "x"}, "b": {"type": "integer", "default": 2},
                "o": {"type": "object", "properties": {"p": {"default": true}, "q": {}}},
                "none": {"type": "object", "properties": {"q": {}}},
            }},
            {"properties": {"kind": {"enum": ["db", "none"], "default": "db"}},
             "dependencies": {"kind": {"oneOf": [
                {"properties": {"kind": {"const": "db"}, "size": {"default": 10}}, "required": ["size"]},
                {"properties": {"kind": {"const": "none"}, "why": {"default": "-"}}},
             ]}}},
            {"if": {"properties": {"a": {"const": "y"}}}, "then": {"properties": {"t": {"default": 1}}},
             "else": {"properties": {"e": {"default": 1}}}},
        ]);
        assert_eq!(
            told(pages.clone(), json!({})),
            Ok(json!({"a": "x", "b": 2, "o": {"p": true}, "kind": "db", "size": 10, "e": 1}))
        );
        assert_eq!(
            told(pages, json!({"a": "y", "b": 3, "o": {"p": false}, "kind": "none"})),
            Ok(json!({"a": "y", "b": 3, "o": {"p": false}, "kind": "none", "why": "-", "t": 1}))
        );
    }

    #[test]
    fn every_fault_is_told_with_its_field() {
        let pages = json!([
            {"required": ["name", "owner"], "properties": {
                "name": {"title": "Name", "type": "string", "pattern": "^[a-z]+$"}, "owner": {"title": "Owner"},
                "port": {"type": "integer", "minimum": 1024}}},
            {"required": ["deep"], "properties": {"deep": {"type": "object", "required": ["x"]}}},
        ]);
        let faults = told(pages, json!({"name": "A1", "port": "80", "deep": {}})).unwrap_err();
        let text = faults.join("\n");
        for part in [
            "owner: is required (Owner)",
            "name: \"A1\" does not match",
            "port: \"80\" is not of type",
            "deep.x: is required",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(faults.len(), 4, "{text}");
    }

    #[test]
    fn a_fault_of_a_secret_does_not_repeat_it() {
        let secrets =
            json!({"type": "object", "required": ["t", "u"], "properties": {"t": {"maxLength": 3}}});
        let template = Template { secrets: Some(secrets), ..Template::default() };
        let given = json!({"t": "hunter2"});
        let faults: Vec<_> = faults_of_secrets(&template, given.as_object().unwrap())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(faults.len(), 2);
        assert!(!faults.join(" ").contains("hunter2") && faults.join(" ").contains("secrets.u: is required"));
    }
}
