//! Calls of tools that go on after their answer.

use sqlx::Row as _;

use super::{Result, Store};
use crate::clock::Time;
use crate::limits;
use crate::secret::Digest;

/// A task as it is kept. What is sealed is opened with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The digest of its id.
    pub digest: Digest,
    /// Whose it is.
    pub subject: String,
    /// Through which client.
    pub client_id: String,
    /// At which resource.
    pub resource: String,
    /// The action that runs.
    pub action: String,
    /// When it began.
    pub created_at: Time,
    /// When anything about it changed.
    pub updated_at: Time,
    /// Until when some node says that it runs it.
    pub claimed_until: Time,
    /// What waits for an answer, sealed.
    pub questions: Option<String>,
    /// Answers that nobody took yet, sealed.
    pub answers: Option<String>,
    /// The result or the error, sealed.
    pub outcome: Option<String>,
    /// How it ended, if it has.
    pub end: Option<End>,
    /// When it is forgotten.
    pub expires_at: Time,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a result, be it a failure of the tool.
    Completed,
    /// With an error of the protocol.
    Failed,
    /// Its caller took it back.
    Cancelled,
}

/// Records a task that begins, unless its caller has as many under way as it may.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(store: &Store, task: &Kept) -> Result<bool> {
    let done = sqlx::query(
        "insert into mcp_tasks (digest, subject, client_id, resource, action, created_at, updated_at, claimed_until, \
         expires_at) select $1, $2, $3, $4, $5, $6, $6, $7, $8 where (select count(*) from mcp_tasks where subject = $2 \
         and client_id = $3 and completed_at is null and failed_at is null and cancelled_at is null \
         and claimed_until > $6) < $9",
    )
    .bind(task.digest.as_str())
    .bind(&task.subject)
    .bind(&task.client_id)
    .bind(&task.resource)
    .bind(&task.action)
    .bind(task.created_at.micros())
    .bind(task.claimed_until.micros())
    .bind(task.expires_at.micros())
    .bind(limits::MCP_TASKS_PER_CALLER_MAX)
    .execute(store.write())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The task with this digest.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, digest: &Digest) -> Result<Option<Kept>> {
    let row = sqlx::query(
        "select digest, subject, client_id, resource, action, created_at, updated_at, claimed_until, questions, answers, \
         outcome, completed_at, failed_at, cancelled_at, expires_at from mcp_tasks where digest = $1",
    )
    .bind(digest.as_str())
    .fetch_optional(store.read())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let time = |column: &str| row.try_get(column).map(Time::from_micros);
    let ended = |column: &str| row.try_get::<Option<i64>, _>(column).map(|at| at.is_some());
    let end = match (ended("completed_at")?, ended("failed_at")?, ended("cancelled_at")?) {
        (true, ..) => Some(End::Completed),
        (_, true, _) => Some(End::Failed),
        (.., true) => Some(End::Cancelled),
        _ => None,
    };
    Ok(Some(Kept {
        digest: Digest::from_column(row.try_get("digest")?),
        subject: row.try_get("subject")?,
        client_id: row.try_get("client_id")?,
        resource: row.try_get("resource")?,
        action: row.try_get("action")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        claimed_until: time("claimed_until")?,
        questions: row.try_get("questions")?,
        answers: row.try_get("answers")?,
        outcome: row.try_get("outcome")?,
        end,
        expires_at: time("expires_at")?,
    }))
}

/// Says that a node still runs the task.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn claim(store: &Store, digest: &Digest, until: Time) -> Result<()> {
    sqlx::query("update mcp_tasks set claimed_until = $2 where digest = $1 and claimed_until < $2")
        .bind(digest.as_str())
        .bind(until.micros())
        .execute(store.write())
        .await?;
    Ok(())
}

/// Replaces questions and answers of a task that goes on, if they are still as in `known`. A node that asks, a node that
/// takes answers and a client that gives them meet here; whoever loses looks again.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn exchange(
    store: &Store,
    known: &Kept,
    questions: Option<&str>,
    answers: Option<&str>,
    now: Time,
) -> Result<bool> {
    let done = sqlx::query(
        "update mcp_tasks set questions = $2, answers = $3, updated_at = $4 where digest = $1 \
         and coalesce(questions, '') = $5 and coalesce(answers, '') = $6 \
         and completed_at is null and failed_at is null and cancelled_at is null",
    )
    .bind(known.digest.as_str())
    .bind(questions)
    .bind(answers)
    .bind(now.micros())
    .bind(known.questions.as_deref().unwrap_or_default())
    .bind(known.answers.as_deref().unwrap_or_default())
    .execute(store.write())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a task. The first end is the end: a result that comes after a cancellation is not kept.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn end(store: &Store, digest: &Digest, end: End, outcome: Option<&str>, now: Time) -> Result<bool> {
    let statement = match end {
        End::Completed => {
            "update mcp_tasks set completed_at = $2, outcome = $3, updated_at = $2, questions = null, answers = null \
             where digest = $1 and completed_at is null and failed_at is null and cancelled_at is null"
        }
        End::Failed => {
            "update mcp_tasks set failed_at = $2, outcome = $3, updated_at = $2, questions = null, answers = null \
             where digest = $1 and completed_at is null and failed_at is null and cancelled_at is null"
        }
        End::Cancelled => {
            "update mcp_tasks set cancelled_at = $2, outcome = $3, updated_at = $2, questions = null, answers = null \
             where digest = $1 and completed_at is null and failed_at is null and cancelled_at is null"
        }
    };
    let query = sqlx::query(statement).bind(digest.as_str()).bind(now.micros()).bind(outcome);
    Ok(query.execute(store.write()).await?.rows_affected() == 1)
}
