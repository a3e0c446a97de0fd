//! What a run says, before anybody reads it: every secret is taken out here, once, on the way in.

use std::sync::{Arc, Mutex, PoisonError};

use crate::limits;
use crate::store::scaffolder_tasks::Line;

/// Where steps write. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    lines: Arc<Mutex<Vec<Line>>>,
    secrets: Arc<[String]>,
    step: Option<Arc<str>>,
}

impl Journal {
    /// A journal that none of these ever stands in.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        // Short ones too: who keeps a secret of three letters wants it kept. Not the empty one, which is everywhere.
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        // A multi-line secret is printed line by line.
        let lines: Vec<String> = secrets
            .iter()
            .filter(|secret| secret.contains('\n'))
            .flat_map(|secret| secret.lines().map(str::trim).filter(|line| line.len() > 3))
            .map(str::to_owned)
            .collect();
        secrets.extend(lines);
        // The longest first: a part of another one must not break it up.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets: secrets.into(), ..Self::default() }
    }

    /// The same journal, written by the step with this id.
    #[must_use]
    pub fn of_step(&self, id: &str) -> Self {
        Self { step: Some(id.into()), ..self.clone() }
    }

    /// `text` without any secret.
    pub fn redacted(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter() {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
            // As JSON writes it.
            let quoted = serde_json::to_string(secret).unwrap_or_default();
            let quoted = quoted.trim_matches('"');
            if quoted != secret && text.contains(quoted) {
                text = text.replace(quoted, "***");
            }
        }
        text
    }

    /// A JSON value without any secret in its texts.
    pub fn without_secrets(&self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.redacted(text)),
            Value::Array(items) => items.iter().map(|item| self.without_secrets(item)).collect(),
            Value::Object(members) => Value::Object(
                members.iter().map(|(name, it)| (self.redacted(name), self.without_secrets(it))).collect(),
            ),
            other => other.clone(),
        }
    }

    /// Says a line.
    pub fn say(&self, message: &str) {
        self.add("log", message, None);
    }

    /// Says how the step stands.
    pub fn stands(&self, message: &str, status: &'static str) {
        self.add("log", message, Some(status));
    }

    /// Says a line of another kind than `log`.
    pub fn add(&self, kind: &'static str, message: &str, status: Option<&'static str>) {
        let mut message = self.redacted(message);
        if message.len() > limits::SCAFFOLDER_LINE_BYTES_MAX {
            message.truncate(message.floor_char_boundary(limits::SCAFFOLDER_LINE_BYTES_MAX));
            message += " …";
        }
        // No database stores a NUL, and a terminal obeys an escape.
        message.retain(|c| !c.is_control() || c == '\n' || c == '\t');
        let step_id = self.step.as_deref().map(str::to_owned);
        let line = Line { kind, message, step_id, status, output: None };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < usize::try_from(limits::SCAFFOLDER_LINES_MAX).unwrap_or(usize::MAX) {
            lines.push(line);
        }
    }

    /// What was said since this was asked last.
    pub fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attack_a_secret_is_in_no_line_however_it_is_written() {
        let journal = Journal::new([
            "hunter2".to_owned(),
            "hunter2-long\"er".to_owned(),
            "a\nsecond line\nb".to_owned(),
        ]);
        let journal = journal.of_step("s");
        journal.say("token=hunter2 and hunter2-long\"er");
        journal.say(r#"{"t":"hunter2-long\"er"}"#);
        journal.say("only the second line of it");
        let text: Vec<_> = journal.take().into_iter().map(|line| line.message).collect();
        assert_eq!(text, ["token=*** and ***", r#"{"t":"***"}"#, "only the *** of it"]);
        assert_eq!(journal.without_secrets(&json!({"hunter2": ["hunter2", 1]})), json!({"***": ["***", 1]}));
        assert!(journal.take().is_empty());
    }
}
