//! Identity assertions (draft-ietf-oauth-identity-assertion-authz-grant, "ID-JAG"; MCP's enterprise-managed authorization):
//! an identity provider that the administrator trusts says which person a client acts for. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::assertion::Once;
use super::jwt::{self, Audience, JwtRefusal, NumericDate, Untimely, Unverified};
use super::key_set::KeySet;
use super::scope::ScopeSet;
use crate::clock::Time;
use crate::limits;

/// The grant profile's name, for metadata (section 7.2 of the draft).
pub const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";

/// The only `typ` that one has: no other JWT of that provider can stand in for it (attack F03).
const TYPE: [&str; 1] = ["oauth-id-jag+jwt"];

/// Why an assertion is not taken. Each is the end of a sentence that begins with `assertion`; none says what was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdJagRefusal {
    /// Not a JWT that can be believed.
    #[error("{0}")]
    Jwt(#[from] JwtRefusal),
    /// Another kind of token.
    #[error("must have the typ oauth-id-jag+jwt")]
    WrongType,
    /// Nobody here trusts whoever issued it, or not with this client.
    #[error("is from an issuer that is not trusted here with this client")]
    UnknownIssuer,
    /// Its keys are not to be had.
    #[error("could not be checked: the keys of its issuer cannot be read")]
    NoKeys,
    /// For another server, or for others too.
    #[error("must have the issuer of this server as its only aud")]
    WrongAudience,
    /// For another client than the one that proved itself.
    #[error("must have the client_id of the client that presents it")]
    OtherClient,
    /// For a resource that is none of this server's.
    #[error("must have a resource of this server, and one only")]
    OtherResource,
    /// Past its end.
    #[error("has expired")]
    Expired,
    /// Not yet begun, or issued in the future.
    #[error("is not valid yet: compare the clocks")]
    TooEarly,
    /// Its end is too far away to remember that it was used.
    #[error("must expire within {max} seconds", max = limits::ASSERTION_SECONDS_MAX)]
    TooLong,
    /// No id, no subject, or one that no provider gives.
    #[error("must have a jti and a sub")]
    NoId,
    /// Bound to a key that nobody proved.
    #[error("is bound to a key that was not proved")]
    Bound,
    /// Used before, here or on another node.
    #[error("was used before: get a new one")]
    Replayed,
    /// The subject has no account here.
    #[error("is about somebody who has no account here")]
    UnknownPerson,
}

impl From<Untimely> for IdJagRefusal {
    fn from(why: Untimely) -> Self {
        match why {
            Untimely::Expired => Self::Expired,
            Untimely::TooLong => Self::TooLong,
            Untimely::TooEarly => Self::TooEarly,
        }
    }
}

/// An assertion as it was presented. Not yet believed.
#[derive(Debug)]
pub struct IdJag {
    jwt: Unverified,
    issuer: String,
}

/// What it must agree with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The name of this server.
    pub audience: &'a str,
    /// The client that proved itself.
    pub client_id: &'a str,
    /// The protected resources of this server.
    pub resources: &'a [String],
}

/// What it says, believed.
#[derive(Debug)]
pub struct Identified {
    /// The provider's tenant; empty where it names none.
    pub tenant: String,
    /// The provider's name for the person, within the tenant.
    pub subject: String,
    /// The person's address, where the provider stands in for it. Good for linking once, and for nothing else.
    pub email: Option<String>,
    /// The most that is allowed; `None` where it does not say.
    pub scope: Option<ScopeSet>,
    /// The one resource that it is for, in our spelling; `None` where it does not say.
    pub resource: Option<String>,
    /// When the person last proved who they are.
    pub authenticated_at: Option<Time>,
    /// What must be used up.
    pub once: Once,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    client_id: String,
    jti: String,
    exp: NumericDate,
    iat: NumericDate,
    #[serde(default)]
    nbf: Option<NumericDate>,
    #[serde(default)]
    resource: Option<Audience>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
    #[serde(default)]
    auth_time: Option<NumericDate>,
    #[serde(default)]
    cnf: Option<Value>,
}

impl IdJag {
    /// Reads one.
    ///
    /// # Errors
    /// [`IdJagRefusal`].
    pub fn read(text: &str) -> Result<Self, IdJagRefusal> {
        let jwt = Unverified::read(text)?;
        if jwt.is_typed(&TYPE) != Some(true) {
            return Err(IdJagRefusal::WrongType);
        }
        let issuer = jwt.claimed("iss").ok_or(IdJagRefusal::UnknownIssuer)?.to_owned();
        Ok(Self { jwt, issuer })
    }

    /// Whose keys to ask, by its own word.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The id of the key that it names.
    pub fn kid(&self) -> Option<&str> {
        self.jwt.kid()
    }

    /// Whether a key of its issuer signed it, for this server, this client and for now.
    ///
    /// # Errors
    /// [`IdJagRefusal`], in the order in which it is checked.
    pub fn verify(&self, keys: &KeySet, to: &Expected<'_>, now: Time) -> Result<Identified, IdJagRefusal> {
        let claims: Claims = self.jwt.verify(keys)?;
        let need = |holds: bool, refusal| if holds { Ok(()) } else { Err(refusal) };
        need(claims.iss == self.issuer, IdJagRefusal::UnknownIssuer)?;
        need(claims.aud.sole() == Some(to.audience), IdJagRefusal::WrongAudience)?; // section 4.4.1
        need(claims.client_id == to.client_id, IdJagRefusal::OtherClient)?; // section 4.4.1
        let until = jwt::window(claims.exp, [claims.nbf, Some(claims.iat)], now)?;
        let tenant = claims.tenant.unwrap_or_default();
        let named = |text: &str| !text.is_empty() && text.len() <= limits::ISSUER_SUBJECT_BYTES_MAX;
        let known = named(&claims.sub) && (tenant.is_empty() || named(&tenant));
        let printable = |text: &str| !text.chars().any(char::is_control);
        need(
            known && printable(&claims.sub) && printable(&tenant) && !claims.jti.is_empty(),
            IdJagRefusal::NoId,
        )?;
        need(claims.cnf.is_none(), IdJagRefusal::Bound)?;
        let resource = match &claims.resource {
            None => None,
            Some(named) => Some(own_resource(named, to.resources).ok_or(IdJagRefusal::OtherResource)?),
        };
        let scope = claims.scope.map(|text| text.parse::<ScopeSet>()).transpose();
        Ok(Identified {
            tenant,
            subject: claims.sub,
            // An address of which nobody says that it was verified may be anybody's (attack C02).
            email: claims.email.filter(|_| claims.email_verified == Some(true)),
            scope: scope.map_err(|_| JwtRefusal::Claims)?,
            resource,
            authenticated_at: claims.auth_time.map(|NumericDate(at)| at),
            once: Once { id: claims.jti, until },
        })
    }
}

/// The one of ours that is named. A list that names others too says that the assertion is for several, and a token is for
/// one (attack E08, "two aud").
fn own_resource(named: &Audience, ours: &[String]) -> Option<String> {
    let sole = named.sole()?;
    super::resource::resolve(&[sole], ours).cloned()
}
