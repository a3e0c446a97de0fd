//! Registration: what a client asks to be (RFC 7591), and what it becomes. Pure.

use serde_json::{Value, json};

use super::client::{AuthMethod, ClientKind, GrantType, Metadata, NewClient};
use super::jwt::{JwtRefusal, Unverified};
use super::key_set::{KeySet, Signing};
use super::members::{APP_SCHEMES, Fault, FaultCode, Members, PUSHED_ONLY, check_redirects, clean};
use super::scope::ScopeSet;
use crate::clock::Time;
use crate::limits;
use crate::secret::Digest;

/// What a client that registers itself may be: nothing beyond signing a person in (attack A11).
const SELF_REGISTERED: [GrantType; 3] =
    [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode];

/// A registration that can be accepted; it becomes a client once it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    name: String,
    metadata: Metadata,
}

/// The answer's credentials, in the clear for the only time.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// `client_secret`.
    pub secret: Option<&'a str>,
    /// `registration_access_token` and `registration_client_uri` (RFC 7592 section 3).
    pub registration: Option<(&'a str, &'a str)>,
}

impl Registration {
    /// Reads the body of `POST /register` (RFC 7591 section 3.1). Members that we do not know are ignored and never
    /// honoured; what we keep is echoed, so that a client sees what it did not get.
    ///
    /// # Errors
    /// [`Fault`], with the code of RFC 7591 section 3.2.2.
    pub fn read(body: &[u8], supported: &ScopeSet) -> Result<Self, Fault> {
        Self::of_members(&Members::read(body)?, supported)
    }

    /// The same, of members that were read before; `ceiling` is what its scopes are cut to.
    ///
    /// # Errors
    /// As [`Registration::read`].
    pub fn of_members(members: &Members, ceiling: &ScopeSet) -> Result<Self, Fault> {
        let redirect_uris = members.redirects()?;
        let application_type = application_type(members, &redirect_uris)?;
        let grant_types = members.grants(&SELF_REGISTERED)?;
        let token_endpoint_auth_method = auth_method(members)?;
        let signing = Signing::of_members(members, token_endpoint_auth_method)?;
        software_statement(members)?;
        members.page("initiate_login_uri")?;
        Ok(Self {
            name: members.name()?.unwrap_or_else(|| "Unnamed client".to_owned()),
            metadata: Metadata {
                redirect_uris,
                grant_types,
                token_endpoint_auth_method,
                jwks: signing.jwks,
                jwks_uri: signing.jwks_uri,
                token_endpoint_auth_signing_alg: signing.algorithm,
                client_uri: members.page("client_uri")?,
                logo_uri: members.page("logo_uri")?,
                guards: Vec::new(),
                post_logout_redirect_uris: members.after_logout()?,
                dpop_bound_access_tokens: members.flag("dpop_bound_access_tokens")?,
                tos_uri: members.page("tos_uri")?,
                policy_uri: members.page("policy_uri")?,
                contacts: contacts(members)?,
                scope: members.scope(Some(ceiling))?,
                application_type,
                software_id: members.short("software_id")?,
                software_version: members.short("software_version")?,
                require_pushed_authorization_requests: members.flag(PUSHED_ONLY)?,
            },
        })
    }

    /// Whether it is to be given a secret. A client that says `none` never is (VS Code's R13), nor one with a key.
    pub fn wants_secret(&self) -> bool {
        self.metadata.token_endpoint_auth_method.is_secret()
    }

    /// What it would be.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What it would go by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client under `id`, which must not be chosen by the client and must not look like a document's URL.
    pub fn into_client(self, id: String, secret_digest: Option<Digest>) -> NewClient {
        let Self { name, metadata } = self;
        NewClient { id, kind: ClientKind::SelfRegistered, name, metadata, secret_digest }
    }
}

