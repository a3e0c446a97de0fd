//! Access tokens: JWTs by RFC 9068, built and verified here with keys and time as arguments.
//!
//! `jsonwebtoken` reads the system clock when it judges `exp` or `nbf`, so that is switched off and done here.

use jsonwebtoken::{Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::exchange::Actor;
use super::key::{KeyRing, SigningKey, jws};
use super::scope::ScopeSet;
use crate::clock::Time;

/// What an access token says (RFC 9068 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The authorization server.
    pub issuer: String,
    /// The user's id, or the client's where no user stands behind it.
    pub subject: String,
    /// The one protected resource it is for (RFC 8707).
    pub audience: String,
    /// The client it was issued to.
    pub client_id: String,
    /// What it may be used for.
    pub scope: ScopeSet,
    /// Its own name, so that it can be revoked alone.
    pub token_id: String,
    /// The grant it was issued under.
    pub grant_id: String,
    /// What a person recognises the subject by; VS Code shows it as the account's name.
    pub username: String,
    /// Whether a user stands behind it.
    pub is_user: bool,
    /// The key that whoever uses it must prove (RFC 9449 section 6): its thumbprint. `None` for a bearer token.
    pub key: Option<String>,
    /// Who acts for the subject, where that is not the client that the subject allowed (RFC 8693 section 4.1).
    pub actor: Option<Actor>,
    /// When it was issued.
    pub issued_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

/// Why a token is not accepted. The caller learns only `invalid_token`; the log learns this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Not a JWT of the shape that we issue.
    #[error("it is not an access token of this server")]
    Malformed,
    /// Signed by a key that we do not have, or no longer have.
    #[error("it is signed with an unknown key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("its signature is wrong")]
    BadSignature,
    /// Not an access token: an ID token or a client assertion in its place (attack F03).
    #[error("it is not an access token")]
    WrongType,
    /// From another issuer.
    #[error("it was issued by another server")]
    WrongIssuer,
    /// For another resource (attack G01).
    #[error("it was issued for another resource")]
    WrongAudience,
    /// Past its end, or not begun.
    #[error("it has expired")]
    Expired,
}

/// The claims as they stand in the token.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    scope: String,
    jti: String,
    iat: i64,
    exp: i64,
    /// The grant; ours.
    gid: String,
    /// `user` or `client`: the two never share a namespace (RFC 9068 section 5).
    sub_kind: String,
    preferred_username: String,
    /// RFC 7800 section 3.1. One that says something else than a key of ours is not a claim to be passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    jkt: String,
}

/// Signs `claims` with `key`.
///
/// # Errors
/// Where the key cannot sign, which a key that was loaded can.
pub fn sign_access(claims: &AccessClaims, key: &SigningKey) -> Result<String, jsonwebtoken::errors::Error> {
    let wire = Wire {
        iss: claims.issuer.clone(),
        sub: claims.subject.clone(),
        aud: claims.audience.clone(),
        client_id: claims.client_id.clone(),
        scope: claims.scope.to_string(),
        jti: claims.token_id.clone(),
        iat: claims.issued_at.seconds(),
        exp: claims.expires_at.seconds(),
        gid: claims.grant_id.clone(),
        sub_kind: if claims.is_user { "user" } else { "client" }.to_owned(),
        preferred_username: claims.username.clone(),
        cnf: claims.key.clone().map(|jkt| Confirmation { jkt }),
        act: claims.actor.clone(),
    };
    sign("at+jwt", &wire, key)
}

/// Signs any claims under a header `typ`, so that no kind of token can stand in for another.
pub(super) fn sign<T: Serialize>(
    typ: &str,
    claims: &T,
    key: &SigningKey,
) -> Result<String, jsonwebtoken::errors::Error> {
    let mut header = Header::new(jws(key.algorithm));
    header.typ = Some(typ.to_owned());
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, claims, key.encoding())
}

