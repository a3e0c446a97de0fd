//! `private_key_jwt`: a client signs who it is (RFC 7521 section 4.2, RFC 7523 section 3, draft-ietf-oauth-rfc7523bis).
//! Pure; its keys are fetched and its use is remembered elsewhere.

use serde::Deserialize;

use super::error::Refusal;
use super::jwt::{self, Audience, JwtRefusal, NumericDate, Untimely, Unverified};
use super::key_set::KeySet;
use crate::clock::Time;
use crate::limits;

/// The one `client_assertion_type` that there is (RFC 7523 section 2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The `typ` values that a client assertion may have: its own, and the one that says nothing. Any other is another kind
/// of token in its place (attack F03).
const TYPES: [&str; 2] = ["client-authentication+jwt", "JWT"];

/// Why an assertion proves nothing. Each is the end of a sentence that begins with `client_assertion`; none says what
/// was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionRefusal {
    /// Not a JWT that can be believed.
    #[error("{0}")]
    Jwt(#[from] JwtRefusal),
    /// Another kind of token.
    #[error("must have the typ client-authentication+jwt, JWT or none")]
    WrongType,
    /// Signed with another algorithm than the client registered.
    #[error("is not signed with the client's token_endpoint_auth_signing_alg")]
    OtherAlgorithm,
    /// `iss`, `sub` and `client_id` are not one.
    #[error("must have the client_id as iss and as sub")]
    OtherClient,
    /// For another server, or for others too (attack E05).
    #[error("must have the issuer of this server as its only aud")]
    WrongAudience,
    /// Past its end.
    #[error("has expired")]
    Expired,
    /// Not yet begun, or issued in the future.
    #[error("is not valid yet: compare the clocks")]
    TooEarly,
    /// Its end is too far away.
    #[error("must expire within {max} seconds", max = limits::ASSERTION_SECONDS_MAX)]
    TooLong,
    /// No id by which a second use could be told from the first.
    #[error("must have a jti")]
    NoId,
    /// Used before, here or on another node (attack E05).
    #[error("was used before: sign a new one for each request")]
    Replayed,
    /// The client's keys are not to be had.
    #[error("could not be checked: the keys at the client's jwks_uri cannot be read")]
    NoKeys,
}

impl From<Untimely> for AssertionRefusal {
    fn from(why: Untimely) -> Self {
        match why {
            Untimely::Expired => Self::Expired,
            Untimely::TooLong => Self::TooLong,
            Untimely::TooEarly => Self::TooEarly,
        }
    }
}

/// An assertion as it was presented. Not yet believed.
#[derive(Clone, Debug)]
pub struct Assertion {
    jwt: Unverified,
    client_id: String,
}

/// What must be used up before the client may go on: the assertion's `jti`, remembered until `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an assertion that is not used up can be used again"]
pub struct Once {
    /// The `jti`.
    pub id: String,
    /// From when on its age alone refuses it.
    pub until: Time,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: NumericDate,
    #[serde(default)]
    nbf: Option<NumericDate>,
    #[serde(default)]
    iat: Option<NumericDate>,
    #[serde(default)]
    jti: Option<String>,
}

impl Assertion {
    /// From the parameters of a request; `named` is its `client_id`, which may be left out (RFC 7521 section 4.2).
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn read(kind: Option<&str>, text: &str, named: Option<&str>) -> Result<Self, Refusal> {
        match kind {
            Some(TYPE) => {}
            Some(_) => return Err(Refusal::Malformed("client_assertion_type must be that of RFC 7523")),
            None => return Err(Refusal::Missing("client_assertion_type")),
        }
        let jwt = Unverified::read(text).map_err(AssertionRefusal::Jwt)?;
        let client_id = jwt.claimed("sub").ok_or(AssertionRefusal::OtherClient)?.to_owned();
        let one = jwt.claimed("iss") == Some(client_id.as_str())
            && named.is_none_or(|named| named == client_id)
            && client_id.len() <= limits::CLIENT_ID_BYTES_MAX
            && !client_id.contains(char::is_control);
        if one { Ok(Self { jwt, client_id }) } else { Err(AssertionRefusal::OtherClient.into()) }
    }

    /// The client that it claims to be from.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The id of the key that it names.
    pub fn kid(&self) -> Option<&str> {
        self.jwt.kid()
    }

    /// Whether a key of the client signed it, for this server and for now. `algorithm` is the one that the client
    /// registered, if it did; each of `audiences` is a name of this server.
    ///
    /// # Errors
    /// [`AssertionRefusal`], in the order in which it is checked.
    pub fn verify(
        &self,
        keys: &KeySet,
        algorithm: Option<&str>,
        audiences: &[String],
        now: Time,
    ) -> Result<Once, AssertionRefusal> {
        if self.jwt.is_typed(&TYPES) == Some(false) {
            return Err(AssertionRefusal::WrongType);
        }
        if algorithm.is_some_and(|registered| registered != self.jwt.algorithm().as_str()) {
            return Err(AssertionRefusal::OtherAlgorithm);
        }
        let claims: Claims = self.jwt.verify(keys)?;
        if claims.iss != self.client_id || claims.sub != self.client_id {
            return Err(AssertionRefusal::OtherClient);
        }
        if !claims.aud.sole().is_some_and(|sole| audiences.iter().any(|ours| ours == sole)) {
            return Err(AssertionRefusal::WrongAudience);
        }
        let until = jwt::window(claims.exp, [claims.nbf, claims.iat], now)?;
        let id = claims.jti.filter(|id| !id.is_empty()).ok_or(AssertionRefusal::NoId)?;
        Ok(Once { id, until })
    }
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
