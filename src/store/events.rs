//! News of what changed, to every node: Postgres notifications, or on SQLite a table read when the file changes.
//!
//! Beside how the pools are opened and migrated (`store/mod.rs`), the only difference between the engines.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_util::sync::CancellationToken;

use super::{Engine, Result, Store, Tx};
use crate::clock::{Clock, Time};
use crate::config::Config;
use crate::limits;
use crate::secret;

/// Something that other nodes must act on at once. Acting twice on one is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A grant ended, by id.
    GrantRevoked(String),
    /// A client was suspended or revoked, by client_id.
    ClientRevoked(String),
    /// A user was suspended, by id.
    UserSuspended(String),
    /// A single access token was revoked, by jti.
    TokenRevoked(String),
    /// The signing keys changed.
    KeysChanged,
    /// A list or a resource that clients listen for may have changed, as [`crate::mcp::changes`] writes it.
    Changed(String),
    /// An MCP session ended, by its digest.
    McpSessionEnded(String),
    /// What an MCP session keeps changed, by its digest.
    McpSessionChanged(String),
    /// The answer to a question that some node put to a client lies ready, by the question's id.
    McpAnswered(String),
    /// A client takes a request back: the digest of its session, and the request's id as JSON.
    McpCancelled(String),
    /// Every node is to look at its descriptors again.
    CatalogRefresh,
    /// News may have been missed from here on: ask the database until [`Event::Trusted`].
    Distrusted,
    /// The news can be relied on again; what was cached before is to be forgotten.
    Trusted,
}

impl Event {
    /// Whether it can end somebody's access, or decides who knows of such ends.
    pub fn is_about_access(&self) -> bool {
        match self {
            Self::GrantRevoked(_)
            | Self::ClientRevoked(_)
            | Self::UserSuspended(_)
            | Self::TokenRevoked(_) => true,
            Self::KeysChanged | Self::Distrusted | Self::Trusted => true,
            Self::Changed(_) | Self::McpSessionEnded(_) | Self::McpSessionChanged(_) => false,
            Self::McpAnswered(_) | Self::McpCancelled(_) | Self::CatalogRefresh => false,
        }
    }

    fn parts(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::GrantRevoked(id) => Some(("grant", id)),
            Self::ClientRevoked(id) => Some(("client", id)),
            Self::UserSuspended(id) => Some(("user", id)),
            Self::TokenRevoked(jti) => Some(("token", jti)),
            Self::KeysChanged => Some(("keys", "")),
            Self::Changed(what) => Some(("changed", what)),
            Self::McpSessionEnded(digest) => Some(("mcp-session-ended", digest)),
            Self::McpSessionChanged(digest) => Some(("mcp-session-changed", digest)),
            Self::McpAnswered(id) => Some(("mcp-answered", id)),
            Self::McpCancelled(which) => Some(("mcp-cancelled", which)),
            Self::CatalogRefresh => Some(("catalog-refresh", "")),
            Self::Distrusted | Self::Trusted => None,
        }
    }

    fn from_parts(kind: &str, subject: &str) -> Option<Self> {
        match kind {
            "grant" => Some(Self::GrantRevoked(subject.to_owned())),
            "client" => Some(Self::ClientRevoked(subject.to_owned())),
            "user" => Some(Self::UserSuspended(subject.to_owned())),
            "token" => Some(Self::TokenRevoked(subject.to_owned())),
            "keys" => Some(Self::KeysChanged),
            "changed" => Some(Self::Changed(subject.to_owned())),
            "mcp-session-ended" => Some(Self::McpSessionEnded(subject.to_owned())),
            "mcp-session-changed" => Some(Self::McpSessionChanged(subject.to_owned())),
            "mcp-answered" => Some(Self::McpAnswered(subject.to_owned())),
            "catalog-refresh" => Some(Self::CatalogRefresh),
            "mcp-cancelled" => Some(Self::McpCancelled(subject.to_owned())),
            _ => None,
        }
    }
}

/// Where this node's news are told and heard.
#[derive(Clone, Debug)]
pub struct Board {
    sender: broadcast::Sender<Event>,
    /// How many were told, so that whoever is in a hurry sees in one look whether there is anything to hear.
    told: Arc<AtomicU64>,
}

impl Board {
    /// A board that keeps `kept` events for slow listeners.
    pub fn new(kept: usize) -> Self {
        Self { sender: broadcast::channel(kept).0, told: Arc::default() }
    }

    /// Tells everyone who listens, before it returns. Nobody listening is fine.
    pub fn tell(&self, event: Event) {
        let _ = self.sender.send(event);
        self.told.fetch_add(1, Ordering::Release);
    }

    /// For a task that waits for news.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// For a path that only looks, at every call.
    pub fn listener(&self) -> Listener {
        let (receiver, heard) = (Mutex::new(self.sender.subscribe()), AtomicU64::new(0));
        Listener { receiver, told: Arc::clone(&self.told), heard }
    }
}

/// Hears news on the way of whoever needs them, with one atomic read where there are none: no lock is shared by calls.
#[derive(Debug)]
pub struct Listener {
    receiver: Mutex<broadcast::Receiver<Event>>,
    told: Arc<AtomicU64>,
    heard: AtomicU64,
}

