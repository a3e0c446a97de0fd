use proptest::prelude::*;
use serde_json::json;

use super::super::Thing;
use super::super::rights::{Person, Rights};
use super::*;

const CSV: &str = "\u{feff}# what the platform team wrote
p, role:default/devs, catalog-entity, read, allow
p, role:default/devs, \"scaffolder.task.create\", create, allow
p,role:default/devs,catalog.entity.delete,delete,deny

g, group:default/eng, role:default/devs
g, user:default/Dana, role:default/devs
p, role:default/devs, kubernetes.proxy, use, allow
";

fn conditional() -> Value {
    json!({
        "result": "CONDITIONAL", "roleEntityRef": "role:default/owners", "pluginId": "catalog",
        "resourceType": "catalog-entity", "permissionMapping": ["read", "update"],
        "conditions": {"anyOf": [
            {"rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": ["$ownerRefs"]}},
            {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Group"]}},
        ]},
    })
}

#[test]
fn the_community_s_files_are_read_and_written_again() {
    let policy = read(CSV, &[conditional()]).unwrap();
    assert_eq!(policy.roles.len(), 2);
    let devs = &policy.roles[0];
    assert_eq!(devs.name, "role:default/devs");
    let members: Vec<_> = devs.members.iter().map(Member::as_str).collect();
    assert_eq!(members, ["group:default/eng", "user:default/dana"]);
    let said: Vec<String> = devs.statements.iter().map(ToString::to_string).collect();
    for line in ["allow read catalog-entity", "allow scaffolder.task.create", "deny catalog.entity.delete"] {
        assert!(said.iter().any(|one| one == line), "{said:?}");
    }
    let owners: Vec<String> = policy.roles[1].statements.iter().map(ToString::to_string).collect();
    assert_eq!(
        owners,
        [
            "allow read catalog-entity where (IS_ENTITY_OWNER($ownerRefs)) or (IS_ENTITY_KIND(Group))",
            "allow update catalog-entity where (IS_ENTITY_OWNER($ownerRefs)) or (IS_ENTITY_KIND(Group))",
        ]
    );
    let written = write(&policy).unwrap();
    assert_eq!(read(&written.csv, &written.conditional).unwrap(), policy);
}

#[test]
fn every_fault_is_given_with_its_place_and_nothing_is_used() {
    let csv = "p, role:default/a, catalog-entity, read, alow\np, user:default/a, catalog-entity, read, allow\n\
        g, role:default/b, role:default/a\np, role:default/a, catalog.entity.read, delete, deny\nx\n\
        p, role:default/a, \"catalog-entity, read, allow\ng, dana, role:default/a\ng, user:dana, devs";
    let other = json!({"roleEntityRef": "role:default/a", "resourceType": "catalog-entity", "permissionMapping": ["read"], "conditions": {"anyOf": []}});
    let deny = json!({"result": "DENY", "roleEntityRef": "role:default/a", "resourceType": "catalog-entity", "permissionMapping": ["read"]});
    let faults = read(csv, &[other, deny]).unwrap_err();
    for (index, word) in [
        "alow",
        "given to a role",
        "no member of a role",
        "never be asked",
        "1 fields",
        "quote",
        "no member",
        "no role",
        "at least one",
        "CONDITIONAL",
    ]
    .iter()
    .enumerate()
    {
        assert!(faults[index].contains(word), "{word}: {}", faults[index]);
    }
    assert!(faults[3].starts_with("line 4: ") && faults[8].starts_with("conditional policy 1: "));
}

#[test]
fn what_the_form_cannot_say_is_refused_and_not_left_out() {
    let hidden = json!({"otherwise": "allow", "roles": [{"name": "a", "members": ["*"], "permissions": [
        {"permission": "catalog.entity.read", "effect": "deny", "when": {"rule": "HAS_LABEL", "params": {"label": "secret"}}}]}]});
    let lost = write(&Policy::parse(&hidden).unwrap()).unwrap_err();
    assert!(lost[0].contains("otherwise") && lost[1].contains("conditions only allow"));
}

proptest! {
    #[test]
    fn no_text_stops_the_reader(text in "[pg, :\"#a-z/\\n*-]{0,200}") {
        let _ = read(&text, &[]);
    }

    /// Deny wins, whatever the order of lines is.
    #[test]
    fn attack_no_order_of_lines_makes_an_allow_win(order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle()) {
        let lines = [
            "p, role:default/a, catalog-entity, read, allow", "p, role:default/b, catalog.entity.read, read, deny",
            "g, user:default/dana, role:default/a", "g, user:default/dana, role:default/b",
            "p, role:default/b, catalog-entity, read, allow",
        ];
        let text: Vec<&str> = order.iter().map(|at| lines[*at]).collect();
        let policy = std::sync::Arc::new(read(&text.join("\n"), &[]).unwrap());
        let dana = Person { names: vec!["user:default/dana".into()], ..Person::default() };
        prop_assert!(!Rights::of(&policy, dana, (0, 0)).judge("catalog.entity.read", &Thing::Unnamed).allows());
    }
}
