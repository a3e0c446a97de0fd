//! How a client proves who it is at the token side (RFC 6749 section 2.3; attack E04).

use base64::Engine as _;

use super::client::{AuthMethod, Client, ClientKind};
use super::error::Refusal;
use crate::secret::Digest;

/// What a client presents: its id, and perhaps a secret. Not yet trusted.
pub struct Presented {
    /// The client_id, to the letter.
    pub client_id: String,
    secret: Option<Digest>,
    method: AuthMethod,
}

impl Presented {
    /// From the `Authorization` header and the two form parameters.
    ///
    /// # Errors
    /// [`Refusal`] where they contradict each other or no client is named.
    pub fn read(header: Option<&str>, id: Option<&str>, secret: Option<&str>) -> Result<Self, Refusal> {
        let Some(header) = header else {
            let client_id = id.ok_or(Refusal::Missing("client_id"))?.to_owned();
            let method = if secret.is_some() { AuthMethod::ClientSecretPost } else { AuthMethod::None };
            return Ok(Self { client_id, secret: secret.map(Digest::of), method });
        };
        if secret.is_some() {
            return Err(Refusal::TwoMethods);
        }
        let (client_id, secret) =
            basic(header).ok_or(Refusal::Malformed("the Authorization header must be Basic"))?;
        if id.is_some_and(|id| id != client_id) {
            return Err(Refusal::TwoMethods);
        }
        // An empty secret is none (RFC 6749 section 2.3.1).
        let secret = (!secret.is_empty()).then(|| Digest::of(&secret));
        let method = if secret.is_some() { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
        Ok(Self { client_id, secret, method })
    }

    /// Whether `known`, the client that goes by this id, proves itself with it. A client that is unknown is compared
    /// too, so that it costs the same.
    ///
    /// A client that registered itself chose its way and must keep to it; one that an administrator made may send its
    /// secret either way, since the administrator cannot know which way the program takes (VS Code takes the body).
    ///
    /// # Errors
    /// [`Refusal`], each answered `invalid_client`.
    pub fn prove(&self, known: Option<&Client>) -> Result<(), Refusal> {
        let stored = known.and_then(|client| client.secret_digest.as_ref());
        let nobody = Digest::of("nobody");
        let compared = self.secret.as_ref().is_some_and(|secret| stored.unwrap_or(&nobody).matches(secret));
        let fits = if stored.is_some() { compared } else { self.secret.is_none() };
        let client = known.filter(|client| client.is_active()).ok_or(Refusal::UnknownClient)?;
        let registered = client.metadata.token_endpoint_auth_method;
        let public = stored.is_none() && registered == AuthMethod::None;
        if public && self.secret.is_some() {
            return Err(Refusal::OtherMethod);
        }
        let way_fits = self.method == registered || client.kind == ClientKind::PreRegistered;
        if !public && (stored.is_none() || self.secret.is_none()) || !fits {
            return Err(Refusal::Unproven);
        }
        if way_fits { Ok(()) } else { Err(Refusal::OtherMethod) }
    }
}

/// The two halves of a Basic credential. Some clients form-encode them as RFC 6749 section 2.3.1 says and some do not:
/// our secrets look the same either way, and since they hold no colon, the last one parts them, which leaves a
/// client_id that is a URL whole.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.rsplit_once(':')?;
    let plain = |half: &str| {
        let half = half.replace('&', "%26").replace('=', "%3D");
        let value = url::form_urlencoded::parse(half.as_bytes()).next().map(|(name, _)| name.into_owned());
        value.unwrap_or_default()
    };
    let (id, secret) = (plain(id), plain(secret));
    (!id.is_empty() && !id.chars().any(char::is_control)).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    }

    #[test]
    fn basic_is_read_encoded_and_raw() {
        for text in ["https%3A%2F%2Fx.example%2Fc:pok_a-b", "https://x.example/c:pok_a-b"] {
            let (id, secret) = basic(&header(text)).unwrap();
            assert_eq!((id.as_str(), secret.as_str()), ("https://x.example/c", "pok_a-b"), "{text}");
        }
        for bad in
            ["", "Basic", "Basic !", "Bearer abc", &header("no colon"), &header(":x"), &header("a\0:b")]
        {
            assert!(basic(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        let both = Presented::read(Some(&header("a:b")), Some("a"), Some("b"));
        assert_eq!(both.err(), Some(Refusal::TwoMethods));
        let other = Presented::read(Some(&header("a:b")), Some("c"), None);
        assert_eq!(other.err(), Some(Refusal::TwoMethods));
        assert_eq!(Presented::read(None, None, Some("b")).err(), Some(Refusal::Missing("client_id")));
    }
}
