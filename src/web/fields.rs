//! The fields of a template's forms, and what a browser sends back of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::page::{self, Fields};
use crate::scaffolder::parameters::is_secret;
use crate::scaffolder::template::Template;

/// One form of a template.
pub struct Group {
    /// Its title.
    pub title: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// One field.
pub struct Field {
    /// As it is sent: `p.name`, or `s.name` for a secret.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// How it is drawn.
    pub kind: Kind,
    /// What stands in it.
    pub value: String,
    /// What it can be, where that is a few things: value, label, whether it is chosen.
    pub options: Vec<(String, String, bool)>,
    /// Whether the template cannot run without it.
    pub required: bool,
    /// Whether it names an entity of the catalog.
    pub is_reference: bool,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// How a field is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line.
    Text,
    /// A whole or broken number.
    Number,
    /// Something not to be shown.
    Password,
    /// Several lines.
    Area,
    /// A list, one item a line.
    Lines,
    /// Anything else, as JSON.
    Json,
    /// Yes or no.
    Check,
    /// One of several.
    Select,
    /// Any of several.
    Checks,
}

impl Kind {
    /// Whether it is this, for the page.
    pub fn is(self, word: &str) -> bool {
        word == match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Password => "password",
            Self::Area | Self::Lines | Self::Json => "area",
            Self::Check => "check",
            Self::Select => "select",
            Self::Checks => "checks",
        }
    }

    fn of(property: &Value) -> Self {
        let has_choice = |schema: &Value| schema["enum"].is_array();
        if is_secret(property) {
            return Self::Password;
        }
        match property["type"].as_str() {
            Some("boolean") => Self::Check,
            _ if has_choice(property) => Self::Select,
            Some("integer" | "number") => Self::Number,
            Some("array") if has_choice(&property["items"]) => Self::Checks,
            Some("array") if matches!(property["items"]["type"].as_str(), None | Some("string")) => {
                Self::Lines
            }
            Some("array" | "object") => Self::Json,
            _ if property["ui:widget"] == "textarea" || property["ui:options"]["multiline"] == true => {
                Self::Area
            }
            _ => Self::Text,
        }
    }
}

/// Every property of a form, those of its branches too, the first of each name.
fn properties(page: &Value) -> Vec<(&String, &Value)> {
    fn collect<'v>(schema: &'v Value, depth: usize, found: &mut Vec<(&'v String, &'v Value)>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            // A branch says of the property that chooses it what it must be; it is there already.
            if found.iter().all(|(known, _)| *known != name) {
                found.push((name, property));
            }
        }
        if depth < 4 {
            let branches =
                schema["dependencies"].as_object().into_iter().flatten().flat_map(|(_, dependency)| {
                    std::iter::once(dependency).chain(dependency["oneOf"].as_array().into_iter().flatten())
                });
            let more = schema["allOf"].as_array().into_iter().flatten();
            for branch in branches.chain(more).chain(schema.get("then")).chain(schema.get("else")) {
                collect(branch, depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    collect(page, 0, &mut found);
    found
}

/// The forms, filled with what was given; the faults that stand beside a field are taken out of `faults`.
pub fn groups(
    template: &Template,
    given: &Map<String, Value>,
    faults: &mut BTreeMap<String, String>,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for page in &template.pages {
        let mut fields = Vec::new();
        for (name, property) in properties(page) {
            let required = page["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
            let mut field = field(&format!("p.{name}"), name, property, given.get(name), required);
            field.fault = faults.remove(name);
            fields.push(field);
        }
        let title = page::shown(page["title"].as_str().unwrap_or("What it needs"));
        groups.push(Group { title, fields });
    }
    if let Some(schema) = &template.secrets {
        let mut fields = Vec::new();
        for (name, property) in properties(schema) {
            let required = schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
            let mut field = field(&format!("s.{name}"), name, property, None, required);
            field.kind = Kind::Password;
            field.fault = faults.remove(&format!("secrets.{name}"));
            fields.push(field);
        }
        groups.push(Group { title: "Secrets".to_owned(), fields });
    }
    groups
}

fn field(sent: &str, name: &str, property: &Value, given: Option<&Value>, required: bool) -> Field {
    let kind = Kind::of(property);
    // The default is shown where nothing was given; a password never comes back.
    let value = given.or(property.get("default")).filter(|_| kind != Kind::Password);
    let chosen = |option: &Value| match value {
        Some(Value::Array(all)) if kind == Kind::Checks => all.contains(option),
        Some(one) => one == option,
        None => false,
    };
    let choices = if kind == Kind::Checks { &property["items"] } else { property };
    let labels = choices["enumNames"].as_array();
    let options = choices["enum"].as_array().into_iter().flatten().enumerate().map(|(at, option)| {
        let label =
            labels.and_then(|labels| labels.get(at)?.as_str()).map_or_else(|| written(option), str::to_owned);
        (written(option), page::shown(&label), chosen(option))
    });
    let picker = property["ui:field"].as_str().unwrap_or_default();
    Field {
        name: sent.to_owned(),
        title: page::shown(property["title"].as_str().unwrap_or(name)),
        description: page::plain(property["description"].as_str().unwrap_or_default()),
        value: match (kind, value) {
            (_, None) => String::new(),
            (Kind::Check, Some(value)) => value.to_string(),
            (Kind::Lines, Some(Value::Array(all))) => all.iter().map(written).collect::<Vec<_>>().join("\n"),
            (_, Some(value)) => written(value),
        },
        options: options.collect(),
        is_reference: ["OwnerPicker", "EntityPicker", "OwnedEntityPicker", "MyGroupsPicker"]
            .contains(&picker),
        kind,
        required,
        fault: None,
    }
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a browser sent, as the values of the template. A field that was left empty is not there.
pub fn values(template: &Template, sent: &Fields) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, property) in template.pages.iter().flat_map(properties) {
        let field = format!("p.{name}");
        if let Some(value) = value(property, &field, sent) {
            values.insert(name.clone(), value);
        }
    }
    values
}

fn value(property: &Value, field: &str, sent: &Fields) -> Option<Value> {
    // As browsers send line breaks.
    let text = sent.get(field).replace("\r\n", "\n");
    let plain = (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let among = |schema: &Value, text: &str| {
        let found = schema["enum"].as_array().into_iter().flatten().find(|option| written(option) == text);
        found.cloned().unwrap_or_else(|| text.into())
    };
    match Kind::of(property) {
        Kind::Check => Some(Value::Bool(sent.has(field))),
        Kind::Checks => Some(sent.all(field).iter().map(|one| among(&property["items"], one)).collect()),
        Kind::Select => plain.map(|text| among(property, &text)),
        Kind::Lines => {
            plain.map(|text| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
        }
        // What cannot be read is given on as it is: the schema says what is wrong with it.
        Kind::Number | Kind::Json => {
            plain.map(|text| serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text)))
        }
        Kind::Password => (!text.is_empty()).then(|| text.into()),
        Kind::Text | Kind::Area => plain.map(Value::String),
    }
}

/// What a browser sent, as the secrets of the template.
pub fn secrets(template: &Template, sent: &Fields) -> Map<String, Value> {
    let names = template.secrets.iter().flat_map(properties).map(|(name, _)| name);
    let given = names.map(|name| (name.clone(), sent.get(&format!("s.{name}"))));
    given.filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.into())).collect()
}
