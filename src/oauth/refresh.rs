//! Rotating a refresh token (OAuth 2.1 section 4.3): every use replaces it, and a token that was replaced is a sign of
//! theft unless it was replaced just now.

use super::error::Refusal;
use super::grant::Grant;
use super::resource;
use super::scope::ScopeSet;
use crate::clock::Time;
use crate::limits;

/// A refresh token as the store knows it.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// Dead if unused until then.
    pub expires_at: Time,
    /// When it was issued.
    pub issued_at: Time,
    /// Live, or replaced.
    pub state: State,
    /// The key that it is bound to; `None` where the client has a secret, or showed no key (RFC 9449 section 5).
    pub key: Option<String>,
    /// What it continues.
    pub grant: Grant,
}

/// Where a refresh token stands in its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The newest of its family.
    Live,
    /// Replaced by the next one.
    Rotated {
        /// When.
        at: Time,
        /// The answer that carried the next one, sealed under this token.
        answer: String,
    },
}

/// What comes with a refresh token.
pub struct Presented<'a> {
    /// The client, authenticated.
    pub client_id: &'a str,
    /// What the access token is to be cut to; `None` is all of it.
    pub scope: Option<&'a ScopeSet>,
    /// The key that the request proves, if it does.
    pub key: Option<&'a str>,
    /// RFC 8707.
    pub resources: &'a [String],
}

/// A refusal that must write is an outcome, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Replace it; the access token gets this scope. The grant keeps its own (OAuth 2.1 section 4.3.3).
    Rotate(ScopeSet),
    /// A retry, or a second window of the same client: give the same answer again.
    Repeat(String),
    /// Two parties hold this token: end this family and no other (OAuth 2.1 section 4.3.1).
    Reused,
    /// Change nothing.
    Refused(Refusal),
}

/// Decides. The client, the grant and what is asked are judged before the reuse: only a token that its own client
/// presents, under a grant that stands, can end a family.
pub fn rotate(token: &RefreshToken, presented: &Presented<'_>, now: Time) -> Rotation {
    match judge(token, presented, now) {
        Err(refusal) => Rotation::Refused(refusal),
        Ok(scope) => match &token.state {
            State::Live if token.expires_at <= now => Rotation::Refused(Refusal::Expired),
            State::Live => Rotation::Rotate(scope),
            State::Rotated { at, answer } if now < at.plus_seconds(limits::REFRESH_GRACE_SECONDS) => {
                Rotation::Repeat(answer.clone())
            }
            State::Rotated { .. } => Rotation::Reused,
        },
    }
}

fn judge(token: &RefreshToken, presented: &Presented<'_>, now: Time) -> Result<ScopeSet, Refusal> {
    if token.grant.client_id != presented.client_id {
        return Err(Refusal::OtherClient); // OAuth 2.1 section 4.3.1
    }
    if token.key.is_some() && token.key.as_deref() != presented.key {
        return Err(Refusal::OtherKey); // RFC 9449 section 5; without the key nobody can end a family either
    }
    token.grant.stands(now)?;
    if !resource::agrees(presented.resources, &token.grant.resource) {
        return Err(Refusal::OtherResource); // RFC 8707 section 2.2
    }
    match presented.scope {
        None => Ok(token.grant.scope.clone()),
        Some(asked) if asked.is_subset(&token.grant.scope) => Ok(asked.clone()),
        Some(_) => Err(Refusal::MoreScope), // RFC 6749 section 6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(state: State, revoked: bool) -> RefreshToken {
        RefreshToken {
            expires_at: Time::from_seconds(500),
            issued_at: Time::from_seconds(0),
            state,
            key: Some("k1".into()),
            grant: Grant {
                id: "g1".into(),
                client_id: "c1".into(),
                user_id: None,
                person: None,
                scope: "catalog:read catalog:write".parse().unwrap(),
                resource: "http://localhost:8787/mcp".into(),
                authenticated_at: None,
                expires_at: Time::from_seconds(1_000),
                used_at: Time::from_seconds(0),
                revoked_at: revoked.then(|| Time::from_seconds(1)),
            },
        }
    }

    /// Five conditions, three states, early and late: what writes happens only where every condition holds.
    #[test]
    fn the_whole_table() {
        let grace = limits::REFRESH_GRACE_SECONDS;
        for row in 0..32_u32 {
            let bad = |bit: u32| row & (1 << bit) != 0;
            let more: ScopeSet = if bad(4) { "rbac:write" } else { "catalog:read" }.parse().unwrap();
            let resources =
                [if bad(3) { "http://x.example/" } else { "http://localhost:8787/mcp" }.to_owned()];
            let presented = Presented {
                client_id: if bad(0) { "c2" } else { "c1" },
                scope: Some(&more),
                key: (!bad(1)).then_some("k1"),
                resources: &resources,
            };
            let rotated = || State::Rotated { at: Time::from_seconds(100), answer: "sealed".into() };
            for (state, at, good) in [
                (State::Live, 499, Rotation::Rotate(more.clone())),
                (State::Live, 500, Rotation::Refused(Refusal::Expired)),
                (rotated(), 100 + grace - 1, Rotation::Repeat("sealed".into())),
                (rotated(), 100 + grace, Rotation::Reused),
                (rotated(), 501, Rotation::Reused),
            ] {
                let expected = match row.trailing_zeros() {
                    0 => Rotation::Refused(Refusal::OtherClient),
                    1 => Rotation::Refused(Refusal::OtherKey),
                    2 => Rotation::Refused(Refusal::GrantRevoked),
                    3 => Rotation::Refused(Refusal::OtherResource),
                    4 => Rotation::Refused(Refusal::MoreScope),
                    _ => good,
                };
                let outcome = rotate(&token(state, bad(2)), &presented, Time::from_seconds(at));
                assert_eq!(outcome, expected, "row {row} at {at}");
            }
        }
    }
}
