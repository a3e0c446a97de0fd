//! The DPoP proof of a request to one of our own endpoints (RFC 9449 sections 5 and 7).

use http::{HeaderMap, Method};

use super::error::Failure;
use crate::app::App;
use crate::oauth::dpop::{self, ProofRefusal, Target};
use crate::oauth::error::Refusal;
use crate::store::replays;

/// The thumbprint of the key that a request proves, if it brings a proof at all. The proof is used up by this, on all
/// nodes (section 11.1), before anything else is done with the request.
///
/// # Errors
/// [`Failure::Refused`] where there is a proof that does not count, [`Failure::Store`] where nobody can say.
pub async fn shown(
    app: &App,
    headers: &HeaderMap,
    method: &Method,
    path: &str,
    token: Option<&str>,
) -> Result<Option<String>, Failure> {
    let mut values = headers.get_all("dpop").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused = |why: ProofRefusal| Refusal::BadProof(why);
    if values.next().is_some() {
        return Err(refused(ProofRefusal::Several).into());
    }
    let now = app.clock.now();
    let text = value.to_str().map_err(|_| refused(ProofRefusal::Malformed))?;
    let url = app.config.public_url.at(path);
    let proof = dpop::verify(text, Target { method: method.as_str(), url: &url, token }, now);
    let proof = proof.map_err(refused)?;
    if !dpop::nonce_fits(&app.vault, proof.nonce.as_deref(), app.config.tokens.dpop_nonces, now) {
        return Err(Refusal::WantsNonce.into());
    }
    let kind = replays::Kind::DpopProof;
    if !replays::use_once(&app.store, kind, &proof.key, &proof.id, proof.ends_at).await? {
        return Err(Refusal::ProofUsed.into());
    }
    Ok(Some(proof.key))
}
