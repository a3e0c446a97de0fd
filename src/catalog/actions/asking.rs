//! The actions that answer what [`super::super::answers`] knows, and the one that has the catalog read again.

use serde_json::{Value, json};

use super::super::answers::{ancestry, docs, facets, model, operations, owners, summary, validate};
use super::super::index::Index;
use super::super::predicate::Predicate;
use super::super::query::Query;
use super::super::{Catalog, schemas};
use super::{WRITE_SCOPE, find, reading, run, run_aside};
use crate::actions::{Action, ActionError, Effect, Outcome};
use crate::limits;

/// The permission that refreshing an entity asks for, by Backstage's name.
pub const REFRESH_PERMISSION: &str = "catalog.entity.refresh";

const SUMMARIZE: &str = "List what is in the catalog in few words, one line an entity, within a budget of tokens. Takes the same query and \
    fullTextFilter as catalog:query-catalog-entities. Start here to get an overview, then get single entities.";
const FACETS: &str = "Count the values of fields over the entities that a query finds: which types, lifecycles, tags or owners there are, \
    and how many of each. facets are dotted paths such as kind, spec.type, metadata.tags or relations.ownedBy.";
const OWNERS: &str = "Tell who owns an entity, down to people with their e-mail addresses, and up through the parents of the owning group \
    for whom to ask next. What has no owner is owned by who owns what it is part of.";
const APIS: &str = "Tell which APIs an entity provides and consumes, with the operations of each read from its definition (OpenAPI, \
    AsyncAPI, GraphQL, gRPC). Of a System: those of its parts.";
const ANCESTRY: &str = "Tell how an entity came into the catalog: the Locations that lead to its descriptor.";
const DOCS: &str = "Search the Markdown documentation of entities for pages that hold every word. Read a page that is found as a \
    resource by its uri.";
const VALIDATE: &str = "Check the text of a catalog-info.yaml: whether it is YAML, and whether the catalog would take it. Every fault is given.";
const MODEL: &str = "Describe the catalog's model in Markdown: kinds with their spec fields and how many there are, relations, and the \
    annotations, labels and tags in use.";
const REFRESH: &str = "Have an entity's descriptor read again now, so that a change just made to it can be seen. It is there a moment after \
    the answer.";

/// Every action here.
pub fn actions(catalog: &Catalog) -> Vec<Action> {
    let mut all = questions(catalog);
    let (summed, searched, refreshed) = (catalog.clone(), catalog.clone(), catalog.clone());
    all.push(reading(
        "catalog:summarize-entities",
        "Summarize Catalog Entities",
        SUMMARIZE,
        (schemas::summary_input(), schemas::summary_output()),
        run_aside(move |arguments| summarize(&summed.index(), &arguments)),
    ));
    all.push(reading(
        "catalog:search-docs",
        "Search Documentation",
        DOCS,
        (schemas::docs_input(), schemas::docs_output()),
        run_aside(move |arguments| search_docs(&searched.index(), &arguments)),
    ));
    all.push(Action {
        effect: Effect::Change,
        scope: Some(WRITE_SCOPE.to_owned()),
        permission: Some(REFRESH_PERMISSION.to_owned()),
        ..reading(
            "catalog:refresh-catalog-entity",
            "Refresh Catalog Entity",
            REFRESH,
            (schemas::refresh_input(), schemas::refresh_output()),
            run(move |_, arguments| {
                let index = refreshed.index();
                let at = find::from_arguments(&index, &arguments)?;
                refreshed.want_refresh();
                Ok(json!({"entityRef": index.reference(at).as_str()}))
            }),
        )
    });
    all
}

