//! Registration: what a client asks to be (RFC 7591), and what it becomes. Pure.

use serde_json::{Value, json};

use super::client::{AuthMethod, ClientKind, GrantType, Metadata, NewClient};
use super::members::{APP_SCHEMES, Fault, Members, check_redirects, clean};
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

impl Registration {
    /// Reads the body of `POST /register` (RFC 7591 section 3.1). Members that we do not know are ignored and never
    /// honoured; what we keep is echoed, so that a client sees what it did not get.
    ///
    /// # Errors
    /// [`Fault`], with the code of RFC 7591 section 3.2.2.
    pub fn read(body: &[u8], supported: &ScopeSet) -> Result<Self, Fault> {
        let members = Members::read(body)?;
        let redirect_uris = members.redirects()?;
        let application_type = application_type(&members, &redirect_uris)?;
        let grant_types = members.grants(&SELF_REGISTERED)?;
        if members.value("jwks").is_some() || members.value("jwks_uri").is_some() {
            return Err(Fault::metadata("jwks and jwks_uri are not supported: register without keys"));
        }
        for shown in ["tos_uri", "policy_uri", "initiate_login_uri"] {
            members.page(shown)?;
        }
        Ok(Self {
            name: members.name()?.unwrap_or_else(|| "Unnamed client".to_owned()),
            metadata: Metadata {
                redirect_uris,
                grant_types,
                token_endpoint_auth_method: auth_method(&members)?,
                client_uri: members.page("client_uri")?,
                logo_uri: members.page("logo_uri")?,
                guards: Vec::new(),
                post_logout_redirect_uris: members.after_logout()?,
                dpop_bound_access_tokens: members.flag("dpop_bound_access_tokens")?,
                scope: members.scope(Some(supported))?,
                application_type,
                software_id: members.short("software_id")?,
                software_version: members.short("software_version")?,
            },
        })
    }

    /// Whether it is to be given a secret. A client that says `none` never is (VS Code's R13).
    pub fn wants_secret(&self) -> bool {
        self.metadata.token_endpoint_auth_method != AuthMethod::None
    }

    /// The client under `id`, which must not be chosen by the client and must not look like a document's URL.
    pub fn into_client(self, id: String, secret_digest: Option<Digest>) -> NewClient {
        let Self { name, metadata } = self;
        NewClient { id, kind: ClientKind::SelfRegistered, name, metadata, secret_digest }
    }
}

