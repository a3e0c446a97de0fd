//! What the actions take and give, as JSON Schema 2020-12.

use serde_json::{Value, json};

use crate::limits;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

fn input(properties: Value, required: &[&str]) -> Value {
    json!({"$schema": DIALECT, "type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn output(properties: Value, required: &[&str]) -> Value {
    json!({"$schema": DIALECT, "type": "object", "properties": properties, "required": required, "additionalProperties": true})
}

fn list(of: &str) -> Value {
    json!({"type": "array", "items": {"type": of}})
}

fn entity() -> Value {
    let about = "Reference kind:namespace/name of the entity, or its name where only one has it.";
    json!({"type": "string", "minLength": 1, "description": about})
}

/// No arguments.
pub fn list_input() -> Value {
    input(json!({}), &[])
}

/// Every scorecard.
pub fn list_output() -> Value {
    output(json!({"scorecards": list("object")}), &["scorecards"])
}

/// Which results.
pub fn results_input() -> Value {
    let properties = json!({
        "scorecard": {"type": "string", "description": "Id of one scorecard; all where left out."},
        "entityRef": entity(),
        "owner": {
            "type": "string",
            "description": "Reference of a group, for what it and the groups below it own, or of a user, for what their groups own.",
        },
        "onlyFailing": {"type": "boolean", "description": "Leave out entities that pass every check that they are asked."},
        "limit": {
            "type": "integer",
            "minimum": 1,
            "description": format!("Results on a page; {} where left out, at most {}.", limits::SCORECARD_RESULTS, limits::SCORECARD_RESULTS_MAX),
        },
        "cursor": {"type": "string", "description": "nextPageCursor of the page before, to read on."},
    });
    input(properties, &[])
}

/// Results, and what they come to.
pub fn results_output() -> Value {
    let result = json!({
        "type": "object",
        "properties": {
            "entityRef": {"type": "string"},
            "scorecard": {"type": "string"},
            "level": {"type": "string"},
            "passed": {"type": "integer"},
            "asked": {"type": "integer"},
            "percent": {"type": "integer"},
            "failed": list("object"),
        },
        "required": ["entityRef", "scorecard", "passed", "asked", "percent", "failed"],
    });
    let properties = json!({
        "results": {"type": "array", "items": result},
        "totalItems": {"type": "integer"},
        "summaries": list("object"),
        "nextPageCursor": {"type": "string"},
    });
    output(properties, &["results", "totalItems", "summaries"])
}

/// One check of one entity.
pub fn explain_input() -> Value {
    let properties = json!({
        "scorecard": {"type": "string", "minLength": 1, "description": "Id of the scorecard."},
        "check": {"type": "string", "minLength": 1, "description": "Id of the check in it."},
        "entityRef": entity(),
    });
    input(properties, &["scorecard", "check", "entityRef"])
}

/// How it came out, and why.
pub fn explain_output() -> Value {
    let properties = json!({
        "entityRef": {"type": "string"},
        "scorecard": {"type": "string"},
        "check": {"type": "string"},
        "title": {"type": "string"},
        "outcome": {"type": "string", "enum": ["passed", "failed", "not-asked"]},
        "why": {"type": "string"},
        "rule": {"type": "object"},
        "mend": {"type": "string"},
    });
    output(properties, &["entityRef", "scorecard", "check", "title", "outcome", "why", "rule"])
}
