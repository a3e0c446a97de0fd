//! ID tokens (OpenID Connect Core section 2): who signed in, for the client and never for a resource server.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use serde::{Deserialize, Serialize};

use super::claims::{open, sign};
use super::client::Client;
use super::grant::Person;
use super::key::{KeyRing, SigningKey};
use super::request::{AuthorizationRequest, Bounce, ErrorCode, Show, Stop};
use super::scope::ScopeSet;
use crate::clock::Time;
use crate::config::Algorithm;

/// What an ID token is made from.
pub struct IdToken<'a> {
    /// The authorization server.
    pub issuer: &'a str,
    /// The client: its audience.
    pub client_id: &'a str,
    /// Who signed in.
    pub person: &'a Person,
    /// Which claims they agreed to show.
    pub scope: &'a ScopeSet,
    /// What the client sent to recognise its own request.
    pub nonce: Option<&'a str>,
    /// When they last proved who they are.
    pub authenticated_at: Option<Time>,
    /// The access token beside it.
    pub access_token: &'a str,
    /// When it was issued.
    pub issued_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

#[derive(Serialize)]
struct Wire<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

impl IdToken<'_> {
    /// Signs it, with the type `JWT`, so that it can never pass for an access token (attack F03).
    ///
    /// # Errors
    /// Where the key cannot sign, which a key that was loaded can.
    pub fn sign(&self, key: &SigningKey) -> Result<String, jsonwebtoken::errors::Error> {
        let (profile, email) = (self.scope.contains("profile"), self.scope.contains("email"));
        let wire = Wire {
            iss: self.issuer,
            sub: &self.person.id,
            aud: self.client_id,
            iat: self.issued_at.seconds(),
            exp: self.expires_at.seconds(),
            at_hash: half_hash(key.algorithm, self.access_token),
            auth_time: self.authenticated_at.map(Time::seconds),
            nonce: self.nonce,
            name: profile.then_some(&self.person.name),
            preferred_username: profile.then_some(&self.person.email),
            email: email.then_some(&self.person.email),
        };
        sign("JWT", &wire, key)
    }
}

/// An ID token of ours that comes back: whom its bearer knows, and as which client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hint {
    /// The user.
    #[serde(rename = "sub")]
    pub subject: String,
    /// The client it was for.
    #[serde(rename = "aud")]
    pub client_id: String,
    iss: String,
}

/// Reads an `id_token_hint`. It may be long past its end (OpenID Connect RP-Initiated Logout section 4), and it proves
/// nothing but that its bearer once got it; still it must be ours, and no other kind of token (attack F03).
pub fn read_hint(unverified: &str, keys: &KeyRing, issuer: &str) -> Option<Hint> {
    let hint: Hint = open(unverified, keys, &["JWT"]).ok()?;
    (hint.iss == issuer).then_some(hint)
}

/// The request, with the person that its `id_token_hint` names, if it has one (OpenID Connect Core section 3.1.2.1).
///
/// # Errors
/// [`Stop::Bounce`] where the hint is not an ID token of ours for this client.
pub fn expect(
    request: AuthorizationRequest,
    hint: Option<&str>,
    client: &Client,
    keys: &KeyRing,
    issuer: &str,
) -> Result<AuthorizationRequest, Stop> {
    let Some(text) = hint else { return Ok(request) };
    match read_hint(text, keys, issuer).filter(|hint| hint.client_id == client.id) {
        Some(hint) => Ok(AuthorizationRequest { subject: Some(hint.subject), ..request }),
        None => {
            let to = client.redirect(&request.redirect_uri).ok_or(Stop::Show(Show::UnknownRedirect))?;
            let description = "id_token_hint is not an ID token of this server for this client";
            Err(Stop::Bounce(Bounce {
                to,
                error: ErrorCode::InvalidRequest,
                description,
                state: request.state,
            }))
        }
    }
}

/// The left half of the hash that goes with the signature (OpenID Connect Core section 3.1.3.6).
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 => &SHA256,
        Algorithm::EdDsa => &SHA512,
    };
    let hash = digest(hash, token.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}