/// The method it registers. Left out, it is `client_secret_basic` by RFC 7591 section 2.
fn auth_method(members: &Members) -> Result<AuthMethod, Fault> {
    match members.text("token_endpoint_auth_method")? {
        None | Some("client_secret_basic") => Ok(AuthMethod::ClientSecretBasic),
        Some("client_secret_post") => Ok(AuthMethod::ClientSecretPost),
        Some("none") => Ok(AuthMethod::None),
        Some(_) => Err(Fault::metadata(
            "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post",
        )),
    }
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

/// The answer to a registration (RFC 7591 section 3.2.1): everything that was registered, and the secret for the only
/// time.
pub fn response(client: &NewClient, secret: Option<&str>, now: Time) -> Value {
    let mut answer = json!({
        "client_id": client.id,
        "client_id_issued_at": now.seconds(),
        "client_name": client.name,
    });
    if let Some(secret) = secret {
        answer["client_secret"] = json!(secret);
        answer["client_secret_expires_at"] = json!(0);
    }
    if let (Some(answer), Ok(Value::Object(metadata))) =
        (answer.as_object_mut(), serde_json::to_value(&client.metadata))
    {
        answer.extend(metadata);
        answer.insert("response_types".to_owned(), json!(response_types(&client.metadata)));
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
    let alone = [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer];
    if alone.iter().any(|grant| grant_types.contains(grant)) && secret.is_none() {
        return Err(Fault::metadata(
            "client_credentials, token-exchange and jwt-bearer need a confidential client",
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
    let method = if secret.is_some() { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
    let plain = Metadata::plain(check_redirects(&listed, &schemes)?, grant_types, method);
    let after: Vec<&str> = asked.post_logout_redirect_uris.iter().map(String::as_str).collect();
    let post_logout_redirect_uris = check_redirects(&after, &schemes)?;
    let metadata = Metadata { scope, guards: asked.guards.clone(), post_logout_redirect_uris, ..plain };
    Ok(NewClient { id, kind: ClientKind::PreRegistered, name, metadata, secret_digest: secret })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::members::FaultCode;

    fn read(body: &Value) -> Result<Registration, Fault> {
        let supported: ScopeSet = "openid offline_access catalog:read".parse().unwrap();
        Registration::read(body.to_string().as_bytes(), &supported)
    }

    fn good() -> Value {
        json!({"client_name": "X", "redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "none"})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = good();
        body[name] = value;
        body
    }

    #[test]
    fn what_is_left_out_has_the_default_of_the_rfc() {
        let registration = read(&json!({"redirect_uris": ["http://127.0.0.1/"]})).unwrap();
        assert!(registration.wants_secret());
        let client = registration.into_client("c".into(), None);
        assert_eq!(client.metadata.grant_types, [GrantType::AuthorizationCode]);
        assert_eq!(client.name, "Unnamed client");
    }

    #[test]
    fn what_is_not_offered_is_left_out_of_the_answer() {
        let device = "urn:ietf:params:oauth:grant-type:device_code";
        let asked =
            with("grant_types", json!(["authorization_code", device, "client_credentials", "refresh_token"]));
        let client = read(&asked).unwrap().into_client("c".into(), None);
        assert_eq!(client.metadata.grant_types, SELF_REGISTERED);
        for nothing_left in
            [json!([]), json!([device]), json!(["client_credentials"]), json!(["refresh_token"])]
        {
            assert_eq!(
                read(&with("grant_types", nothing_left)).unwrap_err().code,
                FaultCode::InvalidClientMetadata
            );
        }
    }

    #[test]
    fn every_member_of_the_wrong_type_is_named() {
        let names = [
            "client_name",
            "redirect_uris",
            "grant_types",
            "response_types",
            "scope",
            "client_uri",
            "logo_uri",
        ];
        for name in names {
            for wrong in [json!(1), json!({}), json!([1])] {
                let fault = read(&with(name, wrong)).unwrap_err();
                assert!(fault.why.contains(name), "{name}: {fault}");
            }
            assert!(read(&with(name, Value::Null)).is_ok() || name == "redirect_uris");
        }
    }

    #[test]
    fn keys_unknown_methods_and_web_clients_on_this_machine_are_refused() {
        for (name, value) in [
            ("jwks", json!({"keys": []})),
            ("jwks_uri", json!("https://a.example/jwks")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("token_endpoint_auth_method", json!("")),
            ("application_type", json!("web")),
            ("application_type", json!("other")),
            ("response_types", json!(["token"])),
            ("redirect_uris", json!([])),
            ("redirect_uris", json!(vec!["http://127.0.0.1/"; 1_000])),
            ("policy_uri", json!("JaVaScRiPt:alert(1)")),
            ("logo_uri", json!("data:image/png;base64,AA")),
        ] {
            assert!(read(&with(name, value.clone())).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn scopes_that_exist_are_kept_as_a_hint() {
        let client =
            read(&with("scope", json!("catalog:read rbac:admin"))).unwrap().into_client("c".into(), None);
        assert_eq!(client.metadata.scope.as_deref(), Some("catalog:read"));
        assert!(read(&with("scope", json!("\u{1f600}"))).is_ok());
    }

    #[test]
    fn an_administrator_may_more_and_still_not_everything() {
        let asked = PreRegistration {
            name: "Nightly".into(),
            grant_types: vec![GrantType::ClientCredentials],
            confidential: true,
            ..PreRegistration::default()
        };
        let digest = Some(Digest::of("x"));
        assert!(pre_registered(&asked, "c".into(), digest.clone()).is_ok());
        assert!(pre_registered(&asked, "c".into(), None).is_err());
        let app = PreRegistration {
            name: "Phone".into(),
            redirect_uris: vec!["com.example.app:/cb".into()],
            ..PreRegistration::default()
        };
        let client = pre_registered(&app, "c".into(), None).unwrap();
        assert_eq!(client.metadata.grant_types, SELF_REGISTERED);
        for bad in ["javascript:alert(1)", "http://example.com/", "myapp://cb"] {
            let app = PreRegistration { redirect_uris: vec![bad.into()], ..app.clone() };
            assert!(pre_registered(&app, "c".into(), None).is_err(), "{bad}");
        }
    }
}
