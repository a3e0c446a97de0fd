//! One `tools/call` behind the door, as a client of either era reads its answer: done at once, in several rounds, or as
//! a task.

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CreateTaskResult, ErrorCode,
    ResultType,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value};

use super::approval;
use super::call::{Answer, Gate};
use super::rounds::About;
use super::server::{Server, caller, is_modern, verified};
use super::talk;
use super::tasks::Done;
use super::tools::Offered;
use crate::actions::Effect;
use crate::actions::question::{self, Ability};
use crate::actions::turn::{Listener, Talk, Turn};

impl Server {
    /// Calls `offered`, which only reads, and shows the answer as a client of that era reads it. `None` where it wants
    /// to speak first: nothing was done then.
    pub async fn read(
        &self,
        turn: &Turn,
        offered: &Offered,
        arguments: Option<Map<String, Value>>,
        modern: bool,
    ) -> Option<CallToolResult> {
        match self.calls.call(turn, offered, arguments).await {
            Answer::Done(value) => Some(self.done(value, Vec::new(), modern)),
            Answer::Failed(text) | Answer::Broken(text) => Some(self.failed(text, modern)),
            Answer::Waits(_) | Answer::Cannot(_) | Answer::Long | Answer::Speechless => None,
        }
    }

    /// Calls `offered`, which may speak before it answers.
    pub(super) async fn call(
        &self,
        context: &RequestContext<RoleServer>,
        offered: &Offered,
        request: CallToolRequestParams,
    ) -> Result<CallToolResponse, ErrorData> {
        let (caller, modern) = (caller(context)?, is_modern(context));
        let name = &offered.action.id;
        let arguments = request.arguments;
        let about = About { caller, method: "tools/call", name, arguments: arguments.as_ref() };
        let mut answers = if modern {
            self.features.rounds.answers(about, request.input_responses, request.request_state.as_deref())?
        } else {
            BTreeMap::new()
        };
        if self.holds(offered) && !answers.contains_key(approval::PASSED) {
            let went = answers.remove(approval::QUESTION);
            if let Some(held) = self.hold(context, about, offered, went.as_ref()).await? {
                return Ok(held);
            }
            // A tool that asks something before it does anything goes on with this yes when it was answered.
            answers.insert(approval::PASSED.to_owned(), Value::Bool(true));
        }
        if let Some(state) = request.request_state.as_deref().filter(|_| modern)
            && offered.action.effect != Effect::Read
        {
            self.features.rounds.use_up(state).await?;
        }
        let listener = talk::listener(context, answers.clone())?;
        let (talk, said) = Talk::new(listener.clone());
        let talk = Arc::new(talk);
        let turn = Turn::talking(Arc::clone(caller), Arc::clone(&talk));
        let work = self.calls.call(&turn, offered, arguments.clone());
        let result = match talk::converse(context, &talk, said, work).await? {
            Answer::Done(value) => self.done(value, talk.take_shown(), modern),
            Answer::Failed(text) | Answer::Broken(text) => self.failed(text, modern),
            Answer::Long => {
                let mut begun = self.begin(context, name, arguments, talk::of_task(listener)).await?;
                begun.meta = self.meta(modern);
                return Ok(begun.into());
            }
            Answer::Waits(questions) => {
                let mut asked = self.features.rounds.ask(about, answers, questions)?;
                asked.meta = self.meta(modern);
                return Ok(asked.into());
            }
            Answer::Cannot(ability) if modern => return Err(cannot(ability)),
            Answer::Cannot(ability) => {
                let text = format!("NotAllowedError: this needs a client that can {}", ability.words());
                self.failed(text, modern)
            }
            Answer::Speechless => return Err(ErrorData::internal_error("no way to speak", None)),
        };
        Ok(result.into())
    }

