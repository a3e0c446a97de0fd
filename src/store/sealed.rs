//! Everything in the database that is sealed under the key-encryption key, so that it can be sealed under another.

use sqlx::Row as _;

use super::{Error, Result, Store};
use crate::secret::Vault;

/// A column whose text is sealed, and the column that names the row it is sealed for.
struct Column {
    table: &'static str,
    row: &'static str,
    sealed: &'static str,
}

/// All of them. Whoever seals another adds it here, or the old key can never be thrown away.
const COLUMNS: [Column; 2] = [
    Column { table: "signing_keys", row: "kid", sealed: "sealed_private" },
    Column { table: "scaffolder_tasks", row: "id", sealed: "sealed" },
];

/// Seals again what an earlier key sealed, under the key at hand, and gives the number of values. Several nodes may do
/// it at once: a value that another one sealed meanwhile is left alone. Nothing is lost where it is interrupted: every
/// value opens with one key or the other.
///
/// # Errors
/// [`Error::Row`] for the first value that no key at hand opens.
pub async fn again(store: &Store, vault: &Vault) -> Result<u64> {
    let mut done = 0;
    for Column { table, row, sealed } in COLUMNS {
        let select = format!("select {row}, {sealed} from {table} where {sealed} <> ''");
        let update = format!("update {table} set {sealed} = $3 where {row} = $1 and {sealed} = $2");
        let theirs = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(store.write()).await?;
        for found in theirs {
            let (name, old): (String, String) = (found.try_get(0)?, found.try_get(1)?);
            if vault.is_current(&old) {
                continue;
            }
            let plain = vault.open(&name, &old).map_err(|e| Error::Row { table, why: e.to_string() })?;
            let changed = sqlx::query(sqlx::AssertSqlSafe(update.clone()))
                .bind(&name)
                .bind(&old)
                .bind(vault.seal(&name, &plain))
                .execute(store.write())
                .await?;
            done += changed.rows_affected();
        }
    }
    Ok(done)
}

/// Whether anything is sealed here: then the key that sealed it must be at hand.
///
/// # Errors
/// [`Error::Database`].
pub async fn any(store: &Store) -> Result<bool> {
    for Column { table, sealed, .. } in COLUMNS {
        let statement = format!("select 1 from {table} where {sealed} <> '' limit 1");
        let found = sqlx::query(sqlx::AssertSqlSafe(statement)).fetch_optional(store.write()).await?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
