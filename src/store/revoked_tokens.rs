//! Access tokens revoked by themselves, before their end (RFC 7009).

use super::events::{self, Event};
use super::{Result, Store, Tx};
use crate::clock::Time;

/// Ends one access token on every node. After the commit the caller tells its own node with [`Store::tell`].
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, store: &Store, jti: &str, expires_at: Time, now: Time) -> Result<()> {
    sqlx::query("insert into revoked_tokens (jti, expires_at) values ($1, $2) on conflict (jti) do nothing")
        .bind(jti)
        .bind(expires_at.micros())
        .execute(&mut **tx)
        .await?;
    events::record(tx, store.engine(), &Event::TokenRevoked(jti.to_owned()), now).await
}
