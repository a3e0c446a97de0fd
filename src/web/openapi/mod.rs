//! The endpoints for programs as an OpenAPI 3.1 document, made from the table of routes: every row is there by itself,
//! and [`forms`] says more of those that have more to say.

mod forms;
mod schemas;

use serde_json::{Map, Value, json};

use super::route::Route;
use crate::config::Config;

/// Where the aliases are; behind it each has the path of its model.
const ALIASES: &str = "/api/auth/v1";

/// The document for these rows. Pages, and what is nothing, are left out; so is what this configuration does not offer.
pub fn document(config: &Config, rows: impl Iterator<Item = &'static Route>) -> Value {
    let mut paths = Map::new();
    for row in rows.filter(|row| row.is_endpoint() && (row.offered)(config)) {
        let methods = row.methods.iter().map(|method| (method.to_ascii_lowercase(), operation(row, method)));
        paths.insert(row.path.to_owned(), Value::Object(methods.collect()));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": config.title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The OAuth 2.1 and OpenID Connect endpoints of this server, for programs. Its MCP endpoints \
                            speak JSON-RPC and describe themselves.",
        },
        "servers": [{"url": config.public_url.as_str()}],
        "paths": paths,
        "components": {"schemas": schemas::all(), "securitySchemes": schemas::security()},
    })
}

fn operation(row: &Route, method: &str) -> Value {
    let name: String = row.path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let mut operation = json!({
        "operationId": format!("{}{name}", method.to_ascii_lowercase()),
        "summary": row.summary,
    });
    let parameters: Vec<Value> = row.path.split('/').filter_map(parameter).collect();
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    // An alias takes and answers what its model does.
    let model = row.path.strip_prefix(ALIASES).filter(|_| row.is_alias).unwrap_or(row.path);
    let said = forms::of(model, method);
    if let (Some(operation), Value::Object(said)) = (operation.as_object_mut(), said) {
        operation.extend(said);
    }
    operation
}

/// A part of a path in braces.
fn parameter(part: &str) -> Option<Value> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Raw};

    fn config() -> Config {
        Config::from_raw(&Raw::read(&Flags { file: None, set: Vec::new() }, |_| None).unwrap()).unwrap()
    }

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
        let document = document(&config(), crate::web::endpoints::ROUTES.iter());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 10);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let mut names = std::collections::BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(
                    names.insert(operation["operationId"].as_str().unwrap().to_owned()),
                    "{method} {path}"
                );
                assert!(
                    operation["responses"].as_object().is_some_and(|all| !all.is_empty()),
                    "{method} {path}"
                );
            }
        }
    }
}
