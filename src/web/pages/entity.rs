//! One entity: who owns it, what it is connected with, its APIs, and what an assistant could do with it. Everything on
//! this page was written by whoever wrote a descriptor, so all of it goes through [`stranger`].

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use super::scorecard::{self, Standing};
use crate::actions::{Action, Effect, safe_name};
use crate::app::App;
use crate::catalog::answers::{self, operations, owners};
use crate::catalog::index::Index;
use crate::catalog::relation::Ref;
use crate::insights::answers::{self as scored, Wanted};
use crate::insights::results::Results;
use crate::limits;
use crate::web::graph::{self, Graph};
use crate::web::page::{self, Answer, Frame, Problem, Told, Visit};
use crate::web::seen::Reader;
use crate::web::stranger::{self, Named};
use crate::web::{session, way_back};

#[derive(Template)]
#[template(path = "entity.html")]
struct Page {
    frame: Frame,
    told: Facts,
    standings: Vec<Standing>,
    tools: Vec<Tool>,
}

/// What there is to say about an entity.
struct Facts {
    title: String,
    reference: String,
    path: String,
    kind: String,
    facts: Vec<(&'static str, String)>,
    about: String,
    owners: Vec<Owner>,
    inherited: Option<Named>,
    links: Vec<Link>,
    graph: Option<Graph>,
    groups: Vec<Group>,
    apis: Vec<Api>,
    definition: Option<Source>,
    tags: Vec<String>,
    marks: Vec<(String, String)>,
    descriptor: Source,
    problems: Vec<String>,
}

struct Owner {
    named: Named,
    people: Vec<(Named, String)>,
    parents: Vec<Named>,
}

struct Link {
    /// Empty where it leads nowhere that a page may lead.
    href: String,
    host: String,
    title: String,
}

struct Group {
    words: String,
    named: Vec<Named>,
    more: usize,
}

struct Api {
    named: Named,
    is_itself: bool,
    operations: Vec<(String, String, String)>,
    more: usize,
}

struct Source {
    text: String,
    is_whole: bool,
    place: String,
}

struct Tool {
    title: String,
    name: String,
    effect: &'static str,
    scope: String,
    example: String,
}

type Name = Path<(String, String, String)>;

/// `GET /catalog/{kind}/{namespace}/{name}`.
pub async fn show(State(app): State<App>, Path((kind, namespace, name)): Name, visit: Visit) -> Answer {
    let reference = Ref::new(&kind, &namespace, &name);
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let reader = Reader::of(&app, &session).await;
    let Some(entity) = reader.index.get(reference.as_str()).cloned() else { return Err(gone()) };
    let (index, named) = (reader.index.clone(), reference.clone());
    let shown = entity.clone();
    // Definitions are parsed for their operations: not on the threads that answer others.
    let insights = app.insights.clone();
    let told = tokio::task::spawn_blocking(move || {
        (facts(&index, &named, &shown), standings(&insights.results(), &index, &named))
    });
    let (told, standings) = told.await.map_err(|_| Problem::Busy)?;
    let tools = tools(&app, &reader, &reference);
    let page = Page { frame: Frame::of(&app.config), told, standings, tools };
    Ok(page::html(StatusCode::OK, &page))
}

/// `GET /catalog/{kind}/{namespace}/{name}/definition`: the definition of an API as it was written, and as nothing that a
/// browser would run.
pub async fn definition(State(app): State<App>, Path((kind, namespace, name)): Name, visit: Visit) -> Answer {
    let reference = Ref::new(&kind, &namespace, &name);
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let reader = Reader::of(&app, &session).await;
    let text = reader
        .index
        .get(reference.as_str())
        .and_then(|it| it["spec"]["definition"].as_str().map(str::to_owned));
    text.map(as_text).ok_or_else(gone)
}

fn as_text(text: String) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// What is not there, and what this person may not read, look the same.
fn gone() -> Problem {
    Told::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "There is no such entity",
        "The catalog has nothing by this name that you may read.",
        "Look for it in the catalog.",
    )
    .into()
}

