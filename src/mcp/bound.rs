//! Callers whose access token is bound to a key (RFC 9449 section 7): each of their requests proves that key.
//!
//! Each proof is looked up in the store, since it counts once on all nodes. Only these callers pay for that: a bearer
//! token costs what it did.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response};
use futures_util::future::BoxFuture;

use super::answer;
use super::authority::{Unavailable, Verified};
use super::gate::Gate;
use crate::clock::Time;
use crate::oauth::dpop::{self, Proof, ProofRefusal, Target};

/// Why a proof that is right does not count.
#[derive(Debug)]
pub enum Unusable {
    /// It was used before.
    Used,
    /// It must answer this value.
    WantsNonce(String),
    /// Nobody can say whether it was used.
    Unavailable(Unavailable),
}

/// Uses a proof up.
pub type Use = dyn Fn(Proof, Time) -> BoxFuture<'static, Result<(), Unusable>> + Send + Sync;

/// What decides that a proof counts once.
#[derive(Clone)]
pub struct Proofs(Arc<Use>);

impl Proofs {
    /// By asking `once`.
    pub fn new(
        once: impl Fn(Proof, Time) -> BoxFuture<'static, Result<(), Unusable>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(once))
    }
}

impl fmt::Debug for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proofs")
    }
}

impl Gate {
    /// The caller that `token` speaks for, once the request has proved the key that the token is bound to.
    pub(super) async fn admit_bound(
        &self,
        (headers, method, url): (&HeaderMap, &Method, &str),
        token: &str,
        now: Time,
    ) -> Result<Verified, Box<Response<Body>>> {
        let refuse = |error, why: &str, nonce| Box::new(self.challenge.unproven(error, why, nonce));
        let known = self.live.verified(&self.authority, token, &self.resource, now).await;
        let known = known.map_err(|refused| Box::new(self.refuse(refused)))?;
        let Some(key) = known.key.clone() else {
            let why = "The access token is bound to no key: send it with the scheme Bearer.";
            return Err(refuse("invalid_token", why, None));
        };
        let text = only_header(headers).map_err(|why| refuse("invalid_dpop_proof", &said(why), None))?;
        let target = Target { method: method.as_str(), url, token: Some(token) };
        let proof =
            dpop::verify(text, target, now).map_err(|why| refuse("invalid_dpop_proof", &said(why), None))?;
        if proof.key != *key {
            let why = "The access token is bound to another key than the one of the DPoP proof.";
            return Err(refuse("invalid_token", why, None));
        }
        match (self.proofs.0)(proof, now).await {
            Ok(()) => Ok(known),
            Err(Unusable::Used) => {
                let why = "The DPoP proof was used before; make one for each request.";
                Err(refuse("invalid_dpop_proof", why, None))
            }
            Err(Unusable::WantsNonce(nonce)) => {
                let why = "The DPoP proof must hold the nonce of the DPoP-Nonce header.";
                Err(refuse("use_dpop_nonce", why, Some(&nonce)))
            }
            Err(Unusable::Unavailable(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error = error.source(), "cannot ask whether a proof was used; refusing");
                Err(Box::new(answer::unavailable()))
            }
        }
    }
}

fn said(why: ProofRefusal) -> String {
    format!("The access token is not accepted: {why}.")
}

fn only_header(headers: &HeaderMap) -> Result<&str, ProofRefusal> {
    let mut values = headers.get_all("dpop").iter();
    let value = values.next().ok_or(ProofRefusal::Absent)?;
    if values.next().is_some() {
        return Err(ProofRefusal::Several);
    }
    value.to_str().map_err(|_| ProofRefusal::Malformed)
}
