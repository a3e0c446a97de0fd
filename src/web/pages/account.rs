//! Who you are here, and how to connect an assistant.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;

use crate::app::App;
use crate::audit::Fact;
use crate::identity::user::User;
use crate::web::page::{self, Answer, Fields, Frame, Visit};
use crate::web::session;

const PURPOSE: &str = "logout";

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
        None => page::see_other("/login"),
    }
}

fn page(app: &App, visit: &Visit, user: Option<&User>) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(PURPOSE);
    let page =
        Page { frame: Frame::of(&app.config), csrf: proof.reveal(), user, mcp_url: app.config.resource() };
    (jar, page::html(StatusCode::OK, &page)).into_response()
}

/// `GET /logout`: a link signs nobody out; the button on the account page does.
pub async fn ask() -> Answer {
    page::see_other("/account")
}

/// `POST /logout`.
pub async fn sign_out(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    session::admit_form(&app, &visit, PURPOSE, Fields::of(&body).get("csrf"))?;
    if let Some(session) = session::current(&app, &visit).await? {
        let actor = Some(session.user.id);
        let request_id = Some(visit.request_id.clone());
        app.audit
            .note(Fact { event: "user.sign-out", actor, request_id, outcome: "ok", ..Fact::default() })
            .await;
    }
    let jar = session::end(&app, &visit).await?;
    Ok((jar, page::see_other("/")?).into_response())
}
