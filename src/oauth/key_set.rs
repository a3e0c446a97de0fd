//! Public keys of somebody else (RFC 7517): what a client or an identity provider signs with. Pure; fetched elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::AuthMethod;
use super::members::{Fault, Members};
use crate::limits;

/// What a stranger may sign with (RFC 7518 section 3.1, RFC 8037). `none` and shared secrets are not among them, so
/// that a header can ask for neither (attack F01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jws {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PSS.
    Ps256,
    /// RSASSA-PKCS1-v1_5.
    Rs256,
}

impl Jws {
    /// All of them, as metadata lists them.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Ps256, Self::Rs256];

    /// The `alg` value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// From the `alg` value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == text)
    }

    fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// One public key that can be used here. Only what that takes is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

/// The exponent that every RSA key of today has, 65537: others are slow, or weak.
pub(super) const RSA_EXPONENT: &str = "AQAB";

impl PublicKey {
    /// Reads one key, if it is a public one that verifies with an algorithm of [`Jws`] (RFC 7518 section 6).
    ///
    /// # Errors
    /// [`KeySetFault::Private`] where it is not public, whatever else it is.
    pub fn read(key: &Value) -> Result<Option<Self>, KeySetFault> {
        let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| key.get(name).is_some());
        if secret || key.get("kty").is_some_and(|kty| kty == "oct") {
            return Err(KeySetFault::Private);
        }
        let Ok(read) = Self::deserialize(key) else { return Ok(None) };
        let signs = read.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let verifies = key
            .get("key_ops")
            .is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
        let named = read.kid.as_ref().is_none_or(|kid| kid.len() <= limits::KEY_ID_BYTES_MAX);
        Ok((signs && verifies && named && !read.algorithms().is_empty()).then_some(read))
    }

    /// What it verifies: the key's own word, never a header's. Empty where it is of no use here.
    fn algorithms(&self) -> Vec<Jws> {
        let bytes = |part: &Option<String>| part.as_deref().and_then(|text| BASE64URL.decode(text).ok());
        let has = |part: &Option<String>, length: usize| bytes(part).is_some_and(|b| b.len() == length);
        let modulus = || {
            let bytes = bytes(&self.n).unwrap_or_default();
            let zeros = bytes.iter().take_while(|b| **b == 0).count();
            (limits::RSA_BYTES_MIN..=limits::RSA_BYTES_MAX).contains(&(bytes.len() - zeros))
        };
        let able: &[Jws] = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) if has(&self.x, 32) && has(&self.y, 32) => &[Jws::Es256],
            ("OKP", Some("Ed25519")) if has(&self.x, 32) => &[Jws::EdDsa],
            ("RSA", None) if self.e.as_deref() == Some(RSA_EXPONENT) && modulus() => {
                &[Jws::Ps256, Jws::Rs256]
            }
            _ => &[],
        };
        let said = |a: &Jws| self.alg.as_deref().is_none_or(|alg| alg == a.as_str());
        able.iter().copied().filter(said).collect()
    }

    /// Whether `signature`, in base64url, is this key's over `message`. An algorithm that is not this key's never fits.
    pub fn verifies(&self, algorithm: Jws, message: &[u8], signature: &str) -> bool {
        if !self.algorithms().contains(&algorithm) {
            return false;
        }
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let key = match algorithm {
            Jws::Es256 => DecodingKey::from_ec_components(&part(&self.x), &part(&self.y)),
            Jws::EdDsa => DecodingKey::from_ed_components(&part(&self.x)),
            Jws::Ps256 | Jws::Rs256 => DecodingKey::from_rsa_components(&part(&self.n), &part(&self.e)),
        };
        key.and_then(|key| jsonwebtoken::crypto::verify(signature, message, &key, algorithm.library()))
            .unwrap_or(false)
    }
}

/// A JWK set of public keys that can be used here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

