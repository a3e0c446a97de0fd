//! Accounts, and the count of their failed sign-ins.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Result, Store, Tx, is_conflict};
use crate::clock::Time;
use crate::identity::user::{Email, User};

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// UUIDv7.
    pub id: String,
    /// The address.
    pub email: Email,
    /// What they are called.
    pub name: String,
    /// argon2id in PHC form; `None` for a person who signs in elsewhere.
    pub password_hash: Option<String>,
    /// Whether they are an administrator.
    pub admin: bool,
}

pub(super) const USER_COLUMNS: &str = "u.id, u.email, u.name, u.admin_at, u.suspended_at, u.created_at";

/// Makes an account; `false` where the address has one already.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, user: &NewUser, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "insert into users (id, email, email_key, name, password_hash, admin_at, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (email_key) do nothing",
    )
    .bind(&user.id)
    .bind(user.email.as_str())
    .bind(user.email.key())
    .bind(&user.name)
    .bind(&user.password_hash)
    .bind(user.admin.then(|| now.micros()))
    .bind(now.micros())
    .execute(&mut **tx)
    .await;
    match done {
        Ok(done) => Ok(done.rows_affected() == 1),
        Err(error) if is_conflict(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The account with this id.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, id: &str) -> Result<Option<User>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("select {USER_COLUMNS} from users u where u.id = $1")))
        .bind(id)
        .fetch_optional(store.read())
        .await?;
    row.as_ref().map(read).transpose()
}

/// The account with this address.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find_by_email(store: &Store, email: &Email) -> Result<Option<User>> {
    Ok(find_with_password(store, email).await?.map(|(user, _)| user))
}

/// The account with this address, and its password's hash.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find_with_password(store: &Store, email: &Email) -> Result<Option<(User, Option<String>)>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "select {USER_COLUMNS}, u.password_hash from users u where u.email_key = $1"
    )))
    .bind(email.key())
    .fetch_optional(store.read())
    .await?;
    row.map(|row| Ok((read(&row)?, row.try_get("password_hash")?))).transpose()
}

/// The accounts with these ids, those that are there.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find_all(store: &Store, ids: &[String]) -> Result<Vec<User>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let statement = format!("select {USER_COLUMNS} from users u where u.id in ({})", places.join(", "));
    let query = sqlx::query(sqlx::AssertSqlSafe(statement));
    let rows = ids.iter().fold(query, |query, id| query.bind(id)).fetch_all(store.read()).await?;
    rows.iter().map(read).collect()
}

/// At most `limit` accounts in order of address, from after `after` on, whose address or name holds `text`.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn search(store: &Store, text: &str, after: &str, limit: i64) -> Result<Vec<User>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "select {USER_COLUMNS} from users u where u.email_key > $1 \
         and (u.email_key like $2 escape '!' or lower(u.name) like $2 escape '!') order by u.email_key limit $3"
    )))
    .bind(after)
    .bind(super::holding(text))
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(read).collect()
}

/// Every account, in order of address.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn list(store: &Store) -> Result<Vec<User>> {
    let rows =
        sqlx::query(sqlx::AssertSqlSafe(format!("select {USER_COLUMNS} from users u order by u.email_key")))
            .fetch_all(store.read())
            .await?;
    rows.iter().map(read).collect()
}

/// Whether there is an administrator.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn admin_exists(store: &Store) -> Result<bool> {
    let row = sqlx::query("select 1 from users where admin_at is not null limit 1")
        .fetch_optional(store.write())
        .await?;
    Ok(row.is_some())
}

/// Whether there is an administrator, seen from inside a transaction.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn admin_exists_within(tx: &mut Tx) -> Result<bool> {
    let row = sqlx::query("select 1 from users where admin_at is not null limit 1")
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.is_some())
}

/// Suspends an account or lets it in again; `false` where there is none that is not so already. Its tokens are refused on
/// every node, and a link for a new password that is its own or that it made for somebody works no more. After the commit
/// the caller tells its own node with [`Store::tell`].
///
/// # Errors
/// [`super::Error::Database`].
pub async fn suspend(tx: &mut Tx, store: &Store, id: &str, suspended: bool, now: Time) -> Result<bool> {
    let query = if suspended {
        sqlx::query("update users set suspended_at = $2 where id = $1 and suspended_at is null returning id")
            .bind(id)
            .bind(now.micros())
    } else {
        sqlx::query(
            "update users set suspended_at = null where id = $1 and suspended_at is not null returning id",
        )
        .bind(id)
    };
    let changed = query.fetch_optional(&mut **tx).await?.is_some();
    if changed && suspended {
        sqlx::query(
            "update password_links set used_at = $2 where (user_id = $1 or made_by = $1) and used_at is null",
        )
        .bind(id)
        .bind(now.micros())
        .execute(&mut **tx)
        .await?;
    }
    if changed {
        events::record(tx, store.engine(), &Event::UserSuspended(id.to_owned()), now).await?;
    }
    Ok(changed)
}

/// Gives an account a new password, and ends its sessions and a link for another one; `false` where there is no such
/// account.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn set_password(tx: &mut Tx, id: &str, password_hash: &str, now: Time) -> Result<bool> {
    let done = sqlx::query("update users set password_hash = $2 where id = $1")
        .bind(id)
        .bind(password_hash)
        .execute(&mut **tx)
        .await?;
    sqlx::query("update sessions set ended_at = $2 where user_id = $1 and ended_at is null")
        .bind(id)
        .bind(now.micros())
        .execute(&mut **tx)
        .await?;
    sqlx::query("update password_links set used_at = $2 where user_id = $1 and used_at is null")
        .bind(id)
        .bind(now.micros())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks two accounts, in one order whoever asks, and says whether `admin` is an administrator who may act. What is
/// decided on that holds until the end of the transaction: two who suspend each other at once are not both gone.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn is_admin_locked(tx: &mut Tx, admin: &str, other: &str) -> Result<bool> {
    let mut ids = [admin, other];
    ids.sort_unstable();
    let mut acts = false;
    for id in ids {
        let row = sqlx::query(
            "update users set name = name where id = $1 \
             returning case when admin_at is not null and suspended_at is null then 1 else 0 end",
        )
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
        if let Some(row) = row.filter(|_| id == admin) {
            acts = row.try_get::<i64, _>(0)? == 1;
        }
    }
    Ok(acts)
}

pub(super) fn read(row: &AnyRow) -> Result<User> {
    let time = |column| row.try_get::<Option<i64>, _>(column).map(|t| t.map(Time::from_micros));
    Ok(User {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        admin_at: time("admin_at")?,
        suspended_at: time("suspended_at")?,
        created_at: Time::from_micros(row.try_get("created_at")?),
    })
}
