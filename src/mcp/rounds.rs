//! Calls in several rounds (MCP 2026-07-28, multi-round-trip requests): what was asked ends one request, and the
//! answers come with another. Nothing is kept in between: the client carries the state, sealed.
//!
//! What comes back is hostile until it opens. It opens for the same caller, client, grant, resource, method, name and
//! parameters only, and for a while only: another user's state, another tool's, and the same tool's with other
//! arguments do not, so an answer to "delete a?" is never one to "delete b?". Where the answers lead to an effect it opens
//! once, on all nodes: one yes to "delete a?" deletes it once.

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{InputRequest, InputRequiredResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::actions::Caller;
use crate::actions::question::Question;
use crate::clock::Clock;
use crate::limits;
use crate::secret::{self, Vault};
use crate::store::Store;
use crate::store::replays::{self, Kind};

/// Seals and opens what clients carry between rounds.
#[derive(Clone, Debug)]
pub struct Rounds {
    vault: Arc<Vault>,
    clock: Clock,
    store: Option<Store>,
}

/// What one request is about; the rounds of one call share it.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// The method.
    pub method: &'static str,
    /// The tool, the prompt or the URI.
    pub name: &'a str,
    /// The arguments.
    pub arguments: Option<&'a Map<String, Value>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct State {
    until: i64,
    answers: BTreeMap<String, Value>,
    asked: Vec<Question>,
}

impl Rounds {
    /// Sealed by `vault`, so any node that has it can open.
    pub fn new(vault: Arc<Vault>, clock: Clock) -> Self {
        Self { vault, clock, store: None }
    }

    /// The same, where what is used once is written down in `store`.
    #[must_use]
    pub fn with(self, store: Store) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Uses a state up that has opened: its answers lead to an effect, and lead there once.
    ///
    /// # Errors
    /// `-32602` for one that was used, `-32603` where nobody can say.
    pub async fn use_up(&self, state: &str) -> Result<(), ErrorData> {
        let unsure = || ErrorData::internal_error("the state of the call cannot be checked just now", None);
        let store = self.store.as_ref().ok_or_else(unsure)?;
        // No state that opens is younger than this says, so none outlives what is remembered of it.
        let until = self.clock.now().plus_seconds(limits::MCP_ROUND_SECONDS + 1);
        let name = secret::sha256_base64url(state.as_bytes());
        match replays::use_once(store, Kind::McpRound, "", &name, until).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let text = "Invalid params: this requestState was used before; call again without it";
                Err(ErrorData::invalid_params(text, None))
            }
            Err(error) => {
                tracing::error!(%error, "a use of a call's state could not be written down");
                Err(unsure())
            }
        }
    }

    /// The answers that are known when a request comes: those of earlier rounds, and those it brings.
    ///
    /// # Errors
    /// `-32602` for a state that is not ours, was altered, belongs to another call or is too old, for answers without
    /// one, and for an answer that does not fit its question.
    pub fn answers(
        &self,
        about: About<'_>,
        responses: Option<BTreeMap<String, Value>>,
        state: Option<&str>,
    ) -> Result<BTreeMap<String, Value>, ErrorData> {
        let refuse = |why: &str| ErrorData::invalid_params(format!("Invalid params: {why}"), None);
        let Some(state) = state else {
            return match responses {
                Some(responses) if !responses.is_empty() => {
                    Err(refuse("inputResponses come with the requestState of the question"))
                }
                _ => Ok(BTreeMap::new()),
            };
        };
        let not_ours = || refuse("this requestState is not one of this call; call again without it");
        if state.len() > limits::MCP_ROUND_BYTES_MAX {
            return Err(not_ours());
        }
        let opened = self.vault.open(&row(about), state).map_err(|_| not_ours())?;
        let state: State = serde_json::from_slice(&opened).map_err(|_| not_ours())?;
        if self.clock.now().micros() > state.until {
            return Err(refuse("this requestState is too old; call again without it"));
        }
        let mut answers = state.answers;
        let mut responses = responses.unwrap_or_default();
        // What was not asked is not looked at.
        for question in state.asked {
            if let Some(response) = responses.remove(&question.key) {
                question.check(&response).map_err(|why| refuse(&why))?;
                answers.insert(question.key, response);
            }
        }
        Ok(answers)
    }

    /// The result that asks `questions` of the client, and hands it what is known so far.
    ///
    /// # Errors
    /// `-32603` for a question that has no shape on the wire.
    pub fn ask(
        &self,
        about: About<'_>,
        answers: BTreeMap<String, Value>,
        questions: Vec<Question>,
    ) -> Result<InputRequiredResult, ErrorData> {
        let on_the_wire = |question: &Question| {
            let request = json!({ "method": question.method(), "params": question.params() });
            serde_json::from_value::<InputRequest>(request).map(|request| (question.key.clone(), request))
        };
        let requests = questions.iter().map(on_the_wire).collect::<Result<_, _>>().map_err(|error| {
            tracing::error!(%error, name = about.name, "a question of an action has no shape on the wire");
            ErrorData::internal_error("the question cannot be asked", None)
        })?;
        let until = self.clock.now().plus_seconds(limits::MCP_ROUND_SECONDS).micros();
        let state = State { until, answers, asked: questions };
        let state = serde_json::to_vec(&state).map_err(|error| {
            tracing::error!(%error, "the state of a call cannot be written");
            ErrorData::internal_error("the state of the call cannot be written", None)
        })?;
        Ok(InputRequiredResult::new(Some(requests), Some(self.vault.seal(&row(about), &state))))
    }
}

