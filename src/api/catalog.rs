//! `/api/catalog`: what each URL answers, by Backstage's OpenAPI document.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request};
use axum::routing::{MethodRouter, get, post};
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::{Asked, invalid};
use super::door::{Answer, Door};
use crate::actions::ActionError;
use crate::app::App;
use crate::catalog::actions::told_problems;
use crate::catalog::answers::{ancestry as ancestors, facets as counted};
use crate::catalog::filter;
use crate::catalog::index::Index;
use crate::catalog::predicate::Predicate;
use crate::catalog::project::Part;
use crate::catalog::query::Found;
use crate::catalog::relation::Ref;
use crate::limits;

const GET: &str = "catalog:get-catalog-entity";
const QUERY: &str = "catalog:query-catalog-entities";
const FACETS: &str = "catalog:get-entity-facets";
const LOCATIONS: &str = "catalog:list-locations";
const PROBLEMS: &str = "catalog:get-entity-problems";
const ANCESTRY: &str = "catalog:get-entity-ancestry";

type Given = Extension<Arc<Door>>;
type Answered = Result<Answer, ActionError>;

/// `GET /entities`.
pub fn entities() -> MethodRouter<App> {
    get(async |Extension(door): Given, request: Request| door.serve(request, QUERY, list).await)
}

/// `GET|POST /entities/by-query`.
pub fn by_query() -> MethodRouter<App> {
    let answer = async |Extension(door): Given, request: Request| door.serve(request, QUERY, query).await;
    get(answer).post(answer)
}

/// `POST /entities/by-refs`.
pub fn by_refs() -> MethodRouter<App> {
    post(async |Extension(door): Given, request: Request| door.serve(request, GET, refs).await)
}

/// `GET /entities/by-name/{kind}/{namespace}/{name}`.
pub fn by_name() -> MethodRouter<App> {
    get(async |Extension(door): Given, Path(name): Path<(String, String, String)>, request: Request| {
        let answer = move |index: &Index, _: &Asked| {
            let reference = named(index, &name)?;
            Answer::of(&index.get(reference.as_str()))
        };
        door.serve(request, GET, answer).await
    })
}

/// `GET /entities/by-name/{kind}/{namespace}/{name}/ancestry`.
pub fn ancestry() -> MethodRouter<App> {
    get(async |Extension(door): Given, Path(name): Path<(String, String, String)>, request: Request| {
        let answer = move |index: &Index, _: &Asked| {
            let reference = named(index, &name)?;
            let item = |(entity, parents): (Ref, Vec<Ref>)| {
                let parents: Vec<_> = parents.iter().map(Ref::as_str).collect();
                json!({"entity": index.get(entity.as_str()), "parentEntityRefs": parents})
            };
            let items: Vec<_> = ancestors::ancestry(index, &reference).into_iter().map(item).collect();
            Answer::of(&json!({"rootEntityRef": reference.as_str(), "items": items}))
        };
        door.serve(request, ANCESTRY, answer).await
    })
}

/// `GET|POST /entity-facets`.
pub fn facets() -> MethodRouter<App> {
    let answer = async |Extension(door): Given, request: Request| door.serve(request, FACETS, count).await;
    get(answer).post(answer)
}

/// What finding by query answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pages<'a> {
    items: Vec<Part<'a>>,
    total_items: usize,
    page_info: Value,
}

/// What finding by reference answers: nothing where nothing is.
#[derive(Serialize)]
struct Entities<'a> {
    items: Vec<Option<Part<'a>>>,
}

/// `GET /locations`.
pub fn locations() -> MethodRouter<App> {
    get(async |Extension(door): Given, request: Request| {
        let sources = door.app.sources.clone();
        let answer = move |_: &Index, _: &Asked| {
            // This runs where waiting is allowed.
            let rows = tokio::runtime::Handle::current().block_on(sources.registered())?;
            let data =
                rows.iter().map(|row| json!({"data": {"id": row.id, "target": row.target, "type": "url"}}));
            Answer::of(&Value::Array(data.collect()))
        };
        door.serve(request, LOCATIONS, answer).await
    })
}

