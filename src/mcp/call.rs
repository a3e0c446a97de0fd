//! One `tools/call`, from the name to the answer: decide, check the arguments, record, run, record.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use super::approval::{Approvals, NotYet, Waiting};
use super::tools::{Offered, Tools};
use crate::access::{self, Decision};
use crate::actions::question::{Ability, Question};
use crate::actions::turn::Turn;
use crate::actions::{Action, ActionError, Caller, Effect, Outcome};
use crate::audit::{Audit, Call, Fact};
use crate::clock::{Clock, Time};
use crate::secret;

/// What a call needs of the house.
#[derive(Clone, Debug)]
pub struct Calls {
    /// Every tool.
    pub tools: Arc<Tools>,
    /// Which calls wait for their person's yes.
    pub approvals: Approvals,
    /// Where calls are recorded.
    pub audit: Audit,
    /// What time it is.
    pub clock: Clock,
}

/// How a call ended, as the caller may know it.
#[derive(Debug)]
pub enum Answer {
    /// The outcome, which fits the action's output schema.
    Done(Value),
    /// A sentence for the model.
    Failed(String),
    /// A sentence for the model, and the fault is ours.
    Broken(String),
    /// It takes long; nothing was done yet.
    Long,
    /// These must be answered first; nothing was done yet.
    Waits(Vec<Question>),
    /// The client cannot be asked what the action must know.
    Cannot(Ability),
    /// Nothing was done: to be called again with a way to speak.
    Speechless,
}

/// How a held call stands.
#[derive(Debug)]
pub enum Gate {
    /// It may run; a yes that it needed is used up.
    Open,
    /// Its person was asked and did not answer yet.
    Waits(Waiting),
    /// It will not run.
    Shut(Answer),
}

impl Calls {
    /// Whether a call of `offered`, which is held, may run now. With `patience`, where its person has just been sent to
    /// answer. Arguments that cannot be used are nobody's question: the call itself says so.
    pub async fn gate(
        &self,
        caller: &Arc<Caller>,
        offered: &Offered,
        arguments: Option<&Map<String, Value>>,
        patience: bool,
    ) -> Gate {
        let began = self.clock.now();
        let Ok(arguments) = admit(offered, caller, arguments.cloned()) else { return Gate::Open };
        match self.approvals.admit(caller, &offered.action, &arguments, patience).await {
            Ok(()) => Gate::Open,
            Err(NotYet::Waiting(waiting)) => {
                self.note(offered, caller, began, "waits").await;
                Gate::Waits(waiting)
            }
            Err(NotYet::No(why)) => {
                self.note(offered, caller, began, "not_approved").await;
                Gate::Shut(answer(&offered.action, Err(ActionError::NotAllowed(why.to_owned())), began))
            }
            Err(NotYet::Unavailable(error)) => {
                Gate::Shut(answer(&offered.action, Err(ActionError::Fault(error.into())), began))
            }
        }
    }

    /// Calls `offered` as the caller of `turn`. Whatever goes wrong is an answer too (MCP 2026-07-28, tools).
    pub async fn call(
        &self,
        turn: &Turn,
        offered: &Offered,
        arguments: Option<Map<String, Value>>,
    ) -> Answer {
        let (caller, began) = (turn.caller(), self.clock.now());
        let outcome = match admit(offered, caller, arguments) {
            Ok(arguments) if offered.action.effect == Effect::Read => {
                let outcome = run(&offered.action, turn, arguments).await;
                if !matches!(outcome, Err(ActionError::Speechless)) {
                    self.note(offered, caller, began, word(&outcome)).await;
                }
                outcome
            }
            Ok(arguments) => self.run_effect(offered, turn, arguments, began).await,
            Err(refusal) => {
                let outcome = Err(refusal);
                self.note(offered, caller, began, word(&outcome)).await;
                outcome
            }
        };
        answer(&offered.action, outcome, began)
    }

    /// Records a call that changed nothing: one that read, or was refused.
    pub async fn note(&self, offered: &Offered, caller: &Arc<Caller>, at: Time, outcome: &'static str) {
        let micros = u32::try_from(self.clock.now().micros_since(at)).unwrap_or_default();
        let call = Call { caller: Arc::clone(caller), action: Arc::clone(&offered.id), outcome, at, micros };
        self.audit.call(call).await;
    }