/// Verifies a token that somebody presents, for `audience` at `now` (RFC 9068 section 4).
///
/// # Errors
/// [`TokenRefusal`], in the order in which it is checked.
pub fn verify_access(
    unverified: &str,
    keys: &KeyRing,
    issuer: &str,
    audience: &str,
    now: Time,
) -> Result<AccessClaims, TokenRefusal> {
    let claims = verify_for_any_audience(unverified, keys, issuer, now)?;
    if claims.audience != audience {
        return Err(TokenRefusal::WrongAudience);
    }
    Ok(claims)
}

/// Verifies all but the audience, for introspection and revocation, where the token is a parameter and not a key.
///
/// # Errors
/// As [`verify_access`], except [`TokenRefusal::WrongAudience`].
pub fn verify_for_any_audience(
    unverified: &str,
    keys: &KeyRing,
    issuer: &str,
    now: Time,
) -> Result<AccessClaims, TokenRefusal> {
    judge(open(unverified, keys, &["at+jwt", "application/at+jwt"])?, issuer, now)
}

/// What a token of ours says, of one of the kinds that `types` names and of no other (attack F03). Whom it is for and
/// until when is not judged here.
///
/// # Errors
/// [`TokenRefusal`], in the order in which it is checked.
pub(super) fn open<T: DeserializeOwned>(
    unverified: &str,
    keys: &KeyRing,
    types: &[&str],
) -> Result<T, TokenRefusal> {
    let header = jsonwebtoken::decode_header(unverified).map_err(|_| TokenRefusal::Malformed)?;
    let kid = header.kid.as_deref().ok_or(TokenRefusal::Malformed)?;
    let key = keys.verifying(kid).ok_or(TokenRefusal::UnknownKey)?;
    let typ = header.typ.as_deref().unwrap_or_default();
    if !types.iter().any(|known| known.eq_ignore_ascii_case(typ)) {
        return Err(TokenRefusal::WrongType);
    }
    // The algorithm is the key's, never the header's word (attack F01).
    let mut validation = Validation::new(jws(key.algorithm));
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let read = jsonwebtoken::decode::<T>(unverified, &key.decoding, &validation);
    Ok(read
        .map_err(|e| match e.kind() {
            jsonwebtoken::errors::ErrorKind::Json(_) => TokenRefusal::Malformed,
            _ => TokenRefusal::BadSignature,
        })?
        .claims)
}

