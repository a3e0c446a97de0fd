//! A device without a browser (RFC 8628): what it asks for, the code a person types, and what each of its polls gets.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::client::{Client, GrantType};
use super::error::Refusal;
use super::grant::Grant;
use super::pkce::{self, Verifier};
use super::request::{AuthorizationRequest, Offer, Prompt, RawRequest};
use super::resource;
use crate::clock::Time;
use crate::limits;
use crate::secret::Digest;

/// Which device asks, and from where: what a person needs to see that it is not theirs (attack E09).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// SHA-256 of its device_code.
    pub digest: String,
    /// The code that it shows, so that the person can compare.
    pub user_code: String,
    /// The address that it asked from.
    pub address: String,
    /// What it calls itself. Its own word.
    pub user_agent: String,
    /// When it asked, in seconds since 1970.
    pub asked_at: i64,
}

/// What a person types: letters without vowels, so that no word comes up and nothing looks like a digit (section 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode(String);

/// The letters of a user code.
pub const USER_CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

impl UserCode {
    /// From what was typed: in any case, with any dashes and spaces.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > limits::PARAMETER_BYTES_MAX {
            return None;
        }
        let letters: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '_' | '.'))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let fits = letters.len() == limits::USER_CODE_CHARS
            && letters.bytes().all(|b| USER_CODE_LETTERS.contains(&b));
        fits.then_some(Self(letters))
    }

    /// What the store finds it by.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.0.split_at(limits::USER_CODE_CHARS / 2);
        write!(f, "{first}-{rest}")
    }
}

/// Reads what a device asks for (section 3.1), with the rules of an authorization request for what both have. The
/// challenge of PKCE is the client's choice: a device has no redirect to be spied on.
///
/// # Errors
/// [`Refusal`].
pub fn ask(
    raw: &RawRequest,
    client: &Client,
    offer: Offer<'_>,
    device: Device,
) -> Result<AuthorizationRequest, Refusal> {
    raw.is_whole().map_err(Refusal::Malformed)?;
    if !client.may(GrantType::DeviceCode) {
        return Err(Refusal::GrantNotRegistered);
    }
    let challenge = raw.get("code_challenge");
    let method = raw.get("code_challenge_method");
    match (challenge, method) {
        (None, None) => {}
        (Some(challenge), Some("S256")) if pkce::is_s256(challenge) => {}
        _ => return Err(Refusal::Malformed("code_challenge must be there with code_challenge_method S256")),
    }
    let resource = offer.resources.resolve(raw.resources()).ok_or(Refusal::UnknownResource)?;
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: String::new(),
        state: None,
        code_challenge: challenge.unwrap_or_default().to_owned(),
        scope: raw.scope(resource).map_err(|_| Refusal::NoSuchScope)?,
        resource: resource.identifier.clone(),
        nonce: None,
        prompt: Prompt::default(),
        max_age: None,
        login_hint: None,
        dpop_jkt: None,
        subject: None,
        device: Some(device),
    })
}

/// A device's request as the store knows it, at one of its polls.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// S256 challenge; empty where the device sent none.
    pub challenge: String,
    /// From when it is too late.
    pub expires_at: Time,
    /// Whether this poll came too early.
    pub hurried: bool,
    /// Whether an earlier poll got the tokens.
    pub redeemed: bool,
    /// What the person said.
    pub said: Said,
}

/// What the person said.
#[derive(Clone, Debug)]
pub enum Said {
    /// Nothing yet.
    Nothing,
    /// No.
    No,
    /// Yes: this grant.
    Yes(Box<Grant>),
}

/// What comes with a poll.
pub struct Poll<'a> {
    /// The proof, where it has one.
    pub verifier: Option<&'a str>,
    /// RFC 8707.
    pub resources: &'a [String],
}

