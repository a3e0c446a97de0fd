//! DPoP (RFC 9449): a client signs each request with a key of its own, so that a token bound to that key is worth
//! nothing to whoever copied it. Pure: whether a proof was used before is asked elsewhere.
//!
//! A proof brings its own key, so the signature alone says nothing. What counts is that the key's thumbprint is the one
//! that a code, a refresh token or an access token is bound to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::jwt::{self, NumericDate};
use super::key_set::RSA_EXPONENT;
use crate::clock::Time;
use crate::secret::Vault;
use crate::{limits, secret};

/// What a proof may be signed with: never `none`, never a shared secret (attack F01).
pub const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "RS256"];

/// The request that a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its URL as the client sees it: the public one, whatever a proxy made of it.
    pub url: &'a str,
    /// The access token beside it, at a protected resource.
    pub token: Option<&'a str>,
}

/// A proof whose signature, target and age are right. It counts once: see [`crate::store::replays`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key (RFC 7638), as `cnf.jkt` has it.
    pub key: String,
    /// Its own name, unique among those of its key.
    pub id: String,
    /// The value of ours that it answers.
    pub nonce: Option<String>,
    /// From when on it is refused for its age, so that its use need not be remembered longer.
    pub ends_at: Time,
}

/// Why a proof proves nothing. The words go to the client's author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefusal {
    /// None, where one must be.
    #[error("there is no DPoP header")]
    Absent,
    /// Several, where one is meant.
    #[error("there is more than one DPoP header")]
    Several,
    /// Not a JWT that can be read, or not one of this size.
    #[error("the DPoP proof is not a JWT with a typ, an alg, a jwk, and jti, htm, htu and iat")]
    Malformed,
    /// Another kind of token in its place (attack F03).
    #[error("the typ of a DPoP proof is dpop+jwt")]
    WrongType,
    /// Nothing that a stranger can be held to.
    #[error("a DPoP proof is signed with ES256, EdDSA or RS256, by a key of that kind")]
    WrongAlgorithm,
    /// The client gave its key away.
    #[error("the jwk of a DPoP proof holds a private key; throw that key away")]
    PrivateKey,
    /// The signature is not the key's.
    #[error("the signature of the DPoP proof is wrong")]
    BadSignature,
    /// For another method or another URL.
    #[error("the DPoP proof is for another method (htm) or URL (htu)")]
    OtherTarget,
    /// Too old, or from the future.
    #[error("the DPoP proof is too old or too new; its iat is the present time")]
    WrongTime,
    /// For another access token, or for none.
    #[error("the DPoP proof is not for this access token (ath)")]
    OtherToken,
}

#[derive(Deserialize)]
struct Header {
    typ: Option<String>,
    alg: String,
    jwk: Value,
    /// There at all is too much, so a null is not forgiven: nothing critical is understood here (RFC 7515 section 4.1.11).
    #[serde(default, deserialize_with = "jwt::present")]
    crit: Option<Value>,
    /// Unencoded payloads (RFC 7797) are for those who understand them.
    #[serde(default, deserialize_with = "jwt::present")]
    b64: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: NumericDate,
    ath: Option<String>,
    nonce: Option<String>,
}

/// Verifies a proof that somebody presents with a request to `target` (RFC 9449 section 4.3, in its order where that
/// matters). The nonce is the caller's to judge, for only the caller knows whether one is wanted.
///
/// # Errors
/// [`ProofRefusal`].
pub fn verify(unverified: &str, target: Target<'_>, now: Time) -> Result<Proof, ProofRefusal> {
    use ProofRefusal as R;
    if unverified.len() > limits::DPOP_PROOF_BYTES_MAX {
        return Err(R::Malformed);
    }
    let (message, signature) = unverified.rsplit_once('.').ok_or(R::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(R::Malformed)?;
    let header: Header = part(header)?;
    if header.crit.is_some() || header.b64.is_some() {
        return Err(R::Malformed);
    }
    let typ = header.typ.as_deref().unwrap_or_default();
    if !typ.eq_ignore_ascii_case("dpop+jwt") && !typ.eq_ignore_ascii_case("application/dpop+jwt") {
        return Err(R::WrongType);
    }
    let key = Key::read(&header.jwk, &header.alg)?;
    let held = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.decoding, key.algorithm);
    if !held.unwrap_or(false) {
        return Err(R::BadSignature);
    }
    let claims: Claims = part(claims)?;
    if claims.jti.is_empty() || claims.jti.len() > limits::DPOP_JTI_BYTES_MAX {
        return Err(R::Malformed);
    }
    if claims.htm != target.method || !same_target(&claims.htu, target.url) {
        return Err(R::OtherTarget);
    }
    let NumericDate(issued_at) = claims.iat;
    let ends_at = issued_at.plus_seconds(limits::DPOP_PROOF_SECONDS);
    if ends_at <= now || issued_at > now.plus_seconds(limits::DPOP_PROOF_SECONDS) {
        return Err(R::WrongTime);
    }
    let hash = target.token.map(|token| secret::sha256_base64url(token.as_bytes()));
    if hash.is_some() && claims.ath != hash {
        return Err(R::OtherToken);
    }
    Ok(Proof { key: key.thumbprint, id: claims.jti, nonce: claims.nonce, ends_at })
}

