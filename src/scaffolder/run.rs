//! One run of a template, step by step: the same for a task and for a dry run.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::House;
use super::expression::{Scope, asks_for_failure, evaluate, fill, is_truthy};
use super::journal::Journal;
use super::source::Source;
use super::steps::{self, About, Doing, Kind, Lasting};
use super::template::Step;
use super::workspace::Workspace;
use crate::access;
use crate::actions::arguments::Arguments;
use crate::actions::turn::Turn;
use crate::actions::{Action, ActionError, Caller, Effect};
use crate::audit::Fact;
use crate::limits;

/// A run.
pub struct Run {
    /// What it needs of the house.
    pub house: House,
    /// Where it works.
    pub work: Arc<Workspace>,
    /// The template's own files.
    pub source: Option<Source>,
    /// What it says.
    pub journal: Journal,
    /// The task.
    pub about: About,
    /// In whose name.
    pub caller: Arc<Caller>,
    /// The actions of this server that it may use.
    pub allowed: BTreeSet<String>,
    /// The values.
    pub parameters: Map<String, Value>,
    /// The secrets.
    pub secrets: Map<String, Value>,
    /// `user`.
    pub user: Value,
    /// What the steps gave, by id.
    pub outputs: Map<String, Value>,
    /// Whether nothing may happen outside.
    pub dry: bool,
    /// Fires when it is to stop.
    pub cancelled: CancellationToken,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Stepped {
    /// It gave this.
    Done(Value),
    /// Its condition, or an earlier failure, left it out.
    Skipped,
    /// Why it failed.
    Failed(String),
}

/// What runs a step.
enum Does {
    Kind(&'static Kind),
    Action(Arc<Action>),
}

impl Does {
    fn lasting(&self) -> Lasting {
        match self {
            Self::Kind(kind) => kind.lasting,
            Self::Action(action) if action.effect == Effect::Read => Lasting::Nothing,
            Self::Action(action) if action.idempotent => Lasting::OutsideOnce,
            Self::Action(_) => Lasting::Outside,
        }
    }
}

impl Run {
    /// Where the effect of a step is; outside, for what nobody knows.
    pub fn lasting(&self, step: &Step) -> Lasting {
        self.find(&step.action).map_or(Lasting::Outside, |does| does.lasting())
    }

    /// Runs a step, where it is to run.
    pub async fn step(&self, step: &Step, has_failed: bool) -> Stepped {
        let journal = self.journal.of_step(&step.id);
        match self.is_wanted(step, has_failed) {
            Ok(true) => {}
            Ok(false) => {
                let why = if has_failed && !asks(step) {
                    "an earlier step failed"
                } else {
                    "its if condition was false"
                };
                journal.stands(&format!("Skipping step {} because {why}", step.id), "skipped");
                return Stepped::Skipped;
            }
            Err(why) => return failed(&journal, step, why),
        }
        journal.stands(&format!("Beginning step {}", step.name), "processing");
        match self.rounds(step, &journal).await {
            Ok(output) => {
                journal.stands(&format!("Finished step {}", step.name), "completed");
                Stepped::Done(output)
            }
            Err(why) => failed(&journal, step, why),
        }
    }

