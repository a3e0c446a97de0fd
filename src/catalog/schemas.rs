//! What the catalog's actions take and give, as JSON Schema 2020-12.
//!
//! The same arguments as Backstage's, with two differences that a caller feels only for the better. A choice
//! is written as a list of types and not as `anyOf`, so that what does not fit is told where it stands and not
//! as a list of alternatives. And unknown operators are let through: [`super::predicate`] refuses them, and says
//! what would be right.

use serde_json::{Value, json};

pub use super::schemas_more::*;
pub use super::schemas_sources::*;

pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Arguments of `catalog:get-catalog-entity`.
pub fn get_input() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "kind": {"type": "string", "description": "Kind of the entity, such as Component or API. May be left out."},
            "namespace": {"type": "string", "description": "Namespace of the entity. May be left out."},
            "name": {"type": "string", "description": "Name of the entity, or its whole reference kind:namespace/name."},
        },
        "required": ["name"],
        "additionalProperties": false,
    })
}

/// An entity, whole.
pub fn get_output() -> Value {
    json!({"$schema": DIALECT, "type": "object", "properties": {}, "additionalProperties": true})
}

/// Arguments of `catalog:query-catalog-entities`.
pub fn query_input() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "query": {
                "$ref": "#/$defs/predicate",
                "description": "Which entities: fields by dotted path, and $all, $any, $not, $exists, $in, $contains, $hasPrefix.",
            },
            "fields": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Parts to answer with, as dotted paths such as spec.type. All of the entity where left out.",
            },
            "limit": {
                "type": "integer",
                "exclusiveMinimum": 0,
                "description": "Entities on a page; 25 where left out, at most 500.",
            },
            "offset": {
                "type": "integer",
                "minimum": 0,
                "description": "Entities to skip. Ignored with a cursor.",
            },
            "orderFields": order_fields(),
            "fullTextFilter": {
                "type": "object",
                "properties": {
                    "term": {"type": "string", "description": "Words that must all occur."},
                    "fields": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Dotted paths to search in; name, title, description, tags, kind, type and profile where left out.",
                    },
                },
                "required": ["term"],
                "additionalProperties": false,
                "description": "Full-text search; best matches first unless orderFields says otherwise.",
            },
            "cursor": {
                "type": "string",
                "description": "nextPageCursor of the page before. The question is the cursor's then; only limit and fields still count.",
            },
        },
        "additionalProperties": false,
        "$defs": {"predicate": predicate()},
    })
}

pub(super) fn predicate() -> Value {
    let deeper = json!({"$ref": "#/$defs/predicate"});
    let list = json!({"type": "array", "items": deeper});
    json!({
        "type": "object",
        "properties": {"$all": list, "$any": list, "$not": deeper},
        // An object, though it refuses little: clients that translate schemas trip over a bare `true`.
        "patternProperties": {"^\\$": {"not": {"type": "null"}}},
        "additionalProperties": {
            "type": ["string", "number", "boolean", "object"],
            "properties": {
                "$exists": {"type": "boolean"},
                "$in": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
                "$contains": {"type": ["string", "number", "boolean", "object"]},
                "$hasPrefix": {"type": "string"},
            },
        },
    })
}

fn order_fields() -> Value {
    let properties = json!({
        "field": {"type": "string", "description": "Dotted path to sort by, such as metadata.name."},
        "order": {"type": "string", "enum": ["asc", "desc"], "description": "Which way."},
    });
    json!({
        "type": ["object", "array"],
        "properties": properties,
        "required": ["field", "order"],
        "additionalProperties": false,
        "items": {
            "type": "object",
            "properties": properties,
            "required": ["field", "order"],
            "additionalProperties": false,
        },
        "description": "One field to sort by, or several, first things first. Entities without it come last.",
    })
}

/// A page of entities.
pub fn query_output() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {"type": "object", "properties": {}, "additionalProperties": true},
                "description": "The entities.",
            },
            "totalItems": {"type": "number", "description": "How many there are on all pages."},
            "hasMoreEntities": {"type": "boolean", "description": "Whether there is another page."},
            "nextPageCursor": {"type": "string", "description": "Give it back as cursor for the next page."},
        },
        "required": ["items", "totalItems", "hasMoreEntities"],
        "additionalProperties": false,
    })
}

/// Arguments of `auth:who-am-i`: none.
pub fn who_am_i_input() -> Value {
    json!({"$schema": DIALECT, "type": "object", "properties": {}, "additionalProperties": false})
}

/// A user and what it speaks for.
pub fn who_am_i_output() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "entity": {
                "type": "object",
                "properties": {},
                "additionalProperties": true,
                "description": "The User of the catalog, or one made from the account where the catalog has none.",
            },
            "userInfo": {
                "type": "object",
                "properties": {
                    "userEntityRef": {"type": "string", "description": "Reference of the user, such as user:default/jane.doe."},
                    "ownershipEntityRefs": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "References that the user owns entities through: itself, its groups and their parents.",
                    },
                },
                "required": ["userEntityRef", "ownershipEntityRefs"],
                "additionalProperties": false,
                "description": "Who the user is to the catalog.",
            },
        },
        "required": ["entity", "userInfo"],
        "additionalProperties": false,
    })
}
