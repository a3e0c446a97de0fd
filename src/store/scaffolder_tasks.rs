//! Runs of software templates, as those who asked for them see them. [`super::scaffolder_runs`] is what runs them.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::scaffolder_runs::say;
use super::{Result, Store};
use crate::clock::Time;
use crate::limits;

/// A task that is asked for.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// UUIDv7.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// Through which client; empty for a page.
    pub client_id: String,
    /// Under which grant; empty for a page.
    pub grant_id: String,
    /// At which resource.
    pub resource: String,
    /// What its caller's token held.
    pub scopes: String,
    /// The template.
    pub template_ref: String,
    /// What runs, as JSON.
    pub spec: String,
    /// The actions that its steps may use, as JSON.
    pub allowed: String,
    /// Secrets, sealed for the id.
    pub sealed: String,
}

/// Whose a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `sub`.
    pub subject: String,
    /// For people.
    pub name: String,
    /// Whether a person stands behind it.
    pub is_user: bool,
}

/// A task as it is kept.
#[derive(Clone, Debug)]
pub struct Task {
    /// Everything that it began with, but for `sealed`, which goes on.
    pub asked: NewTask,
    /// When it was asked for.
    pub created_at: Time,
    /// When a node last said that it runs it.
    pub heartbeat_at: Option<Time>,
    /// The step that began last.
    pub step: i64,
    /// Set while that step has begun and not ended.
    pub step_begun_at: Option<Time>,
    /// How often it was taken up again.
    pub recoveries: i64,
    /// Set once somebody wants it to stop.
    pub cancel_asked_at: Option<Time>,
    /// Set while some node has it.
    pub leased_until: Option<Time>,
    /// Whether anybody ever claimed it since it was asked for or retried.
    pub status: Status,
    /// What it gave.
    pub output: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How a task stands, by Backstage's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody runs it yet.
    Open,
    /// Somebody does.
    Processing,
    /// It is done.
    Completed,
    /// It is not.
    Failed,
    /// Its owner took it back.
    Cancelled,
}

impl Status {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing happens any more unless somebody retries.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// One thing that a task said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `log`, `completion`, `cancelled` or `recovered`.
    pub kind: &'static str,
    /// What.
    pub message: String,
    /// By which step.
    pub step_id: Option<String>,
    /// The state of the step, or of the task where it ended.
    pub status: Option<&'static str>,
    /// With a completion.
    pub output: Option<String>,
}

/// The same as it is kept.
#[derive(Clone, Debug)]
pub struct Said {
    /// Counted from 1 within its task.
    pub sequence: i64,
    /// When.
    pub created_at: Time,
    /// As [`Line::kind`].
    pub kind: String,
    /// What.
    pub message: String,
    /// By which step.
    pub step_id: Option<String>,
    /// The state.
    pub status: Option<String>,
    /// With a completion.
    pub output: Option<String>,
}

pub(super) const COLUMNS: &str = "id, owner, owner_name, owner_kind, client_id, grant_id, resource, scopes, template_ref, spec, \
     allowed, sealed, output, error, created_at, lease, leased_until, heartbeat_at, step, step_begun_at, recoveries, \
     cancel_asked_at, completed_at, failed_at, cancelled_at";
pub(super) const GOES_ON: &str = "completed_at is null and failed_at is null and cancelled_at is null";

/// Records a task, unless its owner has as many under way as anybody may.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(store: &Store, task: &NewTask, now: Time) -> Result<bool> {
    let statement = format!(
        "insert into scaffolder_tasks (id, owner, owner_name, owner_kind, client_id, grant_id, resource, scopes, \
         template_ref, spec, allowed, sealed, created_at, step, recoveries) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, -1, 0 \
         where (select count(*) from scaffolder_tasks where owner = $2 and {GOES_ON}) < $14"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(&task.id)
        .bind(&task.owner.subject)
        .bind(&task.owner.name)
        .bind(if task.owner.is_user { "user" } else { "client" })
        .bind(&task.client_id)
        .bind(&task.grant_id)
        .bind(&task.resource)
        .bind(&task.scopes)
        .bind(&task.template_ref)
        .bind(&task.spec)
        .bind(&task.allowed)
        .bind(&task.sealed)
        .bind(now.micros())
        .bind(limits::SCAFFOLDER_OPEN_PER_OWNER_MAX)
        .execute(store.write())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The task with this id, if it is `owner`'s. Somebody else's is not there.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, id: &str, owner: &str) -> Result<Option<Task>> {
    let statement = format!("select {COLUMNS} from scaffolder_tasks where id = $1 and owner = $2");
    let row =
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id).bind(owner).fetch_optional(store.read()).await?;
    row.as_ref().map(read).transpose()
}

