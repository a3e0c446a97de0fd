//! All that the resource server knows of the authorization server: how to verify a token, who stands behind one that
//! says nothing itself, and whether the grant lives. Nothing else of this room reaches there, so it could run elsewhere.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;

use super::live::Refused;
use super::opaque::Found;
use crate::actions::Caller;
use crate::clock::Time;
use crate::limits;
use crate::oauth::claims::{self, AccessClaims, TokenRefusal};
use crate::oauth::key::KeyRing;

/// A token that was verified: who calls, and until when the token speaks for them.
#[derive(Clone)]
pub struct Verified {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The first moment at which the token is worth nothing (`exp`, RFC 7519 section 4.1.4).
    pub expires_at: Time,
    /// The token's own name (`jti`), by which it can be revoked alone. Shared: this is copied at every call.
    pub token_id: Arc<str>,
    /// The key that whoever uses the token must prove (RFC 9449 section 6), if it is bound to one.
    pub key: Option<Arc<str>>,
    /// Whether somebody acts for the subject: then more than this one grant stands behind the token.
    pub is_exchanged: bool,
    /// When all that stands behind the token ends with it, because no other is had for it: so it is with personal tokens.
    pub ends_at: Option<Time>,
    /// The keys it was verified with. Under other keys it has to be verified again.
    keys: Arc<KeyRing>,
    /// When a use was last noted, in microseconds, where uses are.
    noted: Option<Arc<AtomicI64>>,
}

impl Verified {
    fn new(claims: AccessClaims, keys: Arc<KeyRing>) -> Self {
        let caller = Caller {
            subject: claims.subject,
            username: claims.username,
            is_user: claims.is_user,
            client_id: claims.client_id,
            grant_id: claims.grant_id,
            scopes: claims.scope,
            resource: claims.audience,
            restrictions: None,
        };
        let is_exchanged = claims.actor.is_some();
        let (expires_at, token_id) = (claims.expires_at, claims.token_id.into());
        let key = claims.key.map(Arc::from);
        let caller = Arc::new(caller);
        Self { caller, expires_at, token_id, key, is_exchanged, ends_at: None, keys, noted: None }
    }
}

/// The keys that verify just now.
pub type Keys = dyn Fn() -> Arc<KeyRing> + Send + Sync;

/// Answers whether a grant is live and the token of it that is named was not revoked alone.
pub type IsLive = dyn Fn(&Verified) -> Answered + Send + Sync;

/// The answer, on its way.
pub type Answered = BoxFuture<'static, Result<bool, Unavailable>>;

/// The store did not answer. Never read as "revoked", nor as "live".
#[derive(Debug, thiserror::Error)]
#[error("the store did not answer")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The authorization server as the guard sees it: its name, its keys, and one question.
#[derive(Clone)]
pub struct Authority {
    issuer: Arc<str>,
    keys: Arc<Keys>,
    is_live: Arc<IsLive>,
    opaque: Option<Opaque>,
}

/// How tokens that say nothing themselves are found, and their uses noted.
#[derive(Clone)]
struct Opaque {
    find: Arc<Find>,
    note: Arc<Note>,
}

/// Finds such a token.
pub type Find = dyn Fn(&str) -> Found + Send + Sync;

/// Is told that the token of this grant is used.
pub type Note = dyn Fn(&str, Time) + Send + Sync;

impl Authority {
    /// The authorization server `issuer`. `keys` gives its keys of the moment, so that a rotation needs no restart.
    pub fn new(
        issuer: &str,
        keys: impl Fn() -> Arc<KeyRing> + Send + Sync + 'static,
        is_live: impl Fn(&Verified) -> Answered + Send + Sync + 'static,
    ) -> Self {
        Self { issuer: issuer.into(), keys: Arc::new(keys), is_live: Arc::new(is_live), opaque: None }
    }

    /// The same, which also knows tokens that say nothing themselves: `find` finds them, `note` is told of their use.
    #[must_use]
    pub fn with_opaque(
        mut self,
        find: impl Fn(&str) -> Found + Send + Sync + 'static,
        note: impl Fn(&str, Time) + Send + Sync + 'static,
    ) -> Self {
        self.opaque = Some(Opaque { find: Arc::new(find), note: Arc::new(note) });
        self
    }

    /// Who stands behind `token`, which says nothing itself, at the resource `audience`.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn find(&self, token: &str, audience: &str, now: Time) -> Result<Verified, Refused> {
        let Some(opaque) = &self.opaque else { return Err(Refused::Invalid(TokenRefusal::Malformed)) };
        let keys = (self.keys)();
        let found = (opaque.find)(token).await.map_err(Refused::Unavailable)?;
        let found = found.ok_or(Refused::Invalid(TokenRefusal::Malformed))?;
        if !found.is_live {
            return Err(Refused::Revoked);
        }
        if found.expires_at <= now {
            return Err(Refused::Invalid(TokenRefusal::Expired));
        }
        if found.opens.is_some_and(|opens| opens != audience) {
            return Err(Refused::Invalid(TokenRefusal::WrongAudience));
        }
        let caller = Caller { resource: audience.to_owned(), ..found.caller };
        let verified = Verified {
            token_id: caller.grant_id.as_str().into(),
            caller: Arc::new(caller),
            expires_at: found.expires_at,
            key: None,
            is_exchanged: false,
            ends_at: Some(found.expires_at),
            keys,
            noted: found.is_noted.then(|| Arc::new(AtomicI64::new(i64::MIN))),
        };
        self.note_use(&verified, now);
        Ok(verified)
    }

    /// Notes a use, where uses are noted, at most once an hour. Costs one look at what only this token has.
    pub fn note_use(&self, verified: &Verified, now: Time) {
        let (Some(noted), Some(opaque)) = (&verified.noted, &self.opaque) else { return };
        let before = noted.load(Ordering::Relaxed);
        let due = now.plus_seconds(-limits::PERSONAL_TOKEN_USED_SECONDS).micros();
        let mine =
            || noted.compare_exchange(before, now.micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if before <= due && mine() {
            (opaque.note)(&verified.caller.grant_id, now);
        }
    }

    /// The caller that `token` speaks for at the resource `audience`.
    ///
    /// # Errors
    /// [`TokenRefusal`] says why the token is not accepted.
    pub fn verify(&self, token: &str, audience: &str, now: Time) -> Result<Verified, TokenRefusal> {
        let keys = (self.keys)();
        let claims = claims::verify_access(token, &keys, &self.issuer, audience, now)?;
        Ok(Verified::new(claims, keys))
    }

    /// Whether the keys of the moment are those that `verified` was verified with. A key that retires is announced
    /// before the new ring is at hand; a token that slipped back in between, under the old ring, ends here.
    pub fn still_has_the_keys_of(&self, verified: &Verified) -> bool {
        Arc::ptr_eq(&verified.keys, &(self.keys)())
    }

    /// Whether the grant behind a token still stands.
    ///
    /// # Errors
    /// [`Unavailable`] where the store does not answer.
    pub async fn is_live(&self, verified: &Verified) -> Result<bool, Unavailable> {
        (self.is_live)(verified).await
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.issuer)
    }
}
