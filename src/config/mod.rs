//! Configuration: `postern.toml`, then the environment, then flags; raw first, then real.
//!
//! Owns: every key, its one environment name, where each value came from, and which combinations are refused.
//! The only reader of the environment. Does not own: limits that nobody should change (`limits`).

mod catalog;
mod clients;
mod guarding;
mod issuers;
mod keys;
mod log;
mod mcp;
mod raw;
pub mod servers;
mod signing;
pub mod tokens;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

pub use catalog::Catalog;
pub use clients::{AssertionAudience, Clients, SelfRegistered};
pub use guarding::{Proxies, ProxyHeader, Rates, subscriber};
pub use issuers::TrustedIssuer;
pub use keys::{KEYS, Key};
pub use log::Log;
pub use mcp::McpSessions;
pub use raw::{Flags, Origin, Raw};
pub use signing::{Algorithm, Keys};

use crate::limits;

/// What the server runs with: parsed, checked, secrets wrapped.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people and clients reach this server, without a trailing slash. It alone fixes the issuer and every
    /// published URL; request headers never do (attack G05).
    pub public_url: PublicUrl,
    /// The address to bind.
    pub listen: SocketAddr,
    /// Where the embedded database and the encryption key live.
    pub data_dir: PathBuf,
    /// Whose word counts for where a request came from.
    pub proxies: Proxies,
    /// How often one address may ask.
    pub rates: Rates,
    /// Where the rows are.
    pub database: Database,
    /// The key-encryption key in base64url, or `None` for the file in the data directory.
    pub encryption_key: Option<Hidden>,
    /// The name people see: in the consent page's title and as `resource_name`.
    pub title: String,
    /// What the catalog is read from.
    pub catalog: Catalog,
    /// Which kinds of client may come.
    pub clients: Clients,
    /// The key before that one, while some values are still sealed under it.
    pub encryption_key_previous: Option<Hidden>,
    /// What signs tokens.
    pub keys: Keys,
    /// Lifetimes of tokens.
    pub tokens: Tokens,
    /// Which resources a client may exchange tokens for (RFC 8693), by client_id; nobody else may.
    pub exchange: BTreeMap<String, Vec<String>>,
    /// Identity providers whose word is taken for who a person is.
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// Exceptions for outbound calls in tests.
    pub outbound: Outbound,
    /// How tools are named in lists.
    pub tool_names: ToolNames,
    /// Whether MCP clients from before 2026-07-28 get sessions.
    pub mcp_sessions: McpSessions,
    /// Whether the deprecated transport of MCP 2024-11-05 is served at `/sse`.
    pub mcp_sse: bool,
    /// Whether the fixtures of the official conformance suite are served. Refused unless only this machine can call.
    pub conformance: bool,
    /// The MCP servers beside the one that shows everything.
    pub servers: Vec<servers::NamedServer>,
    /// Actions whose calls wait for their person's yes.
    pub approval: Vec<crate::actions::filter::Rule>,
    /// Tokens for programs that cannot sign in.
    pub static_tokens: Vec<tokens::StaticToken>,
    /// How log lines are written.
    pub log: Log,
}

/// `scheme://host[:port]`, nothing after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    url: Url,
}

impl PublicUrl {
    /// The text, without a trailing slash: the issuer, byte for byte (RFC 8414 section 2).
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL under this origin at `path`, which begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// The URL, parsed.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether only programs on this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Whether browsers reach it over TLS, so that cookies can be `Secure`.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

/// Whether the host of `url` is this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// A value that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Wraps a value.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Where the rows are.
#[derive(Clone, Debug)]
pub struct Database {
    /// `postgres://…`, or `None` for SQLite in the data directory.
    pub url: Option<Hidden>,
    /// Most connections this node opens to Postgres.
    pub connections_max: u32,
}

/// Lifetimes of tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Life of an access token, in seconds; 900 at least, since VS Code loops on five minutes or less.
    pub access_seconds: i64,
    /// A refresh token unused for this long is dead, in seconds.
    pub refresh_idle_seconds: i64,
    /// A grant ends this long after consent, in seconds, however often it is refreshed.
    pub refresh_absolute_seconds: i64,
    /// Whether DPoP proofs must answer a nonce of this server (RFC 9449 section 8).
    pub dpop_nonces: bool,
}

