//! The audit log's writer: one task a node, which chains rows and writes them in batches.
//!
//! Owns: the order of this node's rows and their hashes. Does not own: what is worth recording.
//! A fact that must be on record before something happens is awaited; the rest is queued, and reads are gathered
//! into one row a batch, so that a `tools/call` never waits for the database.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::actions::Caller;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::secret;
use crate::store::audit::{self, Link, Row};
use crate::store::{self, Store};

/// Something that happened, worth a row of its own.
#[derive(Clone, Debug, Default)]
pub struct Fact {
    /// Its published name: `grant.issued`, `consent.cancelled`, `client.revoked` …
    pub event: &'static str,
    /// Who did it: a user's id or `system`.
    pub actor: Option<String>,
    /// The client concerned.
    pub client_id: Option<String>,
    /// The grant concerned.
    pub grant_id: Option<String>,
    /// The request it happened in.
    pub request_id: Option<String>,
    /// `ok`, or the reason for which it was refused.
    pub outcome: &'static str,
    /// The rest; never a secret.
    pub detail: Value,
}

/// One tool call that only read.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who called.
    pub caller: Arc<Caller>,
    /// Which action, by id.
    pub action: Arc<str>,
    /// `ok`, or the kind of error.
    pub outcome: &'static str,
    /// When it began.
    pub at: Time,
    /// How long it took, in microseconds.
    pub micros: u32,
}

/// The audit log cannot be written now. What must be on record does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct NotRecorded;

enum Entry {
    Fact(Box<Fact>, Option<oneshot::Sender<Result<(), NotRecorded>>>),
    Call(Call),
}

/// The way to the audit log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit {
    queue: mpsc::Sender<Entry>,
}

impl Audit {
    /// Starts this node's writer. It ends when the last handle is dropped, after writing what is queued.
    pub fn start(store: Store, clock: Clock) -> (Self, JoinHandle<()>) {
        let (queue, entries) = mpsc::channel(limits::AUDIT_QUEUED_MAX);
        let writer =
            Writer { store, clock, link: Link::first(secret::sha256_base64url(&secret::random::<32>())) };
        (Self { queue }, tokio::spawn(writer.run(entries)))
    }

    /// Records a fact and waits until it is stored.
    ///
    /// # Errors
    /// [`NotRecorded`]: then what was about to happen must not.
    pub async fn record(&self, fact: Fact) -> Result<(), NotRecorded> {
        let (done, stored) = oneshot::channel();
        self.queue.send(Entry::Fact(Box::new(fact), Some(done))).await.map_err(|_| NotRecorded)?;
        stored.await.unwrap_or(Err(NotRecorded))
    }

    /// Records a fact that has already happened, without waiting for the database.
    pub async fn note(&self, fact: Fact) {
        let _ = self.queue.send(Entry::Fact(Box::new(fact), None)).await;
    }

    /// Records a call that only read. Waits only while the queue is full: losing a row would be worse.
    pub async fn call(&self, call: Call) {
        if let Err(mpsc::error::TrySendError::Full(entry)) = self.queue.try_send(Entry::Call(call)) {
            let _ = self.queue.send(entry).await;
        }
    }
}

struct Writer {
    store: Store,
    clock: Clock,
    link: Link,
}

impl Writer {
    async fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        let mut batch = Vec::new();
        while entries.recv_many(&mut batch, limits::AUDIT_BATCH_MAX).await > 0 {
            // A short pause lets calls gather; a fact that somebody waits for is written at once.
            if !batch.iter().any(|entry| matches!(entry, Entry::Fact(_, Some(_)))) {
                tokio::time::sleep(Duration::from_millis(limits::AUDIT_GATHER_MILLIS)).await;
                while batch.len() < limits::AUDIT_BATCH_MAX {
                    let Ok(entry) = entries.try_recv() else { break };
                    batch.push(entry);
                }
            }
            self.write(std::mem::take(&mut batch)).await;
        }
    }

    /// Writes a batch; where that fails, whoever waits is told, and what nobody waits for is tried again, since it
    /// has already happened.
    async fn write(&mut self, batch: Vec<Entry>) {
        let now = self.clock.now();
        let mut waiting = Vec::new();
        let mut happened = Vec::new();
        let mut calls = Vec::new();
        let mut facts = Vec::new();
        for entry in batch {
            match entry {
                Entry::Call(call) => calls.push(call),
                Entry::Fact(fact, None) => happened.push(*fact),
                Entry::Fact(fact, Some(done)) => {
                    facts.push(*fact);
                    waiting.push(done);
                }
            }
        }
        let answer = if facts.is_empty() { Ok(()) } else { self.append(&rows(facts, now)).await };
        for done in waiting {
            let _ = done.send(answer.as_ref().map(|_| ()).map_err(|_| NotRecorded));
        }
        let mut later = rows(happened, now);
        later.extend(calls_row(&calls, now));
        let mut pause = limits::AUDIT_RETRY_MILLIS;
        while !later.is_empty()
            && self.append(&later).await.is_err()
            && pause <= limits::AUDIT_RETRY_MILLIS_MAX
        {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            pause *= 2;
        }
    }

    async fn append(&mut self, rows: &[Row]) -> store::Result<()> {
        match audit::append(&self.store, &self.link, rows).await {
            Ok(link) => {
                self.link = link;
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, rows = rows.len(), "the audit log could not be written");
                Err(error)
            }
        }
    }
}

fn rows(facts: Vec<Fact>, now: Time) -> Vec<Row> {
    let row = |fact: Fact| Row {
        occurred_at: now,
        event: fact.event.to_owned(),
        actor: fact.actor,
        client_id: fact.client_id,
        grant_id: fact.grant_id,
        request_id: fact.request_id,
        outcome: fact.outcome.to_owned(),
        detail: fact.detail.to_string(),
    };
    facts.into_iter().map(row).collect()
}

fn calls_row(calls: &[Call], now: Time) -> Option<Row> {
    if calls.is_empty() {
        return None;
    }
    let one = |call: &Call| {
        json!({
            "at": call.at.micros(), "micros": call.micros, "action": &*call.action, "outcome": call.outcome,
            "subject": call.caller.subject, "client": call.caller.client_id, "grant": call.caller.grant_id,
        })
    };
    Some(Row {
        occurred_at: now,
        event: "tool.calls".to_owned(),
        actor: None,
        client_id: None,
        grant_id: None,
        request_id: None,
        outcome: "ok".to_owned(),
        detail: Value::Array(calls.iter().map(one).collect()).to_string(),
    })
}
