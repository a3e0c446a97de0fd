//! Reads conditions. What means nothing is refused and never passed over: a condition with a typing error in it would hold
//! for other things than its author meant.

use serde_json::{Map, Value};

use super::condition::{CURRENT_USER, Condition, OWNER_REFS, Rule, Type};
use crate::limits;

/// Reads a condition on things of the kind `resource`, `depth` deep and with `left` rules at most.
///
/// # Errors
/// A sentence that names the part.
pub fn read(value: &Value, resource: &str, depth: usize, left: &mut usize) -> Result<Condition, String> {
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
