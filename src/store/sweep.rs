//! Rows whose end has passed, one statement a table.

use super::{Result, Store};
use crate::clock::Time;
use crate::limits;

/// Deletes what has ended, and gives the number of rows.
///
/// A redeemed code is kept for a day, so that its replay is still recognised; a rotated refresh token is kept until
/// its own end, so that its reuse is.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn ended(store: &Store, now: Time) -> Result<u64> {
    let kept = now.plus_seconds(-limits::ENDED_KEPT_SECONDS).micros();
    let now = now.micros();
    let statements: [(&'static str, i64); 11] = [
        ("delete from codes where expires_at < $1", kept),
        ("delete from authorization_requests where expires_at < $1", kept),
        ("delete from device_requests where expires_at < $1", kept),
        ("delete from device_guesses where window_began_at < $1", kept),
        ("delete from sessions where expires_at < $1", now),
        ("delete from links where expires_at < $1", now),
        // From the old end of its family on: a token whose successor went first would look unspent again.
        (
            "delete from refresh_tokens where expires_at < $1 \
             and not exists (select 1 from refresh_tokens p where p.digest = refresh_tokens.replaces)",
            now,
        ),
        ("delete from revoked_tokens where expires_at < $1", now),
        ("delete from replays where expires_at < $1", now),
        ("delete from sign_in_failures where window_began_at < $1", kept),
        ("delete from events where occurred_at < $1", kept),
    ];
    let mut rows = 0;
    for (statement, before) in statements {
        rows += sqlx::query(statement).bind(before).execute(store.write()).await?.rows_affected();
    }
    Ok(rows)
}