/// The method it registers. Left out, it is `client_secret_basic` by RFC 7591 section 2.
fn auth_method(members: &Members) -> Result<AuthMethod, Fault> {
    let Some(named) = members.text("token_endpoint_auth_method")? else {
        return Ok(AuthMethod::ClientSecretBasic);
    };
    AuthMethod::parse(named).ok_or_else(|| {
        let all = AuthMethod::ALL.map(AuthMethod::as_str).join(", ");
        Fault::metadata(format!("token_endpoint_auth_method must be one of {all}"))
    })
}

/// Whom to ask, cleaned; a few, since they are only shown.
fn contacts(members: &Members) -> Result<Vec<String>, Fault> {
    let listed = members.list("contacts")?.unwrap_or_default();
    let cleaned = listed.into_iter().map(|text| clean(text, limits::EMAIL_BYTES_MAX));
    Ok(cleaned.filter(|text| !text.is_empty()).take(limits::CLIENT_CONTACTS_MAX).collect())
}

/// What a software statement says would stand above what the client says (RFC 7591 section 2.3). No issuer of statements
/// is trusted here, so that a client which relies on one hears of it instead of becoming something else.
fn software_statement(members: &Members) -> Result<(), Fault> {
    let Some(statement) = members.text("software_statement")? else { return Ok(()) };
    let (code, why) = match Unverified::read(statement) {
        Err(JwtRefusal::Malformed) => {
            (FaultCode::InvalidSoftwareStatement, "software_statement is not a signed JWT")
        }
        _ => (
            FaultCode::UnapprovedSoftwareStatement,
            "no issuer of software statements is trusted here; register without software_statement",
        ),
    };
    Err(Fault { code, why: why.to_owned() })
}

/// `native` may mix loopback and https; `web` is https on a real host (OpenID Connect Registration section 2). Older
/// clients leave it out, so that its absence forbids nothing.
fn application_type(members: &Members, redirects: &[String]) -> Result<Option<String>, Fault> {
    let on_this_machine = |uri: &String| {
        let host =
            uri.strip_prefix("https://").map(|rest| rest.split([':', '/', '?']).next().unwrap_or_default());
        host.is_none_or(|host| host == "localhost" || host.starts_with("127.") || host.starts_with('['))
    };
    match members.text("application_type")? {
        None => Ok(None),
        Some("native") => Ok(Some("native".to_owned())),
        Some("web") => match redirects.iter().position(on_this_machine) {
            None => Ok(Some("web".to_owned())),
            Some(place) => Err(Fault::redirect(format!(
                "redirect_uris[{place}] must be https on a public host for application_type web; use native"
            ))),
        },
        Some(_) => Err(Fault::metadata("application_type must be native or web")),
    }
}

/// The answer to a registration (RFC 7591 section 3.2.1, RFC 7592 section 3): everything that was registered at
/// `issued_at`, and the credentials.
pub fn response(
    (id, name, metadata): (&str, &str, &Metadata),
    credentials: Credentials<'_>,
    issued_at: Time,
) -> Value {
    let mut answer =
        json!({"client_id": id, "client_id_issued_at": issued_at.seconds(), "client_name": name});
    if let Some(secret) = credentials.secret {
        answer["client_secret"] = json!(secret);
        answer["client_secret_expires_at"] = json!(0);
    }
    if let Some((token, place)) = credentials.registration {
        answer["registration_access_token"] = json!(token);
        answer["registration_client_uri"] = json!(place);
    }
    if let (Some(answer), Ok(Value::Object(members))) =
        (answer.as_object_mut(), serde_json::to_value(metadata))
    {
        answer.extend(members);
        answer.insert("response_types".to_owned(), json!(response_types(metadata)));
    }
    answer
}

fn response_types(metadata: &Metadata) -> &'static [&'static str] {
    if metadata.grant_types.contains(&GrantType::AuthorizationCode) { &["code"] } else { &[] }
}

