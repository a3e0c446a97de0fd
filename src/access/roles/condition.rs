//! Conditions: for which things a statement holds, by Backstage's rules.

use serde_json::{Map, Value, json};

use super::permission::{ENTITY, STEP, TASK, TEMPLATE};
use super::reading;
use super::rights::Person;
use crate::limits;

/// Stands for whoever asks.
pub(super) const CURRENT_USER: &str = "$currentUser";
/// Stands for whoever asks and the groups they are in.
pub(super) const OWNER_REFS: &str = "$ownerRefs";

/// What a permission is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Thing<'a> {
    /// None in particular: whether there could be one.
    Unnamed,
    /// An entity of the catalog, with its relations.
    Entity(&'a Value),
    /// A run of a template.
    Task {
        /// Who began it, as an entity reference.
        created_by: &'a str,
    },
    /// A parameter or a step of a template.
    Part {
        /// Its `backstage:permissions` tags.
        tags: &'a [String],
    },
    /// An action as a step of a template.
    Step {
        /// The action's id.
        action: &'a str,
        /// What it is run with.
        input: &'a Value,
    },
}

/// For which things a statement holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// One rule.
    Rule(Rule),
    /// Each of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// A rule about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// One of these owns the entity.
    EntityOwner(Vec<String>),
    /// The entity is of one of these kinds.
    EntityKind(Vec<String>),
    /// The entity has the annotation, with this value where one is given.
    Annotation(String, Option<String>),
    /// The entity has the label, with this value where one is given.
    Label(String, Option<String>),
    /// The entity's metadata say something at this path, or this.
    Metadata(String, Option<String>),
    /// The entity's spec says something at this path, or this.
    Spec(String, Option<String>),
    /// One of these began the run.
    TaskOwner(Vec<String>),
    /// The parameter or step has the tag.
    Tag(String),
    /// The step runs this action.
    ActionId(String),
    /// The step's input says something under this key, or this value, of one of these types.
    Property(Type, String, Option<Value>),
}

/// Of which type a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A text.
    Text,
}

impl Condition {
    /// Reads Backstage's form: `{rule, resourceType, params}`, `{allOf: […]}`, `{anyOf: […]}`, `{not: {…}}`; every rule
    /// about things of the kind `resource`.
    ///
    /// # Errors
    /// A sentence that names the part.
    pub fn parse(value: &Value, resource: &str) -> Result<Self, String> {
        let mut left = limits::CONDITION_RULES_MAX;
        reading::read(value, resource, limits::CONDITION_DEPTH_MAX, &mut left)
    }

    /// Whether `thing` fits, when `person` asks. What is of another kind fits no rule.
    pub fn fits(&self, thing: &Thing<'_>, person: &Person) -> bool {
        match self {
            Self::Rule(rule) => rule.fits(thing, person),
            Self::All(parts) => parts.iter().all(|part| part.fits(thing, person)),
            Self::Any(parts) => parts.iter().any(|part| part.fits(thing, person)),
            Self::Not(part) => !part.fits(thing, person),
        }
    }

    /// In the form that [`Condition::parse`] reads.
    pub fn to_value(&self) -> Value {
        let list = |parts: &[Self]| parts.iter().map(Self::to_value).collect::<Vec<_>>();
        match self {
            Self::Rule(rule) => {
                let (name, params) = rule.written();
                json!({"rule": name, "resourceType": rule.resource(), "params": params})
            }
            Self::All(parts) => json!({ "allOf": list(parts) }),
            Self::Any(parts) => json!({ "anyOf": list(parts) }),
            Self::Not(part) => json!({ "not": part.to_value() }),
        }
    }
}

