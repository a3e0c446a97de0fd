//! Calls that go on after their answer (MCP extension `io.modelcontextprotocol/tasks`, SEP-2663).
//!
//! An action that takes long says so (`talk.long_running()`), and where the client can follow a task it gets one: a
//! row that any node reads, run by the node that took the call. Its id is 256 random bits that only its client has;
//! everything it holds is sealed under it. It is its caller's: whoever asks must be the same subject through the same
//! client at the same resource, with a token that is good now.
//!
//! Questions of a task wait in its row, and answers come by any node. A node that dies leaves a task that nobody claims:
//! it has failed then, since nobody knows how far it came. One whose grant ends is stopped: nobody may act through it any
//! more, and this node hears of that as the guard does.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    CreateTaskResult, DetailedTask, InputRequest, InputRequests, JsonObject, Task, TaskPayload, TaskStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Receiver;
use tokio::sync::{broadcast, oneshot};
use tracing::Instrument as _;

use super::authority::{Authority, Verified};
use super::live;
use crate::actions::Caller;
use crate::actions::question::Question;
use crate::actions::turn::{Said, Talk};
use crate::clock::Clock;
use crate::limits;
use crate::secret::{self, McpTask, Secret};
use crate::store::events::Event;
use crate::store::mcp_tasks::{self, End, Kept};
use crate::store::{self, Store};

/// The tasks of this server.
#[derive(Clone, Debug)]
pub struct Tasks {
    store: Store,
    clock: Clock,
    authority: Authority,
}

/// How the work of a task ended.
#[derive(Debug)]
pub enum Done {
    /// With the result of `tools/call`.
    Result(Value),
    /// With an error of the protocol.
    Error(ErrorData),
}

/// A question as a client of a task knows it: its key is used once.
#[derive(Debug, Deserialize, Serialize)]
struct Open {
    key: String,
    question: Question,
}

/// Questions of this run that wait, and who waits.
type Waiting = BTreeMap<String, oneshot::Sender<Result<Value, String>>>;

impl Tasks {
    /// The tasks that `store` keeps.
    pub fn new(store: Store, clock: Clock, authority: Authority) -> Self {
        Self { store, clock, authority }
    }

    /// Begins a task of whoever was let in: `work` runs on, whoever hangs up. The row is there before this returns.
    ///
    /// # Errors
    /// `-32603` where it cannot be recorded, and where the caller has as many as it may.
    pub async fn begin(
        &self,
        verified: &Verified,
        action: &str,
        (talk, said): (Arc<Talk>, Receiver<Said>),
        work: impl Future<Output = Done> + Send + 'static,
    ) -> Result<CreateTaskResult, ErrorData> {
        // Heard from before the row is there: what ends meanwhile ends this too.
        let (news, caller) = (self.store.subscribe(), &verified.caller);
        let (id, now) = (Secret::<McpTask>::mint(), self.clock.now());
        let kept = Kept {
            digest: id.digest(),
            subject: caller.subject.clone(),
            client_id: caller.client_id.clone(),
            resource: caller.resource.clone(),
            action: action.to_owned(),
            created_at: now,
            updated_at: now,
            claimed_until: now.plus_seconds(limits::MCP_TASK_CLAIM_SECONDS),
            questions: None,
            answers: None,
            outcome: None,
            end: None,
            expires_at: now.plus_seconds(limits::MCP_TASK_SECONDS),
        };
        if !mcp_tasks::add(&self.store, &kept).await.map_err(broken)? {
            let text = "too many tasks of this client are under way: wait for one of them, or cancel one";
            return Err(ErrorData::internal_error(text, None));
        }
        let task = shown(&id, &kept, TaskStatus::Working);
        let access = Access { verified: verified.clone(), news, doubt: false, deaf: false };
        let run = Run { tasks: self.clone(), id, talk, waiting: Waiting::new(), access };
        tokio::spawn(run.run_on(said, work).in_current_span());
        Ok(CreateTaskResult::new(task))
    }

    /// The state of a task (`tasks/get`).
    ///
    /// # Errors
    /// `-32602` for a task that is not this caller's.
    pub async fn get(&self, caller: &Caller, id: &str) -> Result<DetailedTask, ErrorData> {
        let (id, mut kept) = self.of(caller, id).await?;
        if kept.end.is_none() && kept.claimed_until < self.clock.now() {
            let error = json!({ "code": -32603, "message": "The server that ran this task stopped." });
            let outcome = seal(&id, "outcome", &error);
            mcp_tasks::end(&self.store, &kept.digest, End::Failed, Some(&outcome), self.clock.now())
                .await
                .map_err(broken)?;
            kept = self.of(caller, id.reveal()).await?.1;
        }
        let object = || open::<JsonObject>(&id, "outcome", kept.outcome.as_deref()).unwrap_or_default();
        let payload = match kept.end {
            Some(End::Completed) => TaskPayload::Completed { result: object() },
            Some(End::Failed) => TaskPayload::Failed { error: object() },
            Some(End::Cancelled) => TaskPayload::Cancelled,
            None => match requests(&id, &kept) {
                requests if requests.is_empty() => TaskPayload::Working,
                input_requests => TaskPayload::InputRequired { input_requests },
            },
        };
        Ok(DetailedTask::new(shown(&id, &kept, payload.status()), payload))
    }