fn facts(index: &Index, reference: &Ref, entity: &Value) -> Facts {
    let text = |value: &Value| value.as_str().map(stranger::title).unwrap_or_default();
    let (spec, metadata) = (&entity["spec"], &entity["metadata"]);
    let mut facts = vec![("Type", text(&spec["type"])), ("Lifecycle", text(&spec["lifecycle"]))];
    facts.push(("E-mail", text(&spec["profile"]["email"])));
    facts.retain(|(_, value)| !value.is_empty());
    let about = metadata["description"].as_str().unwrap_or_default();
    let about: String = about.chars().take(limits::ENTITY_TEXT_CHARS).collect();
    let (owners, inherited) = owned(index, reference, entity);
    let tags = metadata["tags"].as_array().into_iter().flatten();
    Facts {
        title: stranger::title(answers::title(entity)),
        reference: stranger::title(reference.as_str()),
        path: stranger::entity_path(reference),
        kind: text(&entity["kind"]),
        facts,
        about: page::plain(about.trim()),
        owners,
        inherited,
        links: links(metadata),
        graph: graph::draw(index, entity),
        groups: groups(index, entity),
        apis: apis(index, reference),
        definition: spec["definition"]
            .as_str()
            .filter(|_| entity["kind"] == "API")
            .map(|text| source(text, String::new())),
        tags: tags.take(limits::ENTITY_ROWS_MAX).map(text).collect(),
        marks: marks(metadata),
        descriptor: descriptor(index, reference, entity),
        problems: problems(index, entity),
    }
}

fn owned(index: &Index, reference: &Ref, entity: &Value) -> (Vec<Owner>, Option<Named>) {
    // A group and a person own, and are not owned.
    if ["Group", "User"].iter().any(|kind| entity["kind"] == *kind) {
        return (Vec::new(), None);
    }
    let told = owners::owners(index, reference.as_str());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let named = |one: &Value| name(index, one["entityRef"].as_str().unwrap_or_default());
    let person = |one: &Value| (named(one), one["email"].as_str().map(stranger::title).unwrap_or_default());
    let owner = |one: &Value| Owner {
        named: named(one),
        people: list(&one["people"]).iter().take(limits::ENTITY_ROWS_MAX).map(person).collect(),
        parents: list(&one["parents"]).iter().take(limits::ENTITY_ROWS_MAX).map(named).collect(),
    };
    let inherited = told["inheritedFrom"].as_str().map(|from| name(index, from));
    (list(&told["owners"]).iter().take(limits::ENTITY_ROWS_MAX).map(owner).collect(), inherited)
}

fn name(index: &Index, reference: &str) -> Named {
    Named::new(reference, index.get(reference).map(AsRef::as_ref))
}

fn links(metadata: &Value) -> Vec<Link> {
    let all = metadata["links"].as_array().into_iter().flatten().take(limits::ENTITY_ROWS_MAX);
    let one = |link: &Value| {
        let url = link["url"].as_str().unwrap_or_default();
        let (href, host) = stranger::web(url).unwrap_or_default();
        let said = stranger::title(link["title"].as_str().unwrap_or(url));
        Link { title: if said.is_empty() { stranger::title(url) } else { said }, href, host }
    };
    all.map(one).collect()
}

