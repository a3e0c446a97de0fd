//! Clients as an administrator reads them: narrowed, a page at a time, and what each of them holds.

use sqlx::Row as _;

use super::clients::{self, ClientRow};
use super::grants::Holders;
use super::{Result, Store, holding};
use crate::clock::Time;
use crate::oauth::client::{ClientKind, ClientState as State};

const COLUMNS: &str = "id, kind, name, metadata, secret_digest, document_hash, document_fresh_until_at, \
                       registered_at, used_at, suspended_at, revoked_at";

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Only of this kind.
    pub kind: Option<ClientKind>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only where name or client_id holds this.
    pub text: String,
}

/// A place in the list: the registration and the id of the client before it.
pub type Place = (i64, String);

/// At most `limit` clients that fit, newest first, from after `after` on.
///
/// # Errors
/// As [`clients::find`].
pub async fn search(
    store: &Store,
    asked: &Search,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<ClientRow>> {
    let mut wheres = vec!["(lower(name) like $1 escape '!' or lower(id) like $1 escape '!')".to_owned()];
    if let Some(kind) = asked.kind {
        wheres.push(format!("kind = '{}'", kind.as_str()));
    }
    wheres.extend(asked.state.map(|state| {
        match state {
            State::Active => "suspended_at is null and revoked_at is null",
            State::Suspended => "suspended_at is not null and revoked_at is null",
            State::Ended => "revoked_at is not null",
        }
        .to_owned()
    }));
    if after.is_some() {
        wheres.push("(registered_at < $3 or (registered_at = $3 and id > $4))".to_owned());
    }
    let statement = format!(
        "select {COLUMNS} from clients where {} order by registered_at desc, id limit $2",
        wheres.join(" and ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(holding(&asked.text)).bind(limit);
    if let Some((registered_at, id)) = after {
        query = query.bind(registered_at).bind(id);
    }
    query.fetch_all(store.read()).await?.iter().map(clients::read).collect()
}

/// The clients with these ids, those that are there.
///
/// # Errors
/// As [`clients::find`].
pub async fn find_all(store: &Store, ids: &[String]) -> Result<Vec<ClientRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let statement = format!("select {COLUMNS} from clients where id in ({})", places.join(", "));
    let query = sqlx::query(sqlx::AssertSqlSafe(statement));
    let rows = ids.iter().fold(query, |query, id| query.bind(id)).fetch_all(store.read()).await?;
    rows.iter().map(clients::read).collect()
}

/// The holders of those of these clients that have a live grant.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn holders(store: &Store, ids: &[String], now: Time) -> Result<Vec<Holders>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (2..=ids.len() + 1).map(|place| format!("${place}")).collect();
    let statement = format!(
        "select client_id, count(distinct user_id) as users, count(*) as grants from grants \
         where revoked_at is null and expires_at > $1 and client_id in ({}) group by client_id",
        places.join(", ")
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(now.micros());
    let rows = ids.iter().fold(query, |query, id| query.bind(id)).fetch_all(store.read()).await?;
    let one = |row: &sqlx::any::AnyRow| {
        Ok(Holders {
            client_id: row.try_get("client_id")?,
            users: row.try_get("users")?,
            grants: row.try_get("grants")?,
        })
    };
    rows.iter().map(one).collect()
}

/// A live grant of a client, with whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBy {
    /// The grant.
    pub id: String,
    /// The person's address; `None` where no person stands behind it.
    pub email: Option<String>,
    /// What it allows.
    pub scope: String,
    /// At which MCP server.
    pub resource: String,
    /// Since when.
    pub created_at: Time,
    /// Last used, to the hour.
    pub used_at: Time,
    /// Until when.
    pub expires_at: Time,
}

/// At most `limit` live grants of a client, last used first.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn grants_of(store: &Store, client_id: &str, limit: i64, now: Time) -> Result<Vec<HeldBy>> {
    let rows = sqlx::query(
        "select g.id, u.email, g.scope, g.resource, g.created_at, g.used_at, g.expires_at from grants g \
         left join users u on u.id = g.user_id where g.client_id = $1 and g.revoked_at is null \
         and g.expires_at > $2 order by g.used_at desc, g.id desc limit $3",
    )
    .bind(client_id)
    .bind(now.micros())
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    let one = |row: &sqlx::any::AnyRow| {
        let time = |name: &str| row.try_get::<i64, _>(name).map(Time::from_micros);
        Ok(HeldBy {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
            scope: row.try_get("scope")?,
            resource: row.try_get("resource")?,
            created_at: time("created_at")?,
            used_at: time("used_at")?,
            expires_at: time("expires_at")?,
        })
    };
    rows.iter().map(one).collect()
}
