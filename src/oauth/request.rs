//! An authorization request: raw parameters and a client become one, or a stop (RFC 6749 section 4.1.1).
//!
//! The order of the checks is the argument: until the redirect URI is known to be the client's, nothing may be sent
//! to it, so every earlier stop is a page (RFC 6749 section 4.1.2.1, attack B02).

use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::client::{Client, GrantType, TrustedRedirect};
use super::device::Device;
use super::resource::{Resource, Resources};
use super::scope::ScopeSet;
use super::{dpop, pkce};
use crate::limits;

/// A request that passed every check. Stored until it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer goes. Checked against the client again at each use: registrations change.
    pub redirect_uri: String,
    /// The client's own, echoed as it came.
    pub state: Option<String>,
    /// S256 challenge (RFC 7636 section 4.3).
    pub code_challenge: String,
    /// What is asked for, known scopes only.
    #[serde(with = "scope_text")]
    pub scope: ScopeSet,
    /// The protected resource, in our own spelling (RFC 8707 section 2).
    pub resource: String,
    /// OpenID Connect nonce.
    pub nonce: Option<String>,
    /// What the client wants to be shown or not (OpenID Connect Core section 3.1.2.1).
    pub prompt: Prompt,
    /// How long ago the person may have signed in, in seconds.
    pub max_age: Option<i64>,
    /// Whom the client expects; fills the sign-in form and decides nothing.
    pub login_hint: Option<String>,
    /// The key that must redeem the code (RFC 9449 section 10): its thumbprint.
    #[serde(default)]
    pub dpop_jkt: Option<String>,
    /// The one person whose answer is wanted (`id_token_hint`): the user's id.
    #[serde(default)]
    pub subject: Option<String>,
    /// The device that asks, where there is no redirect to answer to (RFC 8628); `redirect_uri` is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}

/// The `prompt` parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Show nothing: answer at once or with an error.
    pub none: bool,
    /// Sign in again, or choose an account, even with a session.
    pub login: bool,
    /// Ask again, even with a remembered consent.
    pub consent: bool,
}

/// What this server offers, against which a request is checked.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The protected resources, each with its scopes; the first one is meant where a request names none.
    pub resources: &'a Resources,
}

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// To the person, as a page: nothing may be sent to a place that is not known to be the client's.
    Show(Show),
    /// To the client.
    Bounce(Bounce),
}

/// A stop that only the person may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// More bytes than [`limits::AUTHORIZE_BYTES_MAX`].
    TooLong,
    /// No `client_id`, or several.
    NoClient,
    /// No `redirect_uri` from a client with several, or several at once.
    NoRedirect,
    /// A `redirect_uri` that the client did not register.
    UnknownRedirect,
}

/// An error for the client, and where to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// The client's own place.
    pub to: TrustedRedirect,
    /// What went wrong.
    pub error: ErrorCode,
    /// A sentence for the client's author: printable ASCII (RFC 6749 section 4.1.2.1; VS Code puts it into a header).
    pub description: &'static str,
    /// Echoed as it came.
    pub state: Option<String>,
}

/// The registered errors of this endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// RFC 6749 section 4.1.2.1.
    InvalidRequest,
    /// RFC 6749 section 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 section 4.1.2.1.
    InvalidScope,
    /// RFC 6749 section 4.1.2.1.
    AccessDenied,
    /// RFC 8707 section 2.
    InvalidTarget,
    /// OpenID Connect Core section 3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core section 3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core section 3.1.2.6.
    RequestNotSupported,
    /// OpenID Connect Core section 3.1.2.6.
    RequestUriNotSupported,
}

impl ErrorCode {
    /// As it goes over the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::InvalidTarget => "invalid_target",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
        }
    }
}

/// The parameters as they came, decoded, each at most once; `resource` may repeat (RFC 8707 section 2). What is
/// unknown was ignored, what was empty is absent (OAuth 2.1 section 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRequest {
    values: Vec<(&'static str, String)>,
    resources: Vec<String>,
    repeated: Vec<&'static str>,
    garbled: Vec<&'static str>,
}

/// What the name of a pushed request begins with (RFC 9126 section 2.2).
pub const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";

const SINGLE: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "scope",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "request",
    "request_uri",
    "display",
    "ui_locales",
    "dpop_jkt",
    "id_token_hint",
];

