//! Many invented entities, always the same ones, and the questions that they are asked.

use postern::catalog::descriptor::Entity;
use postern::catalog::load::load;
use serde_json::{Value, json};

const NOUNS: [&str; 16] = [
    "anchor", "beacon", "capstan", "davit", "ensign", "fender", "galley", "hawser", "jib", "keel", "locker",
    "mast", "oar", "pilot", "quay", "rudder",
];
const KINDS: [&str; 8] =
    ["Component", "Component", "Component", "API", "Resource", "Component", "System", "User"];

fn one(number: usize) -> Value {
    let pick = |salt: usize| NOUNS[(number.wrapping_mul(2_654_435_761) >> (salt % 20)) % NOUNS.len()];
    let kind = KINDS[number % KINDS.len()];
    let name = format!("{}-{}-{number:06}", pick(3), pick(7));
    let mut metadata = json!({
        "name": name,
        "title": format!("{} {} {number}", pick(3), pick(7)),
        "description": format!("Number {number} moves the {} of the {} whenever the {} asks for it.", pick(1), pick(5), pick(9)),
        "annotations": {"backstage.io/techdocs-ref": "dir:.", "example.com/cost-centre": format!("cc-{}", number % 97)},
        "labels": {"tier": format!("t{}", number % 5)},
        "tags": [pick(2), pick(4)],
    });
    let owner = format!("team-{:03}", number % 400);
    let spec = match kind {
        "API" => {
            json!({"type": "openapi", "lifecycle": "production", "owner": owner, "definition": "openapi: 3.1.0\n".repeat(20)})
        }
        "Resource" => json!({"type": "database", "owner": owner}),
        "System" => json!({"owner": owner, "domain": format!("domain-{}", number % 50)}),
        "User" => {
            metadata["name"] = json!(format!("user-{number:06}"));
            json!({"profile": {"displayName": format!("{} {}", pick(6), pick(8)), "email": format!("user-{number}@example.com")}, "memberOf": [owner]})
        }
        _ => json!({
            "type": (["service", "website", "library"][number % 3]),
            "lifecycle": (["production", "experimental", "deprecated"][number % 7 % 3]),
            "owner": owner, "system": format!("system-{}", number % 1_000), "dependsOn": [format!("resource:db-{}", number % 3_000)],
        }),
    };
    json!({"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

/// So many entities, by way of descriptor files, since that is the only way in.
pub fn entities(count: usize) -> Vec<Entity> {
    let folder = tempfile::tempdir().unwrap();
    for (index, chunk) in (0..count).collect::<Vec<_>>().chunks(2_000).enumerate() {
        // JSON is YAML.
        let text: Vec<_> = chunk.iter().map(|&number| one(number).to_string()).collect();
        std::fs::write(folder.path().join(format!("{index}-catalog.yaml")), text.join("\n---\n")).unwrap();
    }
    let paths: Vec<_> =
        (0..count.div_ceil(2_000)).map(|index| folder.path().join(format!("{index}-catalog.yaml"))).collect();
    let loaded = load(&paths);
    assert_eq!(loaded.entities.len(), count);
    loaded.entities
}

/// Questions of every form, by name.
pub fn questions(count: usize) -> Vec<(&'static str, Value)> {
    let last = format!("user-{}@example.com", count - 1);
    vec![
        ("filter: kind", json!({"query": {"kind": "Component"}})),
        (
            "filter: kind, type, lifecycle",
            json!({"query": {"kind": "Component", "spec.type": "service", "spec.lifecycle": "production"}}),
        ),
        ("filter: owner by relation", json!({"query": {"relations.ownedBy": "group:default/team-008"}})),
        ("filter: one user", json!({"query": {"spec.profile.email": last}})),
        (
            "filter: any, not, prefix",
            json!({"query": {"$all": [
                {"$any": [{"kind": "API"}, {"metadata.tags": {"$contains": "anchor"}}]},
                {"$not": {"metadata.labels.tier": "t1"}},
                {"metadata.name": {"$hasPrefix": "a"}},
            ]}}),
        ),
        (
            "filter: exists",
            json!({"query": {"metadata.annotations.backstage.io/techdocs-ref": {"$exists": true}}}),
        ),
        (
            "sorted by one field",
            json!({"query": {"kind": "Component"}, "orderFields": {"field": "metadata.title", "order": "desc"}}),
        ),
        (
            "sorted by three fields",
            json!({"query": {"kind": {"$in": ["Component", "API"]}}, "orderFields": [
                {"field": "spec.owner", "order": "asc"}, {"field": "spec.type", "order": "desc"}, {"field": "metadata.name", "order": "asc"},
            ]}),
        ),
        ("full text: a rare word", json!({"fullTextFilter": {"term": format!("number {}", count - 2)}})),
        ("full text: a word in every description", json!({"fullTextFilter": {"term": "whenever"}})),
        ("full text: three words", json!({"fullTextFilter": {"term": "anchor keel moves"}})),
        ("full text: one letter", json!({"fullTextFilter": {"term": "e"}})),
        (
            "full text: in long definitions",
            json!({"fullTextFilter": {"term": "3.1.0", "fields": ["spec.definition"]}}),
        ),
        (
            "full text: in titles, of APIs",
            json!({"query": {"kind": "API"}, "fullTextFilter": {"term": "quay", "fields": ["metadata.title"]}}),
        ),
    ]
}