/// Exceptions for outbound calls, so that described clients can be tested without a network. Refused unless
/// `public_url` is loopback.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// Host names that are answered with this address instead of DNS.
    pub resolve: BTreeMap<String, SocketAddr>,
    /// A PEM file of certification authorities trusted besides the public ones.
    pub extra_ca: Option<PathBuf>,
}

/// How tools are named in lists; every form can be called in every setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolNames {
    /// `catalog_get-catalog-entity`: accepted by every client and model API.
    Safe,
    /// `catalog.get-catalog-entity`: as Backstage names them.
    Dotted,
    /// `catalog:get-catalog-entity`.
    Id,
}

/// A configuration that cannot be run: what, with which value, from where, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Reads the file, the environment and the flags of this process.
    ///
    /// # Errors
    /// [`ConfigError`] that names the key, the value, where it came from and the way out.
    pub fn load(flags: &Flags) -> Result<(Self, Raw), ConfigError> {
        let raw = Raw::read(flags, |name| std::env::var(name).ok())?;
        Ok((Self::from_raw(&raw)?, raw))
    }

    /// Parses and checks raw values.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        let public_url = parse_public_url(raw)?;
        let config = Self {
            static_tokens: tokens::read(raw, &public_url)?,
            public_url,
            listen: raw.parse("listen", "an address and a port, such as 127.0.0.1:8787")?,
            data_dir: PathBuf::from(raw.text("data_dir")),
            proxies: Proxies::from_raw(raw)?,
            rates: Rates::from_raw(raw)?,
            database: database(raw)?,
            encryption_key: raw.optional("encryption_key").map(Hidden::new),
            title: raw.text("title"),
            catalog: Catalog::from_raw(raw)?,
            clients: clients::read(raw)?,
            encryption_key_previous: raw.optional("encryption_key_previous").map(Hidden::new),
            keys: Keys::from_raw(raw)?,
            tokens: lifetimes(raw)?,
            exchange: exchange(raw),
            trusted_issuers: issuers::read(raw)?,
            outbound: outbound(raw)?,
            tool_names: tool_names(raw)?,
            servers: servers::read(raw)?,
            approval: servers::rule_list(raw, "mcp.approval")?,
            mcp_sessions: mcp::sessions(raw)?,
            mcp_sse: raw.boolean("mcp.sse")?,
            conformance: raw.boolean("conformance")?,
            log: Log::from_raw(raw)?,
        };
        config.refuse_the_unsafe(raw)?;
        Ok(config)
    }

    /// The issuer (RFC 8414 section 2): the public URL, byte for byte.
    pub fn issuer(&self) -> &str {
        self.public_url.as_str()
    }

    /// The protected resource of the default MCP server (RFC 8707): exactly the URL that clients call.
    pub fn resource(&self) -> String {
        self.public_url.at("/mcp")
    }

    /// Defaults that are safe on one machine are not safe on a network; the start is refused, not warned about
    /// (attack G07).
    fn refuse_the_unsafe(&self, raw: &Raw) -> Result<(), ConfigError> {
        let url = self.public_url.as_str();
        let fail = |why: String| Err(ConfigError(why));
        // Behind a proxy the listener is loopback and the public URL is not; in a container it is the other way round.
        if self.conformance && !(self.public_url.is_loopback() && self.listen.ip().is_loopback()) {
            return fail(format!(
                "conformance = true ({}) serves tools for tests that need no permission, so it starts only where public_url                  and listen are both loopback; they are {url} and {}.",
                raw.origin("conformance"),
                self.listen
            ));
        }
        if self.public_url.is_loopback() {
            return Ok(());
        }
        if !self.public_url.is_https() {
            return fail(format!(
                "public_url = \"{url}\" ({}) is not loopback, so it must be https: tokens would cross the network in clear. \
                 Put a TLS proxy in front and use its https address.",
                raw.origin("public_url")
            ));
        }
        if !raw.boolean("tls.in_front")? {
            return fail(format!(
                "public_url = \"{url}\" is https and this server speaks http: say that TLS ends in front of it \
                 with `tls.in_front = true` (or POSTERN_TLS_IN_FRONT=true)."
            ));
        }
        if self.catalog.demo {
            return fail(format!(
                "public_url = \"{url}\" is not loopback and the catalog is the sample one, which is not for production: \
                 name your own descriptors in `catalog.paths` (POSTERN_CATALOG_PATHS), or set `catalog.demo = false`."
            ));
        }
        if !self.outbound.resolve.is_empty() || self.outbound.extra_ca.is_some() {
            return fail(
                "outbound.resolve and outbound.extra_ca are for tests on one machine; they are refused unless public_url is loopback."
                    .into(),
            );
        }
        Ok(())
    }
}

