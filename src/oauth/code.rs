//! Redeeming an authorization code (OAuth 2.1 section 4.1.3). Every check that can fail comes before the code is
//! consumed, so a wrong guess does not burn it: it lives a minute and its challenge has 256 bits, and burning would let
//! whoever sees a code without its verifier end the sign-in of its owner.

use super::error::Refusal;
use super::grant::Grant;
use super::pkce::Verifier;
use super::resource;
use crate::clock::Time;

/// A code as the store knows it.
#[derive(Clone, Debug)]
pub struct Code {
    /// The client it was issued to.
    pub client_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// S256 challenge.
    pub challenge: String,
    /// OpenID Connect nonce.
    pub nonce: Option<String>,
    /// When the user last proved who they are.
    pub authenticated_at: Time,
    /// The key that must redeem it (RFC 9449 section 10); `None` where any may.
    pub key: Option<String>,
    /// When it dies unredeemed.
    pub expires_at: Time,
    /// Whether it was redeemed before this request.
    pub redeemed: bool,
    /// What it gives.
    pub grant: Grant,
}

/// What comes with a code.
pub struct Presented<'a> {
    /// The client, authenticated.
    pub client_id: &'a str,
    /// OAuth 2.0 clients send it, those of 2.1 need not (OAuth 2.1 section 10.2).
    pub redirect_uri: Option<&'a str>,
    /// The proof.
    pub verifier: Verifier<'a>,
    /// The key that the request proves, if it does.
    pub key: Option<&'a str>,
    /// RFC 8707.
    pub resources: &'a [String],
}

/// A refusal that must write is an outcome, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redemption {
    /// Consume it and give tokens.
    Granted,
    /// Two parties hold this code and its proof: take back what it gave (OAuth 2.1 section 4.1.3).
    Replayed,
    /// Change nothing.
    Refused(Refusal),
}

/// Decides. A replay counts only if everything else about it is right: otherwise whoever saw a spent code could end
/// its owner's sign-in (OAuth 2.1 section 7.5.2).
pub fn redeem(code: &Code, presented: &Presented<'_>, now: Time) -> Redemption {
    match judge(code, presented, now) {
        Ok(()) => Redemption::Granted,
        Err(Refusal::Replayed) => Redemption::Replayed,
        Err(refusal) => Redemption::Refused(refusal),
    }
}

fn judge(code: &Code, presented: &Presented<'_>, now: Time) -> Result<(), Refusal> {
    let need = |held: bool, refusal| if held { Ok(()) } else { Err(refusal) };
    need(code.client_id == presented.client_id, Refusal::OtherClient)?; // OAuth 2.1 section 4.1.3
    need(presented.redirect_uri.is_none_or(|uri| uri == code.redirect_uri), Refusal::OtherRedirect)?; // section 10.2
    need(presented.verifier.answers(&code.challenge), Refusal::WrongVerifier)?; // RFC 7636 section 4.6
    let key = code.key.as_deref();
    need(key.is_none() || key == presented.key, Refusal::OtherKey)?; // RFC 9449 section 10
    need(resource::agrees(presented.resources, &code.grant.resource), Refusal::OtherResource)?; // RFC 8707 section 2.2
    need(!code.redeemed, Refusal::Replayed)?; // even long after: who has the verifier too is no bystander
    need(now < code.expires_at, Refusal::Expired)?;
    code.grant.stands(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const RESOURCE: &str = "http://localhost:8787/mcp";

    fn code(redeemed: bool, revoked: bool) -> Code {
        Code {
            client_id: "c1".into(),
            redirect_uri: "http://127.0.0.1/cb".into(),
            challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into(),
            nonce: None,
            authenticated_at: Time::from_seconds(0),
            key: Some("k1".into()),
            expires_at: Time::from_seconds(60),
            redeemed,
            grant: Grant {
                id: "g1".into(),
                client_id: "c1".into(),
                user_id: None,
                person: None,
                scope: "catalog:read".parse().unwrap(),
                resource: RESOURCE.into(),
                authenticated_at: None,
                expires_at: Time::from_seconds(1_000),
                used_at: Time::from_seconds(0),
                revoked_at: revoked.then(|| Time::from_seconds(1)),
            },
        }
    }

    /// Eight conditions, 256 rows: one grants, four replay (late or revoked does not matter), the first that fails names
    /// the rest.
    #[test]
    fn the_whole_table() {
        let (mut granted, mut replayed) = (0, 0);
        for row in 0..256_u32 {
            let bad = |bit: u32| row & (1 << bit) != 0;
            let other = "x".repeat(43);
            let resources = [if bad(4) { "http://localhost:8787/other" } else { RESOURCE }.to_owned()];
            let presented = Presented {
                client_id: if bad(0) { "c2" } else { "c1" },
                redirect_uri: Some(if bad(1) { "http://127.0.0.1/other" } else { "http://127.0.0.1/cb" }),
                verifier: Verifier::parse(if bad(2) { &other } else { VERIFIER }).unwrap(),
                key: (!bad(3)).then_some("k1"),
                resources: &resources,
            };
            let now = Time::from_seconds(if bad(6) { 60 } else { 59 });
            let outcome = redeem(&code(bad(5), bad(7)), &presented, now);
            let expected = match row.trailing_zeros() {
                0 => Redemption::Refused(Refusal::OtherClient),
                1 => Redemption::Refused(Refusal::OtherRedirect),
                2 => Redemption::Refused(Refusal::WrongVerifier),
                3 => Redemption::Refused(Refusal::OtherKey),
                4 => Redemption::Refused(Refusal::OtherResource),
                5 => Redemption::Replayed,
                6 => Redemption::Refused(Refusal::Expired),
                7 => Redemption::Refused(Refusal::GrantRevoked),
                _ => Redemption::Granted,
            };
            assert_eq!(outcome, expected, "row {row}");
            granted += u32::from(outcome == Redemption::Granted);
            replayed += u32::from(outcome == Redemption::Replayed);
        }
        assert_eq!((granted, replayed), (1, 4));
    }
}
