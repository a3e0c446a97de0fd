use serde_json::json;

use super::*;

#[test]
fn a_policy_is_written_as_it_was_read_and_equal_ones_have_one_hash() {
    let a = Policy::parse(&json!({"roles": [
        {"name": "b", "members": ["group:Eng", "*"], "permissions": [
            {"permission": "catalog-entity", "action": "read"}, {"permission": "action:catalog:*", "effect": "deny"}]},
        {"name": "role:default/a", "description": "All\n of them"},
    ]}))
    .unwrap();
    let b = Policy::parse(&json!({"otherwise": "deny", "roles": [
        {"name": "role:default/a", "description": "All of them"},
        {"name": "role:default/B", "members": ["*", "group:default/eng", "*"], "permissions": [
            {"permission": "action:catalog:*", "effect": "deny", "action": "use"},
            {"permission": "catalog-entity", "action": "read", "effect": "allow", "when": null},
            {"permission": "catalog-entity", "action": "read"}]},
    ]}))
    .unwrap();
    assert_eq!(a, b);
    assert_eq!(a.hash(), b.hash());
    assert_eq!(Policy::from_text(&a.to_text()).unwrap(), a);
    let c = Policy { otherwise: Otherwise::Allow, ..a.clone() };
    assert_ne!(a.hash(), c.hash());
    assert_eq!(Policy::from_text(&c.to_text()).unwrap(), c);
}

#[test]
fn every_fault_is_said_and_a_policy_with_one_is_none() {
    let role = |part: serde_json::Value| json!({"roles": [part]});
    for (bad, word) in [
        (json!([]), "an object"),
        (json!(null), "an object"),
        (json!({"role": []}), "unknown field"),
        (json!({"otherwise": "maybe"}), "unknown variant"),
        (role(json!({"name": "user:default/a"})), "no role"),
        (role(json!({"name": "a b"})), "no role"),
        (role(json!({"name": "role:default/"})), "no reference"),
        (role(json!({"name": "a", "members": ["dana"]})), "no member"),
        (role(json!({"name": "a", "members": ["role:default/b"]})), "no member of a role"),
        (role(json!({"name": "a", "members": ["user:/x"]})), "no reference"),
        (role(json!({"name": "a", "members": ["client:"]})), "no member"),
        (
            role(json!({"name": "a", "permissions": [{"permission": "x", "effect": "maybe"}]})),
            "unknown variant",
        ),
        (
            role(json!({"name": "a", "permissions": [{"permission": "catalog.entity.create",
            "when": {"rule": "HAS_LABEL", "params": {"label": "x"}}}]})),
            "nothing that a condition",
        ),
        (
            role(json!({"name": "a", "permissions": [{"permission": "action:x", "when": {"not": {}}}]})),
            "nothing that",
        ),
        (json!({"roles": [{"name": "a"}, {"name": "role:default/A"}]}), "twice"),
    ] {
        let faults = Policy::parse(&bad).unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(word)), "{bad}: {faults:?}");
    }
    let two = json!({"roles": [{"name": "a", "members": ["x", "y"]}]});
    assert_eq!(Policy::parse(&two).unwrap_err().len(), 2);
}

#[test]
fn what_means_nothing_here_is_said() {
    let policy = Policy::parse(&json!({"roles": [{"name": "a", "permissions": [
        {"permission": "catalog.entity.raed", "effect": "deny"}, {"permission": "action:nothing:*"},
        {"permission": "catalog.entity.read"}, {"permission": "acme.thing.do"}]}]}))
    .unwrap();
    let said = policy.unknown(&std::collections::BTreeSet::from(["acme.thing.do"]), &["catalog:get"]);
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said.iter().any(|line| line.contains("raed")) && said.iter().any(|line| line.contains("no members"))
    );
}
