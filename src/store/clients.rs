//! Clients of every kind. The documents of those that are described are in `documents`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Error, Result, Store, Tx, grants};
use crate::clock::Time;
use crate::limits;
use crate::oauth::client::{Client, ClientKind, Metadata, NewClient};
use crate::secret::Digest;

/// A client with what only the store knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// The client.
    pub client: Client,
    /// Until when its document may be used unasked; `None` for other kinds.
    pub fresh_until: Option<Time>,
    /// When it last began or continued a grant, to the hour.
    pub used_at: Option<Time>,
}

/// The client that goes by `id`, to the letter. Suspended and revoked ones too: ask [`Client::is_active`].
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where the row was altered.
pub async fn find(store: &Store, id: &str) -> Result<Option<Client>> {
    Ok(find_row(store, id).await?.map(|row| row.client))
}

/// As [`find`], with freshness and last use.
///
/// # Errors
/// As [`find`].
pub async fn find_row(store: &Store, id: &str) -> Result<Option<ClientRow>> {
    let row = sqlx::query(
        "select id, kind, name, metadata, secret_digest, document_hash, document_fresh_until_at, registered_at, \
         used_at, suspended_at, revoked_at from clients where id = $1",
    )
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(read).transpose()
}

/// Every client, newest first.
///
/// # Errors
/// As [`find`].
pub async fn list(store: &Store) -> Result<Vec<ClientRow>> {
    let rows = sqlx::query(
        "select id, kind, name, metadata, secret_digest, document_hash, document_fresh_until_at, registered_at, \
         used_at, suspended_at, revoked_at from clients order by registered_at desc, id",
    )
    .fetch_all(store.read())
    .await?;
    rows.iter().map(read).collect()
}

/// Records a client that was registered, by itself or by an administrator.
///
/// # Errors
/// [`Error::Database`], also where its id is taken; see [`super::is_conflict`].
pub async fn add(store: &Store, client: &NewClient, now: Time) -> Result<()> {
    sqlx::query(
        "insert into clients (id, kind, name, metadata, secret_digest, registered_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&client.id)
    .bind(client.kind.as_str())
    .bind(&client.name)
    .bind(to_json(&client.metadata)?)
    .bind(client.secret_digest.as_ref().map(Digest::as_str))
    .bind(now.micros())
    .execute(store.write())
    .await?;
    Ok(())
}

/// Notes that a client was used. Coarse: at most one write an hour, so that no client is a hot row.
///
/// # Errors
/// [`Error::Database`].
pub async fn touch(store: &Store, id: &str, now: Time) -> Result<()> {
    sqlx::query("update clients set used_at = $2 where id = $1 and (used_at is null or used_at < $3)")
        .bind(id)
        .bind(now.micros())
        .bind(now.plus_seconds(-limits::CLIENT_USED_SECONDS).micros())
        .execute(store.write())
        .await?;
    Ok(())
}

/// Suspends a client, or lets it go on, and says whether anything changed: a revoked one stays as it is. While it is
/// suspended nothing of it is accepted; its grants stay. After the commit the caller calls [`Store::tell`].
///
/// # Errors
/// [`Error::Database`].
pub async fn suspend(tx: &mut Tx, store: &Store, id: &str, suspended: bool, now: Time) -> Result<bool> {
    let query = if suspended {
        sqlx::query(
            "update clients set suspended_at = $2 where id = $1 and suspended_at is null and revoked_at is null \
             returning id",
        )
        .bind(id)
        .bind(now.micros())
    } else {
        sqlx::query(
            "update clients set suspended_at = null where id = $1 and suspended_at is not null and revoked_at is null \
             returning id",
        )
        .bind(id)
    };
    let changed = query.fetch_optional(&mut **tx).await?.is_some();
    if changed {
        events::record(tx, store.engine(), &Event::ClientRevoked(id.to_owned()), now).await?;
    }
    Ok(changed)
}

/// Revokes a client for good with all its grants. Gives the ids of the grants that ended, or `None` where there was no
/// such client or it was revoked before. After the commit the caller tells its own node `ClientRevoked`.
///
/// # Errors
/// [`Error::Database`].
pub async fn revoke(
    tx: &mut Tx,
    store: &Store,
    id: &str,
    reason: &str,
    now: Time,
) -> Result<Option<Vec<String>>> {
    let ended =
        sqlx::query("update clients set revoked_at = $2 where id = $1 and revoked_at is null returning id")
            .bind(id)
            .bind(now.micros())
            .fetch_optional(&mut **tx)
            .await?;
    if ended.is_none() {
        return Ok(None);
    }
    let grants = grants::revoke_of_client(tx, id, reason, now).await?;
    events::record(tx, store.engine(), &Event::ClientRevoked(id.to_owned()), now).await?;
    Ok(Some(grants))
}

pub(super) fn to_json(metadata: &Metadata) -> Result<String> {
    serde_json::to_string(metadata).map_err(|e| Error::Row { table: "clients", why: e.to_string() })
}

pub(super) fn read(row: &AnyRow) -> Result<ClientRow> {
    let wrong = |why: String| Error::Row { table: "clients", why };
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(Time::from_micros));
    let (kind, metadata): (String, String) = (row.try_get("kind")?, row.try_get("metadata")?);
    let client = Client {
        id: row.try_get("id")?,
        kind: ClientKind::parse(&kind).ok_or_else(|| wrong(format!("kind {kind}")))?,
        name: row.try_get("name")?,
        metadata: serde_json::from_str(&metadata).map_err(|e| wrong(e.to_string()))?,
        secret_digest: row.try_get::<Option<String>, _>("secret_digest")?.map(Digest::from_column),
        document_hash: row.try_get("document_hash")?,
        registered_at: Time::from_micros(row.try_get("registered_at")?),
        suspended_at: time("suspended_at")?,
        revoked_at: time("revoked_at")?,
    };
    Ok(ClientRow { client, fresh_until: time("document_fresh_until_at")?, used_at: time("used_at")? })
}

/// What these clients are called, those that are there.
///
/// # Errors
/// [`Error::Database`].
pub async fn names(store: &Store, ids: &[String]) -> Result<std::collections::HashMap<String, String>> {
    if ids.is_empty() {
        return Ok(std::collections::HashMap::new());
    }
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let statement = format!("select id, name from clients where id in ({})", places.join(", "));
    let query = sqlx::query(sqlx::AssertSqlSafe(statement));
    let rows = ids.iter().fold(query, |query, id| query.bind(id)).fetch_all(store.read()).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
