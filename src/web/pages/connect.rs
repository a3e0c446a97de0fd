//! How to connect each assistant. Anybody may look: it says nothing that the metadata does not.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::web::page::{self, Answer, Frame};
use crate::web::recipes::{self, Recipe};

#[derive(Template)]
#[template(path = "connect.html")]
struct Page<'a> {
    frame: Frame,
    script: &'static str,
    mcp_url: &'a str,
    recipes: Vec<Recipe>,
}

/// `GET /connect`.
pub async fn show(State(app): State<App>) -> Answer {
    let mcp_url = &app.config.resource();
    let recipes = recipes::all(&app.config.title, mcp_url);
    let page = Page { frame: Frame::of(&app.config), script: page::copy_script(), mcp_url, recipes };
    Ok(page::html_with_script(StatusCode::OK, &page))
}
