//! The callers that this node has verified and still trusts: a bounded cache under the token's digest.
//!
//! Owns: what is remembered, and how it is forgotten. A revoked grant must be refused on the next call, so whatever
//! is remembered here leaves at once when its grant, client, user or key does, and while this node cannot hear of
//! such events, nothing here is believed without asking.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::authority::{Authority, Unavailable, Verified};
use crate::clock::Time;
use crate::limits;
use crate::oauth::claims::TokenRefusal;
use crate::secret;
use crate::store::events::{Event, Listener};

/// Why a token is not accepted.
#[derive(Debug)]
pub enum Refused {
    /// The token is not good, or not for this resource, or not any more.
    Invalid(TokenRefusal),
    /// The grant behind it was taken back.
    Revoked,
    /// It is bound to a key, and whoever sent it as a bearer token proved none: perhaps it was stolen (RFC 9449 section 7.2).
    Bound,
    /// Nobody could say whether the grant lives. The token may be perfectly good: answering 401 here would make
    /// clients throw their registration away.
    Unavailable(Unavailable),
}

/// The verified callers of this node.
#[derive(Debug)]
pub struct LiveCallers {
    known: Cache<[u8; 32], Verified>,
    /// Counts what was forgotten, so that an answer fetched before an event is not remembered after it.
    generation: AtomicU64,
    distrusted: AtomicBool,
    news: Listener,
}

impl LiveCallers {
    /// An empty cache that follows `news`, which must be subscribed to before [`crate::store::Store::listen`] starts:
    /// until it hears [`Event::Trusted`], every grant is asked for at every call.
    pub fn new(news: Listener) -> Self {
        Self::with_capacity(limits::LIVE_CALLERS_MAX, news)
    }

    /// The same for at most `capacity` callers.
    pub fn with_capacity(capacity: u64, news: Listener) -> Self {
        // Least recently used, not the default: that one favours old and frequent keys, which here are expired tokens.
        let known = Cache::builder().max_capacity(capacity).eviction_policy(EvictionPolicy::lru()).build();
        let (generation, distrusted) = (AtomicU64::new(0), AtomicBool::new(true));
        Self { known, generation, distrusted, news }
    }

