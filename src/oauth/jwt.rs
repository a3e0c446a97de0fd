//! A JWT that somebody else signed (RFC 7519, RFC 8725): read first, believed only once a key of the signer fits. Pure.
//!
//! The signer chooses neither the algorithm nor the key: `jku`, `jwk` and `x5u` of a header are never looked at, and the
//! algorithm must be one that the key itself has (attack F01).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::key_set::{Jws, KeySet};
use crate::clock::Time;
use crate::limits;

/// Why a JWT is not believed. Each is the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRefusal {
    /// Not three parts of which two are JSON objects.
    #[error("is not a signed JWT")]
    Malformed,
    /// `none`, a shared secret, or nothing that is known here.
    #[error("must be signed with ES256, EdDSA, PS256 or RS256")]
    Algorithm,
    /// It says that something must be understood, and nothing of the kind is (RFC 7515 section 4.1.11).
    #[error("names critical header parameters")]
    Critical,
    /// No key has the id that it names.
    #[error("is signed with a key that is not the signer's")]
    UnknownKey,
    /// No key fits.
    #[error("has a wrong signature")]
    BadSignature,
    /// Signed, and still not what it should be: a claim of another type, or twice.
    #[error("has a claim of the wrong type")]
    Claims,
}

/// A JWT as it was presented. Nothing it says may be relied on.
#[derive(Clone)]
pub struct Unverified {
    text: String,
    algorithm: Jws,
    kid: Option<String>,
    typ: Option<String>,
    claims: Value,
}

#[derive(Deserialize)]
struct Header {
    alg: Value,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    /// There at all is too much, so a null is not forgiven.
    #[serde(default, deserialize_with = "present")]
    crit: Option<Value>,
    /// Unencoded payloads (RFC 7797) are for those who understand them.
    #[serde(default, deserialize_with = "present")]
    b64: Option<Value>,
}

/// Tells a null from nothing.
pub(super) fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Unverified {
    /// Reads the compact form (RFC 7515 section 7.1).
    ///
    /// # Errors
    /// [`JwtRefusal`], in the order in which it is checked.
    pub fn read(text: &str) -> Result<Self, JwtRefusal> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, _signature] = parts.as_slice() else { return Err(JwtRefusal::Malformed) };
        let header: Header = part(header)?;
        let claims: Value = part(claims)?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(JwtRefusal::Critical);
        }
        let algorithm = header.alg.as_str().and_then(Jws::parse).ok_or(JwtRefusal::Algorithm)?;
        if !claims.is_object() {
            return Err(JwtRefusal::Malformed);
        }
        Ok(Self { text: text.to_owned(), algorithm, kid: header.kid, typ: header.typ, claims })
    }

    /// A claim that is text, as it stands there: good for finding out whose keys to ask, and for nothing else.
    pub fn claimed(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// The id of the key that it names.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it is signed with, by its own word.
    pub fn algorithm(&self) -> Jws {
        self.algorithm
    }

    /// Whether its `typ` is one of `names`, with or without `application/` (RFC 7515 section 4.1.9); `None` for an
    /// untyped one.
    pub fn is_typed(&self, names: &[&str]) -> Option<bool> {
        let typ = self.typ.as_deref()?;
        let short = typ.get(..12).filter(|start| start.eq_ignore_ascii_case("application/"));
        let name = short.map_or(typ, |_| &typ[12..]);
        Some(names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// What it says, once a key of `keys` fits.
    ///
    /// # Errors
    /// [`JwtRefusal::UnknownKey`], [`JwtRefusal::BadSignature`] or [`JwtRefusal::Claims`].
    pub fn verify<T: DeserializeOwned>(&self, keys: &KeySet) -> Result<T, JwtRefusal> {
        let (message, signature) = self.text.rsplit_once('.').ok_or(JwtRefusal::Malformed)?;
        let mut candidates = keys.candidates(self.kid()).peekable();
        if candidates.peek().is_none() {
            return Err(JwtRefusal::UnknownKey);
        }
        if !candidates.any(|key| key.verifies(self.algorithm, message.as_bytes(), signature)) {
            return Err(JwtRefusal::BadSignature);
        }
        // From the text again: there a claim that stands twice is an error, and not the last one's word.
        let claims = self.text.split('.').nth(1).ok_or(JwtRefusal::Malformed)?;
        part(claims).map_err(|_| JwtRefusal::Claims)
    }
}

impl std::fmt::Debug for Unverified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unverified({}…)", self.algorithm.as_str())
    }
}

/// One part of the compact form: JSON in base64url.
pub(super) fn part<T: DeserializeOwned>(text: &str) -> Result<T, JwtRefusal> {
    let bytes = BASE64URL.decode(text).map_err(|_| JwtRefusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtRefusal::Malformed)
}

/// `aud`: one text, or a list of them (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Audience {
    /// The only one, where it is the only one: a list that names others too could be shown to each of them.
    pub fn sole(&self) -> Option<&str> {
        match self {
            Self::One(one) => Some(one),
            Self::Many(many) => match many.as_slice() {
                [one] => Some(one),
                _ => None,
            },
        }
    }
}

/// Why a JWT is not for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untimely {
    /// Past its end.
    Expired,
    /// Its end is too far away to remember that it was used.
    TooLong,
    /// Not yet begun, or issued in the future.
    TooEarly,
}

/// Whether an assertion that ends at `expires_at` and begins at each of `begins` is for `now`, by a clock that may be a
/// little off. Gives the moment from which on its age alone refuses it.
///
/// # Errors
/// [`Untimely`], in the order in which it is checked.
pub(super) fn window(
    NumericDate(expires_at): NumericDate,
    begins: [Option<NumericDate>; 2],
    now: Time,
) -> Result<Time, Untimely> {
    let until = expires_at.plus_seconds(limits::ASSERTION_SKEW_SECONDS);
    if until <= now {
        return Err(Untimely::Expired);
    }
    if expires_at > now.plus_seconds(limits::ASSERTION_SECONDS_MAX + limits::ASSERTION_SKEW_SECONDS) {
        return Err(Untimely::TooLong);
    }
    let soon = now.plus_seconds(limits::ASSERTION_SKEW_SECONDS);
    if begins.into_iter().flatten().any(|NumericDate(begins)| begins > soon) {
        return Err(Untimely::TooEarly);
    }
    Ok(until)
}

/// A `NumericDate` (RFC 7519 section 2): seconds since 1970, perhaps with a fraction, which is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumericDate(pub Time);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        // Year 10000 at most: what is later overflows somewhere, and means "for ever".
        let far = 253_402_300_800.0;
        #[expect(clippy::cast_possible_truncation, reason = "within bounds just checked")]
        let seconds = match (number.as_i64(), number.as_f64()) {
            (_, Some(seconds)) if !(0.0..far).contains(&seconds) => None,
            (Some(seconds), _) => Some(seconds),
            (None, Some(seconds)) => Some(seconds as i64),
            (None, None) => None,
        };
        let seconds = seconds.ok_or_else(|| serde::de::Error::custom("not a date"))?;
        Ok(Self(Time::from_seconds(seconds)))
    }
}
