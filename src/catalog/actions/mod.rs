//! The catalog's actions, by the ids, arguments and errors that Backstage gives them.

use std::future::ready;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::index::Index;
use super::query::Query;
use super::relation::Ref;
use super::{Catalog, schemas, suggest, who_am_i};
use crate::actions::{Action, ActionError, Caller, Effect, Outcome, Run};

/// The scope that reading the catalog needs.
pub const READ_SCOPE: &str = "catalog:read";
/// The permission that reading an entity asks for, by Backstage's name.
pub const READ_PERMISSION: &str = "catalog.entity.read";

const GET: &str = "Get one entity of the software catalog by name: a Component, API, System, Domain, Resource, Group, \
    User, Template, Location or AiResource, whole, with its relations. Where several entities have the name, give \
    kind and namespace too.";

const QUERY: &str = r#"Find entities in the software catalog.

Every entity has kind, metadata (name, namespace, title, description, labels, annotations, tags, links), spec and
relations. Kinds: Component, API, Resource, System, Domain, Group, User, Template, Location, AiResource.
Common spec fields: type, lifecycle, owner, system; for users spec.profile.email. References are kind:namespace/name.

query names fields by dotted path, in any case; fields of one object must all match:
  {"kind": "Component", "spec.type": "service"}
  {"kind": {"$in": ["API", "Component"]}, "metadata.tags": {"$contains": "java"}}
  {"metadata.name": {"$hasPrefix": "team-"}}
  {"metadata.annotations.backstage.io/techdocs-ref": {"$exists": true}}
  {"$all": [{...}, {"$any": [{...}, {...}]}, {"$not": {"kind": "Group"}}]}
For connections ask relations.<type> (ownedBy/ownerOf, partOf/hasPart, dependsOn/dependencyOf, providesApi/apiProvidedBy,
consumesApi/apiConsumedBy, memberOf/hasMember, childOf/parentOf) with a whole reference:
  {"relations.ownedBy": "group:default/team-a"}

Search by words: {"fullTextFilter": {"term": "refund"}}. Ask for less: {"fields": ["kind", "metadata.name", "spec.owner"]}.
Sort: {"orderFields": [{"field": "kind", "order": "asc"}, {"field": "metadata.name", "order": "asc"}]}.
A page has 25 entities unless limit says otherwise; give nextPageCursor back as cursor to read on."#;

/// Every action of this room, over one catalog.
pub fn actions(catalog: Catalog) -> Vec<Action> {
    let (getting, querying) = (catalog.clone(), catalog.clone());
    vec![
        Action {
            aliases: vec!["catalog:get".to_owned()],
            ..reading(
                "catalog:get-catalog-entity",
                "Get Catalog Entity",
                GET,
                (schemas::get_input(), schemas::get_output()),
                run(move |_, arguments| get(&getting.index(), &arguments)),
            )
        },
        Action {
            aliases: vec!["catalog:query".to_owned(), "catalog:list".to_owned()],
            ..reading(
                "catalog:query-catalog-entities",
                "Query Catalog Entities",
                QUERY,
                (schemas::query_input(), schemas::query_output()),
                run(move |_, arguments| query(&querying.index(), &arguments)),
            )
        },
        Action {
            // Who is asking may always be asked: it tells a caller nothing that its token does not.
            scope: None,
            permission: None,
            ..reading(
                "auth:who-am-i",
                "Who Am I",
                "Tell which user you act for: its entity in the catalog, and the groups it owns things through.",
                (schemas::who_am_i_input(), schemas::who_am_i_output()),
                run(move |caller, _| who_am_i::answer(&catalog.index(), caller)),
            )
        },
    ]
}

fn reading(id: &str, title: &str, description: &str, (input, output): (Value, Value), run: Run) -> Action {
    Action {
        id: id.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        input: Arc::new(input),
        output: Arc::new(output),
        effect: Effect::Read,
        idempotent: true,
        scope: Some(READ_SCOPE.to_owned()),
        permission: Some(READ_PERMISSION.to_owned()),
        aliases: Vec::new(),
        run,
    }
}

/// Nothing here waits: an answer is ready when it is asked for.
fn run(answer: impl Fn(&Caller, Value) -> Outcome + Send + Sync + 'static) -> Run {
    Arc::new(move |turn, arguments| Box::pin(ready(answer(&turn, arguments))))
}

fn get(index: &Index, arguments: &Value) -> Outcome {
    let text = |key: &str| arguments.get(key).and_then(Value::as_str);
    let Some(name) = text("name") else {
        return Err(ActionError::InvalidInput("name must be a string".to_owned()));
    };
    // A name has neither colon nor slash: one that has is a whole reference, which models like to give.
    let whole = name
        .contains([':', '/'])
        .then(|| Ref::parse(name, text("kind"), text("namespace").unwrap_or("default")));
    if let Some(Ok(reference)) = whole
        && let Some(entity) = index.get(reference.as_str())
    {
        return Ok(Value::clone(entity));
    }
    let matches =
        |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted.to_lowercase() == found);
    let mut found = index.named(&name.to_lowercase()).iter().copied().filter(|&at| {
        let reference = index.reference(at);
        matches(text("kind"), reference.kind()) && matches(text("namespace"), reference.namespace())
    });
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(Value::clone(index.entity(at))),
        (None, _) => {
            let mean = suggest::did_you_mean(index, name, |_| true);
            let stop = if mean.is_empty() { "" } else { "." };
            let name = super::excerpt(name);
            Err(ActionError::InvalidInput(format!("No entity found with name \"{name}\"{stop}{mean}")))
        }
        (Some(first), Some(second)) => {
            let every = [first, second].into_iter().chain(found).take(20);
            let references: Vec<_> = every.map(|at| format!("\"{}\"", index.reference(at))).collect();
            Err(ActionError::Conflict(format!(
                "Multiple entities found with name \"{name}\", please provide more specific filters. Entities found: {}",
                references.join(", ")
            )))
        }
    }
}

fn query(index: &Index, arguments: &Value) -> Outcome {
    let page = Query::from_arguments(arguments).and_then(|query| query.run(index));
    let page = page.map_err(ActionError::InvalidInput)?;
    let mut answer = Map::new();
    answer.insert("items".to_owned(), Value::Array(page.items));
    answer.insert("totalItems".to_owned(), Value::from(page.total));
    answer.insert("hasMoreEntities".to_owned(), Value::Bool(page.next.is_some()));
    if let Some(cursor) = page.next {
        answer.insert("nextPageCursor".to_owned(), Value::String(cursor));
    }
    Ok(Value::Object(answer))
}

#[cfg(test)]
mod tests;
