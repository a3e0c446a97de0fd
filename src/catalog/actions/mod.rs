//! The catalog's actions, by the ids, arguments and errors that Backstage gives them.

mod asking;
pub mod find;
mod sourcing;

pub use sourcing::{locations, told_problems};

use std::future::ready;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::index::Index;
use super::query::Query;
use super::relation::Ref;
use super::{Catalog, schemas, who_am_i};
use crate::actions::{Action, ActionError, Caller, Outcome, Run};
use crate::limits;

/// The scope that reading the catalog needs.
pub const READ_SCOPE: &str = "catalog:read";
/// The scope that changing it needs.
pub const WRITE_SCOPE: &str = "catalog:write";
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
    // Who somebody is does not depend on what they may read.
    let (whole, querying) = (catalog.clone(), catalog.clone());
    let mut all = asking::actions(&catalog);
    all.extend([
        Action {
            aliases: vec!["catalog:get".to_owned()],
            ..reading(
                "catalog:get-catalog-entity",
                "Get Catalog Entity",
                GET,
                (schemas::get_input(), schemas::get_output()),
                run(&catalog, |index, _, arguments| get(index, &arguments)),
            )
        },
        Action {
            aliases: vec!["catalog:query".to_owned(), "catalog:list".to_owned()],
            ..reading(
                "catalog:query-catalog-entities",
                "Query Catalog Entities",
                QUERY,
                (schemas::query_input(), schemas::query_output()),
                Arc::new(move |turn, arguments| {
                    let catalog = querying.clone();
                    Box::pin(async move {
                        let index = catalog.seen_by(turn.caller()).await;
                        // A small catalog is searched sooner than another thread wakes.
                        if index.len() <= limits::ENTITIES_SEARCHED_AT_ONCE_MAX {
                            return query(&index, &arguments);
                        }
                        aside(move || query(&index, &arguments)).await
                    })
                }),
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
                unseen(move |caller, _| who_am_i::answer(&whole.index(), caller)),
            )
        },
    ]);
    all
}

fn reading(id: &str, title: &str, description: &str, schemas: (Value, Value), run: Run) -> Action {
    Action::reading([id, title, description], schemas, (READ_SCOPE, READ_PERMISSION), run)
}

/// An answer out of what the caller may see, that looks at a few entities only. It waits for nothing, but once for that part
/// of the catalog.
fn run(
    catalog: &Catalog,
    answer: impl Fn(&Index, &Caller, Value) -> Outcome + Copy + Send + Sync + 'static,
) -> Run {
    let catalog = catalog.clone();
    Arc::new(move |turn, arguments| {
        let catalog = catalog.clone();
        Box::pin(async move { answer(&*catalog.seen_by(turn.caller()).await, &turn, arguments) })
    })
}

/// An answer that is not out of the catalog, or out of all of it.
fn unseen(answer: impl Fn(&Caller, Value) -> Outcome + Send + Sync + 'static) -> Run {
    Arc::new(move |turn, arguments| Box::pin(ready(answer(&turn, arguments))))
}

/// An answer that waits for a disk or counts the whole catalog, away from the threads that answer others.
fn run_aside(
    catalog: &Catalog,
    answer: impl Fn(&Index, Value) -> Outcome + Copy + Send + Sync + 'static,
) -> Run {
    let catalog = catalog.clone();
    Arc::new(move |turn, arguments| {
        let (catalog, caller) = (catalog.clone(), Arc::clone(turn.caller()));
        Box::pin(aside(move || answer(&catalog.seen(&caller), arguments)))
    })
}

async fn aside(answer: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    let answered = tokio::task::spawn_blocking(answer).await;
    answered.unwrap_or_else(|error| Err(ActionError::Fault(error.into())))
}

fn get(index: &Index, arguments: &Value) -> Outcome {
    let at = find::from_arguments(index, arguments)?;
    Ok(Value::clone(index.entity(at)))
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
mod asking_tests;
#[cfg(test)]
mod tests;
