//! Every key: its place in `postern.toml`, its one environment name, its default, and what it is for.

/// One configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted path in `postern.toml`.
    pub path: &'static str,
    /// The environment variable that overrides the file. A secret also has one that ends in `_FILE`.
    pub env: &'static str,
    /// The default as text, or `None` where leaving it out means something of its own.
    pub default: Option<&'static str>,
    /// Whether its value is hidden when printed.
    pub secret: bool,
    /// What it is for, in a sentence.
    pub help: &'static str,
}

const fn key(
    path: &'static str,
    env: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Key {
    Key { path, env, default, secret: false, help }
}

const fn secret(path: &'static str, env: &'static str, help: &'static str) -> Key {
    Key { path, env, default: None, secret: true, help }
}

/// Every key there is; anything else in a file is an error.
pub const KEYS: &[Key] = &[
    key(
        "public_url",
        "POSTERN_PUBLIC_URL",
        Some("http://localhost:8787"),
        "Where people and clients reach this server; fixes the issuer and every published URL.",
    ),
    key("listen", "POSTERN_LISTEN", Some("127.0.0.1:8787"), "The address and port to bind."),
    key(
        "data_dir",
        "POSTERN_DATA_DIR",
        Some("./postern-data"),
        "Where the embedded database and the encryption key live.",
    ),
    secret("database.url", "POSTERN_DATABASE_URL", "postgres://…; left out, SQLite in the data directory."),
    key(
        "database.connections_max",
        "POSTERN_DATABASE_CONNECTIONS_MAX",
        Some("16"),
        "Most connections this node opens to Postgres.",
    ),
    secret(
        "encryption_key",
        "POSTERN_ENCRYPTION_KEY",
        "32 bytes in base64url that seal private keys in the database; left out, a file in the data directory, made on first start.",
    ),
    secret(
        "encryption_key_previous",
        "POSTERN_ENCRYPTION_KEY_PREVIOUS",
        "The key before encryption_key, while not everything is sealed again; see `postern keys reseal`.",
    ),
    key("title", "POSTERN_TITLE", Some("Postern"), "The name people see on pages and in their client."),
    key(
        "tls.in_front",
        "POSTERN_TLS_IN_FRONT",
        Some("false"),
        "Says that a proxy in front ends TLS; needed where public_url is not loopback.",
    ),
    key(
        "proxies",
        "POSTERN_PROXIES",
        None,
        "Networks of the proxies in front, such as 10.0.0.0/8; only they are believed about where a request came from.",
    ),
    key(
        "proxy_header",
        "POSTERN_PROXY_HEADER",
        Some("x-forwarded-for"),
        "The header in which those proxies write it: x-forwarded-for or forwarded.",
    ),
    key(
        "rates.token",
        "POSTERN_RATES_TOKEN",
        Some("6000"),
        "Requests a minute from one address, and from one confidential client, at each of /token, /revoke, /par and /device_authorization; 0 for no limit.",
    ),
    key(
        "rates.introspect",
        "POSTERN_RATES_INTROSPECT",
        Some("60000"),
        "The same at /introspect, where a resource server may ask for every call.",
    ),
    key("rates.register", "POSTERN_RATES_REGISTER", Some("600"), "The same at /register."),
    key("rates.authorize", "POSTERN_RATES_AUTHORIZE", Some("1200"), "The same at /authorize."),
    key(
        "rates.sign_in",
        "POSTERN_RATES_SIGN_IN",
        Some("600"),
        "The same at /login, /device and links that sign in, counted together.",
    ),
    key(
        "catalog.paths",
        "POSTERN_CATALOG_PATHS",
        None,
        "Files and directories of descriptors; in the environment, separated by commas.",
    ),
    key(
        "catalog.demo",
        "POSTERN_CATALOG_DEMO",
        None,
        "Shows the sample catalog; left out, true where catalog.paths is empty.",
    ),
    key(
        "catalog.refresh_seconds",
        "POSTERN_CATALOG_REFRESH_SECONDS",
        Some("60"),
        "How often descriptors are looked at for changes, in seconds; 0 for on demand only.",
    ),
    key(
        "access.policy_file",
        "POSTERN_ACCESS_POLICY_FILE",
        None,
        "A file with roles and permissions, as YAML, JSON or RBAC CSV; read again at a SIGHUP. Left out, what is published counts.",
    ),
    key(
        "catalog.urls",
        "POSTERN_CATALOG_URLS",
        None,
        "https URLs of descriptors; in the environment, separated by commas.",
    ),
    key(
        "catalog.git",
        "POSTERN_CATALOG_GIT",
        None,
        "Git repositories with descriptors: [[catalog.git]] with url, branch and paths; JSON in the environment.",
    ),
    key(
        "catalog.fetch_seconds",
        "POSTERN_CATALOG_FETCH_SECONDS",
        Some("300"),
        "How often URLs and repositories are asked for changes, in seconds.",
    ),
    secret(
        "catalog.tokens",
        "POSTERN_CATALOG_TOKENS",
        "host=token for each host that wants one to read descriptors; sent to that host only.",
    ),
    key(
        "catalog.registered_kinds",
        "POSTERN_CATALOG_REGISTERED_KINDS",
        Some("Component,API,Resource,System,Domain,AiResource,Location"),
        "Kinds that a registered location may describe; Group and User decide who owns what.",
    ),
    key(
        "insights.path",
        "POSTERN_INSIGHTS_PATH",
        None,
        "A file or folder of scorecards; left out, the sample's where the sample catalog is shown, else none.",
    ),
    key(
        "clients.described",
        "POSTERN_CLIENTS_DESCRIBED",
        Some("open"),
        "Clients that their own https document describes (CIMD): off, allow-list, ask (an administrator) or open.",
    ),
    key(
        "clients.presets",
        "POSTERN_CLIENTS_PRESETS",
        Some("vscode,copilot-cli,claude,chatgpt,codex,cursor"),
        "Well-known clients whose documents are allowed beside clients.allow; none for nobody.",
    ),
    key(
        "clients.allow",
        "POSTERN_CLIENTS_ALLOW",
        None,
        "Documents that are trusted, as hosts (*.acme.example) or URLs (acme.example/oauth/*), separated by commas.",
    ),
    key(
        "clients.deny",
        "POSTERN_CLIENTS_DENY",
        None,
        "Documents that are refused, in the same form; wins over every other rule.",
    ),
    key(
        "clients.unknown_scopes",
        "POSTERN_CLIENTS_UNKNOWN_SCOPES",
        None,
        "The most that a client may ask for while nobody vouches for it; left out, what only reads for a described client, and everything for one that registered itself.",
    ),
    key(
        "clients.refusal",
        "POSTERN_CLIENTS_REFUSAL",
        None,
        "What a person reads beside the refusal of a client, such as whom to ask.",
    ),
    key(
        "clients.self_registered",
        "POSTERN_CLIENTS_SELF_REGISTERED",
        Some("open"),
        "Who may register a client by itself (RFC 7591): open for anybody, token for holders of an initial access token, off.",
    ),
    key(
        "clients.assertion_audience",
        "POSTERN_CLIENTS_ASSERTION_AUDIENCE",
        Some("issuer"),
        "What a signed client assertion must name as aud: issuer, or token-endpoint to take that URL too, for older programs.",
    ),
    key(
        "clients.require_pushed",
        "POSTERN_CLIENTS_REQUIRE_PUSHED",
        Some("false"),
        "Refuses authorization requests that were not pushed to /par first (RFC 9126).",
    ),
    key(
        "tokens.access_seconds",
        "POSTERN_TOKENS_ACCESS_SECONDS",
        Some("900"),
        "Life of an access token in seconds.",
    ),
    key(
        "tokens.refresh_idle_days",
        "POSTERN_TOKENS_REFRESH_IDLE_DAYS",
        Some("30"),
        "A refresh token unused for this many days is dead.",
    ),
    key(
        "tokens.refresh_absolute_days",
        "POSTERN_TOKENS_REFRESH_ABSOLUTE_DAYS",
        Some("365"),
        "A grant ends this many days after consent.",
    ),
    key(
        "tokens.dpop_nonces",
        "POSTERN_TOKENS_DPOP_NONCES",
        Some("false"),
        "Makes DPoP proofs answer a fresh value of this server, so that none can be made in advance.",
    ),
    key(
        "keys.algorithm",
        "POSTERN_KEYS_ALGORITHM",
        Some("ES256"),
        "What the next signing key will be: ES256, RS256 or EdDSA.",
    ),
    key(
        "keys.rotate_days",
        "POSTERN_KEYS_ROTATE_DAYS",
        Some("90"),
        "A new signing key takes over after so many days; 0 for never.",
    ),
    key(
        "exchange.resources",
        "POSTERN_EXCHANGE_RESOURCES",
        None,
        "Which resources a client may exchange tokens for (RFC 8693), as client_id=resource pairs; several resources with spaces between.",
    ),
    key(
        "trusted_issuers",
        "POSTERN_TRUSTED_ISSUERS",
        None,
        "Identity providers whose assertions (ID-JAG) say who a person is, as tables; in the environment, as a JSON array.",
    ),
    key(
        "mcp.tool_names",
        "POSTERN_MCP_TOOL_NAMES",
        Some("safe"),
        "How tools are named in lists: safe, dotted or id; every form can be called.",
    ),
    secret(
        "tokens.static",
        "POSTERN_TOKENS_STATIC",
        "Tokens for programs that cannot sign in: a table each, with subject, token_env or token_file, scopes, server.",
    ),
    secret(
        "backend.auth.externalAccess",
        "POSTERN_BACKEND_AUTH_EXTERNALACCESS",
        "The same in the shape that Backstage's app-config has, with type static.",
    ),
    key(
        "mcp.approval",
        "POSTERN_MCP_APPROVAL",
        None,
        "Tools whose calls wait for their person's yes, as a list: effect:delete, scaffolder:*.",
    ),
    key(
        "mcp.default_servers",
        "POSTERN_MCP_DEFAULT_SERVERS",
        Some("true"),
        "Serves /mcp/catalog, /mcp/apis, /mcp/templates and /mcp/insights, each where its actions exist.",
    ),
    key(
        "mcp.servers",
        "POSTERN_MCP_SERVERS",
        None,
        "Named MCP servers: a table each, with title, instructions, include and exclude; in the environment, as JSON.",
    ),
    key(
        "mcpActions.servers",
        "POSTERN_MCPACTIONS_SERVERS",
        None,
        "The same in the shape that Backstage's app-config has.",
    ),
    key(
        "mcp.sessions",
        "POSTERN_MCP_SESSIONS",
        Some("offered"),
        "Sessions for MCP clients from before 2026-07-28: offered, required (a request without one is refused) or off.",
    ),
    key(
        "mcp.sse",
        "POSTERN_MCP_SSE",
        Some("false"),
        "Also serve the deprecated HTTP+SSE transport of MCP 2024-11-05, at /sse, for clients that know no other.",
    ),
    key(
        "conformance",
        "POSTERN_CONFORMANCE",
        Some("false"),
        "For tests: also serves the tools, resources and prompts that the official MCP conformance suite calls; loopback only.",
    ),
    key(
        "outbound.resolve",
        "POSTERN_OUTBOUND_RESOLVE",
        None,
        "For tests: host names answered with an address, as host=address:port pairs separated by commas.",
    ),
    key(
        "outbound.extra_ca",
        "POSTERN_OUTBOUND_EXTRA_CA",
        None,
        "For tests: a PEM file of authorities trusted for outbound calls.",
    ),
    key("log.filter", "POSTERN_LOG_FILTER", Some("info"), "What is logged, such as info or postern=debug."),
    key("log.json", "POSTERN_LOG_JSON", Some("false"), "One JSON object a line instead of text."),
];

/// The key at `path`.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// The known path nearest to `path`, if it is near enough to be what was meant.
pub fn suggestion(path: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|k| (strsim::jaro_winkler(k.path, path), k.path))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, path)| path)
}
