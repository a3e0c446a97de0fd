//! The one-time link of the console: makes the first administrator and signs them in.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;

use crate::app::App;
use crate::audit::Fact;
use crate::identity::password::{self, PasswordError};
use crate::identity::user::{Email, User, parse_name};
use crate::secret::{Digest, Link, Secret};
use crate::store::links::Purpose;
use crate::store::users::NewUser;
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::session;
use crate::{limits, secret, store};

const PURPOSE: &str = "first-admin";

#[derive(Template)]
#[template(path = "first_admin.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    link: &'a str,
    name: &'a str,
    email: &'a str,
    problem: &'a str,
    password_min: usize,
}

/// `GET /admin/first/{secret}`. Looking does not use the link up.
pub async fn show(State(app): State<App>, Path(link): Path<String>, visit: Visit) -> Answer {
    open_link(&app, &visit, &link).await?;
    Ok(form(&app, &visit, &link, StatusCode::OK, ("", "", "")))
}

async fn open_link(app: &App, visit: &Visit, link: &str) -> Result<Digest, page::Problem> {
    let digest = Secret::<Link>::presented(link).ok_or_else(spent)?.digest();
    let is_open = store::links::is_open(&app.store, &digest, Purpose::FirstAdmin, visit.now).await?;
    if !is_open || store::users::admin_exists(&app.store).await? {
        return Err(spent().into());
    }
    Ok(digest)
}

fn form(app: &App, visit: &Visit, link: &str, status: StatusCode, typed: (&str, &str, &str)) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(PURPOSE);
    let (name, email, problem) = typed;
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: proof.reveal(),
        link,
        name,
        email,
        problem,
        password_min: limits::PASSWORD_CHARS_MIN,
    };
    (jar, page::html(status, &page)).into_response()
}

/// `POST /admin/first/{secret}`.
pub async fn make(State(app): State<App>, Path(link): Path<String>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let browser = session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let digest = open_link(&app, &visit, &link).await?;
    let (typed_name, typed_email) = (fields.get("name"), fields.get("email"));
    let again = |problem: &str| {
        Ok(form(&app, &visit, &link, StatusCode::UNPROCESSABLE_ENTITY, (typed_name, typed_email, problem)))
    };
    let (name, email) = match (parse_name(typed_name), Email::parse(typed_email)) {
        (Err(why), _) => return again(why),
        (_, Err(why)) => return again(&why.to_string()),
        (Ok(name), Ok(email)) => (name, email),
    };
    let password_hash = match password::hash(fields.get("password")).await {
        Ok(hash) => Some(hash),
        Err(PasswordError::Busy) => return Err(page::Problem::Busy),
        Err(why) => return again(&why.to_string()),
    };
    let user = NewUser { id: secret::id(visit.now), email, name, password_hash, admin: true };
    let fact = Fact {
        event: "user.first-admin",
        actor: Some(user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut tx = app.store.begin().await?;
    let is_ours = store::links::use_up(&mut tx, &digest, Purpose::FirstAdmin, visit.now).await?;
    if !is_ours || store::users::admin_exists_within(&mut tx).await? {
        tx.rollback().await?;
        return Err(spent().into());
    }
    if !store::users::add(&mut tx, &user, visit.now).await? {
        tx.rollback().await?;
        return again("that e-mail address has an account already");
    }
    let jar = session::begin(&app, &mut tx, &visit, &made(&user, &visit)).await?;
    store::guesses::remember_browser(&mut tx, &user.id, &browser.digest(), visit.now).await?;
    tx.commit().await?;
    Ok((jar, page::see_other("/account")?).into_response())
}

fn made(user: &NewUser, visit: &Visit) -> User {
    User {
        id: user.id.clone(),
        email: user.email.as_str().to_owned(),
        name: user.name.clone(),
        admin_at: Some(visit.now),
        suspended_at: None,
        created_at: visit.now,
    }
}

fn spent() -> Told {
    let what = "It works once, for 30 minutes, and only until the first administrator exists.";
    let next =
        "If there is no administrator yet, restart the server: it prints a new link. Otherwise sign in.";
    Told::new(StatusCode::GONE, "link_spent", "This link no longer works", what, next)
}
