//! Sessions of legacy MCP clients, what they follow, and what was sent to them.

use std::collections::BTreeSet;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::events::{self, Event};
use super::{Result, Store};
use crate::clock::Time;
use crate::limits;
use crate::secret::Digest;

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The digest of its id.
    pub digest: Digest,
    /// Whose it is.
    pub subject: String,
    /// Through which client.
    pub client_id: String,
    /// At which resource.
    pub resource: String,
    /// The negotiated revision.
    pub revision: String,
    /// The parameters of `initialize`, as JSON.
    pub client: String,
    /// What `logging/setLevel` asked for.
    pub log_level: Option<String>,
    /// The resources it follows.
    pub subscriptions: BTreeSet<String>,
    /// Its last use, roughly.
    pub seen_at: Time,
    /// When it ended, if it has.
    pub ended_at: Option<Time>,
}

/// Records a session that begins now, and ends the caller's least used ones beyond the limit: a client that crashes
/// never says goodbye.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(store: &Store, session: &Kept, now: Time) -> Result<()> {
    let mut tx = store.begin().await?;
    sqlx::query(
        "insert into mcp_sessions (digest, subject, client_id, resource, revision, client, created_at, seen_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $7)",
    )
    .bind(session.digest.as_str())
    .bind(&session.subject)
    .bind(&session.client_id)
    .bind(&session.resource)
    .bind(&session.revision)
    .bind(&session.client)
    .bind(now.micros())
    .execute(&mut *tx)
    .await?;
    let beyond = sqlx::query(
        "update mcp_sessions set ended_at = $3 where ended_at is null and digest in (select digest from mcp_sessions \
         where subject = $1 and client_id = $2 and ended_at is null order by seen_at desc, created_at desc \
         limit 1000000 offset $4) returning digest",
    )
    .bind(&session.subject)
    .bind(&session.client_id)
    .bind(now.micros())
    .bind(limits::MCP_SESSIONS_PER_CALLER_MAX)
    .fetch_all(&mut *tx)
    .await?;
    let mut ended = Vec::new();
    for row in &beyond {
        let event = Event::McpSessionEnded(row.try_get(0)?);
        events::record(&mut tx, store.engine(), &event, now).await?;
        ended.push(event);
    }
    tx.commit().await?;
    ended.into_iter().for_each(|event| store.tell(event));
    Ok(())
}

/// The session with this digest, ended or not.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, digest: &Digest) -> Result<Option<Kept>> {
    let row = sqlx::query(
        "select digest, subject, client_id, resource, revision, client, log_level, seen_at, ended_at \
         from mcp_sessions where digest = $1",
    )
    .bind(digest.as_str())
    .fetch_optional(store.read())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let uris = sqlx::query("select uri from mcp_subscriptions where session = $1")
        .bind(digest.as_str())
        .fetch_all(store.read())
        .await?;
    let subscriptions = uris.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?;
    read(&row, subscriptions).map(Some)
}

fn read(row: &AnyRow, subscriptions: BTreeSet<String>) -> Result<Kept> {
    Ok(Kept {
        digest: Digest::from_column(row.try_get("digest")?),
        subject: row.try_get("subject")?,
        client_id: row.try_get("client_id")?,
        resource: row.try_get("resource")?,
        revision: row.try_get("revision")?,
        client: row.try_get("client")?,
        log_level: row.try_get("log_level")?,
        subscriptions,
        seen_at: Time::from_micros(row.try_get("seen_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Time::from_micros),
    })
}

/// Notes that it was used.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn touch(store: &Store, digest: &Digest, now: Time) -> Result<()> {
    sqlx::query("update mcp_sessions set seen_at = $2 where digest = $1 and seen_at < $2")
        .bind(digest.as_str())
        .bind(now.micros())
        .execute(store.write())
        .await?;
    Ok(())
}

/// Ends it on every node, for good.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn end(store: &Store, digest: &Digest, now: Time) -> Result<()> {
    change(
        store,
        "update mcp_sessions set ended_at = $2 where digest = $1 and ended_at is null",
        digest,
        now,
    )
    .await?;
    told(store, Event::McpSessionEnded(digest.as_str().to_owned()), now).await
}

