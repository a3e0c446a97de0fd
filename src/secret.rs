//! Secrets: minted here, shown once, found again by digest. The only source of randomness in the house.
//!
//! No secret type implements `Display` or `Serialize`; `Debug` says which kind it is and nothing else.

use std::fmt;
use std::marker::PhantomData;

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{constant_time, hkdf, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use crate::clock::Time;
use crate::config::Algorithm;
use crate::limits;

/// A kind of secret: what its text begins with, so that a leaked one can be recognised and searched for.
pub trait Kind {
    /// The prefix, underscore included.
    const PREFIX: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub enum $name {}
        impl Kind for $name { const PREFIX: &'static str = $prefix; }
    )*};
}

kinds! {
    /// An authorization code (RFC 6749 section 1.3.1).
    Code = "poc_";
    /// A refresh token (RFC 6749 section 1.5).
    Refresh = "por_";
    /// A client's secret (RFC 6749 section 2.3.1).
    ClientSecret = "pok_";
    /// A browser session of a signed-in person.
    Session = "pos_";
    /// What binds an authorization request to the browser that began it.
    Browser = "pob_";
    /// The name of a pending authorization request.
    Request = "poq_";
    /// A link that works once: the first administrator, an administrator who is locked out.
    Link = "pol_";
    /// A one-use proof that a form was served to the session that posts it.
    Csrf = "pof_";
    /// A session of a legacy MCP client (`Mcp-Session-Id`).
    McpSession = "pom_";
    /// A device's own code (RFC 8628 section 3.2).
    DeviceCode = "pod_";
    /// The name of a pushed authorization request (RFC 9126 section 2.2).
    Pushed = "pop_";
    /// A personal access token.
    Personal = "pot_";
    /// The credential that manages a self-registered client (RFC 7592 section 3).
    Registration = "pon_";
    /// A call of a tool that goes on after its answer (MCP, tasks).
    McpTask = "pot_";
    /// An initial access token, with which a client may register (RFC 7591 section 3).
    InitialAccess = "poi_";
}

/// 256 random bits with a prefix, in the clear. Shown once, then dropped.
pub struct Secret<K> {
    text: String,
    kind: PhantomData<K>,
}

impl<K: Kind> Secret<K> {
    /// A new one.
    pub fn mint() -> Self {
        Self { text: format!("{}{}", K::PREFIX, BASE64URL.encode(random::<32>())), kind: PhantomData }
    }

    /// One that somebody presents. Not yet trusted: only a digest that the store knows makes it real.
    ///
    /// Returns `None` where the text cannot be one of this kind, without asking anybody.
    pub fn presented(text: &str) -> Option<Self> {
        let body = text.strip_prefix(K::PREFIX)?;
        let fits =
            body.len() == 43 && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self { text: text.to_owned(), kind: PhantomData })
    }

    /// What the store keeps and finds it by.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }

    /// The text itself. Every call is a place where a secret leaves the house: grep for it.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl Secret<Browser> {
    /// What a form carries to prove that it was served to this browser for `purpose` and nothing else. Made again
    /// when the form comes back, so two tabs and the Back button work.
    pub fn proof(&self, purpose: &str) -> Secret<Csrf> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.text.as_bytes());
        let tag = hmac::sign(&key, purpose.as_bytes());
        Secret { text: format!("{}{}", Csrf::PREFIX, BASE64URL.encode(tag)), kind: PhantomData }
    }
}

impl<K: Kind> fmt::Debug for Secret<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", K::PREFIX)
    }
}

/// SHA-256 of a secret, base64url. Enough to find 256 random bits again, useless to anybody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of `text`.
    pub fn of(text: &str) -> Self {
        Self(sha256_base64url(text.as_bytes()))
    }

    /// As a column holds it.
    pub fn from_column(text: String) -> Self {
        Self(text)
    }

    /// For a column.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Equality in constant time, for the few places that compare instead of looking up.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

