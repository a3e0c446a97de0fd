//! Described clients: a client_id that is the https URL of the client's own document
//! (draft-ietf-oauth-client-id-metadata-document-02, "CIMD"). The rules, pure; the fetching is in `web::described`.

use url::{Host, Url};

use super::client::{AuthMethod, GrantType, Metadata};
use super::key_set::Signing;
use super::members::{Fault, Members, PUSHED_ONLY};
use crate::limits;

/// What a described client may be: nobody here knows it, so that it only signs people in.
/// With keys it may also come with the word of an identity provider that an administrator trusts with it.
const DESCRIBED: [GrantType; 4] =
    [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode, GrantType::JwtBearer];

/// How a described client may authenticate here, strongest first.
const OFFERED: [AuthMethod; 2] = [AuthMethod::PrivateKeyJwt, AuthMethod::None];

/// A client_id that may name a document. Kept as it was written: compared to the letter, never re-serialised
/// (section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentUrl(String);

/// Why a client_id that begins with `https://` names no document (section 3). Each is the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// Over the limit.
    #[error("is longer than {max} bytes", max = limits::CLIENT_ID_BYTES_MAX)]
    TooLong,
    /// A parser would change it: dot segments, upper case or trailing dot in the host, a default port, characters
    /// outside ASCII, backslashes. Two spellings of one place must not become one client, or two (attack A06).
    #[error("is not written in its plain form (no `.` or `..` segments, lower-case host, no default port)")]
    NotPlain,
    /// `user@host`.
    #[error("must not hold a user name")]
    UserInfo,
    /// `#…`.
    #[error("must not have a fragment")]
    Fragment,
    /// Nothing after the host.
    #[error("must have a path")]
    NoPath,
    /// An address or a name that cannot be public.
    #[error("must name a public host")]
    Host,
}

impl DocumentUrl {
    /// Whether `client_id` claims to name a document; ids that are made here never begin so (section 7.1).
    pub fn is_claimed(client_id: &str) -> bool {
        client_id.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
    }

    /// Checks the raw text: a parser would hide what it repairs.
    ///
    /// # Errors
    /// [`UrlRefusal`].
    pub fn parse(raw: &str) -> Result<Self, UrlRefusal> {
        if raw.len() > limits::CLIENT_ID_BYTES_MAX {
            return Err(UrlRefusal::TooLong);
        }
        let url = Url::parse(raw).map_err(|_| UrlRefusal::NotPlain)?;
        if url.fragment().is_some() {
            return Err(UrlRefusal::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefusal::UserInfo);
        }
        if url.path() == "/" {
            return Err(UrlRefusal::NoPath);
        }
        if url.scheme() != "https" || url.as_str() != raw {
            return Err(UrlRefusal::NotPlain);
        }
        match url.host() {
            Some(Host::Domain(name)) if name.contains('.') && !name.ends_with('.') => {
                Ok(Self(raw.to_owned()))
            }
            _ => Err(UrlRefusal::Host),
        }
    }

    /// The URL, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a document says, once it may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The name it goes by.
    pub name: String,
    /// The rest.
    pub metadata: Metadata,
}

/// Why a document is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentRefusal {
    /// It speaks for another client_id than the one it was fetched for.
    #[error("its document names another client_id")]
    OtherClient {
        /// What it says instead, cut short; `None` where it says nothing.
        got: Option<String>,
    },
    /// Anything else.
    #[error("its document cannot be used: {0}")]
    Fault(#[from] Fault),
}

