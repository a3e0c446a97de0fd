//! The one question before anything is given out, asked by `/authorize` and by every grant of the token endpoint alike:
//! may this client have this, in this way, for whoever stands behind it? A rule that only the common grants ask is
//! gone around through a rare one (attacks E10, C05).

use crate::access::scopes;
use crate::clock::Time;
use crate::oauth::client::{Client, GrantType};
use crate::oauth::error::Refusal;
use crate::oauth::grant::Grant;
use crate::oauth::request::Offer;
use crate::oauth::resource::Resource;
use crate::oauth::scope::ScopeSet;

/// On whose behalf.
#[derive(Clone, Copy, Debug)]
pub enum Behind<'a> {
    /// The program's own.
    Itself,
    /// A person's who is here now, or whom somebody else vouches for.
    Person {
        /// Whether the account may go on.
        active: bool,
    },
    /// Whoever allowed this before.
    Grant(&'a Grant),
}

/// What is about to be given out.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// To whom, authenticated as far as it can be.
    pub client: &'a Client,
    /// In which way.
    pub way: GrantType,
    /// On whose behalf.
    pub behind: Behind<'a>,
    /// For what.
    pub scope: &'a ScopeSet,
    /// Where it is good.
    pub resource: &'a str,
    /// What there is to give.
    pub offer: Offer<'a>,
    /// Whether the operator's rules keep the client out.
    pub denied: bool,
}

/// Decides, and gives the scope that may be given: what is asked, cut to what the client and whoever stands behind it can
/// have at most.
///
/// # Errors
/// [`Refusal`], in the order in which it is checked. Nothing may be written before.
pub fn decide(ask: &Ask<'_>, now: Time) -> Result<ScopeSet, Refusal> {
    let need = |held: bool, refusal| if held { Ok(()) } else { Err(refusal) };
    need(ask.client.is_active() && !ask.denied, Refusal::UnknownClient)?;
    need(!for_confidential_only(ask.way) || ask.client.is_confidential(), Refusal::PublicClient)?;
    need(is_registered(ask), Refusal::GrantNotRegistered)?;
    match ask.behind {
        Behind::Itself => {}
        Behind::Person { active } => need(active, Refusal::UserInactive)?,
        Behind::Grant(grant) => grant.stands(now)?,
    }
    let at = ask.offer.resources.find(ask.resource).ok_or(Refusal::OtherResource)?;
    let cut = ask.scope.intersection(&ceiling(ask, at));
    need(!cut.is_empty() || ask.scope.is_empty(), Refusal::MoreScope)?;
    Ok(cut)
}

/// What only a client that proved itself may do: nobody is asked, so that its word is all there is.
fn for_confidential_only(way: GrantType) -> bool {
    match way {
        GrantType::ClientCredentials | GrantType::TokenExchange | GrantType::JwtBearer => true,
        GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::DeviceCode => false,
    }
}

/// A client that was allowed to stay connected may refresh, whether it registered so or asked the person (SEP-2207).
fn is_registered(ask: &Ask<'_>) -> bool {
    let stays = || match ask.behind {
        Behind::Grant(grant) => grant.scope.contains("offline_access"),
        Behind::Itself | Behind::Person { .. } => false,
    };
    ask.client.may(ask.way) || (ask.way == GrantType::RefreshToken && stays())
}

/// The most that may be given at all. A program on its own behalf has what it registered, or else what only reads; never
/// a person's identity. What a person's client registered is a hint, since real clients ask for more later.
fn ceiling(ask: &Ask<'_>, at: &Resource) -> ScopeSet {
    if !matches!(ask.behind, Behind::Itself) {
        return at.scopes.clone();
    }
    own_ceiling(ask.client, at)
}

/// What a program may have on its own behalf at a resource.
pub fn own_ceiling(client: &Client, at: &Resource) -> ScopeSet {
    let registered: Option<ScopeSet> = client.metadata.scope.as_deref().and_then(|text| text.parse().ok());
    let mut allowed = registered.map_or_else(|| at.baseline.clone(), |r| r.intersection(&at.scopes));
    for scope in scopes::IDENTITY {
        allowed = allowed.without(scope);
    }
    allowed
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