    /// Runs an action that changes something: recorded before it runs, or not run at all. On a task of its own, so that
    /// a client that hangs up in the middle leaves neither half an effect nor a record without an end.
    async fn run_effect(&self, offered: &Offered, turn: &Turn, arguments: Value, began: Time) -> Outcome {
        let (action, turn) = (Arc::clone(&offered.action), turn.clone());
        let (audit, clock) = (self.audit.clone(), self.clock.clone());
        let effect = async move {
            let call_id = secret::id(began);
            let begun = audit.record(fact(&action, &turn, &call_id, "begun", json!({}))).await;
            begun.map_err(|error| ActionError::Fault(error.into()))?;
            let outcome = run(&action, &turn, arguments).await;
            let took = json!({ "micros": clock.now().micros_since(began) });
            audit.note(fact(&action, &turn, &call_id, word(&outcome), took)).await;
            outcome
        };
        tokio::spawn(effect.in_current_span())
            .await
            .unwrap_or_else(|error| Err(ActionError::Fault(error.into())))
    }
}

fn admit(
    offered: &Offered,
    caller: &Caller,
    arguments: Option<Map<String, Value>>,
) -> Result<Value, ActionError> {
    match access::decide(caller, &offered.action) {
        Decision::OpenToAll | Decision::ScopeHeld(_) => {
            offered.arguments.accept(arguments.unwrap_or_default())
        }
        // The guard has asked for the scope with a 403 already; this is the second lock on the same door.
        Decision::NeedsScope(scope) => {
            Err(ActionError::NotAllowed(format!("this access token lacks the scope {scope}")))
        }
        // Nor does a name lead here.
        Decision::Hidden | Decision::Forbidden => Err(ActionError::NotFound("no such tool".to_owned())),
    }
}

async fn run(action: &Action, turn: &Turn, arguments: Value) -> Outcome {
    // A panic ends one call, with a request id to look for; without this it would end the answer too.
    let running = AssertUnwindSafe((action.run)(turn.clone(), arguments));
    running.catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(ActionError::Fault(format!("panicked: {}", text.unwrap_or_default()).into()))
    })
}

fn answer(action: &Action, outcome: Outcome, now: Time) -> Answer {
    match outcome {
        Ok(value) => Answer::Done(value),
        Err(ActionError::Fault(fault)) => {
            let request_id = secret::id(now);
            tracing::error!(action = action.id, request_id, error = %chain(fault.as_ref()), "a tool call failed");
            Answer::Broken(format!(
                "InternalError: the server failed to answer. Tell its operator the request id {request_id}."
            ))
        }
        Err(ActionError::Waits(questions)) => Answer::Waits(questions),
        Err(ActionError::Cannot(ability)) => Answer::Cannot(ability),
        Err(ActionError::Long) => Answer::Long,
        Err(ActionError::Speechless) => Answer::Speechless,
        Err(refusal) => Answer::Failed(refusal.to_string()),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(_) => "ok",
        Err(ActionError::NotFound(_)) => "not_found",
        Err(ActionError::NotAllowed(_)) => "not_allowed",
        Err(ActionError::InvalidInput(_)) => "invalid_input",
        Err(ActionError::Conflict(_)) => "conflict",
        Err(ActionError::Fault(_)) => "fault",
        Err(ActionError::Waits(_)) => "asked",
        Err(ActionError::Long) => "deferred",
        Err(ActionError::Cannot(_) | ActionError::Speechless) => "not_asked",
    }
}

/// What is recorded of a call with an effect: one row before it, one after, under one id. Arguments are not part of
/// it: they may hold what people type.
fn fact(action: &Action, caller: &Caller, call_id: &str, outcome: &'static str, detail: Value) -> Fact {
    let mut detail = detail;
    detail["action"] = action.id.clone().into();
    Fact {
        event: "tool.call",
        actor: Some(caller.subject.clone()),
        client_id: Some(caller.client_id.clone()),
        grant_id: Some(caller.grant_id.clone()),
        request_id: Some(call_id.to_owned()),
        outcome,
        detail,
    }
}