    /// What to answer instead of running a call that is held; nothing where it may run.
    async fn hold(
        &self,
        context: &RequestContext<RoleServer>,
        about: About<'_>,
        offered: &Offered,
        went: Option<&Value>,
    ) -> Result<Option<CallToolResponse>, ErrorData> {
        let modern = is_modern(context);
        let went = went.map(question::Answer::read).transpose();
        if let Ok(Some(question::Answer::Declined | question::Answer::Cancelled)) = went {
            let text = "NotAllowedError: the person would not look at this call; do not try it again";
            return Ok(Some(self.failed(text.to_owned(), modern).into()));
        }
        let patience = matches!(went, Ok(Some(question::Answer::Accepted(_))));
        let waiting = match self.calls.gate(caller(context)?, offered, about.arguments, patience).await {
            Gate::Open => return Ok(None),
            Gate::Waits(waiting) => waiting,
            Gate::Shut(Answer::Failed(text)) => return Ok(Some(self.failed(text, modern).into())),
            Gate::Shut(_) => return Err(ErrorData::internal_error("a held call", None)),
        };
        if !talk::can(context, Ability::Url) {
            return Ok(Some(self.failed(waiting.text(), modern).into()));
        }
        if !modern {
            return Err(waiting.required());
        }
        let mut asked = self.features.rounds.ask(about, BTreeMap::new(), vec![waiting.question()])?;
        asked.meta = self.meta(modern);
        Ok(Some(asked.into()))
    }

    /// Runs the action `id` once more, as a task.
    async fn begin(
        &self,
        context: &RequestContext<RoleServer>,
        id: &str,
        arguments: Option<Map<String, Value>>,
        listener: Listener,
    ) -> Result<CreateTaskResult, ErrorData> {
        let (talk, said) = Talk::new(listener);
        let talk = Arc::new(talk);
        let verified = verified(context)?;
        let turn = Turn::talking(Arc::clone(&verified.caller), Arc::clone(&talk));
        let (server, name, shows) = (self.clone(), id.to_owned(), Arc::clone(&talk));
        let work = async move {
            let failed = |error: ErrorData| Done::Error(error);
            let Some(offered) = server.calls.tools.find(&name) else {
                return failed(ErrorData::internal_error("the tool is gone", None));
            };
            let result = match server.calls.call(&turn, offered, arguments).await {
                Answer::Done(value) => server.done(value, shows.take_shown(), true),
                Answer::Failed(text) => server.failed(text, true),
                Answer::Broken(text) => return failed(ErrorData::internal_error(text, None)),
                Answer::Cannot(ability) => return failed(cannot(ability)),
                Answer::Waits(_) | Answer::Long | Answer::Speechless => {
                    return failed(ErrorData::internal_error("the tool went another way as a task", None));
                }
            };
            serde_json::to_value(result)
                .map_or_else(|e| failed(ErrorData::internal_error(e.to_string(), None)), Done::Result)
        };
        self.features.tasks.begin(verified, id, (talk, said), work).await
    }

    fn done(&self, value: Value, shown: Vec<Value>, modern: bool) -> CallToolResult {
        let mut result = if shown.is_empty() {
            CallToolResult::success(vec![ContentBlock::text(value.to_string())])
        } else {
            CallToolResult::success(shown.into_iter().filter_map(block).collect())
        };
        // Before 2026-07-28 it is an object or nothing.
        result.structured_content = Some(value).filter(|v| v.is_object() || modern && !v.is_null());
        self.complete(result, modern)
    }

    fn failed(&self, text: String, modern: bool) -> CallToolResult {
        self.complete(CallToolResult::error(vec![ContentBlock::text(text)]), modern)
    }

    fn complete(&self, mut result: CallToolResult, modern: bool) -> CallToolResult {
        result.result_type = modern.then_some(ResultType::COMPLETE);
        result.meta = self.meta(modern);
        result
    }
}

/// A content block that an action showed. One of another shape is left out: the rest of the answer may still help.
fn block(value: Value) -> Option<ContentBlock> {
    serde_json::from_value(value)
        .inspect_err(|error| tracing::error!(%error, "an action showed what is no content block"))
        .ok()
}

/// The client cannot be asked what it must be (MCP 2026-07-28, -32021).
fn cannot(ability: Ability) -> ErrorData {
    let text = format!("this needs a client that can {}", ability.words());
    let data = serde_json::json!({ "requiredCapabilities": ability.declared_as() });
    ErrorData::new(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY, text, Some(data))
}
