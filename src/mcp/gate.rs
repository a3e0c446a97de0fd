//! The gate before a protected resource: who calls, by the token that a request brings. Whatever stands behind it, an MCP
//! endpoint or another API, is opened by the same tokens, and challenges in the same words.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response};

use super::answer::{self, Challenge};
use super::authority::{Authority, Verified};
use super::bound::Proofs;
use super::headers::bearer;
use super::live::{LiveCallers, Refused};
use super::{CannotServe, McpState};
use crate::access::servers;
use crate::clock::Time;
use crate::oauth::bearer::Bearer;

/// The gate of one protected resource.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its `resource` (RFC 8707): the audience of its tokens, exactly the URL that MCP clients call.
    pub resource: String,
    /// What its challenges say.
    pub challenge: Challenge,
    /// Who issues its tokens.
    pub authority: Authority,
    /// Who is known already.
    pub live: Arc<LiveCallers>,
    /// What makes a proof of a key count once.
    pub proofs: Proofs,
}

impl Gate {
    /// Who calls `url` by `method`.
    ///
    /// # Errors
    /// The answer to a request whose token does not open this: a challenge, or 503 while nobody can say.
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        method: &Method,
        url: &str,
        now: Time,
    ) -> Result<Verified, Box<Response<Body>>> {
        match bearer(headers) {
            Bearer::Absent => Err(Box::new(self.challenge.sign_in())),
            Bearer::Malformed(why) => Err(Box::new(self.challenge.invalid_token(why))),
            Bearer::Token(token) => {
                let admitted = self.live.admit(&self.authority, token, &self.resource, now).await;
                admitted.map_err(|refused| Box::new(self.refuse(refused)))
            }
            Bearer::Bound(token) => self.admit_bound((headers, method, url), token, now).await,
        }
    }

    /// Whether whoever was let in while this node had heard `heard` of the news would be let in now: for what comes
    /// after a body that was long on its way. Costs two looks at numbers where nothing ended meanwhile, and needs no
    /// second proof of a key.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn still(&self, verified: &Verified, heard: u64, now: Time) -> Result<(), Box<Response<Body>>> {
        let still = self.live.still(&self.authority, verified, heard, now).await;
        still.map_err(|refused| Box::new(self.refuse(refused)))
    }

    pub(super) fn refuse(&self, refused: Refused) -> Response<Body> {
        match refused {
            Refused::Invalid(why) => {
                tracing::debug!(%why, resource = self.resource, "an access token was refused");
                self.challenge.invalid_token(&format!("The access token is not accepted: {why}."))
            }
            Refused::Revoked => {
                self.challenge.invalid_token("The access token is not accepted: it was revoked.")
            }
            Refused::Bound => {
                let why = "The access token is bound to a key: send it with the scheme DPoP and a proof of that key.";
                self.challenge.unproven("invalid_token", why, None)
            }
            Refused::Unavailable(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error = error.source(), "cannot ask whether a grant is live; refusing");
                answer::unavailable()
            }
        }
    }
}

impl McpState {
    /// The gate of `server` at `path`.
    ///
    /// # Errors
    /// [`CannotServe::Challenge`].
    pub fn gate(&self, server: &servers::Server, path: &str) -> Result<Gate, CannotServe> {
        let metadata_url = self.public_url.at(&format!("/.well-known/oauth-protected-resource{path}"));
        let challenge = Challenge::new(&metadata_url, &server.baseline()).map_err(CannotServe::Challenge)?;
        Ok(Gate {
            resource: self.public_url.at(path),
            challenge,
            authority: self.authority.clone(),
            live: Arc::clone(&self.live),
            proofs: self.proofs.clone(),
        })
    }
}
