//! What administrators said of described clients, and who asked them.

use sqlx::Row as _;

use super::{Error, Result, Store, Tx};
use crate::clock::Time;
use crate::oauth::trust::Ruling;

/// A client that waits for an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its client_id.
    pub client_id: String,
    /// Who asked, first one first.
    pub askers: Vec<Asker>,
}

/// Somebody who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// When.
    pub asked_at: Time,
}

/// What an administrator said of a client, if anything.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where the row was altered.
pub async fn find(store: &Store, client_id: &str) -> Result<Option<Ruling>> {
    let row = sqlx::query("select ruling from client_rulings where client_id = $1")
        .bind(client_id)
        .fetch_optional(store.read())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let text: String = row.try_get(0)?;
    let wrong = || Error::Row { table: "client_rulings", why: format!("ruling {text}") };
    Ruling::parse(&text).map(Some).ok_or_else(wrong)
}

/// Records what `by` says of a client, instead of what was said before; `false` where the same was said already.
///
/// # Errors
/// [`Error::Database`].
pub async fn rule(tx: &mut Tx, client_id: &str, ruling: Ruling, by: &str, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "insert into client_rulings (client_id, ruling, ruled_by, ruled_at) values ($1, $2, $3, $4) \
         on conflict (client_id) do update set ruling = excluded.ruling, ruled_by = excluded.ruled_by, \
         ruled_at = excluded.ruled_at where client_rulings.ruling <> excluded.ruling",
    )
    .bind(client_id)
    .bind(ruling.as_str())
    .bind(by)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records that a user asks for a client; `false` where they did before.
///
/// # Errors
/// [`Error::Database`].
pub async fn ask(tx: &mut Tx, client_id: &str, user_id: &str, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "insert into client_askers (client_id, user_id, asked_at) values ($1, $2, $3) \
         on conflict (client_id, user_id) do nothing",
    )
    .bind(client_id)
    .bind(user_id)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// When a user asked for a client, if they did.
///
/// # Errors
/// [`Error::Database`].
pub async fn asked_at(store: &Store, client_id: &str, user_id: &str) -> Result<Option<Time>> {
    let row = sqlx::query("select asked_at from client_askers where client_id = $1 and user_id = $2")
        .bind(client_id)
        .bind(user_id)
        .fetch_optional(store.read())
        .await?;
    row.map(|row| Ok(Time::from_micros(row.try_get(0)?))).transpose()
}

/// For how many clients a user asked that nobody has ruled on.
///
/// # Errors
/// [`Error::Database`].
pub async fn open_of(store: &Store, user_id: &str) -> Result<i64> {
    let row = sqlx::query(
        "select count(*) from client_askers a where a.user_id = $1 \
         and not exists (select 1 from client_rulings r where r.client_id = a.client_id)",
    )
    .bind(user_id)
    .fetch_one(store.read())
    .await?;
    Ok(row.try_get(0)?)
}

/// Every client that waits: the one that most people asked for first.
///
/// # Errors
/// [`Error::Database`].
pub async fn waiting(store: &Store) -> Result<Vec<Waiting>> {
    let rows = sqlx::query(
        "select a.client_id, u.name, u.email, a.asked_at from client_askers a join users u on u.id = a.user_id \
         where not exists (select 1 from client_rulings r where r.client_id = a.client_id) \
         order by a.client_id, a.asked_at, u.email",
    )
    .fetch_all(store.read())
    .await?;
    let mut all: Vec<Waiting> = Vec::new();
    for row in &rows {
        let client_id: String = row.try_get(0)?;
        let asker = Asker {
            name: row.try_get(1)?,
            email: row.try_get(2)?,
            asked_at: Time::from_micros(row.try_get(3)?),
        };
        match all.last_mut().filter(|last| last.client_id == client_id) {
            Some(last) => last.askers.push(asker),
            None => all.push(Waiting { client_id, askers: vec![asker] }),
        }
    }
    all.sort_by_key(|waiting| std::cmp::Reverse(waiting.askers.len()));
    Ok(all)
}
