//! Signing keys, private halves sealed.

use jsonwebtoken::jwk::Jwk;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Error, Result, Store, Tx};
use crate::clock::Time;
use crate::config::Algorithm;
use crate::limits;
use crate::oauth::key::{KeyRing, SigningKey};
use crate::oauth::rotation::{self, Life};
use crate::secret::Vault;

/// A signing key as the store knows it.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Its id, and its times.
    pub life: Life,
    /// The public half.
    pub public: Jwk,
    /// The private half, sealed for its kid.
    pub sealed_private: String,
}

/// A key to be added.
#[derive(Debug)]
pub struct NewKey {
    /// The key; it signs from `key.active_at`.
    pub key: SigningKey,
    /// Its private half, sealed for its kid.
    pub sealed: String,
    /// The longest life of a token that it will sign, in seconds.
    pub token_seconds: i64,
}

/// All keys that are published, newest first.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where a row was altered.
pub async fn all(store: &Store) -> Result<Vec<KeyRow>> {
    let rows = sqlx::query(
        "select kid, alg, public_jwk, sealed_private, created_at, active_at, superseded_at, token_seconds \
         from signing_keys where retired_at is null order by active_at desc, kid desc",
    )
    .fetch_all(store.write())
    .await?;
    rows.iter().map(read).collect()
}

/// Adds the first key.
///
/// # Errors
/// [`Error::Database`].
pub async fn add_first(store: &Store, new: &NewKey, now: Time) -> Result<()> {
    let mut tx = store.begin().await?;
    add(&mut tx, store, new, now).await?;
    Ok(tx.commit().await?)
}

/// Adds a key that takes over from `current` at `new.key.active_at`, and says whether this call did it: of all nodes
/// that see at once that it is time, one wins.
///
/// # Errors
/// [`Error::Database`].
pub async fn add_next(store: &Store, current: &str, new: &NewKey, now: Time) -> Result<bool> {
    let mut tx = store.begin().await?;
    let won = sqlx::query(
        "update signing_keys set superseded_at = $2 where kid = $1 and superseded_at is null and retired_at is null",
    )
    .bind(current)
    .bind(new.key.active_at.micros())
    .execute(&mut *tx)
    .await?;
    if won.rows_affected() == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    // A twin of the first key, where two nodes made one each.
    sqlx::query("update signing_keys set superseded_at = $1 where superseded_at is null")
        .bind(new.key.active_at.micros())
        .execute(&mut *tx)
        .await?;
    add(&mut tx, store, new, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Withdraws every key at once, and adds one that signs from now on: for when a private key may be known to others.
/// Gives the number of keys withdrawn.
///
/// # Errors
/// [`Error::Database`].
pub async fn replace_all(store: &Store, new: &NewKey, now: Time) -> Result<u64> {
    let mut tx = store.begin().await?;
    let withdrawn = sqlx::query(
        "update signing_keys set retired_at = $1, superseded_at = coalesce(superseded_at, $1), sealed_private = '' \
         where retired_at is null",
    )
    .bind(now.micros())
    .execute(&mut *tx)
    .await?;
    add(&mut tx, store, new, now).await?;
    tx.commit().await?;
    Ok(withdrawn.rows_affected())
}

async fn add(tx: &mut Tx, store: &Store, new: &NewKey, now: Time) -> Result<()> {
    sqlx::query(
        "insert into signing_keys (kid, alg, public_jwk, sealed_private, created_at, active_at, token_seconds) \
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&new.key.kid)
    .bind(new.key.algorithm.as_str())
    .bind(serde_json::to_string(&new.key.public).unwrap_or_default())
    .bind(&new.sealed)
    .bind(now.micros())
    .bind(new.key.active_at.micros())
    .bind(new.token_seconds)
    .execute(&mut **tx)
    .await?;
    events::record(tx, store.engine(), &Event::KeysChanged, now).await
}

/// Notes that tokens live so long from now on; a key remembers the longest.
///
/// # Errors
/// [`Error::Database`].
pub async fn note_token_life(store: &Store, seconds: i64) -> Result<()> {
    sqlx::query(
        "update signing_keys set token_seconds = $1 where token_seconds < $1 and superseded_at is null and retired_at is null",
    )
    .bind(seconds)
    .execute(store.write())
    .await?;
    Ok(())
}

/// Ends keys of whose tokens none can be about any more: [`Life::done_at`] in SQL. Their private halves go with them.
///
/// # Errors
/// [`Error::Database`].
pub async fn retire(store: &Store, now: Time) -> Result<u64> {
    let mut tx = store.begin().await?;
    let done = sqlx::query(
        "update signing_keys set retired_at = $2, sealed_private = '' \
         where superseded_at + token_seconds * 1000000 <= $1 and retired_at is null",
    )
    .bind(now.plus_seconds(-limits::KEY_OVERLAP_SECONDS).micros())
    .bind(now.micros())
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() > 0 {
        events::record(&mut tx, store.engine(), &Event::KeysChanged, now).await?;
    }
    tx.commit().await?;
    Ok(done.rows_affected())
}

/// The ring at `now`: the newest active key signs, all of them verify. `None` where there is no key yet.
///
/// # Errors
/// [`Error::Row`] where the private key does not open: the message says what to restore.
pub async fn ring(store: &Store, vault: &Vault, now: Time) -> Result<Option<KeyRing>> {
    let rows = all(store).await?;
    let lives: Vec<Life> = rows.iter().map(|row| row.life.clone()).collect();
    let Some(signing) = rotation::current(&lives, now) else { return Ok(None) };
    let broken = |why: String| Error::Row { table: "signing_keys", why };
    let Some(row) = rows.iter().find(|row| row.life.kid == signing.kid) else { return Ok(None) };
    let pkcs8 = vault.open(&signing.kid, &row.sealed_private).map_err(|e| broken(e.to_string()))?;
    let key = SigningKey::from_pkcs8(&pkcs8, signing.algorithm, signing.active_at)
        .map_err(|e| broken(e.to_string()))?;
    let others = rows.iter().map(|row| (row.public.clone(), row.life.algorithm)).collect();
    let changes_at = lives.iter().map(|life| life.active_at).filter(|at| *at > now).min();
    KeyRing::new(key, others).map(|ring| Some(ring.until(changes_at))).map_err(|e| broken(e.to_string()))
}

fn read(row: &AnyRow) -> Result<KeyRow> {
    let broken = |why: &str| Error::Row { table: "signing_keys", why: why.to_owned() };
    let (alg, jwk): (String, String) = (row.try_get("alg")?, row.try_get("public_jwk")?);
    let life = Life {
        kid: row.try_get("kid")?,
        algorithm: Algorithm::parse(&alg).ok_or_else(|| broken("unknown alg"))?,
        created_at: Time::from_micros(row.try_get("created_at")?),
        active_at: Time::from_micros(row.try_get("active_at")?),
        superseded_at: row.try_get::<Option<i64>, _>("superseded_at")?.map(Time::from_micros),
        token_seconds: row.try_get("token_seconds")?,
    };
    Ok(KeyRow {
        life,
        public: serde_json::from_str(&jwk).map_err(|e| broken(&e.to_string()))?,
        sealed_private: row.try_get("sealed_private")?,
    })
}
