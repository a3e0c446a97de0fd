//! A call that waits for your yes: what exactly it would do, and the answer (attack H11). Only the person in whose name
//! the call was made sees the page; to anybody else it does not exist.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::access::approval::{self, Approval, Said};
use crate::actions::Effect;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::store;
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::{opens, session};

#[derive(Template)]
#[template(path = "approvals.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    id: &'a str,
    heading: &'static str,
    lead: &'static str,
    is_open: bool,
    client: String,
    user: &'a str,
    title: &'a str,
    action: &'a str,
    warning: &'static str,
    arguments: String,
    until: String,
}

/// `GET /approvals/{id}`.
pub async fn show(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else {
        return sign_in(&id);
    };
    let found = find(&app, &id, &session).await?;
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let action = app.actions.find(&found.action);
    let client = store::clients::find(&app.store, &found.client_id).await?;
    let (heading, lead) = words(&found, visit.now >= found.expires_at);
    let proof = browser.proof(&purpose(&found.id, &session));
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: proof.reveal(),
        id: &found.id,
        heading,
        lead,
        is_open: lead.is_empty(),
        client: client.map_or_else(|| "A client that is gone".to_owned(), |client| page::shown(&client.name)),
        user: &session.user.email,
        title: action.map_or("A tool that is gone", |action| &action.title),
        action: &found.action,
        warning: opens::warning(action.map_or(Effect::Delete, |action| action.effect)),
        arguments: opened(&app, &found)?,
        until: page::moment(found.expires_at),
    };
    Ok((jar, page::html(StatusCode::OK, &page)).into_response())
}

/// `POST /approvals/{id}`: the one answer. On record first.
pub async fn decide(State(app): State<App>, Path(id): Path<String>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let Some(session) = session::current(&app, &visit).await? else {
        return sign_in(&id);
    };
    let found = find(&app, &id, &session).await?;
    session::admit_form(&app, &visit, &purpose(&found.id, &session), fields.get("csrf"))?;
    let (yes, event) = match fields.get("decision") {
        "approve" => (true, "approval.given"),
        "refuse" => (false, "approval.refused"),
        _ => return Err(nothing().into()),
    };
    // Where somebody answered before, or it is too late, the page says so, and the log tells of no answer.
    if found.said != Said::Nothing || visit.now >= found.expires_at {
        return page::see_other(&format!("/approvals/{}", found.id));
    }
    let fact = Fact {
        event,
        actor: Some(session.user.id.clone()),
        client_id: Some(found.client_id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"approval": found.id, "action": found.action, "resource": found.resource}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    store::approvals::answer(&app.store, &found.id, &session.user.id, yes, visit.now).await?;
    page::see_other(&format!("/approvals/{}", found.id))
}

/// Back here once somebody signed in, if this could be a place here.
fn sign_in(id: &str) -> Answer {
    page::see_other(&known(id).map_or("/login".to_owned(), |id| format!("/login?approval={id}")))
}

async fn find(app: &App, id: &str, session: &Session) -> Result<Approval, page::Problem> {
    let id = known(id).ok_or_else(nothing)?;
    Ok(store::approvals::find(&app.store, id, &session.user.id).await?.ok_or_else(nothing)?)
}

/// What could be an id of ours; it goes into a URL.
pub(super) fn known(id: &str) -> Option<&str> {
    (id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')).then_some(id)
}

fn purpose(id: &str, session: &Session) -> String {
    format!("approval {id} {}", session.digest.as_str())
}

fn words(found: &Approval, is_late: bool) -> (&'static str, &'static str) {
    match found.said {
        Said::Used => ("Approved, and done", "The call ran once on your yes. Another one would ask again."),
        Said::No => ("Refused", "Nothing happened. You can close this page."),
        _ if is_late => ("Too late", "Nobody answered in time, or the call did not come. Nothing happened."),
        Said::Yes => (
            "Approved",
            "Go back to your assistant. If it does not go on by itself, tell it to call the tool again.",
        ),
        Said::Nothing => ("Do you approve?", ""),
    }
}

/// The arguments, a line each, with every character that hides or turns others in plain sight (attack D03).
fn opened(app: &App, found: &Approval) -> Result<String, page::Problem> {
    let broken = |why: String| store::Error::Row { table: "approvals", why };
    let plain =
        app.vault.open(&approval::row(&found.id), &found.arguments).map_err(|e| broken(e.to_string()))?;
    let value: Value = serde_json::from_slice(&plain).map_err(|e| broken(e.to_string()))?;
    let text = serde_json::to_string_pretty(&value).map_err(|e| broken(e.to_string()))?;
    Ok(page::plain(&text))
}

fn nothing() -> Told {
    let what =
        "There is no call here that waits for you: it was made in another name, or it is over and forgotten.";
    let next =
        "If your assistant sent you here, sign in with the account that it uses, or ask it to call again.";
    Told::new(StatusCode::NOT_FOUND, "no_such_approval", "Nothing to approve", what, next)
}
