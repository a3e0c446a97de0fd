//! What signs tokens, and how often it changes.

use super::{ConfigError, Raw};
use crate::limits;

/// Signing keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// What the next key will be. The one that signs stays what it is until then.
    pub algorithm: Algorithm,
    /// How long a key signs before the next one takes over, in seconds; `None` for as long as nobody rotates it.
    pub rotate_seconds: Option<i64>,
}

impl Keys {
    /// From the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the key and what it may be.
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        let text = raw.text("keys.algorithm");
        let algorithm = Algorithm::parse(&text).ok_or_else(|| {
            let origin = raw.origin("keys.algorithm");
            ConfigError(format!("keys.algorithm = \"{text}\" ({origin}): one of ES256, RS256, EdDSA"))
        })?;
        let days: i64 = raw.parse("keys.rotate_days", "a whole number of days, 0 for never")?;
        if !(0..=limits::KEY_ROTATE_DAYS_MAX).contains(&days) {
            return Err(ConfigError(format!(
                "keys.rotate_days = {days} ({}): between 1 and {}, or 0 for never",
                raw.origin("keys.rotate_days"),
                limits::KEY_ROTATE_DAYS_MAX
            )));
        }
        Ok(Self { algorithm, rotate_seconds: (days > 0).then_some(days * 86_400) })
    }
}

/// What access tokens are signed with (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256: the default.
    Es256,
    /// RSA PKCS#1 v1.5, for verifiers that know nothing else.
    Rs256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The `alg` value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// From the `alg` value.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Es256, Self::Rs256, Self::EdDsa].into_iter().find(|a| a.as_str() == text)
    }
}
