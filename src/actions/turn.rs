//! One run of an action, as the action sees it: who calls, and the way to speak before the answer is ready.
//!
//! An action that only answers reads the caller through this and is done. One that reports progress, logs, shows more
//! than text or asks somebody first takes [`Turn::talk`]: a run without one is begun again with one, so `talk` comes
//! before any effect. Questions are written straight down, `let yes = talk.form(…).await?`: in the modern era the
//! call ends there and the action is run again from its beginning once the answer is known, so a question comes before
//! any effect too.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::question::{Ability, Answer, Question};
use super::{ActionError, Caller};
use crate::limits;

/// How grave a log line is, as syslog has it (RFC 5424 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who builds the tool.
    Debug,
    /// What happens.
    Info,
    /// What is worth a look.
    Notice,
    /// What may go wrong.
    Warning,
    /// What went wrong.
    Error,
    /// Worse.
    Critical,
    /// Somebody must act.
    Alert,
    /// Nothing works.
    Emergency,
}

/// One run of an action.
#[derive(Clone)]
pub struct Turn {
    caller: Arc<Caller>,
    talk: Option<Arc<Talk>>,
}

impl Deref for Turn {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Turn {
    /// A run that only answers.
    pub fn plain(caller: Arc<Caller>) -> Self {
        Self { caller, talk: None }
    }

    /// A run that can speak.
    pub fn talking(caller: Arc<Caller>, talk: Arc<Talk>) -> Self {
        Self { caller, talk: Some(talk) }
    }

    /// A run that nobody hears, as from a console: what is said is lost, and nobody can be asked.
    pub fn unheard(caller: Arc<Caller>) -> Self {
        Self::talking(caller, Arc::new(Talk::new(Listener::default()).0))
    }

    /// Who calls.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The way to speak.
    ///
    /// # Errors
    /// [`ActionError::Speechless`], to be passed on: the run is begun again with a way to speak.
    pub fn talk(&self) -> Result<&Talk, ActionError> {
        self.talk.as_deref().ok_or(ActionError::Speechless)
    }
}

/// Whether a run goes on after the answer of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AsTask {
    /// The client waits, and could not follow a task.
    #[default]
    No,
    /// The client waits, and could.
    Offered,
    /// It does.
    Yes,
}

/// Who listens at the other end.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// Whether progress was asked for.
    pub progress: bool,
    /// The least grave log line that was asked for.
    pub log: Option<Level>,
    /// What the client can be asked.
    pub can: BTreeSet<Ability>,
    /// Whether a question goes out at once and its answer comes back in this run (before 2026-07-28). Otherwise the
    /// call ends with the question.
    pub live: bool,
    /// Whether the run is a task, or could be.
    pub task: AsTask,
    /// Answers from earlier rounds of this call, by key, as they came.
    pub answers: BTreeMap<String, Value>,
}

/// What an action said before it answered.
#[derive(Debug)]
pub enum Said {
    /// How far it is.
    Progress {
        /// Done so far, in any unit.
        done: f64,
        /// Of how much, if that is known.
        total: Option<f64>,
        /// What it is doing, for a person.
        message: Option<String>,
    },
    /// A log line.
    Log {
        /// How grave.
        level: Level,
        /// Who says it.
        logger: Option<String>,
        /// What; holds no secret and no personal data.
        data: Value,
    },
    /// A question that waits for its answer.
    Ask(Question, oneshot::Sender<Result<Value, String>>),
    /// Nothing for a while: the connection may go, and the client comes back for the rest.
    HangUp,
}

/// The way to speak during one run.
pub struct Talk {
    said: mpsc::Sender<Said>,
    listener: Listener,
    reached: Mutex<f64>,
    shown: Mutex<Vec<Value>>,
    cancelled: CancellationToken,
}

impl Talk {
    /// A way to speak to `listener`, and where what is said comes out.
    pub fn new(listener: Listener) -> (Self, mpsc::Receiver<Said>) {
        let (said, hears) = mpsc::channel(limits::ACTION_SAID_MAX);
        let talk = Self {
            said,
            listener,
            reached: Mutex::new(f64::NEG_INFINITY),
            shown: Mutex::new(Vec::new()),
            cancelled: CancellationToken::new(),
        };
        (talk, hears)
    }

