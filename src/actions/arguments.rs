//! The arguments of a call, checked against the action's schema before it runs. `rmcp` checks none.

use jsonschema::Validator;
use serde_json::{Map, Number, Value};

use super::{Action, ActionError};
use crate::limits;

/// A compiled input schema. Compiling is the expensive part; it is done once, at start.
#[derive(Debug)]
pub struct Arguments {
    action: String,
    validator: Validator,
    /// Properties that want a number. Models send `"20"` for these, and Backstage takes it.
    numeric: Vec<String>,
}

impl Arguments {
    /// Compiles the input schema of `action`. Nothing is fetched: a `$ref` that leaves the document is an error.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub fn compile(action: &Action) -> Result<Self, String> {
        let validator = jsonschema::validator_for(&action.input).map_err(|e| e.to_string())?;
        let properties = action.input.get("properties").and_then(Value::as_object);
        let numeric = properties.into_iter().flatten().filter(|(_, schema)| wants_number(schema));
        Ok(Self {
            action: action.id.clone(),
            validator,
            numeric: numeric.map(|(name, _)| name.clone()).collect(),
        })
    }

    /// The arguments as the action gets them.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`] that lists every reason, so that a model can mend them all at once.
    pub fn accept(&self, mut arguments: Map<String, Value>) -> Result<Value, ActionError> {
        for name in &self.numeric {
            if let Some(value) = arguments.get_mut(name)
                && let Some(number) = value.as_str().and_then(number_in)
            {
                *value = Value::Number(number);
            }
        }
        let arguments = Value::Object(arguments);
        if self.validator.is_valid(&arguments) {
            return Ok(arguments);
        }
        Err(ActionError::InvalidInput(self.reasons(&arguments)))
    }

    fn reasons(&self, arguments: &Value) -> String {
        let mut text = format!("Invalid input to action \"{}\":", self.action);
        let mut errors = self.validator.iter_errors(arguments);
        for error in errors.by_ref().take(limits::ARGUMENT_REASONS_MAX) {
            let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
            let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
            text += &format!(" {place}{};", shortened(&error.to_string()));
        }
        match errors.count() {
            0 => {
                text.pop();
            }
            more => text += &format!(" and {more} more"),
        }
        text
    }
}

/// Whether a schema wants a number and would refuse the text of one.
fn wants_number(schema: &Value) -> bool {
    matches!(schema.get("type").and_then(Value::as_str), Some("integer" | "number"))
}

/// `"20"` and `" 20 "`, but not `"0x14"`, `"1e3"`, `"twenty"` or `""`.
fn number_in(text: &str) -> Option<Number> {
    text.trim().parse::<i64>().ok().map(Number::from)
}

/// A message repeats the value it is about, which may be a whole document.
fn shortened(message: &str) -> String {
    if message.len() <= limits::ARGUMENT_REASON_BYTES_MAX {
        return message.to_owned();
    }
    // What is wrong stands at the end, after the value.
    let keep = limits::ARGUMENT_REASON_BYTES_MAX / 2;
    let head = message.floor_char_boundary(keep);
    let tail = message.ceil_char_boundary(message.len() - keep);
    format!("{} … {}", &message[..head], &message[tail..])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::actions::Effect;

    fn arguments(input: Value) -> Result<Arguments, String> {
        Arguments::compile(&Action {
            id: "catalog:query-catalog-entities".into(),
            title: String::new(),
            description: String::new(),
            input: Arc::new(input),
            output: Arc::new(json!({"type": "object"})),
            effect: Effect::Read,
            idempotent: true,
            scope: None,
            permission: None,
            aliases: Vec::new(),
            run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
        })
    }

    fn accept(given: Value) -> Result<Value, String> {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "limit": {"type": "integer", "exclusiveMinimum": 0},
                "fields": {"type": "array", "items": {"type": "string"}}
            },
            "required": ["name"],
            "additionalProperties": false
        });
        let given = given.as_object().cloned().unwrap();
        arguments(schema).unwrap().accept(given).map_err(|e| e.to_string())
    }

    #[test]
    fn a_number_sent_as_text_is_the_number() {
        for text in ["20", " 20 "] {
            assert_eq!(accept(json!({"name": "a", "limit": text})), Ok(json!({"name": "a", "limit": 20})));
        }
        // Only where a number is wanted.
        assert_eq!(accept(json!({"name": "20"})), Ok(json!({"name": "20"})));
        for text in ["", "twenty", "0x14", "-1", "99999999999999999999"] {
            assert!(accept(json!({"name": "a", "limit": text})).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_reason_is_given_in_words_at_once() {
        let text = accept(json!({"limit": 0, "fields": ["a", 1], "nmae": "x"})).unwrap_err();
        for part in [
            "InputError: Invalid input to action \"catalog:query-catalog-entities\": ",
            "limit: 0 is less than or equal to the minimum of 0",
            "fields.1: 1 is not of type \"string\"",
            "\"name\" is a required property",
            "'nmae' was unexpected",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn reasons_are_short_however_long_the_arguments() {
        let text = accept(json!({"name": "x".repeat(100_000), "limit": "y".repeat(100_000)})).unwrap_err();
        assert!(text.len() < 600 && text.contains("is not of type \"integer\""), "{text}");
        let many = accept(json!({"name": "a", "fields": vec![1; 500]})).unwrap_err();
        assert!(many.len() < 4_000 && many.ends_with("and 490 more"), "{many}");
    }

    #[test]
    fn a_schema_that_points_out_of_itself_is_refused_not_fetched() {
        for target in ["http://127.0.0.1:1/schema.json", "file:///etc/passwd"] {
            assert!(arguments(json!({"type": "object", "properties": {"a": {"$ref": target}}})).is_err());
        }
    }
}
