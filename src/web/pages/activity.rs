//! What you did here, and what was done in your name: the rows of the audit log that name you, newest first.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;

use crate::app::App;
use crate::store::audit_pages::{Cursor, Filter};
use crate::web::happened;
use crate::web::page::{self, Answer, Fields, Frame, Visit};
use crate::web::{session, way_back};
use crate::{limits, store};

#[derive(Template)]
#[template(path = "activity.html")]
struct Page {
    frame: Frame,
    rows: Vec<Line>,
    /// Where the next page begins; empty on the last.
    older: String,
    is_first: bool,
}

struct Line {
    at: String,
    what: String,
    tool: String,
    client: String,
    outcome: String,
}

/// `GET /account/activity`.
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let filter = Filter { actor: session.user.id.clone(), without_begun: true, ..Filter::default() };
    // A place that is none is the beginning: nothing can be seen by it but one's own.
    let after: Option<Cursor> = fields.get("older").parse().ok();
    let found = store::audit_pages::page(&app.store, &filter, after.as_ref(), limits::HAPPENED_ROWS).await?;
    let names = store::clients::names(&app.store, &happened::clients(&found)).await?;
    let title = |id: &str| app.actions.find(id).map(|action| action.title.clone());
    let is_full = found.len() as i64 == limits::HAPPENED_ROWS;
    let older = found.last().filter(|_| is_full).map(|last| last.after.to_string()).unwrap_or_default();
    let line = |found: &store::audit_pages::Found| Line {
        at: page::moment(found.row.occurred_at),
        what: happened::words(&found.row.event).to_owned(),
        tool: happened::tool(found, title),
        client: happened::client(found, &names),
        outcome: happened::outcome(found),
    };
    let rows = found.iter().map(line).collect();
    let page = Page { frame: Frame::of(&app.config), rows, older, is_first: after.is_none() };
    Ok(page::html(StatusCode::OK, &page))
}
