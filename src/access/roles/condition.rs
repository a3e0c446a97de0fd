//! Conditions: for which things a statement holds, by Backstage's rules.

use serde_json::{Map, Value, json};

use super::permission::{ENTITY, STEP, TASK, TEMPLATE};
use super::rights::Person;
use crate::limits;

/// Stands for whoever asks.
const CURRENT_USER: &str = "$currentUser";
/// Stands for whoever asks and the groups they are in.
const OWNER_REFS: &str = "$ownerRefs";

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
        read(value, resource, limits::CONDITION_DEPTH_MAX, &mut left)
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

fn read(value: &Value, resource: &str, depth: usize, left: &mut usize) -> Result<Condition, String> {
    let Some(map) = value.as_object() else { return Err("a condition is an object".to_owned()) };
    if depth == 0 {
        return Err("conditions stand too deep in each other".to_owned());
    }
    if map.contains_key("rule") {
        *left = left.checked_sub(1).ok_or("a condition has too many rules")?;
        return Ok(Condition::Rule(rule(map, resource)?));
    }
    let mut each = |items: &Value, word: &str| match items.as_array() {
        // Backstage refuses an empty list too: it would hold for nothing or, worse, for everything.
        Some(items) if !items.is_empty() => {
            items.iter().map(|item| read(item, resource, depth - 1, left)).collect::<Result<Vec<_>, _>>()
        }
        _ => Err(format!("{word} must be a list of conditions, with at least one")),
    };
    match map.iter().next().filter(|_| map.len() == 1) {
        Some((word, items)) if word == "allOf" => Ok(Condition::All(each(items, word)?)),
        Some((word, items)) if word == "anyOf" => Ok(Condition::Any(each(items, word)?)),
        Some((word, item)) if word == "not" => {
            Ok(Condition::Not(Box::new(read(item, resource, depth - 1, left)?)))
        }
        _ => Err("a condition has rule and params, or one of allOf, anyOf, not".to_owned()),
    }
}

fn rule(map: &Map<String, Value>, resource: &str) -> Result<Rule, String> {
    if let Some(other) = map.keys().find(|key| !["rule", "resourceType", "params"].contains(&key.as_str())) {
        return Err(format!("a rule has no part {other:?}: rule, resourceType, params"));
    }
    let name = map["rule"].as_str().unwrap_or_default();
    if let Some(said) = map.get("resourceType")
        && said.as_str() != Some(resource)
    {
        return Err(format!("{name}: resourceType is {said}, and the permission is about {resource}"));
    }
    let params = match map.get("params") {
        None | Some(Value::Null) => &Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(format!("{name}: params must be an object")),
    };
    let params = Params { rule: name, params };
    let rule = match name {
        "IS_ENTITY_OWNER" => Rule::EntityOwner(params.references("claims")?),
        "IS_ENTITY_KIND" => Rule::EntityKind(params.list("kinds")?),
        "HAS_ANNOTATION" => Rule::Annotation(params.text("annotation")?, params.optional("value")?),
        "HAS_LABEL" => Rule::Label(params.text("label")?, params.optional("value")?),
        "HAS_METADATA" => Rule::Metadata(params.text("key")?, params.optional("value")?),
        "HAS_SPEC" => Rule::Spec(params.text("key")?, params.optional("value")?),
        "IS_TASK_OWNER" => Rule::TaskOwner(params.references("createdBy")?),
        "HAS_TAG" => Rule::Tag(params.text("tag")?),
        "HAS_ACTION_ID" => Rule::ActionId(params.text("actionId")?),
        "HAS_BOOLEAN_PROPERTY" => params.property(Type::Boolean)?,
        "HAS_NUMBER_PROPERTY" => params.property(Type::Number)?,
        "HAS_STRING_PROPERTY" => params.property(Type::Text)?,
        other => return Err(format!("there is no rule {other:?}")),
    };
    if rule.resource() != resource {
        return Err(format!("{name} is about {}, and the permission about {resource}", rule.resource()));
    }
    let known: Vec<String> =
        rule.written().1.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
    let has_value = matches!(
        rule,
        Rule::Annotation(..) | Rule::Label(..) | Rule::Metadata(..) | Rule::Spec(..) | Rule::Property(..)
    );
    let allowed = |key: &String| known.contains(key) || has_value && key == "value";
    match params.params.keys().find(|key| !allowed(key)) {
        Some(other) => Err(format!("{name} takes no parameter {other:?}")),
        None => Ok(rule),
    }
}

struct Params<'a> {
    rule: &'a str,
    params: &'a Map<String, Value>,
}

impl Params<'_> {
    fn wrong(&self, key: &str, what: &str) -> String {
        format!("{}: {key} must be {what}", self.rule)
    }

    fn text(&self, key: &str) -> Result<String, String> {
        match self.params.get(key).and_then(Value::as_str) {
            Some(text) if !text.is_empty() && text.len() <= limits::POLICY_TEXT_BYTES_MAX => {
                Ok(text.to_owned())
            }
            _ => Err(self.wrong(key, "a text")),
        }
    }

    fn optional(&self, key: &str) -> Result<Option<String>, String> {
        match self.params.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= limits::POLICY_TEXT_BYTES_MAX => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    fn list(&self, key: &str) -> Result<Vec<String>, String> {
        let wrong = || self.wrong(key, "a list of texts, with at least one");
        let items = self.params.get(key).and_then(Value::as_array).ok_or_else(wrong)?;
        if items.is_empty() || items.len() > limits::CONDITION_RULES_MAX {
            return Err(wrong());
        }
        items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    /// References and the words that stand for whoever asks. A word that stands for nothing is refused: it would be an
    /// owner that nobody ever is.
    fn references(&self, key: &str) -> Result<Vec<String>, String> {
        let one = |text: String| match text.as_str() {
            CURRENT_USER | OWNER_REFS => Ok(text),
            other if other.contains(':') && !other.starts_with('$') => Ok(other.to_lowercase()),
            _ => Err(self.wrong(key, "references such as group:default/team, $currentUser or $ownerRefs")),
        };
        self.list(key)?.into_iter().map(one).collect()
    }

    fn property(&self, of: Type) -> Result<Rule, String> {
        let fits = |value: &Value| match of {
            Type::Boolean => value.is_boolean(),
            Type::Number => value.is_number(),
            Type::Text => value.is_string(),
        };
        let value = self.params.get("value").filter(|value| !value.is_null()).cloned();
        if value.as_ref().is_some_and(|value| !fits(value)) {
            return Err(self.wrong("value", "of the type that the rule names"));
        }
        Ok(Rule::Property(of, self.text("key")?, value))
    }
}

impl Rule {
    /// The kind of thing it is about.
    fn resource(&self) -> &'static str {
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

    fn written(&self) -> (&'static str, Value) {
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
        scalar => scalar.to_string() == wanted,
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
