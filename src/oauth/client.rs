//! A client: what it is, how it proves itself, and where answers to it may go.

use serde::{Deserialize, Serialize};

use super::key_set::KeySet;
use crate::clock::Time;
use crate::secret::Digest;

/// How a client came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// By an administrator.
    PreRegistered,
    /// By its own https document (draft-ietf-oauth-client-id-metadata-document).
    Described,
    /// By itself (RFC 7591).
    SelfRegistered,
}

impl ClientKind {
    /// As a column holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreRegistered => "pre-registered",
            Self::Described => "described",
            Self::SelfRegistered => "self-registered",
        }
    }

    /// From a column.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::PreRegistered, Self::Described, Self::SelfRegistered].into_iter().find(|k| k.as_str() == text)
    }
}

/// How a client authenticates at the token endpoint (RFC 7591 section 2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: it cannot keep a secret, PKCE stands in.
    None,
    /// HTTP Basic (RFC 6749 section 2.3.1).
    ClientSecretBasic,
    /// In the form body.
    ClientSecretPost,
    /// By a JWT that it signs for each request (RFC 7523 section 2.2).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// All of them, as metadata lists them.
    pub const ALL: [Self; 4] =
        [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// From the registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text)
    }

    /// Whether it is a secret that both sides know.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// A way to get a token (RFC 7591 section 2, `grant_types`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 6749 section 4.4.
    ClientCredentials,
    /// RFC 8628 section 3.4.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// RFC 8693 section 2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// RFC 7523 section 2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
}

impl GrantType {
    /// All that this server knows, as metadata lists them.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::TokenExchange,
        Self::JwtBearer,
    ];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
        }
    }

    /// From the registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.as_str() == text)
    }
}

/// What a client says of itself, with the member names of RFC 7591 section 2. Hostile until shown escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Where answers may go; compared to the letter, but for the port of a loopback address.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// What it may ask the token endpoint for.
    pub grant_types: Vec<GrantType>,
    /// How it authenticates.
    pub token_endpoint_auth_method: AuthMethod,
    /// Its page, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its picture; fetched by us or not at all, never linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Whether it promised to prove its key at every request for a token (RFC 9449 section 5.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// The resources whose access tokens it may look at (RFC 7662), since it guards them. Only an administrator says so.
    #[serde(default, rename = "postern_guards", skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<String>,
    /// Where a browser may go once its person has signed out (OpenID Connect RP-Initiated Logout section 3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Its terms, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// What it does with data, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Whom to ask about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// The keys it signs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<KeySet>,
    /// Where they are, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The one algorithm it signs client assertions with; any that its keys have, where it names none (OpenID Connect
    /// Registration section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// The scopes it registered. A hint, not a ceiling: real clients register fewer than they later ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `native` or `web`, as it says (OpenID Connect Registration section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// The software's own name for itself across registrations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Whether it only ever pushes its authorization requests (RFC 9126 section 6).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
}

impl Metadata {
    /// Of a client that says where answers go and what it does, and nothing of itself.
    pub fn plain(
        redirect_uris: Vec<String>,
        grant_types: Vec<GrantType>,
        token_endpoint_auth_method: AuthMethod,
    ) -> Self {
        Self {
            redirect_uris,
            grant_types,
            token_endpoint_auth_method,
            client_uri: None,
            logo_uri: None,
            guards: Vec::new(),
            dpop_bound_access_tokens: false,
            post_logout_redirect_uris: Vec::new(),
            tos_uri: None,
            policy_uri: None,
            contacts: Vec::new(),
            jwks: None,
            jwks_uri: None,
            token_endpoint_auth_signing_alg: None,
            scope: None,
            application_type: None,
            software_id: None,
            software_version: None,
            require_pushed_authorization_requests: false,
        }
    }
}

/// A client as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client_id, to the letter.
    pub id: String,
    /// How it came to be known.
    pub kind: ClientKind,
    /// What it calls itself, or what an administrator called it.
    pub name: String,
    /// What it says of itself.
    pub metadata: Metadata,
    /// The digest of its secret; `None` for a public client.
    pub secret_digest: Option<Digest>,
    /// The hash of the document it was last read from; `None` for other kinds.
    pub document_hash: Option<String>,
    /// When it became known.
    pub registered_at: Time,
    /// Set while an administrator has suspended it.
    pub suspended_at: Option<Time>,
    /// Set for good once it was revoked.
    pub revoked_at: Option<Time>,
}