/// Decides what a poll gets: the grant, or why not (section 3.5). How fast it polls is judged only while nothing was
/// said: a device that hurried a little must not miss the yes.
///
/// # Errors
/// [`Refusal`].
pub fn poll<'a>(waiting: &'a Waiting, poll: &Poll<'_>, now: Time) -> Result<&'a Grant, Refusal> {
    if waiting.redeemed {
        return Err(Refusal::Unknown);
    }
    if waiting.expires_at <= now {
        return Err(Refusal::DeviceExpired);
    }
    let grant = match &waiting.said {
        Said::Nothing if waiting.hurried => return Err(Refusal::SlowDown),
        Said::Nothing => return Err(Refusal::AuthorizationPending),
        Said::No => return Err(Refusal::AccessDenied),
        Said::Yes(grant) => grant,
    };
    match (waiting.challenge.as_str(), poll.verifier) {
        ("", None) => {}
        ("", Some(_)) => {
            return Err(Refusal::Malformed("code_verifier is there and no code_challenge was"));
        }
        (challenge, Some(text)) if Verifier::parse(text).is_some_and(|v| v.answers(challenge)) => {}
        _ => return Err(Refusal::WrongVerifier),
    }
    if !resource::agrees(poll.resources, &grant.resource) {
        return Err(Refusal::OtherResource);
    }
    Ok(grant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_read_however_it_is_typed_and_is_one_code() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for same in ["wdjbmjht", " wdjb mjht ", "WDJB\u{2013}MJHT", "w.d-j_b m j h t", "\tWDJBMJHT\n"] {
            assert_eq!(UserCode::parse(same), Some(code.clone()), "{same:?}");
        }
        let long = "B".repeat(limits::PARAMETER_BYTES_MAX + 1);
        for none in ["", "WDJB-MJH", "WDJB-MJHTB", "WDJB-MJHA", "WDJB-MJH1", "WDJB-MJH'", "ẂDJB-MJHT", &long]
        {
            assert_eq!(UserCode::parse(none), None, "{none:?}");
        }
    }

    fn grant() -> Box<Grant> {
        Box::new(Grant {
            id: "g1".into(),
            client_id: "c1".into(),
            user_id: None,
            person: None,
            scope: "catalog:read".parse().unwrap(),
            resource: "http://localhost:8787/mcp".into(),
            authenticated_at: None,
            expires_at: Time::from_seconds(1_000),
            used_at: Time::from_seconds(0),
            revoked_at: None,
        })
    }

    /// What was said, early and late, hurried or not, spent or not, with and without a proof.
    #[test]
    fn the_whole_table() {
        const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let mut granted = 0;
        for said in [Said::Nothing, Said::No, Said::Yes(grant())] {
            for row in 0..8_u32 {
                let is = |bit: u32| row & (1 << bit) != 0;
                let (hurried, redeemed, late) = (is(0), is(1), is(2));
                let now = Time::from_seconds(if late { 500 } else { 499 });
                for (challenge, verifier) in [
                    ("", None),
                    ("", Some(VERIFIER)),
                    (CHALLENGE, None),
                    (CHALLENGE, Some(VERIFIER)),
                    (CHALLENGE, Some(CHALLENGE)),
                ] {
                    let waiting = Waiting {
                        challenge: challenge.into(),
                        expires_at: Time::from_seconds(500),
                        hurried,
                        redeemed,
                        said: said.clone(),
                    };
                    let got = poll(&waiting, &Poll { verifier, resources: &[] }, now).map(|g| g.id.as_str());
                    let proof_fits = (challenge.is_empty() && verifier.is_none())
                        || (challenge == CHALLENGE && verifier == Some(VERIFIER));
                    let expected = match (&said, redeemed, late) {
                        (_, true, _) => Err(Refusal::Unknown),
                        (_, _, true) => Err(Refusal::DeviceExpired),
                        (Said::Nothing, ..) if hurried => Err(Refusal::SlowDown),
                        (Said::Nothing, ..) => Err(Refusal::AuthorizationPending),
                        (Said::No, ..) => Err(Refusal::AccessDenied),
                        (Said::Yes(_), ..) if proof_fits => Ok("g1"),
                        (Said::Yes(_), ..) if challenge.is_empty() => {
                            Err(Refusal::Malformed("code_verifier is there and no code_challenge was"))
                        }
                        (Said::Yes(_), ..) => Err(Refusal::WrongVerifier),
                    };
                    assert_eq!(got, expected, "{said:?} {row} {challenge} {verifier:?}");
                    granted += usize::from(got.is_ok());
                }
            }
        }
        assert_eq!(granted, 4, "said yes, not late, not spent: hurried or not, two good proofs");
    }
}