/// `count` letters of `alphabet`, each as likely as any other.
pub fn letters(alphabet: &[u8], count: usize) -> String {
    // What is over the largest multiple of the alphabet is drawn again: it would favour the first letters.
    let fair = 256 - 256 % alphabet.len();
    std::iter::repeat_with(random::<1>)
        .map(|[byte]| usize::from(byte))
        .filter(|byte| *byte < fair)
        .map(|byte| char::from(alphabet[byte % alphabet.len()]))
        .take(count)
        .collect()
}

/// SHA-256, base64url without padding: digests, PKCE challenges (RFC 7636 section 4.2), document hashes.
pub fn sha256_base64url(bytes: &[u8]) -> String {
    BASE64URL.encode(digest(&SHA256, bytes))
}

/// SHA-256 itself, for a key in memory that never becomes text.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// SHA-256 of parts, one after the other.
pub fn sha256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// `N` random bytes from the operating system's generator.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The system generator fails only where the system is broken; going on with zeros would be worse than stopping.
    #[expect(clippy::expect_used, reason = "no safe way on without randomness")]
    rand::fill(&mut bytes).expect("the system's random generator works");
    bytes
}

/// A UUIDv7: unique, and in order of `now`. An id names a row; it is never a secret.
pub fn id(now: Time) -> String {
    let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random::<10>()).into_uuid().to_string()
}

/// A new private signing key in PKCS#8.
#[expect(clippy::expect_used, reason = "key generation fails only where the system's generator does")]
pub fn private_key(algorithm: Algorithm) -> Vec<u8> {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::{rsa, signature};
    let rng = rand::SystemRandom::new();
    match algorithm {
        Algorithm::Es256 => {
            signature::EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
                .map(|document| document.as_ref().to_vec())
        }
        Algorithm::EdDsa => {
            signature::Ed25519KeyPair::generate_pkcs8v1(&rng).map(|document| document.as_ref().to_vec())
        }
        Algorithm::Rs256 => rsa::KeyPair::generate(rsa::KeySize::Rsa2048)
            .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map(|der| der.as_ref().to_vec())),
    }
    .expect("a new key")
}

/// The key-encryption key: seals what must be read back (private signing keys, upstream tokens).
pub struct Vault {
    current: SealingKey,
    /// Opens what it sealed before; seals nothing.
    previous: Option<SealingKey>,
}

struct SealingKey {
    key: RandomizedNonceKey,
    /// Derived, so that nothing that is shown to strangers is made with the key that seals.
    marks: hmac::Key,
    /// What everything that it sealed begins with: the first characters of its digest.
    id: String,
}

/// Why something sealed does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is not 32 bytes of base64url.
    #[error(
        "the encryption key must be 32 bytes in base64url; make one with `openssl rand -base64 32 | tr '+/' '-_' | tr -d =`"
    )]
    BadKey,
    /// Sealed under another key than the one at hand.
    #[error(
        "sealed under encryption key {sealed}, but the key at hand is {ours}: restore the key this database was made with"
    )]
    OtherKey {
        /// The id of the key that sealed it.
        sealed: String,
        /// The id of the key at hand.
        ours: String,
    },
    /// Altered, cut, or moved here from another row.
    #[error("a sealed value does not open: it was altered, or moved from another row")]
    Broken,
}

impl Vault {
    /// From 32 bytes in base64url, as the key file or the environment holds them.
    ///
    /// # Errors
    /// [`SealError::BadKey`] where the text is anything else.
    pub fn from_base64url(text: &str) -> Result<Self, SealError> {
        Ok(Self { current: SealingKey::read(text)?, previous: None })
    }

    /// The same vault, which also opens what an earlier key sealed.
    ///
    /// # Errors
    /// [`SealError::BadKey`] where the text is no key.
    pub fn with_previous(self, text: &str) -> Result<Self, SealError> {
        Ok(Self { previous: Some(SealingKey::read(text)?), ..self })
    }

    /// A new key, as text for the file that will hold it.
    pub fn mint() -> String {
        BASE64URL.encode(random::<32>())
    }

    /// A value for `purpose` that every node with this key makes alike and nobody else can.
    pub fn mark(&self, purpose: &str) -> String {
        BASE64URL.encode(hmac::sign(&self.current.marks, purpose.as_bytes()))
    }