/// Whether `text` can be a thumbprint: SHA-256 in base64url, as `dpop_jkt` brings it (RFC 9449 section 10).
pub fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && BASE64URL.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// The nonce to give out now (RFC 9449 section 8). Whoever has the key of this installation makes the same, so no node
/// has to remember any.
pub fn nonce(vault: &Vault, now: Time) -> String {
    vault.mark(&nonce_purpose(now, 0))
}

/// Whether a proof answers well enough: with a nonce of now or of just before, or with none where none is `wanted`.
/// A nonce that is not ours never does: then the client means another server, or a time long ago.
pub fn nonce_fits(vault: &Vault, presented: Option<&str>, wanted: bool, now: Time) -> bool {
    match presented {
        None => !wanted,
        Some(text) => [0, 1].into_iter().any(|back| vault.is_mark(&nonce_purpose(now, back), text)),
    }
}

fn nonce_purpose(now: Time, windows_ago: i64) -> String {
    format!("dpop nonce {}", now.seconds().div_euclid(limits::DPOP_NONCE_SECONDS) - windows_ago)
}

/// A public key that came in a header, and its thumbprint.
struct Key {
    algorithm: Algorithm,
    decoding: DecodingKey,
    thumbprint: String,
}

impl Key {
    /// The algorithm is the header's word, but only one that is this kind of key's own (attack F01).
    fn read(jwk: &Value, algorithm: &str) -> Result<Self, ProofRefusal> {
        let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if secret.iter().any(|name| jwk.get(name).is_some()) {
            return Err(ProofRefusal::PrivateKey);
        }
        let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        // Read strictly, so that one key has one spelling and one thumbprint.
        let bytes = |name: &str| BASE64URL.decode(text(name)).map_or(0, |bytes| bytes.len());
        // Zeros before it would be one more (RFC 7518 section 6.3.1.1).
        let is_short = BASE64URL.decode(text("n")).is_ok_and(|bytes| bytes.first() != Some(&0));
        let said = jwk.get("alg").is_none_or(|alg| alg == algorithm);
        let (x, y, n, e) = (text("x"), text("y"), text("n"), text("e"));
        let rsa = limits::RSA_BYTES_MIN..=limits::RSA_BYTES_MAX;
        let (algorithm, decoding, members) = match (algorithm, text("kty"), text("crv")) {
            ("ES256", "EC", "P-256") if bytes("x") == 32 && bytes("y") == 32 => (
                Algorithm::ES256,
                DecodingKey::from_ec_components(x, y),
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            ),
            ("EdDSA", "OKP", "Ed25519") if bytes("x") == 32 => (
                Algorithm::EdDSA,
                DecodingKey::from_ed_components(x),
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            ),
            ("RS256", "RSA", "") if e == RSA_EXPONENT && is_short && rsa.contains(&bytes("n")) => (
                Algorithm::RS256,
                DecodingKey::from_rsa_components(n, e),
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            ),
            _ => return Err(ProofRefusal::WrongAlgorithm),
        };
        let decoding = decoding.map_err(|_| ProofRefusal::WrongAlgorithm)?;
        let thumbprint = secret::sha256_base64url(members.as_bytes());
        if said { Ok(Self { algorithm, decoding, thumbprint }) } else { Err(ProofRefusal::WrongAlgorithm) }
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, ProofRefusal> {
    jwt::part(text).map_err(|_| ProofRefusal::Malformed)
}

/// Whether two URLs are one but for query and fragment, with scheme and host in any case and the usual port said or
/// not (RFC 9449 section 4.3, RFC 3986 section 6.2).
fn same_target(htu: &str, url: &str) -> bool {
    let plain = |text: &str| {
        let mut url =
            Url::parse(text).ok().filter(|url| url.username().is_empty() && url.password().is_none())?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    // Backslashes, tabs and the like are repaired by a parser; a client that means this URL does not write them.
    let printable = htu.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    printable && plain(htu).is_some_and(|htu| Some(htu) == plain(url))
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;
