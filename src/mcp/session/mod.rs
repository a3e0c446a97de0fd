//! Sessions of clients from before 2026-07-28: what such a client said in `initialize`, and what it asks for since.
//!
//! Owns: who may use a session, how it is found without the database, how it ends. A session decides no access (MCP
//! 2025-11-25, security best practices): each request brings its token, and a session opens only for the user, client
//! and resource that it was made for. Not for their grant alone: a step-up makes another grant, and no client of today
//! connects anew for that. Its requests are in [`run`], its streams in [`tape`] and [`door`].

pub mod ask;
pub mod batch;
pub mod door;
pub mod run;
pub mod stream;
pub mod tape;
pub mod wishes;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use moka::sync::Cache;
use rmcp::model::{InitializeRequestParams, ProtocolVersion};

use super::envelope::LEGACY;
use crate::actions::Caller;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::secret::{Digest, McpSession, Secret};
use crate::store::events::{Event, Listener};
use crate::store::mcp_sessions::{self, Kept};
use crate::store::{self, Store};

/// A live session.
#[derive(Debug)]
pub struct Session {
    /// Its id, which only its client has besides: what waits for it in the database is sealed under it.
    pub id: Secret<McpSession>,
    /// The digest, by which it is kept.
    pub digest: Digest,
    /// The negotiated revision.
    pub revision: &'static str,
    /// What the client said of itself.
    pub client: InitializeRequestParams,
    /// What `logging/setLevel` asked for.
    pub log_level: Option<String>,
    /// The resources it follows.
    pub subscriptions: BTreeSet<String>,
    subject: String,
    client_id: String,
    resource: String,
    seen_at: AtomicI64,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum NoSession {
    /// There never was one, it ended, or it is somebody else's: all the same to whoever asks.
    #[error("there is no such session")]
    Unknown,
    /// The store did not answer, so nobody knows.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The sessions that this node knows.
#[derive(Debug)]
pub struct Sessions {
    store: Store,
    clock: Clock,
    known: Cache<String, Arc<Session>>,
    /// Counts what was forgotten, so that what was read before an event is not remembered after it.
    generation: AtomicU64,
    /// While news do not arrive, every session is read again.
    distrusted: AtomicBool,
    news: Listener,
}

impl Session {
    /// Whether the client can answer in this revision what only came with `revision`.
    pub fn is_at_least(&self, revision: &str) -> bool {
        // Revisions are dates, and sort as such.
        self.revision >= revision
    }

    fn is_of(&self, caller: &Caller) -> bool {
        self.subject == caller.subject
            && self.client_id == caller.client_id
            && self.resource == caller.resource
    }

    fn is_idle(&self, now: Time) -> bool {
        let seen = Time::from_micros(self.seen_at.load(Ordering::Relaxed));
        now >= seen.plus_seconds(limits::MCP_SESSION_IDLE_SECONDS)
    }
}

impl Sessions {
    /// The sessions in `store`, as its news tell of them.
    pub fn new(store: Store, clock: Clock) -> Self {
        let news = store.listener();
        let known = Cache::new(limits::MCP_SESSIONS_KNOWN_MAX);
        let (generation, distrusted) = (AtomicU64::new(0), AtomicBool::new(true));
        Self { store, clock, known, generation, distrusted, news }
    }

    /// Makes a session for `caller`, whose client said `client` and was answered `revision`.
    ///
    /// # Errors
    /// [`store::Error`]. A client that is told of a session can rely on it.
    pub async fn begin(
        &self,
        caller: &Caller,
        client: InitializeRequestParams,
        revision: &'static str,
    ) -> Result<Arc<Session>, store::Error> {
        let (id, now) = (Secret::<McpSession>::mint(), self.clock.now());
        let kept = Kept {
            digest: id.digest(),
            subject: caller.subject.clone(),
            client_id: caller.client_id.clone(),
            resource: caller.resource.clone(),
            revision: revision.to_owned(),
            client: serde_json::to_string(&client).unwrap_or_default(),
            log_level: None,
            subscriptions: BTreeSet::new(),
            seen_at: now,
            ended_at: None,
        };
        mcp_sessions::add(&self.store, &kept, now).await?;
        let session = Arc::new(session(id, kept, client, revision));
        self.known.insert(session.digest.as_str().to_owned(), Arc::clone(&session));
        Ok(session)
    }

    /// The session `id` of `caller`. One that was seen before costs a digest and a look-up.
    ///
    /// # Errors
    /// [`NoSession`].
    pub async fn find(&self, id: &str, caller: &Caller) -> Result<Arc<Session>, NoSession> {
        self.hear_news();
        let id = Secret::<McpSession>::presented(id).ok_or(NoSession::Unknown)?;
        let digest = id.digest();
        let now = self.clock.now();
        let known = self.known.get(digest.as_str()).filter(|_| !self.distrusted.load(Ordering::SeqCst));
        let session = match known {
            Some(session) => session,
            None => self.load(id, &digest).await?,
        };
        if !session.is_of(caller) || session.is_idle(now) {
            return Err(NoSession::Unknown);
        }
        self.note_use(&session, now);
        Ok(session)
    }

    async fn load(&self, id: Secret<McpSession>, digest: &Digest) -> Result<Arc<Session>, NoSession> {
        let generation = self.generation.load(Ordering::SeqCst);
        let kept = mcp_sessions::find(&self.store, digest).await?.filter(|kept| kept.ended_at.is_none());
        let kept = kept.ok_or(NoSession::Unknown)?;
        let revision = LEGACY.into_iter().find(|known| *known == kept.revision).ok_or(NoSession::Unknown)?;
        let client = serde_json::from_str(&kept.client).map_err(|_| NoSession::Unknown)?;
        let key = digest.as_str().to_owned();
        let session = Arc::new(session(id, kept, client, revision));
        // Remember first, compare after, as `live` does: else a session that ended meanwhile would come back.
        self.known.insert(key.clone(), Arc::clone(&session));
        if self.generation.load(Ordering::SeqCst) != generation {
            self.known.invalidate(&key);
        }
        Ok(session)
    }

    /// Writes a use down, now and then and not on the way of whoever uses it.
    fn note_use(&self, session: &Session, now: Time) {
        let seen = session.seen_at.load(Ordering::Relaxed);
        let due = Time::from_micros(seen).plus_seconds(limits::MCP_SESSION_SEEN_SECONDS);
        let mine = now >= due
            && session
                .seen_at
                .compare_exchange(seen, now.micros(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            let (store, digest) = (self.store.clone(), session.digest.clone());
            tokio::spawn(async move {
                if let Err(error) = mcp_sessions::touch(&store, &digest, now).await {
                    tracing::warn!(%error, "the use of an MCP session could not be written down");
                }
            });
        }
    }

    /// Whether `id` is a session of `caller` that lived once; ends it where it still does.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn end(&self, id: &str, caller: &Caller) -> Result<bool, store::Error> {
        let Some(id) = Secret::<McpSession>::presented(id) else { return Ok(false) };
        let digest = id.digest();
        let Some(kept) = mcp_sessions::find(&self.store, &digest).await? else { return Ok(false) };
        let mine = kept.subject == caller.subject
            && kept.client_id == caller.client_id
            && kept.resource == caller.resource;
        if mine && kept.ended_at.is_none() {
            mcp_sessions::end(&self.store, &digest, self.clock.now()).await?;
        }
        Ok(mine)
    }

    /// Sets what `logging/setLevel` asks for.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn set_level(&self, session: &Session, level: &str) -> Result<(), store::Error> {
        mcp_sessions::set_level(&self.store, &session.digest, level, self.clock.now()).await
    }

    /// Follows `uri` (`resources/subscribe`), or no longer does; says whether there is room for it.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn follow(&self, session: &Session, uri: &str, follows: bool) -> Result<bool, store::Error> {
        let full = session.subscriptions.len() >= limits::MCP_SUBSCRIPTIONS_MAX;
        if uri.len() > limits::MCP_URI_BYTES_MAX || follows && full && !session.subscriptions.contains(uri) {
            return Ok(false);
        }
        mcp_sessions::follow(&self.store, &session.digest, uri, follows, self.clock.now()).await?;
        Ok(true)
    }

