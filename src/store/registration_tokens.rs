//! Initial access tokens (RFC 7591 section 3): who holds one may register a few clients, for a while.

use sqlx::Row as _;

use super::{Result, Store, Tx};
use crate::clock::Time;
use crate::secret::Digest;

/// A token as the store knows it: never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationToken {
    /// Its name for administrators; no secret.
    pub id: String,
    /// What it is for, in an administrator's words.
    pub note: String,
    /// How many registrations it still allows.
    pub uses_left: i64,
    /// When it was made.
    pub created_at: Time,
    /// From when on it allows nothing.
    pub expires_at: Time,
}

/// Records a token by its digest.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(store: &Store, token: &RegistrationToken, digest: &Digest) -> Result<()> {
    sqlx::query(
        "insert into registration_tokens (id, digest, note, uses_left, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&token.id)
    .bind(digest.as_str())
    .bind(&token.note)
    .bind(token.uses_left)
    .bind(token.created_at.micros())
    .bind(token.expires_at.micros())
    .execute(store.write())
    .await?;
    Ok(())
}

/// Spends one use, and says whether there was one. One statement: of many at once, as many get through as it allows.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn spend(tx: &mut Tx, digest: &Digest, now: Time) -> Result<bool> {
    let spent = sqlx::query(
        "update registration_tokens set uses_left = uses_left - 1 \
         where digest = $1 and uses_left > 0 and expires_at > $2 returning id",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(spent.is_some())
}

/// Every token that was not swept, newest first.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn list(store: &Store) -> Result<Vec<RegistrationToken>> {
    let rows = sqlx::query(
        "select id, note, uses_left, created_at, expires_at from registration_tokens order by id desc",
    )
    .fetch_all(store.read())
    .await?;
    let one = |row: &sqlx::any::AnyRow| {
        Ok(RegistrationToken {
            id: row.try_get("id")?,
            note: row.try_get("note")?,
            uses_left: row.try_get("uses_left")?,
            created_at: Time::from_micros(row.try_get("created_at")?),
            expires_at: Time::from_micros(row.try_get("expires_at")?),
        })
    };
    rows.iter().map(one).collect()
}

/// Removes a token, and says whether there was one. What was registered with it stays.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn remove(store: &Store, id: &str) -> Result<bool> {
    let removed = sqlx::query("delete from registration_tokens where id = $1 returning id")
        .bind(id)
        .fetch_optional(store.write())
        .await?;
    Ok(removed.is_some())
}
