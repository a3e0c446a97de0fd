//! Grants: what one user allowed one installation of one client on one resource.

use sqlx::Row as _;

use super::events::{self, Event};
use super::{Result, Store, Tx};
use crate::clock::Time;

/// A grant to be recorded.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// UUIDv7.
    pub id: String,
    /// The client it is for.
    pub client_id: String,
    /// The user who allowed it; `None` for client_credentials.
    pub user_id: Option<String>,
    /// What was allowed, as a scope parameter.
    pub scope: String,
    /// The protected resource.
    pub resource: String,
    /// Where the answer goes.
    pub redirect_uri: Option<String>,
    /// When the user last proved who they are.
    pub authenticated_at: Option<Time>,
    /// The absolute end.
    pub expires_at: Time,
}

/// Records a grant.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, grant: &NewGrant, now: Time) -> Result<()> {
    sqlx::query(
        "insert into grants (id, client_id, user_id, scope, resource, redirect_uri, authenticated_at, created_at, \
         expires_at, used_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8)",
    )
    .bind(&grant.id)
    .bind(&grant.client_id)
    .bind(&grant.user_id)
    .bind(&grant.scope)
    .bind(&grant.resource)
    .bind(&grant.redirect_uri)
    .bind(grant.authenticated_at.map(Time::micros))
    .bind(now.micros())
    .bind(grant.expires_at.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether tokens of this grant are to be accepted: it, its client and its user are all in good standing. The one
/// question that the resource server asks of the authorization server.
///
/// # Errors
/// [`super::Error::Database`]; the caller refuses then.
pub async fn is_live(store: &Store, grant_id: &str, token_id: &str) -> Result<bool> {
    let row = sqlx::query(
        "select 1 from grants g join clients c on c.id = g.client_id left join users u on u.id = g.user_id \
         where g.id = $1 and g.revoked_at is null and c.suspended_at is null and c.revoked_at is null \
         and (g.user_id is null or (u.id is not null and u.suspended_at is null)) \
         and not exists (select 1 from revoked_tokens r where r.jti = $2)",
    )
    .bind(grant_id)
    .bind(token_id)
    .fetch_optional(store.read())
    .await?;
    Ok(row.is_some())
}

/// Ends a grant, its refresh tokens and its access tokens on every node, and says whether this call did it.
/// After the commit the caller tells its own node with [`Store::tell`].
///
/// # Errors
/// [`super::Error::Database`].
pub async fn revoke(tx: &mut Tx, store: &Store, grant_id: &str, reason: &str, now: Time) -> Result<bool> {
    let ended = sqlx::query(
        "update grants set revoked_at = $2, revoked_reason = $3 where id = $1 and revoked_at is null returning id",
    )
    .bind(grant_id)
    .bind(now.micros())
    .bind(reason)
    .fetch_optional(&mut **tx)
    .await?;
    if ended.is_some() {
        events::record(tx, store.engine(), &Event::GrantRevoked(grant_id.to_owned()), now).await?;
    }
    Ok(ended.is_some())
}

/// Ends every grant of a client and gives their ids.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn revoke_of_client(tx: &mut Tx, client_id: &str, reason: &str, now: Time) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "update grants set revoked_at = $2, revoked_reason = $3 where client_id = $1 and revoked_at is null returning id",
    )
    .bind(client_id)
    .bind(now.micros())
    .bind(reason)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
