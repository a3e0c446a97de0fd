//! One template as a form, made from its JSON Schema; what is wrong stands beside its field.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::actions::ActionError;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::scaffolder::parameters::{self, Fault};
use crate::scaffolder::tasks::{self, Wish};
use crate::scaffolder::template::Template;
use crate::web::fields::{self, Group};
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::seen::Reader;
use crate::web::{session, way_back};

/// The action that a person runs here by hand: who may not call it may not run anything here either.
const EXECUTE: &str = "scaffolder:execute-template";

#[derive(askama::Template)]
#[template(path = "template.html")]
struct Page {
    frame: Frame,
    csrf: String,
    path: String,
    title: String,
    description: String,
    groups: Vec<Group>,
    references: Vec<String>,
    /// What is wrong with none of the fields.
    faults: Vec<String>,
    failed: bool,
}

/// `GET /scaffolder/templates/{namespace}/{name}`.
pub async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((namespace, name)): Path<(String, String)>,
) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let reader = Reader::of(&app, &session).await;
    let template = find(&app, &reader, &namespace, &name).await?;
    draw(&app, &visit, (&session, &reader), &template, (&Map::new(), &[]))
}

/// `POST` to the same: begins a run.
pub async fn begin(
    State(app): State<App>,
    visit: Visit,
    Path((namespace, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let sent = Fields::of(&body);
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    session::admit_form(&app, &visit, &purpose(&session), sent.get("csrf"))?;
    let reader = Reader::of(&app, &session).await;
    let template = find(&app, &reader, &namespace, &name).await?;
    if !app.actions.find(EXECUTE).is_some_and(|action| reader.may_call(action)) {
        return Err(refused());
    }
    let given = fields::values(&template, &sent);
    let values = match parameters::accept(&template, &given) {
        Ok(values) => values,
        Err(faults) => return draw(&app, &visit, (&session, &reader), &template, (&given, &faults)),
    };
    let fact = Fact {
        event: "scaffolder.task.create",
        actor: Some(session.user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"template": template.reference}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let wish = Wish { template: &template, values, secrets: fields::secrets(&template, &sent) };
    match tasks::begin(&app.scaffolder, &reader.caller, wish).await {
        Ok(id) => page::see_other(&format!("/scaffolder/tasks/{id}")),
        Err(ActionError::Fault(error)) => {
            tracing::error!(%error, "a task could not be begun");
            Err(Problem::Busy)
        }
        Err(refusal) => {
            let text = refusal.to_string();
            let message = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest).to_owned();
            let fault = Fault { field: String::new(), message };
            draw(&app, &visit, (&session, &reader), &template, (&given, &[fault]))
        }
    }
}

fn draw(
    app: &App,
    visit: &Visit,
    (session, reader): (&Session, &Reader),
    template: &Template,
    (given, faults): (&Map<String, Value>, &[Fault]),
) -> Answer {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let mut beside: BTreeMap<String, String> = BTreeMap::new();
    for fault in faults {
        let field = fault.field.split('.').next().unwrap_or_default();
        let field = if fault.field.starts_with("secrets.") { fault.field.as_str() } else { field };
        beside.entry(field.to_owned()).or_insert_with(|| fault.message.clone());
    }
    let index = &reader.index;
    let groups = fields::groups(template, given, &mut beside);
    let wants_references = groups.iter().flat_map(|group| &group.fields).any(|field| field.is_reference);
    let kinds = ["group:", "user:", "system:", "component:"];
    let references = index.references().iter().map(|reference| reference.as_str());
    let references =
        references.filter(|it| wants_references && kinds.iter().any(|kind| it.starts_with(kind)));
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: browser.proof(&purpose(session)).reveal().to_owned(),
        path: path(&template.reference),
        title: page::shown(&template.title),
        description: page::plain(&template.description),
        references: references.take(crate::limits::SCAFFOLDER_SUGGESTED_MAX).map(str::to_owned).collect(),
        groups,
        faults: beside
            .into_iter()
            .map(|(field, message)| format!("{field} {message}").trim().to_owned())
            .collect(),
        failed: !faults.is_empty(),
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((jar, page::html(status, &page)).into_response())
}

async fn find(app: &App, reader: &Reader, namespace: &str, name: &str) -> Result<Template, Problem> {
    let reference = format!("template:{namespace}/{name}");
    tasks::template(&app.scaffolder, &reader.caller, &reference).await.map_err(|refusal| {
        let (status, what) = match &refusal {
            ActionError::NotFound(_) => (StatusCode::NOT_FOUND, "The catalog has no such template."),
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "The template has faults, and cannot run."),
        };
        Told::new(
            status,
            "no_such_template",
            "No template here",
            what,
            "Go back to the templates and pick another one.",
        )
        .author(refusal.to_string())
        .into()
    })
}

fn refused() -> Problem {
    Told::new(
        StatusCode::FORBIDDEN,
        "access_denied",
        "You may not run templates",
        "The policy of this platform does not give you this.",
        "Ask whoever runs this server for a role that may run them.",
    )
    .into()
}

fn path(reference: &str) -> String {
    format!("/scaffolder/templates/{}", reference.trim_start_matches("template:"))
}

fn purpose(session: &Session) -> String {
    format!("scaffolder {}", session.digest.as_str())
}
