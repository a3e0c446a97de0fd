//! The documents of described clients: every version that was seen, and the client it makes.

use sqlx::Row as _;

use super::{Error, Result, Store, Tx};
use crate::clock::Time;
use crate::limits;
use crate::oauth::client::Metadata;

/// The document that a described client was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    /// SHA-256 of its bytes, base64url.
    pub hash: String,
    /// The document itself.
    pub text: String,
    /// The entity tag its host gave it.
    pub etag: Option<String>,
    /// Until when it may be used unasked.
    pub fresh_until: Time,
}

/// A version of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// SHA-256 of its bytes, base64url.
    pub hash: String,
    /// The document itself.
    pub text: String,
    /// When it was first seen.
    pub first_seen_at: Time,
    /// When it was last what the host said.
    pub last_seen_at: Time,
}

/// Records what a described client's document says now, and keeps the document: the newest
/// [`limits::DOCUMENT_VERSIONS_MAX`] of each client. A client of another kind with the same id is left alone; a suspended
/// or revoked one stays so.
///
/// # Errors
/// [`Error::Database`].
pub async fn keep(
    tx: &mut Tx,
    id: &str,
    name: &str,
    metadata: &Metadata,
    document: &NewDocument,
    now: Time,
) -> Result<()> {
    let metadata =
        serde_json::to_string(metadata).map_err(|e| Error::Row { table: "clients", why: e.to_string() })?;
    let written = sqlx::query(
        "insert into clients (id, kind, name, metadata, document_hash, document_fresh_until_at, registered_at) \
         values ($1, 'described', $2, $3, $4, $5, $6) on conflict (id) do update set name = excluded.name, \
         metadata = excluded.metadata, document_hash = excluded.document_hash, \
         document_fresh_until_at = excluded.document_fresh_until_at where clients.kind = 'described' returning id",
    )
    .bind(id)
    .bind(name)
    .bind(metadata)
    .bind(&document.hash)
    .bind(document.fresh_until.micros())
    .bind(now.micros())
    .fetch_optional(&mut **tx)
    .await?;
    if written.is_none() {
        return Ok(());
    }
    sqlx::query(
        "insert into client_documents (client_id, hash, document, etag, fetched_at, seen_at) \
         values ($1, $2, $3, $4, $5, $5) on conflict (client_id, hash) do update set etag = excluded.etag, \
         seen_at = excluded.seen_at",
    )
    .bind(id)
    .bind(&document.hash)
    .bind(&document.text)
    .bind(document.etag.as_deref())
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    // A host that says something else each time must not fill the table.
    sqlx::query(
        "delete from client_documents where client_id = $1 and hash <> $2 and hash not in \
         (select hash from client_documents where client_id = $1 and hash <> $2 \
         order by seen_at desc, fetched_at desc, hash limit $3)",
    )
    .bind(id)
    .bind(&document.hash)
    .bind(limits::DOCUMENT_VERSIONS_MAX - 1)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Records that a client's document is still what its host says.
///
/// # Errors
/// [`Error::Database`].
pub async fn still(tx: &mut Tx, id: &str, fresh_until: Time, now: Time) -> Result<()> {
    sqlx::query("update clients set document_fresh_until_at = $2 where id = $1 and kind = 'described'")
        .bind(id)
        .bind(fresh_until.micros())
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "update client_documents set seen_at = $2 where client_id = $1 \
         and hash = (select document_hash from clients where id = $1)",
    )
    .bind(id)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The entity tag of the document that a client was last read from.
///
/// # Errors
/// [`Error::Database`].
pub async fn etag(store: &Store, id: &str) -> Result<Option<String>> {
    let row = sqlx::query(
        "select d.etag from client_documents d join clients c on c.id = d.client_id and c.document_hash = d.hash \
         where c.id = $1",
    )
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    Ok(row.map(|row| row.try_get::<Option<String>, _>(0)).transpose()?.flatten())
}

/// Every version of a client's document that is kept, in the order in which they were first seen.
///
/// # Errors
/// [`Error::Database`].
pub async fn versions(store: &Store, id: &str) -> Result<Vec<Version>> {
    let rows = sqlx::query(
        "select hash, document, fetched_at, seen_at from client_documents where client_id = $1 \
         order by fetched_at, hash",
    )
    .bind(id)
    .fetch_all(store.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Version {
                hash: row.try_get(0)?,
                text: row.try_get(1)?,
                first_seen_at: Time::from_micros(row.try_get(2)?),
                last_seen_at: Time::from_micros(row.try_get(3)?),
            })
        })
        .collect()
}
