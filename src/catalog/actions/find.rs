//! The one entity that arguments name.

use serde_json::Value;

use super::super::index::Index;
use super::super::relation::Ref;
use super::super::suggest;
use crate::actions::ActionError;

/// The position of the entity that `name`, and `kind` and `namespace` where they are given, stand for.
///
/// # Errors
/// Backstage's sentences, where there is none or more than one; with what was probably meant.
pub fn from_arguments(index: &Index, arguments: &Value) -> Result<u32, ActionError> {
    let text = |key: &str| arguments.get(key).and_then(Value::as_str);
    let Some(name) = text("name") else {
        return Err(ActionError::InvalidInput("name must be a string".to_owned()));
    };
    named(index, name, text("kind"), text("namespace"))
}

/// The position of the entity that `entityRef` stands for: a whole reference, or a name that only one has.
///
/// # Errors
/// As [`from_arguments`].
pub fn from_reference(index: &Index, arguments: &Value) -> Result<u32, ActionError> {
    let Some(name) = arguments.get("entityRef").and_then(Value::as_str) else {
        return Err(ActionError::InvalidInput("entityRef must be a string".to_owned()));
    };
    named(index, name, None, None)
}

fn named(index: &Index, name: &str, kind: Option<&str>, namespace: Option<&str>) -> Result<u32, ActionError> {
    // A name has neither colon nor slash: one that has is a whole reference, which models like to give.
    let whole = name.contains([':', '/']).then(|| Ref::parse(name, kind, namespace.unwrap_or("default")));
    if let Some(Ok(reference)) = whole
        && let Some(at) = index.position(reference.as_str())
    {
        return Ok(at);
    }
    let matches =
        |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted.to_lowercase() == found);
    let mut found = index.named(&name.to_lowercase()).iter().copied().filter(|&at| {
        let reference = index.reference(at);
        matches(kind, reference.kind()) && matches(namespace, reference.namespace())
    });
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (None, _) => {
            let mean = suggest::did_you_mean(index, name, |_| true);
            let stop = if mean.is_empty() { "" } else { "." };
            let name = super::super::excerpt(name);
            Err(ActionError::InvalidInput(format!("No entity found with name \"{name}\"{stop}{mean}")))
        }
        (Some(first), Some(second)) => {
            let every = [first, second].into_iter().chain(found).take(20);
            let references: Vec<_> = every.map(|at| format!("\"{}\"", index.reference(at))).collect();
            Err(ActionError::Conflict(format!(
                "Multiple entities found with name \"{name}\", please provide more specific filters. Entities found: {}",
                references.join(", ")
            )))
        }
    }
}
