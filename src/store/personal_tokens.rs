//! Personal access tokens, each the one token of its own grant.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::grants::{self, NewGrant};
use super::{Error, Result, Store, Tx};
use crate::access::personal::{CLIENT_ID, Kept, NewToken, PersonalToken};
use crate::clock::Time;
use crate::limits;
use crate::oauth::client::{AuthMethod, ClientKind, Metadata};
use crate::oauth::grant::Person;
use crate::secret::Digest;

/// What came of adding one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there.
    Yes,
    /// Its owner has as many as one person may have.
    TooMany,
    /// An administrator ended, or suspended, personal tokens altogether.
    Ended,
}

/// Adds a token of `user_id` under the id `id`, with its grant.
///
/// # Errors
/// [`Error::Database`].
pub async fn add(
    tx: &mut Tx,
    (id, digest): (&str, &Digest),
    user_id: &str,
    new: &NewToken,
    now: Time,
) -> Result<Added> {
    let metadata = Metadata::plain(Vec::new(), Vec::new(), AuthMethod::None);
    sqlx::query(
        "insert into clients (id, kind, name, metadata, registered_at) values ($1, $2, 'Personal access tokens', $3, $4) \
         on conflict (id) do nothing",
    )
    .bind(CLIENT_ID)
    .bind(ClientKind::PreRegistered.as_str())
    .bind(text(&metadata)?)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    let stands =
        sqlx::query("select 1 from clients where id = $1 and suspended_at is null and revoked_at is null");
    if stands.bind(CLIENT_ID).fetch_optional(&mut **tx).await?.is_none() {
        return Ok(Added::Ended);
    }
    let row = sqlx::query(
        "select count(*) from grants where user_id = $1 and client_id = $2 and revoked_at is null and expires_at > $3",
    )
    .bind(user_id)
    .bind(CLIENT_ID)
    .bind(now.micros())
    .fetch_one(&mut **tx)
    .await?;
    if row.try_get::<i64, _>(0)? >= limits::PERSONAL_TOKENS_MAX {
        return Ok(Added::TooMany);
    }
    let grant = NewGrant {
        id: id.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        user_id: Some(user_id.to_owned()),
        scope: new.scope().to_string(),
        resource: new.resource().to_owned(),
        redirect_uri: None,
        authenticated_at: None,
        expires_at: new.expires_at(now),
    };
    grants::add(tx, &grant, now).await?;
    sqlx::query("insert into personal_tokens (grant_id, digest, name, kept) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(digest.as_str())
        .bind(new.name())
        .bind(text(new.kept())?)
        .execute(&mut **tx)
        .await?;
    Ok(Added::Yes)
}

fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Row { table: "personal_tokens", why: e.to_string() })
}

macro_rules! select {
    ($end:literal) => {
        concat!(
            "select g.id, p.name, p.kept, p.used_at, g.user_id, g.scope, g.resource, g.created_at, g.expires_at, \
             coalesce(g.revoked_at, c.revoked_at, c.suspended_at) as ended_at, \
             u.id as person_id, u.email as person_email, u.name as person_name \
             from personal_tokens p join grants g on g.id = p.grant_id join clients c on c.id = g.client_id \
             left join users u on u.id = g.user_id and u.suspended_at is null ",
            $end
        )
    };
}

/// The token with this digest, whatever its state.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where the row was altered.
pub async fn find(store: &Store, digest: &Digest) -> Result<Option<PersonalToken>> {
    let row = sqlx::query(select!("where p.digest = $1"))
        .bind(digest.as_str())
        .fetch_optional(store.read())
        .await?;
    row.as_ref().map(read).transpose()
}

/// The tokens of a person, newest first, those that have ended too until they are swept.
///
/// # Errors
/// As [`find`].
pub async fn of_user(store: &Store, user_id: &str) -> Result<Vec<PersonalToken>> {
    let rows = sqlx::query(select!("where g.user_id = $1 order by g.id desc"))
        .bind(user_id)
        .fetch_all(store.read())
        .await?;
    rows.iter().map(read).collect()
}

/// Everybody's, newest first.
///
/// # Errors
/// As [`find`].
pub async fn all(store: &Store) -> Result<Vec<PersonalToken>> {
    let rows = sqlx::query(select!("order by g.id desc")).fetch_all(store.read()).await?;
    rows.iter().map(read).collect()
}

/// Ends the token `id`, if it is one and `owner`'s (anybody's, where that is `None`), and says whether this call did it.
/// After the commit the caller tells its own node.
///
/// # Errors
/// [`Error::Database`].
pub async fn revoke(
    tx: &mut Tx,
    store: &Store,
    (id, owner): (&str, Option<&str>),
    reason: &str,
    now: Time,
) -> Result<bool> {
    let row = sqlx::query(
        "select g.user_id from personal_tokens p join grants g on g.id = p.grant_id where p.grant_id = $1",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let user_id: Option<String> = row.try_get(0)?;
    if owner.is_some_and(|owner| user_id.as_deref() != Some(owner)) {
        return Ok(false);
    }
    grants::revoke(tx, store, id, reason, now).await
}

/// Notes a use. Coarse: at most one write an hour a node.
///
/// # Errors
/// [`Error::Database`].
pub async fn touch(store: &Store, id: &str, now: Time) -> Result<()> {
    sqlx::query(
        "update personal_tokens set used_at = $2 where grant_id = $1 and (used_at is null or used_at < $3)",
    )
    .bind(id)
    .bind(now.micros())
    .bind(now.plus_seconds(-limits::PERSONAL_TOKEN_USED_SECONDS).micros())
    .execute(store.write())
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<PersonalToken> {
    let altered = |why: &str| Error::Row { table: "personal_tokens", why: why.into() };
    let at = |name: &str| row.try_get::<i64, _>(name).map(Time::from_micros);
    let maybe = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(Time::from_micros));
    let (scope, kept): (String, String) = (row.try_get("scope")?, row.try_get("kept")?);
    let kept: Kept = serde_json::from_str(&kept).map_err(|_| altered("kept"))?;
    let person = match row.try_get::<Option<String>, _>("person_id")? {
        Some(id) => {
            Some(Person { id, email: row.try_get("person_email")?, name: row.try_get("person_name")? })
        }
        None => None,
    };
    Ok(PersonalToken {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        person,
        user_id: row.try_get::<Option<String>, _>("user_id")?.ok_or_else(|| altered("user_id"))?,
        scope: scope.parse().map_err(|_| altered("scope"))?,
        resource: row.try_get("resource")?,
        kept,
        created_at: at("created_at")?,
        expires_at: at("expires_at")?,
        used_at: maybe("used_at")?,
        ended_at: maybe("ended_at")?,
    })
}
