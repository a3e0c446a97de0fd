//! Calls that wait for their person's yes, each for a few minutes.

use sqlx::Row as _;

use super::{Result, Store};
use crate::access::approval::{Approval, Held, Said, Verdict};
use crate::clock::Time;
use crate::limits;
use crate::secret;

/// Uses up a yes that is there for this very call, or says how things stand; asks where nobody asked yet. `seal` seals
/// the arguments for the row that is made.
///
/// The yes is used up by one statement, so that of many calls at once one runs (attack H11).
///
/// # Errors
/// [`super::Error::Database`].
pub async fn take(
    store: &Store,
    held: &Held,
    seal: impl FnOnce(&str) -> String,
    now: Time,
) -> Result<Verdict> {
    let used = sqlx::query(
        "update approvals set used_at = $3 where used_at is null and id = (select min(id) from approvals \
         where grant_id = $1 and digest = $2 and user_id = $4 and approved_at is not null and used_at is null \
         and expires_at > $3) returning id",
    )
    .bind(&held.grant_id)
    .bind(&held.digest)
    .bind(now.micros())
    .bind(&held.user_id)
    .fetch_optional(store.write())
    .await?;
    if used.is_some() {
        return Ok(Verdict::Approved);
    }
    let known = sqlx::query(
        "select id, refused_at from approvals where grant_id = $1 and digest = $2 and user_id = $3 \
         and approved_at is null and expires_at > $4 order by id desc limit 1",
    )
    .bind(&held.grant_id)
    .bind(&held.digest)
    .bind(&held.user_id)
    .bind(now.micros())
    .fetch_optional(store.write())
    .await?;
    if let Some(row) = known {
        let refused: Option<i64> = row.try_get("refused_at")?;
        return Ok(if refused.is_some() { Verdict::Refused } else { Verdict::Waiting(row.try_get("id")?) });
    }
    ask(store, held, seal, now).await
}

async fn ask(store: &Store, held: &Held, seal: impl FnOnce(&str) -> String, now: Time) -> Result<Verdict> {
    let waiting = sqlx::query(
        "select count(*) from approvals where user_id = $1 and approved_at is null and refused_at is null \
         and expires_at > $2",
    );
    let row = waiting.bind(&held.user_id).bind(now.micros()).fetch_one(store.write()).await?;
    if row.try_get::<i64, _>(0)? >= limits::APPROVALS_WAITING_MAX {
        return Ok(Verdict::TooMany);
    }
    let id = secret::id(now);
    sqlx::query(
        "insert into approvals (id, user_id, grant_id, client_id, resource, action, digest, arguments, asked_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&id)
    .bind(&held.user_id)
    .bind(&held.grant_id)
    .bind(&held.client_id)
    .bind(&held.resource)
    .bind(&held.action)
    .bind(&held.digest)
    .bind(seal(&id))
    .bind(now.micros())
    .bind(now.plus_seconds(limits::APPROVAL_SECONDS).micros())
    .execute(store.write())
    .await?;
    Ok(Verdict::Waiting(id))
}

/// The question with this id, if it is this person's to answer. Nobody else learns that it exists.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, id: &str, user_id: &str) -> Result<Option<Approval>> {
    let row = sqlx::query(
        "select id, client_id, resource, action, arguments, expires_at, approved_at, refused_at, used_at \
         from approvals where id = $1 and user_id = $2",
    )
    .bind(id)
    .bind(user_id)
    .fetch_optional(store.read())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let is_set = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.is_some());
    let said = match (is_set("approved_at")?, is_set("refused_at")?, is_set("used_at")?) {
        (_, _, true) => Said::Used,
        (true, _, _) => Said::Yes,
        (_, true, _) => Said::No,
        _ => Said::Nothing,
    };
    Ok(Some(Approval {
        id: row.try_get("id")?,
        client_id: row.try_get("client_id")?,
        resource: row.try_get("resource")?,
        action: row.try_get("action")?,
        arguments: row.try_get("arguments")?,
        expires_at: Time::from_micros(row.try_get("expires_at")?),
        said,
    }))
}

/// Writes the one answer down, and says whether this call did it: not where it was answered before, is over, or is not
/// this person's.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn answer(store: &Store, id: &str, user_id: &str, yes: bool, now: Time) -> Result<bool> {
    let statement = if yes {
        "update approvals set approved_at = $3 where id = $1 and user_id = $2 and approved_at is null \
         and refused_at is null and expires_at > $3 returning id"
    } else {
        "update approvals set refused_at = $3 where id = $1 and user_id = $2 and approved_at is null \
         and refused_at is null and expires_at > $3 returning id"
    };
    let written = sqlx::query(statement).bind(id).bind(user_id).bind(now.micros());
    Ok(written.fetch_optional(store.write()).await?.is_some())
}
