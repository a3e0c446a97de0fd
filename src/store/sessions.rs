//! Sessions, by the digest of what the cookie holds.

use sqlx::Row as _;

use super::users::USER_COLUMNS;
use super::{Result, Store, Tx, users};
use crate::clock::Time;
use crate::identity::session::{Seat, Session};
use crate::limits;
use crate::secret::Digest;

/// Records a session that begins now.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(
    tx: &mut Tx,
    digest: &Digest,
    user_id: &str,
    agent: Option<&str>,
    expires_at: Time,
    now: Time,
) -> Result<()> {
    sqlx::query(
        "insert into sessions (digest, user_id, authenticated_at, seen_at, expires_at, agent) \
         values ($1, $2, $3, $3, $4, $5)",
    )
    .bind(digest.as_str())
    .bind(user_id)
    .bind(now.micros())
    .bind(expires_at.micros())
    .bind(agent)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The session behind a cookie, unless it was ended. Whether it still counts is for
/// [`Session::is_live`] to say.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, digest: &Digest) -> Result<Option<Session>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "select s.authenticated_at, s.seen_at, s.expires_at, {USER_COLUMNS} from sessions s \
         join users u on u.id = s.user_id where s.digest = $1 and s.ended_at is null"
    )))
    .bind(digest.as_str())
    .fetch_optional(store.read())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let time = |column| row.try_get::<i64, _>(column).map(Time::from_micros);
    Ok(Some(Session {
        digest: digest.clone(),
        user: users::read(&row)?,
        authenticated_at: time("authenticated_at")?,
        seen_at: time("seen_at")?,
        expires_at: time("expires_at")?,
    }))
}

/// Notes that it was used.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn touch(store: &Store, digest: &Digest, now: Time) -> Result<()> {
    sqlx::query("update sessions set seen_at = $2 where digest = $1 and ended_at is null")
        .bind(digest.as_str())
        .bind(now.micros())
        .execute(store.write())
        .await?;
    Ok(())
}

/// Ends it, for good.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn end(tx: &mut Tx, digest: &Digest, now: Time) -> Result<()> {
    sqlx::query("update sessions set ended_at = $2 where digest = $1 and ended_at is null")
        .bind(digest.as_str())
        .bind(now.micros())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The sessions of a person that still count, last used first.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn of_user(store: &Store, user_id: &str, now: Time) -> Result<Vec<Seat>> {
    let rows = sqlx::query(
        "select digest, authenticated_at, seen_at, expires_at, agent from sessions where user_id = $1 \
         and ended_at is null and expires_at > $2 and seen_at > $3 order by seen_at desc, digest",
    )
    .bind(user_id)
    .bind(now.micros())
    .bind(now.plus_seconds(-limits::SESSION_IDLE_SECONDS).micros())
    .fetch_all(store.read())
    .await?;
    let seat = |row: &sqlx::any::AnyRow| {
        let time = |column| row.try_get::<i64, _>(column).map(Time::from_micros);
        Ok(Seat {
            digest: Digest::from_column(row.try_get("digest")?),
            authenticated_at: time("authenticated_at")?,
            seen_at: time("seen_at")?,
            expires_at: time("expires_at")?,
            agent: row.try_get::<Option<String>, _>("agent")?.unwrap_or_default(),
        })
    };
    rows.iter().map(seat).collect()
}

/// Ends a session of this person, and says whether this call did it.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn end_of_user(tx: &mut Tx, user_id: &str, digest: &Digest, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "update sessions set ended_at = $3 where digest = $1 and user_id = $2 and ended_at is null",
    )
    .bind(digest.as_str())
    .bind(user_id)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every session of this person but one.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn end_others(tx: &mut Tx, user_id: &str, kept: &Digest, now: Time) -> Result<()> {
    sqlx::query("update sessions set ended_at = $3 where user_id = $1 and digest <> $2 and ended_at is null")
        .bind(user_id)
        .bind(kept.as_str())
        .bind(now.micros())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
