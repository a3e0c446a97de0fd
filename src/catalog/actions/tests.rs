use serde_json::json;

use super::*;
use crate::actions::Registry;
use crate::oauth::scope::ScopeSet;

fn caller() -> Arc<Caller> {
    Arc::new(Caller {
        subject: "s".to_owned(),
        username: "mei.tanaka@halyard.example".to_owned(),
        is_user: true,
        client_id: "c".to_owned(),
        grant_id: "g".to_owned(),
        scopes: ScopeSet::default(),
        resource: "http://localhost/mcp".to_owned(),
        restrictions: None,
        rights: None,
    })
}

pub(super) fn call(name: &str, arguments: Value) -> Outcome {
    call_on(Catalog::sample(), name, arguments)
}

pub(super) fn call_on(catalog: Catalog, name: &str, arguments: Value) -> Outcome {
    let registry = Registry::new(actions(catalog)).unwrap();
    let action = registry.find(name).unwrap();
    let input = jsonschema::validator_for(&action.input).unwrap();
    let output = jsonschema::validator_for(&action.output).unwrap();
    if let Err(error) = input.validate(&arguments) {
        return Err(ActionError::InvalidInput(format!("schema: {error}")));
    }
    let answer = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on((action.run)(crate::actions::turn::Turn::plain(caller()), arguments));
    if let Ok(answer) = &answer {
        output.validate(answer).unwrap();
    }
    answer
}

pub(super) fn refused(name: &str, arguments: Value) -> String {
    call(name, arguments).unwrap_err().to_string()
}

#[test]
fn every_name_that_the_guide_and_backstage_use_is_answered() {
    let registry = Registry::new(actions(Catalog::sample())).unwrap();
    for (name, id) in [
        ("catalog:get", "catalog:get-catalog-entity"),
        ("catalog_get-catalog-entity", "catalog:get-catalog-entity"),
        ("catalog:query", "catalog:query-catalog-entities"),
        ("catalog:list", "catalog:query-catalog-entities"),
        ("catalog.query-catalog-entities", "catalog:query-catalog-entities"),
        ("auth.who-am-i", "auth:who-am-i"),
    ] {
        assert_eq!(registry.find(name).unwrap().id, id);
    }
    // The tools that Backstage has; what registers and unregisters Locations is not here yet.
    for id in ["get-catalog-model-description", "validate-entity", "refresh-catalog-entity"] {
        assert_eq!(registry.find(&format!("catalog.{id}")).unwrap().name(), id);
    }
    let changes: Vec<_> =
        registry.all().iter().filter(|action| action.effect != crate::actions::Effect::Read).collect();
    assert_eq!(changes.iter().map(|it| it.name()).collect::<Vec<_>>(), ["refresh-catalog-entity"]);
    assert_eq!(changes[0].scope.as_deref(), Some(WRITE_SCOPE));
    assert!(registry.all().iter().all(|action| action.idempotent));
    assert_eq!(registry.find("auth:who-am-i").unwrap().scope, None);
}

#[test]
fn an_entity_is_got_by_name_by_parts_and_by_reference() {
    for arguments in [
        json!({"name": "Arrivals-Service"}),
        json!({"name": "arrivals-service", "kind": "component", "namespace": "default"}),
        json!({"name": "component:default/arrivals-service"}),
        json!({"name": "default/arrivals-service", "kind": "Component"}),
    ] {
        let entity = call("catalog:get", arguments).unwrap();
        assert_eq!(entity["metadata"]["title"], "Arrivals");
        let owned = json!({"type": "ownedBy", "targetRef": "group:default/fleet"});
        assert!(entity["relations"].as_array().unwrap().contains(&owned));
    }
}

#[test]
fn what_is_not_there_or_not_one_is_told_as_backstage_tells_it() {
    assert_eq!(
        refused("catalog:get", json!({"name": "zzz-nope"})),
        "InputError: No entity found with name \"zzz-nope\""
    );
    let near = refused("catalog:get", json!({"name": "arrivals-servise"}));
    assert!(near.starts_with("InputError: No entity found with name \"arrivals-servise\". Did you mean component:default/arrivals-service"));
    let other_kind = refused("catalog:get", json!({"name": "arrivals", "kind": "Component"}));
    assert!(other_kind.contains("Did you mean api:default/arrivals"), "{other_kind}");
}

#[test]
fn two_entities_of_one_name_are_a_conflict_that_names_both() {
    assert_eq!(
        refused("catalog:get", json!({"name": "crossing-events"})),
        "ConflictError: Multiple entities found with name \"crossing-events\", please provide more specific filters. \
         Entities found: \"api:default/crossing-events\", \"resource:default/crossing-events\""
    );
    assert!(call("catalog:get", json!({"name": "crossing-events", "kind": "api"})).is_ok());
}

#[test]
fn a_query_answers_with_pages_that_fit_its_schema() {
    let page = call(
        "catalog:query",
        json!({"query": {"kind": "Component"}, "limit": 5, "fields": ["metadata.name"]}),
    )
    .unwrap();
    assert_eq!(page["items"].as_array().unwrap().len(), 5);
    assert_eq!(page["items"][0], json!({"metadata": {"name": "arrivals-service"}}));
    assert_eq!((page["totalItems"].clone(), page["hasMoreEntities"].clone()), (json!(20), json!(true)));
    let next = call("catalog:query", json!({"cursor": page["nextPageCursor"], "limit": 500})).unwrap();
    assert_eq!(next["items"].as_array().unwrap().len(), 15);
    assert_eq!(next["items"][0], json!({"metadata": {"name": "demand-forecast"}}), "fields are remembered");
    assert_eq!(next["hasMoreEntities"], false);
    assert!(next.get("nextPageCursor").is_none());
    assert_eq!(call("catalog:query", json!({})).unwrap()["items"].as_array().unwrap().len(), 25);
}

#[test]
fn a_bad_query_passes_the_schema_where_ours_has_the_better_words() {
    for (arguments, says) in [
        (json!({"query": {"kind": {"$startsWith": "a"}}}), "there is no $startsWith; did you mean"),
        (json!({"query": {"$or": [{"kind": "a"}]}}), "there is no $or"),
        (json!({"query": {"$all": [{}], "kind": "a"}}), "$all must be the only key"),
        (json!({"cursor": "x"}), "cursor is not one of this server"),
        (json!({"query": "API"}), "schema: "),
        (json!({"limit": 0}), "schema: "),
        (json!({"limit": "ten"}), "schema: "),
        (json!({"orderFields": {"field": "a"}}), "schema: "),
        (json!({"more": 1}), "schema: "),
    ] {
        let why = refused("catalog:query", arguments.clone());
        assert!(why.starts_with("InputError: ") && why.contains(says), "{arguments}: {why}");
        assert!(why.len() < 400, "{why}");
    }
}

#[test]
fn who_am_i_answers_for_the_caller() {
    let me = call("auth:who-am-i", json!({})).unwrap();
    assert_eq!(me["userInfo"]["userEntityRef"], "user:default/mei.tanaka");
}