/// `GET /entity-problems`, which Backstage does not have.
pub fn problems() -> MethodRouter<App> {
    get(async |Extension(door): Given, request: Request| {
        let catalog = door.app.catalog.clone();
        let answer = move |seen: &Index, asked: &Asked| {
            let of = asked.all("entityRef").next().map_or_else(|| json!({}), |of| json!({"entityRef": of}));
            Answer::of(&told_problems(&catalog, (seen, asked.sees_all), &of)?)
        };
        door.serve(request, PROBLEMS, answer).await
    })
}

fn list(index: &Index, asked: &Asked) -> Answered {
    let most = limits::REST_ENTITIES_MAX;
    let page = asked.page("after", most, most)?;
    let Found { positions, next, .. } = page.find(index).map_err(invalid)?;
    // The cursor has the question in it; what is asked beside it is how much of each entity, and how many.
    let next = next.map(|cursor| {
        let mut url = url::form_urlencoded::Serializer::new(String::new());
        let kept = asked.parameters.iter().filter(|(name, _)| name != "after" && name != "offset");
        url.extend_pairs(kept).append_pair("after", &cursor);
        format!("</entities?{}>; rel=\"next\"", url.finish())
    });
    let items: Vec<_> = positions.iter().map(|&at| page.part(index.entity(at))).collect();
    Ok(Answer { next, ..Answer::of(&items)? })
}

fn query(index: &Index, asked: &Asked) -> Answered {
    let page = asked.page("cursor", limits::REST_PAGE, limits::ENTITIES_PAGE_MAX)?;
    let found = page.find(index).map_err(invalid)?;
    let counts = asked.all("totalItems").next().or_else(|| asked.body["totalItems"].as_str());
    let total = match counts {
        None | Some("include") => found.total,
        Some("exclude") => 0,
        Some(_) => return Err(invalid("Invalid totalItems, must be include or exclude".to_owned())),
    };
    let mut info = json!({});
    if let Some(cursor) = found.next {
        info["nextCursor"] = Value::String(cursor);
    }
    let items = found.positions.iter().map(|&at| page.part(index.entity(at))).collect();
    Answer::of(&Pages { items, total_items: total, page_info: info })
}

fn refs(index: &Index, asked: &Asked) -> Answered {
    if !asked.body["entityRefs"].is_array() {
        return Err(invalid("Malformed request, entityRefs must be a list of strings".to_owned()));
    }
    let references = asked.texts("entityRefs")?;
    if references.len() > limits::REST_REFS_MAX {
        return Err(invalid(format!("Malformed request, more than {} entityRefs", limits::REST_REFS_MAX)));
    }
    let (fields, fits) = (asked.fields()?, fits(asked)?.evaluate(index));
    let one = |reference: &String| {
        let reference = Ref::parse(reference, None, "default").map_err(invalid)?;
        let found = index.position(reference.as_str()).filter(|&at| fits.contains(at));
        Ok(found.map(|at| Part { entity: index.entity(at), fields: &fields }))
    };
    let items = references.iter().map(one).collect::<Result<_, ActionError>>()?;
    Answer::of(&Entities { items })
}

fn count(index: &Index, asked: &Asked) -> Answered {
    let mut facets = asked.list("facet");
    facets.extend(asked.texts("facets")?);
    if facets.is_empty() {
        return Err(invalid("Missing facet parameter".to_owned()));
    }
    let counted = counted::facets(index, &fits(asked)?, &facets).map_err(invalid)?;
    Answer::of(&json!({"facets": counted}))
}

/// `filter` and `query` together.
fn fits(asked: &Asked) -> Result<Predicate, ActionError> {
    let question = asked.question()?;
    let mut fits = vec![filter::parse(question.filters.iter().map(String::as_str)).map_err(invalid)?];
    if let Some(query) = &question.query {
        fits.push(Predicate::parse(query).map_err(invalid)?);
    }
    Ok(Predicate::All(fits))
}

fn named(index: &Index, (kind, namespace, name): &(String, String, String)) -> Result<Ref, ActionError> {
    let reference = Ref::new(kind, namespace, name);
    if index.position(reference.as_str()).is_none() {
        let short = |text: &str| text.chars().take(120).collect::<String>();
        let (kind, namespace, name) = (short(kind), short(namespace), short(name));
        return Err(ActionError::NotFound(format!(
            "No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
        )));
    }
    Ok(reference)
}