/// What a state is sealed for.
fn row(about: About<'_>) -> String {
    let Caller { subject, client_id, grant_id, resource, .. } = about.caller;
    let arguments = about.arguments.map(|map| canonical(&Value::Object(map.clone()))).unwrap_or_default();
    let all = json!([subject, client_id, grant_id, resource, about.method, about.name, arguments]);
    format!("mcp round {}", secret::sha256_base64url(all.to_string().as_bytes()))
}

/// One text for one value, in whatever order its members came.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| key.as_str());
            let members: Vec<_> =
                members.iter().map(|(key, value)| format!("{}:{}", json!(key), canonical(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::question::Asks;
    use crate::clock::Time;

    const NOON: Time = Time::from_micros(1_800_000_000_000_000);

    fn caller(subject: &str) -> Caller {
        Caller {
            subject: subject.into(),
            username: subject.into(),
            is_user: true,
            client_id: "c".into(),
            grant_id: "g".into(),
            scopes: "".parse().unwrap(),
            resource: "r".into(),
            restrictions: None,
        }
    }

    fn rounds(at: Time) -> Rounds {
        let vault = Vault::from_base64url("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        Rounds::new(Arc::new(vault), Clock::fixed(at))
    }

    fn arguments(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn question() -> Question {
        let schema =
            json!({"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]});
        Question::form("sure", "Sure?", schema)
    }

    fn said(text: &str) -> Option<BTreeMap<String, Value>> {
        Some(serde_json::from_str(text).unwrap())
    }

    const YES: &str = r#"{"sure": {"action": "accept", "content": {"yes": true}}, "else": 1}"#;

    #[test]
    fn a_state_opens_for_the_same_call_only() {
        let (ada, eve) = (caller("ada"), caller("eve"));
        let (given, other) = (arguments(r#"{"a": 1, "b": [2]}"#), arguments(r#"{"a": 2, "b": [2]}"#));
        let again = arguments(r#"{"b": [2], "a": 1}"#);
        let about = About { caller: &ada, method: "tools/call", name: "x", arguments: Some(&given) };
        let asked = rounds(NOON).ask(about, BTreeMap::new(), vec![question()]).unwrap();
        let state = asked.request_state.unwrap();
        let open = |about| rounds(NOON).answers(about, said(YES), Some(&state));
        let answers = open(About { arguments: Some(&again), ..about }).unwrap();
        assert_eq!(answers.keys().collect::<Vec<_>>(), ["sure"], "what was not asked is not looked at");
        let of = |change: &dyn Fn(&mut Caller)| {
            let mut other = caller("ada");
            change(&mut other);
            other
        };
        let others = [
            of(&|ada| ada.client_id = "another".into()),
            of(&|ada| ada.grant_id = "another".into()),
            of(&|ada| ada.resource = "another".into()),
        ];
        for other in &others {
            let opened = open(About { caller: other, ..about });
            assert_eq!(opened.unwrap_err().code.0, -32602, "{other:?}");
        }
        for another in [
            About { caller: &eve, ..about },
            About { method: "prompts/get", ..about },
            About { name: "y", ..about },
            About { arguments: Some(&other), ..about },
            About { arguments: None, ..about },
        ] {
            assert_eq!(open(another).unwrap_err().code.0, -32602, "{another:?}");
        }
        for altered in [format!("{state}A"), state[1..].to_owned(), String::new(), "x".repeat(100_000)] {
            let opened = rounds(NOON).answers(about, said(YES), Some(&altered));
            assert_eq!(opened.unwrap_err().code.0, -32602);
        }
    }

    #[test]
    fn a_state_ends() {
        let ada = caller("ada");
        let about = About { caller: &ada, method: "tools/call", name: "x", arguments: None };
        let state =
            rounds(NOON).ask(about, BTreeMap::new(), vec![question()]).unwrap().request_state.unwrap();
        let at = |seconds| rounds(NOON.plus_seconds(seconds)).answers(about, None, Some(&state));
        assert!(at(limits::MCP_ROUND_SECONDS).is_ok());
        assert!(at(limits::MCP_ROUND_SECONDS + 1).is_err());
    }

    #[test]
    fn a_later_round_keeps_earlier_answers_and_refuses_answers_of_another_shape() {
        let ada = caller("ada");
        let about = About { caller: &ada, method: "tools/call", name: "x", arguments: None };
        let rounds = rounds(NOON);
        let known: BTreeMap<_, _> = [("first".to_owned(), json!({"roots": []}))].into();
        let asked = rounds.ask(about, known, vec![question()]).unwrap();
        let state = asked.request_state.unwrap();
        assert_eq!(rounds.answers(about, said(YES), Some(&state)).unwrap().len(), 2);
        assert_eq!(rounds.answers(about, None, Some(&state)).unwrap().len(), 1, "an answer may be missing");
        for wrong in [r#"{"sure": {"action": "accept", "content": {}}}"#, r#"{"sure": 1}"#] {
            assert!(rounds.answers(about, said(wrong), Some(&state)).is_err(), "{wrong}");
        }
        assert!(rounds.answers(about, said(YES), None).is_err(), "answers to nothing");
        assert!(rounds.answers(about, said("{}"), None).unwrap().is_empty());
    }

    #[test]
    fn every_kind_of_question_has_a_shape_on_the_wire() {
        let ada = caller("ada");
        let about = About { caller: &ada, method: "tools/call", name: "x", arguments: None };
        let message = json!({"messages": [], "maxTokens": 9});
        let questions = vec![
            question(),
            Question::url("u", "Open", "https://a.example/x", "id"),
            Question { key: "m".into(), asks: Asks::Model(message) },
            Question { key: "r".into(), asks: Asks::Roots },
        ];
        let asked = rounds(NOON).ask(about, BTreeMap::new(), questions).unwrap();
        let asked = serde_json::to_value(asked).unwrap();
        assert_eq!(asked["resultType"], "input_required");
        let methods: Vec<_> =
            ["sure", "u", "m", "r"].map(|k| asked["inputRequests"][k]["method"].clone()).into();
        assert_eq!(
            methods,
            ["elicitation/create", "elicitation/create", "sampling/createMessage", "roots/list"]
        );
        assert!(asked.get("ttlMs").is_none() && asked.get("cacheScope").is_none());
    }
}