    /// Whether somebody presents the mark for `purpose`. Takes as long whatever differs.
    pub fn is_mark(&self, purpose: &str, presented: &str) -> bool {
        let presented = BASE64URL.decode(presented).unwrap_or_default();
        let is_of = |key: &SealingKey| hmac::verify(&key.marks, purpose.as_bytes(), &presented).is_ok();
        is_of(&self.current) || self.previous.as_ref().is_some_and(is_of)
    }

    /// Seals `plain` for the row that `row` names; it opens for that row only, so a ciphertext moved to another
    /// user, client or key is refused (attack F07).
    pub fn seal(&self, row: &str, plain: &[u8]) -> String {
        format!("{}.{}", self.current.id, seal(&self.current.key, row, plain))
    }

    /// Opens what [`Vault::seal`] sealed for the same row.
    ///
    /// # Errors
    /// [`SealError::OtherKey`] or [`SealError::Broken`].
    pub fn open(&self, row: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let (id, sealed) = sealed.split_once('.').ok_or(SealError::Broken)?;
        let mut ours = [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
        let Some(key) = ours.find(|key| key.id == id) else {
            return Err(SealError::OtherKey { sealed: id.to_owned(), ours: self.current.id.clone() });
        };
        open(&key.key, row, sealed)
    }

    /// Whether the key at hand, and not the one before it, sealed this.
    pub fn is_current(&self, sealed: &str) -> bool {
        sealed.split_once('.').is_some_and(|(id, _)| id == self.current.id)
    }
}

impl SealingKey {
    fn read(text: &str) -> Result<Self, SealError> {
        let bytes = BASE64URL.decode(text.trim().trim_end_matches('=')).map_err(|_| SealError::BadKey)?;
        if bytes.len() != 32 {
            return Err(SealError::BadKey);
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::BadKey)?;
        let marks = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"postern marks v1");
        let marks = hmac::Key::new(hmac::HMAC_SHA256, marks.as_ref());
        Ok(Self { key, marks, id: sha256_base64url(&bytes)[..8].to_owned() })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.current.id)
    }
}

/// Seals `plain` under a key derived from a secret that only its holder has: the database keeps the answer to a
/// refresh for the grace period and cannot read it.
pub fn seal_under<K: Kind>(secret: &Secret<K>, row: &str, plain: &[u8]) -> String {
    seal(&derived(secret), row, plain)
}

/// Opens what [`seal_under`] sealed under the same secret for the same row.
///
/// # Errors
/// [`SealError::Broken`] where it does not.
pub fn open_under<K: Kind>(secret: &Secret<K>, row: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
    open(&derived(secret), row, sealed)
}

#[expect(clippy::expect_used, reason = "lengths are constants that the primitives accept")]
fn derived<K: Kind>(secret: &Secret<K>) -> RandomizedNonceKey {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"postern sealed answer v1");
    let mut key = [0; 32];
    salt.extract(secret.text.as_bytes())
        .expand(&[K::PREFIX.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("32 bytes of HKDF-SHA256 output");
    RandomizedNonceKey::new(&AES_256_GCM, &key).expect("a 32-byte AES key")
}

#[expect(clippy::expect_used, reason = "AES-GCM seals anything under 64 GiB")]
fn seal(key: &RandomizedNonceKey, row: &str, plain: &[u8]) -> String {
    let mut buffer = plain.to_vec();
    let nonce =
        key.seal_in_place_append_tag(Aad::from(row.as_bytes()), &mut buffer).expect("a short plaintext");
    let mut sealed = nonce.as_ref().to_vec();
    sealed.extend_from_slice(&buffer);
    BASE64URL.encode(sealed)
}

fn open(key: &RandomizedNonceKey, row: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
    let mut bytes = BASE64URL.decode(sealed).map_err(|_| SealError::Broken)?;
    if bytes.len() < limits::AEAD_NONCE_BYTES {
        return Err(SealError::Broken);
    }
    let mut buffer = bytes.split_off(limits::AEAD_NONCE_BYTES);
    let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(&bytes).map_err(|_| SealError::Broken)?;
    let plain =
        key.open_in_place(nonce, Aad::from(row.as_bytes()), &mut buffer).map_err(|_| SealError::Broken)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
