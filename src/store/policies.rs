//! Policies: drafts, and what was published of them.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Error, Result, Store, Tx};
use crate::access::roles::Policy;
use crate::clock::Time;
use crate::limits;

/// A draft, or a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// The version that it was published as; `None` for a draft.
    pub version: Option<i64>,
    /// What it says.
    pub policy: Policy,
    /// What names what it says.
    pub hash: String,
    /// Why, in its author's words.
    pub note: String,
    /// The version that its author saw; 0 for none.
    pub based_on: i64,
    /// Who wrote it: a user's id, or `system`.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// When it was published.
    pub published_at: Option<Time>,
}

/// A new draft.
#[derive(Clone, Debug)]
pub struct NewDraft<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it says.
    pub policy: &'a Policy,
    /// Why.
    pub note: &'a str,
    /// The version that its author saw.
    pub based_on: i64,
    /// Who wrote it.
    pub by: &'a str,
}

/// What came of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publishing {
    /// It counts, as this version.
    Done(i64),
    /// Another version was published since: this one.
    Behind(i64),
    /// There is no such draft any more.
    Gone,
}

/// Keeps a draft; `false` where as many wait as may.
///
/// # Errors
/// [`Error::Database`].
pub async fn add(store: &Store, draft: &NewDraft<'_>, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "insert into policy_versions (id, document, hash, note, based_on, created_by, created_at) \
         select $1, $2, $3, $4, $5, $6, $7 where (select count(*) from policy_versions \
         where published_at is null and discarded_at is null) < $8",
    )
    .bind(draft.id)
    .bind(draft.policy.to_text())
    .bind(draft.policy.hash())
    .bind(draft.note)
    .bind(draft.based_on)
    .bind(draft.by)
    .bind(now.micros())
    .bind(limits::POLICY_DRAFTS_MAX)
    .execute(store.write())
    .await?;
    Ok(done.rows_affected() == 1)
}

const COLUMNS: &str =
    "id, version, document, hash, note, based_on, created_by, created_at, published_at from policy_versions";

/// Every draft, newest first.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where one was altered.
pub async fn drafts(store: &Store) -> Result<Vec<Stored>> {
    let text = format!(
        "select {COLUMNS} where published_at is null and discarded_at is null order by created_at desc limit $1"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(limits::POLICY_DRAFTS_MAX)
        .fetch_all(store.read())
        .await?;
    rows.iter().map(stored).collect()
}

/// The versions, newest first.
///
/// # Errors
/// As [`drafts`].
pub async fn versions(store: &Store, limit: i64) -> Result<Vec<Stored>> {
    let text = format!("select {COLUMNS} where version is not null order by version desc limit $1");
    let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(limit).fetch_all(store.read()).await?;
    rows.iter().map(stored).collect()
}

/// A draft or a version, by id; what was thrown away is not found.
///
/// # Errors
/// As [`drafts`].
pub async fn find(store: &Store, id: &str) -> Result<Option<Stored>> {
    let text = format!("select {COLUMNS} where id = $1 and discarded_at is null");
    let row = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(store.read()).await?;
    row.as_ref().map(stored).transpose()
}

/// The version that counts.
///
/// # Errors
/// As [`drafts`].
pub async fn current(store: &Store) -> Result<Option<Stored>> {
    let text =
        format!("select {COLUMNS} where version = (select version from policy_head where name = 'policy')");
    let row = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_optional(store.read()).await?;
    row.as_ref().map(stored).transpose()
}

/// Throws a draft away; `false` where there is none.
///
/// # Errors
/// [`Error::Database`].
pub async fn discard(store: &Store, id: &str, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "update policy_versions set discarded_at = $2 where id = $1 and published_at is null and discarded_at is null",
    )
    .bind(id)
    .bind(now.micros())
    .execute(store.write())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Publishes a draft over the version `over`, which its publisher looked at; every node is told if `tx` commits.
///
/// # Errors
/// [`Error::Database`].
pub async fn publish(
    tx: &mut Tx,
    store: &Store,
    (id, over): (&str, i64),
    by: &str,
    now: Time,
) -> Result<Publishing> {
    let row = sqlx::query(
        "update policy_head set version = version + 1 where name = 'policy' and version = $1 returning version",
    )
    .bind(over)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        let row =
            sqlx::query("select version from policy_head where name = 'policy'").fetch_one(&mut **tx).await?;
        return Ok(Publishing::Behind(row.try_get(0)?));
    };
    let version: i64 = row.try_get(0)?;
    let done = sqlx::query(
        "update policy_versions set version = $2, published_by = $3, published_at = $4 \
         where id = $1 and published_at is null and discarded_at is null",
    )
    .bind(id)
    .bind(version)
    .bind(by)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(Publishing::Gone);
    }
    events::record(tx, store.engine(), &Event::PolicyPublished, now).await?;
    Ok(Publishing::Done(version))
}

fn stored(row: &AnyRow) -> Result<Stored> {
    let (document, hash): (String, String) = (row.try_get(2)?, row.try_get(3)?);
    let wrong = |why: String| Error::Row { table: "policy_versions", why };
    let policy = Policy::from_text(&document).map_err(|faults| wrong(faults.join("; ")))?;
    // Altered by hand, it is not what somebody published.
    if policy.hash() != hash {
        return Err(wrong("its text is not that of its hash".to_owned()));
    }
    let published: Option<i64> = row.try_get(8)?;
    Ok(Stored {
        id: row.try_get(0)?,
        version: row.try_get(1)?,
        policy,
        hash,
        note: row.try_get(4)?,
        based_on: row.try_get(5)?,
        created_by: row.try_get(6)?,
        created_at: Time::from_micros(row.try_get(7)?),
        published_at: published.map(Time::from_micros),
    })
}
