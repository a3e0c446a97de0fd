//! Registrations that clients made and manage themselves (RFC 7591, RFC 7592).

use super::clients::{read, to_json};
use super::events::{self, Event};
use super::{Result, Store, Tx, grants, registration_tokens};
use crate::clock::Time;
use crate::oauth::client::{Client, Metadata, NewClient};
use crate::secret::Digest;

/// Records a client that registered itself, and the digest of the token that manages it. Where it came with an initial
/// access token, one use of that is spent in the same transaction, so that a registration which fails costs none; says
/// whether there was one left.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(
    store: &Store,
    client: &NewClient,
    management: &Digest,
    initial: Option<&Digest>,
    now: Time,
) -> Result<bool> {
    let mut tx = store.begin().await?;
    if let Some(initial) = initial
        && !registration_tokens::spend(&mut tx, initial, now).await?
    {
        return Ok(false);
    }
    sqlx::query(
        "insert into clients (id, kind, name, metadata, secret_digest, registration_digest, registered_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&client.id)
    .bind(client.kind.as_str())
    .bind(&client.name)
    .bind(to_json(&client.metadata)?)
    .bind(client.secret_digest.as_ref().map(Digest::as_str))
    .bind(management.as_str())
    .bind(now.micros())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// The client `id`, if the token with this digest manages it. A suspended one too; not one that was revoked.
///
/// # Errors
/// [`super::Error::Database`], or [`super::Error::Row`] where the row was altered.
pub async fn find(store: &Store, id: &str, management: &Digest) -> Result<Option<Client>> {
    let row = sqlx::query(
        "select id, kind, name, metadata, secret_digest, document_hash, document_fresh_until_at, registered_at, \
         used_at, suspended_at, revoked_at from clients \
         where id = $1 and registration_digest = $2 and kind = 'self-registered' and revoked_at is null",
    )
    .bind(id)
    .bind(management.as_str())
    .fetch_optional(store.read())
    .await?;
    Ok(row.as_ref().map(read).transpose()?.map(|row| row.client))
}

/// What a registration becomes.
pub struct Replacement<'a> {
    /// What it calls itself now.
    pub name: &'a str,
    /// What it says of itself now.
    pub metadata: &'a Metadata,
    /// The digest of the token that manages it from now on.
    pub management: &'a Digest,
}

/// Replaces what a client says of itself, and the token that manages it, which must still be the one with the digest
/// `management`: of two at once, one does. Says whether it did.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn replace(store: &Store, id: &str, management: &Digest, new: &Replacement<'_>) -> Result<bool> {
    let replaced = sqlx::query(
        "update clients set name = $3, metadata = $4, registration_digest = $5 where id = $1 \
         and registration_digest = $2 and suspended_at is null and revoked_at is null returning id",
    )
    .bind(id)
    .bind(management.as_str())
    .bind(new.name)
    .bind(to_json(new.metadata)?)
    .bind(new.management.as_str())
    .fetch_optional(store.write())
    .await?;
    Ok(replaced.is_some())
}

/// Removes a client at its own wish, with all its grants and what people remembered of it. Gives the ids of the grants that
/// ended, or `None` where the token does not manage it, or an administrator has judged it. After the commit the caller
/// tells its own node `ClientRevoked`.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn remove(
    tx: &mut Tx,
    store: &Store,
    id: &str,
    management: &Digest,
    now: Time,
) -> Result<Option<Vec<String>>> {
    let removed = sqlx::query(
        "delete from clients where id = $1 and registration_digest = $2 and suspended_at is null \
         and revoked_at is null returning id",
    )
    .bind(id)
    .bind(management.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    if removed.is_none() {
        return Ok(None);
    }
    let ended = grants::revoke_of_client(tx, id, "client", now).await?;
    sqlx::query("delete from consents where client_id = $1").bind(id).execute(&mut **tx).await?;
    events::record(tx, store.engine(), &Event::ClientRevoked(id.to_owned()), now).await?;
    Ok(Some(ended))
}