/// Sets the level of logging that it asked for.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn set_level(store: &Store, digest: &Digest, level: &str, now: Time) -> Result<()> {
    sqlx::query("update mcp_sessions set log_level = $2 where digest = $1")
        .bind(digest.as_str())
        .bind(level)
        .execute(store.write())
        .await?;
    told(store, Event::McpSessionChanged(digest.as_str().to_owned()), now).await
}

/// Follows a resource, or no longer does.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn follow(store: &Store, digest: &Digest, uri: &str, follows: bool, now: Time) -> Result<()> {
    let statement = if follows {
        "insert into mcp_subscriptions (session, uri) values ($1, $2) on conflict (session, uri) do nothing"
    } else {
        "delete from mcp_subscriptions where session = $1 and uri = $2"
    };
    sqlx::query(statement).bind(digest.as_str()).bind(uri).execute(store.write()).await?;
    told(store, Event::McpSessionChanged(digest.as_str().to_owned()), now).await
}

async fn change(store: &Store, statement: &'static str, digest: &Digest, now: Time) -> Result<()> {
    sqlx::query(statement).bind(digest.as_str()).bind(now.micros()).execute(store.write()).await?;
    Ok(())
}

async fn told(store: &Store, event: Event, now: Time) -> Result<()> {
    events::announce(store, &event, now).await
}

/// One event of a stream: its place, and the sealed message or `None` for the end.
pub type Sent = (i64, Option<String>);

/// Records what was sent on a stream.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn sent(store: &Store, session: &Digest, stream: &str, events: &[Sent], now: Time) -> Result<()> {
    let mut tx = store.begin().await?;
    for (sequence, body) in events {
        sqlx::query(
            "insert into mcp_events (session, stream, sequence, body, created_at) values ($1, $2, $3, $4, $5)",
        )
        .bind(session.as_str())
        .bind(stream)
        .bind(sequence)
        .bind(body)
        .bind(now.micros())
        .execute(&mut *tx)
        .await?;
    }
    Ok(tx.commit().await?)
}

/// What was sent on a stream of this session after `sequence`, in order, and whether there ever was such a stream.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn sent_after(store: &Store, session: &Digest, stream: &str, sequence: i64) -> Result<Vec<Sent>> {
    let rows = sqlx::query(
        "select sequence, body from mcp_events where session = $1 and stream = $2 and sequence > $3 order by sequence",
    )
    .bind(session.as_str())
    .bind(stream)
    .bind(sequence)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Whether anything was ever sent on this stream of this session.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn was_sent(store: &Store, session: &Digest, stream: &str) -> Result<bool> {
    let row = sqlx::query("select 1 from mcp_events where session = $1 and stream = $2 limit 1")
        .bind(session.as_str())
        .bind(stream)
        .fetch_optional(store.read())
        .await?;
    Ok(row.is_some())
}

/// Records a question before it is put.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn ask(store: &Store, session: &Digest, id: &str, now: Time) -> Result<()> {
    sqlx::query("insert into mcp_questions (id, session, created_at) values ($1, $2, $3)")
        .bind(id)
        .bind(session.as_str())
        .bind(now.micros())
        .execute(store.write())
        .await?;
    Ok(())
}

/// Lays the sealed answer to a question of this session ready for the node that waits, once.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn answer(store: &Store, session: &Digest, id: &str, answer: &str, now: Time) -> Result<bool> {
    let mut tx = store.begin().await?;
    let row = sqlx::query(
        "update mcp_questions set answer = $3, answered_at = $4 \
         where id = $1 and session = $2 and answered_at is null returning id",
    )
    .bind(id)
    .bind(session.as_str())
    .bind(answer)
    .bind(now.micros())
    .fetch_optional(&mut *tx)
    .await?;
    if row.is_none() {
        return Ok(false);
    }
    let event = Event::McpAnswered(id.to_owned());
    events::record(&mut tx, store.engine(), &event, now).await?;
    tx.commit().await?;
    store.tell(event);
    Ok(true)
}

/// Takes the answer to a question, once.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn take_answer(store: &Store, id: &str) -> Result<Option<String>> {
    let row = sqlx::query("delete from mcp_questions where id = $1 and answer is not null returning answer")
        .bind(id)
        .fetch_optional(store.write())
        .await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}
