//! All that the resource server knows of the authorization server: how to verify a token, and whether the grant
//! behind it lives. Nothing else of this room reaches there, so it could run elsewhere.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::actions::Caller;
use crate::clock::Time;

/// A token that was verified: who calls, and until when the token speaks for them.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The first moment at which the token is worth nothing (`exp`, RFC 7519 section 4.1.4).
    pub expires_at: Time,
}

/// Verifies a token's signature, type, issuer and audience, and judges `exp` with the time given.
/// The error is a sentence for the client, fit for `error_description` (RFC 6750 section 3).
pub type Verify = dyn Fn(&str, &str, Time) -> Result<Verified, String> + Send + Sync;

/// Answers whether a grant is live.
pub type IsLive = dyn Fn(String) -> BoxFuture<'static, Result<bool, Unavailable>> + Send + Sync;

/// The store did not answer. Never read as "revoked", nor as "live".
#[derive(Debug, thiserror::Error)]
#[error("the store did not answer")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The authorization server as the guard sees it.
#[derive(Clone)]
pub struct Authority {
    verify: Arc<Verify>,
    is_live: Arc<IsLive>,
}

impl Authority {
    /// From the two questions. The arguments of `verify` are the token, the audience it must be for, and the time.
    pub fn new(
        verify: impl Fn(&str, &str, Time) -> Result<Verified, String> + Send + Sync + 'static,
        is_live: impl Fn(String) -> BoxFuture<'static, Result<bool, Unavailable>> + Send + Sync + 'static,
    ) -> Self {
        Self { verify: Arc::new(verify), is_live: Arc::new(is_live) }
    }

    /// The caller that `token` speaks for.
    ///
    /// # Errors
    /// A sentence that says why the token is not accepted.
    pub fn verify(&self, token: &str, audience: &str, now: Time) -> Result<Verified, String> {
        (self.verify)(token, audience, now)
    }

    /// Whether the grant still stands.
    ///
    /// # Errors
    /// [`Unavailable`] where the store does not answer.
    pub async fn is_live(&self, grant_id: &str) -> Result<bool, Unavailable> {
        (self.is_live)(grant_id.to_owned()).await
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}
