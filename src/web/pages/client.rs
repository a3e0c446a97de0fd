//! One client, for an administrator: what it says of itself, who let it in, what can be done about it and what that does.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::admin::administrator;
use crate::access::personal;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::oauth::client::Client;
use crate::store::client_pages::HeldBy;
use crate::store::clients::ClientRow;
use crate::store::events::Event;
use crate::web::logos;
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::{clients, opens, session};
use crate::{limits, store};

#[derive(Template)]
#[template(path = "client.html")]
struct Page {
    frame: Frame,
    csrf: String,
    page: String,
    id: String,
    name: String,
    logo: Option<String>,
    initial: String,
    kind: &'static str,
    host: String,
    state: &'static str,
    /// It is what every personal access token hangs on: suspended and resumed, never ended.
    is_switch: bool,
    since: String,
    last_used: String,
    metadata: String,
    versions: Vec<Version>,
    grants: Vec<Line>,
    users: i64,
    all_grants: i64,
}

struct Version {
    hash: String,
    at: String,
    document: String,
    is_now: bool,
}

struct Line {
    id: String,
    who: String,
    server: String,
    scope: String,
    since: String,
    last_used: String,
    until: String,
}

/// Where the page of a client is. A client_id may be a URL: it goes into the path in a form that no proxy touches.
pub fn page_of(id: &str) -> String {
    format!("/admin/clients/~{}", BASE64URL.encode(id))
}

/// What an administrator reads as a client's name. One of them is nobody's program.
pub fn name(client: &Client) -> String {
    if client.id == personal::CLIENT_ID {
        return "Switch for personal access tokens".to_owned();
    }
    page::shown(&client.name)
}

async fn find(app: &App, segment: &str) -> Result<ClientRow, Problem> {
    // No id begins with a tilde; whoever types one as the console shows it gets there too.
    let id = match segment.strip_prefix('~').map(|text| BASE64URL.decode(text)) {
        None => segment.to_owned(),
        Some(bytes) => bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(nothing)?,
    };
    Ok(store::clients::find_row(&app.store, &id).await?.ok_or_else(nothing)?)
}

/// `GET /admin/clients/{id}`.
pub async fn show(State(app): State<App>, Path(segment): Path<String>, visit: Visit) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let ClientRow { client, used_at, .. } = find(&app, &segment).await?;
    let grants =
        store::client_pages::grants_of(&app.store, &client.id, limits::LISTED_ROWS, visit.now).await?;
    let ids = [client.id.clone()];
    let held = store::client_pages::holders(&app.store, &ids, visit.now).await?.pop();
    let versions = store::documents::versions(&app.store, &client.id).await?;
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: browser.proof(&purpose(&session, &client.id)).reveal().to_owned(),
        page: page_of(&client.id),
        name: name(&client),
        is_switch: client.id == personal::CLIENT_ID,
        logo: logos::place(&app, &client).await?,
        initial: page::initial(&client.name),
        kind: clients::kind(client.kind),
        host: client.host().unwrap_or_default(),
        state: clients::state(&client),
        since: page::moment(client.registered_at),
        last_used: used_at.map_or("never".to_owned(), page::moment),
        metadata: pretty(&serde_json::to_value(&client.metadata).unwrap_or_default()),
        versions: versions
            .into_iter()
            .rev()
            .map(|version| Version {
                is_now: client.document_hash.as_ref() == Some(&version.hash),
                at: page::moment(version.first_seen_at),
                document: serde_json::from_str(&version.text)
                    .map_or_else(|_| page::plain(&version.text), |value| pretty(&value)),
                hash: version.hash,
            })
            .collect(),
        grants: grants.into_iter().map(|grant| line(&app, grant)).collect(),
        users: held.as_ref().map_or(0, |held| held.users),
        all_grants: held.as_ref().map_or(0, |held| held.grants),
        id: client.id,
    };
    Ok((jar, page::html(StatusCode::OK, &page)).into_response())
}

/// `POST /admin/clients/{id}`: suspends it, lets it go on, or ends one grant of it. On record once it has
/// happened: of two who do it at once, one did.
pub async fn change(
    State(app): State<App>,
    Path(segment): Path<String>,
    visit: Visit,
    body: Bytes,
) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let client = find(&app, &segment).await?.client;
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, &purpose(&session, &client.id), fields.get("csrf"))?;
    let mut fact = Fact {
        event: "client.suspended",
        actor: Some(session.user.id.clone()),
        client_id: Some(client.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({}),
        ..Fact::default()
    };
    let (done, news) = match fields.get("act") {
        // What changes nothing is not on record as done.
        act @ ("suspend" | "resume")
            if client.revoked_at.is_some() || client.suspended_at.is_some() == (act == "suspend") =>
        {
            return Err(nothing().into());
        }
        act @ ("suspend" | "resume") => {
            let suspended = act == "suspend";
            fact.event = if suspended { "client.suspended" } else { "client.resumed" };
            let mut tx = app.store.begin().await?;
            let done = store::clients::suspend(&mut tx, &app.store, &client.id, suspended, visit.now).await?;
            tx.commit().await?;
            (done, Event::ClientRevoked(client.id.clone()))
        }
        "grant" => {
            let id = fields.get("grant").to_owned();
            let grant = store::grants::find(&app.store, &id).await?;
            if grant.is_none_or(|grant| grant.client_id != client.id || grant.revoked_at.is_some()) {
                return Err(nothing().into());
            }
            (fact.event, fact.grant_id) = ("grant.revoked", Some(id.clone()));
            fact.detail = json!({"by": "admin"});
            let mut tx = app.store.begin().await?;
            let done = store::grants::revoke(&mut tx, &app.store, &id, "admin", visit.now).await?;
            tx.commit().await?;
            (done, Event::GrantRevoked(id))
        }
        _ => return Err(nothing().into()),
    };
    if !done {
        return Err(nothing().into());
    }
    app.store.tell(news);
    app.audit.record(fact).await?;
    page::see_other(&page_of(&client.id))
}

/// Good for this client only: a form of one cannot be bent to another.
fn purpose(session: &Session, client_id: &str) -> String {
    format!("admin-client {} {client_id}", session.digest.as_str())
}

fn pretty(value: &Value) -> String {
    page::plain(&serde_json::to_string_pretty(value).unwrap_or_default())
}

fn line(app: &App, grant: HeldBy) -> Line {
    Line {
        who: grant.email.unwrap_or_else(|| "the client itself".to_owned()),
        server: opens::server(app, &grant.resource),
        scope: grant.scope,
        since: page::moment(grant.created_at),
        last_used: page::moment(grant.used_at),
        until: page::day(grant.expires_at),
        id: grant.id,
    }
}

fn nothing() -> Told {
    let what = "There is no such client or grant here, or somebody did it before you.";
    let next = "Go back to the list; it shows how things stand.";
    Told::new(StatusCode::NOT_FOUND, "no_such_client", "Nothing to do", what, next)
}
