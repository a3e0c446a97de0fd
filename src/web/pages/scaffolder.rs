//! The software templates, and one's own runs of them.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::catalog::index::Index;
use crate::identity::session::Session;
use crate::limits;
use crate::store::scaffolder_tasks::{self as rows, Task};
use crate::web::page::{self, Answer, Frame, Visit};
use crate::web::seen::Reader;
use crate::web::{session, way_back};

#[derive(Template)]
#[template(path = "scaffolder.html")]
struct Page {
    frame: Frame,
    templates: Vec<Offered>,
    tasks: Vec<Line>,
}

struct Offered {
    path: String,
    title: String,
    description: String,
    tags: Vec<String>,
}

/// One run, as a list shows it.
pub struct Line {
    /// Its page.
    pub path: String,
    /// The template.
    pub title: String,
    /// How it stands.
    pub status: &'static str,
    /// When it was asked for.
    pub since: String,
}

/// `GET /scaffolder`.
pub async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let page = Page {
        frame: Frame::of(&app.config),
        templates: offered(&Reader::of(&app, &session).await.index),
        tasks: tasks(&app, &session).await?,
    };
    Ok(page::html(StatusCode::OK, &page))
}

fn offered(index: &Index) -> Vec<Offered> {
    let all = index.column("kind").map(|kinds| kinds.equal("template").to_vec()).unwrap_or_default();
    let one = |at: u32| {
        let (entity, reference) = (index.entity(at), index.reference(at));
        let (metadata, text) =
            (&entity["metadata"], |value: &serde_json::Value| value.as_str().map(page::shown));
        Offered {
            path: format!("/scaffolder/templates/{}/{}", reference.namespace(), reference.name()),
            title: text(&metadata["title"]).or(text(&metadata["name"])).unwrap_or_default(),
            description: page::plain(metadata["description"].as_str().unwrap_or_default()),
            tags: metadata["tags"].as_array().into_iter().flatten().filter_map(text).collect(),
        }
    };
    all.into_iter().map(one).collect()
}

async fn tasks(app: &App, session: &Session) -> crate::store::Result<Vec<Line>> {
    let page = (limits::SCAFFOLDER_TASKS_PAGE, 0);
    let (found, _) = rows::page(&app.store, &session.user.id, &[], page).await?;
    Ok(found.iter().map(line).collect())
}

fn line(task: &Task) -> Line {
    Line {
        path: format!("/scaffolder/tasks/{}", task.asked.id),
        title: title(task),
        status: task.status.word(),
        since: page::moment(task.created_at),
    }
}

/// What the template of a task was called when it was asked for.
pub fn title(task: &Task) -> String {
    let spec: serde_json::Value = serde_json::from_str(&task.asked.spec).unwrap_or_default();
    page::shown(
        spec.pointer("/templateInfo/title").and_then(|it| it.as_str()).unwrap_or(&task.asked.template_ref),
    )
}
