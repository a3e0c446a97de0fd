//! Calls that wait for their person's yes: what exactly a yes is for. It is for one action as it is defined now, with
//! these arguments to the letter, under one grant, once, for some minutes (attack H11).

use std::fmt::Write as _;

use serde_json::Value;

use crate::actions::{Action, Effect};
use crate::clock::Time;
use crate::secret;

/// What a yes is for, as a digest: the definition of the action and the arguments. A tool that changed, or another one
/// under its name, is another thing.
pub fn digest(action: &Action, arguments: &Value) -> String {
    let effect = match action.effect {
        Effect::Read => "read",
        Effect::Change => "change",
        Effect::Delete => "delete",
    };
    let mut text = String::new();
    for part in [action.id.as_str(), &action.title, &action.description, effect] {
        let _ = write!(text, "{}:{part}", part.len());
    }
    canonical(&action.input, &mut text);
    canonical(arguments, &mut text);
    secret::sha256_base64url(text.as_bytes())
}

/// Members in order of name, so that the same arguments written in another order are the same.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            out.push('{');
            for name in names {
                let _ = write!(out, "{}:", Value::String(name.clone()));
                canonical(&members[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        leaf => {
            let _ = write!(out, "{leaf}");
        }
    }
}

/// A call to be held.
#[derive(Clone, Debug)]
pub struct Held {
    /// Whose yes it needs.
    pub user_id: String,
    /// The grant it was made under.
    pub grant_id: String,
    /// The client that made it.
    pub client_id: String,
    /// The resource it was made at.
    pub resource: String,
    /// The action, by id.
    pub action: String,
    /// See [`digest`].
    pub digest: String,
}

/// How things stand with a held call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A yes was there, and is used up now: this call, and no other, may run.
    Approved,
    /// Nobody answered yet; the question is at this id.
    Waiting(String),
    /// The person said no.
    Refused,
    /// As many calls of this person wait already as may.
    TooMany,
}

/// The question as its person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// The call.
    pub client_id: String,
    /// The resource it was made at.
    pub resource: String,
    /// The action, by id.
    pub action: String,
    /// The arguments, sealed for this row.
    pub arguments: String,
    /// From when it is too late.
    pub expires_at: Time,
    /// What was answered, and whether that was used.
    pub said: Said,
}

/// What a person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing yet.
    Nothing,
    /// Yes, and no call ran on it yet.
    Yes,
    /// Yes, and a call ran on it.
    Used,
    /// No.
    No,
}

/// What seals the arguments: they open for their own row only.
pub fn row(id: &str) -> String {
    format!("approval/{id}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn action() -> Action {
        Action {
            id: "scaffolder:delete".into(),
            title: "Delete".into(),
            description: "Deletes.".into(),
            input: Arc::new(json!({"type": "object", "properties": {"a": {}}})),
            output: Arc::new(json!({"type": "object"})),
            effect: Effect::Delete,
            idempotent: false,
            scope: None,
            permission: None,
            aliases: Vec::new(),
            run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
        }
    }

    #[test]
    fn the_same_call_has_the_same_digest_and_no_other_has() {
        let arguments = json!({"a": {"x": [1, "2"], "y": null}, "b": "c"});
        let same = digest(&action(), &arguments);
        assert_eq!(digest(&action(), &json!({"b": "c", "a": {"y": null, "x": [1, "2"]}})), same);
        for other in [
            json!({"a": {"x": [1, 2], "y": null}, "b": "c"}),
            json!({"a": {"x": ["2", 1], "y": null}, "b": "c"}),
            json!({"a": {"x": [1, "2"]}, "b": "c"}),
            json!({"a": {"x": [1, "2"], "y": null, "b": "c"}}),
            json!({"a": {"x": [1, "2"], "y": null}, "b": "c "}),
            json!({"a": {"x": [[1, "2"]], "y": null}, "b": "c"}),
            json!({}),
        ] {
            assert_ne!(digest(&action(), &other), same, "{other}");
        }
        for change in [
            (|a: &mut Action| a.id = "scaffolder:erase".into()) as fn(&mut Action),
            |a| a.description = "Deletes more.".into(),
            |a| a.title = "Tidy".into(),
            |a| a.effect = Effect::Change,
            |a| a.input = Arc::new(json!({"type": "object"})),
        ] {
            let mut changed = action();
            change(&mut changed);
            assert_ne!(digest(&changed, &arguments), same);
        }
    }
}