fn groups(index: &Index, entity: &Value) -> Vec<Group> {
    let all = entity["relations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut kinds: Vec<&str> = all.iter().filter_map(|it| it["type"].as_str()).collect();
    kinds.sort_by_key(|kind| (graph::rank(kind), *kind));
    kinds.dedup();
    let group = |kind: &str| {
        let targets: Vec<&str> = answers::related(entity, kind).collect();
        let (said, shown) = (graph::words(kind), targets.len().min(limits::ENTITY_RELATED_MAX));
        Group {
            words: said.map_or_else(|| stranger::title(kind), str::to_owned),
            named: targets[..shown].iter().map(|target| name(index, target)).collect(),
            more: targets.len() - shown,
        }
    };
    kinds.into_iter().take(limits::ENTITY_ROWS_MAX).map(group).collect()
}

fn apis(index: &Index, reference: &Ref) -> Vec<Api> {
    let told = operations::apis(index, reference.as_str());
    let line = |value: &Value| value.as_str().map(stranger::title).unwrap_or_default();
    let one = |api: &Value| {
        let of = api["entityRef"].as_str().unwrap_or_default();
        let is_itself = of == reference.as_str();
        let most = if is_itself { limits::ENTITY_OPERATIONS_MAX } else { limits::ENTITY_ROWS_MAX / 4 };
        let all = api["operations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let shown =
            all.iter().take(most).map(|it| (line(&it["method"]), line(&it["path"]), line(&it["summary"])));
        let total = api["totalOperations"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        Api {
            named: name(index, of),
            is_itself,
            more: total.saturating_sub(all.len().min(most)),
            operations: shown.collect(),
        }
    };
    told["provides"].as_array().into_iter().flatten().map(one).collect()
}

fn marks(metadata: &Value) -> Vec<(String, String)> {
    let of = |what: &str| metadata[what].as_object().cloned().unwrap_or_default();
    let all = of("labels").into_iter().chain(of("annotations"));
    let one = |(key, value): (String, Value)| {
        (stranger::title(&key), stranger::title(value.as_str().map_or(&value.to_string(), |text| text)))
    };
    all.take(limits::ENTITY_ROWS_MAX).map(one).collect()
}

/// The entity itself, without what the page shows elsewhere. Never the file: others may be described in it too.
fn descriptor(index: &Index, reference: &Ref, entity: &Value) -> Source {
    let mut own = entity.clone();
    if let Some(root) = own.as_object_mut() {
        root.shift_remove("relations");
        root.shift_remove("status");
    }
    if let Some(spec) = own.get_mut("spec").and_then(Value::as_object_mut) {
        spec.entry("definition").and_modify(|it| *it = Value::String("(see the definition)".to_owned()));
        if spec.get("definition").is_some_and(Value::is_null) {
            spec.shift_remove("definition");
        }
    }
    let text = serde_json::to_string_pretty(&own).unwrap_or_default();
    let file = index.source(reference.as_str()).map(|(_, file)| stranger::title(file));
    source(&text, file.unwrap_or_default())
}

fn source(text: &str, place: String) -> Source {
    let (text, is_whole) = stranger::text(text, limits::ENTITY_SOURCE_BYTES);
    Source { text, is_whole, place }
}

fn problems(index: &Index, entity: &Value) -> Vec<String> {
    let status = entity["status"]["items"].as_array().into_iter().flatten();
    let mut all: Vec<String> = status
        .filter_map(|item| item["message"].as_str())
        .map(|why| {
            format!("This is the last good version. {}", stranger::line(why, limits::ENTITY_TEXT_CHARS))
        })
        .collect();
    let relations = entity["relations"].as_array().into_iter().flatten();
    let targets =
        relations.filter_map(|it| it["targetRef"].as_str()).filter(|target| index.get(target).is_none());
    all.extend(targets.map(|target| {
        format!("It refers to {}, which is not in the catalog that you can see.", stranger::short(target))
    }));
    all.truncate(limits::ENTITY_ROWS_MAX);
    all
}

/// How it stands in each scorecard that is for it.
fn standings(results: &Results, index: &Index, reference: &Ref) -> Vec<Standing> {
    let wanted =
        Wanted { entity: Some(reference.to_string()), limit: limits::SCORECARDS_MAX, ..Wanted::default() };
    let page = scored::page(results, index, &wanted);
    let one = |line: &scored::Line<'_>| {
        let card = &line.judged.card;
        let (path, title) = (format!("/catalog/scorecards/{}", card.id), stranger::title(&card.title));
        scorecard::standing((results, index), line, Named { path, title, reference: String::new() })
    };
    page.lines.iter().map(one).collect()
}

/// The actions that take this entity, as their input says, and that this person's assistant could call.
fn tools(app: &App, reader: &Reader, reference: &Ref) -> Vec<Tool> {
    let (kind, namespace, name) = (reference.kind(), reference.namespace(), reference.name());
    let takes = |action: &Action| {
        let has = |name: &str| action.input["properties"][name].is_object();
        let given: Vec<(&str, &str)> = if has("entityRef") {
            vec![("entityRef", reference.as_str())]
        } else if has("templateRef") && kind == "template" {
            vec![("templateRef", reference.as_str())]
        } else if has("name") && has("kind") && has("namespace") {
            vec![("kind", kind), ("namespace", namespace), ("name", name)]
        } else {
            return None;
        };
        let required = action.input["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let lacks = required.into_iter().any(|name| given.iter().all(|(known, _)| *known != name));
        let members: Vec<String> =
            given.iter().map(|(name, value)| format!("\"{name}\": \"{value}\"")).collect();
        Some(format!("{{{}{}}}", members.join(", "), if lacks { ", …" } else { "" }))
    };
    let tool = |action: &std::sync::Arc<Action>| {
        let example = takes(action).filter(|_| reader.may_call(action))?;
        let effect = match action.effect {
            Effect::Read => "reads",
            Effect::Change => "changes",
            Effect::Delete => "may delete",
        };
        let scope = action.scope.clone().unwrap_or_default();
        Some(Tool { title: action.title.clone(), name: safe_name(&action.id), effect, scope, example })
    };
    app.actions.all().iter().filter_map(tool).take(limits::ENTITY_ROWS_MAX).collect()
}
