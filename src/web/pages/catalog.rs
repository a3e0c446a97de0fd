//! The search of the catalog: words, filters with how many each would find, and a page of entities.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::app::App;
use crate::catalog::answers::{facets, related};
use crate::catalog::cursor::{Cursor, Direction, FullText, OrderField, Question};
use crate::catalog::index::Index;
use crate::catalog::query::{Asked as Wanted, Query};
use crate::catalog::set::Set;
use crate::limits;
use crate::web::page::{self, Answer, Fields, Frame, Visit};
use crate::web::seen::Reader;
use crate::web::stranger::{self, Named};
use crate::web::{session, way_back};

/// What can be filtered by: the name in the form, in words, and what an entity says it under.
const FILTERS: [(&str, &str, &str); 5] = [
    ("kind", "Kind", "kind"),
    ("type", "Type", "spec.type"),
    ("owner", "Owner", "relations.ownedBy"),
    ("lifecycle", "Lifecycle", "spec.lifecycle"),
    ("tag", "Tag", "metadata.tags"),
];

#[derive(Template)]
#[template(path = "catalog.html")]
struct Page {
    frame: Frame,
    text: String,
    filters: Vec<Filter>,
    is_narrowed: bool,
    found: Found,
    query: String,
    is_first: bool,
}

struct Filter {
    name: &'static str,
    label: &'static str,
    choices: Vec<Choice>,
}

struct Choice {
    value: String,
    label: String,
    count: usize,
    is_chosen: bool,
}

#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    total: usize,
    next: String,
    problem: String,
}

struct Row {
    named: Named,
    facts: Vec<String>,
    owner: Option<Named>,
    about: String,
}

/// What was asked, as it was typed.
#[derive(Clone, Debug, Default)]
struct Asked {
    text: String,
    values: [String; FILTERS.len()],
    cursor: String,
}

/// `GET /catalog`.
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let reader = Reader::of(&app, &session).await;
    let asked = Asked::of(&Fields::of(query.unwrap_or_default().as_bytes()));
    let (index, searched) = (reader.index, asked.clone());
    // Counting reads every entity: not on the threads that answer others.
    let answered = tokio::task::spawn_blocking(move || {
        let found = searched.find(&index).unwrap_or_else(|problem| Found { problem, ..Found::default() });
        (found, searched.filters(&index).unwrap_or_default())
    });
    let (found, filters) = answered.await.map_err(|_| page::Problem::Busy)?;
    let status = if found.problem.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = Page {
        frame: Frame::of(&app.config),
        is_narrowed: !asked.parameters().is_empty(),
        query: asked.parameters(),
        is_first: asked.cursor.is_empty(),
        text: asked.text,
        filters,
        found,
    };
    Ok(page::html(status, &page))
}

impl Asked {
    fn of(fields: &Fields) -> Self {
        let value = |name: &str| fields.get(name).trim().to_owned();
        Self { text: value("q"), values: FILTERS.map(|(name, ..)| value(name)), cursor: value("cursor") }
    }

    /// The question again, as part of a URL.
    fn parameters(&self) -> String {
        let mut url = url::form_urlencoded::Serializer::new(String::new());
        let all = std::iter::once(("q", &self.text)).chain(FILTERS.iter().map(|it| it.0).zip(&self.values));
        url.extend_pairs(all.filter(|(_, value)| !value.is_empty()));
        url.finish()
    }

    /// The question, but for one of its filters where `without` names it.
    fn question(&self, without: Option<usize>) -> Question {
        let mut query = Map::new();
        for (at, ((_, _, field), value)) in FILTERS.iter().zip(&self.values).enumerate() {
            if !value.is_empty() && Some(at) != without {
                query.insert((*field).to_owned(), Value::String(value.clone()));
            }
        }
        let name = || OrderField { field: "metadata.name".to_owned(), order: Direction::Asc };
        Question {
            query: Some(Value::Object(query)),
            filters: Vec::new(),
            order_fields: if self.text.is_empty() { vec![name()] } else { Vec::new() },
            full_text_filter: (!self.text.is_empty())
                .then(|| FullText { term: self.text.clone(), fields: Vec::new() }),
        }
    }

