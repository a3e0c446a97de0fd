//! Sessions, by the digest of what the cookie holds.

use sqlx::Row as _;

use super::users::USER_COLUMNS;
use super::{Result, Store, Tx, users};
use crate::clock::Time;
use crate::identity::session::Session;
use crate::secret::Digest;

/// Records a session that begins now.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, digest: &Digest, user_id: &str, expires_at: Time, now: Time) -> Result<()> {
    sqlx::query(
        "insert into sessions (digest, user_id, authenticated_at, seen_at, expires_at) values ($1, $2, $3, $3, $4)",
    )
    .bind(digest.as_str())
    .bind(user_id)
    .bind(now.micros())
    .bind(expires_at.micros())
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