/// Those about one entity, and those about all.
fn questions(catalog: &Catalog) -> Vec<Action> {
    let of_one = |answer: fn(&Index, &str) -> Value| {
        let catalog = catalog.clone();
        // Some walk far through relations, or read long definitions.
        run_aside(move |arguments| {
            let index = catalog.index();
            let at = find::from_reference(&index, &arguments)?;
            Ok(answer(&index, index.reference(at).as_str()))
        })
    };
    let (counted, described) = (catalog.clone(), catalog.clone());
    vec![
        reading(
            "catalog:get-entity-owners",
            "Get Entity Owners",
            OWNERS,
            (schemas::reference_input(), schemas::owners_output()),
            of_one(owners::owners),
        ),
        reading(
            "catalog:get-entity-apis",
            "Get Entity APIs",
            APIS,
            (schemas::reference_input(), schemas::apis_output()),
            of_one(operations::apis),
        ),
        reading(
            "catalog:get-entity-ancestry",
            "Get Entity Ancestry",
            ANCESTRY,
            (schemas::reference_input(), schemas::ancestry_output()),
            of_one(told_ancestry),
        ),
        reading(
            "catalog:get-entity-facets",
            "Get Entity Facets",
            FACETS,
            (schemas::facets_input(), schemas::facets_output()),
            run_aside(move |arguments| count(&counted.index(), &arguments)),
        ),
        reading(
            "catalog:validate-entity",
            "Validate Catalog Entity",
            VALIDATE,
            (schemas::validate_input(), schemas::validate_output()),
            run_aside(|arguments| check(&arguments)),
        ),
        reading(
            "catalog:get-catalog-model-description",
            "Get a Catalog Model Description",
            MODEL,
            (schemas::who_am_i_input(), schemas::model_output()),
            run_aside(move |_| Ok(json!({"description": model::description(&described.index())}))),
        ),
    ]
}

fn told_ancestry(index: &Index, reference: &str) -> Value {
    let at = index.position(reference).unwrap_or_default();
    let all = ancestry::ancestry(index, index.reference(at));
    let item = |(entity, parents): &(super::Ref, Vec<super::Ref>)| {
        let parents: Vec<_> = parents.iter().map(super::Ref::as_str).collect();
        let place = &index.get(entity.as_str()).map(|it| it["metadata"]["annotations"].clone());
        let file = place.as_ref().and_then(|it| it["backstage.io/managed-by-location"].as_str());
        json!({"entityRef": entity.as_str(), "parentEntityRefs": parents, "location": file.unwrap_or_default()})
    };
    json!({"rootEntityRef": reference, "items": all.iter().map(item).collect::<Vec<_>>()})
}

fn summarize(index: &Index, arguments: &Value) -> Outcome {
    let tokens = whole(arguments, "tokenBudget").unwrap_or(limits::SUMMARY_TOKENS);
    let mut asked = arguments.clone();
    if let Value::Object(asked) = &mut asked {
        asked.shift_remove("tokenBudget");
        asked.insert("limit".to_owned(), json!(limits::ENTITIES_PAGE_MAX));
    }
    let query = Query::from_arguments(&asked).map_err(ActionError::InvalidInput)?;
    summary::summary(index, &query, tokens.min(limits::SUMMARY_TOKENS_MAX)).map_err(ActionError::InvalidInput)
}

fn search_docs(index: &Index, arguments: &Value) -> Outcome {
    let term = arguments["term"].as_str().unwrap_or_default();
    if term.trim().is_empty() {
        return Err(ActionError::InvalidInput("term must have a word to search for".to_owned()));
    }
    let (bytes, words) = (limits::FULL_TEXT_BYTES_MAX, limits::FULL_TEXT_WORDS_MAX);
    if term.len() > bytes || term.split_whitespace().count() > words {
        // Each word costs a pass over every page.
        return Err(ActionError::InvalidInput(format!(
            "term: at most {words} words in {bytes} bytes are searched"
        )));
    }
    let of = match arguments.get("entityRef") {
        Some(_) => Some(find::from_reference(index, arguments)?),
        None => None,
    };
    let of = of.map(|at| index.reference(at).as_str());
    let limit = whole(arguments, "limit").unwrap_or(limits::DOCS_FOUND).min(limits::DOCS_FOUND_MAX);
    Ok(docs::search(index, term, of, limit))
}

fn count(index: &Index, arguments: &Value) -> Outcome {
    let fits = match arguments.get("query") {
        None | Some(Value::Null) => Predicate::All(Vec::new()),
        Some(query) => Predicate::parse(query).map_err(ActionError::InvalidInput)?,
    };
    let asked = arguments["facets"].as_array().into_iter().flatten();
    let asked: Vec<String> = asked.filter_map(|it| it.as_str().map(str::to_owned)).collect();
    let counted = facets::facets(index, &fits, &asked).map_err(ActionError::InvalidInput)?;
    Ok(json!({"facets": counted}))
}

fn check(arguments: &Value) -> Outcome {
    if let Some(location) = arguments.get("location").and_then(Value::as_str)
        && url::Url::parse(location).is_err()
    {
        let location = super::super::excerpt(location);
        return Err(ActionError::InvalidInput(format!("{location} is an invalid URL")));
    }
    Ok(validate::validate(arguments["entity"].as_str().unwrap_or_default()))
}

fn whole(arguments: &Value, name: &str) -> Option<usize> {
    arguments.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
}
