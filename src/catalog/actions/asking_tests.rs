use crate::limits;
use serde_json::json;

use super::tests::{call, call_on, refused};
use super::*;

#[test]
fn who_owns_an_entity_is_told_down_to_people_and_up_to_parents() {
    let answer = call("catalog:get-entity-owners", json!({"entityRef": "arrivals-service"})).unwrap();
    assert_eq!(answer["entityRef"], "component:default/arrivals-service");
    let fleet = &answer["owners"][0];
    assert_eq!(fleet["entityRef"], "group:default/fleet");
    let people = fleet["people"].as_array().unwrap();
    assert!(
        !people.is_empty() && people.iter().all(|person| person["email"].as_str().unwrap().contains('@'))
    );
    let parents: Vec<_> = fleet["parents"].as_array().unwrap().iter().map(|it| &it["entityRef"]).collect();
    assert!(parents.len() >= 2 && *parents.last().unwrap() == "group:default/halyard", "{parents:?}");
    let person =
        call("catalog:get-entity-owners", json!({"entityRef": "user:default/oskar.nilsen"})).unwrap();
    assert_eq!(person["owners"][0]["entityRef"], "user:default/oskar.nilsen");
    let gone =
        refused("catalog:get-entity-owners", json!({"entityRef": "component:default/arivals-service"}));
    assert!(gone.starts_with("InputError: No entity found with name"), "{gone}");
    assert!(gone.contains("Did you mean component:default/arrivals-service?"), "{gone}");
}

#[test]
fn what_has_no_owner_is_owned_by_who_owns_the_whole_and_a_cycle_ends() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: top}\nspec: {type: t, parent: low, children: [low]}\n---\napiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: low}\nspec: {type: t, parent: top, children: []}\n---\napiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: t}\nspec: {type: t, steps: [{action: 'debug:log'}]}\n";
    std::fs::write(folder.path().join("catalog-info.yaml"), text).unwrap();
    let catalog = Catalog::open(&[folder.path().to_owned()], false).0;
    let answer = call_on(catalog.clone(), "catalog:get-entity-owners", json!({"entityRef": "low"})).unwrap();
    assert_eq!(answer["owners"][0]["people"], json!([]));
    let none = call_on(catalog, "catalog:get-entity-owners", json!({"entityRef": "t"})).unwrap();
    assert_eq!(none["owners"], json!([]));
}

