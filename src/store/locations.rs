//! Locations that were registered with the catalog.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Result, Store, Tx};
use crate::clock::Time;
use crate::limits;

/// A registered location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationRow {
    /// Its id.
    pub id: String,
    /// The URL.
    pub target: String,
    /// Who registered it.
    pub added_by: String,
    /// When.
    pub added_at: Time,
    /// How it stood when a node last saw a change of it; `None` until one looked.
    pub state: Option<LocationState>,
}

/// How a location stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationState {
    /// Why it could not be fetched.
    pub failure: Option<String>,
    /// How many entities it makes.
    pub entities: i64,
}

/// What became of a wish to add one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there.
    New,
    /// It was there before.
    Known,
    /// There are [`limits::LOCATIONS_MAX`] already.
    Full,
}

/// Adds a location, unless its target is there or there are too many: one statement decides.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, location: &LocationRow) -> Result<Added> {
    let done = sqlx::query(
        "insert into catalog_locations (id, target, added_by, added_at) select $1, $2, $3, $4 \
         where (select count(*) from catalog_locations) < $5 on conflict (target) do nothing",
    )
    .bind(&location.id)
    .bind(&location.target)
    .bind(&location.added_by)
    .bind(location.added_at.micros())
    .bind(limits::LOCATIONS_MAX)
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(Added::New);
    }
    let known = sqlx::query("select id from catalog_locations where target = $1")
        .bind(&location.target)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(if known.is_some() { Added::Known } else { Added::Full })
}

/// Removes a location; `false` where there is none.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn remove(tx: &mut Tx, id: &str) -> Result<bool> {
    let done = sqlx::query("delete from catalog_locations where id = $1").bind(id).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Writes down how a location stands.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn note(store: &Store, id: &str, state: &LocationState, now: Time) -> Result<()> {
    sqlx::query("update catalog_locations set noted_at = $2, entities = $3, failure = $4 where id = $1")
        .bind(id)
        .bind(now.micros())
        .bind(state.entities)
        .bind(&state.failure)
        .execute(store.write())
        .await?;
    Ok(())
}

/// Every location, the oldest first: of two that describe one entity the first is kept.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn list(store: &Store) -> Result<Vec<LocationRow>> {
    let rows = sqlx::query(
        "select id, target, added_by, added_at, noted_at, entities, failure from catalog_locations \
         order by added_at, id",
    )
    .fetch_all(store.write())
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<LocationRow> {
    let (noted, entities): (Option<i64>, Option<i64>) = (row.try_get(4)?, row.try_get(5)?);
    let failure = row.try_get(6)?;
    let state = noted.map(|_| LocationState { failure, entities: entities.unwrap_or(0) });
    Ok(LocationRow {
        id: row.try_get(0)?,
        target: row.try_get(1)?,
        added_by: row.try_get(2)?,
        added_at: Time::from_micros(row.try_get(3)?),
        state,
    })
}
