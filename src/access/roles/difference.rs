//! What would change if one policy took the place of another: in its text, and for each person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::permission::KNOWN;
use super::policy::{Policy, Role};
use super::rights::{Level, Person, Rights, use_of};
use crate::actions::Action;

/// One person's gain or loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who, by the name that was given.
    pub who: String,
    /// The permission, or `action:<id>`.
    pub what: String,
    /// On how many things it may be used so far.
    pub before: Level,
    /// On how many it might then. The same as before where only the conditions are others.
    pub after: Level,
}

impl Change {
    /// `gains`, `loses`, or `other conditions`.
    pub fn word(&self) -> &'static str {
        match self.before.cmp(&self.after) {
            std::cmp::Ordering::Less => "gains",
            std::cmp::Ordering::Greater => "loses",
            std::cmp::Ordering::Equal => "other conditions",
        }
    }
}

/// What changes for each of `people`, where `actions` are all there are. Without a policy everything may be done, as far
/// as scopes allow.
pub fn for_people<'a>(
    (before, after): (Option<&Arc<Policy>>, Option<&Arc<Policy>>),
    people: impl IntoIterator<Item = &'a (String, Person)>,
    actions: &[Arc<Action>],
) -> Vec<Change> {
    let asked = permissions(actions);
    let mut changes = Vec::new();
    for (who, person) in people {
        let of =
            |policy: Option<&Arc<Policy>>| policy.map(|policy| Rights::of(policy, person.clone(), (0, 0)));
        let (before, after) = (of(before), of(after));
        let mut add = |what: String, levels: (Level, Level), others: bool| {
            if levels.0 != levels.1 || others {
                changes.push(Change { who: who.clone(), what, before: levels.0, after: levels.1 });
            }
        };
        for &name in &asked {
            let level =
                |rights: &Option<Rights>| rights.as_ref().map_or(Level::All, |rights| rights.level(name));
            let said = |rights: &Option<Rights>| rights.as_ref().map(|rights| rights.speaking_of(name));
            let levels = (level(&before), level(&after));
            let both_some = levels == (Level::Some, Level::Some);
            add(name.to_owned(), levels, both_some && said(&before) != said(&after));
        }
        // What its permission says is said above already.
        for action in actions {
            let may = |rights: &Option<Rights>| {
                let allows = rights.as_ref().is_none_or(|rights| match &action.permission {
                    Some(_) => !rights.denies_use(action),
                    None => rights.judge_action(action).allows(),
                });
                if allows { Level::All } else { Level::None }
            };
            add(use_of(action), (may(&before), may(&after)), false);
        }
    }
    changes
}

/// Every permission that is known or asked for, in order.
pub fn permissions(actions: &[Arc<Action>]) -> BTreeSet<&str> {
    let asked = actions.iter().filter_map(|action| action.permission.as_deref());
    KNOWN.iter().map(|one| one.name).chain(asked).collect()
}

/// What is written differently, a line each, with `+` and `-` before it.
pub fn of_texts(before: Option<&Policy>, after: Option<&Policy>) -> Vec<String> {
    let lines = |policy: Option<&Policy>| -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let Some(policy) = policy else { return all };
        for role in &policy.roles {
            all.insert(role.name.clone(), lines_of(role));
        }
        all.insert(
            String::new(),
            BTreeSet::from([format!("otherwise {:?}", policy.otherwise).to_lowercase()]),
        );
        all
    };
    let (before, after) = (lines(before), lines(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = BTreeSet::new();
    let mut found = Vec::new();
    for name in names {
        let (old, new) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
        let line = |sign: &str, text: &String| {
            format!("{sign} {name}{}{text}", if name.is_empty() { "" } else { ": " })
        };
        found.extend(old.difference(new).map(|text| line("-", text)));
        found.extend(new.difference(old).map(|text| line("+", text)));
    }
    found
}

fn lines_of(role: &Role) -> BTreeSet<String> {
    let members = role.members.iter().map(|member| format!("member {member}"));
    let mut lines: BTreeSet<String> =
        members.chain(role.statements.iter().map(ToString::to_string)).collect();
    if !role.description.is_empty() {
        lines.insert(format!("is described as {:?}", role.description));
    }
    if lines.is_empty() {
        lines.insert("a role without members and permissions".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(value: Value) -> Arc<Policy> {
        Arc::new(Policy::parse(&value).unwrap())
    }

    fn action(id: &str, permission: Option<&str>) -> Arc<Action> {
        Arc::new(Action::named(id, Some("x:read"), permission))
    }

    #[test]
    fn who_gains_and_who_loses_is_said_for_each_person() {
        let role = |who: &str, permissions: Value| json!({"roles": [{"name": "a", "members": [who], "permissions": permissions}]});
        let own = |key: &str| json!([{"permission": "catalog.entity.read", "when": {"rule": "HAS_SPEC", "params": {"key": key}}}]);
        let all = json!([{"permission": "catalog.entity.read"}]);
        let person =
            |name: &str| (name.to_owned(), Person { names: vec![name.to_owned()], ..Person::default() });
        let people = [person("user:default/dana"), person("user:default/eve")];
        let actions = [action("catalog:get", Some("catalog.entity.read")), action("deploy:go", None)];
        let said = |before: Option<&Arc<Policy>>, after: &Arc<Policy>| -> Vec<String> {
            let changes = for_people((before, Some(after)), &people, &actions);
            let of_interest =
                changes.iter().filter(|one| one.what == "catalog.entity.read" || one.what.contains(':'));
            of_interest.map(|one| format!("{} {} {}", one.who, one.word(), one.what)).collect()
        };
        let (danas, eves) = (policy(role("user:dana", all.clone())), policy(role("user:eve", all)));
        assert_eq!(
            said(Some(&danas), &eves),
            ["user:default/dana loses catalog.entity.read", "user:default/eve gains catalog.entity.read"]
        );
        assert_eq!(said(Some(&danas), &danas), [""; 0]);
        let (one, two) = (policy(role("*", own("type"))), policy(role("*", own("owner"))));
        assert_eq!(said(Some(&one), &two)[0], "user:default/dana other conditions catalog.entity.read");
        assert_eq!(
            said(None, &danas),
            [
                "user:default/dana loses action:deploy:go",
                "user:default/eve loses catalog.entity.read",
                "user:default/eve loses action:deploy:go",
            ]
        );
        let denied = policy(role(
            "*",
            json!([{"permission": "catalog.entity.read"}, {"permission": "action:catalog:*", "effect": "deny"}]),
        ));
        assert!(
            said(Some(&danas), &denied).contains(&"user:default/dana loses action:catalog:get".to_owned())
        );
    }

    #[test]
    fn texts_are_compared_role_by_role() {
        let before = policy(json!({"roles": [{"name": "a", "members": ["*"]}, {"name": "b"}]}));
        let after = policy(
            json!({"otherwise": "allow", "roles": [{"name": "a", "members": ["user:dana"], "description": "x"}]}),
        );
        assert_eq!(
            of_texts(Some(&before), Some(&after)),
            [
                "- otherwise deny",
                "+ otherwise allow",
                "- role:default/a: member *",
                "+ role:default/a: is described as \"x\"",
                "+ role:default/a: member user:default/dana",
                "- role:default/b: a role without members and permissions",
            ]
        );
        assert_eq!(of_texts(Some(&before), Some(&before)), [""; 0]);
    }
}
