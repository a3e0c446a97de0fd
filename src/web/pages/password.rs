//! A new password instead of the old one, which must be known: a browser left open is not enough.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::app::App;
use crate::audit::Fact;
use crate::identity::guesses::{self, Turn};
use crate::identity::password;
use crate::identity::session::Session;
use crate::identity::user::Email;
use crate::web::page::{self, Answer, Fields, Frame, Visit};
use crate::web::{session, way_back};
use crate::{limits, store};

#[derive(Template)]
#[template(path = "password.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    email: &'a str,
    password_min: usize,
    problem: &'a str,
    is_done: bool,
}

/// `GET /account/password`.
pub async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    Ok(form(&app, &visit, &session, StatusCode::OK, "", false))
}

/// `POST /account/password`. Every guess at the old one counts as one at the door does (attack C08).
pub async fn change(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let browser = session::admit_form(&app, &visit, &purpose(&session), fields.get("csrf"))?;
    let again = |why: &str| Ok(form(&app, &visit, &session, StatusCode::UNPROCESSABLE_ENTITY, why, false));
    let (old, new) = (fields.get("old"), fields.get("new"));
    let Ok(email) = Email::parse(&session.user.email) else {
        return again("This account signs in elsewhere; it has no password here.");
    };
    // Before the old one is judged: what is refused for its form is no guess. It is hashed after: whoever does not know
    // the old one makes this server work for one guess, in its turn.
    if let Err(why) = password::check(new) {
        return again(&format!("The new one cannot be used: {why}."));
    }
    let counter = match guesses::take_turn(&app.store, &email, &browser, visit.now).await? {
        Turn::Taken(counter) => counter,
        Turn::Wait(seconds) => {
            app.audit.note(fact(&visit, &session, "too-many-attempts")).await;
            let why = format!("Too many attempts for this account. Wait {seconds} seconds, then try again.");
            let mut answer = form(&app, &visit, &session, StatusCode::TOO_MANY_REQUESTS, &why, false);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(answer);
        }
    };
    let found = store::users::find_with_password(&app.store, &email).await?;
    let stored = found.as_ref().and_then(|(_, hash)| hash.as_deref());
    if !password::verify(old, stored).await? {
        app.audit.note(fact(&visit, &session, "wrong-password")).await;
        return again("The old password is not right.");
    }
    let password_hash = password::hash(new).await?;
    app.audit.record(fact(&visit, &session, "ok")).await?;
    let mut tx = app.store.begin().await?;
    // Ends every session, also one that somebody else has; this browser gets a new one.
    store::users::set_password(&mut tx, &session.user.id, &password_hash, visit.now).await?;
    let jar = session::begin(&app, &mut tx, &visit, &session.user).await?;
    counter.right(&mut tx, &session.user.id, visit.now).await?;
    tx.commit().await?;
    Ok((jar, form(&app, &visit, &session, StatusCode::OK, "", true)).into_response())
}

fn purpose(session: &Session) -> String {
    format!("password {}", session.digest.as_str())
}

fn form(
    app: &App,
    visit: &Visit,
    session: &Session,
    status: StatusCode,
    problem: &str,
    is_done: bool,
) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(&purpose(session));
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: proof.reveal(),
        email: &session.user.email,
        password_min: limits::PASSWORD_CHARS_MIN,
        problem,
        is_done,
    };
    (jar, page::html(status, &page)).into_response()
}

fn fact(visit: &Visit, session: &Session, outcome: &'static str) -> Fact {
    Fact {
        event: "user.password-changed",
        actor: Some(session.user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome,
        ..Fact::default()
    }
}