    /// Says how far the action is, if somebody asked. Only what is farther than before is said; what a slow client
    /// cannot take in time is left out.
    pub fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        if !self.listener.progress || !done.is_finite() {
            return;
        }
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if done > *reached
            && self.said.try_send(Said::Progress { done, total, message: message.map(str::to_owned) }).is_ok()
        {
            *reached = done;
        }
    }

    /// Says a log line, if somebody asked for such.
    pub fn log(&self, level: Level, logger: Option<&str>, data: Value) {
        if self.listener.log.is_some_and(|least| level >= least) {
            let _ = self.said.try_send(Said::Log { level, logger: logger.map(str::to_owned), data });
        }
    }

    /// Lets go of the connection of a client that can come back for the rest (MCP 2025-11-25, transports: polling); it
    /// keeps every other. What was said before is said first.
    pub fn hang_up(&self) {
        let _ = self.said.try_send(Said::HangUp);
    }

    /// Makes `block`, an MCP content block, part of the answer. Once one is shown, the outcome itself is no longer
    /// shown as text.
    pub fn show(&self, block: Value) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).push(block);
    }

    /// What was shown, taken out.
    pub fn take_shown(&self) -> Vec<Value> {
        std::mem::take(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says that this takes long. Where the client can follow a task, the run ends here and is begun again as one, after
    /// the call was answered; elsewhere the client waits. So this comes before any effect.
    ///
    /// # Errors
    /// To be passed on.
    pub fn long_running(&self) -> Result<(), ActionError> {
        if self.listener.task == AsTask::Offered { Err(ActionError::Long) } else { Ok(()) }
    }

    /// The same where nobody could wait.
    ///
    /// # Errors
    /// To be passed on; also where the client cannot follow a task.
    pub fn only_as_task(&self) -> Result<(), ActionError> {
        self.long_running()?;
        if self.listener.task == AsTask::No { Err(ActionError::Cannot(Ability::Tasks)) } else { Ok(()) }
    }

    /// Whether the client can be asked so.
    pub fn can(&self, ability: Ability) -> bool {
        self.listener.can.contains(&ability)
    }

    /// Fires when nobody waits for the answer any more. What has no effect is stopped by itself; what has one should
    /// look here between its steps.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// Shows a form, and gives what the person answered.
    ///
    /// # Errors
    /// As [`Talk::ask`].
    pub async fn form(&self, key: &str, message: &str, schema: Value) -> Result<Answer, ActionError> {
        self.answer(Question::form(key, message, schema)).await
    }

    /// Asks one person one question.
    ///
    /// # Errors
    /// As [`Talk::ask`].
    pub async fn answer(&self, question: Question) -> Result<Answer, ActionError> {
        let mut answers = self.ask(vec![question]).await?;
        let answer = answers.pop().unwrap_or_default();
        Answer::read(&answer).map_err(ActionError::InvalidInput)
    }

    /// Asks several at once. Gives the results of the methods that ask, in order.
    ///
    /// # Errors
    /// To be passed on: [`ActionError::Waits`] where the answers come with the next round, [`ActionError::Cannot`]
    /// where the client cannot be asked so, [`ActionError::InvalidInput`] for an answer of another shape.
    pub async fn ask(&self, questions: Vec<Question>) -> Result<Vec<Value>, ActionError> {
        if let Some(question) = questions.iter().find(|question| !self.can(question.needs())) {
            return Err(ActionError::Cannot(question.needs()));
        }
        let known = |question: &Question| self.listener.answers.get(&question.key);
        let open: Vec<_> = questions.iter().filter(|question| known(question).is_none()).cloned().collect();
        if !open.is_empty() && !self.listener.live {
            return Err(ActionError::Waits(open));
        }
        let asked =
            futures_util::future::try_join_all(open.into_iter().map(|question| self.ask_now(question)));
        let mut asked = asked.await?.into_iter();
        let mut answers = Vec::new();
        for question in questions {
            match known(&question) {
                Some(answer) => {
                    question.check(answer).map_err(ActionError::InvalidInput)?;
                    answers.push(answer.clone());
                }
                None => answers.extend(asked.next()),
            }
        }
        Ok(answers)
    }

    async fn ask_now(&self, question: Question) -> Result<Value, ActionError> {
        let (reply, answer) = oneshot::channel();
        let gone = || ActionError::NotAllowed("nobody is there to be asked".to_owned());
        self.said.send(Said::Ask(question.clone(), reply)).await.map_err(|_| gone())?;
        let answer = answer.await.map_err(|_| gone())?.map_err(ActionError::NotAllowed)?;
        question.check(&answer).map_err(ActionError::InvalidInput)?;
        Ok(answer)
    }
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talk").field("listener", &self.listener).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