    /// The caller that the bearer `token` speaks for at `resource`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn admit(
        &self,
        authority: &Authority,
        token: &str,
        resource: &str,
        now: Time,
    ) -> Result<Verified, Refused> {
        let known = self.verified(authority, token, resource, now).await?;
        if known.key.is_some() { Err(Refused::Bound) } else { Ok(known) }
    }

    /// What is known of `token` at `resource`. Where it is bound to a key, the caller has still to prove that key.
    ///
    /// A token seen before costs a digest and a look-up; only its expiry is judged again. Another is verified, and its
    /// grant asked for once.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn verified(
        &self,
        authority: &Authority,
        token: &str,
        resource: &str,
        now: Time,
    ) -> Result<Verified, Refused> {
        self.hear_news();
        // A JWT begins with the two letters that `{"` has in base64. Of what is none, one token may open several
        // resources, and each is remembered for itself, so that the audience is compared as ever.
        let is_opaque = !token.starts_with("ey");
        let digest = if is_opaque {
            secret::sha256_of(&[resource.as_bytes(), b" ", token.as_bytes()])
        } else {
            secret::sha256(token.as_bytes())
        };
        if let Some(found) = self.known.get(&digest)
            && authority.still_has_the_keys_of(&found)
        {
            return self.admit_known(authority, digest, found, resource, now).await;
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let verified = if is_opaque {
            authority.find(token, resource, now).await?
        } else {
            let verified = authority.verify(token, resource, now).map_err(Refused::Invalid)?;
            if !authority.is_live(&verified).await.map_err(Refused::Unavailable)? {
                return Err(Refused::Revoked);
            }
            verified
        };
        // Remember first, compare after: an event that comes between the two either finds the entry to remove, or is
        // seen here. The other order leaves a gap in which a revoked caller is remembered until the token expires.
        self.known.insert(digest, verified.clone());
        if self.generation.load(Ordering::SeqCst) != generation {
            self.known.invalidate(&digest);
        }
        Ok(verified)
    }

    /// How much was forgotten here until now: what [`Self::still`] compares with.
    pub fn heard(&self) -> u64 {
        self.hear_news();
        self.generation.load(Ordering::SeqCst)
    }

    /// Whether `verified`, who was admitted when [`Self::heard`] said `heard`, still is. Nothing is asked where nothing
    /// was forgotten since.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn still(
        &self,
        authority: &Authority,
        verified: &Verified,
        heard: u64,
        now: Time,
    ) -> Result<(), Refused> {
        if now >= verified.expires_at {
            return Err(Refused::Invalid(TokenRefusal::Expired));
        }
        if self.heard() == heard && !self.distrusted.load(Ordering::SeqCst) {
            return Ok(());
        }
        match authority.is_live(verified).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refused::Revoked),
            Err(unavailable) => Err(Refused::Unavailable(unavailable)),
        }
    }

    async fn admit_known(
        &self,
        authority: &Authority,
        digest: [u8; 32],
        found: Verified,
        resource: &str,
        now: Time,
    ) -> Result<Verified, Refused> {
        if now >= found.expires_at {
            self.known.invalidate(&digest);
            return Err(Refused::Invalid(TokenRefusal::Expired));
        }
        // Each endpoint is its own audience; what one remembers must not open the other (attack G01).
        if found.caller.resource != resource {
            return Err(Refused::Invalid(TokenRefusal::WrongAudience));
        }
        if self.distrusted.load(Ordering::SeqCst) {
            match authority.is_live(&found).await {
                Ok(true) => {}
                Ok(false) => {
                    self.known.invalidate(&digest);
                    return Err(Refused::Revoked);
                }
                Err(unavailable) => return Err(Refused::Unavailable(unavailable)),
            }
        }
        authority.note_use(&found, now);
        Ok(found)
    }

    /// Acts on what was told since the last call. Done on the way of each call, not by a task of its own: whoever saw
    /// a revocation answered is refused by the very next call, however busy the scheduler is.
    fn hear_news(&self) {
        self.news.hear(|event| match event {
            Some(event) if event.is_about_access() => self.forget(&event),
            Some(_) => {}
            // More was told than is kept: it could have concerned anyone.
            None => self.forget(&Event::KeysChanged),
        });
    }

    /// Forgets everyone whom `event` concerns, before it returns.
    pub fn forget(&self, event: &Event) {
        if *event == Event::Distrusted {
            self.distrust(true);
        }
        self.generation.fetch_add(1, Ordering::SeqCst);
        for (digest, verified) in &self.known {
            if concerns(event, &verified) {
                self.known.invalidate(&*digest);
            }
        }
        if *event == Event::Trusted {
            self.distrust(false);
        }
    }

    /// While `lost`, announcements do not reach this node: every known caller's grant is asked for again.
    pub fn distrust(&self, lost: bool) {
        self.distrusted.store(lost, Ordering::SeqCst);
    }

    /// How many callers are remembered, roughly.
    pub fn len(&self) -> u64 {
        self.known.run_pending_tasks();
        self.known.entry_count()
    }

    /// Whether nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether `event` can end what `verified` may do.
pub(super) fn concerns(event: &Event, verified: &Verified) -> bool {
    let caller = &verified.caller;
    match event {
        // Something that it was exchanged from may have ended: it is asked for again.
        Event::GrantRevoked(_) | Event::ClientRevoked(_) | Event::TokenRevoked(_)
            if verified.is_exchanged =>
        {
            true
        }
        Event::GrantRevoked(id) => caller.grant_id == *id,
        Event::ClientRevoked(id) => caller.client_id == *id,
        Event::UserSuspended(id) => caller.is_user && caller.subject == *id,
        Event::TokenRevoked(jti) => *verified.token_id == **jti,
        // Keys change rarely, and verifying everyone again is cheap. What was told while the news were lost could have
        // concerned anyone.
        Event::KeysChanged | Event::Trusted => true,
        Event::Distrusted | Event::Changed(_) => false,
        Event::McpSessionEnded(_) | Event::McpSessionChanged(_) => false,
        Event::McpAnswered(_) | Event::McpCancelled(_) | Event::CatalogRefresh => false,
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
