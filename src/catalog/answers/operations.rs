//! Which APIs an entity has to do with, and what can be called in each.

use serde_json::{Value, json};

use super::super::index::Index;
use super::super::yaml;
use super::{related, title};
use crate::limits;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The APIs of the entity at `reference`: itself, what it provides and consumes, and what its parts provide.
pub fn apis(index: &Index, reference: &str) -> Value {
    let Some(entity) = index.get(reference) else { return json!({"provides": [], "consumes": []}) };
    let mut provides: Vec<&str> = related(entity, "providesApi").collect();
    if entity["kind"] == "API" {
        provides.push(reference);
    }
    for part in related(entity, "hasPart") {
        match index.get(part) {
            Some(api) if api["kind"] == "API" => provides.push(part),
            Some(other) => provides.extend(related(other, "providesApi")),
            None => {}
        }
    }
    provides.sort_unstable();
    provides.dedup();
    let list = |all: &[&str]| -> Vec<Value> {
        all.iter().take(limits::APIS_TOLD_MAX).map(|api| one(index, api)).collect()
    };
    let consumes: Vec<&str> = related(entity, "consumesApi").collect();
    json!({"entityRef": reference, "provides": list(&provides), "consumes": list(&consumes)})
}

fn one(index: &Index, reference: &str) -> Value {
    let Some(api) = index.get(reference) else {
        return json!({"entityRef": reference, "isMissing": true, "operations": [], "totalOperations": 0});
    };
    let mut operations = operations(api);
    let total = operations.len();
    operations.truncate(limits::OPERATIONS_TOLD_MAX);
    json!({
        "entityRef": reference,
        "title": title(api),
        "type": api["spec"]["type"].as_str().unwrap_or_default(),
        "lifecycle": api["spec"]["lifecycle"].as_str().unwrap_or_default(),
        "operations": operations,
        "totalOperations": total,
    })
}

/// What the definition of an API lets one call: OpenAPI's and AsyncAPI's operations, GraphQL's root fields, gRPC's
/// calls. Nothing where it cannot be read.
pub fn operations(api: &Value) -> Vec<Value> {
    let Some(text) = api["spec"]["definition"].as_str() else { return Vec::new() };
    match api["spec"]["type"].as_str().unwrap_or_default() {
        "graphql" => graphql(text),
        "grpc" => grpc(text),
        _ => yaml::single(text).map(|document| described(&document)).unwrap_or_default(),
    }
}

fn described(document: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get(method).filter(|it| it.is_object()) {
                let summary = operation["summary"].as_str().or(operation["description"].as_str());
                found.push(operation_of(&method.to_uppercase(), path, &operation["operationId"], summary));
            }
        }
    }
    for (name, channel) in document["channels"].as_object().into_iter().flatten() {
        for way in ["publish", "subscribe"] {
            if let Some(operation) = channel.get(way).filter(|it| it.is_object()) {
                let id = &operation["operationId"];
                found.push(operation_of(way, name, id, operation["summary"].as_str()));
            }
        }
    }
    for (id, operation) in document["operations"].as_object().into_iter().flatten() {
        let channel = operation["channel"]["$ref"].as_str().unwrap_or_default();
        let channel = channel.rsplit('/').next().unwrap_or_default();
        let way = operation["action"].as_str().unwrap_or_default();
        found.push(operation_of(way, channel, &json!(id), operation["summary"].as_str()));
    }
    found
}

fn operation_of(method: &str, path: &str, id: &Value, summary: Option<&str>) -> Value {
    let mut operation = json!({"method": method, "path": path});
    if let Some(id) = id.as_str() {
        operation["operationId"] = json!(id);
    }
    if let Some(summary) = summary {
        operation["summary"] = json!(super::super::excerpt(summary.lines().next().unwrap_or_default()));
    }
    operation
}

/// The fields of the root types. A schema is read by its lines: what it is formatted like decides nothing else here.
fn graphql(text: &str) -> Vec<Value> {
    let (mut found, mut root, mut depth) = (Vec::new(), None, 0_usize);
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        let mut words = line.split(|c: char| c.is_whitespace() || c == '{');
        let begins = line.starts_with("type ") || line.starts_with("extend type ");
        if depth == 0 && begins {
            root = words.find(|word| ["Query", "Mutation", "Subscription"].contains(word));
        } else if depth == 1
            && let Some(kind) = root
        {
            let name: String = line.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let after = line[name.len()..].trim_start();
            if !name.is_empty() && after.starts_with(['(', ':']) {
                found.push(json!({"method": kind.to_lowercase(), "path": name}));
            }
        }
        let opens = |c: &char| matches!(c, '{' | '(');
        let closes = |c: &char| matches!(c, '}' | ')');
        depth =
            (depth + line.chars().filter(opens).count()).saturating_sub(line.chars().filter(closes).count());
    }
    found
}

fn grpc(text: &str) -> Vec<Value> {
    let (mut found, mut service) = (Vec::new(), "");
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default().trim()) {
        let name = |rest: &'_ str| -> usize {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
        };
        if let Some(rest) = line.strip_prefix("service ") {
            service = &rest[..name(rest)];
        } else if let Some(rest) = line.strip_prefix("rpc ") {
            found.push(json!({"method": "rpc", "path": format!("{service}/{}", &rest[..name(rest)])}));
        }
    }
    found
}