fn parse_public_url(raw: &Raw) -> Result<PublicUrl, ConfigError> {
    let text = raw.text("public_url");
    let wrong =
        |why: &str| ConfigError(format!("public_url = \"{text}\" ({}): {why}", raw.origin("public_url")));
    let url = Url::parse(&text).map_err(|e| wrong(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("it must be an http or https URL, such as https://mcp.example.com"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(wrong("it must be an origin only: no path, query, fragment or user name"));
    }
    Ok(PublicUrl { text: url.as_str().trim_end_matches('/').to_owned(), url })
}

fn database(raw: &Raw) -> Result<Database, ConfigError> {
    let url = raw.optional("database.url");
    if let Some(url) = &url
        && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
    {
        return Err(ConfigError(format!(
            "database.url ({}) must begin with postgres://; leave it out for SQLite in the data directory",
            raw.origin("database.url")
        )));
    }
    let connections_max = raw.parse("database.connections_max", "a whole number")?;
    Ok(Database { url: url.map(Hidden::new), connections_max })
}

fn lifetimes(raw: &Raw) -> Result<Tokens, ConfigError> {
    let access_seconds: i64 = raw.parse("tokens.access_seconds", "a whole number of seconds")?;
    if !(limits::ACCESS_TOKEN_SECONDS_MIN..=limits::ACCESS_TOKEN_SECONDS_MAX).contains(&access_seconds) {
        return Err(ConfigError(format!(
            "tokens.access_seconds = {access_seconds} ({}): between {} (VS Code refreshes without end below that) and {}",
            raw.origin("tokens.access_seconds"),
            limits::ACCESS_TOKEN_SECONDS_MIN,
            limits::ACCESS_TOKEN_SECONDS_MAX,
        )));
    }
    let days = |key| raw.parse::<i64>(key, "a whole number of days").map(|d| d.max(1) * 86_400);
    Ok(Tokens {
        access_seconds,
        refresh_idle_seconds: days("tokens.refresh_idle_days")?,
        refresh_absolute_seconds: days("tokens.refresh_absolute_days")?,
        dpop_nonces: raw.boolean("tokens.dpop_nonces")?,
    })
}

fn exchange(raw: &Raw) -> BTreeMap<String, Vec<String>> {
    let listed = |text: String| text.split_whitespace().map(str::to_owned).collect();
    raw.table("exchange.resources").into_iter().map(|(client, text)| (client, listed(text))).collect()
}

fn outbound(raw: &Raw) -> Result<Outbound, ConfigError> {
    let mut resolve = BTreeMap::new();
    for (host, address) in raw.table("outbound.resolve") {
        let parsed = address.parse().map_err(|_| {
            ConfigError(format!(
                "outbound.resolve.{host} = \"{address}\": an address and a port, such as 127.0.0.1:9443"
            ))
        })?;
        resolve.insert(host, parsed);
    }
    Ok(Outbound { resolve, extra_ca: raw.optional("outbound.extra_ca").map(PathBuf::from) })
}

fn tool_names(raw: &Raw) -> Result<ToolNames, ConfigError> {
    match raw.text("mcp.tool_names").as_str() {
        "safe" => Ok(ToolNames::Safe),
        "dotted" => Ok(ToolNames::Dotted),
        "id" => Ok(ToolNames::Id),
        other => Err(ConfigError(format!("mcp.tool_names = \"{other}\": one of safe, dotted, id"))),
    }
}

#[cfg(test)]
mod tests;
