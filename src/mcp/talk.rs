//! What an action says before it answers, on its way to the client of one request: progress, log lines, questions.
//!
//! Everything goes through the request's own `context.peer`, so it stands on that request's stream and no other
//! (MCP 2026-07-28, transports). A client that hangs up or cancels ends what has no effect; what has one goes on to its
//! end and is told that nobody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
#[expect(deprecated, reason = "what MCP deprecates is served as long as revisions that have it are")]
use rmcp::model::{
    ClientCapabilities, ClientResult, CustomRequest, LoggingLevel, LoggingMessageNotificationParam,
    ProgressNotificationParam, ServerRequest,
};
use rmcp::service::{PeerRequestOptions, RequestContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use super::server::is_modern;
use super::session::tape::Tape;
use super::session::wishes;
use crate::actions::question::{Ability, Question};
use crate::actions::turn::{AsTask, Level, Listener, Said, Talk};
use crate::limits;

/// Who listens to the answer of this request.
///
/// # Errors
/// `-32602` for a log level that there is none of.
pub fn listener(
    context: &RequestContext<RoleServer>,
    answers: BTreeMap<String, Value>,
) -> Result<Listener, ErrorData> {
    let modern = is_modern(context);
    let log = if modern {
        asked_level(context)?
    } else {
        Some(wishes::level(context).map_or(Level::Info, from_wire))
    };
    Ok(Listener {
        progress: context.meta.get_progress_token().is_some(),
        log,
        can: context.client_capabilities().map(abilities).unwrap_or_default(),
        live: !modern,
        task: match context.client_capabilities().is_some_and(|declared| declared.supports_tasks()) {
            true if modern => AsTask::Offered,
            _ => AsTask::No,
        },
        answers,
    })
}

/// The same, once the call has become a task: it hears no progress and no log line, and its questions wait in its row.
pub fn of_task(listener: Listener) -> Listener {
    Listener { progress: false, log: None, live: true, task: AsTask::Yes, ..listener }
}

/// The level of a modern request, which speaks for itself; without one it hears no log line.
fn asked_level(context: &RequestContext<RoleServer>) -> Result<Option<Level>, ErrorData> {
    let named = context.meta.0.get("io.modelcontextprotocol/logLevel");
    match (named, context.meta.log_level()) {
        (None, _) => Ok(None),
        (Some(_), Some(level)) => Ok(Some(from_wire(level))),
        (Some(_), None) => {
            Err(ErrorData::invalid_params("Invalid params: there is no such log level in _meta", None))
        }
    }
}

/// Whether the client of this request declared that it can be asked so.
pub fn can(context: &RequestContext<RoleServer>, ability: Ability) -> bool {
    context.client_capabilities().is_some_and(|declared| abilities(declared).contains(&ability))
}

fn abilities(declared: ClientCapabilities) -> BTreeSet<Ability> {
    let mut can = BTreeSet::new();
    if let Some(elicitation) = &declared.elicitation {
        // An empty object is what 2025-06-18 had: forms.
        if elicitation.form.is_some() || elicitation.url.is_none() {
            can.insert(Ability::Form);
        }
        if elicitation.url.is_some() {
            can.insert(Ability::Url);
        }
    }
    if declared.sampling.is_some() {
        can.insert(Ability::Sampling);
    }
    if declared.roots.is_some() {
        can.insert(Ability::Roots);
    }
    if declared.supports_tasks() {
        can.insert(Ability::Tasks);
    }
    can
}

/// Runs `work` to its end, and passes on what is said meanwhile.
///
/// # Errors
/// `-32603` where the client took the request back, or nobody should wait any longer.
pub async fn converse<T>(
    context: &RequestContext<RoleServer>,
    talk: &Arc<Talk>,
    mut said: Receiver<Said>,
    work: impl Future<Output = T>,
) -> Result<T, ErrorData> {
    let mut work = std::pin::pin!(work);
    let mut limit = std::pin::pin!(tokio::time::sleep(Duration::from_secs(limits::MCP_CALL_SECONDS_MAX)));
    // What is still running after this future is dropped is told so.
    let _told = talk.cancelled().clone().drop_guard();
    let done = loop {
        tokio::select! {
            biased;
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            Some(said) = said.recv() => pass_on(context, said).await,
            done = &mut work => break done,
            () = &mut limit => return Err(ErrorData::internal_error("the tool took too long", None)),
        }
    };
    // Before the answer: after it the request is over, and nothing may follow.
    while let Ok(said) = said.try_recv() {
        pass_on(context, said).await;
    }
    Ok(done)
}

#[expect(deprecated, reason = "log lines are sent to whoever asks for them")]
async fn pass_on(context: &RequestContext<RoleServer>, said: Said) {
    let sent = match said {
        Said::Progress { done, total, message } => {
            let Some(token) = context.meta.get_progress_token() else { return };
            let mut params = ProgressNotificationParam::new(token, done);
            params.total = total;
            params.message = message;
            context.peer.notify_progress(params).await
        }
        Said::Log { level, logger, data } => {
            let mut params = LoggingMessageNotificationParam::new(to_wire(level), data);
            params.logger = logger;
            context.peer.notify_logging_message(params).await
        }
        Said::HangUp => {
            let parts = context.extensions.get::<Parts>();
            if let Some(tape) = parts.and_then(|parts| parts.extensions.get::<Arc<Tape>>()) {
                tape.hang_up();
            }
            return;
        }
        Said::Ask(question, reply) => {
            let (peer, gone) = (context.peer.clone(), context.ct.clone());
            tokio::spawn(async move {
                let asked = ask(&peer, &question);
                let answer = tokio::select! {
                    answer = asked => answer,
                    () = gone.cancelled() => Err("the call was cancelled".to_owned()),
                };
                let _ = reply.send(answer);
            });
            return;
        }
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "a client hears no more");
    }
}