impl Listener {
    /// Acts on everything that was told before this call, and returns when that is done, whoever did it. `None` stands
    /// for events that were told and not kept: they could have concerned anyone.
    pub fn hear(&self, mut act: impl FnMut(Option<Event>)) {
        if self.heard.load(Ordering::Acquire) == self.told.load(Ordering::Acquire) {
            return;
        }
        let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.told.load(Ordering::Acquire);
        loop {
            match receiver.try_recv() {
                Ok(event) => act(Some(event)),
                Err(TryRecvError::Lagged(_)) => act(None),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        // Only now, still under the lock: whoever finds nothing to hear may rely on it having been acted on.
        self.heard.store(told, Ordering::Release);
    }
}

const CHANNEL: &str = "postern";

/// Records `event` in the transaction that makes it true: it is told if and only if that commits. After the commit
/// the caller also calls [`Store::tell`], so that this very node does not wait for its own news.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn record(tx: &mut Tx, engine: Engine, event: &Event, now: Time) -> Result<()> {
    let Some((kind, subject)) = event.parts() else { return Ok(()) };
    match engine {
        Engine::Postgres => {
            sqlx::query("select 1 from (select pg_notify($1, $2)) as told")
                .bind(CHANNEL)
                .bind(format!("{kind} {subject}"))
                .execute(&mut **tx)
                .await?;
        }
        Engine::Sqlite => {
            sqlx::query("insert into events (id, kind, subject, occurred_at) values ($1, $2, $3, $4)")
                .bind(secret::id(now))
                .bind(kind)
                .bind(subject)
                .bind(now.micros())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// Tells every node of something that no transaction makes true, this one at once.
///
/// # Errors
/// [`super::Error::Database`]; then only this node knows.
pub async fn announce(store: &Store, event: &Event, now: Time) -> Result<()> {
    store.tell(event.clone());
    let mut tx = store.begin().await?;
    record(&mut tx, store.engine(), event, now).await?;
    Ok(tx.commit().await?)
}

impl Store {
    /// Tells this node, at once. Nobody listening is fine.
    pub fn tell(&self, event: Event) {
        self.news.tell(event);
    }

    /// Listens for news of other processes until `stop`, and passes it on to [`Store::subscribe`].
    pub async fn listen(self, config: Config, clock: Clock, stop: CancellationToken) {
        let listening = async {
            match &config.database.url {
                Some(url) => self.listen_postgres(url.reveal()).await,
                None => self.listen_sqlite(&clock).await,
            }
        };
        tokio::select! {
            () = listening => {}
            () = stop.cancelled() => {}
        }
    }

    async fn listen_postgres(&self, url: &str) {
        loop {
            match self.relay_notifications(url).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(%error, "notifications lost; asking the database at every call"),
            }
            self.tell(Event::Distrusted);
            tokio::time::sleep(Duration::from_millis(limits::EVENTS_RECONNECT_MILLIS)).await;
        }
    }

    async fn relay_notifications(&self, url: &str) -> Result<()> {
        let mut listener = PgListener::connect(url).await?;
        // A silent reconnect would lose what was told meanwhile; see the `None` below.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        self.tell(Event::Trusted);
        while let Some(notification) = listener.try_recv().await? {
            let (kind, subject) =
                notification.payload().split_once(' ').unwrap_or((notification.payload(), ""));
            if let Some(event) = Event::from_parts(kind, subject) {
                self.tell(event);
            }
        }
        Ok(())
    }

    async fn listen_sqlite(&self, clock: &Clock) {
        let mut version = None;
        let mut since = clock.now();
        loop {
            match self.relay_rows(&mut version, &mut since, clock).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "the news table cannot be read; asking the database at every call");
                    self.tell(Event::Distrusted);
                    version = None;
                }
            }
            tokio::time::sleep(Duration::from_millis(limits::EVENTS_POLL_MILLIS)).await;
        }
    }

    /// `data_version` changes whenever another connection commits; only then is the table read. The overlap makes
    /// up for rows whose time is a little older than one already seen.
    async fn relay_rows(&self, version: &mut Option<i64>, since: &mut Time, clock: &Clock) -> Result<()> {
        let mut connection = self.read().acquire().await?.detach();
        if version.is_none() {
            self.tell(Event::Trusted);
        }
        loop {
            let row = sqlx::query("pragma data_version").fetch_one(&mut connection).await?;
            let seen: i64 = row.try_get(0)?;
            if *version != Some(seen) {
                let began = clock.now();
                let rows = sqlx::query("select kind, subject from events where occurred_at >= $1")
                    .bind(since.plus_seconds(-limits::EVENTS_OVERLAP_SECONDS).micros())
                    .fetch_all(&mut connection)
                    .await?;
                for row in rows {
                    let (kind, subject): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                    if let Some(event) = Event::from_parts(&kind, &subject) {
                        self.tell(event);
                    }
                }
                *version = Some(seen);
                *since = began;
            }
            tokio::time::sleep(Duration::from_millis(limits::EVENTS_POLL_MILLIS)).await;
        }
    }
}
