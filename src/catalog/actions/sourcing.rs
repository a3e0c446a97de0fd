//! The actions on where the catalog comes from: registering, taking back, listing, and what is wrong with descriptors.

use std::future::Future;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::index::Index;
use super::super::load::{Problem, Severity};
use super::super::seen::sees_all;
use super::super::sources::register::Which;
use super::super::sources::{Source, Sources};
use super::super::{Catalog, schemas};
use super::{WRITE_SCOPE, find, reading};
use crate::actions::turn::Turn;
use crate::actions::{Action, ActionError, Effect, Outcome, Run};
use crate::limits;

/// The permission that registering a location asks for, by Backstage's name.
pub const CREATE_PERMISSION: &str = "catalog.location.create";
/// The permission that taking one back asks for.
pub const DELETE_PERMISSION: &str = "catalog.location.delete";
/// The permission that listing them asks for.
pub const LIST_PERMISSION: &str = "catalog.location.read";

const REGISTER: &str = "Register the entities of a catalog-info.yaml at an https URL, such as a file on GitHub or GitLab. The file is looked \
    at first: what is wrong with it, or described elsewhere already, is told and nothing is registered. Entities are there a moment after the \
    answer. Keep locationId to take the location back. With dryRun nothing is registered.";
const UNREGISTER: &str = "Take a registered location back, and with it every entity that it describes. Name it by locationId, by locationUrl, or \
    by entityRef of one of its entities. What the server's configuration names cannot be taken back here.";
const LIST: &str = "List the places that the catalog is read from, how many entities each describes, and why one cannot be read.";
const PROBLEMS: &str = "Tell what is wrong with descriptors: which were left out or are kept in their last good version and why, owners that do not \
    exist, files that cannot be fetched. Of one entity, or of all.";

/// Every action here.
pub fn locations(sources: &Sources) -> Vec<Action> {
    let (registering, removing, listing, telling) =
        (sources.clone(), sources.clone(), sources.clone(), sources.catalog().clone());
    vec![
        Action {
            effect: Effect::Change,
            idempotent: false,
            scope: Some(WRITE_SCOPE.to_owned()),
            permission: Some(CREATE_PERMISSION.to_owned()),
            ..reading(
                "catalog:register-entity",
                "Register entity in the Catalog",
                REGISTER,
                (schemas::register_input(), schemas::register_output()),
                waiting(registering, register),
            )
        },
        Action {
            effect: Effect::Delete,
            scope: Some(WRITE_SCOPE.to_owned()),
            permission: Some(DELETE_PERMISSION.to_owned()),
            ..reading(
                "catalog:unregister-entity",
                "Unregister entity from the Catalog",
                UNREGISTER,
                (schemas::unregister_input(), schemas::unregister_output()),
                waiting(removing, unregister),
            )
        },
        Action {
            permission: Some(LIST_PERMISSION.to_owned()),
            ..reading(
                "catalog:list-locations",
                "List Catalog Locations",
                LIST,
                (schemas::who_am_i_input(), schemas::locations_output()),
                waiting(listing, async |sources, _, _| list(&sources).await),
            )
        },
        reading(
            "catalog:get-entity-problems",
            "Get Entity Problems",
            PROBLEMS,
            (schemas::problems_input(), schemas::problems_output()),
            Arc::new(move |turn, arguments| {
                let catalog = telling.clone();
                Box::pin(async move {
                    let seen = catalog.seen_by(turn.caller()).await;
                    told_problems(&catalog, (&seen, sees_all(turn.caller())), &arguments)
                })
            }),
        ),
    ]
}

/// What is wrong with descriptors, as `catalog:get-entity-problems` answers it to whoever may see `seen`: of what they may not,
/// they do not hear what is wrong with it either, nor of files whose entities nobody knows, even where nothing is hidden from
/// them so far: what is broken is in no catalog, and may be what would be.
///
/// # Errors
/// [`ActionError`], where the entity that is asked for cannot be meant.
pub fn told_problems(catalog: &Catalog, (seen, sees_all): (&Index, bool), arguments: &Value) -> Outcome {
    let of = match arguments.get("entityRef") {
        Some(_) => Some(reference(seen, arguments)?),
        None => None,
    };
    let is_seen = |problem: &Problem| {
        sees_all || problem.entity.as_deref().is_some_and(|entity| seen.get(entity).is_some())
    };
    let all = catalog.problems();
    Ok(problems(all.iter().filter(|problem| is_seen(problem)), of.as_deref()))
}

