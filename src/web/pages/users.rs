//! The people who may sign in, for an administrator: suspend one, let them go on, hand out a link for a new password.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::admin::administrator;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::identity::user::User;
use crate::secret::{Link, Secret};
use crate::store::events::Event;
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::session;
use crate::{limits, store};

#[derive(Template)]
#[template(path = "users.html")]
struct Page {
    frame: Frame,
    csrf: String,
    text: String,
    rows: Vec<Line>,
    /// The address after which the next page begins; empty on the last.
    after: String,
    asked: Option<Asked>,
    made: Option<Made>,
}

struct Line {
    id: String,
    name: String,
    email: String,
    is_admin: bool,
    is_active: bool,
    is_self: bool,
    since: String,
}

/// The question before the click.
struct Asked {
    act: &'static str,
    line: Line,
}

/// A link just made: this page is the only place where it ever is.
struct Made {
    url: String,
    email: String,
    until: String,
}

/// `GET /admin/users`.
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let asked = match (act(fields.get("ask")), store::users::find(&app.store, fields.get("user")).await?) {
        (Some(act), Some(user)) => Some(Asked { act, line: line(user, &session) }),
        _ => None,
    };
    page(&app, &visit, &session, &fields, asked, None).await
}

fn act(word: &str) -> Option<&'static str> {
    ["suspend", "resume", "link"].into_iter().find(|act| *act == word)
}

async fn page(
    app: &App,
    visit: &Visit,
    session: &Session,
    fields: &Fields,
    asked: Option<Asked>,
    made: Option<Made>,
) -> Answer {
    let (text, limit) = (fields.get("text"), limits::LISTED_ROWS);
    let users = store::users::search(&app.store, text, fields.get("after"), limit).await?;
    let is_full = users.len() as i64 == limit;
    let (browser, jar) = session::known_browser(&app.config, visit);
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: browser.proof(&purpose(session)).reveal().to_owned(),
        text: text.to_owned(),
        after: users.last().filter(|_| is_full).map(|last| last.email.to_lowercase()).unwrap_or_default(),
        rows: users.into_iter().map(|user| line(user, session)).collect(),
        asked,
        made,
    };
    Ok((jar, page::html(StatusCode::OK, &page)).into_response())
}

/// `POST /admin/users`: suspends, resumes, or makes a link. A link is on record first, the rest once it
/// has happened.
pub async fn change(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, &purpose(&session), fields.get("csrf"))?;
    let found = store::users::find(&app.store, fields.get("user")).await?;
    let (Some(act), Some(user)) = (act(fields.get("act")), found) else { return Err(nobody().into()) };
    match act {
        "link" => {
            let made = make_link(&app, &visit, &session, &user).await?;
            page(&app, &visit, &session, &fields, None, Some(made)).await
        }
        act => suspend(&app, &visit, &session, &user, act == "suspend").await,
    }
}

/// Nobody suspends themselves, and nobody suspends who is not an administrator any more by then: so there is always one
/// who can still come in.
async fn suspend(app: &App, visit: &Visit, session: &Session, user: &User, suspended: bool) -> Answer {
    if user.id == session.user.id {
        let what = "This is your own account. Suspended, you could not let yourself in again.";
        let next = "Ask another administrator to do it.";
        return Err(Told::new(StatusCode::CONFLICT, "own_account", "Not your own account", what, next).into());
    }
    if user.is_active() == suspended {
        let event = if suspended { "user.suspended" } else { "user.resumed" };
        let mut tx = app.store.begin().await?;
        if !store::users::is_admin_locked(&mut tx, &session.user.id, &user.id).await? {
            tx.rollback().await?;
            app.audit.note(Fact { outcome: "refused", ..fact(event, visit, session, user) }).await;
            return Err(not_any_more().into());
        }
        let changed = store::users::suspend(&mut tx, &app.store, &user.id, suspended, visit.now).await?;
        tx.commit().await?;
        // Somebody else may have done it since this page looked: then that is on record as theirs.
        if changed {
            app.store.tell(Event::UserSuspended(user.id.clone()));
            app.audit.record(fact(event, visit, session, user)).await?;
        }
    }
    page::see_other("/admin/users")
}

async fn make_link(app: &App, visit: &Visit, session: &Session, user: &User) -> Result<Made, page::Problem> {
    if !user.is_active() {
        let what = "A suspended person cannot set a password.";
        let next = "Let them go on first.";
        return Err(
            Told::new(StatusCode::CONFLICT, "suspended", "This person is suspended", what, next).into()
        );
    }
    let secret = Secret::<Link>::mint();
    let expires_at = visit.now.plus_seconds(limits::PASSWORD_LINK_SECONDS);
    app.audit.record(fact("user.password-link", visit, session, user)).await?;
    let mut tx = app.store.begin().await?;
    let whose = (user.id.as_str(), session.user.id.as_str());
    store::password_links::add(&mut tx, &secret.digest(), whose, expires_at, visit.now).await?;
    tx.commit().await?;
    Ok(Made {
        url: app.config.public_url.at(&format!("/password/{}", secret.reveal())),
        email: user.email.clone(),
        until: page::moment(expires_at),
    })
}

fn purpose(session: &Session) -> String {
    format!("admin-users {}", session.digest.as_str())
}

fn fact(event: &'static str, visit: &Visit, session: &Session, user: &User) -> Fact {
    Fact {
        event,
        actor: Some(session.user.id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"user": user.id, "email": user.email}),
        ..Fact::default()
    }
}

fn line(user: User, session: &Session) -> Line {
    Line {
        name: page::shown(&user.name),
        is_admin: user.is_admin(),
        is_active: user.is_active(),
        is_self: user.id == session.user.id,
        since: page::day(user.created_at),
        email: user.email,
        id: user.id,
    }
}

fn not_any_more() -> Told {
    let what =
        "You were an administrator when you opened this page, and are not any more. Nothing was changed.";
    let next = "Ask another administrator.";
    Told::new(StatusCode::FORBIDDEN, "not_an_administrator", "Not for this account", what, next)
}

fn nobody() -> Told {
    let what = "There is no such person here, or nothing was asked.";
    let next = "Go back to the list; it shows how things stand.";
    Told::new(StatusCode::NOT_FOUND, "no_such_user", "Nothing to do", what, next)
}