/// `IS_ENTITY_OWNER($ownerRefs)`, `not (HAS_LABEL(tier, 1))`.
impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (index, part) in parts.iter().enumerate() {
                write!(f, "{}({part})", if index == 0 { "" } else { word })?;
            }
            Ok(())
        };
        match self {
            Self::Rule(rule) => {
                let (name, params) = rule.written();
                let mut words = Vec::new();
                for value in params.as_object().into_iter().flat_map(Map::values) {
                    match value {
                        Value::Array(items) => words.extend(items.iter().map(plain)),
                        one => words.push(plain(one)),
                    }
                }
                write!(f, "{name}({})", words.join(", "))
            }
            Self::All(parts) => list(f, parts, " and "),
            Self::Any(parts) => list(f, parts, " or "),
            Self::Not(part) => write!(f, "not ({part})"),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Rule {
    /// The kind of thing it is about.
    pub(super) fn resource(&self) -> &'static str {
        match self {
            Self::EntityOwner(_)
            | Self::EntityKind(_)
            | Self::Annotation(..)
            | Self::Label(..)
            | Self::Metadata(..)
            | Self::Spec(..) => ENTITY,
            Self::TaskOwner(_) => TASK,
            Self::Tag(_) => TEMPLATE,
            Self::ActionId(_) | Self::Property(..) => STEP,
        }
    }

    /// Its name and its parameters.
    pub(super) fn written(&self) -> (&'static str, Value) {
        let pair = |key: &str, text: &str, value: &Option<String>| match value {
            Some(value) => json!({ key: text, "value": value }),
            None => json!({ key: text }),
        };
        match self {
            Self::EntityOwner(claims) => ("IS_ENTITY_OWNER", json!({ "claims": claims })),
            Self::EntityKind(kinds) => ("IS_ENTITY_KIND", json!({ "kinds": kinds })),
            Self::Annotation(name, value) => ("HAS_ANNOTATION", pair("annotation", name, value)),
            Self::Label(name, value) => ("HAS_LABEL", pair("label", name, value)),
            Self::Metadata(key, value) => ("HAS_METADATA", pair("key", key, value)),
            Self::Spec(key, value) => ("HAS_SPEC", pair("key", key, value)),
            Self::TaskOwner(people) => ("IS_TASK_OWNER", json!({ "createdBy": people })),
            Self::Tag(tag) => ("HAS_TAG", json!({ "tag": tag })),
            Self::ActionId(id) => ("HAS_ACTION_ID", json!({ "actionId": id })),
            Self::Property(of, key, value) => {
                let name = match of {
                    Type::Boolean => "HAS_BOOLEAN_PROPERTY",
                    Type::Number => "HAS_NUMBER_PROPERTY",
                    Type::Text => "HAS_STRING_PROPERTY",
                };
                let params = match value {
                    Some(value) => json!({ "key": key, "value": value }),
                    None => json!({ "key": key }),
                };
                (name, params)
            }
        }
    }

    fn fits(&self, thing: &Thing<'_>, person: &Person) -> bool {
        match (self, thing) {
            (Self::EntityOwner(claims), Thing::Entity(entity)) => {
                owners(entity).any(|owner| stands_for(claims, owner, person))
            }
            (Self::EntityKind(kinds), Thing::Entity(entity)) => {
                let kind = entity["kind"].as_str().unwrap_or_default();
                kinds.iter().any(|one| one.eq_ignore_ascii_case(kind))
            }
            (Self::Annotation(name, value), Thing::Entity(entity)) => {
                says(entity["metadata"]["annotations"].get(name), value.as_deref(), true)
            }
            (Self::Label(name, value), Thing::Entity(entity)) => {
                says(entity["metadata"]["labels"].get(name), value.as_deref(), true)
            }
            (Self::Metadata(key, value), Thing::Entity(entity)) => {
                says(at(&entity["metadata"], key), value.as_deref(), false)
            }
            (Self::Spec(key, value), Thing::Entity(entity)) => {
                says(at(&entity["spec"], key), value.as_deref(), false)
            }
            (Self::TaskOwner(people), Thing::Task { created_by }) => stands_for(people, created_by, person),
            (Self::Tag(tag), Thing::Part { tags }) => tags.contains(tag),
            (Self::ActionId(id), Thing::Step { action, .. }) => id == action,
            (Self::Property(of, key, value), Thing::Step { input, .. }) => {
                at(input, key).is_some_and(|found| {
                    let typed = match of {
                        Type::Boolean => found.is_boolean(),
                        Type::Number => found.is_number(),
                        Type::Text => found.is_string(),
                    };
                    typed && value.as_ref().is_none_or(|value| value == found)
                })
            }
            _ => false,
        }
    }
}

fn owners(entity: &Value) -> impl Iterator<Item = &str> {
    let relations = entity["relations"].as_array().map(Vec::as_slice).unwrap_or_default();
    relations.iter().filter(|one| one["type"] == "ownedBy").filter_map(|one| one["targetRef"].as_str())
}

/// Whether `reference` is one of `claims`, with the words in them standing for `person`.
fn stands_for(claims: &[String], reference: &str, person: &Person) -> bool {
    let same = |one: &str| one.eq_ignore_ascii_case(reference);
    claims.iter().any(|claim| match claim.as_str() {
        CURRENT_USER => person.user.as_deref().is_some_and(same),
        OWNER_REFS => person.owners.iter().any(|owner| same(owner)),
        other => same(other),
    })
}

/// What stands at a dotted path. A key may have dots itself, as annotations do.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    path.match_indices('.').find_map(|(dot, _)| at(value.get(&path[..dot])?, &path[dot + 1..]))
}

/// Whether what was found is `wanted`, or anything where nothing is. A list says each of its items. With `even_empty`,
/// being there is enough.
fn says(found: Option<&Value>, wanted: Option<&str>, even_empty: bool) -> bool {
    let is = |value: &Value, wanted: &str| match value {
        Value::String(text) => text == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        Value::Number(number) => number.to_string().as_str() == wanted,
    };
    match (found, wanted) {
        (None, _) => false,
        (Some(Value::Array(items)), Some(wanted)) => items.iter().any(|item| is(item, wanted)),
        (Some(value), Some(wanted)) => is(value, wanted),
        (Some(_), None) if even_empty => true,
        (Some(Value::Array(items)), None) => !items.is_empty(),
        (Some(value), None) => {
            !matches!(value, Value::Null | Value::Bool(false)) && value != "" && value != &json!(0)
        }
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