/// Reads a document fetched from `url` (sections 4 and 4.1; the MCP authorization specification adds `client_name` and
/// `redirect_uris`).
///
/// # Errors
/// [`DocumentRefusal`], in the order in which it is checked.
pub fn read(url: &DocumentUrl, bytes: &[u8]) -> Result<Document, DocumentRefusal> {
    let members = Members::read(bytes)?;
    let named = members.text("client_id")?;
    if named != Some(url.as_str()) {
        let got = named.map(|text| super::members::clean(text, limits::CLIENT_NAME_CHARS_MAX));
        return Err(DocumentRefusal::OtherClient { got });
    }
    // A published secret is none (section 4.1).
    if members.has("client_secret") || members.has("client_secret_expires_at") {
        return Err(Fault::metadata("a public document must not hold a client_secret").into());
    }
    if holds_private_keys(&members) {
        return Err(Fault::metadata("jwks must hold public keys only").into());
    }
    // A client that declares keys must prove them at every request and never be taken for a public one (section 8.2).
    let token_endpoint_auth_method = method(&members)?;
    // A public client's keys are for something else than proving itself here: they are not looked at.
    let signing = match token_endpoint_auth_method {
        AuthMethod::PrivateKeyJwt => Signing::of_members(&members, token_endpoint_auth_method)?,
        _ => Signing::default(),
    };
    let name = members.name()?.ok_or_else(|| Fault::metadata("client_name is missing"))?;
    for shown in ["jwks_uri", "sector_identifier_uri"] {
        members.page(shown)?;
    }
    let metadata = Metadata {
        redirect_uris: members.redirects()?,
        grant_types: members.grants(&DESCRIBED)?,
        token_endpoint_auth_method,
        jwks: signing.jwks,
        jwks_uri: signing.jwks_uri,
        token_endpoint_auth_signing_alg: signing.algorithm,
        tos_uri: members.page("tos_uri")?,
        policy_uri: members.page("policy_uri")?,
        contacts: Vec::new(),
        client_uri: members.page("client_uri")?,
        logo_uri: members.page("logo_uri")?,
        guards: Vec::new(),
        post_logout_redirect_uris: members.after_logout()?,
        dpop_bound_access_tokens: members.flag("dpop_bound_access_tokens")?,
        scope: members.scope(None)?,
        application_type: members.short("application_type")?,
        software_id: members.short("software_id")?,
        software_version: members.short("software_version")?,
        require_pushed_authorization_requests: members.flag(PUSHED_ONLY)?,
    };
    Ok(Document { name, metadata })
}

/// How the client authenticates here. Its document does not know which server reads it: `token_endpoint_auth_method` is
/// what it would rather do, `token_endpoint_auth_methods_supported` all that it can do, and it picks by what our metadata
/// lists. ChatGPT says `private_key_jwt` in the one and both in the other. What it prefers counts where it is offered
/// here, and the strongest of the others where not; whoever can only prove itself is never taken for a public client
/// (section 8.2).
fn method(members: &Members) -> Result<AuthMethod, Fault> {
    let preferred = members.text("token_endpoint_auth_method")?;
    // A method that stands on a shared secret makes the document invalid, whatever else it lists (section 4.1).
    if preferred.is_some_and(|method| method.starts_with("client_secret_")) {
        return Err(Fault::metadata("token_endpoint_auth_method must not be one with a shared secret"));
    }
    let can = members.list("token_endpoint_auth_methods_supported")?.unwrap_or_default();
    let says_nothing = preferred.is_none() && can.is_empty();
    let prefers = |method: &AuthMethod| preferred == Some(method.as_str());
    let knows = |method: &AuthMethod| can.contains(&method.as_str());
    let mutual = OFFERED.into_iter().find(prefers).or_else(|| OFFERED.into_iter().find(knows));
    let mutual = mutual.or(says_nothing.then_some(AuthMethod::None));
    mutual.ok_or_else(|| Fault::metadata("token_endpoint_auth_method must be none or private_key_jwt"))
}

