//! Who you are here, and how to connect an assistant.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::logout;
use crate::app::App;
use crate::identity::user::User;
use crate::web::page::{self, Answer, Frame, Visit};
use crate::web::{session, way_back};

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    user: Option<&'a User>,
    mcp_url: String,
}

/// `GET /`: the account, or a welcome.
pub async fn front(State(app): State<App>, visit: Visit) -> Answer {
    match session::current(&app, &visit).await? {
        Some(_) => page::see_other("/account"),
        None => Ok(page(&app, &visit, None)),
    }
}

/// `GET /account`.
pub async fn show(State(app): State<App>, visit: Visit) -> Answer {
    match session::current(&app, &visit).await? {
        Some(session) => Ok(page(&app, &visit, Some(&session.user))),
        None => way_back::sign_in(&visit),
    }
}

fn page(app: &App, visit: &Visit, user: Option<&User>) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(logout::PURPOSE);
    let page =
        Page { frame: Frame::of(&app.config), csrf: proof.reveal(), user, mcp_url: app.config.resource() };
    (jar, page::html(StatusCode::OK, &page)).into_response()
}
