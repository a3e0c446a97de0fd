//! The callers that this node has verified and still trusts: a bounded cache under the token's digest.
//!
//! Owns: what is remembered, and how it is forgotten. A revoked grant must be refused on the next call, so whatever
//! is remembered here leaves at once when its grant, client, user or key does, and while this node cannot hear of
//! such events, nothing here is believed without asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::authority::{Authority, Unavailable, Verified};
use crate::actions::Caller;
use crate::clock::Time;
use crate::limits;
use crate::secret;

/// What ended, as the store announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One grant.
    GrantRevoked(String),
    /// One client, and so every grant it holds.
    ClientRevoked(String),
    /// One user, and so every grant they gave.
    UserSuspended(String),
    /// One signing key, and so every token signed with it.
    KeyRetired(String),
    /// Unknown what: announcements were lost.
    Everything,
}

/// Why a token is not accepted.
#[derive(Debug)]
pub enum Refused {
    /// The token is not good, or not for this resource, or not any more; a sentence says why.
    Invalid(String),
    /// The grant behind it was taken back.
    Revoked,
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
}

impl Default for LiveCallers {
    fn default() -> Self {
        Self::new(limits::LIVE_CALLERS_MAX)
    }
}

impl LiveCallers {
    /// An empty cache of at most `capacity` callers.
    pub fn new(capacity: u64) -> Self {
        // Least recently used, not the default: that one favours old and frequent keys, which here are expired tokens.
        let known = Cache::builder().max_capacity(capacity).eviction_policy(EvictionPolicy::lru()).build();
        Self { known, generation: AtomicU64::new(0), distrusted: AtomicBool::new(false) }
    }

    /// The caller that `token` speaks for at `resource`.
    ///
    /// A token seen before costs a digest and a look-up; only its expiry is judged again. Another is verified, and its
    /// grant asked for once.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn admit(
        &self,
        authority: &Authority,
        token: &str,
        resource: &str,
        now: Time,
    ) -> Result<Arc<Caller>, Refused> {
        let digest = secret::sha256(token.as_bytes());
        if let Some(found) = self.known.get(&digest) {
            return self.admit_known(authority, digest, found, resource, now).await;
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let verified = authority.verify(token, resource, now).map_err(Refused::Invalid)?;
        if !authority.is_live(&verified.caller.grant_id).await.map_err(Refused::Unavailable)? {
            return Err(Refused::Revoked);
        }
        // Remember first, compare after: an event that comes between the two either finds the entry to remove, or is
        // seen here. The other order leaves a gap in which a revoked caller is remembered until the token expires.
        self.known.insert(digest, verified.clone());
        if self.generation.load(Ordering::SeqCst) != generation {
            self.known.invalidate(&digest);
        }
        Ok(verified.caller)
    }

    async fn admit_known(
        &self,
        authority: &Authority,
        digest: [u8; 32],
        found: Verified,
        resource: &str,
        now: Time,
    ) -> Result<Arc<Caller>, Refused> {
        if now >= found.expires_at {
            self.known.invalidate(&digest);
            return Err(Refused::Invalid("the access token has expired".into()));
        }
        // Each endpoint is its own audience; what one remembers must not open the other (attack G01).
        if found.caller.resource != resource {
            return Err(Refused::Invalid("the access token is for another resource".into()));
        }
        if self.distrusted.load(Ordering::SeqCst) {
            match authority.is_live(&found.caller.grant_id).await {
                Ok(true) => {}
                Ok(false) => {
                    self.known.invalidate(&digest);
                    return Err(Refused::Revoked);
                }
                Err(unavailable) => return Err(Refused::Unavailable(unavailable)),
            }
        }
        Ok(found.caller)
    }

    /// Forgets everyone whom `event` concerns, before it returns.
    pub fn forget(&self, event: &Event) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        for (digest, verified) in &self.known {
            if concerns(event, &verified.caller) {
                self.known.invalidate(&*digest);
            }
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

fn concerns(event: &Event, caller: &Caller) -> bool {
    match event {
        Event::GrantRevoked(id) => caller.grant_id == *id,
        Event::ClientRevoked(id) => caller.client_id == *id,
        Event::UserSuspended(id) => caller.is_user && caller.subject == *id,
        // Which key signed a token is not remembered; keys retire rarely, and asking everyone once is cheap.
        Event::KeyRetired(_) | Event::Everything => true,
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