/// Why a JWK set is not taken. Each is the end of a sentence that begins with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// Not `{"keys": […]}`.
    #[error("must be a JWK set: an object with an array of keys (RFC 7517)")]
    NotASet,
    /// A private or shared key that somebody published: whoever read it can sign with it.
    #[error("must hold public keys only")]
    Private,
    /// Over the limit.
    #[error("must hold at most {max} keys", max = limits::KEY_SET_KEYS_MAX)]
    TooMany,
    /// Nothing of it can be used.
    #[error(
        "holds no key that can be used: EC on P-256, OKP on Ed25519, or RSA of 2048 to 4096 bits with exponent AQAB"
    )]
    NoneUsable,
}

impl KeySet {
    /// Reads a JWK set. Keys of kinds that are not used here are left out (RFC 7517 section 5).
    ///
    /// # Errors
    /// [`KeySetFault`].
    pub fn read(set: &Value) -> Result<Self, KeySetFault> {
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeySetFault::NotASet)?;
        if listed.len() > limits::KEY_SET_KEYS_MAX {
            return Err(KeySetFault::TooMany);
        }
        let mut keys = Vec::new();
        for key in listed {
            if !key.is_object() {
                return Err(KeySetFault::NotASet);
            }
            keys.extend(PublicKey::read(key)?);
        }
        if keys.is_empty() { Err(KeySetFault::NoneUsable) } else { Ok(Self { keys }) }
    }

    /// The keys that may have signed something that names `kid`, or names none.
    pub fn candidates(&self, kid: Option<&str>) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().filter(move |key| kid.is_none() || key.kid.as_deref() == kid)
    }
}

/// What a client says of the way it signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// Its keys.
    pub jwks: Option<KeySet>,
    /// Where they are, instead. Kept and not fetched here (attack A04).
    pub jwks_uri: Option<String>,
    /// The one algorithm it will use, if it names one.
    pub algorithm: Option<String>,
}

