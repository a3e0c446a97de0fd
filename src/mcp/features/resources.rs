//! Entities, API definitions, skeletons and documentation as resources.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

use super::uri::Target;
use super::{Features, page};
use crate::actions::Caller;
use crate::catalog::attached::{self, Kind};
use crate::catalog::index::Index;
use crate::limits;

/// One page of what `caller` may read, in order of reference, and the cursor of the next.
pub async fn list(
    features: &Features,
    caller: &Arc<Caller>,
    after: Option<String>,
) -> (Vec<Resource>, Option<String>) {
    if !features.may_read(caller) {
        return (Vec::new(), None);
    }
    let index = features.catalog.seen_by(caller).await;
    // Whether a folder is there is asked of a disk, which may be slow, and others wait for this thread.
    let reading = tokio::task::spawn_blocking(move || page(&index, after.as_deref()));
    reading.await.unwrap_or_default()
}

fn page(index: &Index, after: Option<&str>) -> (Vec<Resource>, Option<String>) {
    let references = index.references();
    let from = after.map_or(0, |after| references.partition_point(|reference| reference.as_str() <= after));
    let until = references.len().min(from + limits::MCP_PAGE_ITEMS);
    let mut found = Vec::new();
    for (reference, entity) in references[from..until].iter().zip(&index.entities()[from..until]) {
        let name = reference.to_string();
        let of = |target: Target, what: &str, mime: &str| {
            let title = entity["metadata"]["title"].as_str().unwrap_or(reference.name());
            let resource = Resource::new(target.to_uri(), format!("{name}{what}"));
            resource.with_title(format!("{title}{what}")).with_mime_type(mime)
        };
        let mut resource = of(Target::Entity(reference.clone()), "", "application/json");
        if let Some(text) = entity["metadata"]["description"].as_str() {
            resource = resource.with_description(text);
        }
        found.push(resource);
        if let Some(text) = definition(entity) {
            let resource = of(Target::Definition(reference.clone()), " (definition)", mime(entity, text));
            found.push(resource.with_size(text.len() as u64));
        }
        for (kind, what) in [(Kind::Skeleton, " (skeleton)"), (Kind::Docs, " (documentation)")] {
            // What a descriptor promises may not be there.
            if attached::is_said(entity, kind) && !attached::names(index, reference.as_str(), kind).is_empty()
            {
                found.push(of(Target::Attached(reference.clone(), kind, None), what, "text/markdown"));
            }
        }
    }
    let next = (until < references.len()).then(|| page::cursor(references[until - 1].as_str()));
    (found, next)
}

/// The forms of URI that there are, for whoever may read any.
pub fn templates(features: &Features, caller: &Caller) -> Vec<ResourceTemplate> {
    if !features.may_read(caller) {
        return Vec::new();
    }
    [
        ("", "entity", "An entity of the software catalog, with its relations.", "application/json"),
        (
            "/definition",
            "definition",
            "The definition of an API: OpenAPI, AsyncAPI, GraphQL, gRPC.",
            "text/plain",
        ),
        (
            "/docs/{+path}",
            "docs",
            "Markdown that explains an entity; without a path, its list.",
            "text/markdown",
        ),
        (
            "/skeleton/{+path}",
            "skeleton",
            "A file that a template copies; without a path, the list.",
            "text/plain",
        ),
    ]
    .map(|(below, name, description, mime)| {
        ResourceTemplate::new(format!("catalog://{{kind}}/{{namespace}}/{{name}}{below}"), name)
            .with_description(description)
            .with_mime_type(mime)
    })
    .into()
}

/// What stands at `uri`.
///
/// # Errors
/// Not found, with the URI: `-32002`, which `rmcp` turns into `-32602` for modern clients. Also where the caller may not
/// know.
pub async fn read(
    features: &Features,
    caller: &Arc<Caller>,
    uri: &str,
) -> Result<ResourceContents, ErrorData> {
    let found = match Target::parse(uri).filter(|_| features.may_read(caller)) {
        None => None,
        Some(target @ (Target::Entity(_) | Target::Definition(_))) => {
            text(&features.catalog.seen_by(caller).await, &target)
        }
        Some(target) => {
            let index = features.catalog.seen_by(caller).await;
            // A disk may be slow, and others wait for this thread.
            tokio::task::spawn_blocking(move || text(&index, &target)).await.unwrap_or_default()
        }
    };
    match found {
        Some((text, mime)) => Ok(ResourceContents::text(text, uri).with_mime_type(mime)),
        None => Err(not_found(uri)),
    }
}

/// Nothing is at `uri`.
pub fn not_found(uri: &str) -> ErrorData {
    ErrorData::resource_not_found("Resource not found", Some(json!({ "uri": uri })))
}

/// A text and its media type.
fn text(index: &Arc<Index>, target: &Target) -> Option<(String, &'static str)> {
    match target {
        Target::Entity(reference) => {
            let entity = index.get(reference.as_str())?;
            Some((serde_json::to_string_pretty(entity).ok()?, "application/json"))
        }
        Target::Definition(reference) => {
            let entity = index.get(reference.as_str())?;
            let text = definition(entity)?;
            Some((text.to_owned(), mime(entity, text)))
        }
        Target::Attached(reference, kind, Some(path)) => {
            let text = attached::read(index, reference.as_str(), *kind, path)?;
            Some((text, if *kind == Kind::Docs { "text/markdown" } else { "text/plain" }))
        }
        Target::Attached(reference, kind, None) => {
            let names = attached::names(index, reference.as_str(), *kind);
            let line = |name: String| {
                let target = Target::Attached(reference.clone(), *kind, Some(name));
                format!("- {}\n", target.to_uri())
            };
            (!names.is_empty()).then(|| (names.into_iter().map(line).collect(), "text/markdown"))
        }
    }
}

fn definition(entity: &Value) -> Option<&str> {
    entity["spec"]["definition"].as_str().filter(|_| entity["kind"] == "API")
}

fn mime(entity: &Value, text: &str) -> &'static str {
    match entity["spec"]["type"].as_str() {
        Some("openapi" | "asyncapi") if text.trim_start().starts_with('{') => "application/json",
        Some("openapi" | "asyncapi") => "application/yaml",
        Some("graphql") => "application/graphql",
        _ => "text/plain",
    }
}
