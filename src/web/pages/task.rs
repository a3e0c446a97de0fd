//! One run of a template: how far it is, what it says, what it gave. Alive with script, reloading itself without.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::scaffolder::title;
use crate::actions::ActionError;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::limits;
use crate::scaffolder::{actions, tasks};
use crate::store::scaffolder_tasks::{self as rows, Said, Task};
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::{session, way_back};

/// As the strictest policy, with this server's own script and its own stream of events.
const LIVE: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

#[derive(Template)]
#[template(path = "task.html")]
struct Page {
    frame: Frame,
    csrf: String,
    script: &'static str,
    path: String,
    title: String,
    status: &'static str,
    since: String,
    runs: bool,
    failed: bool,
    error: String,
    steps: Vec<Step>,
    done: usize,
    links: Vec<(String, Option<String>)>,
    texts: Vec<(String, String)>,
    lines: Vec<Line>,
    last: i64,
}

struct Step {
    id: String,
    name: String,
    status: String,
}

struct Line {
    step: String,
    message: String,
}

/// `GET /scaffolder/tasks/{id}`.
pub async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let task = found(tasks::find(&app.scaffolder, &session.user.id, &id).await)?;
    let whole = found(actions::whole(&app.scaffolder, &task).await)?;
    let said = rows::said(&app.store, &id, 0, limits::SCAFFOLDER_LINES_MAX + 10).await?;
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let text = |value: &Value| page::plain(value.as_str().unwrap_or_default());
    let step = |step: &Value| Step {
        id: text(&step["id"]),
        name: text(&step["name"]),
        status: text(&step["status"]),
    };
    let steps: Vec<Step> = whole["steps"].as_array().into_iter().flatten().map(step).collect();
    let list = |name: &str| whole["output"][name].as_array().cloned().unwrap_or_default();
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: browser.proof(&purpose(&session)).reveal().to_owned(),
        script: page::task_script(),
        path: format!("/scaffolder/tasks/{id}"),
        title: title(&task),
        status: task.status.word(),
        since: page::moment(task.created_at),
        runs: !task.status.has_ended(),
        failed: task.status == rows::Status::Failed,
        error: page::plain(task.error.as_deref().unwrap_or_default()),
        done: steps.iter().filter(|step| !["open", "processing"].contains(&step.status.as_str())).count(),
        steps,
        links: links(&whole["output"]),
        texts: list("text").iter().map(|it| (text(&it["title"]), text(&it["content"]))).collect(),
        lines: said.iter().map(line).collect(),
        last: said.last().map_or(0, |line| line.sequence),
    };
    let mut response = page::html(StatusCode::OK, &page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(LIVE));
    Ok((jar, response).into_response())
}

/// What a template gives to click: an http address is a link, anything else is shown as it is.
fn links(output: &Value) -> Vec<(String, Option<String>)> {
    let mut links: Vec<(String, Option<String>)> = Vec::new();
    for link in output["links"].as_array().into_iter().flatten() {
        let title = page::shown(link["title"].as_str().or(link["url"].as_str()).unwrap_or("Link"));
        let url = link["url"].as_str().or(link["entityRef"].as_str()).unwrap_or_default();
        let safe = url.starts_with("https://") || url.starts_with("http://");
        if safe {
            links.push((title, Some(url.to_owned())));
        } else if !url.is_empty() {
            links.push((format!("{title}: {}", page::plain(url)), None));
        }
    }
    if let Some(url) = output["remoteUrl"].as_str() {
        links.push((format!("git clone {}", page::plain(url)), None));
    }
    links
}

fn line(said: &Said) -> Line {
    Line {
        step: page::plain(said.step_id.as_deref().unwrap_or_default()),
        message: page::plain(&said.message),
    }
}

/// `POST /scaffolder/tasks/{id}`: cancels or retries it.
pub async fn change(State(app): State<App>, visit: Visit, Path(id): Path<String>, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    session::admit_form(&app, &visit, &purpose(&session), fields.get("csrf"))?;
    let act = fields.get("act");
    let fact = Fact {
        event: if act == "cancel" { "scaffolder.task.cancel" } else { "scaffolder.task.retry" },
        actor: Some(session.user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"task": id}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let (house, owner) = (&app.scaffolder, session.user.id.as_str());
    match act {
        "cancel" => found(tasks::cancel(house, owner, &id).await)?,
        "retry" => found(tasks::retry(house, owner, &id, Map::new()).await)?,
        _ => return Err(refused("The form says neither cancel nor retry.")),
    }
    page::see_other(&format!("/scaffolder/tasks/{id}"))
}

/// What a stream continues after.
#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    after: i64,
}

/// `GET /scaffolder/tasks/{id}/events`: what it says from now on, as server-sent events.
pub async fn events(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Query(After { after }): Query<After>,
) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    found(tasks::find(&app.scaffolder, &session.user.id, &id).await)?;
    let resumed = visit.headers.get("last-event-id").and_then(|it| it.to_str().ok()?.parse().ok());
    let state = Following { app, owner: session.user.id, id, after: resumed.unwrap_or(after), rounds: 0 };
    // A browser comes back by itself; a stream that never ends would hold its place for ever.
    let stream = stream::unfold(state, |state| async move { state.next().await });
    let events = futures_util::StreamExt::flat_map(stream, stream::iter);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

struct Following {
    app: App,
    owner: String,
    id: String,
    after: i64,
    rounds: u32,
}

impl Following {
    async fn next(mut self) -> Option<(Vec<Result<Event, Infallible>>, Self)> {
        if self.rounds == u32::MAX || self.app.stopping.is_cancelled() {
            return None;
        }
        if self.rounds > 0 {
            tokio::time::sleep(Duration::from_millis(limits::SCAFFOLDER_STREAM_MILLIS)).await;
        }
        self.rounds += 1;
        let task: Task = rows::find(&self.app.store, &self.id, &self.owner).await.ok()??;
        let said = rows::said(&self.app.store, &self.id, self.after, 500).await.ok()?;
        let mut events: Vec<Result<Event, Infallible>> = Vec::new();
        for one in &said {
            self.after = one.sequence;
            let shown = line(one);
            let data =
                json!({"step": shown.step, "message": shown.message, "status": one.status, "type": one.kind});
            events.push(Ok(Event::default().id(one.sequence.to_string()).data(data.to_string())));
        }
        if task.status.has_ended() && said.is_empty() {
            events.push(Ok(Event::default().event("end").data(task.status.word())));
            self.rounds = u32::MAX;
        } else if self.rounds > limits::SCAFFOLDER_STREAM_ROUNDS_MAX {
            self.rounds = u32::MAX;
        }
        Some((events, self))
    }
}

fn found<T>(result: Result<T, ActionError>) -> Result<T, Problem> {
    result.map_err(|error| match error {
        ActionError::NotFound(_) => Told::new(
            StatusCode::NOT_FOUND,
            "no_such_task",
            "No run here",
            "You have no such run, or it was long ago: runs are kept for a month.",
            "Go back to the templates; your runs are listed there.",
        )
        .into(),
        ActionError::Fault(error) => {
            tracing::error!(%error, "a page of a task could not be made");
            Problem::Busy
        }
        refusal => refused(&refusal.to_string()),
    })
}

fn refused(what: &str) -> Problem {
    let what = what.split_once("Error: ").map_or(what, |(_, rest)| rest);
    Told::new(
        StatusCode::CONFLICT,
        "not_now",
        "That cannot be done now",
        what,
        "Go back to the run; the page shows how it stands.",
    )
    .into()
}

fn purpose(session: &Session) -> String {
    format!("task {}", session.digest.as_str())
}