/// One page of the tasks of `owner` in any of `statuses` (of all, where there are none), the newest first, and how many
/// there are.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn page(
    store: &Store,
    owner: &str,
    statuses: &[Status],
    (limit, offset): (i64, i64),
) -> Result<(Vec<Task>, i64)> {
    let wanted: Vec<&str> = statuses.iter().map(|status| condition(*status)).collect();
    let wanted = if wanted.is_empty() { "1 = 1".to_owned() } else { format!("({})", wanted.join(" or ")) };
    let count = format!("select count(*) from scaffolder_tasks where owner = $1 and {wanted}");
    let total: i64 =
        sqlx::query(sqlx::AssertSqlSafe(count)).bind(owner).fetch_one(store.read()).await?.try_get(0)?;
    let statement = format!(
        "select {COLUMNS} from scaffolder_tasks where owner = $1 and {wanted} order by id desc limit $2 offset $3"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(owner).bind(limit).bind(offset);
    let rows = query.fetch_all(store.read()).await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

fn condition(status: Status) -> &'static str {
    match status {
        Status::Open => {
            "(completed_at is null and failed_at is null and cancelled_at is null and heartbeat_at is null)"
        }
        Status::Processing => {
            "(completed_at is null and failed_at is null and cancelled_at is null and heartbeat_at is not null)"
        }
        Status::Completed => "completed_at is not null",
        Status::Failed => "failed_at is not null",
        Status::Cancelled => "cancelled_at is not null",
    }
}

/// Asks whoever runs it to stop, and ends it at once where nobody does. `false` where it has ended or is not `owner`'s.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn cancel(store: &Store, (id, owner): (&str, &str), now: Time) -> Result<bool> {
    let mut tx = store.begin().await?;
    let statement = format!(
        "update scaffolder_tasks set cancel_asked_at = $3, cancelled_at = case when leased_until is null then $3 \
         else cancelled_at end, sealed = case when leased_until is null then '' else sealed end \
         where id = $1 and owner = $2 and {GOES_ON} returning cancelled_at"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(id)
        .bind(owner)
        .bind(now.micros())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(row) = row else { return Ok(false) };
    if row.try_get::<Option<i64>, _>(0)?.is_some() {
        let line = Line {
            kind: "cancelled",
            message: "Cancelled before it began".to_owned(),
            step_id: None,
            status: Some("cancelled"),
            output: None,
        };
        say(&mut tx, id, &[line], now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Opens a failed task again, with what it needs sealed anew. `false` where it did not fail or is not `owner`'s.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn retry(
    store: &Store,
    (id, owner): (&str, &str),
    sealed: &str,
    lines: &[Line],
    now: Time,
) -> Result<bool> {
    let mut tx = store.begin().await?;
    let done = sqlx::query(
        "update scaffolder_tasks set failed_at = null, error = null, cancel_asked_at = null, heartbeat_at = null, \
         lease = null, leased_until = null, step_begun_at = null, recoveries = 0, sealed = $3 \
         where id = $1 and owner = $2 and failed_at is not null",
    )
    .bind(id)
    .bind(owner)
    .bind(sealed)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    say(&mut tx, id, lines, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// What a task said after the line `after`, at most `limit` lines.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn said(store: &Store, id: &str, after: i64, limit: i64) -> Result<Vec<Said>> {
    let rows = sqlx::query(
        "select sequence, created_at, kind, message, step_id, status, output from scaffolder_events \
         where task_id = $1 and sequence > $2 order by sequence limit $3",
    )
    .bind(id)
    .bind(after)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    let line = |row: &AnyRow| {
        Ok(Said {
            sequence: row.try_get(0)?,
            created_at: Time::from_micros(row.try_get(1)?),
            kind: row.try_get(2)?,
            message: row.try_get(3)?,
            step_id: row.try_get(4)?,
            status: row.try_get(5)?,
            output: row.try_get(6)?,
        })
    };
    rows.iter().map(line).collect()
}

pub(super) fn read(row: &AnyRow) -> Result<Task> {
    let time = |column: &str| row.try_get::<Option<i64>, _>(column).map(|at| at.map(Time::from_micros));
    let status =
        match (time("completed_at")?, time("failed_at")?, time("cancelled_at")?, time("heartbeat_at")?) {
            (Some(_), ..) => Status::Completed,
            (_, Some(_), ..) => Status::Failed,
            (_, _, Some(_), _) => Status::Cancelled,
            (.., Some(_)) => Status::Processing,
            _ => Status::Open,
        };
    let owner = Owner {
        subject: row.try_get("owner")?,
        name: row.try_get("owner_name")?,
        is_user: row.try_get::<String, _>("owner_kind")? == "user",
    };
    let asked = NewTask {
        id: row.try_get("id")?,
        owner,
        client_id: row.try_get("client_id")?,
        grant_id: row.try_get("grant_id")?,
        resource: row.try_get("resource")?,
        scopes: row.try_get("scopes")?,
        template_ref: row.try_get("template_ref")?,
        spec: row.try_get("spec")?,
        allowed: row.try_get("allowed")?,
        sealed: row.try_get("sealed")?,
    };
    Ok(Task {
        asked,
        created_at: Time::from_micros(row.try_get("created_at")?),
        heartbeat_at: time("heartbeat_at")?,
        step: row.try_get("step")?,
        step_begun_at: time("step_begun_at")?,
        recoveries: row.try_get("recoveries")?,
        cancel_asked_at: time("cancel_asked_at")?,
        leased_until: time("leased_until")?,
        status,
        output: row.try_get("output")?,
        error: row.try_get("error")?,
    })
}
