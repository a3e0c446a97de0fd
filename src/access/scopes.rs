//! Scopes as people read them. A scope without a sentence never reaches a page: the start is refused.

use crate::actions::{Action, Effect, Registry};
use crate::oauth::scope::ScopeSet;

/// Scopes that belong to signing in and not to any tool (OpenID Connect Core sections 3.1.2.1, 5.4 and 11).
pub const IDENTITY: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What allowing `scope` means, as the end of "Postern will let it …"; `None` for a scope that nobody described.
pub fn sentence(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "openid" => "Know which account you are",
        "profile" => "See your name",
        "email" => "See your e-mail address",
        "offline_access" => "Stay connected until you disconnect it",
        "catalog:read" => "Look up components, APIs, systems and who owns them",
        "catalog:write" => {
            "Add and remove the places that the catalog reads, with every entry they describe, and have it read again"
        }
        "access:read" => "See who may do what here",
        "access:write" => "Draft changes to who may do what, for an administrator to publish",
        "insights:read" => "See scorecards: what stands well here and what does not",
        "scaffolder:read" => "See software templates and your template runs",
        "scaffolder:run" => "Run software templates for you",
        _ => return None,
    })
}

/// Whether a person can judge this scope; `openid` says nothing to them.
pub fn is_shown(scope: &str) -> bool {
    scope != "openid"
}

/// Every scope that can be asked for: those of signing in, and those that an action needs.
pub fn supported<'a>(actions: impl IntoIterator<Item = &'a Action>) -> ScopeSet {
    let tools: ScopeSet = actions.into_iter().filter_map(|action| action.scope.clone()).collect();
    IDENTITY.into_iter().collect::<ScopeSet>().union(&tools)
}

/// What resource metadata lists and what a request that names no scope gets: all that only reads. `offline_access`
/// is never in it (SEP-2207).
pub fn baseline<'a>(actions: impl IntoIterator<Item = &'a Action>) -> ScopeSet {
    // Few need to see the policy, and a call asks for that by itself.
    let reads = |action: &&Action| action.effect == Effect::Read && action.plugin() != "policy";
    actions.into_iter().filter(reads).filter_map(|action| action.scope.clone()).collect()
}

/// The sentence of a scope, of the house or of whoever added actions that need it. The house's own cannot be reworded: a
/// person must be able to trust it.
pub fn told<'r>(actions: &'r Registry, scope: &str) -> Option<&'r str> {
    sentence(scope).or_else(|| actions.scope(scope))
}

/// The scopes of `actions` that have no sentence; the start is refused unless there are none.
pub fn undescribed(actions: &Registry) -> Vec<String> {
    let all = supported(actions.all().iter().map(AsRef::as_ref));
    all.iter().filter(|scope| told(actions, scope).is_none()).map(str::to_owned).collect()
}