    /// What the template gives once its steps are done. Links and texts whose `if` is false are left out.
    ///
    /// # Errors
    /// A sentence.
    pub fn output(&self, output: &Value) -> Result<Value, String> {
        let filled = fill(output, &self.scope(None)).map_err(|fault| format!("output: {fault}"))?;
        let mut filled = filled.filter(Value::is_object).unwrap_or_else(|| json!({}));
        for list in ["links", "text"] {
            if let Some(items) = filled.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| item.get("if").is_none_or(|condition| is_truthy(Some(condition))));
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    item.shift_remove("if");
                }
            }
        }
        // A secret that a step gave back is shown to nobody.
        Ok(self.journal.without_secrets(&filled))
    }

    fn is_wanted(&self, step: &Step, has_failed: bool) -> Result<bool, String> {
        if has_failed && !asks(step) {
            return Ok(false);
        }
        match &step.condition {
            None => Ok(true),
            Some(Value::String(text)) => {
                let value = evaluate(text, &self.scope(None).failed(has_failed)).map_err(|f| f.0)?;
                Ok(is_truthy(value.as_ref()))
            }
            Some(other) => Ok(is_truthy(Some(other))),
        }
    }

    async fn rounds(&self, step: &Step, journal: &Journal) -> Result<Value, String> {
        let Some(each) = &step.each else {
            return self.round(step, None, journal).await;
        };
        let over = fill(each, &self.scope(None)).map_err(|fault| format!("each: {fault}"))?;
        let rounds: Vec<(Value, Value)> = match over {
            Some(Value::Array(items)) => {
                items.into_iter().enumerate().map(|(at, v)| (json!(at), v)).collect()
            }
            Some(Value::Object(members)) => members.into_iter().map(|(key, v)| (json!(key), v)).collect(),
            other => {
                let found = other.unwrap_or(Value::Null);
                return Err(format!("InputError: each is neither a list nor an object: {found}"));
            }
        };
        if rounds.len() > limits::SCAFFOLDER_EACH_MAX {
            return Err(format!("each has more than {} rounds", limits::SCAFFOLDER_EACH_MAX));
        }
        let mut outputs = Map::new();
        for (key, value) in rounds {
            if self.cancelled.is_cancelled() {
                return Err("cancelled".to_owned());
            }
            journal.say(&format!("Running step each: {}", json!({"key": key, "value": value})));
            let output = self.round(step, Some(json!({"key": key, "value": value})), journal).await?;
            for (name, member) in output.as_object().cloned().unwrap_or_default() {
                // Only lists are put here; were one not, a step loses an output rather than the server its task.
                if let Some(all) = outputs.entry(name).or_insert_with(|| json!([])).as_array_mut() {
                    all.push(member);
                }
            }
        }
        Ok(Value::Object(outputs))
    }

    async fn round(&self, step: &Step, each: Option<Value>, journal: &Journal) -> Result<Value, String> {
        let does = self.find(&step.action)?;
        let scope = self.scope(each).with("secrets", Value::Object(self.secrets.clone()));
        let input = fill(&step.input, &scope).map_err(|fault| fault.0)?.unwrap_or_else(|| json!({}));
        if input.to_string().len() > limits::SCAFFOLDER_INPUT_BYTES_MAX {
            return Err(format!("its input has more than {} bytes", limits::SCAFFOLDER_INPUT_BYTES_MAX));
        }
        match does {
            Does::Kind(kind) => self.run_kind(kind, input, journal).await,
            Does::Action(action) => self.run_action(&action, input, journal).await,
        }
    }

    async fn run_kind(&self, kind: &Kind, input: Value, journal: &Journal) -> Result<Value, String> {
        check(kind, &input)?;
        if self.dry && (kind.reaches_out)(&input) {
            return Ok(stub(kind.id, &(kind.output)(), journal));
        }
        let doing = Doing {
            input,
            work: Arc::clone(&self.work),
            source: self.source.clone(),
            journal: journal.clone(),
            house: self.house.clone(),
            caller: self.house.fresh(&self.caller),
            task: self.about.clone(),
            cancelled: self.cancelled.clone(),
        };
        (kind.run)(doing).await
    }

    /// An action of this server, under the rights of whoever asked for the task.
    async fn run_action(
        &self,
        action: &Arc<Action>,
        input: Value,
        journal: &Journal,
    ) -> Result<Value, String> {
        let arguments = Arguments::compile(action)?;
        let input =
            arguments.accept(input.as_object().cloned().unwrap_or_default()).map_err(|e| e.to_string())?;
        if self.dry && action.effect != Effect::Read {
            return Ok(stub(&action.id, &action.output, journal));
        }
        let caller = self.house.fresh(&self.caller);
        if !access::decide(&caller, action).allows() {
            return Err(format!(
                "NotAllowedError: whoever asked for this task may not use {} any more",
                action.id
            ));
        }
        let (action, turn) = (Arc::clone(action), Turn::unheard(caller));
        if action.effect == Effect::Read {
            return told((action.run)(turn, input).await);
        }
        let begun = self.house.audit.record(self.fact(&action, "begun")).await;
        begun.map_err(|_| "it cannot be recorded, so it was not done".to_owned())?;
        // On its own: a task that stops in the middle leaves no half of an effect.
        let (audit, ended) = (self.house.audit.clone(), self.fact(&action, "ok"));
        let run = tokio::spawn(async move {
            let outcome = told((action.run)(turn, input).await);
            let word = if outcome.is_ok() { "ok" } else { "failed" };
            audit.note(Fact { outcome: word, ..ended }).await;
            outcome
        });
        run.await.unwrap_or_else(|_| Err("the action broke".to_owned()))
    }

    fn fact(&self, action: &Action, outcome: &'static str) -> Fact {
        Fact {
            event: "scaffolder.step",
            actor: Some(self.caller.subject.clone()),
            client_id: Some(self.caller.client_id.clone()),
            grant_id: Some(self.caller.grant_id.clone()),
            request_id: Some(self.about.id.clone()),
            outcome,
            detail: json!({"action": action.id, "task": self.about.id}),
        }
    }

    fn find(&self, id: &str) -> Result<Does, String> {
        if let Some(kind) = steps::find(id) {
            let lacks = |needed: &&str| !self.allowed.contains(*needed);
            return match kind.needs.filter(lacks) {
                Some(needed) => Err(format!(
                    "NotAllowedError: {id} needs {needed}, which the token that asked for this task may not use"
                )),
                None => Ok(Does::Kind(kind)),
            };
        }
        let Some(action) = self.house.action(id) else {
            let kinds = steps::KINDS.iter().map(|kind| kind.id);
            let alike = |kind: &&str| strsim::jaro_winkler(kind, id) > 0.9;
            let near = kinds
                .filter(alike)
                .max_by(|a, b| strsim::jaro_winkler(a, id).total_cmp(&strsim::jaro_winkler(b, id)));
            let near = near.map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
            return Err(format!("Template action with ID '{id}' is not registered here.{near}"));
        };
        if !self.allowed.contains(&action.id) {
            return Err(format!("NotAllowedError: the token that asked for this task may not use {id}"));
        }
        if self.house.held.iter().any(|rule| rule.fits(&action)) {
            return Err(format!(
                "NotAllowedError: {id} waits for a person's yes each time, and a task cannot ask"
            ));
        }
        Ok(Does::Action(action))
    }

    fn scope(&self, each: Option<Value>) -> Scope {
        let outputs: Map<String, Value> =
            self.outputs.iter().map(|(id, output)| (id.clone(), json!({"output": output}))).collect();
        let names = json!({
            "parameters": self.parameters, "steps": outputs, "user": self.user,
            "context": {"task": {"id": self.about.id}}, "environment": {"parameters": {}, "secrets": {}},
        });
        let scope = Scope::new(names.as_object().cloned().unwrap_or_default());
        match each {
            Some(each) => scope.with("each", each),
            None => scope,
        }
    }
}

