//! Runs of software templates: claimed by lease, written down step by step.
//!
//! Whoever runs a task names its lease in every statement; one that lost it changes nothing. So two nodes never write
//! one task, and a node learns from the first statement that fails that it must stop.

use sqlx::Row as _;

use super::scaffolder_tasks::{COLUMNS, GOES_ON, Line, Status, Task, read};
use super::{Result, Store};
use crate::clock::Time;
use crate::limits;

/// Claims the oldest task that nobody has, under a lease of that name. The row was somebody's before if its `step` is
/// not -1.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn claim(store: &Store, lease: &str, now: Time) -> Result<Option<Task>> {
    let free = format!("{GOES_ON} and (leased_until is null or leased_until < $2)");
    // Said twice: whoever waited for the row while another claimed it finds here that it is not free any more.
    let statement = format!(
        "update scaffolder_tasks set lease = $1, leased_until = $3, recoveries = case when leased_until is null \
         then recoveries else recoveries + 1 end, heartbeat_at = $2 \
         where id = (select id from scaffolder_tasks where {free} order by id limit 1) and {free} returning {COLUMNS}"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(lease)
        .bind(now.micros())
        .bind(now.plus_seconds(limits::SCAFFOLDER_LEASE_SECONDS).micros())
        .fetch_optional(store.write())
        .await?;
    row.as_ref().map(read).transpose()
}

/// Says that the task still runs, and adds what it said. `None` where the lease is lost; otherwise whether somebody wants
/// it to stop.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn heartbeat(
    store: &Store,
    (id, lease): (&str, &str),
    lines: &[Line],
    now: Time,
) -> Result<Option<bool>> {
    let mut tx = store.begin().await?;
    let statement = format!(
        "update scaffolder_tasks set leased_until = $3, heartbeat_at = $4 where id = $1 and lease = $2 and {GOES_ON} \
         returning cancel_asked_at"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(id)
        .bind(lease)
        .bind(now.plus_seconds(limits::SCAFFOLDER_LEASE_SECONDS).micros())
        .bind(now.micros())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let cancelled = row.try_get::<Option<i64>, _>(0)?.is_some();
    say(&mut tx, id, lines, now).await?;
    tx.commit().await?;
    Ok(Some(cancelled))
}

/// Writes down that step `step` begins (`begun`), or has ended, with what is sealed from now on. `false` where the lease
/// is lost: then the step must not begin.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn step(
    store: &Store,
    (id, lease): (&str, &str),
    (step, begun): (i64, bool),
    sealed: Option<&str>,
    lines: &[Line],
    now: Time,
) -> Result<bool> {
    let mut tx = store.begin().await?;
    let statement = format!(
        "update scaffolder_tasks set step = $3, step_begun_at = $4, sealed = coalesce($5, sealed), leased_until = $6, \
         heartbeat_at = $7 where id = $1 and lease = $2 and {GOES_ON}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(id)
        .bind(lease)
        .bind(step)
        .bind(begun.then(|| now.micros()))
        .bind(sealed)
        .bind(now.plus_seconds(limits::SCAFFOLDER_LEASE_SECONDS).micros())
        .bind(now.micros())
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    say(&mut tx, id, lines, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// How a task ended.
#[derive(Clone, Debug)]
pub struct End {
    /// One of those that end it.
    pub status: Status,
    /// What it gave, as JSON.
    pub output: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// What stays sealed, for a retry.
    pub sealed: String,
}

/// Ends a task. `false` where the lease is lost.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn end(
    store: &Store,
    (id, lease): (&str, &str),
    end: &End,
    lines: &[Line],
    now: Time,
) -> Result<bool> {
    let mut tx = store.begin().await?;
    let at = |status| (end.status == status).then(|| now.micros());
    let statement = format!(
        "update scaffolder_tasks set completed_at = $3, failed_at = $4, cancelled_at = $5, output = $6, error = $7, \
         sealed = $8, lease = null, leased_until = null where id = $1 and lease = $2 and {GOES_ON}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(id)
        .bind(lease)
        .bind(at(Status::Completed))
        .bind(at(Status::Failed))
        .bind(at(Status::Cancelled))
        .bind(&end.output)
        .bind(&end.error)
        .bind(&end.sealed)
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    say(&mut tx, id, lines, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Adds lines behind those that are there. The transaction has the task's row already, so nobody else counts at once.
pub(super) async fn say(tx: &mut super::Tx, id: &str, lines: &[Line], now: Time) -> Result<()> {
    for line in lines {
        sqlx::query(
            "insert into scaffolder_events (task_id, sequence, created_at, kind, message, step_id, status, output) \
             select $1, coalesce(max(sequence), 0) + 1, $2, $3, $4, $5, $6, $7 from scaffolder_events \
             where task_id = $1 having coalesce(max(sequence), 0) < $8 or $3 <> 'log'",
        )
        .bind(id)
        .bind(now.micros())
        .bind(line.kind)
        .bind(&line.message)
        .bind(&line.step_id)
        .bind(line.status)
        .bind(&line.output)
        .bind(limits::SCAFFOLDER_LINES_MAX)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Gives a task back between two steps, so that another node goes on at once.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn release(store: &Store, (id, lease): (&str, &str), lines: &[Line], now: Time) -> Result<()> {
    let mut tx = store.begin().await?;
    let done = sqlx::query(
        "update scaffolder_tasks set lease = null, leased_until = null, step_begun_at = null \
         where id = $1 and lease = $2",
    )
    .bind(id)
    .bind(lease)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 1 {
        say(&mut tx, id, lines, now).await?;
        tx.commit().await?;
    }
    Ok(())
}