/// What an administrator says of a client.
#[derive(Clone, Debug, Default)]
pub struct PreRegistration {
    /// What people will see.
    pub name: String,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// What it may ask the token endpoint for; none named means signing people in and refreshing.
    pub grant_types: Vec<GrantType>,
    /// The scopes it will ask for; a hint, except for `client_credentials`, where it is all it can have.
    pub scope: Option<String>,
    /// The resources that it guards: it may introspect their access tokens.
    pub guards: Vec<String>,
    /// Where a browser may go after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Whether it can keep a secret.
    pub confidential: bool,
    /// Whether its authorization requests must be pushed.
    pub require_pushed: bool,
    /// The keys it signs with, instead of a secret.
    pub jwks: Option<KeySet>,
    /// Where they are, instead.
    pub jwks_uri: Option<String>,
}

/// The client that an administrator asks for, under `id`; `secret` is the digest of the secret that was made for it, which a
/// confidential client has and a public one has not. The administrator is trusted with what a stranger is not: private
/// schemes by reverse domain name, and `client_credentials`.
///
/// # Errors
/// [`Fault`] with a sentence that says what to change.
pub fn pre_registered(
    asked: &PreRegistration,
    id: String,
    secret: Option<Digest>,
) -> Result<NewClient, Fault> {
    let name = clean(&asked.name, limits::CLIENT_NAME_CHARS_MAX);
    if name.is_empty() {
        return Err(Fault::metadata("a client needs a name that people can read"));
    }
    let mut grant_types = asked.grant_types.clone();
    if grant_types.is_empty() {
        grant_types = SELF_REGISTERED.to_vec();
    }
    grant_types.sort_unstable();
    grant_types.dedup();
    let signs_in = grant_types.contains(&GrantType::AuthorizationCode);
    if signs_in && asked.redirect_uris.is_empty() {
        return Err(Fault::redirect("a client that signs people in needs at least one redirect URI"));
    }
    let signs = asked.jwks.is_some() || asked.jwks_uri.is_some();
    if asked.jwks.is_some() && asked.jwks_uri.is_some() || signs && asked.confidential {
        return Err(Fault::metadata(
            "a client has a secret, keys, or an address of keys, and only one of them",
        ));
    }
    if asked.jwks_uri.as_ref().is_some_and(|uri| !uri.starts_with("https://")) {
        return Err(Fault::metadata("jwks_uri must be an https URL"));
    }
    let alone = [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer];
    if alone.iter().any(|grant| grant_types.contains(grant)) && secret.is_none() && !signs {
        return Err(Fault::metadata(
            "client_credentials, token-exchange and jwt-bearer need a confidential client, or one with keys",
        ));
    }
    if asked.confidential != secret.is_some() {
        return Err(Fault::metadata("a confidential client has a secret and a public one has none"));
    }
    let scope = match asked.scope.as_deref().map(str::parse::<ScopeSet>) {
        None => None,
        Some(Ok(scope)) => Some(scope.to_string()),
        Some(Err(why)) => return Err(Fault::metadata(why.to_string())),
    };
    let listed: Vec<&str> = asked.redirect_uris.iter().map(String::as_str).collect();
    let schemes: Vec<&str> = APP_SCHEMES.into_iter().chain(["*.*"]).collect();
    let method = match (&secret, signs) {
        (_, true) => AuthMethod::PrivateKeyJwt,
        (Some(_), false) => AuthMethod::ClientSecretBasic,
        (None, false) => AuthMethod::None,
    };
    let plain = Metadata::plain(check_redirects(&listed, &schemes)?, grant_types, method);
    let after: Vec<&str> = asked.post_logout_redirect_uris.iter().map(String::as_str).collect();
    let metadata = Metadata {
        scope,
        guards: asked.guards.clone(),
        post_logout_redirect_uris: check_redirects(&after, &schemes)?,
        require_pushed_authorization_requests: asked.require_pushed,
        jwks: asked.jwks.clone(),
        jwks_uri: asked.jwks_uri.clone(),
        ..plain
    };
    Ok(NewClient { id, kind: ClientKind::PreRegistered, name, metadata, secret_digest: secret })
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