impl Signing {
    /// From what a client says of itself (RFC 7591 section 2). One that signs who it is must say with what.
    ///
    /// # Errors
    /// [`Fault`] where keys are named in two places, in none though `method` needs them, or cannot be used.
    pub fn of_members(members: &Members, method: AuthMethod) -> Result<Self, Fault> {
        let jwks_uri = members.page("jwks_uri")?;
        if jwks_uri.as_ref().is_some_and(|uri| !uri.starts_with("https://")) {
            return Err(Fault::metadata("jwks_uri must be an https URL"));
        }
        let jwks = members.value("jwks").map(KeySet::read).transpose();
        let jwks = jwks.map_err(|fault| Fault::metadata(format!("jwks {fault}")))?;
        if jwks.is_some() && jwks_uri.is_some() {
            return Err(Fault::metadata("jwks and jwks_uri exclude each other: name one"));
        }
        if method != AuthMethod::PrivateKeyJwt {
            return Ok(Self { jwks, jwks_uri, algorithm: None });
        }
        if jwks.is_none() && jwks_uri.is_none() {
            return Err(Fault::metadata("private_key_jwt needs the public keys, in jwks or at jwks_uri"));
        }
        let algorithm = members.text("token_endpoint_auth_signing_alg")?;
        if algorithm.is_some_and(|algorithm| Jws::parse(algorithm).is_none()) {
            let why = "token_endpoint_auth_signing_alg must be ES256, EdDSA, PS256 or RS256";
            return Err(Fault::metadata(why));
        }
        Ok(Self { jwks, jwks_uri, algorithm: algorithm.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn b64(bytes: usize) -> String {
        BASE64URL.encode(vec![0xab; bytes])
    }

    fn ec() -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": b64(32), "y": b64(32)})
    }

    fn rsa(bytes: usize) -> Value {
        json!({"kty": "RSA", "n": b64(bytes), "e": "AQAB"})
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn set(keys: Vec<Value>) -> Result<KeySet, KeySetFault> {
        KeySet::read(&json!({"keys": keys}))
    }

    #[test]
    fn each_kind_of_key_verifies_its_own_algorithms_and_no_other() {
        let able = |key: Value| PublicKey::read(&key).unwrap().map(|key| key.algorithms());
        assert_eq!(able(ec()), Some(vec![Jws::Es256]));
        assert_eq!(able(json!({"kty": "OKP", "crv": "Ed25519", "x": b64(32)})), Some(vec![Jws::EdDsa]));
        assert_eq!(able(rsa(256)), Some(vec![Jws::Ps256, Jws::Rs256]));
        assert_eq!(able(with(rsa(256), "alg", json!("RS256"))), Some(vec![Jws::Rs256]));
        for useless in [
            with(ec(), "alg", json!("RS256")),
            with(ec(), "alg", json!("HS256")),
            with(ec(), "alg", json!("none")),
            with(ec(), "crv", json!("P-384")),
            with(ec(), "crv", json!("secp256k1")),
            with(ec(), "x", json!(b64(31))),
            with(ec(), "y", json!("!")),
            with(ec(), "use", json!("enc")),
            with(ec(), "key_ops", json!(["encrypt"])),
            with(ec(), "kid", json!(1)),
            with(ec(), "kty", json!("RSA")),
            with(rsa(256), "kty", json!("EC")),
            with(rsa(256), "e", json!("Aw")),
            with(rsa(256), "e", json!("AQ")),
            rsa(255),
            rsa(128),
            rsa(513),
            json!({"kty": "RSA", "n": BASE64URL.encode([vec![0; 128], vec![1; 128]].concat()), "e": "AQAB"}),
            json!({"kty": "OKP", "crv": "X25519", "x": b64(32)}),
            json!({"kty": "OKP", "crv": "Ed448", "x": b64(57)}),
            json!({}),
        ] {
            assert_eq!(PublicKey::read(&useless), Ok(None), "{useless}");
        }
    }

    #[test]
    fn one_private_key_spoils_the_set() {
        for private in [
            with(ec(), "d", json!("x")),
            with(ec(), "d", Value::Null),
            with(rsa(256), "p", json!("x")),
            json!({"kty": "oct"}),
            json!({"kty": "oct", "k": "x"}),
            with(ec(), "k", json!("x")),
        ] {
            assert_eq!(set(vec![ec(), private.clone()]), Err(KeySetFault::Private), "{private}");
        }
    }

    #[test]
    fn what_is_no_set_of_usable_keys_is_refused() {
        assert_eq!(set(vec![]), Err(KeySetFault::NoneUsable));
        assert_eq!(set(vec![rsa(128)]), Err(KeySetFault::NoneUsable));
        assert_eq!(set(vec![json!("x")]), Err(KeySetFault::NotASet));
        assert_eq!(set(vec![ec(); limits::KEY_SET_KEYS_MAX + 1]), Err(KeySetFault::TooMany));
        for no_set in [json!([]), json!({}), json!({"keys": {}}), json!("x"), ec()] {
            assert_eq!(KeySet::read(&no_set), Err(KeySetFault::NotASet), "{no_set}");
        }
        let known = set(vec![rsa(128), with(ec(), "x5c", json!(["AA"]))]).unwrap();
        assert_eq!(
            serde_json::to_value(&known).unwrap(),
            json!({"keys": [ec()]}),
            "only what is used is kept"
        );
    }

    #[test]
    fn a_key_is_found_by_its_id_and_never_by_a_part_of_it() {
        let known = set(vec![with(ec(), "kid", json!("a")), with(ec(), "kid", json!("b")), ec()]).unwrap();
        for (kid, count) in
            [(Some("a"), 1), (Some("A"), 0), (Some(""), 0), (Some("a' or '1'='1"), 0), (None, 3)]
        {
            assert_eq!(known.candidates(kid).count(), count, "{kid:?}");
        }
    }
}