impl RawRequest {
    /// From a query string, or a query and a form body joined by `&`, so that one parameter in both is a repetition
    /// (attack B03).
    ///
    /// # Errors
    /// [`Show::TooLong`].
    pub fn parse(text: &str) -> Result<Self, Show> {
        if text.len() > limits::AUTHORIZE_BYTES_MAX {
            return Err(Show::TooLong);
        }
        let mut raw = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            if name == "resource" {
                raw.resources.push(value.into_owned());
            } else if let Some(known) = SINGLE.iter().copied().find(|known| *known == name) {
                // A byte that is not UTF-8, or a control character, cannot be echoed as it came.
                if value.contains(|c: char| c == '\u{fffd}' || c.is_control()) {
                    raw.garbled.push(known);
                }
                if raw.get(known).is_some() {
                    raw.repeated.push(known);
                }
                raw.values.push((known, value.into_owned()));
            }
        }
        Ok(raw)
    }

    /// The one `client_id`.
    ///
    /// # Errors
    /// [`Show::NoClient`] where there is none or more than one.
    pub fn client_id(&self) -> Result<&str, Show> {
        self.only("client_id").ok_or(Show::NoClient)
    }

    /// For [`super::id_token::expect`], since it takes our keys to read.
    pub fn id_token_hint(&self) -> Option<&str> {
        self.get("id_token_hint")
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn only(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|_| !self.repeated.contains(&name) && !self.garbled.contains(&name))
    }

    /// Checks everything, in an order that is on this one screen.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn check(&self, client: &Client, offer: Offer<'_>) -> Result<AuthorizationRequest, Stop> {
        use ErrorCode as E;
        let to = self.redirect(client).map_err(Stop::Show)?; // RFC 6749 section 3.1.2.4
        let state = self.only("state").filter(|s| s.len() <= limits::STATE_BYTES_MAX).map(str::to_owned);
        let stop = |error, description| {
            Stop::Bounce(Bounce { to: to.clone(), error, description, state: state.clone() })
        };
        let need =
            |holds: bool, error, description| if holds { Ok(()) } else { Err(stop(error, description)) };

        self.is_whole().map_err(|why| stop(E::InvalidRequest, why))?;
        need(self.get("request").is_none(), E::RequestNotSupported, "request is not supported")?; // OIDC Core section 6
        need(self.get("request_uri").is_none(), E::RequestUriNotSupported, "request_uri is not supported")?;
        let mode = self.get("response_mode").unwrap_or("query"); // OAuth 2.0 Multiple Response Types section 2.1
        need(mode == "query", E::InvalidRequest, "response_mode must be query")?;
        let kind = self.get("response_type"); // RFC 6749 section 3.1.1
        need(kind.is_some(), E::InvalidRequest, "response_type is missing")?;
        need(kind == Some("code"), E::UnsupportedResponseType, "response_type must be code")?;
        let may = client.may(GrantType::AuthorizationCode); // RFC 7591 section 2
        need(may, E::InvalidRequest, "this client did not register the authorization_code grant")?;
        let challenge = self.get("code_challenge"); // RFC 7636 section 4.4.1, attack B04
        let challenge = challenge
            .ok_or_else(|| stop(E::InvalidRequest, "code_challenge is missing: PKCE is required"))?;
        // Absent means plain (RFC 7636 section 4.3), which anyone who sees this request can redeem.
        let method = self.get("code_challenge_method");
        need(method == Some("S256"), E::InvalidRequest, "code_challenge_method must be S256")?;
        need(
            pkce::is_s256(challenge),
            E::InvalidRequest,
            "code_challenge must be 43 characters of base64url",
        )?;
        let resource = offer.resources.resolve(&self.resources); // RFC 8707 section 2
        let resource =
            resource.ok_or_else(|| stop(E::InvalidTarget, "resource is not one of this server"))?;
        let scope = self.scope(resource).map_err(|why| stop(E::InvalidScope, why))?; // RFC 6749 section 3.3
        let key = self.get("dpop_jkt"); // RFC 9449 section 10
        let known = key.is_none_or(dpop::is_thumbprint);
        need(known, E::InvalidRequest, "dpop_jkt must be a SHA-256 thumbprint in base64url")?;
        let prompt = self.prompt().map_err(|why| stop(E::InvalidRequest, why))?; // OIDC Core section 3.1.2.1
        let max_age = self.max_age().map_err(|why| stop(E::InvalidRequest, why))?;
        Ok(AuthorizationRequest {
            client_id: client.id.clone(),
            redirect_uri: to.as_str().to_owned(),
            code_challenge: challenge.to_owned(),
            scope,
            resource: resource.identifier.clone(),
            nonce: self.get("nonce").map(str::to_owned),
            prompt,
            max_age,
            login_hint: self.get("login_hint").map(str::to_owned),
            dpop_jkt: key.map(str::to_owned),
            subject: None,
            device: None,
            state,
        })
    }

    /// The part of `request_uri` that names a request pushed here before; `None` for any other (attack B05).
    pub fn pushed(&self) -> Option<&str> {
        self.only("request_uri")?.strip_prefix(PUSHED)
    }

    fn redirect(&self, client: &Client) -> Result<TrustedRedirect, Show> {
        match self.get("redirect_uri") {
            None => client.only_redirect().ok_or(Show::NoRedirect), // OAuth 2.1 section 2.3.2
            Some(_) => {
                let presented = self.only("redirect_uri").ok_or(Show::NoRedirect)?;
                client.redirect(presented).ok_or(Show::UnknownRedirect)
            }
        }
    }

    /// Whether each parameter is there once, readable and not too long (OAuth 2.1 section 3.1).
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn is_whole(&self) -> Result<(), &'static str> {
        let need = |holds: bool, why| if holds { Ok(()) } else { Err(why) };
        need(self.repeated.is_empty(), "a parameter is given more than once")?;
        need(self.garbled.is_empty(), "a parameter is not printable UTF-8 text")?;
        need(self.fits(), "a parameter is too long")
    }

    pub(super) fn resources(&self) -> &[String] {
        &self.resources
    }

    fn fits(&self) -> bool {
        let longest = |name: &str| match name {
            "state" => limits::STATE_BYTES_MAX,
            "scope" => limits::SCOPE_BYTES_MAX,
            _ => limits::PARAMETER_BYTES_MAX,
        };
        self.values.iter().all(|(name, value)| value.len() <= longest(name))
    }

    /// What this resource knows of what was asked; real clients ask for scopes of other servers too.
    pub(super) fn scope(&self, offer: &Resource) -> Result<ScopeSet, &'static str> {
        let Some(text) = self.get("scope") else { return Ok(offer.baseline.clone()) };
        let asked: ScopeSet = text.parse().map_err(|_| "scope is malformed")?;
        let known = asked.intersection(&offer.scopes);
        if known.is_empty() && !asked.is_empty() {
            return Err("none of the scopes asked for exists here");
        }
        Ok(if known.is_empty() { offer.baseline.clone() } else { known })
    }

    fn prompt(&self) -> Result<Prompt, &'static str> {
        let words: Vec<&str> =
            self.get("prompt").unwrap_or_default().split(' ').filter(|w| !w.is_empty()).collect();
        if words.contains(&"none") && words.len() > 1 {
            return Err("prompt=none allows no other value");
        }
        let has = |word| words.contains(&word);
        Ok(Prompt {
            none: has("none"),
            login: has("login") || has("select_account"),
            consent: has("consent"),
        })
    }

    fn max_age(&self) -> Result<Option<i64>, &'static str> {
        let Some(text) = self.get("max_age") else { return Ok(None) };
        let digits = text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().map(Some).ok_or("max_age must be a number of seconds")
    }
}

/// The redirect with the answer in its query. A query that is already there stays as it is (attack B03).
pub fn answer(to: &TrustedRedirect, parameters: &[(&str, &str)]) -> String {
    let base = to.as_str();
    let joint = match base.find('?') {
        None => "?",
        Some(_) if base.ends_with(['?', '&']) => "",
        Some(_) => "&",
    };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{base}{joint}{query}")
}

impl Bounce {
    /// Where the browser is sent: error, `state` as it came, and who answers (RFC 9207 section 2).
    pub fn url(&self, issuer: &str) -> String {
        let mut parameters = vec![("error", self.error.as_str()), ("error_description", self.description)];
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", issuer));
        answer(&self.to, &parameters)
    }
}

mod scope_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::ScopeSet;

    pub fn serialize<S: Serializer>(scope: &ScopeSet, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(scope)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ScopeSet, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
