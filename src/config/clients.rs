//! Which clients may come, and how they prove who they are.

use super::{ConfigError, Raw};

/// Which kinds of client may come beside the pre-registered ones.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Clients that their own https document describes (CIMD).
    pub described: bool,
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

pub(super) fn clients(raw: &Raw) -> Result<Clients, ConfigError> {
    Ok(Clients {
        described: raw.boolean("clients.described")?,
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