/// A client about to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClient {
    /// The client_id, to the letter.
    pub id: String,
    /// How it came to be known.
    pub kind: ClientKind,
    /// What it calls itself, or what an administrator called it.
    pub name: String,
    /// What it says of itself.
    pub metadata: Metadata,
    /// The digest of its secret; `None` for a public client.
    pub secret_digest: Option<Digest>,
}

/// What state a client is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// Accepted.
    Active,
    /// Kept out until it may go on.
    Suspended,
    /// Ended for good.
    Ended,
}

impl Client {
    /// Whether it was let in, kept out or ended. An end is for good, whatever else was said before.
    pub fn state(&self) -> ClientState {
        match (self.revoked_at, self.suspended_at) {
            (Some(_), _) => ClientState::Ended,
            (None, Some(_)) => ClientState::Suspended,
            (None, None) => ClientState::Active,
        }
    }

    /// Whether it may begin or continue anything.
    pub fn is_active(&self) -> bool {
        self.state() == ClientState::Active
    }

    /// Whether it can prove who it is, by a secret or by a key.
    pub fn is_confidential(&self) -> bool {
        self.secret_digest.is_some() || self.metadata.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt
    }

    /// Whether it registered for `grant`.
    pub fn may(&self, grant: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant)
    }

    /// The host that vouches for it: of its document's URL. `None` for other kinds.
    pub fn host(&self) -> Option<String> {
        let url = (self.kind == ClientKind::Described).then(|| url::Url::parse(&self.id).ok()).flatten()?;
        url.host_str().map(|host| url.port().map_or(host.to_owned(), |port| format!("{host}:{port}")))
    }

    /// The place an answer may go to, if `presented` is one that this client registered. The only maker of a
    /// [`TrustedRedirect`]: whoever holds one has been checked (attacks B01, B02).
    ///
    /// Equal to the letter (RFC 9700 section 4.1.3), except that a loopback address may come with any port (RFC 8252
    /// section 7.3), since a native program learns its port late; the host and the path stay exact, but for the
    /// lone slash that VS Code adds.
    pub fn redirect(&self, presented: &str) -> Option<TrustedRedirect> {
        self.metadata
            .redirect_uris
            .iter()
            .any(|registered| registered == presented || same_but_for_port(registered, presented))
            .then(|| TrustedRedirect(presented.to_owned()))
    }

    /// Whether it guards `resource`, by an administrator's word.
    pub fn guards(&self, resource: &str) -> bool {
        self.kind == ClientKind::PreRegistered
            && self.metadata.guards.iter().any(|guarded| guarded == resource)
    }

    /// The place to go after signing out, if it is to the letter one that this client registered for that.
    pub fn after_logout(&self, presented: &str) -> Option<TrustedRedirect> {
        let known = self.metadata.post_logout_redirect_uris.iter().any(|registered| registered == presented);
        known.then(|| TrustedRedirect(presented.to_owned()))
    }

    /// The place answers go to when the request names none, which only a client with one place may do.
    pub fn only_redirect(&self) -> Option<TrustedRedirect> {
        match self.metadata.redirect_uris.as_slice() {
            [only] => Some(TrustedRedirect(only.clone())),
            _ => None,
        }
    }
}

/// A redirect URI that the client registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedRedirect(String);

impl TrustedRedirect {
    /// The URI, as the client presented it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `uri` is http on this very machine: `localhost`, `127.0.0.1` or `[::1]`, written so and in no other way.
pub fn is_loopback_http(uri: &str) -> bool {
    loopback_parts(uri).is_some()
}

/// Loopback `http` redirects that differ in their port alone. Read from the raw text and not from a parsed URL: a
/// parser forgives userinfo, backslashes and dot segments (attack B01).
fn same_but_for_port(registered: &str, presented: &str) -> bool {
    match (loopback_parts(registered), loopback_parts(presented)) {
        (Some((host, rest)), Some((other_host, other_rest))) => {
            host == other_host
                && rest.strip_prefix('/').unwrap_or(rest)
                    == other_rest.strip_prefix('/').unwrap_or(other_rest)
        }
        _ => false,
    }
}

fn loopback_parts(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "localhost", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
    let rest = &rest[host.len()..];
    let Some(with_port) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with('/')).then_some((host, rest));
    };
    let end = with_port.find(|c: char| !c.is_ascii_digit()).unwrap_or(with_port.len());
    let (port, path) = with_port.split_at(end);
    let fits = port.parse::<u16>().is_ok_and(|p| p > 0) && (path.is_empty() || path.starts_with('/'));
    fits.then_some((host, path))
}
