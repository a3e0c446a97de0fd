//! Every client at one glance, for an administrator, and the way to end one everywhere.

use askama::Template;
use axum::extract::{RawQuery, State as Given};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::client;
use super::waiting::{self, Waiting};
use crate::access::personal;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::oauth::client::{Client, ClientKind, ClientState};
use crate::store::client_pages::{Place, Search};
use crate::store::clients::ClientRow;
use crate::store::events::Event;
use crate::store::grants::Holders;
use crate::web::logos;
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::{clients, session, way_back};
use crate::{limits, store};

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
    typed: Typed,
    is_narrowed: bool,
    /// What the next page's address says besides; empty on the last.
    after: String,
}

/// What was looked for, so that the form shows it again.
struct Typed {
    kind: String,
    state: String,
    text: String,
}

/// A client as the table shows it.
struct Line {
    id: String,
    /// Its own page.
    page: String,
    name: String,
    /// Where we serve its picture.
    logo: Option<String>,
    /// What stands in its place.
    initial: String,
    kind: &'static str,
    host: String,
    state: &'static str,
    is_revoked: bool,
    /// It is what every personal access token hangs on: a switch, which is not ended.
    is_switch: bool,
    users: i64,
    grants: i64,
    last_used: String,
}

/// `GET /admin`: the address says what is looked for, so that it can be shared.
pub async fn show(Given(app): Given<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    if let Err(answer) = administrator(&app, &visit).await? {
        return answer;
    }
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let get = |name| fields.get(name).trim().to_owned();
    let typed = Typed { kind: get("kind"), state: get("state"), text: get("text") };
    let chosen = store::clients::find_row(&app.store, fields.get("revoke")).await?;
    let chosen = chosen.filter(|row| row.client.revoked_at.is_none() && row.client.id != personal::CLIENT_ID);
    let asked_id = chosen.as_ref().map(|row| row.client.id.clone());
    let limit = limits::LISTED_ROWS;
    let mut clients =
        store::client_pages::search(&app.store, &typed.search(), place(&fields).as_ref(), limit).await?;
    let is_full = clients.len() as i64 == limit;
    let last = clients.last().filter(|_| is_full).map(|row| (&row.client.registered_at, &row.client.id));
    let after = last.map(|(at, id)| typed.query(&at.micros().to_string(), id)).unwrap_or_default();
    clients.retain(|row| asked_id.as_ref() != Some(&row.client.id));
    clients.extend(chosen);
    let ids: Vec<String> = clients.iter().map(|row| row.client.id.clone()).collect();
    let holders = store::client_pages::holders(&app.store, &ids, visit.now).await?;
    let known: Vec<&Client> = clients.iter().map(|row| &row.client).collect();
    let logos = logos::places(&app, &known).await?;
    let with_logo = |(row, logo): (ClientRow, Option<String>)| {
        let held = holders.iter().find(|held| held.client_id == row.client.id);
        Line { logo, ..line(row, held) }
    };
    let mut rows: Vec<Line> = clients.into_iter().zip(logos).map(with_logo).collect();
    let asked = if asked_id.is_some() { rows.pop() } else { None };
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let csrf = browser.proof(PURPOSE).reveal().to_owned();
    let waiting_csrf = browser.proof(waiting::PURPOSE).reveal().to_owned();
    let waiting = waiting::lines(&app).await?;
    let is_narrowed = !(typed.kind.is_empty() && typed.state.is_empty() && typed.text.is_empty());
    let frame = Frame::of(&app.config);
    let page = Page { frame, csrf, rows, waiting, waiting_csrf, asked, typed, is_narrowed, after };
    Ok((jar, page::html(StatusCode::OK, &page)).into_response())
}

impl Typed {
    /// A word that is none narrows nothing.
    fn search(&self) -> Search {
        let state = match self.state.as_str() {
            "active" => Some(ClientState::Active),
            "suspended" => Some(ClientState::Suspended),
            "ended" => Some(ClientState::Ended),
            _ => None,
        };
        Search { kind: ClientKind::parse(&self.kind), state, text: self.text.clone() }
    }

    fn query(&self, at: &str, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let (kind, state, text) = (&self.kind, &self.state, &self.text);
        query.extend_pairs([("kind", kind), ("state", state), ("text", text)]);
        query.extend_pairs([("at", at), ("after", after)]);
        query.finish()
    }
}

fn place(fields: &Fields) -> Option<Place> {
    let at = fields.get("at").parse().ok()?;
    Some((at, fields.get("after").to_owned()))
}

/// `POST /admin/revoke`: ends a client for good, with every grant and token it has, on every node.
pub async fn revoke(Given(app): Given<App>, visit: Visit, body: Bytes) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let id = fields.get("client_id").to_owned();
    let found = store::clients::find(&app.store, &id).await?;
    if found.is_none_or(|client| client.revoked_at.is_some()) {
        return Err(nothing_to_end().into());
    }
    if id == personal::CLIENT_ID {
        let what = "Every personal access token hangs on this one, and an end could not be taken back.";
        let next = "Suspend it on its page instead: that refuses them all, until you let them go on.";
        return Err(Told::new(StatusCode::CONFLICT, "not_to_be_ended", "This is a switch", what, next).into());
    }
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
    if ended.is_none() {
        return Err(nothing_to_end().into());
    }
    app.store.tell(Event::ClientRevoked(id));
    page::see_other("/admin")
}

fn nothing_to_end() -> Told {
    let what = "There is no such client, or somebody ended it before you.";
    let next = "Go back to the list; it shows how things stand.";
    Told::new(StatusCode::NOT_FOUND, "no_such_client", "Nothing to end", what, next)
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
        None => Err(way_back::sign_in(visit)),
    })
}

fn line(row: ClientRow, held: Option<&Holders>) -> Line {
    let ClientRow { client, used_at, .. } = row;
    let page = client::page_of(&client.id);
    Line {
        page,
        name: client::name(&client),
        logo: None,
        initial: page::initial(&client.name),
        kind: clients::kind(client.kind),
        host: client.host().unwrap_or_default(),
        state: clients::state(&client),
        is_revoked: client.revoked_at.is_some(),
        is_switch: client.id == personal::CLIENT_ID,
        users: held.map_or(0, |held| held.users),
        grants: held.map_or(0, |held| held.grants),
        last_used: used_at.map_or("never".to_owned(), page::moment),
        id: client.id,
    }
}
