//! Questions that an action puts to the person or the model at the client's end, and the answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ActionError;

/// What a client must be able to do, so that a question can be put to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ability {
    /// Shows a form to its user.
    Form,
    /// Opens a page for its user.
    Url,
    /// Lets its model answer.
    Sampling,
    /// Says which folders it works in.
    Roots,
}

impl Ability {
    /// The capability as a client declares it.
    pub fn declared_as(self) -> Value {
        match self {
            Self::Form => json!({ "elicitation": { "form": {} } }),
            Self::Url => json!({ "elicitation": { "url": {} } }),
            Self::Sampling => json!({ "sampling": {} }),
            Self::Roots => json!({ "roots": {} }),
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Form => "show a form",
            Self::Url => "open a page",
            Self::Sampling => "ask its model",
            Self::Roots => "name its folders",
        }
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Question {
    /// Names it among the questions of one call. The same question has the same key in every round.
    pub key: String,
    /// What is asked.
    pub asks: Asks,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub enum Asks {
    /// A form. Never for secrets: the client and its model see what is typed (MCP 2026-07-28, elicitation).
    Form {
        /// Why, for the person.
        message: String,
        /// A flat JSON Schema of the fields.
        schema: Value,
    },
    /// A page of this server. Who opens it must be signed in there as the one who was asked.
    Url {
        /// Why, for the person.
        message: String,
        /// Where; holds no personal data and no credential.
        url: String,
        /// Names the question where both sides know it later (2025-11-25 only).
        id: String,
    },
    /// The client's model: parameters of `sampling/createMessage`.
    Model(Value),
    /// The client's folders.
    Roots,
}

impl Question {
    /// A form.
    pub fn form(key: impl Into<String>, message: impl Into<String>, schema: Value) -> Self {
        Self { key: key.into(), asks: Asks::Form { message: message.into(), schema } }
    }

    /// A page.
    pub fn url(
        key: impl Into<String>,
        message: impl Into<String>,
        url: impl Into<String>,
        id: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), asks: Asks::Url { message: message.into(), url: url.into(), id: id.into() } }
    }

    /// What the client must be able to do.
    pub fn needs(&self) -> Ability {
        match self.asks {
            Asks::Form { .. } => Ability::Form,
            Asks::Url { .. } => Ability::Url,
            Asks::Model(_) => Ability::Sampling,
            Asks::Roots => Ability::Roots,
        }
    }

    /// The method that asks it.
    pub fn method(&self) -> &'static str {
        match self.asks {
            Asks::Form { .. } | Asks::Url { .. } => "elicitation/create",
            Asks::Model(_) => "sampling/createMessage",
            Asks::Roots => "roots/list",
        }
    }

    /// The parameters of that method.
    pub fn params(&self) -> Value {
        match &self.asks {
            Asks::Form { message, schema } => {
                json!({ "mode": "form", "message": message, "requestedSchema": schema })
            }
            Asks::Url { message, url, id } => {
                json!({ "mode": "url", "message": message, "url": url, "elicitationId": id })
            }
            Asks::Model(params) => params.clone(),
            Asks::Roots => json!({}),
        }
    }

    /// Whether `response` has the shape of an answer to this. A form that was accepted must fit its schema.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn check(&self, response: &Value) -> Result<(), String> {
        let key = &self.key;
        match &self.asks {
            Asks::Form { schema, .. } => match Answer::read(response)? {
                Answer::Accepted(content) => jsonschema::validate(schema, &content)
                    .map_err(|e| format!("the answer to {key} does not fit its form: {e}")),
                Answer::Declined | Answer::Cancelled => Ok(()),
            },
            Asks::Url { .. } => Answer::read(response).map(|_| ()),
            Asks::Model(_) if response.get("content").is_some() => Ok(()),
            Asks::Roots if response.get("roots").is_some_and(Value::is_array) => Ok(()),
            Asks::Model(_) | Asks::Roots => {
                Err(format!("the answer to {key} is no result of {}", self.method()))
            }
        }
    }
}

/// What a person answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Yes, with what the form held. For a page: that it was opened, which is no proof that anything was done there.
    Accepted(Value),
    /// No.
    Declined,
    /// Neither: the question was closed.
    Cancelled,
}

impl Answer {
    /// From the result of `elicitation/create`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn read(response: &Value) -> Result<Self, String> {
        match response.get("action").and_then(Value::as_str) {
            Some("accept") => {
                Ok(Self::Accepted(response.get("content").cloned().unwrap_or_else(|| json!({}))))
            }
            Some("decline") => Ok(Self::Declined),
            Some("cancel") => Ok(Self::Cancelled),
            _ => Err("an answer says action: accept, decline or cancel".to_owned()),
        }
    }

    /// What was filled in.
    ///
    /// # Errors
    /// [`ActionError::NotAllowed`] where the person did not agree.
    pub fn accepted(self) -> Result<Value, ActionError> {
        match self {
            Self::Accepted(content) => Ok(content),
            Self::Declined => Err(ActionError::NotAllowed("the user declined".to_owned())),
            Self::Cancelled => {
                Err(ActionError::NotAllowed("the user closed the question without an answer".to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Question {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        Question::form("k", "How many?", schema)
    }

    #[test]
    fn an_answer_fits_its_question_or_is_refused() {
        for (response, fits) in [
            (json!({"action": "accept", "content": {"n": 1}}), true),
            (json!({"action": "accept", "content": {"n": "1"}}), false),
            (json!({"action": "accept"}), false),
            (json!({"action": "decline"}), true),
            (json!({"action": "cancel", "content": {"n": "x"}}), true),
            (json!({"action": "maybe"}), false),
            (json!({}), false),
            (json!("accept"), false),
        ] {
            assert_eq!(form().check(&response).is_ok(), fits, "{response}");
        }
        let roots = Question { key: "r".into(), asks: Asks::Roots };
        assert!(roots.check(&json!({"roots": []})).is_ok() && roots.check(&json!({"roots": 1})).is_err());
    }

    #[test]
    fn only_a_yes_is_an_agreement() {
        assert_eq!(Answer::Accepted(json!({"n": 1})).accepted().unwrap(), json!({"n": 1}));
        assert!(Answer::Declined.accepted().is_err() && Answer::Cancelled.accepted().is_err());
    }
}
