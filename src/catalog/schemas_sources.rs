//! What the actions on the catalog's sources take and give, as JSON Schema 2020-12.

use serde_json::{Value, json};

use super::schemas::DIALECT;
use super::schemas_more::closed;

/// Arguments of `catalog:register-entity`: Backstage's, and `dryRun`.
pub fn register_input() -> Value {
    let properties = json!({
        "locationUrl": {
            "type": "string",
            "description": "URL of the catalog-info.yaml that describes the entities. For example: https://github.com/backstage/demo/blob/master/catalog-info.yaml",
        },
        "dryRun": {"type": "boolean", "description": "Only looks at it."},
    });
    closed(properties, &["locationUrl"])
}

/// The id of a location.
pub fn register_output() -> Value {
    let about = "The ID of the location; of a dry run, url: and its URL.";
    closed(json!({"locationId": {"type": "string", "description": about}}), &["locationId"])
}

/// Arguments of `catalog:unregister-entity`: Backstage's, and an entity.
pub fn unregister_input() -> Value {
    let which = json!({
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
    });
    closed(json!({"type": which}), &["type"])
}

/// Nothing.
pub fn unregister_output() -> Value {
    json!({"$schema": DIALECT, "type": "object", "properties": {}, "additionalProperties": false})
}

/// Places.
pub fn locations_output() -> Value {
    let place = json!({
        "locationId": {"type": "string", "description": "Its ID, where it was registered."},
        "type": {"type": "string", "description": "file, url or git."},
        "target": {"type": "string", "description": "What is read."},
        "isRegistered": {"type": "boolean", "description": "false where the configuration names it."},
        "registeredBy": {"type": "string", "description": "Who registered it."},
        "registeredAt": {"type": "string", "description": "When."},
        "entities": {"type": "integer", "description": "How many entities it describes."},
        "revision": {"type": "string", "description": "The commit that was read."},
        "problem": {"type": "string", "description": "Why it, or a file of it, could not be fetched; what it said last stays."},
    });
    let places = listed("The places.", &place, &["type", "target", "isRegistered"]);
    closed(json!({"items": places}), &["items"])
}

/// Arguments of `catalog:get-entity-problems`.
pub fn problems_input() -> Value {
    let about = "Of this entity only: kind:namespace/name.";
    closed(json!({"entityRef": {"type": "string", "description": about}}), &[])
}

/// What is wrong.
pub fn problems_output() -> Value {
    let problem = json!({
        "severity": {"type": "string", "description": "error: the descriptor is not used. warning: probably not meant. note: passed over on purpose."},
        "entityRef": {"type": "string", "description": "The entity, as far as it is known."},
        "file": {"type": "string", "description": "The file or URL."},
        "line": {"type": "integer", "description": "The line that the document begins on."},
        "message": {"type": "string", "description": "What."},
    });
    let problems = listed("Problems, errors first.", &problem, &["severity", "file", "line", "message"]);
    let total = json!({"type": "integer", "description": "How many there are."});
    closed(json!({"items": problems, "total": total}), &["items", "total"])
}

/// A list of objects of these properties and no others.
fn listed(about: &str, properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "array",
        "items": {"type": "object", "properties": properties, "required": required, "additionalProperties": false},
        "description": about,
    })
}
