//! What one person let in: their live grants by client, and the way to take them back. Personal access tokens are not
//! among them; they have a page of their own.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Error, Result, Store, Tx, clients};
use crate::access::personal;
use crate::clock::Time;
use crate::limits;
use crate::oauth::client::Client;
use crate::oauth::scope::ScopeSet;

/// A grant that lives, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The grant.
    pub id: String,
    /// Who has it.
    pub client_id: String,
    /// What it allows.
    pub scope: ScopeSet,
    /// At which MCP server.
    pub resource: String,
    /// Where the answer went; `None` for a device and for what was exchanged.
    pub redirect_uri: Option<String>,
    /// Since when.
    pub created_at: Time,
    /// Last used, to the hour.
    pub used_at: Time,
    /// Until when.
    pub expires_at: Time,
}

/// What is to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// One grant.
    Grant(&'a str),
    /// Everything that one client has.
    Client(&'a str),
    /// Everything.
    All,
}

impl Taken<'_> {
    /// Whether this one is meant.
    pub fn means(self, connection: &Connection) -> bool {
        match self {
            Self::Grant(id) => connection.id == id,
            Self::Client(id) => connection.client_id == id,
            Self::All => true,
        }
    }
}

/// The live grants of a person, last used first.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where a row was altered.
pub async fn of_person(store: &Store, user_id: &str, now: Time) -> Result<Vec<Connection>> {
    let rows = sqlx::query(
        "select id, client_id, scope, resource, redirect_uri, created_at, used_at, expires_at from grants \
         where user_id = $1 and client_id <> $2 and revoked_at is null and expires_at > $3 \
         order by used_at desc, id desc limit $4",
    )
    .bind(user_id)
    .bind(personal::CLIENT_ID)
    .bind(now.micros())
    .bind(limits::CONNECTIONS_SHOWN_MAX)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(read).collect()
}

/// The clients behind them.
///
/// # Errors
/// As [`of_person`].
pub async fn clients_of_person(store: &Store, user_id: &str, now: Time) -> Result<Vec<Client>> {
    let rows = sqlx::query(
        "select id, kind, name, metadata, secret_digest, document_hash, document_fresh_until_at, registered_at, \
         used_at, suspended_at, revoked_at from clients where id in (select client_id from grants \
         where user_id = $1 and revoked_at is null and expires_at > $2)",
    )
    .bind(user_id)
    .bind(now.micros())
    .fetch_all(store.read())
    .await?;
    rows.iter().map(|row| Ok(clients::read(row)?.client)).collect()
}

/// Ends what a person takes back, of their own only, on every node, and forgets that they said yes to those clients, so
/// that the next sign-in asks. Gives the grants that ended; after the commit the caller tells its own node of each.
///
/// # Errors
/// [`Error::Database`].
pub async fn take_back(
    tx: &mut Tx,
    store: &Store,
    user_id: &str,
    taken: Taken<'_>,
    now: Time,
) -> Result<Vec<String>> {
    const MINE: &str = "update grants set revoked_at = $2, revoked_reason = 'user' \
                        where user_id = $1 and client_id <> $3 and revoked_at is null";
    let (which, named) = match taken {
        Taken::Grant(id) => (" and id = $4", Some(id)),
        Taken::Client(id) => (" and client_id = $4", Some(id)),
        Taken::All => ("", None),
    };
    let statement = format!("{MINE}{which} returning id, client_id");
    let query = sqlx::query(sqlx::AssertSqlSafe(statement));
    let mut query = query.bind(user_id).bind(now.micros()).bind(personal::CLIENT_ID);
    if let Some(named) = named {
        query = query.bind(named);
    }
    let rows = query.fetch_all(&mut **tx).await?;
    let mut ended = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, client_id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        events::record(tx, store.engine(), &Event::GrantRevoked(id.clone()), now).await?;
        sqlx::query("delete from consents where user_id = $1 and client_id = $2")
            .bind(user_id)
            .bind(client_id)
            .execute(&mut **tx)
            .await?;
        ended.push(id);
    }
    Ok(ended)
}

fn read(row: &AnyRow) -> Result<Connection> {
    let time = |name: &str| row.try_get::<i64, _>(name).map(Time::from_micros);
    let scope: String = row.try_get("scope")?;
    Ok(Connection {
        id: row.try_get("id")?,
        client_id: row.try_get("client_id")?,
        scope: scope.parse().map_err(|_| Error::Row { table: "grants", why: "scope".into() })?,
        resource: row.try_get("resource")?,
        redirect_uri: row.try_get("redirect_uri")?,
        created_at: time("created_at")?,
        used_at: time("used_at")?,
        expires_at: time("expires_at")?,
    })
}
