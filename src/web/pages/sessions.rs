//! Where you are signed in, and the way to end one of these or all others.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::secret::Digest;
use crate::store;
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::{session, way_back};

#[derive(Template)]
#[template(path = "sessions.html")]
struct Page {
    frame: Frame,
    csrf: String,
    rows: Vec<Line>,
}

struct Line {
    id: String,
    browser: String,
    since: String,
    seen: String,
    until: String,
    is_this: bool,
}

/// `GET /account/sessions`.
pub async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let seats = store::sessions::of_user(&app.store, &session.user.id, visit.now).await?;
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let mut rows: Vec<Line> = seats
        .into_iter()
        .map(|seat| Line {
            browser: seat.browser(),
            since: page::moment(seat.authenticated_at),
            seen: page::moment(seat.seen_at),
            until: page::moment(seat.expires_at),
            is_this: seat.digest.matches(&session.digest),
            id: seat.digest.as_str().to_owned(),
        })
        .collect();
    rows.sort_by_key(|row| !row.is_this);
    let csrf = browser.proof(&purpose(&session)).reveal().to_owned();
    let page = Page { frame: Frame::of(&app.config), csrf, rows };
    Ok((jar, page::html(StatusCode::OK, &page)).into_response())
}

/// `POST /account/sessions`: ends one of one's own, or all but this.
pub async fn end(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    session::admit_form(&app, &visit, &purpose(&session), fields.get("csrf"))?;
    let (one, all) = (fields.get("session"), fields.get("others") == "yes");
    let seats = store::sessions::of_user(&app.store, &session.user.id, visit.now).await?;
    // Looked at before it is on record: the log tells what happened.
    if one.is_empty() != all || !all && seats.iter().all(|seat| seat.digest.as_str() != one) {
        return Err(nothing().into());
    }
    let fact = Fact {
        event: "session.ended",
        actor: Some(session.user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"which": if all { "all others" } else { "one" }}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut tx = app.store.begin().await?;
    if all {
        store::sessions::end_others(&mut tx, &session.user.id, &session.digest, visit.now).await?;
    } else {
        let digest = Digest::from_column(one.to_owned());
        if !store::sessions::end_of_user(&mut tx, &session.user.id, &digest, visit.now).await? {
            return Err(nothing().into());
        }
    }
    tx.commit().await?;
    page::see_other("/account/sessions")
}

fn purpose(session: &Session) -> String {
    format!("sessions {}", session.digest.as_str())
}

fn nothing() -> Told {
    let what = "You have no such session, or it has ended already.";
    let next = "Go back to your sessions; the page shows how things stand.";
    Told::new(StatusCode::NOT_FOUND, "no_such_session", "Nothing to end", what, next)
}
