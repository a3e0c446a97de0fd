//! What the actions on the catalog's sources take and give, as JSON Schema 2020-12.

use serde_json::{Value, json};

use super::schemas::DIALECT;

/// Arguments of `catalog:register-entity`: Backstage's, and `dryRun`.
pub fn register_input() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "locationUrl": {
                "type": "string",
                "description": "URL of the catalog-info.yaml that describes the entities. For example: https://github.com/backstage/demo/blob/master/catalog-info.yaml",
            },
            "dryRun": {"type": "boolean", "description": "Only looks at it."},
        },
        "required": ["locationUrl"],
        "additionalProperties": false,
    })
}

/// The id of a location.
pub fn register_output() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {"locationId": {"type": "string", "description": "The ID of the location; of a dry run, url: and its URL."}},
        "required": ["locationId"],
        "additionalProperties": false,
    })
}

/// Arguments of `catalog:unregister-entity`: Backstage's, and an entity.
pub fn unregister_input() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "type": {
                "type": "object",
                "properties": {
                    "locationId": {"type": "string", "description": "Location ID to unregister."},
                    "locationUrl": {"type": "string", "description": "URL that was registered."},
                    "entityRef": {"type": "string", "description": "An entity that the location describes: kind:namespace/name."},
                },
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": false,
                "description": "Which location. Provide one of locationId, locationUrl and entityRef.",
            },
        },
        "required": ["type"],
        "additionalProperties": false,
    })
}

/// Nothing.
pub fn unregister_output() -> Value {
    json!({"$schema": DIALECT, "type": "object", "properties": {}, "additionalProperties": false})
}

/// Places.
pub fn locations_output() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "locationId": {"type": "string", "description": "Its ID, where it was registered."},
                        "type": {"type": "string", "description": "file, url or git."},
                        "target": {"type": "string", "description": "What is read."},
                        "isRegistered": {"type": "boolean", "description": "false where the configuration names it."},
                        "registeredBy": {"type": "string", "description": "Who registered it."},
                        "registeredAt": {"type": "string", "description": "When."},
                        "entities": {"type": "integer", "description": "How many entities it describes."},
                        "revision": {"type": "string", "description": "The commit that was read."},
                        "problem": {"type": "string", "description": "Why it, or a file of it, could not be fetched; what it said last stays."},
                    },
                    "required": ["type", "target", "isRegistered"],
                    "additionalProperties": false,
                },
                "description": "The places.",
            },
        },
        "required": ["items"],
        "additionalProperties": false,
    })
}

/// Arguments of `catalog:get-entity-problems`.
pub fn problems_input() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "entityRef": {"type": "string", "description": "Of this entity only: kind:namespace/name."},
        },
        "additionalProperties": false,
    })
}

/// What is wrong.
pub fn problems_output() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "severity": {"type": "string", "description": "error: the descriptor is not used. warning: probably not meant. note: passed over on purpose."},
                        "entityRef": {"type": "string", "description": "The entity, as far as it is known."},
                        "file": {"type": "string", "description": "The file or URL."},
                        "line": {"type": "integer", "description": "The line that the document begins on."},
                        "message": {"type": "string", "description": "What."},
                    },
                    "required": ["severity", "file", "line", "message"],
                    "additionalProperties": false,
                },
                "description": "Problems, errors first.",
            },
            "total": {"type": "integer", "description": "How many there are."},
        },
        "required": ["items", "total"],
        "additionalProperties": false,
    })
}