    /// What the session with this digest follows now; nothing where it has ended.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn standing(&self, digest: &str) -> Result<Option<BTreeSet<String>>, store::Error> {
        let kept = mcp_sessions::find(&self.store, &Digest::from_column(digest.to_owned())).await?;
        Ok(kept.filter(|kept| kept.ended_at.is_none()).map(|kept| kept.subscriptions))
    }

    fn hear_news(&self) {
        self.news.hear(|event| {
            match &event {
                Some(Event::McpSessionEnded(digest) | Event::McpSessionChanged(digest)) => {
                    self.known.invalidate(digest);
                }
                Some(Event::Distrusted) => self.distrusted.store(true, Ordering::SeqCst),
                // What was told while the news were lost, or was not kept, could have been about any of them.
                Some(Event::Trusted) | None => self.known.invalidate_all(),
                Some(_) => return,
            }
            self.generation.fetch_add(1, Ordering::SeqCst);
            if event == Some(Event::Trusted) {
                self.distrusted.store(false, Ordering::SeqCst);
            }
        });
    }
}

fn session(
    id: Secret<McpSession>,
    kept: Kept,
    mut client: InitializeRequestParams,
    revision: &'static str,
) -> Session {
    client.protocol_version = match revision {
        "2025-11-25" => ProtocolVersion::V_2025_11_25,
        "2025-06-18" => ProtocolVersion::V_2025_06_18,
        _ => ProtocolVersion::V_2025_03_26,
    };
    Session {
        id,
        digest: kept.digest,
        revision,
        client,
        log_level: kept.log_level,
        subscriptions: kept.subscriptions,
        subject: kept.subject,
        client_id: kept.client_id,
        resource: kept.resource,
        seen_at: AtomicI64::new(kept.seen_at.micros()),
    }
}