#[test]
fn the_apis_of_an_entity_are_told_with_their_operations() {
    let ask = |of: &str| call("catalog:get-entity-apis", json!({"entityRef": of})).unwrap();
    let arrivals = &ask("arrivals-service")["provides"][0];
    assert_eq!(arrivals["entityRef"], "api:default/arrivals");
    assert_eq!(
        arrivals["operations"][0],
        json!({"method": "GET", "path": "/ships/{ship}/arrival", "operationId": "getArrival", "summary": "When a ship will arrive"})
    );
    let paths = |of: &str| -> Vec<String> {
        let answer = ask(of);
        let all = answer["provides"][0]["operations"].as_array().unwrap().clone();
        all.iter()
            .map(|it| format!("{} {}", it["method"].as_str().unwrap(), it["path"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(paths("api:default/timetable"), ["query harbours", "query crossings"]);
    assert_eq!(paths("api:default/lanes"), ["rpc Lanes/Assign"]);
    assert_eq!(paths("api:default/crossing-events"), ["send crossings"]);
    let system = ask("system:default/tracking");
    let provided: Vec<_> = system["provides"].as_array().unwrap().iter().map(|it| &it["entityRef"]).collect();
    assert!(provided.iter().any(|it| *it == "api:default/arrivals"), "{provided:?}");
    assert_eq!(ask("timetable-web")["consumes"].as_array().unwrap().len(), 3);
}

#[test]
fn facets_count_what_entities_say_as_they_spell_it() {
    let facets = json!({"facets": ["kind", "spec.type", "relations.ownedby", "metadata.tags"], "query": {"kind": "Component"}});
    let answer = call("catalog:get-entity-facets", facets).unwrap();
    let total = answer["facets"]["kind"][0]["count"].as_u64().unwrap();
    assert_eq!(answer["facets"]["kind"], json!([{"value": "Component", "count": total}]));
    let owners = answer["facets"]["relations.ownedby"].as_array().unwrap();
    assert_eq!(owners.iter().map(|it| it["count"].as_u64().unwrap()).sum::<u64>(), total);
    let counts: Vec<_> = owners.iter().map(|it| it["count"].as_u64().unwrap()).collect();
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    assert!(answer["facets"]["metadata.tags"].to_string().contains("rust"));
    let wrong =
        refused("catalog:get-entity-facets", json!({"facets": ["kind"], "query": {"kind": {"$like": "x"}}}));
    assert!(wrong.starts_with("InputError: "), "{wrong}");
}

#[test]
fn ancestry_names_the_locations_that_lead_to_a_descriptor() {
    let answer =
        call("catalog:get-entity-ancestry", json!({"entityRef": "template:default/quay-service"})).unwrap();
    let parents: Vec<_> =
        answer["items"].as_array().unwrap().iter().map(|it| it["parentEntityRefs"][0].as_str()).collect();
    assert_eq!(answer["rootEntityRef"], "template:default/quay-service");
    assert_eq!(parents.len(), 3, "{answer}");
    assert_eq!(parents[1], Some("location:default/halyard"));
    assert_eq!(parents[2], None);
}

#[test]
fn a_summary_keeps_to_its_budget_and_says_what_is_left() {
    let ask = |tokens: usize| {
        call("catalog:summarize-entities", json!({"query": {"kind": "Component"}, "tokenBudget": tokens}))
            .unwrap()
    };
    let (few, all) = (ask(100), ask(20_000));
    assert!(few["summary"].as_str().unwrap().len() <= 400 && few["isComplete"] == false);
    assert!(few["shown"].as_u64().unwrap() < few["totalItems"].as_u64().unwrap());
    assert_eq!((all["isComplete"].clone(), all["shown"].clone()), (json!(true), all["totalItems"].clone()));
    let text = all["summary"].as_str().unwrap();
    assert!(text.contains("component:default/arrivals-service [service, production, owner group:default/fleet, part of system:default/tracking] Says when"), "{text}");
}

#[test]
fn documentation_is_searched_by_words_and_only_inside_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let entity = |name: &str| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: {name}\n  annotations: {{backstage.io/techdocs-ref: 'dir:.'}}\nspec: {{owner: user:a}}\n"
        )
    };
    for (name, text) in
        [("a", "# Tides\nThe moon moves water.\n"), ("b", "# Else\nA tide of paper, a moon.\n")]
    {
        std::fs::create_dir_all(folder.path().join(name).join("docs")).unwrap();
        std::fs::write(folder.path().join(name).join("catalog-info.yaml"), entity(name)).unwrap();
        std::fs::write(folder.path().join(name).join("docs/index.md"), text).unwrap();
        std::fs::write(folder.path().join(name).join(".secret.md"), text).unwrap();
    }
    let catalog = Catalog::open(&[folder.path().to_owned()], false).0;
    let ask = |arguments: Value| call_on(catalog.clone(), "catalog:search-docs", arguments);
    let both = ask(json!({"term": "TIDE moon"})).unwrap();
    assert_eq!(both["totalItems"], 2);
    assert_eq!(both["results"][0]["uri"], "catalog://system/default/a/docs/docs/index.md");
    assert_eq!(both["results"][0]["title"], "Tides");
    let one = ask(json!({"term": "tide", "entityRef": "b", "limit": 1})).unwrap();
    assert_eq!(
        (one["totalItems"].clone(), one["results"][0]["snippet"].clone()),
        (json!(1), json!("A tide of paper, a moon."))
    );
    assert_eq!(ask(json!({"term": "nothing"})).unwrap()["results"], json!([]));
    assert!(ask(json!({"term": "  "})).unwrap_err().to_string().starts_with("InputError: term"));
    // Attack: each word costs a pass over every page.
    for long in ["tide ".repeat(limits::FULL_TEXT_WORDS_MAX + 1), "x".repeat(limits::FULL_TEXT_BYTES_MAX + 1)]
    {
        assert!(ask(json!({ "term": long })).unwrap_err().to_string().contains("at most"));
    }
}

#[test]
fn a_text_is_validated_in_the_words_of_backstage() {
    let check = |entity: &str| call("catalog:validate-entity", json!({"entity": entity})).unwrap();
    assert_eq!(
        check("kind: Component\nmetadata: {name: a}\n"),
        json!({"isValid": false, "isValidYaml": true, "errors": ["<root> must have required property 'apiVersion' - missingProperty: apiVersion"]})
    );
    let broken = check("a: [\n");
    assert_eq!((broken["isValid"].clone(), broken["isValidYaml"].clone()), (json!(false), json!(false)));
    assert!(broken["errors"][0].as_str().unwrap().starts_with("YAML parsing error: "));
    assert_eq!(check("")["isValid"], false);
    let sound = check(
        "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec: {type: x, lifecycle: y, owner: z, definition: {$text: ./a.yaml}}\n",
    );
    assert_eq!(sound["errors"], json!([]));
    assert_eq!(sound["entity"]["spec"]["definition"]["$text"], "./a.yaml");
    assert_eq!(
        refused("catalog:validate-entity", json!({"entity": "a", "location": "not a url"})),
        "InputError: not a url is an invalid URL"
    );
}

#[test]
fn the_model_is_described_with_what_is_in_use_and_a_refresh_names_what_it_refreshes() {
    let answer = call("catalog:get-catalog-model-description", json!({})).unwrap();
    let text = answer["description"].as_str().unwrap();
    for part in ["- **AiResource** (", "ownedBy/ownerOf", "halyard.example/on-call (", "## Tags in use"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let answer = call("catalog:refresh-catalog-entity", json!({"name": "arrivals-service"})).unwrap();
    assert_eq!(answer, json!({"entityRef": "component:default/arrivals-service"}));
    assert_eq!(
        refused("catalog:refresh-catalog-entity", json!({"name": "zzzzzz"})),
        "InputError: No entity found with name \"zzzzzz\""
    );
}