/// `d` of EC, OKP and RSA keys, `k` of symmetric ones (RFC 7518 section 6).
fn holds_private_keys(members: &Members) -> bool {
    let keys = members.value("jwks").and_then(|jwks| jwks.get("keys")).and_then(|keys| keys.as_array());
    keys.into_iter().flatten().any(|key| key.get("d").is_some() || key.get("k").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ID: &str = "https://client.example/oauth/client.json";

    fn document() -> Value {
        json!({"client_id": ID, "client_name": "Example", "redirect_uris": ["http://127.0.0.1:33418/"]})
    }

    fn read_with(name: &str, value: Value) -> Result<Document, DocumentRefusal> {
        let mut body = document();
        body[name] = value;
        read(&DocumentUrl::parse(ID).unwrap(), body.to_string().as_bytes())
    }

    #[test]
    fn an_id_is_a_plain_https_url_with_a_path() {
        for good in [
            ID,
            "https://client.example/c",
            "https://client.example:8443/c",
            "https://client.example/c?v=1",
            "https://client.example//c",
            "https://client.example/c/",
            "https://xn--bcher-kva.example/c",
        ] {
            assert!(DocumentUrl::parse(good).is_ok(), "{good}");
        }
        let long = format!("https://client.example/{}", "x".repeat(2_026));
        assert_eq!(long.len(), 2_049);
        for bad in [
            "http://client.example/c",
            "https://client.example",
            "https://client.example/",
            "https://client.example/c#f",
            "https://client.example/c#",
            "https://u@client.example/c",
            "https://u:p@client.example/c",
            "https://@client.example/c",
            "https://client.example/a/../c",
            "https://client.example/./c",
            "https://client.example/%2e%2e/c",
            "https://client.example/a/..",
            "https://Client.example/c",
            "HTTPS://client.example/c",
            "https://client.example:443/c",
            "https://bücher.example/c",
            "https://client.example\\c",
            "https://client.example/c d",
            "https://client.example/\tc",
            " https://client.example/c",
            "https://client.example./c",
            "https://localhost/c",
            "https://127.0.0.1/c",
            "https://[::1]/c",
            "https://2130706433/c",
            "https://0x7f.1/c",
            "https://8.8.8.8/c",
            "https:client.example/c",
            "https:///client.example/c",
            &long,
        ] {
            assert!(DocumentUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_documents_of_real_clients_are_accepted() {
        let vscode = json!({"client_name":"Visual Studio Code","logo_uri":"https://code.visualstudio.com/assets/branding/code-stable.png",
            "grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code"],
            "token_endpoint_auth_method":"none","application_type":"native","client_id":"https://vscode.dev/oauth/client-metadata.json",
            "client_uri":"https://vscode.dev/product","redirect_uris":["http://127.0.0.1:33418/","https://vscode.dev/redirect"]});
        let url = DocumentUrl::parse("https://vscode.dev/oauth/client-metadata.json").unwrap();
        let read = read(&url, vscode.to_string().as_bytes()).unwrap();
        assert_eq!(read.name, "Visual Studio Code");
        assert_eq!(read.metadata.grant_types, DESCRIBED[..3]);
    }

    #[test]
    fn the_document_of_chatgpt_is_taken_at_the_method_it_prefers() {
        let methods = json!(["none", "private_key_jwt"]);
        let document = json!({"client_id": ID, "client_uri": "https://chatgpt.com/",
            "redirect_uris": ["https://chatgpt.com/connector/oauth/IbUR3zxyNQ16"], "client_name": "ChatGPT",
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_methods_supported": methods,
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_signing_alg": "RS256", "jwks_uri": "https://chatgpt.com/oauth/jwks.json"});
        let read = read(&DocumentUrl::parse(ID).unwrap(), document.to_string().as_bytes()).unwrap();
        assert_eq!(read.metadata.token_endpoint_auth_method, AuthMethod::PrivateKeyJwt);
        assert_eq!(read.metadata.jwks_uri.as_deref(), Some("https://chatgpt.com/oauth/jwks.json"));
    }

    #[test]
    fn a_method_is_chosen_from_the_list_where_none_is_preferred_and_never_one_that_is_not_listed() {
        let chosen = |value| read_with("token_endpoint_auth_methods_supported", value);
        for listed in [json!(["none"]), json!(["tls_client_auth", "none"]), json!([]), Value::Null] {
            assert_eq!(chosen(listed).unwrap().metadata.token_endpoint_auth_method, AuthMethod::None);
        }
        for listed in
            [json!(["tls_client_auth"]), json!(["private_key_jwt"]), json!(["private_key_jwt", "none"])]
        {
            assert!(chosen(listed.clone()).is_err(), "{listed}: another method, or one without keys");
        }
    }

    #[test]
    fn a_document_for_another_id_is_refused_whatever_the_difference() {
        for other in [
            "https://client.example/oauth/client.json/",
            "https://client.example:443/oauth/client.json",
            "HTTPS://client.example/oauth/client.json",
            "",
        ] {
            let refusal = read_with("client_id", json!(other)).unwrap_err();
            assert!(matches!(refusal, DocumentRefusal::OtherClient { .. }), "{other}");
        }
        assert_eq!(read_with("client_id", Value::Null), Err(DocumentRefusal::OtherClient { got: None }));
    }

    #[test]
    fn secrets_keys_and_other_methods_in_a_document_are_refused() {
        for (name, value) in [
            ("client_secret", json!("s")),
            ("client_secret", Value::Null),
            ("client_secret_expires_at", json!(0)),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("token_endpoint_auth_method", json!("client_secret_post")),
            ("token_endpoint_auth_method", json!("client_secret_jwt")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("token_endpoint_auth_methods_supported", json!(["client_secret_post"])),
            ("token_endpoint_auth_methods_supported", json!("none")),
            ("jwks", json!({"keys": [{"kty": "EC", "d": "x"}]})),
            ("jwks", json!({"keys": [{"kty": "oct", "k": "x"}]})),
            ("redirect_uris", json!([])),
            ("redirect_uris", Value::Null),
            ("redirect_uris", json!(["http://example.com/"])),
            ("client_name", json!(" \u{200b}")),
            ("client_name", Value::Null),
            ("client_uri", json!("javascript:alert(1)")),
            ("jwks_uri", json!("file:///etc/passwd")),
            ("grant_types", json!(["client_credentials"])),
            ("response_types", json!(["token"])),
        ] {
            assert!(
                matches!(read_with(name, value.clone()), Err(DocumentRefusal::Fault(_))),
                "{name} {value}"
            );
        }
    }
}
