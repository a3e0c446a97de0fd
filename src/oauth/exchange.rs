//! Exchanging an access token for one of another resource (RFC 8693): never for more, never for longer, and with the
//! names of those who act written into it (attack E08).

use serde::{Deserialize, Serialize};

use super::claims::AccessClaims;
use super::error::Refusal;
use super::resource;
use super::scope::ScopeSet;
use crate::clock::Time;
use crate::limits;

/// The only kind of token that is taken and given here (RFC 8693 section 3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Who acts, and for whom they act in turn (RFC 8693 section 4.1). The outermost is the present one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// A client_id.
    pub sub: String,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Actor {
    fn count(&self) -> usize {
        1 + self.act.as_ref().map_or(0, |before| before.count())
    }
}

/// What is asked, with tokens that were verified and whose grants live.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The client, authenticated.
    pub client_id: &'a str,
    /// What is given in.
    pub subject: &'a AccessClaims,
    /// The client's own token, where it sends one.
    pub actor: Option<&'a AccessClaims>,
    /// Where the new token is to be good, by `resource` and `audience` alike.
    pub targets: &'a [String],
    /// Where this client may have tokens for: the administrator's list.
    pub allowed: &'a [String],
    /// What the new token is to be good for; `None` for all that the old one is.
    pub scope: Option<&'a ScopeSet>,
}

/// What may be given, once the policy of all grants agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// Where the new token is good.
    pub resource: String,
    /// For what.
    pub scope: ScopeSet,
    /// Who acts.
    pub actor: Actor,
    /// When it ends.
    pub expires_at: Time,
}

