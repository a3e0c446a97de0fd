//! A link that an administrator handed over: whoever opens it sets the password of one account, once.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;

use crate::app::App;
use crate::audit::Fact;
use crate::identity::password::{self, PasswordError};
use crate::identity::user::User;
use crate::secret::{Digest, Link, Secret};
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::session;
use crate::{limits, store};

const PURPOSE: &str = "new-password";

#[derive(Template)]
#[template(path = "new_password.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    link: &'a str,
    email: &'a str,
    problem: &'a str,
    password_min: usize,
}

/// `GET /password/{secret}`. Looking does not use the link up.
pub async fn show(State(app): State<App>, Path(link): Path<String>, visit: Visit) -> Answer {
    let (_, user) = open_link(&app, &visit, &link).await?;
    Ok(form(&app, &visit, &link, &user, StatusCode::OK, ""))
}

/// `POST /password/{secret}`. Whoever has the link has the account: the page names the address, and the password is set
/// by the link alone. So a link is short-lived, works once, and ends with its maker's rights. Signs nobody in, so that
/// its use is seen at the door like any sign-in.
pub async fn set(State(app): State<App>, Path(link): Path<String>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let (digest, user) = open_link(&app, &visit, &link).await?;
    let password_hash = match password::hash(fields.get("password")).await {
        Ok(hash) => hash,
        Err(PasswordError::Busy) => return Err(Problem::Busy),
        Err(why) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(form(&app, &visit, &link, &user, status, &why.to_string()));
        }
    };
    let fact = Fact {
        event: "user.password-changed",
        actor: Some(user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: serde_json::json!({"with": "link"}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut tx = app.store.begin().await?;
    if !store::password_links::use_up(&mut tx, &digest, visit.now).await? {
        tx.rollback().await?;
        return Err(spent().into());
    }
    store::users::set_password(&mut tx, &user.id, &password_hash, visit.now).await?;
    tx.commit().await?;
    page::see_other("/login")
}

async fn open_link(app: &App, visit: &Visit, link: &str) -> Result<(Digest, User), Problem> {
    let digest = Secret::<Link>::presented(link).ok_or_else(spent)?.digest();
    let user_id = store::password_links::find(&app.store, &digest, visit.now).await?.ok_or_else(spent)?;
    let user = store::users::find(&app.store, &user_id).await?.ok_or_else(spent)?;
    Ok((digest, user))
}

fn form(app: &App, visit: &Visit, link: &str, user: &User, status: StatusCode, problem: &str) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(PURPOSE);
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: proof.reveal(),
        link,
        email: &user.email,
        problem,
        password_min: limits::PASSWORD_CHARS_MIN,
    };
    (jar, page::html(status, &page)).into_response()
}

fn spent() -> Told {
    let what =
        "It works once, for a day, and only while nothing else changed the password or took its place.";
    let next = "If you still need a new password, ask whoever sent you the link for another.";
    Told::new(StatusCode::GONE, "link_spent", "This link no longer works", what, next)
}
