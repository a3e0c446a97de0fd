//! How a client proves who it is at the token side (RFC 6749 section 2.3, RFC 7521 section 4.2; attacks E04, E05).

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;

use super::assertion::{Assertion, AssertionRefusal, Once};
use super::client::{AuthMethod, Client, ClientKind};
use super::error::Refusal;
use super::key_set::KeySet;
use crate::clock::Time;
use crate::secret::Digest;

/// What a client presents: its id, and perhaps a secret or something that it signed. Not yet trusted.
pub struct Presented {
    /// The client_id, to the letter.
    pub client_id: String,
    proof: Proof,
    /// Whether this request has used its assertion up: to decide twice about one request is not to use it twice.
    used: AtomicBool,
}

enum Proof {
    Nothing,
    Secret(AuthMethod, Digest),
    Assertion(Box<Assertion>),
}

impl Proof {
    fn secret(way: AuthMethod, secret: Option<&str>) -> Self {
        secret.map_or(Self::Nothing, |secret| Self::Secret(way, Digest::of(secret)))
    }
}

/// The parameters of a form that say who the client is.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header.
    pub header: Option<&'a str>,
    /// `client_id`.
    pub id: Option<&'a str>,
    /// `client_secret`.
    pub secret: Option<&'a str>,
    /// `client_assertion`.
    pub assertion: Option<&'a str>,
    /// `client_assertion_type`.
    pub assertion_type: Option<&'a str>,
}

/// What an assertion is measured by.
#[derive(Clone, Copy, Debug)]
pub struct Measure<'a> {
    /// The client's keys; `None` where they could not be had.
    pub keys: Option<&'a KeySet>,
    /// The names of this server that may be its `aud`.
    pub audiences: &'a [String],
    /// Now.
    pub now: Time,
}

impl Presented {
    /// From the `Authorization` header and the form parameters.
    ///
    /// # Errors
    /// [`Refusal`] where they contradict each other or no client is named.
    pub fn read(credentials: Credentials<'_>) -> Result<Self, Refusal> {
        let Credentials { header, id, secret, assertion, assertion_type } = credentials;
        let ways = [header, secret, assertion].iter().flatten().count();
        if ways > 1 {
            return Err(Refusal::TwoMethods);
        }
        let known = |client_id: String, proof| Ok(Self { client_id, proof, used: AtomicBool::new(false) });
        if let Some(text) = assertion {
            let assertion = Assertion::read(assertion_type, text, id)?;
            return known(assertion.client_id().to_owned(), Proof::Assertion(Box::new(assertion)));
        }
        if assertion_type.is_some() {
            return Err(Refusal::Missing("client_assertion"));
        }
        let Some(header) = header else {
            let client_id = id.ok_or(Refusal::Missing("client_id"))?.to_owned();
            return known(client_id, Proof::secret(AuthMethod::ClientSecretPost, secret));
        };
        let (client_id, secret) =
            basic(header).ok_or(Refusal::Malformed("the Authorization header must be Basic"))?;
        if id.is_some_and(|id| id != client_id) {
            return Err(Refusal::TwoMethods);
        }
        // An empty secret is none (RFC 6749 section 2.3.1).
        let secret = Some(secret.as_str()).filter(|secret| !secret.is_empty());
        known(client_id, Proof::secret(AuthMethod::ClientSecretBasic, secret))
    }

    /// What it signed, if it came with that and has not used it up.
    pub fn assertion(&self) -> Option<&Assertion> {
        match &self.proof {
            Proof::Assertion(assertion) if !self.used.load(Ordering::Relaxed) => Some(assertion),
            _ => None,
        }
    }

    /// Whether `known`, the client that goes by this id, proves itself with it. A client that is unknown is compared
    /// too, so that it costs the same. What is given back must be used up before anything else is done.
    ///
    /// A client that registered itself chose its way and must keep to it; one that an administrator made may send its
    /// secret either way, since the administrator cannot know which way the program takes (VS Code takes the body).
    /// One with a key has no other way.
    ///
    /// # Errors
    /// [`Refusal`], each answered `invalid_client`.
    pub fn prove(&self, known: Option<&Client>, measure: &Measure<'_>) -> Result<Option<Once>, Refusal> {
        let stored = known.and_then(|client| client.secret_digest.as_ref());
        let nobody = Digest::of("nobody");
        let compared = match &self.proof {
            Proof::Secret(_, secret) => stored.unwrap_or(&nobody).matches(secret),
            Proof::Nothing | Proof::Assertion(_) => false,
        };
        let client = known.filter(|client| client.is_active()).ok_or(Refusal::UnknownClient)?;
        let registered = client.metadata.token_endpoint_auth_method;
        match (registered, &self.proof) {
            (AuthMethod::PrivateKeyJwt, Proof::Assertion(assertion)) => {
                if self.used.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let keys = measure.keys.ok_or(AssertionRefusal::NoKeys)?;
                let algorithm = client.metadata.token_endpoint_auth_signing_alg.as_deref();
                let once = assertion.verify(keys, algorithm, measure.audiences, measure.now)?;
                Ok(Some(once))
            }
            (AuthMethod::PrivateKeyJwt, Proof::Nothing) => Err(Refusal::Unproven),
            (AuthMethod::PrivateKeyJwt, Proof::Secret(..)) | (_, Proof::Assertion(_)) => {
                Err(Refusal::OtherMethod)
            }
            (AuthMethod::None, Proof::Nothing) if stored.is_none() => Ok(None),
            (AuthMethod::None, Proof::Secret(..)) if stored.is_none() => Err(Refusal::OtherMethod),
            (_, Proof::Nothing) => Err(Refusal::Unproven),
            (_, Proof::Secret(..)) if stored.is_none() || !compared => Err(Refusal::Unproven),
            (_, Proof::Secret(way, _)) if *way == registered || client.kind == ClientKind::PreRegistered => {
                Ok(None)
            }
            (_, Proof::Secret(..)) => Err(Refusal::OtherMethod),
        }
    }

    /// Notes that what [`Presented::prove`] gave back is used up.
    pub fn mark_used(&self) {
        self.used.store(true, Ordering::Relaxed);
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
        let basic = header("a:b");
        let none = Credentials::default();
        let (header, secret, assertion) = (Some(basic.as_str()), Some("b"), Some("x.y.z"));
        let kind = Some(crate::oauth::assertion::TYPE);
        for (place, (presented, expected)) in [
            (Credentials { header, secret, ..none }, Refusal::TwoMethods),
            (Credentials { header, id: Some("c"), ..none }, Refusal::TwoMethods),
            (Credentials { header, assertion, assertion_type: kind, ..none }, Refusal::TwoMethods),
            (Credentials { secret, assertion, assertion_type: kind, ..none }, Refusal::TwoMethods),
            (Credentials { secret, ..none }, Refusal::Missing("client_id")),
            (Credentials { assertion, ..none }, Refusal::Missing("client_assertion_type")),
            (Credentials { assertion_type: kind, ..none }, Refusal::Missing("client_assertion")),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(Presented::read(presented).err(), Some(expected), "{place}");
        }
    }
}