/// Asks a legacy client, and waits for a person.
async fn ask(peer: &rmcp::Peer<RoleServer>, question: &Question) -> Result<Value, String> {
    let request =
        ServerRequest::CustomRequest(CustomRequest::new(question.method(), Some(question.params())));
    let patience = Duration::from_secs(limits::MCP_ROUND_SECONDS.unsigned_abs());
    let options = PeerRequestOptions::with_timeout(patience);
    let asked = peer.send_cancellable_request(request, options).await.map_err(|e| e.to_string())?;
    let answer = asked.await_response().await.map_err(|e| format!("the client gave no answer: {e}"))?;
    let answer = match answer {
        ClientResult::CreateMessageResult(result) => serde_json::to_value(result),
        ClientResult::ListRootsResult(result) => serde_json::to_value(result),
        ClientResult::ElicitResult(result) => serde_json::to_value(result),
        ClientResult::EmptyResult(result) => serde_json::to_value(result),
        ClientResult::CustomResult(result) => serde_json::to_value(result),
        _ => return Err("the client gave an answer of no known kind".to_owned()),
    };
    answer.map_err(|e| e.to_string())
}

#[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
fn from_wire(level: LoggingLevel) -> Level {
    match level {
        LoggingLevel::Debug => Level::Debug,
        LoggingLevel::Info => Level::Info,
        LoggingLevel::Notice => Level::Notice,
        LoggingLevel::Warning => Level::Warning,
        LoggingLevel::Error => Level::Error,
        LoggingLevel::Critical => Level::Critical,
        LoggingLevel::Alert => Level::Alert,
        LoggingLevel::Emergency => Level::Emergency,
    }
}

#[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
fn to_wire(level: Level) -> LoggingLevel {
    match level {
        Level::Debug => LoggingLevel::Debug,
        Level::Info => LoggingLevel::Info,
        Level::Notice => LoggingLevel::Notice,
        Level::Warning => LoggingLevel::Warning,
        Level::Error => LoggingLevel::Error,
        Level::Critical => LoggingLevel::Critical,
        Level::Alert => LoggingLevel::Alert,
        Level::Emergency => LoggingLevel::Emergency,
    }
}
