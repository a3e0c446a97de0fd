//! Which clients may come, how they prove who they are, and what strangers among them may ask for.

use super::{ConfigError, Raw};
use crate::oauth::scope::ScopeSet;
use crate::oauth::trust::{Mode, Policy};

/// Which kinds of client may come beside the pre-registered ones.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Clients that their own https document describes (CIMD).
    pub described: Policy,
    /// The most that such a client may ask for while nobody vouches for it; `None` for what only reads.
    pub unknown_scopes: Option<ScopeSet>,
    /// What a person reads beside the refusal of a client.
    pub refusal: Option<String>,
    /// Whether every authorization request must be pushed first (RFC 9126 section 5).
    pub require_pushed: bool,
    /// Clients that register themselves (RFC 7591).
    pub self_registered: SelfRegistered,
    /// What a client assertion must name as its audience.
    pub assertion_audience: AssertionAudience,
}

/// Who may register a client without an administrator's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfRegistered {
    /// Anybody.
    Open,
    /// Who holds an initial access token (RFC 7591 section 3).
    Token,
    /// Nobody.
    Off,
}

/// What a client assertion must name as its audience (RFC 7523 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer, alone (draft-ietf-oauth-rfc7523bis).
    Issuer,
    /// The issuer, or the URL of the token endpoint, which programs from before that draft name.
    TokenEndpoint,
}

/// Reads the keys under `clients`.
///
/// # Errors
/// [`ConfigError`] that names the key and what it should have been.
pub fn read(raw: &Raw) -> Result<Clients, ConfigError> {
    let wrong = |key: &str, why: String| ConfigError(format!("{key} ({}): {why}", raw.origin(key)));
    let text = raw.text("clients.described");
    let mode = Mode::parse(&text).ok_or_else(|| {
        wrong("clients.described", format!("`{text}` is not one of off, allow-list, ask, open"))
    })?;
    let list = |key| raw.list(key);
    let (presets, allow, deny) = (list("clients.presets"), list("clients.allow"), list("clients.deny"));
    let described = Policy::new(mode, &presets, &allow, &deny)
        .map_err(|fault| wrong("clients.presets, clients.allow or clients.deny", fault.to_string()))?;
    let unknown_scopes = raw
        .optional("clients.unknown_scopes")
        .map(|text| text.replace(',', " ").parse::<ScopeSet>())
        .transpose()
        .map_err(|why| wrong("clients.unknown_scopes", why.to_string()))?;
    Ok(Clients {
        described,
        unknown_scopes,
        refusal: raw.optional("clients.refusal"),
        require_pushed: raw.boolean("clients.require_pushed")?,
        self_registered: self_registered(raw)?,
        assertion_audience: assertion_audience(raw)?,
    })
}

fn self_registered(raw: &Raw) -> Result<SelfRegistered, ConfigError> {
    match raw.text("clients.self_registered").as_str() {
        "open" => Ok(SelfRegistered::Open),
        "token" => Ok(SelfRegistered::Token),
        "off" => Ok(SelfRegistered::Off),
        other => Err(ConfigError(format!("clients.self_registered = \"{other}\": one of open, token, off"))),
    }
}

fn assertion_audience(raw: &Raw) -> Result<AssertionAudience, ConfigError> {
    match raw.text("clients.assertion_audience").as_str() {
        "issuer" => Ok(AssertionAudience::Issuer),
        "token-endpoint" => Ok(AssertionAudience::TokenEndpoint),
        other => Err(ConfigError(format!(
            "clients.assertion_audience = \"{other}\": one of issuer, token-endpoint"
        ))),
    }
}
