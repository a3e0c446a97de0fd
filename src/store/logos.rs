//! Pictures of clients, as we made them anew from what their hosts have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Error, Result, Store, Tx};
use crate::clock::Time;

/// A client's picture, without the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoRow {
    /// The client.
    pub client_id: String,
    /// The `logo_uri` it was made from.
    pub source: String,
    /// SHA-256 of the picture, base64url.
    pub hash: String,
    /// When it was fetched.
    pub fetched_at: Time,
}

/// Records a client's picture instead of an earlier one; nothing for a client without a row.
///
/// # Errors
/// [`Error::Database`].
pub async fn put(tx: &mut Tx, logo: &LogoRow, picture: &[u8]) -> Result<()> {
    sqlx::query(
        "insert into client_logos (client_id, source, hash, picture, fetched_at) \
         select id, $2, $3, $4, $5 from clients where id = $1 \
         on conflict (client_id) do update set source = excluded.source, hash = excluded.hash, \
         picture = excluded.picture, fetched_at = excluded.fetched_at",
    )
    .bind(&logo.client_id)
    .bind(&logo.source)
    .bind(&logo.hash)
    .bind(URL_SAFE_NO_PAD.encode(picture))
    .bind(logo.fetched_at.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The picture of a client.
///
/// # Errors
/// [`Error::Database`].
pub async fn of_client(store: &Store, client_id: &str) -> Result<Option<LogoRow>> {
    let row =
        sqlx::query("select client_id, source, hash, fetched_at from client_logos where client_id = $1")
            .bind(client_id)
            .fetch_optional(store.read())
            .await?;
    row.as_ref().map(read).transpose()
}

/// Every client's picture.
///
/// # Errors
/// [`Error::Database`].
pub async fn list(store: &Store) -> Result<Vec<LogoRow>> {
    let rows = sqlx::query("select client_id, source, hash, fetched_at from client_logos")
        .fetch_all(store.read())
        .await?;
    rows.iter().map(read).collect()
}

/// The picture with this hash.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where it was altered.
pub async fn picture(store: &Store, hash: &str) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query("select picture from client_logos where hash = $1 limit 1")
        .bind(hash)
        .fetch_optional(store.read())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let text: String = row.try_get(0)?;
    let broken = |e: base64::DecodeError| Error::Row { table: "client_logos", why: e.to_string() };
    URL_SAFE_NO_PAD.decode(text).map(Some).map_err(broken)
}

fn read(row: &AnyRow) -> Result<LogoRow> {
    Ok(LogoRow {
        client_id: row.try_get(0)?,
        source: row.try_get(1)?,
        hash: row.try_get(2)?,
        fetched_at: Time::from_micros(row.try_get(3)?),
    })
}
