//! Signing keys, private halves sealed.

use jsonwebtoken::jwk::Jwk;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Error, Result, Store, Tx};
use crate::clock::Time;
use crate::config::Algorithm;
use crate::oauth::key::{KeyRing, SigningKey};
use crate::secret::Vault;

/// A signing key as the store knows it.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The public half.
    pub public: Jwk,
    /// When it was made.
    pub created_at: Time,
    /// From when it signs.
    pub active_at: Time,
    /// When it stopped signing.
    pub superseded_at: Option<Time>,
    sealed_private: String,
}

/// All keys that are not retired, newest first.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where a row was altered.
pub async fn all(store: &Store) -> Result<Vec<KeyRow>> {
    let rows = sqlx::query(
        "select kid, alg, public_jwk, sealed_private, created_at, active_at, superseded_at from signing_keys \
         where retired_at is null order by active_at desc, kid",
    )
    .fetch_all(store.write())
    .await?;
    rows.iter().map(read).collect()
}

/// Adds a key that signs from `key.active_at`; those that signed before it stop then.
///
/// # Errors
/// [`Error::Database`].
pub async fn add(tx: &mut Tx, store: &Store, key: &SigningKey, sealed: &str, now: Time) -> Result<()> {
    sqlx::query("update signing_keys set superseded_at = $1 where superseded_at is null")
        .bind(key.active_at.micros())
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into signing_keys (kid, alg, public_jwk, sealed_private, created_at, active_at) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&key.kid)
    .bind(key.algorithm.as_str())
    .bind(serde_json::to_string(&key.public).unwrap_or_default())
    .bind(sealed)
    .bind(now.micros())
    .bind(key.active_at.micros())
    .execute(&mut **tx)
    .await?;
    events::record(tx, store.engine(), &Event::KeysChanged, now).await
}

/// Ends keys that stopped signing before `before`: every token they signed has expired.
///
/// # Errors
/// [`Error::Database`].
pub async fn retire(store: &Store, before: Time, now: Time) -> Result<u64> {
    let done = sqlx::query(
        "update signing_keys set retired_at = $2 where superseded_at < $1 and retired_at is null",
    )
    .bind(before.micros())
    .bind(now.micros())
    .execute(store.write())
    .await?;
    Ok(done.rows_affected())
}

/// The ring at `now`: the newest active key signs, all of them verify. `None` where there is no key yet.
///
/// # Errors
/// [`Error::Row`] where the private key does not open: the message says what to restore.
pub async fn ring(store: &Store, vault: &Vault, now: Time) -> Result<Option<KeyRing>> {
    let rows = all(store).await?;
    let Some(current) = rows.iter().find(|row| row.active_at <= now) else { return Ok(None) };
    let broken = |why: String| Error::Row { table: "signing_keys", why };
    let pkcs8 = vault.open(&current.kid, &current.sealed_private).map_err(|e| broken(e.to_string()))?;
    let signing = SigningKey::from_pkcs8(&pkcs8, current.algorithm, current.active_at)
        .map_err(|e| broken(e.to_string()))?;
    let others = rows.iter().map(|row| (row.public.clone(), row.algorithm)).collect();
    KeyRing::new(signing, others).map(Some).map_err(|e| broken(e.to_string()))
}

fn read(row: &AnyRow) -> Result<KeyRow> {
    let broken = |why: &str| Error::Row { table: "signing_keys", why: why.to_owned() };
    let (alg, jwk): (String, String) = (row.try_get("alg")?, row.try_get("public_jwk")?);
    Ok(KeyRow {
        kid: row.try_get("kid")?,
        algorithm: Algorithm::parse(&alg).ok_or_else(|| broken("unknown alg"))?,
        public: serde_json::from_str(&jwk).map_err(|e| broken(&e.to_string()))?,
        created_at: Time::from_micros(row.try_get("created_at")?),
        active_at: Time::from_micros(row.try_get("active_at")?),
        superseded_at: row.try_get::<Option<i64>, _>("superseded_at")?.map(Time::from_micros),
        sealed_private: row.try_get("sealed_private")?,
    })
}
