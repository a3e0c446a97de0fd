//! The schemas of the actions that [`super::answers`] stands behind.

use serde_json::{Value, json};

use super::schemas::{DIALECT, predicate};
use crate::limits;

/// An object of these properties and no others.
pub(super) fn closed(properties: Value, required: &[&str]) -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn output(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(|map| map.keys()).collect();
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": true,
    })
}

/// One entity, by its reference.
pub fn reference_input() -> Value {
    let about = "Reference kind:namespace/name of the entity, or its name where only one has it.";
    closed(json!({"entityRef": {"type": "string", "minLength": 1, "description": about}}), &["entityRef"])
}

/// What `catalog:get-entity-owners` gives.
pub fn owners_output() -> Value {
    output(
        &json!({"entityRef": {"type": "string"}, "owners": {"type": "array", "items": {"type": "object"}}}),
    )
}

/// What `catalog:get-entity-apis` gives.
pub fn apis_output() -> Value {
    let list = json!({"type": "array", "items": {
        "type": "object",
        "properties": {
            "entityRef": {"type": "string"},
            "operations": {"type": "array", "items": {"type": "object"}},
            "totalOperations": {"type": "integer"},
        },
        "required": ["entityRef", "operations", "totalOperations"],
    }});
    output(&json!({"entityRef": {"type": "string"}, "provides": list, "consumes": list}))
}

/// What `catalog:get-entity-ancestry` gives.
pub fn ancestry_output() -> Value {
    let item = json!({
        "type": "object",
        "properties": {
            "entityRef": {"type": "string"},
            "parentEntityRefs": {"type": "array", "items": {"type": "string"}},
            "location": {"type": "string"},
        },
        "required": ["entityRef", "parentEntityRefs"],
    });
    output(&json!({"rootEntityRef": {"type": "string"}, "items": {"type": "array", "items": item}}))
}

/// Arguments of `catalog:get-entity-facets`.
pub fn facets_input() -> Value {
    let facets = json!({
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": limits::FACETS_MAX,
        "description": "Dotted paths to count the values of.",
    });
    let query =
        json!({"$ref": "#/$defs/predicate", "description": "Which entities count; all where left out."});
    let mut schema = closed(json!({"facets": facets, "query": query}), &["facets"]);
    schema["$defs"] = json!({"predicate": predicate()});
    schema
}

/// What it gives.
pub fn facets_output() -> Value {
    let one = json!({
        "type": "object",
        "properties": {"value": {"type": "string"}, "count": {"type": "number"}},
        "required": ["value", "count"],
        "additionalProperties": false,
    });
    let lists = json!({"type": "object", "additionalProperties": {"type": "array", "items": one}});
    output(&json!({"facets": lists}))
}

/// Arguments of `catalog:summarize-entities`.
pub fn summary_input() -> Value {
    let asked = super::schemas::query_input();
    let budget = json!({
        "type": "integer",
        "minimum": 50,
        "description": "About how many tokens the summary may take; 1000 where left out, at most 20000.",
    });
    let properties = json!({
        "query": asked["properties"]["query"],
        "fullTextFilter": asked["properties"]["fullTextFilter"],
        "orderFields": asked["properties"]["orderFields"],
        "tokenBudget": budget,
    });
    let mut schema = closed(properties, &[]);
    schema["$defs"] = asked["$defs"].clone();
    schema
}

/// What it gives.
pub fn summary_output() -> Value {
    output(&json!({
        "summary": {"type": "string"},
        "shown": {"type": "integer"},
        "totalItems": {"type": "integer"},
        "isComplete": {"type": "boolean"},
        "tokens": {"type": "integer"},
    }))
}

/// Arguments of `catalog:search-docs`.
pub fn docs_input() -> Value {
    let properties = json!({
        "term": {"type": "string", "minLength": 1, "description": "Words that must all occur on the page."},
        "entityRef": {
            "type": "string",
            "description": "Search the documentation of this entity only; of all that have some where left out.",
        },
        "limit": {"type": "integer", "minimum": 1, "description": "Pages to name; 10 where left out, at most 50."},
    });
    closed(properties, &["term"])
}

/// What it gives.
pub fn docs_output() -> Value {
    let page = json!({
        "type": "object",
        "properties": {
            "entityRef": {"type": "string"},
            "page": {"type": "string"},
            "title": {"type": "string"},
            "snippet": {"type": "string"},
            "uri": {"type": "string"},
        },
        "required": ["entityRef", "page", "title", "snippet", "uri"],
    });
    output(&json!({
        "results": {"type": "array", "items": page},
        "totalItems": {"type": "integer"},
        "hasMoreResults": {"type": "boolean"},
        "isComplete": {"type": "boolean"},
    }))
}

/// Arguments of `catalog:validate-entity`, as Backstage has them.
pub fn validate_input() -> Value {
    let properties = json!({
        "entity": {"type": "string", "description": "Entity YAML content to validate"},
        "location": {"type": "string", "format": "uri", "description": "Location to validate"},
    });
    closed(properties, &["entity"])
}

/// What it gives, as Backstage has it.
pub fn validate_output() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "isValid": {"type": "boolean", "description": "Whether the entity is valid"},
            "isValidYaml": {"type": "boolean", "description": "Whether the YAML syntax is valid"},
            "errors": {"type": "array", "items": {"type": "string"}, "description": "Array of validation errors"},
            "entity": {
                "type": "object",
                "additionalProperties": {},
                "description": "Parsed entity object if valid",
            },
        },
        "required": ["isValid", "isValidYaml", "errors"],
        "additionalProperties": false,
    })
}

/// What `catalog:get-catalog-model-description` gives, as Backstage has it.
pub fn model_output() -> Value {
    let about =
        "Markdown description of the catalog model including entity kinds, spec fields, and relations.";
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {"description": {"type": "string", "description": about}},
        "required": ["description"],
        "additionalProperties": false,
    })
}

/// Arguments of `catalog:refresh-catalog-entity`, as Backstage has them.
pub fn refresh_input() -> Value {
    let text = |about: &str| json!({"type": "string", "minLength": 1, "description": about});
    let properties = json!({
        "kind": text("The kind of the entity to refresh, e.g. \"Component\", \"API\", \"System\". If the kind is unknown it can be omitted."),
        "namespace": text("The namespace of the entity to refresh. If the namespace is unknown it can be omitted."),
        "name": text("The name of the entity to refresh."),
    });
    closed(properties, &["name"])
}

/// What it gives, as Backstage has it.
pub fn refresh_output() -> Value {
    let about = "The canonical entity reference that was refreshed.";
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {"entityRef": {"type": "string", "description": about}},
        "required": ["entityRef"],
        "additionalProperties": false,
    })
}
