//! Connected apps: what you let in, what each can do, and the way to take it back. One question, then one click.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::oauth::client::{Client, ClientKind};
use crate::store;
use crate::store::connected::{Connection, Taken};
use crate::store::events::Event;
use crate::web::logos;
use crate::web::opens::{self, Line};
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::{session, way_back};

#[derive(Template)]
#[template(path = "apps.html")]
struct Page {
    frame: Frame,
    csrf: String,
    apps: Vec<Connected>,
    /// What is to be taken back, and not yet confirmed.
    asked: Option<Asked>,
}

/// A client and what it has.
struct Connected {
    id: String,
    name: String,
    logo: Option<String>,
    initial: String,
    kind: &'static str,
    host: String,
    is_suspended: bool,
    grants: Vec<Held>,
}

/// One grant of it.
struct Held {
    id: String,
    server: String,
    lines: Vec<Line>,
    since: String,
    last_used: String,
    until: String,
    place: String,
}

/// The question before the click.
struct Asked {
    field: &'static str,
    value: String,
    heading: String,
    grants: usize,
    apps: usize,
}

/// `GET /account/apps`, with `?client=`, `?grant=` or `?all=yes` the question about one, a part, or all.
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let connections = store::connected::of_person(&app.store, &session.user.id, visit.now).await?;
    let clients = store::connected::clients_of_person(&app.store, &session.user.id, visit.now).await?;
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let asked = taken(&fields).and_then(|taken| asked(taken, &connections, &clients));
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: browser.proof(&purpose(&session)).reveal().to_owned(),
        apps: apps(&app, connections, &clients).await?,
        asked,
    };
    Ok((jar, page::html(StatusCode::OK, &page)).into_response())
}

/// `POST /account/apps`: takes back what the question named. On record first; then refused at the next call, everywhere.
pub async fn take_back(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    session::admit_form(&app, &visit, &purpose(&session), fields.get("csrf"))?;
    let taken = taken(&fields).ok_or_else(nothing)?;
    let connections = store::connected::of_person(&app.store, &session.user.id, visit.now).await?;
    let meant: Vec<Connection> = connections.into_iter().filter(|one| taken.means(one)).collect();
    if meant.is_empty() {
        return Err(nothing().into());
    }
    for one in &meant {
        app.audit.record(fact(&visit, &session, one)).await?;
    }
    let mut tx = app.store.begin().await?;
    let ended = store::connected::take_back(&mut tx, &app.store, &session.user.id, taken, visit.now).await?;
    tx.commit().await?;
    for id in ended {
        app.store.tell(Event::GrantRevoked(id));
    }
    page::see_other("/account/apps")
}

/// Good for this browser and this sign-in only.
fn purpose(session: &Session) -> String {
    format!("apps {}", session.digest.as_str())
}

fn taken(fields: &Fields) -> Option<Taken<'_>> {
    match (fields.get("grant"), fields.get("client"), fields.get("all")) {
        (id, "", "") if !id.is_empty() => Some(Taken::Grant(id)),
        ("", id, "") if !id.is_empty() => Some(Taken::Client(id)),
        ("", "", "yes") => Some(Taken::All),
        _ => None,
    }
}

fn asked(taken: Taken<'_>, connections: &[Connection], clients: &[Client]) -> Option<Asked> {
    let meant: Vec<&Connection> = connections.iter().filter(|one| taken.means(one)).collect();
    let name = named(clients, &meant.first()?.client_id);
    let mut apps: Vec<&str> = meant.iter().map(|one| one.client_id.as_str()).collect();
    apps.sort_unstable();
    apps.dedup();
    let (field, value, heading) = match taken {
        Taken::Grant(id) => ("grant", id, format!("Disconnect this sign-in of {name}?")),
        Taken::Client(id) => ("client", id, format!("Disconnect {name}?")),
        Taken::All => ("all", "yes", "Disconnect every app?".to_owned()),
    };
    Some(Asked { field, value: value.to_owned(), heading, grants: meant.len(), apps: apps.len() })
}

fn named(clients: &[Client], id: &str) -> String {
    let known = clients.iter().find(|client| client.id == id);
    known.map_or_else(|| "a client that is gone".to_owned(), |client| page::shown(&client.name))
}

/// In the order of last use, each with all it has.
async fn apps(
    app: &App,
    connections: Vec<Connection>,
    clients: &[Client],
) -> Result<Vec<Connected>, store::Error> {
    let known: Vec<&Client> = clients.iter().collect();
    let logos = logos::places(app, &known).await?;
    let mut apps: Vec<Connected> = Vec::new();
    for one in connections {
        let held = held(app, &one);
        if let Some(there) = apps.iter_mut().find(|there| there.id == one.client_id) {
            there.grants.push(held);
            continue;
        }
        let at = clients.iter().position(|client| client.id == one.client_id);
        let client = at.and_then(|at| clients.get(at));
        let name = named(clients, &one.client_id);
        apps.push(Connected {
            logo: at.and_then(|at| logos.get(at).cloned().flatten()),
            initial: page::initial(&name),
            name,
            kind: match client.map(|client| client.kind) {
                Some(ClientKind::PreRegistered) => "Registered by your admin",
                Some(ClientKind::Described) => "Self-declared by",
                Some(ClientKind::SelfRegistered) | None => "Registered itself (unverified)",
            },
            host: client.and_then(Client::host).unwrap_or_default(),
            is_suspended: client.is_none_or(|client| !client.is_active()),
            grants: vec![held],
            id: one.client_id,
        });
    }
    Ok(apps)
}

fn held(app: &App, one: &Connection) -> Held {
    Held {
        id: one.id.clone(),
        server: opens::server(app, &one.resource),
        lines: opens::lines(app, &one.resource, &one.scope),
        since: page::moment(one.created_at),
        last_used: page::moment(one.used_at),
        until: page::day(one.expires_at),
        place: one.redirect_uri.as_deref().map_or_else(
            || "without a browser of its own".to_owned(),
            |uri| match opens::place(uri) {
                (place, true) => format!("a program on a computer ({place})"),
                (place, false) => place,
            },
        ),
    }
}

fn fact(visit: &Visit, session: &Session, one: &Connection) -> Fact {
    Fact {
        event: "grant.revoked",
        actor: Some(session.user.id.clone()),
        client_id: Some(one.client_id.clone()),
        grant_id: Some(one.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"by": "user", "scope": one.scope.to_string(), "resource": one.resource}),
    }
}

fn nothing() -> Told {
    let what = "There is no such app among yours, or it was disconnected before.";
    let next = "Go back to your connected apps; the page shows how things stand.";
    Told::new(StatusCode::NOT_FOUND, "not_connected", "Nothing to disconnect", what, next)
}
