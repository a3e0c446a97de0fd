//! Authorization requests that were pushed (RFC 9126), by the digest of their name.

use sqlx::Row as _;

use super::{Error, Result, Store};
use crate::clock::Time;
use crate::oauth::request::AuthorizationRequest;
use crate::secret::Digest;

/// Records a request.
///
/// # Errors
/// [`Error::Database`].
pub async fn add(
    store: &Store,
    digest: &Digest,
    request: &AuthorizationRequest,
    expires_at: Time,
) -> Result<()> {
    sqlx::query(
        "insert into pushed_requests (digest, client_id, request, expires_at) values ($1, $2, $3, $4)",
    )
    .bind(digest.as_str())
    .bind(&request.client_id)
    .bind(serde_json::to_string(request).unwrap_or_default())
    .bind(expires_at.micros())
    .execute(store.write())
    .await?;
    Ok(())
}

/// Takes the request of this name that `client_id` pushed, once: of many at once one gets it. Nothing where it is
/// another client's, was taken, or waited too long.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where it was altered.
pub async fn take(
    store: &Store,
    digest: &Digest,
    client_id: &str,
    now: Time,
) -> Result<Option<AuthorizationRequest>> {
    let row = sqlx::query(
        "delete from pushed_requests where digest = $1 and client_id = $2 and expires_at > $3 returning request",
    )
    .bind(digest.as_str())
    .bind(client_id)
    .bind(now.micros())
    .fetch_optional(store.write())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let text: String = row.try_get("request")?;
    let read = serde_json::from_str(&text);
    read.map(Some).map_err(|e| Error::Row { table: "pushed_requests", why: e.to_string() })
}
