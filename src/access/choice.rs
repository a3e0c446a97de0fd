//! What a person may leave out of what a client asks for.
//!
//! What only reads at the resource is needed: without it the client would ask again at its first call, and again. What
//! changes or deletes, and what the client wants to know of the person, can be left out; a call that needs it later asks
//! for it by itself (403 `insufficient_scope`). Something always remains, else Cancel would be the word.

use std::collections::BTreeMap;

use super::scopes::is_shown;
use crate::actions::Effect;
use crate::oauth::scope::ScopeSet;

/// The scopes of `asked` that may be left out, where `unlocked` says which scope opens what at the resource.
pub fn optional<'a>(asked: &ScopeSet, unlocked: impl IntoIterator<Item = (&'a str, Effect)>) -> ScopeSet {
    let mut worst: BTreeMap<&str, Effect> = BTreeMap::new();
    for (scope, effect) in unlocked {
        let known = worst.entry(scope).or_insert(Effect::Read);
        *known = (*known).max(effect);
    }
    // The only thing that is asked is not a choice.
    if judged(asked).count() < 2 {
        return ScopeSet::default();
    }
    judged(asked).filter(|scope| worst.get(scope) != Some(&Effect::Read)).collect()
}

/// What remains of `asked` where of `optional` only these are `ticked`; `None` where that is nothing that a person could
/// name. It never holds what was not asked.
pub fn kept(asked: &ScopeSet, optional: &ScopeSet, ticked: &[String]) -> Option<ScopeSet> {
    let stays = |scope: &&str| !optional.contains(scope) || ticked.iter().any(|one| one == scope);
    let kept: ScopeSet = asked.iter().filter(stays).collect();
    (judged(&kept).next().is_some() || judged(asked).next().is_none()).then_some(kept)
}

/// What a person can judge by itself: `openid` says nothing to them, and how long it lasts is not a thing to do.
fn judged(scope: &ScopeSet) -> impl Iterator<Item = &str> {
    scope.iter().filter(|name| is_shown(name) && *name != "offline_access")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ScopeSet {
        text.parse().unwrap()
    }

    #[test]
    fn what_only_reads_is_needed_and_the_rest_is_a_choice() {
        let actions = [
            ("catalog:read", Effect::Read),
            ("catalog:write", Effect::Change),
            ("catalog:write", Effect::Read),
            ("scaffolder:run", Effect::Delete),
        ];
        let optional = |asked: &str| super::optional(&set(asked), actions).to_string();
        assert_eq!(optional("catalog:read catalog:write openid offline_access"), "catalog:write");
        assert_eq!(optional("catalog:read email profile scaffolder:run"), "email profile scaffolder:run");
        assert_eq!(optional("catalog:read"), "");
        assert_eq!(optional("catalog:write openid offline_access"), "", "the only thing asked");
        assert_eq!(optional("catalog:write scaffolder:run"), "catalog:write scaffolder:run");
    }

    /// Whatever a form says, nothing is added, nothing needed is lost, and something remains.
    #[test]
    fn no_answer_takes_more_than_was_asked_or_leaves_nothing() {
        let asked = set("catalog:read catalog:write openid offline_access");
        let choices = set("catalog:write");
        let kept = |ticked: &[&str]| {
            let ticked: Vec<String> = ticked.iter().map(|&one| one.to_owned()).collect();
            super::kept(&asked, &choices, &ticked).map(|kept| kept.to_string())
        };
        assert_eq!(kept(&["catalog:write"]).unwrap(), asked.to_string());
        assert_eq!(kept(&[]).unwrap(), "catalog:read offline_access openid");
        assert_eq!(kept(&["scaffolder:run", "rbac:write"]).unwrap(), "catalog:read offline_access openid");
        let (both, none) = (set("catalog:write scaffolder:run openid"), []);
        assert_eq!(super::kept(&both, &set("catalog:write scaffolder:run"), &none), None);
        let one = ["scaffolder:run".to_owned()];
        assert_eq!(
            super::kept(&both, &set("catalog:write scaffolder:run"), &one),
            Some(set("openid scaffolder:run"))
        );
        assert_eq!(
            super::kept(&set("openid"), &ScopeSet::default(), &none),
            Some(set("openid")),
            "nothing else was asked"
        );
    }
}
