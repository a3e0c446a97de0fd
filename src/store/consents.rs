//! What people said yes to, for the same client, place, resource, scopes and document only.

use sqlx::Row as _;

use super::{Error, Result, Store, Tx};
use crate::clock::Time;
use crate::oauth::request::AuthorizationRequest;
use crate::oauth::scope::ScopeSet;
use crate::oauth::step::Remembered;

/// The yes of `user_id` that may answer `request`.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where it was altered.
pub async fn find(
    store: &Store,
    user_id: &str,
    request: &AuthorizationRequest,
) -> Result<Option<Remembered>> {
    let row = sqlx::query(
        "select scope, document_hash, expires_at from consents \
         where user_id = $1 and client_id = $2 and redirect_uri = $3 and resource = $4",
    )
    .bind(user_id)
    .bind(&request.client_id)
    .bind(&request.redirect_uri)
    .bind(&request.resource)
    .fetch_optional(store.read())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let scope: String = row.try_get("scope")?;
    let broken = |_| Error::Row { table: "consents", why: "scope is malformed".to_owned() };
    Ok(Some(Remembered {
        scope: scope.parse().map_err(broken)?,
        document_hash: row.try_get("document_hash")?,
        expires_at: Time::from_micros(row.try_get("expires_at")?),
    }))
}

/// Remembers a yes, instead of an earlier one for the same client, place and resource.
///
/// # Errors
/// [`Error::Database`].
pub async fn remember(
    tx: &mut Tx,
    user_id: &str,
    request: &AuthorizationRequest,
    scope: &ScopeSet,
    document_hash: &str,
    times: (Time, Time),
) -> Result<()> {
    let (given_at, expires_at) = times;
    sqlx::query(
        "insert into consents (user_id, client_id, redirect_uri, resource, scope, document_hash, given_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (user_id, client_id, redirect_uri, resource) do update set \
         scope = excluded.scope, document_hash = excluded.document_hash, given_at = excluded.given_at, \
         expires_at = excluded.expires_at",
    )
    .bind(user_id)
    .bind(&request.client_id)
    .bind(&request.redirect_uri)
    .bind(&request.resource)
    .bind(scope.to_string())
    .bind(document_hash)
    .bind(given_at.micros())
    .bind(expires_at.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
