//! The one rule of who may use an action, asked for a list of tools and for a call alike.

use crate::actions::{Action, Caller};

/// What a caller may do with an action, and why. A list shows exactly what [`Decision::allows`], and a call runs
/// exactly that: two rules would drift apart, and then a list hides what a call allows (attack H07).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The action asks for no scope.
    OpenToAll,
    /// The token holds the scope the action asks for, or a broader one.
    ScopeHeld(&'a str),
    /// The token lacks this scope, and its user could still grant it: the one refusal that a client can mend
    /// by asking again (MCP 2026-07-28, step-up).
    NeedsScope(&'a str),
    /// The token is kept to other actions: for it, this one does not exist, and a call of it is answered as a call of
    /// any name that nobody gave (attack H07).
    Hidden,
    /// The published policy does not give whoever stands behind the token this action. Answered as [`Decision::Hidden`]:
    /// what somebody may not do, they are not told of (experience A-10).
    Forbidden,
}

impl Decision<'_> {
    /// The rule that decided, as a word for programs.
    pub fn rule(self) -> &'static str {
        match self {
            Self::OpenToAll => "open-to-all",
            Self::ScopeHeld(_) => "scope-held",
            Self::NeedsScope(_) => "needs-scope",
            Self::Hidden => "outside-restrictions",
            Self::Forbidden => "policy",
        }
    }

    /// The same as a sentence for whoever asks why.
    pub fn reason(self) -> String {
        match self {
            Self::OpenToAll => "it asks for no scope".to_owned(),
            Self::ScopeHeld(scope) => format!("the token holds {scope}, or a broader scope"),
            Self::NeedsScope(scope) => {
                format!("the token lacks {scope}; a call asks the client to sign in for it")
            }
            Self::Hidden => {
                "the token is kept to other plugins or permissions; a call finds no such tool".to_owned()
            }
            Self::Forbidden => "the policy does not give it to them; a call finds no such tool".to_owned(),
        }
    }

    /// Whether the action may run.
    pub fn allows(self) -> bool {
        match self {
            Self::OpenToAll | Self::ScopeHeld(_) => true,
            Self::NeedsScope(_) | Self::Hidden | Self::Forbidden => false,
        }
    }

    /// Whether the action exists for the caller at all.
    pub fn exists(self) -> bool {
        !matches!(self, Self::Hidden | Self::Forbidden)
    }
}