fn waiting<F, R>(sources: Sources, answer: F) -> Run
where
    F: Fn(Sources, Turn, Value) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    Arc::new(move |turn, arguments| Box::pin(answer(sources.clone(), turn, arguments)))
}

async fn register(sources: Sources, turn: Turn, arguments: Value) -> Outcome {
    let url = arguments["locationUrl"].as_str().unwrap_or_default();
    let registered = match arguments["dryRun"].as_bool() {
        Some(true) => sources.check(url).await?,
        _ => sources.register(url, &turn.subject).await?,
    };
    Ok(json!({"locationId": registered.id}))
}

async fn unregister(sources: Sources, turn: Turn, arguments: Value) -> Outcome {
    let text = |key: &str| arguments["type"][key].as_str();
    let index = sources.catalog().seen_by(turn.caller()).await;
    let entity;
    let which = match (text("locationId"), text("locationUrl"), text("entityRef")) {
        (Some(id), _, _) => Which::Id(id),
        (_, Some(url), _) => Which::Target(url),
        (_, _, Some(_)) => {
            let at = find::from_reference(&index, &arguments["type"])?;
            entity = index.reference(at).to_string();
            Which::Entity(&entity)
        }
        _ => {
            let why = "type must have locationId, locationUrl or entityRef";
            return Err(ActionError::InvalidInput(why.to_owned()));
        }
    };
    sources.unregister(which).await?;
    Ok(json!({}))
}

/// Every place, those of the configuration first.
///
/// # Errors
/// [`ActionError::Fault`].
async fn list(sources: &Sources) -> Outcome {
    let configured = sources.configured().into_iter().map(|(kind, target, source)| {
        let mut item = json!({"type": kind, "target": target, "isRegistered": false});
        if let Some(shelf) = source.as_ref().and_then(Source::shelf) {
            item["revision"] = shelf.revision().map_or(Value::Null, Value::String);
            item["problem"] =
                shelf.failures().into_iter().next().map_or(Value::Null, |(_, why)| Value::String(why));
        }
        without_nulls(item)
    });
    let mut items: Vec<Value> = configured.collect();
    for row in sources.registered().await? {
        let state = row.state.as_ref();
        items.push(without_nulls(json!({
            "locationId": row.id,
            "type": "url",
            "target": row.target,
            "isRegistered": true,
            "registeredBy": row.added_by,
            "registeredAt": row.added_at.rfc3339(),
            "entities": state.map(|state| state.entities),
            "problem": state.and_then(|state| state.failure.clone()),
        })));
    }
    Ok(json!({"items": items}))
}

fn without_nulls(mut item: Value) -> Value {
    if let Value::Object(item) = &mut item {
        item.retain(|_, value| !value.is_null());
    }
    item
}

/// The reference that is meant: of an entity that is here, or a whole one of an entity that never got here.
fn reference(index: &Index, arguments: &Value) -> Result<String, ActionError> {
    match find::from_reference(index, arguments) {
        Ok(at) => Ok(index.reference(at).to_string()),
        Err(why) => {
            let text = arguments["entityRef"].as_str().unwrap_or_default();
            let whole = super::Ref::parse(text, None, "default").ok();
            whole.map(|reference| reference.to_string()).ok_or(why)
        }
    }
}

/// What there is to say, what matters most first.
fn problems<'p>(all: impl Iterator<Item = &'p Problem>, of: Option<&str>) -> Value {
    let matters = |problem: &&Problem| match of {
        Some(of) => problem.entity.as_deref() == Some(of),
        // What was passed over on purpose is no problem.
        None => problem.severity != Severity::Note,
    };
    let mut found: Vec<&Problem> = all.filter(matters).collect();
    found.sort_by_key(|problem| problem.severity);
    let total = found.len();
    let item = |problem: &&Problem| {
        let mut item = Map::new();
        item.insert("severity".to_owned(), json!(problem.severity));
        if let Some(entity) = &problem.entity {
            item.insert("entityRef".to_owned(), json!(entity));
        }
        item.insert("file".to_owned(), json!(problem.place.file));
        item.insert("line".to_owned(), json!(problem.place.line));
        item.insert("message".to_owned(), json!(problem.message));
        Value::Object(item)
    };
    let items: Vec<Value> = found.iter().take(limits::PROBLEMS_TOLD_MAX).map(item).collect();
    json!({"items": items, "total": total})
}
