//! The counter of guesses at an account's password, and the browsers that have one of their own.

use sqlx::Row as _;

use super::{Result, Store, Tx};
use crate::clock::Time;
use crate::identity::user::Email;
use crate::limits;
use crate::secret::Digest;

/// Takes a turn before the guess is judged, so that a hundred at once are a hundred. One statement, so that all nodes
/// count together: the first few turns are free, each later one makes the next wait twice as long.
///
/// Returns `None` where there is none yet: that guess is not judged, and lengthens nothing.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn take_turn(store: &Store, account: &str, now: Time) -> Result<Option<i64>> {
    let row = sqlx::query(
        "insert into guesses (account, failures, wait, free_at, guessed_at) values ($1, 1, 0, $2, $2) \
         on conflict (account) do update set \
         failures = case when guesses.guessed_at <= $3 then 1 else guesses.failures + 1 end, \
         wait = case when guesses.guessed_at <= $3 or guesses.failures < $4 then 0 \
                     when guesses.wait = 0 then $5 when guesses.wait >= $6 then $7 else guesses.wait * 2 end, \
         free_at = $2 + case when guesses.guessed_at <= $3 or guesses.failures < $4 then 0 \
                     when guesses.wait = 0 then $5 when guesses.wait >= $6 then $7 else guesses.wait * 2 end, \
         guessed_at = $2 \
         where guesses.free_at <= $2 returning failures",
    )
    .bind(account)
    .bind(now.micros())
    .bind(now.plus_seconds(-limits::GUESSES_KEPT_SECONDS).micros())
    .bind(limits::GUESSES_FREE_MAX)
    .bind(limits::GUESS_WAIT_SECONDS * 1_000_000)
    .bind(limits::GUESS_WAIT_SECONDS_MAX * 500_000)
    .bind(limits::GUESS_WAIT_SECONDS_MAX * 1_000_000)
    .fetch_optional(store.write())
    .await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}

/// From when on there may be another guess.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn free_at(store: &Store, account: &str) -> Result<Option<Time>> {
    let row = sqlx::query("select free_at from guesses where account = $1")
        .bind(account)
        .fetch_optional(store.write())
        .await?;
    row.map(|row| Ok(Time::from_micros(row.try_get(0)?))).transpose()
}

/// A right answer: what was guessed before counts no more.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn forget(tx: &mut Tx, account: &str) -> Result<()> {
    sqlx::query("delete from guesses where account = $1").bind(account).execute(&mut **tx).await?;
    Ok(())
}

/// Whether the account at `email` was signed in to in this browser before.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn knows_browser(store: &Store, email: &Email, browser: &Digest) -> Result<bool> {
    let row = sqlx::query(
        "select 1 from known_browsers b join users u on u.id = b.user_id \
         where u.email_key = $1 and b.browser_digest = $2",
    )
    .bind(email.key())
    .bind(browser.as_str())
    .fetch_optional(store.read())
    .await?;
    Ok(row.is_some())
}

/// Remembers that the account was signed in to in this browser.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn remember_browser(tx: &mut Tx, user_id: &str, browser: &Digest, now: Time) -> Result<()> {
    sqlx::query(
        "insert into known_browsers (user_id, browser_digest, seen_at) values ($1, $2, $3) \
         on conflict (user_id, browser_digest) do update set seen_at = $3",
    )
    .bind(user_id)
    .bind(browser.as_str())
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