/// Whether `caller` may use `action`: what the policy gives the user ∩ the scopes of the token ∩ what the token is kept to.
pub fn decide<'a>(caller: &Caller, action: &'a Action) -> Decision<'a> {
    if caller.restrictions.as_ref().is_some_and(|rules| !rules.iter().any(|rule| rule.fits(action))) {
        return Decision::Hidden;
    }
    // Before the scope: nobody is sent to sign in again for what they will not get.
    if caller.rights.as_ref().is_some_and(|rights| !rights.judge_action(action).allows()) {
        return Decision::Forbidden;
    }
    match &action.scope {
        None => Decision::OpenToAll,
        Some(scope) if caller.scopes.satisfies(scope) => Decision::ScopeHeld(scope),
        Some(scope) => Decision::NeedsScope(scope),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::actions::Effect;

    fn caller(scopes: &str) -> Caller {
        Caller {
            subject: "user-1".into(),
            username: "ada@example.com".into(),
            is_user: true,
            client_id: "client-1".into(),
            grant_id: "grant-1".into(),
            scopes: scopes.parse().unwrap(),
            resource: "http://localhost:8787/mcp".into(),
            restrictions: None,
            rights: None,
        }
    }

    fn action(scope: Option<&str>) -> Action {
        Action {
            id: "catalog:thing".into(),
            title: "Thing".into(),
            description: "A thing.".into(),
            input: Arc::new(json!({"type": "object"})),
            output: Arc::new(json!({"type": "object"})),
            effect: Effect::Read,
            idempotent: true,
            scope: scope.map(str::to_owned),
            permission: None,
            aliases: Vec::new(),
            run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
        }
    }

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for needed in [None, Some("catalog:read"), Some("catalog:write")] {
            let action = action(needed);
            for held in ["", "openid", "catalog:read", "catalog:write", "scaffolder:write"] {
                let decision = decide(&caller(held), &action);
                table += &format!("{:<13} | {held:<16} | {decision:?}\n", needed.unwrap_or("-"));
            }
        }
        assert_eq!(
            table,
            r#"-             |                  | OpenToAll
-             | openid           | OpenToAll
-             | catalog:read     | OpenToAll
-             | catalog:write    | OpenToAll
-             | scaffolder:write | OpenToAll
catalog:read  |                  | NeedsScope("catalog:read")
catalog:read  | openid           | NeedsScope("catalog:read")
catalog:read  | catalog:read     | ScopeHeld("catalog:read")
catalog:read  | catalog:write    | ScopeHeld("catalog:read")
catalog:read  | scaffolder:write | NeedsScope("catalog:read")
catalog:write |                  | NeedsScope("catalog:write")
catalog:write | openid           | NeedsScope("catalog:write")
catalog:write | catalog:read     | NeedsScope("catalog:write")
catalog:write | catalog:write    | ScopeHeld("catalog:write")
catalog:write | scaffolder:write | NeedsScope("catalog:write")
"#
        );
    }

    #[test]
    fn what_a_token_is_not_kept_to_does_not_exist_for_it_whatever_its_scopes() {
        let rules = |word: &str| Some(Arc::from([crate::actions::filter::Rule::word(word).unwrap()]));
        for (word, scopes, expected) in [
            ("plugin:catalog", "catalog:read", Decision::ScopeHeld("catalog:read")),
            ("plugin:catalog", "", Decision::NeedsScope("catalog:read")),
            ("plugin:rbac", "catalog:read", Decision::Hidden),
            ("plugin:rbac", "", Decision::Hidden),
        ] {
            let caller = Caller { restrictions: rules(word), ..caller(scopes) };
            assert_eq!(decide(&caller, &action(Some("catalog:read"))), expected, "{word} {scopes}");
        }
        let nothing = Caller { restrictions: Some(Arc::from([])), ..caller("catalog:read") };
        assert_eq!(decide(&nothing, &action(None)), Decision::Hidden);
        assert!(!Decision::Hidden.allows());
    }

    /// No part gives what another takes.
    #[test]
    fn attack_a_token_never_goes_beyond_the_policy_nor_the_policy_beyond_the_token() {
        use crate::access::roles::{Person, Policy, Rights};
        let rights = |permissions: serde_json::Value| {
            let policy = json!({"roles": [{"name": "a", "members": ["*"], "permissions": permissions}]});
            Some(Arc::new(Rights::of(&Arc::new(Policy::parse(&policy).unwrap()), Person::default(), (1, 1))))
        };
        let read = json!([{"permission": "catalog.entity.read"}]);
        let rules = |word: &str| Some(Arc::from([crate::actions::filter::Rule::word(word).unwrap()]));
        let action =
            Action { permission: Some("catalog.entity.read".into()), ..action(Some("catalog:read")) };
        for (policy, scopes, kept, expected) in [
            (rights(read.clone()), "catalog:read", None, Decision::ScopeHeld("catalog:read")),
            (rights(read.clone()), "", None, Decision::NeedsScope("catalog:read")),
            (rights(json!([])), "catalog:read", None, Decision::Forbidden),
            (rights(json!([])), "", None, Decision::Forbidden),
            (rights(read.clone()), "catalog:read", rules("plugin:rbac"), Decision::Hidden),
            (rights(json!([])), "catalog:read", rules("plugin:catalog"), Decision::Forbidden),
            (None, "catalog:read", None, Decision::ScopeHeld("catalog:read")),
        ] {
            let caller = Caller { rights: policy, restrictions: kept, ..caller(scopes) };
            assert_eq!(decide(&caller, &action), expected, "{scopes}");
        }
        assert!(!Decision::Forbidden.allows() && !Decision::Forbidden.exists());
    }

    #[test]
    fn only_a_lacking_scope_refuses() {
        assert!(Decision::OpenToAll.allows() && Decision::ScopeHeld("catalog:read").allows());
        assert!(!Decision::NeedsScope("catalog:read").allows());
    }
}
