//! Links that work once, by digest.

use sqlx::Row as _;

use super::{Result, Store, Tx};
use crate::clock::Time;
use crate::secret::Digest;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Makes the first administrator.
    FirstAdmin,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::FirstAdmin => "first-admin",
        }
    }
}

/// Records a link.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(
    store: &Store,
    digest: &Digest,
    purpose: Purpose,
    expires_at: Time,
    now: Time,
) -> Result<()> {
    sqlx::query("insert into links (digest, purpose, created_at, expires_at) values ($1, $2, $3, $4)")
        .bind(digest.as_str())
        .bind(purpose.as_str())
        .bind(now.micros())
        .bind(expires_at.micros())
        .execute(store.write())
        .await?;
    Ok(())
}

/// Whether a link would work now. Showing its page does not use it up: mail scanners and previews look too.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn is_open(store: &Store, digest: &Digest, purpose: Purpose, now: Time) -> Result<bool> {
    let row = sqlx::query(
        "select 1 from links where digest = $1 and purpose = $2 and used_at is null and expires_at > $3",
    )
    .bind(digest.as_str())
    .bind(purpose.as_str())
    .bind(now.micros())
    .fetch_optional(store.read())
    .await?;
    Ok(row.is_some())
}

/// Uses up every open link of `purpose` and says whether `digest` was one of them. All of them, so that two people
/// with two links wait for each other here and one of them finds nothing left.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn use_up(tx: &mut Tx, digest: &Digest, purpose: Purpose, now: Time) -> Result<bool> {
    let rows = sqlx::query(
        "update links set used_at = $2 where purpose = $1 and used_at is null and expires_at > $2 returning digest",
    )
    .bind(purpose.as_str())
    .bind(now.micros())
    .fetch_all(&mut **tx)
    .await?;
    let mut found = false;
    for row in rows {
        found |= row.try_get::<String, _>(0)? == digest.as_str();
    }
    Ok(found)
}
