use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn dana() -> Person {
    Person {
        names: vec!["user:default/dana".into(), "group:default/web".into()],
        user: Some("user:default/dana".into()),
        owners: vec!["user:default/dana".into(), "group:default/web".into(), "group:default/all".into()],
    }
}

fn shop() -> Value {
    json!({
        "kind": "Component",
        "metadata": {
            "name": "shop", "tags": ["java"], "labels": {"tier": "1"},
            "annotations": {"acme.io/secret": "", "acme.io/cost": "high"},
        },
        "spec": {"type": "service", "lifecycle": "production", "deep": {"flag": true, "off": false}},
        "relations": [{"type": "ownedBy", "targetRef": "group:default/web"}, {"type": "partOf", "targetRef": "system:default/s"}],
    })
}

fn fits(condition: Value) -> bool {
    Condition::parse(&condition, ENTITY).unwrap().fits(&Thing::Entity(&shop()), &dana())
}

#[test]
fn the_rules_about_entities_are_those_of_backstage() {
    let rule =
        |name: &str, params: Value| fits(json!({"rule": name, "resourceType": ENTITY, "params": params}));
    for (name, params, expected) in [
        ("IS_ENTITY_OWNER", json!({"claims": ["$ownerRefs"]}), true),
        ("IS_ENTITY_OWNER", json!({"claims": ["$currentUser"]}), false),
        ("IS_ENTITY_OWNER", json!({"claims": ["Group:default/WEB"]}), true),
        ("IS_ENTITY_OWNER", json!({"claims": ["system:default/s"]}), false),
        ("IS_ENTITY_KIND", json!({"kinds": ["api", "component"]}), true),
        ("IS_ENTITY_KIND", json!({"kinds": ["api"]}), false),
        ("HAS_ANNOTATION", json!({"annotation": "acme.io/secret"}), true),
        ("HAS_ANNOTATION", json!({"annotation": "acme.io/none"}), false),
        ("HAS_ANNOTATION", json!({"annotation": "acme.io/cost", "value": "high"}), true),
        ("HAS_ANNOTATION", json!({"annotation": "acme.io/cost", "value": "low"}), false),
        ("HAS_LABEL", json!({"label": "tier"}), true),
        ("HAS_LABEL", json!({"label": "tier", "value": "2"}), false),
        ("HAS_LABEL", json!({"label": "tears"}), false),
        ("HAS_METADATA", json!({"key": "name", "value": "shop"}), true),
        ("HAS_METADATA", json!({"key": "tags", "value": "java"}), true),
        ("HAS_METADATA", json!({"key": "tags", "value": "jav"}), false),
        ("HAS_METADATA", json!({"key": "annotations.acme.io/cost", "value": "high"}), true),
        ("HAS_METADATA", json!({"key": "title"}), false),
        ("HAS_SPEC", json!({"key": "type", "value": "service"}), true),
        ("HAS_SPEC", json!({"key": "deep.flag", "value": "true"}), true),
        ("HAS_SPEC", json!({"key": "deep.flag"}), true),
        ("HAS_SPEC", json!({"key": "deep.off"}), false),
        ("HAS_SPEC", json!({"key": "type", "value": "Service"}), false),
    ] {
        assert_eq!(rule(name, params.clone()), expected, "{name} {params}");
    }
}

