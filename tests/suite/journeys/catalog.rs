//! The catalog on what others wrote, and at the size that it is built for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use postern::catalog::load::Severity;
use postern::catalog::query::Query;
use postern::catalog::{Catalog, check, load, schemas};
use serde_json::{Value, json};

use crate::support::crowd;

/// Real descriptors and Backstage's own schemas, which the project reads and does not ship.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("POSTERN_SHARED_DATA").map(PathBuf::from);
    let places = named.into_iter().chain([root.join("../shared/data"), root.join("../../shared/data")]);
    let found = places.map(|place| place.join(folder)).find(|place| place.exists());
    if found.is_none() {
        println!("SKIPPED: no {folder}; set POSTERN_SHARED_DATA to the folder that holds it");
    }
    found
}

#[test]
fn real_descriptors_load_without_an_error_that_backstage_would_not_give() {
    let Some(folder) = shared("descriptors") else { return };
    let report = check(&folder);
    // Backstage too reads a URL only from hosts that its configuration allows, and says so.
    let (remote, other): (Vec<_>, Vec<_>) = report
        .errors
        .iter()
        .partition(|problem| problem.message.contains("remote files are not fetched here"));
    assert!(other.is_empty(), "{other:#?}");
    assert_eq!(remote.len(), 1, "{remote:#?}");
    assert_eq!(remote[0].entity.as_deref(), Some("api:default/demo-graphql"));
    let found = |kind: &str| report.kinds.get(kind).copied().unwrap_or_default();
    assert!(found("Template") >= 28, "{:?}", report.kinds);
    assert_eq!((found("AiResource"), found("System"), found("User")), (6, 1, 1));
    assert!(report.notes.iter().all(|note| !note.place.file.contains("skeleton")), "{:#?}", report.notes);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["entities"], report.entities);
}

#[test]
fn a_location_in_real_descriptors_leads_to_its_templates() {
    let Some(folder) = shared("descriptors/rhdh-templates/templates.yaml") else { return };
    let loaded = load(&[folder]);
    let errors: Vec<_> = loaded.problems.iter().filter(|p| p.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(loaded.entities.len(), 15);
}

/// What a schema means, whichever way it is written: the fields, what must be there, and whether more may.
pub fn meaning(schema: &Value) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    let mut queue = vec![(String::new(), schema)];
    while let Some((path, schema)) = queue.pop() {
        if let Some(properties) = schema["properties"].as_object() {
            let mut required = schema["required"].as_array().cloned().unwrap_or_default();
            required.sort_by_key(ToString::to_string);
            let open = schema["additionalProperties"] != false;
            let mut names: Vec<_> = properties.keys().cloned().collect();
            names.sort_unstable();
            let enumerated =
                properties.iter().filter_map(|(name, p)| p.get("enum").map(|e| (name.clone(), e.clone())));
            let enumerated: BTreeMap<_, _> = enumerated.collect();
            fields.insert(
                path.clone(),
                json!({"names": names, "required": required, "open": open, "enum": enumerated}),
            );
            // The predicate is written in another way on purpose; its language has tests of its own.
            for (name, property) in properties.iter().filter(|(name, _)| *name != "query") {
                queue.push((format!("{path}/{name}"), property));
            }
        }
        for alternative in schema["anyOf"].as_array().into_iter().flatten() {
            queue.push((path.clone(), alternative));
        }
        if schema["items"].is_object() {
            queue.push((format!("{path}[]"), &schema["items"]));
        }
    }
    fields
}

#[test]
fn the_schemas_mean_what_those_of_backstage_mean() {
    let Some(folder) = shared("backstage") else { return };
    let read = |file: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap()
    };
    let theirs = [read("catalog.json"), read("auth.json")];
    let of = |id: &str| {
        let mut all = theirs.iter().flat_map(|file| file["actions"].as_array().unwrap());
        all.find(|action| action["id"] == id).unwrap()["schema"].clone()
    };
    for (id, input, output) in [
        ("catalog:get-catalog-entity", schemas::get_input(), schemas::get_output()),
        ("catalog:query-catalog-entities", schemas::query_input(), schemas::query_output()),
        ("auth:who-am-i", schemas::who_am_i_input(), schemas::who_am_i_output()),
        (
            "catalog:register-entity",
            without(schemas::register_input(), "/properties", "dryRun"),
            schemas::register_output(),
        ),
    ] {
        let theirs = of(id);
        assert_eq!(meaning(&input), meaning(&theirs["input"]), "{id}");
        assert_eq!(meaning(&output), meaning(&theirs["output"]), "{id}");
        assert_eq!(input["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

/// A schema without what we take besides Backstage's.
fn without(mut schema: Value, at: &str, name: &str) -> Value {
    schema.pointer_mut(at).unwrap().as_object_mut().unwrap().shift_remove(name).unwrap();
    schema
}

/// Backstage writes the choice as one of two objects; whatever fits there fits here.
#[test]
fn what_backstage_takes_to_unregister_is_taken_and_nothing_without_a_meaning_is() {
    let valid = jsonschema::validator_for(&schemas::unregister_input()).unwrap();
    for (which, fits) in [
        (json!({"locationId": "x"}), true),
        (json!({"locationUrl": "https://a.example/c.yaml"}), true),
        (json!({"entityRef": "component:default/x"}), true),
        (json!({}), false),
        (json!({"locationId": "x", "locationUrl": "y"}), false),
        (json!({"locationId": 1}), false),
        (json!({"other": "x"}), false),
    ] {
        assert_eq!(valid.is_valid(&json!({"type": which})), fits, "{which}");
    }
    assert!(!valid.is_valid(&json!({})));
    let nothing = jsonschema::validator_for(&schemas::unregister_output()).unwrap();
    assert!(nothing.is_valid(&json!({})) && !nothing.is_valid(&json!({"x": 1})));
}

#[test]
fn a_crowd_of_entities_is_searched_without_anybody_noticing() {
    let catalog = Catalog::new(crowd::entities(5_000));
    let index = catalog.index();
    for (name, arguments) in crowd::questions(5_000) {
        let start = Instant::now();
        let page = Query::from_arguments(&arguments).unwrap().run(&index).unwrap();
        // A twentieth of the size that `cargo run --example catalog_bench` measures, and an unoptimised build.
        assert!(start.elapsed() < Duration::from_millis(500), "{name} took {:?}", start.elapsed());
        assert!(page.total > 0, "{name} found nothing");
    }
}
