//! Signing keys: what signs, what verifies, what is published (RFC 7517, RFC 7638). Pure: made elsewhere, used here.

use base64::Engine as _;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::clock::Time;
use crate::config::Algorithm;

/// A key that can sign, with what the world may know of it.
pub struct SigningKey {
    /// RFC 7638 thumbprint of the public key: two keys never share it, and it says nothing.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The public half.
    pub public: Jwk,
    /// From when it signs.
    pub active_at: Time,
    encoding: EncodingKey,
}

/// A private key that is not one of ours.
#[derive(Debug, thiserror::Error)]
#[error("a private key cannot be used: {0}")]
pub struct BadKey(#[from] jsonwebtoken::errors::Error);

impl SigningKey {
    /// From PKCS#8, as the store seals it.
    ///
    /// # Errors
    /// [`BadKey`] where the bytes are not a key of this algorithm.
    pub fn from_pkcs8(pkcs8: &[u8], algorithm: Algorithm, active_at: Time) -> Result<Self, BadKey> {
        let encoding = match algorithm {
            Algorithm::Es256 => EncodingKey::from_ec_der(pkcs8),
            // Its DER form is PKCS#1; only the PEM door takes PKCS#8.
            Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem(pkcs8).as_bytes())?,
            Algorithm::EdDsa => EncodingKey::from_ed_der(pkcs8),
        };
        let mut public = Jwk::from_encoding_key(&encoding, jws(algorithm))?;
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { kid, algorithm, public, active_at, encoding })
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm.as_str(), self.kid)
    }
}

/// A key that still verifies.
pub struct VerifyingKey {
    /// Its id.
    pub kid: String,
    /// The one algorithm it verifies; a header that names another is refused (attack F01).
    pub algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    jwk: Jwk,
}

/// All keys of this server at one moment: one that signs, and all that verify.
pub struct KeyRing {
    signing: SigningKey,
    verifying: Vec<VerifyingKey>,
    changes_at: Option<Time>,
}

impl KeyRing {
    /// The ring of `signing` and the public halves of the others that still verify or soon will sign.
    ///
    /// # Errors
    /// [`BadKey`] where a public key cannot be read.
    pub fn new(signing: SigningKey, others: Vec<(Jwk, Algorithm)>) -> Result<Self, BadKey> {
        let mut verifying = vec![verifying_key(&signing.public, signing.algorithm)?];
        for (jwk, algorithm) in &others {
            let key = verifying_key(jwk, *algorithm)?;
            if key.kid != signing.kid {
                verifying.push(key);
            }
        }
        Ok(Self { signing, verifying, changes_at: None })
    }

    /// The same ring, which another key takes over at that moment.
    #[must_use]
    pub fn until(self, changes_at: Option<Time>) -> Self {
        Self { changes_at, ..self }
    }

    /// When the ring has to be read again, since another key signs from then on.
    pub fn changes_at(&self) -> Option<Time> {
        self.changes_at
    }

    /// Whether `other` signs and verifies with the same keys.
    pub fn is_like(&self, other: &Self) -> bool {
        let kids = |ring: &Self| ring.verifying.iter().map(|key| key.kid.clone()).collect::<Vec<_>>();
        self.signing.kid == other.signing.kid
            && kids(self) == kids(other)
            && self.changes_at == other.changes_at
    }

    /// The algorithms of the keys that are published, each once.
    pub fn algorithms(&self) -> Vec<&'static str> {
        let mut all: Vec<_> = self.verifying.iter().map(|key| key.algorithm.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The key that signs.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The key named `kid`, if it still verifies.
    pub fn verifying(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|key| key.kid == kid)
    }

    /// The public keys, for `/jwks.json` (RFC 7517 section 5).
    pub fn public(&self) -> impl Iterator<Item = &Jwk> {
        self.verifying.iter().map(|key| &key.jwk)
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({:?} and {} that verify)", self.signing, self.verifying.len())
    }
}

fn verifying_key(jwk: &Jwk, algorithm: Algorithm) -> Result<VerifyingKey, BadKey> {
    let decoding = DecodingKey::from_jwk(jwk)?;
    let kid = jwk.common.key_id.clone().unwrap_or_default();
    Ok(VerifyingKey { kid, algorithm, decoding, jwk: jwk.clone() })
}

fn pem(pkcs8: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

pub(super) fn jws(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}
