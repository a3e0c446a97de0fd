//! Grants: what one user allowed one installation of one client on one resource.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Error, Result, Store, Tx};
use crate::clock::Time;
use crate::limits;
use crate::oauth::grant::{Grant, Person};

/// A grant to be recorded.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// UUIDv7.
    pub id: String,
    /// The client it is for.
    pub client_id: String,
    /// The user who allowed it; `None` for client_credentials.
    pub user_id: Option<String>,
    /// What was allowed, as a scope parameter.
    pub scope: String,
    /// The protected resource.
    pub resource: String,
    /// Where the answer goes.
    pub redirect_uri: Option<String>,
    /// When the user last proved who they are.
    pub authenticated_at: Option<Time>,
    /// The absolute end.
    pub expires_at: Time,
}

/// Records a grant.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, grant: &NewGrant, now: Time) -> Result<()> {
    sqlx::query(
        "insert into grants (id, client_id, user_id, scope, resource, redirect_uri, authenticated_at, created_at, \
         expires_at, used_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8)",
    )
    .bind(&grant.id)
    .bind(&grant.client_id)
    .bind(&grant.user_id)
    .bind(&grant.scope)
    .bind(&grant.resource)
    .bind(&grant.redirect_uri)
    .bind(grant.authenticated_at.map(Time::micros))
    .bind(now.micros())
    .bind(grant.expires_at.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that a grant was made of a token of another one, and of whatever that one was made of.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add_source(tx: &mut Tx, grant_id: &str, source_id: &str, token_id: &str) -> Result<()> {
    sqlx::query(
        "insert into grant_sources (grant_id, source_id, token_id) \
         select $1, s.source_id, s.token_id from grant_sources s where s.grant_id = $2",
    )
    .bind(grant_id)
    .bind(source_id)
    .execute(&mut **tx)
    .await?;
    sqlx::query("insert into grant_sources (grant_id, source_id, token_id) values ($1, $2, $3)")
        .bind(grant_id)
        .bind(source_id)
        .bind(token_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether tokens of this grant are to be accepted: it, its client and its user are all in good standing, and so is
/// everything that it was exchanged from. The one
/// question that the resource server asks of the authorization server.
///
/// # Errors
/// [`super::Error::Database`]; the caller refuses then.
pub async fn is_live(store: &Store, grant_id: &str, token_id: &str) -> Result<bool> {
    let row = sqlx::query(
        "select 1 from grants g join clients c on c.id = g.client_id left join users u on u.id = g.user_id \
         where g.id = $1 and g.revoked_at is null and c.suspended_at is null and c.revoked_at is null \
         and (g.user_id is null or (u.id is not null and u.suspended_at is null)) \
         and not exists (select 1 from revoked_tokens r where r.jti = $2) \
         and not exists (select 1 from grant_sources s left join grants sg on sg.id = s.source_id \
         left join clients sc on sc.id = sg.client_id left join users su on su.id = sg.user_id \
         where s.grant_id = g.id and (sg.id is null or sg.revoked_at is not null or sc.id is null \
         or sc.suspended_at is not null or sc.revoked_at is not null \
         or (sg.user_id is not null and (su.id is null or su.suspended_at is not null)) \
         or exists (select 1 from revoked_tokens sr where sr.jti = s.token_id)))",
    )
    .bind(grant_id)
    .bind(token_id)
    .fetch_optional(store.read())
    .await?;
    Ok(row.is_some())
}

/// Ends a grant, its refresh tokens and its access tokens on every node, and says whether this call did it.
/// After the commit the caller tells its own node with [`Store::tell`].
///
/// # Errors
/// [`super::Error::Database`].
pub async fn revoke(tx: &mut Tx, store: &Store, grant_id: &str, reason: &str, now: Time) -> Result<bool> {
    let ended = sqlx::query(
        "update grants set revoked_at = $2, revoked_reason = $3 where id = $1 and revoked_at is null returning id",
    )
    .bind(grant_id)
    .bind(now.micros())
    .bind(reason)
    .fetch_optional(&mut **tx)
    .await?;
    if ended.is_some() {
        events::record(tx, store.engine(), &Event::GrantRevoked(grant_id.to_owned()), now).await?;
    }
    Ok(ended.is_some())
}

/// Ends every grant of a client and gives their ids.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn revoke_of_client(tx: &mut Tx, client_id: &str, reason: &str, now: Time) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "update grants set revoked_at = $2, revoked_reason = $3 where client_id = $1 and revoked_at is null returning id",
    )
    .bind(client_id)
    .bind(now.micros())
    .bind(reason)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The columns that [`read`] reads, of `grants g left join users u` where the user is active.
macro_rules! grant_columns {
    () => {
        "g.id as grant_id, g.client_id as grant_client_id, g.user_id as grant_user_id, g.scope as grant_scope, \
         g.resource as grant_resource, g.authenticated_at as grant_authenticated_at, \
         g.expires_at as grant_expires_at, g.used_at as grant_used_at, g.revoked_at as grant_revoked_at, \
         u.id as person_id, u.email as person_email, u.name as person_name"
    };
}
pub(super) use grant_columns;

/// The grant with this id.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where the row was altered.
pub async fn find(store: &Store, id: &str) -> Result<Option<Grant>> {
    let row = sqlx::query(concat!(
        "select ",
        grant_columns!(),
        " from grants g left join users u on u.id = g.user_id and u.suspended_at is null where g.id = $1"
    ))
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(read).transpose()
}

/// Every grant of a person to a client, newest first, whatever its state.
///
/// # Errors
/// As [`find`].
pub async fn of_user(store: &Store, user_id: &str, client_id: &str) -> Result<Vec<Grant>> {
    let rows = sqlx::query(concat!(
        "select ",
        grant_columns!(),
        " from grants g left join users u on u.id = g.user_id and u.suspended_at is null \
         where g.user_id = $1 and g.client_id = $2 order by g.id desc"
    ))
    .bind(user_id)
    .bind(client_id)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(read).collect()
}

/// A standing grant that a client holds for itself, with exactly this scope, so that each of its tokens need not make one.
///
/// # Errors
/// [`Error::Database`].
pub async fn find_of_client(
    store: &Store,
    client_id: &str,
    resource: &str,
    scope: &str,
    now: Time,
) -> Result<Option<String>> {
    let row = sqlx::query(
        "select id from grants where client_id = $1 and user_id is null and resource = $2 and scope = $3 \
         and revoked_at is null and expires_at > $4 order by id desc limit 1",
    )
    .bind(client_id)
    .bind(resource)
    .bind(scope)
    .bind(now.micros())
    .fetch_optional(store.read())
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Notes that a grant was used. Coarse: at most one write an hour.
///
/// # Errors
/// [`Error::Database`].
pub async fn touch(store: &Store, id: &str, now: Time) -> Result<()> {
    sqlx::query("update grants set used_at = $2 where id = $1 and used_at < $3")
        .bind(id)
        .bind(now.micros())
        .bind(now.plus_seconds(-limits::GRANT_USED_SECONDS).micros())
        .execute(store.write())
        .await?;
    Ok(())
}

pub(super) fn read(row: &AnyRow) -> Result<Grant> {
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(Time::from_micros));
    let scope: String = row.try_get("grant_scope")?;
    let person = match row.try_get::<Option<String>, _>("person_id")? {
        Some(id) => {
            Some(Person { id, email: row.try_get("person_email")?, name: row.try_get("person_name")? })
        }
        None => None,
    };
    Ok(Grant {
        id: row.try_get("grant_id")?,
        client_id: row.try_get("grant_client_id")?,
        user_id: row.try_get("grant_user_id")?,
        person,
        scope: scope.parse().map_err(|_| Error::Row { table: "grants", why: "scope".into() })?,
        resource: row.try_get("grant_resource")?,
        authenticated_at: time("grant_authenticated_at")?,
        expires_at: Time::from_micros(row.try_get("grant_expires_at")?),
        used_at: Time::from_micros(row.try_get("grant_used_at")?),
        revoked_at: time("grant_revoked_at")?,
    })
}

/// How many people and live grants a client has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// The client.
    pub client_id: String,
    /// People with a live grant.
    pub users: i64,
    /// Live grants.
    pub grants: i64,
}
