//! Devices that wait for a person (RFC 8628), by the digests of their two codes.

use sqlx::Row as _;

use super::grants::{self, grant_columns};
use super::{Error, Result, Store, Tx, is_conflict};
use crate::clock::Time;
use crate::limits;
use crate::oauth::device::{Said, Waiting};
use crate::oauth::request::AuthorizationRequest;
use crate::secret::Digest;

/// Records a device that asks now; `false` where its user code is another device's.
///
/// # Errors
/// [`Error::Database`].
pub async fn add(
    store: &Store,
    digest: &Digest,
    user_code: &Digest,
    request: &AuthorizationRequest,
    expires_at: Time,
    now: Time,
) -> Result<bool> {
    let done = sqlx::query(
        "insert into device_requests (digest, user_code_digest, client_id, request, created_at, expires_at, \
         interval_seconds) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(digest.as_str())
    .bind(user_code.as_str())
    .bind(&request.client_id)
    .bind(serde_json::to_string(request).unwrap_or_default())
    .bind(now.micros())
    .bind(expires_at.micros())
    .bind(limits::DEVICE_INTERVAL_SECONDS)
    .execute(store.write())
    .await;
    match done {
        Ok(_) => Ok(true),
        Err(error) if is_conflict(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What waits under a user code, and until when; nothing once somebody answered or the time is up.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where it was altered.
pub async fn find(
    store: &Store,
    user_code: &Digest,
    now: Time,
) -> Result<Option<(AuthorizationRequest, Time)>> {
    let row = sqlx::query(
        "select request, expires_at from device_requests \
         where user_code_digest = $1 and decided_at is null and expires_at > $2",
    )
    .bind(user_code.as_str())
    .bind(now.micros())
    .fetch_optional(store.write())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((read_request(&row)?, Time::from_micros(row.try_get("expires_at")?))))
}

/// Records what the person said: the grant, or `None` for a no. `false` where something was said before or the time is
/// up. Exactly one of any number at once wins.
///
/// # Errors
/// [`Error::Database`].
pub async fn decide(tx: &mut Tx, digest: &str, grant_id: Option<&str>, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "update device_requests set decided_at = $2, grant_id = $3 \
         where digest = $1 and decided_at is null and expires_at > $2",
    )
    .bind(digest)
    .bind(now.micros())
    .bind(grant_id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a device's request by noting that it polled, and gives it; nothing where it is not this client's. The caller
/// commits in any case, so that the pace is kept, and takes the tokens with [`redeem`].
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where it was altered.
pub async fn poll(tx: &mut Tx, digest: &Digest, client_id: &str, now: Time) -> Result<Option<Waiting>> {
    let second = 1_000_000;
    sqlx::query(
        "update device_requests set hurried_at = case when polled_at + interval_seconds * $4 > $2 + $5 then $2 end, \
         interval_seconds = case when polled_at + interval_seconds * $4 > $2 + $5 and decided_at is null \
         then interval_seconds + $6 else interval_seconds end, polled_at = $2 \
         where digest = $1 and client_id = $3 returning digest",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .bind(client_id)
    .bind(second)
    .bind(limits::DEVICE_EARLY_SECONDS * second)
    .bind(limits::DEVICE_HURRY_SECONDS)
    .fetch_optional(&mut **tx)
    .await?;
    let row = sqlx::query(concat!(
        "select d.request, d.expires_at, d.hurried_at, d.decided_at, d.grant_id as allowed, d.redeemed_at, ",
        grant_columns!(),
        " from device_requests d left join grants g on g.id = d.grant_id \
         left join users u on u.id = g.user_id and u.suspended_at is null \
         where d.digest = $1 and d.client_id = $2"
    ))
    .bind(digest.as_str())
    .bind(client_id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let has = |column| row.try_get::<Option<i64>, _>(column).map(|at| at.is_some());
    let said = match (has("decided_at")?, row.try_get::<Option<String>, _>("allowed")?) {
        (false, _) => Said::Nothing,
        (true, None) => Said::No,
        (true, Some(_)) => Said::Yes(Box::new(grants::read(&row)?)),
    };
    Ok(Some(Waiting {
        challenge: read_request(&row)?.code_challenge,
        expires_at: Time::from_micros(row.try_get("expires_at")?),
        hurried: has("hurried_at")?,
        redeemed: has("redeemed_at")?,
        said,
    }))
}

/// Spends a device code; `false` where another poll did so first.
///
/// # Errors
/// [`Error::Database`].
pub async fn redeem(tx: &mut Tx, digest: &Digest, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "update device_requests set redeemed_at = $2 where digest = $1 and redeemed_at is null and grant_id is not null",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a code that `guesser` typed before it is looked up, so that a hundred at once are a hundred; gives the count
/// within the window.
///
/// # Errors
/// [`Error::Database`].
pub async fn count_guess(store: &Store, guesser: &str, now: Time) -> Result<i64> {
    let row = sqlx::query(
        "insert into device_guesses (guesser, guesses, window_began_at) values ($1, 1, $2) \
         on conflict (guesser) do update set \
         guesses = case when device_guesses.window_began_at <= $3 then 1 else device_guesses.guesses + 1 end, \
         window_began_at = case when device_guesses.window_began_at <= $3 then $2 else device_guesses.window_began_at end \
         returning guesses",
    )
    .bind(guesser)
    .bind(now.micros())
    .bind(now.plus_seconds(-limits::DEVICE_GUESSES_SECONDS).micros())
    .fetch_one(store.write())
    .await?;
    Ok(row.try_get(0)?)
}

fn read_request(row: &sqlx::any::AnyRow) -> Result<AuthorizationRequest> {
    let text: String = row.try_get("request")?;
    serde_json::from_str(&text).map_err(|e| Error::Row { table: "device_requests", why: e.to_string() })
}