    fn find(&self, index: &Index) -> Result<Found, String> {
        let question = self.question(None);
        // A place in the answer to another question is the beginning of this one.
        let cursor = Cursor::decode(&self.cursor).ok().filter(|cursor| cursor.question == question);
        let wanted = Wanted {
            question,
            cursor: cursor.map(|_| self.cursor.clone()),
            limit: limits::CATALOG_PAGE_ROWS,
            ..Wanted::default()
        };
        let page = Query::of(wanted)?.run(index)?;
        let rows = page.items.iter().map(|entity| row(index, entity)).collect();
        let next = page.next.map(|cursor| {
            let mut url = url::form_urlencoded::Serializer::new(self.parameters());
            url.append_pair("cursor", &cursor).finish()
        });
        Ok(Found { rows, total: page.total, next: next.unwrap_or_default(), problem: String::new() })
    }

    /// Each filter with what could be chosen in it, beside what is chosen in the others.
    fn filters(&self, index: &Index) -> Result<Vec<Filter>, String> {
        let words = Self { text: self.text.clone(), ..Self::default() };
        let words = Query::new(words.question(None))?.set(index)?;
        let only = |without: usize| -> Result<Set, String> {
            let mut alone = self.question(Some(without));
            alone.full_text_filter = None;
            let mut set = Query::new(alone)?.set(index)?;
            set.intersect(&words);
            Ok(set)
        };
        let one = |(at, (name, label, field)): (usize, &(&'static str, &'static str, &str))| {
            let counted = facets::counted(index, &only(at)?, field);
            Ok(Filter { name, label, choices: choices(index, name, counted, &self.values[at]) })
        };
        FILTERS.iter().enumerate().map(one).collect()
    }
}

fn choices(index: &Index, filter: &str, counted: Vec<(String, usize)>, chosen: &str) -> Vec<Choice> {
    let is_chosen = |value: &str| !chosen.is_empty() && value.eq_ignore_ascii_case(chosen);
    let choice = |(value, count): (String, usize)| {
        let label = match filter {
            "owner" => Named::new(&value, index.get(&value).map(AsRef::as_ref)).title,
            _ => stranger::title(&value),
        };
        Choice { label, count, is_chosen: is_chosen(&value), value }
    };
    let mut all: Vec<Choice> = counted.into_iter().map(choice).collect();
    // What is chosen stays in sight, though nothing fits it.
    let rare = all.iter().skip(limits::CATALOG_CHOICES_MAX).position(|it| it.is_chosen);
    let rare = rare.map(|at| all.remove(at + limits::CATALOG_CHOICES_MAX));
    all.truncate(limits::CATALOG_CHOICES_MAX);
    all.extend(rare);
    if !chosen.is_empty() && !all.iter().any(|it| it.is_chosen) {
        all.push(Choice {
            value: chosen.to_owned(),
            label: stranger::title(chosen),
            count: 0,
            is_chosen: true,
        });
    }
    all
}

fn row(index: &Index, entity: &Value) -> Row {
    let text = |value: &Value| value.as_str().map(stranger::title).unwrap_or_default();
    let reference = entity.as_object().and_then(|it| crate::catalog::relation::Ref::of(it).ok());
    let reference = reference.map(|it| it.to_string()).unwrap_or_default();
    let mut facts =
        vec![text(&entity["kind"]), text(&entity["spec"]["type"]), text(&entity["spec"]["lifecycle"])];
    facts.retain(|fact| !fact.is_empty());
    let about = entity["metadata"]["description"].as_str().unwrap_or_default();
    Row {
        named: Named::new(&reference, Some(entity)),
        facts,
        owner: related(entity, "ownedBy").next().map(|to| Named::new(to, index.get(to).map(AsRef::as_ref))),
        about: stranger::line(about, limits::SUMMARY_TEXT_CHARS),
    }
}
