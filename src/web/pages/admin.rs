//! Every client at one glance, for an administrator, and the way to end one everywhere.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::waiting::{self, Waiting};
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::identity::session::Session;
use crate::oauth::client::{Client, ClientKind};
use crate::store;
use crate::store::clients::ClientRow;
use crate::store::events::Event;
use crate::store::grants::Standing;
use crate::web::logos;
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::session;

const PURPOSE: &str = "admin-revoke";

#[derive(Template)]
#[template(path = "admin.html")]
struct Page {
    frame: Frame,
    csrf: String,
    rows: Vec<Line>,
    /// Clients that wait to be let in.
    waiting: Vec<Waiting>,
    waiting_csrf: String,
    /// The client whose end is asked for and not yet confirmed.
    asked: Option<Line>,
}

/// A client as the table shows it.
struct Line {
    id: String,
    name: String,
    /// Where we serve its picture.
    logo: Option<String>,
    /// What stands in its place.
    initial: String,
    kind: &'static str,
    host: String,
    state: &'static str,
    is_revoked: bool,
    users: i64,
    grants: i64,
    last_used: String,
}

/// What the address of the page may say.
#[derive(Deserialize)]
pub struct Asked {
    /// The client whose end is to be confirmed.
    revoke: Option<String>,
}

/// `GET /admin`.
pub async fn show(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Answer {
    if let Err(answer) = administrator(&app, &visit).await? {
        return answer;
    }
    let standings = store::grants::standings(&app.store, visit.now).await?;
    let line = |row: ClientRow| {
        let standing = standings.iter().find(|standing| standing.client_id == row.client.id);
        line(row, standing)
    };
    let clients = store::clients::list(&app.store).await?;
    let known: Vec<&Client> = clients.iter().map(|row| &row.client).collect();
    let waiting = waiting::lines(&app, &known).await?;
    let logos = logos::places(&app, &known).await?;
    let with_logo = |(row, logo): (ClientRow, Option<String>)| Line { logo, ..line(row) };
    let rows: Vec<Line> = clients.into_iter().zip(logos).map(with_logo).collect();
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let chosen = asked.revoke.and_then(|id| rows.iter().position(|row| row.id == id && !row.is_revoked));
    let mut rows = rows;
    let asked = chosen.map(|index| rows.remove(index));
    let csrf = browser.proof(PURPOSE).reveal().to_owned();
    let waiting_csrf = browser.proof(waiting::PURPOSE).reveal().to_owned();
    let page = Page { frame: Frame::of(&app.config), csrf, rows, waiting, waiting_csrf, asked };
    Ok((jar, page::html(StatusCode::OK, &page)).into_response())
}

/// `POST /admin/revoke`: ends a client for good, with every grant and token it has, on every node.
pub async fn revoke(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let id = fields.get("client_id").to_owned();
    // On record first: what cannot be recorded does not happen.
    let fact = Fact {
        event: "client.revoked",
        actor: Some(session.user.id),
        client_id: Some(id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut tx = app.store.begin().await?;
    let ended = store::clients::revoke(&mut tx, &app.store, &id, "admin", visit.now).await?;
    tx.commit().await?;
    app.store.tell(Event::ClientRevoked(id));
    if ended.is_none() {
        let next = "Go back to the list; it shows how things stand.";
        let what = "There is no such client, or somebody ended it before you.";
        return Err(Told::new(StatusCode::NOT_FOUND, "no_such_client", "Nothing to end", what, next).into());
    }
    page::see_other("/admin")
}

/// The session, if it is an administrator's. A stranger is asked to sign in, anybody else learns only that this is not
/// for them.
///
/// # Errors
/// [`Problem::Fault`].
pub async fn administrator(app: &App, visit: &Visit) -> Result<Result<Session, Answer>, Problem> {
    Ok(match session::current(app, visit).await? {
        Some(session) if session.user.is_admin() => Ok(session),
        Some(_) => {
            let what = "This page is for administrators of this server.";
            let next = "Ask one of them, or sign in with another account.";
            Err(Err(Told::new(
                StatusCode::FORBIDDEN,
                "not_an_administrator",
                "Not for this account",
                what,
                next,
            )
            .into()))
        }
        None => Err(page::see_other("/login")),
    })
}

fn line(row: ClientRow, standing: Option<&Standing>) -> Line {
    let ClientRow { client, used_at, .. } = row;
    let (is_revoked, is_suspended) = (client.revoked_at.is_some(), client.suspended_at.is_some());
    Line {
        name: page::shown(&client.name),
        logo: None,
        initial: page::initial(&client.name),
        kind: match client.kind {
            ClientKind::PreRegistered => "Registered by an admin",
            ClientKind::Described => "Described by its document",
            ClientKind::SelfRegistered => "Registered itself",
        },
        host: client.host().unwrap_or_default(),
        state: if is_revoked {
            "Ended"
        } else if is_suspended {
            "Suspended"
        } else {
            "Active"
        },
        is_revoked,
        users: standing.map_or(0, |standing| standing.users),
        grants: standing.map_or(0, |standing| standing.grants),
        last_used: used_at.map_or("never".to_owned(), Time::rfc3339),
        id: client.id,
    }
}