/// Decides.
///
/// # Errors
/// [`Refusal`], in the order in which it is checked.
pub fn decide(ask: &Ask<'_>, access_seconds: i64, now: Time) -> Result<Exchanged, Refusal> {
    // A program's own token stands for nobody: exchanged, it would be this program's own, for what the other one may do.
    if !ask.subject.is_user {
        return Err(Refusal::BadSubject);
    }
    let own = |actor: &AccessClaims| {
        !actor.is_user && actor.subject == ask.client_id && actor.client_id == ask.client_id
    };
    if !ask.actor.is_none_or(own) {
        return Err(Refusal::BadActor);
    }
    let actor = Actor { sub: ask.client_id.to_owned(), act: ask.subject.actor.clone().map(Box::new) };
    if actor.count() > limits::ACTORS_MAX {
        return Err(Refusal::BadSubject);
    }
    // An empty list allows nothing, whatever is named or not.
    let resource = resource::resolve(ask.targets, ask.allowed).ok_or(Refusal::OtherResource)?;
    let held = ask.subject.scope.clone().without("offline_access").without("openid");
    let scope = match ask.scope {
        None => held,
        Some(asked) if asked.is_subset(&held) => asked.clone(),
        Some(_) => return Err(Refusal::MoreScope),
    };
    let expires_at = ask.subject.expires_at.min(now.plus_seconds(access_seconds));
    Ok(Exchanged { resource: resource.clone(), scope, actor, expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://mcp.example/mcp";
    const B: &str = "https://mcp.example/mcp/ops";

    fn token(scope: &str, seconds: i64, actor: Option<Actor>) -> AccessClaims {
        AccessClaims {
            issuer: "https://mcp.example".into(),
            subject: "u1".into(),
            audience: A.into(),
            client_id: "app".into(),
            scope: scope.parse().unwrap(),
            token_id: "t1".into(),
            grant_id: "g1".into(),
            username: "u@example.com".into(),
            is_user: true,
            actor,
            key: None,
            issued_at: Time::from_seconds(0),
            expires_at: Time::from_seconds(seconds),
        }
    }

    fn chain(length: usize) -> Option<Actor> {
        (0..length).fold(None, |act, at| Some(Actor { sub: format!("c{at}"), act: act.map(Box::new) }))
    }

    fn ask<'a>(subject: &'a AccessClaims, targets: &'a [String], allowed: &'a [String]) -> Ask<'a> {
        Ask { client_id: "agent", subject, actor: None, targets, allowed, scope: None }
    }

    #[test]
    fn neither_scope_nor_time_grows() {
        let (allowed, now) = ([B.to_owned()], Time::from_seconds(0));
        let subject = token("catalog:read catalog:write openid offline_access", 600, None);
        let given = decide(&ask(&subject, &[], &allowed), 900, now).unwrap();
        assert_eq!(
            (given.scope.to_string().as_str(), given.expires_at),
            ("catalog:read catalog:write", subject.expires_at)
        );
        assert_eq!(given.resource, B);
        let young = token("catalog:read", 9_000, None);
        assert_eq!(
            decide(&ask(&young, &[], &allowed), 900, now).unwrap().expires_at,
            Time::from_seconds(900)
        );
        for (asked, given) in [
            ("catalog:read", Ok("catalog:read")),
            ("", Ok("")),
            ("catalog:read rbac:read", Err(Refusal::MoreScope)),
            ("openid", Err(Refusal::MoreScope)),
            ("offline_access", Err(Refusal::MoreScope)),
        ] {
            let scope: ScopeSet = asked.parse().unwrap();
            let decided = decide(&Ask { scope: Some(&scope), ..ask(&subject, &[], &allowed) }, 900, now);
            assert_eq!(decided.map(|g| g.scope.to_string()), given.map(str::to_owned), "{asked}");
        }
    }

    #[test]
    fn only_what_the_administrator_listed_is_a_target() {
        let subject = token("catalog:read", 600, None);
        for (targets, allowed, given) in [
            (vec![], vec![], None),
            (vec![A], vec![], None),
            (vec![A], vec![B], None),
            (vec![B], vec![B], Some(B)),
            (vec![B, B], vec![A, B], Some(B)),
            (vec![A, B], vec![A, B], None),
            (vec![], vec![B, A], Some(B)),
            (vec!["mcp"], vec![B], None),
        ] {
            let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
            let (targets, allowed) = (owned(&targets), owned(&allowed));
            let decided = decide(&ask(&subject, &targets, &allowed), 900, Time::from_seconds(0));
            let expected = given.map(str::to_owned).ok_or(Refusal::OtherResource);
            assert_eq!(decided.map(|g| g.resource), expected, "{targets:?} {allowed:?}");
        }
    }

    #[test]
    fn whoever_acts_is_written_down_and_the_row_ends() {
        let allowed = [B.to_owned()];
        for before in 0..8 {
            let subject = token("catalog:read", 600, chain(before));
            let decided = decide(&ask(&subject, &[], &allowed), 900, Time::from_seconds(0));
            if before < limits::ACTORS_MAX {
                let actor = decided.unwrap().actor;
                assert_eq!((actor.sub.as_str(), actor.count()), ("agent", before + 1));
            } else {
                assert_eq!(decided, Err(Refusal::BadSubject));
            }
        }
    }

    #[test]
    fn attack_e08_a_subject_is_a_person() {
        let allowed = [B.to_owned()];
        let program = AccessClaims { is_user: false, ..token("catalog:read", 600, None) };
        assert_eq!(
            decide(&ask(&program, &[], &allowed), 900, Time::from_seconds(0)),
            Err(Refusal::BadSubject)
        );
    }

    #[test]
    fn an_actor_is_the_client_itself() {
        let (allowed, subject) = ([B.to_owned()], token("catalog:read", 600, None));
        let own = AccessClaims {
            subject: "agent".into(),
            client_id: "agent".into(),
            is_user: false,
            ..token("", 600, None)
        };
        let with = |actor: &AccessClaims| {
            decide(&Ask { actor: Some(actor), ..ask(&subject, &[], &allowed) }, 900, Time::from_seconds(0))
        };
        assert!(with(&own).is_ok());
        for wrong in [
            AccessClaims { is_user: true, ..own.clone() },
            AccessClaims { subject: "other".into(), ..own.clone() },
            AccessClaims { client_id: "other".into(), ..own.clone() },
            subject.clone(),
        ] {
            assert_eq!(with(&wrong), Err(Refusal::BadActor));
        }
    }
}