    /// Takes answers (`tasks/update`). What was not asked is not looked at.
    ///
    /// # Errors
    /// `-32602` for a task that is not this caller's, and for an answer that does not fit its question.
    pub async fn update(
        &self,
        caller: &Caller,
        id: &str,
        mut responses: BTreeMap<String, Value>,
    ) -> Result<(), ErrorData> {
        for _ in 0..limits::MCP_TASK_EXCHANGES_MAX {
            let (id, kept) = self.of(caller, id).await?;
            let mut questions: Vec<Open> =
                open(&id, "questions", kept.questions.as_deref()).unwrap_or_default();
            let mut answers: BTreeMap<String, Value> =
                open(&id, "answers", kept.answers.as_deref()).unwrap_or_default();
            responses.retain(|key, _| questions.iter().any(|open| open.key == *key));
            if kept.end.is_some() || responses.is_empty() {
                return Ok(());
            }
            for Open { key, question } in &questions {
                if let Some(response) = responses.get(key) {
                    question
                        .check(response)
                        .map_err(|why| ErrorData::invalid_params(format!("Invalid params: {why}"), None))?;
                    answers.insert(key.clone(), response.clone());
                }
            }
            questions.retain(|open| !responses.contains_key(&open.key));
            let left = (!questions.is_empty()).then(|| seal(&id, "questions", &questions));
            let answers = seal(&id, "answers", &answers);
            let now = self.clock.now();
            let done = mcp_tasks::exchange(&self.store, &kept, left.as_deref(), Some(&answers), now).await;
            if done.map_err(broken)? {
                return Ok(());
            }
        }
        Err(ErrorData::internal_error("the task changes too often; try again", None))
    }

    /// Takes a task back (`tasks/cancel`). One that has ended stays as it is.
    ///
    /// # Errors
    /// `-32602` for a task that is not this caller's.
    pub async fn cancel(&self, caller: &Caller, id: &str) -> Result<(), ErrorData> {
        let (_, kept) = self.of(caller, id).await?;
        let ended = mcp_tasks::end(&self.store, &kept.digest, End::Cancelled, None, self.clock.now()).await;
        ended.map(|_| ()).map_err(broken)
    }

    /// The task `id`, if it is `caller`'s. Somebody else's is not there.
    async fn of(&self, caller: &Caller, id: &str) -> Result<(Secret<McpTask>, Kept), ErrorData> {
        let unknown = || ErrorData::invalid_params("Invalid params: unknown task", None);
        let id = Secret::<McpTask>::presented(id).ok_or_else(unknown)?;
        let kept = mcp_tasks::find(&self.store, &id.digest()).await.map_err(broken)?.ok_or_else(unknown)?;
        let mine = kept.subject == caller.subject
            && kept.client_id == caller.client_id
            && kept.resource == caller.resource
            && kept.expires_at > self.clock.now();
        if mine { Ok((id, kept)) } else { Err(unknown()) }
    }
}

/// A task on the node that runs it.
struct Run {
    tasks: Tasks,
    id: Secret<McpTask>,
    talk: Arc<Talk>,
    waiting: Waiting,
    access: Access,
}

/// What a task runs by.
struct Access {
    verified: Verified,
    news: broadcast::Receiver<Event>,
    /// Whether it may have ended.
    doubt: bool,
    /// Whether this node may miss news: then it is asked for again and again.
    deaf: bool,
}