#[test]
fn a_run_is_its_owner_s_and_a_rule_about_another_kind_fits_nothing() {
    let own = json!({"rule": "IS_TASK_OWNER", "params": {"createdBy": ["$currentUser"]}});
    let own = Condition::parse(&own, TASK).unwrap();
    assert!(own.fits(&Thing::Task { created_by: "user:default/dana" }, &dana()));
    assert!(!own.fits(&Thing::Task { created_by: "user:default/eve" }, &dana()));
    assert!(!own.fits(&Thing::Entity(&shop()), &dana()));
    assert!(!own.fits(&Thing::Task { created_by: "user:default/dana" }, &Person::default()));
    let step = |rule: Value| {
        let input = json!({"repo": "x", "private": true});
        Condition::parse(&rule, STEP)
            .unwrap()
            .fits(&Thing::Step { action: "debug:log", input: &input }, &dana())
    };
    assert!(step(json!({"rule": "HAS_ACTION_ID", "params": {"actionId": "debug:log"}})));
    assert!(step(json!({"rule": "HAS_BOOLEAN_PROPERTY", "params": {"key": "private", "value": true}})));
    assert!(!step(json!({"rule": "HAS_STRING_PROPERTY", "params": {"key": "private"}})));
    let tagged = json!({"rule": "HAS_TAG", "params": {"tag": "secret"}});
    let tagged = Condition::parse(&tagged, TEMPLATE).unwrap();
    assert!(tagged.fits(&Thing::Part { tags: &["secret".into()] }, &dana()));
    assert!(!tagged.fits(&Thing::Part { tags: &[] }, &dana()));
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_reason() {
    let mut deep = json!({"rule": "HAS_LABEL", "params": {"label": "x"}});
    for _ in 0..limits::CONDITION_DEPTH_MAX {
        deep = json!({ "not": deep });
    }
    let many: Vec<Value> = (0..=limits::CONDITION_RULES_MAX)
        .map(|_| json!({"rule": "HAS_LABEL", "params": {"label": "x"}}))
        .collect();
    for (bad, word) in [
        (json!("IS_ENTITY_OWNER"), "an object"),
        (json!({}), "allOf"),
        (json!({"anyOf": []}), "at least one"),
        (json!({"allOf": []}), "at least one"),
        (json!({"allOf": [], "anyOf": []}), "one of"),
        (json!({"rule": "IS_OWNER"}), "no rule"),
        (json!({"rule": "IS_ENTITY_OWNER"}), "claims"),
        (json!({"rule": "IS_ENTITY_OWNER", "params": {"claims": ["$ownerRef"]}}), "$ownerRefs"),
        (json!({"rule": "IS_ENTITY_OWNER", "params": {"claims": []}}), "at least one"),
        (json!({"rule": "HAS_LABEL", "params": {"label": "a", "vlaue": "b"}}), "vlaue"),
        (json!({"rule": "HAS_LABEL", "params": {"label": "a"}, "resourcetype": "x"}), "resourcetype"),
        (
            json!({"rule": "HAS_LABEL", "resourceType": "scaffolder-task", "params": {"label": "a"}}),
            "resourceType",
        ),
        (json!({"rule": "IS_TASK_OWNER", "params": {"createdBy": ["$currentUser"]}}), "scaffolder-task"),
        (deep, "too deep"),
        (json!({ "anyOf": many }), "too many"),
    ] {
        let refused = Condition::parse(&bad, ENTITY).unwrap_err();
        assert!(refused.contains(word), "{refused}");
    }
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let text = "[a-z]{1,3}";
    let leaf = prop_oneof![
        text.prop_map(|t| Rule::Label(t, None)),
        Just(Rule::Label("tier".into(), Some("1".into()))),
        Just(Rule::EntityOwner(vec![OWNER_REFS.into()])),
        Just(Rule::EntityKind(vec!["Component".into()])),
        text.prop_map(|t| Rule::Spec("type".into(), Some(t))),
    ];
    leaf.prop_map(Condition::Rule).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Condition::Any),
            inner.prop_map(|one| Condition::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #[test]
    fn a_condition_is_read_as_it_was_written(condition in any_condition()) {
        prop_assert_eq!(Condition::parse(&condition.to_value(), ENTITY).unwrap(), condition);
    }

    #[test]
    fn not_turns_every_answer_and_all_of_one_is_that_one(condition in any_condition()) {
        let (shop, dana) = (shop(), dana());
        let fits = |one: &Condition| one.fits(&Thing::Entity(&shop), &dana);
        prop_assert_eq!(fits(&Condition::Not(Box::new(condition.clone()))), !fits(&condition));
        prop_assert_eq!(fits(&Condition::All(vec![condition.clone()])), fits(&condition));
        prop_assert_eq!(fits(&Condition::Any(vec![condition.clone()])), fits(&condition));
    }

    #[test]
    fn no_text_makes_reading_a_condition_stop(text in "\\PC{0,60}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = Condition::parse(&value, ENTITY);
        }
        let _ = Condition::parse(&json!({"rule": text.clone(), "params": {text: "x"}}), ENTITY);
    }
}