fn asks(step: &Step) -> bool {
    step.condition.as_ref().and_then(Value::as_str).is_some_and(asks_for_failure)
}

fn failed(journal: &Journal, step: &Step, why: String) -> Stepped {
    let why = journal.redacted(&why);
    journal.stands(&format!("Step {} failed: {why}", step.name), "failed");
    Stepped::Failed(why)
}

fn check(kind: &Kind, input: &Value) -> Result<(), String> {
    let validator = jsonschema::validator_for(&(kind.input)()).map_err(|e| e.to_string())?;
    // What is wrong is said without the value: it may be a secret.
    let masked = |error: jsonschema::ValidationError<'_>| {
        let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        format!("{place}{}", error.masked_with("the value"))
    };
    let faults: Vec<String> = validator.iter_errors(input).take(10).map(masked).collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("Invalid input passed to action {}: {}", kind.id, faults.join("; ")))
    }
}

/// What a dry run puts in the place of an output that only an effect could give.
fn stub(id: &str, output: &Value, journal: &Journal) -> Value {
    journal.say(&format!(
        "Not run: {id} reaches outside, and a dry run changes nothing. Its output is made of examples."
    ));
    let mut made = Map::new();
    for (name, schema) in output["properties"].as_object().into_iter().flatten() {
        let example = match schema["type"].as_str() {
            Some("integer" | "number") => json!(0),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => json!(format!("<{name} of {id}>")),
        };
        made.insert(name.clone(), example);
    }
    Value::Object(made)
}

fn told(outcome: crate::actions::Outcome) -> Result<Value, String> {
    outcome.map_err(|error| match error {
        ActionError::Fault(fault) => {
            tracing::error!(error = %fault, "an action failed as a step of a task");
            "InternalError: the server failed to do this".to_owned()
        }
        other => other.to_string(),
    })
}