impl Access {
    /// Waits for news that may be the end of it.
    async fn questioned(&mut self) {
        loop {
            match self.news.recv().await {
                Ok(Event::Distrusted) => {
                    self.deaf = true;
                    break;
                }
                Ok(Event::Trusted) => {
                    self.deaf = false;
                    break;
                }
                Err(RecvError::Lagged(_)) => break,
                Ok(event) if live::concerns(&event, &self.verified) => break,
                Ok(_) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
        self.doubt = true;
    }

    /// Whether it has ended. Where nobody can say, it is asked again.
    async fn has_ended(&mut self, authority: &Authority) -> bool {
        match authority.is_live(&self.verified).await {
            Ok(true) => self.doubt = self.deaf,
            Ok(false) => return true,
            Err(error) => tracing::warn!(%error, "cannot ask whether the grant of a task is live"),
        }
        false
    }
}

impl Run {
    async fn run_on(mut self, mut said: Receiver<Said>, work: impl Future<Output = Done> + Send) {
        let mut work = std::pin::pin!(work);
        let mut look = tokio::time::interval(Duration::from_millis(limits::MCP_TASK_POLL_MILLIS));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                () = self.access.questioned() => {}
                Some(said) = said.recv() => self.hear(said).await,
                _ = look.tick() => match self.look().await {
                    Ok(true) if self.access.doubt && self.access.has_ended(&self.tasks.authority).await => {
                        return self.stop().await;
                    }
                    Ok(true) => {}
                    // What only reads is dropped with this; what has an effect is told.
                    Ok(false) => return self.talk.cancelled().cancel(),
                    Err(error) => tracing::warn!(%error, "a task cannot be looked after just now"),
                },
            }
        };
        let (end, outcome) = match done {
            Done::Result(result) => (End::Completed, result),
            Done::Error(error) => (End::Failed, serde_json::to_value(error).unwrap_or_default()),
        };
        let outcome = seal(&self.id, "outcome", &outcome);
        for pause in [100, 1_000, 10_000] {
            let now = self.tasks.clock.now();
            match mcp_tasks::end(&self.tasks.store, &self.id.digest(), end, Some(&outcome), now).await {
                Ok(_) => return,
                Err(error) => tracing::error!(%error, "the end of a task could not be recorded"),
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Stops for want of a grant: the row says cancelled, and what has an effect is told.
    async fn stop(self) {
        self.talk.cancelled().cancel();
        let (store, now) = (&self.tasks.store, self.tasks.clock.now());
        if let Err(error) = mcp_tasks::end(store, &self.id.digest(), End::Cancelled, None, now).await {
            // Nobody claims it from here on, so that it is found failed.
            tracing::error!(%error, "the end of a task could not be recorded");
        }
    }

    /// Puts a question into the row. Progress and log lines of a task have no stream to stand on.
    async fn hear(&mut self, said: Said) {
        let Said::Ask(question, reply) = said else { return };
        let key = format!("{}-{}", question.key, secret::id(self.tasks.clock.now()));
        for _ in 0..limits::MCP_TASK_EXCHANGES_MAX {
            let Ok(Some(kept)) = mcp_tasks::find(&self.tasks.store, &self.id.digest()).await else { break };
            let mut questions: Vec<Open> =
                open(&self.id, "questions", kept.questions.as_deref()).unwrap_or_default();
            questions.push(Open { key: key.clone(), question: question.clone() });
            let sealed = seal(&self.id, "questions", &questions);
            let (store, now) = (&self.tasks.store, self.tasks.clock.now());
            match mcp_tasks::exchange(store, &kept, Some(&sealed), kept.answers.as_deref(), now).await {
                Ok(true) => {
                    self.waiting.insert(key, reply);
                    return;
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "a question of a task could not be recorded");
                    break;
                }
            }
        }
        let _ = reply.send(Err("the question could not be asked".to_owned()));
    }

    /// Claims the task again and takes what was answered; says whether it goes on.
    async fn look(&mut self) -> store::Result<bool> {
        let (store, now) = (&self.tasks.store, self.tasks.clock.now());
        let Some(kept) = mcp_tasks::find(store, &self.id.digest()).await? else { return Ok(false) };
        if kept.end.is_some() {
            return Ok(false);
        }
        if kept.claimed_until < now.plus_seconds(limits::MCP_TASK_CLAIM_SECONDS / 2) {
            let until = now.plus_seconds(limits::MCP_TASK_CLAIM_SECONDS);
            mcp_tasks::claim(store, &kept.digest, until).await?;
        }
        let answers: Option<BTreeMap<String, Value>> = open(&self.id, "answers", kept.answers.as_deref());
        let Some(answers) = answers else { return Ok(true) };
        if mcp_tasks::exchange(store, &kept, kept.questions.as_deref(), None, now).await? {
            for (key, answer) in answers {
                if let Some(reply) = self.waiting.remove(&key) {
                    let _ = reply.send(Ok(answer));
                }
            }
        }
        Ok(true)
    }
}

fn shown(id: &Secret<McpTask>, kept: &Kept, status: TaskStatus) -> Task {
    let ttl = kept.expires_at.micros_since(kept.created_at).unsigned_abs() / 1_000;
    Task::new(id.reveal(), status, kept.created_at.rfc3339(), kept.updated_at.rfc3339())
        .with_ttl_ms(ttl)
        .with_poll_interval_ms(limits::MCP_TASK_POLL_MILLIS)
}

fn requests(id: &Secret<McpTask>, kept: &Kept) -> InputRequests {
    let questions: Vec<Open> = open(id, "questions", kept.questions.as_deref()).unwrap_or_default();
    let request = |open: Open| {
        let request = json!({ "method": open.question.method(), "params": open.question.params() });
        Some((open.key, serde_json::from_value::<InputRequest>(request).ok()?))
    };
    questions.into_iter().filter_map(request).collect()
}

fn seal(id: &Secret<McpTask>, what: &str, value: &impl Serialize) -> String {
    secret::seal_under(id, &row(id, what), &serde_json::to_vec(value).unwrap_or_default())
}

fn open<T: for<'de> Deserialize<'de>>(id: &Secret<McpTask>, what: &str, sealed: Option<&str>) -> Option<T> {
    let plain = secret::open_under(id, &row(id, what), sealed?).ok()?;
    serde_json::from_slice(&plain).ok()
}

fn row(id: &Secret<McpTask>, what: &str) -> String {
    format!("mcp task {what} {}", id.digest().as_str())
}

fn broken(error: store::Error) -> ErrorData {
    tracing::error!(%error, "the store of tasks does not answer");
    ErrorData::internal_error("tasks cannot be kept or found just now; try again in a moment", None)
}
