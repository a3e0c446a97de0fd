//! What happened, for an administrator: newest first, narrowed by the address of the page, and the same as a file.

use std::collections::HashMap;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse as _;
use futures_util::stream;
use http::{StatusCode, header};
use serde_json::json;

use super::admin::administrator;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::user::{Email, User};
use crate::store::audit_pages::{Cursor, Filter, Found};
use crate::web::happened;
use crate::web::page::{self, Answer, Fields, Frame, Visit};
use crate::{limits, store};

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    /// As typed, so that the form shows it again.
    typed: Typed,
    /// The same as a query, for links.
    query: String,
    problem: &'static str,
    rows: Vec<Line>,
    older: String,
    is_first: bool,
    is_narrowed: bool,
}

#[derive(Default)]
struct Typed {
    event: String,
    user: String,
    client: String,
    request: String,
}

struct Line {
    at: String,
    event: String,
    words: String,
    outcome: String,
    actor: String,
    actor_id: String,
    client: String,
    client_id: String,
    request_id: String,
    detail: String,
}

/// `GET /admin/audit`.
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    if let Err(answer) = administrator(&app, &visit).await? {
        return answer;
    }
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let typed = Typed::of(&fields);
    let after: Option<Cursor> = fields.get("older").parse().ok();
    let filter = typed.filter(&app).await?;
    let found = match &filter {
        Some(filter) => {
            store::audit_pages::page(&app.store, filter, after.as_ref(), limits::HAPPENED_ROWS).await?
        }
        None => Vec::new(),
    };
    let clients = store::clients::names(&app.store, &happened::clients(&found)).await?;
    let people = people(&app, &found).await?;
    let is_full = found.len() as i64 == limits::HAPPENED_ROWS;
    let page = Page {
        frame: Frame::of(&app.config),
        query: typed.query(),
        is_narrowed: !typed.query().is_empty(),
        problem: if filter.is_none() { "Nobody signs in with that address." } else { "" },
        typed,
        older: found.last().filter(|_| is_full).map(|last| last.after.to_string()).unwrap_or_default(),
        rows: found.into_iter().map(|found| line(&found, &people, &clients)).collect(),
        is_first: after.is_none(),
    };
    Ok(page::html(StatusCode::OK, &page))
}

/// `GET /admin/audit.jsonl`: every row that the same filters let through, a line each, written as it is read.
pub async fn export(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let typed = Typed::of(&Fields::of(query.unwrap_or_default().as_bytes()));
    let Some(filter) = typed.filter(&app).await? else { return page::see_other("/admin/audit") };
    let fact = Fact {
        event: "audit.exported",
        actor: Some(session.user.id),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"event": filter.event, "actor": filter.actor, "client": filter.client_id,
            "request": filter.request_id}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let lines = stream::try_unfold((app, filter, None, false), async |(app, filter, after, is_over)| {
        if is_over {
            return Ok::<_, store::Error>(None);
        }
        let rows = store::audit_pages::page(&app.store, &filter, after.as_ref(), limits::EXPORT_ROWS).await?;
        let is_over = (rows.len() as i64) < limits::EXPORT_ROWS;
        let text: String = rows.iter().map(|found| format!("{}\n", found.json())).collect();
        let after = rows.last().map(|last| last.after.clone());
        Ok(Some((text, (app, filter, after, is_over))))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

impl Typed {
    fn of(fields: &Fields) -> Self {
        let get = |name| fields.get(name).trim().to_owned();
        Self { event: get("event"), user: get("user"), client: get("client"), request: get("request") }
    }

    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let pairs = [
            ("event", &self.event),
            ("user", &self.user),
            ("client", &self.client),
            ("request", &self.request),
        ];
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }

    /// `None` where nobody has the address that was typed.
    async fn filter(&self, app: &App) -> store::Result<Option<Filter>> {
        let mut actor = self.user.clone();
        if let Ok(email) = Email::parse(&self.user) {
            let Some(user) = store::users::find_by_email(&app.store, &email).await? else { return Ok(None) };
            actor = user.id;
        }
        Ok(Some(Filter {
            event: self.event.clone(),
            actor,
            client_id: self.client.clone(),
            request_id: self.request.clone(),
            ..Filter::default()
        }))
    }
}

async fn people(app: &App, found: &[Found]) -> store::Result<HashMap<String, User>> {
    let mut ids: Vec<String> = found.iter().filter_map(|found| found.row.actor.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let people = store::users::find_all(&app.store, &ids).await?;
    Ok(people.into_iter().map(|user| (user.id.clone(), user)).collect())
}

fn line(found: &Found, people: &HashMap<String, User>, clients: &HashMap<String, String>) -> Line {
    let row = &found.row;
    let words = happened::words(&row.event);
    let actor_id = row.actor.clone().unwrap_or_default();
    Line {
        at: row.occurred_at.rfc3339(),
        words: if words == row.event { String::new() } else { words.to_owned() },
        event: row.event.clone(),
        outcome: happened::outcome(found),
        actor: people.get(&actor_id).map_or_else(|| actor_id.clone(), |user| user.email.clone()),
        actor_id,
        client: happened::client(found, clients),
        client_id: row.client_id.clone().unwrap_or_default(),
        request_id: row.request_id.clone().unwrap_or_default(),
        detail: match row.detail.as_str() {
            "null" | "{}" | "" => String::new(),
            detail => page::plain(detail),
        },
    }
}