fn judge(wire: Wire, issuer: &str, now: Time) -> Result<AccessClaims, TokenRefusal> {
    if wire.iss != issuer {
        return Err(TokenRefusal::WrongIssuer);
    }
    let (issued_at, expires_at) = (Time::from_seconds(wire.iat), Time::from_seconds(wire.exp));
    if expires_at <= now {
        return Err(TokenRefusal::Expired);
    }
    let is_user = match wire.sub_kind.as_str() {
        "user" => true,
        "client" => false,
        _ => return Err(TokenRefusal::Malformed),
    };
    Ok(AccessClaims {
        issuer: wire.iss,
        subject: wire.sub,
        audience: wire.aud,
        client_id: wire.client_id,
        scope: wire.scope.parse().map_err(|_| TokenRefusal::Malformed)?,
        token_id: wire.jti,
        grant_id: wire.gid,
        username: wire.preferred_username,
        is_user,
        key: wire.cnf.map(|cnf| cnf.jkt),
        actor: wire.act,
        issued_at,
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Algorithm;
    use crate::secret;

    const ISSUER: &str = "http://localhost:8787";
    const RESOURCE: &str = "http://localhost:8787/mcp";

    fn ring(algorithm: Algorithm) -> KeyRing {
        let pkcs8 = secret::private_key(algorithm);
        KeyRing::new(SigningKey::from_pkcs8(&pkcs8, algorithm, Time::from_seconds(0)).unwrap(), vec![])
            .unwrap()
    }

    fn claims() -> AccessClaims {
        AccessClaims {
            issuer: ISSUER.into(),
            subject: "u1".into(),
            audience: RESOURCE.into(),
            client_id: "c1".into(),
            scope: "catalog:read".parse().unwrap(),
            token_id: "t1".into(),
            grant_id: "g1".into(),
            username: "dana@example.com".into(),
            is_user: true,
            key: Some("k1".into()),
            actor: None,
            issued_at: Time::from_seconds(1_000),
            expires_at: Time::from_seconds(1_900),
        }
    }

    #[test]
    fn every_algorithm_signs_what_it_verifies() {
        for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
            let keys = ring(algorithm);
            let token = sign_access(&claims(), keys.signing()).unwrap();
            let read = verify_access(&token, &keys, ISSUER, RESOURCE, Time::from_seconds(1_899)).unwrap();
            assert_eq!(read, claims());
        }
    }

    #[test]
    fn what_is_not_for_us_here_and_now_is_refused() {
        let keys = ring(Algorithm::Es256);
        let token = sign_access(&claims(), keys.signing()).unwrap();
        let at = |issuer, audience, seconds| {
            verify_access(&token, &keys, issuer, audience, Time::from_seconds(seconds)).unwrap_err()
        };
        assert_eq!(at(ISSUER, RESOURCE, 1_900), TokenRefusal::Expired);
        assert_eq!(at(ISSUER, "http://localhost:8787/mcp/", 1_000), TokenRefusal::WrongAudience);
        assert_eq!(at("http://localhost:8787/", RESOURCE, 1_000), TokenRefusal::WrongIssuer);
        let other = ring(Algorithm::Es256);
        let stranger = verify_access(&token, &other, ISSUER, RESOURCE, Time::from_seconds(1_000));
        assert_eq!(stranger.unwrap_err(), TokenRefusal::UnknownKey);
    }

    /// A confirmation of another kind is a bond that is not understood here, and not one to be passed over.
    #[test]
    fn a_token_that_is_bound_in_another_way_is_not_accepted() {
        let keys = ring(Algorithm::Es256);
        for (cnf, is_good) in [
            (serde_json::json!({"jkt": "k"}), true),
            (serde_json::json!({"x5t#S256": "k"}), false),
            (serde_json::json!({"jkt": "k", "x5t#S256": "k"}), false),
            (serde_json::json!({}), false),
        ] {
            let wire = serde_json::json!({"iss": ISSUER, "sub": "u1", "aud": RESOURCE, "exp": 2_000, "iat": 1_000,
                "client_id": "c1", "scope": "", "jti": "t1", "gid": "g1", "sub_kind": "user", "preferred_username": "",
                "cnf": cnf});
            let token = sign("at+jwt", &wire, keys.signing()).unwrap();
            let read = verify_access(&token, &keys, ISSUER, RESOURCE, Time::from_seconds(1_000));
            assert_eq!(read.is_ok(), is_good, "{cnf}");
        }
    }

    #[test]
    fn another_kind_of_token_is_not_an_access_token() {
        let keys = ring(Algorithm::Es256);
        let wire =
            serde_json::json!({"iss": ISSUER, "sub": "u1", "aud": RESOURCE, "exp": 2_000, "iat": 1_000});
        for typ in ["JWT", "client-authentication+jwt", ""] {
            let token = sign(typ, &wire, keys.signing()).unwrap();
            let refused = verify_access(&token, &keys, ISSUER, RESOURCE, Time::from_seconds(1_000));
            assert_eq!(refused.unwrap_err(), TokenRefusal::WrongType, "{typ}");
        }
    }

    #[test]
    fn a_token_altered_in_any_part_is_refused() {
        let keys = ring(Algorithm::Es256);
        let token = sign_access(&claims(), keys.signing()).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let forged = format!("{}.{}.{}", parts[0], parts[1], "A".repeat(parts[2].len()));
        for bad in ["", "a.b.c", &forged, &token[..token.len() - 2], &format!("{token}.")] {
            assert!(verify_access(bad, &keys, ISSUER, RESOURCE, Time::from_seconds(1_000)).is_err(), "{bad}");
        }
    }
}
