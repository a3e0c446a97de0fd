//! Which clients may come, and what strangers among them may ask for.

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
    /// Clients that register themselves (RFC 7591).
    pub self_registered: bool,
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
        self_registered: raw.boolean("clients.self_registered")?,
    })
}
