//! Your access tokens: make one, which is shown once; see them; end one.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::client;
use crate::access::personal::{self, EVERY, Kept, NewToken, PersonalToken, Wish};
use crate::access::scopes;
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::identity::session::Session;
use crate::identity::user::parse_name;
use crate::secret::{self, Personal, Secret};
use crate::store;
use crate::store::events::Event;
use crate::store::personal_tokens::Added;
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::{session, way_back};

const PURPOSE: &str = "tokens";
/// Lives that the form offers.
const LIVES: [(i64, &str); 4] = [(7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year")];

#[derive(Template)]
#[template(path = "tokens.html")]
struct Page {
    frame: Frame,
    csrf: String,
    /// The token just made, in the clear: this page is the only place where it ever is.
    made: Option<Made>,
    rows: Vec<Line>,
    /// An administrator switched them off: none works and none can be made.
    is_off: bool,
    /// Where they are switched on again; empty for whoever may not.
    switch: String,
    problem: String,
    form: Form,
    lives: [(i64, &'static str); 4],
    servers: Vec<Choice>,
    scopes: Vec<Choice>,
    plugins: Vec<Choice>,
    permissions: Vec<Choice>,
}

struct Made {
    secret: String,
    name: String,
    until: String,
    opens: String,
}

struct Line {
    id: String,
    name: String,
    state: String,
    is_over: bool,
    opens: String,
    may: String,
    last_used: String,
}

struct Choice {
    value: String,
    title: String,
    is_on: bool,
}

/// What was typed, so that a refusal loses nothing.
#[derive(Default)]
struct Form {
    name: String,
    days: i64,
    server: String,
    scopes: Vec<String>,
    plugins: Vec<String>,
    permissions: Vec<String>,
}

/// `GET /account/tokens`.
pub async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let form = Form { days: 90, server: EVERY.to_owned(), ..Form::default() };
    page(&app, &visit, &session, form, StatusCode::OK, String::new(), None).await
}

/// `POST /account/tokens`.
pub async fn make(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let form = Form {
        name: fields.get("name").to_owned(),
        days: fields.get("days").parse().unwrap_or_default(),
        server: fields.get("server").to_owned(),
        scopes: fields.all("scope"),
        plugins: fields.all("plugin"),
        permissions: fields.all("permission"),
    };
    let refused = match wish(&app, &form) {
        Err(why) => why,
        Ok(new) => match keep(&app, &visit, &session, &new).await? {
            Ok(made) => {
                return page(
                    &app,
                    &visit,
                    &session,
                    Form::default(),
                    StatusCode::OK,
                    String::new(),
                    Some(made),
                )
                .await;
            }
            Err(why) => why.to_owned(),
        },
    };
    page(&app, &visit, &session, form, StatusCode::UNPROCESSABLE_ENTITY, refused, None).await
}

fn wish(app: &App, form: &Form) -> Result<NewToken, String> {
    let wish = Wish {
        name: parse_name(&form.name).map_err(|_| "Say in a few words what the token is for.".to_owned())?,
        scope: form.scopes.join(" "),
        resource: form.server.clone(),
        kept: Kept { plugins: form.plugins.clone(), permissions: form.permissions.clone() },
        days: form.days,
    };
    wish.judged(&app.resources, &app.actions)
}

/// On record first, then kept.
async fn keep(
    app: &App,
    visit: &Visit,
    session: &Session,
    new: &NewToken,
) -> Result<Result<Made, &'static str>, Problem> {
    let (secret, id) = (Secret::<Personal>::mint(), secret::id(visit.now));
    let detail = json!({"name": new.name(), "scope": new.scope().to_string(), "resource": new.resource(), "kept": new.kept()});
    app.audit.record(fact("token.made", visit, session, &id, detail)).await?;
    let mut tx = app.store.begin().await?;
    let named = (id.as_str(), &secret.digest());
    let added = store::personal_tokens::add(&mut tx, named, &session.user.id, new, visit.now).await?;
    if added != Added::Yes {
        tx.rollback().await?;
        app.audit
            .note(Fact { outcome: "refused", ..fact("token.made", visit, session, &id, json!({})) })
            .await;
        return Ok(Err(match added {
            Added::TooMany => "You have as many tokens as one person may have. End one first.",
            _ => "Access tokens are switched off here.",
        }));
    }
    tx.commit().await?;
    Ok(Ok(Made {
        secret: secret.reveal().to_owned(),
        name: page::shown(new.name()),
        until: page::day(new.expires_at(visit.now)),
        opens: opens(app, new.resource()),
    }))
}

/// `POST /account/tokens/revoke`: one's own, and nobody else's.
pub async fn revoke(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let id = fields.get("id");
    let mut tx = app.store.begin().await?;
    let mine = (id, Some(session.user.id.as_str()));
    let ended = store::personal_tokens::revoke(&mut tx, &app.store, mine, "user", visit.now).await?;
    tx.commit().await?;
    if !ended {
        return Err(nothing().into());
    }
    app.store.tell(Event::GrantRevoked(id.to_owned()));
    app.audit.record(fact("token.ended", &visit, &session, id, json!({}))).await?;
    page::see_other("/account/tokens")
}

fn nothing() -> Told {
    let what = "You have no such token, or it was ended before.";
    let next = "Go back to your tokens; the page shows how things stand.";
    Told::new(StatusCode::NOT_FOUND, "no_such_token", "Nothing to end", what, next)
}

async fn page(
    app: &App,
    visit: &Visit,
    session: &Session,
    form: Form,
    status: StatusCode,
    problem: String,
    made: Option<Made>,
) -> Answer {
    let tokens = store::personal_tokens::of_user(&app.store, &session.user.id).await?;
    let (browser, jar) = session::known_browser(&app.config, visit);
    let choice = |value: &str, title: String, on: &[String]| Choice {
        is_on: on.iter().any(|one| one == value),
        value: value.to_owned(),
        title,
    };
    let scopes = app.scopes.iter().filter(|scope| !scopes::IDENTITY.contains(scope));
    let sentence = |scope: &str| scopes::told(&app.actions, scope).unwrap_or(scope).to_owned();
    let mut plugins: Vec<&str> = app.actions.all().iter().map(|action| action.plugin()).collect();
    plugins.dedup();
    let mut permissions: Vec<&str> =
        app.actions.all().iter().filter_map(|a| a.permission.as_deref()).collect();
    permissions.sort_unstable();
    permissions.dedup();
    let switch = store::clients::find(&app.store, personal::CLIENT_ID).await?;
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: browser.proof(PURPOSE).reveal().to_owned(),
        is_off: switch.is_some_and(|client| !client.is_active()),
        switch: if session.user.is_admin() { client::page_of(personal::CLIENT_ID) } else { String::new() },
        made,
        rows: tokens.into_iter().map(|token| line(app, token, visit.now)).collect(),
        problem,
        lives: LIVES,
        servers: servers(app),
        scopes: scopes.map(|scope| choice(scope, sentence(scope), &form.scopes)).collect(),
        plugins: plugins.into_iter().map(|name| choice(name, name.to_owned(), &form.plugins)).collect(),
        permissions: permissions
            .into_iter()
            .map(|name| choice(name, name.to_owned(), &form.permissions))
            .collect(),
        form,
    };
    let answer: Response = (jar, page::html(status, &page)).into_response();
    Ok(answer)
}

/// Every server by name; the paths that exist for older clients are not offered.
fn servers(app: &App) -> Vec<Choice> {
    let every = Choice { value: EVERY.to_owned(), title: "Every MCP server".to_owned(), is_on: false };
    let one = |server: &crate::access::servers::Server| {
        let path = server.paths.first()?;
        let title = match server.name {
            None => format!("Only {path}, which shows all tools"),
            Some(_) => format!("Only {} ({path})", server.title),
        };
        Some(Choice { value: app.config.public_url.at(path), title, is_on: false })
    };
    std::iter::once(every).chain(app.servers.iter().filter_map(one)).collect()
}

fn opens(app: &App, resource: &str) -> String {
    if resource == personal::EVERY {
        return "every MCP server".to_owned();
    }
    app.resources.find(resource).map_or_else(|| resource.to_owned(), |known| known.path.clone())
}

fn line(app: &App, token: PersonalToken, now: Time) -> Line {
    let is_over = !token.stands(now);
    let mut may = token.scope.to_string();
    for (what, words) in [("plugins", &token.kept.plugins), ("permissions", &token.kept.permissions)] {
        if !words.is_empty() {
            may += &format!(", only {what} {}", words.join(", "));
        }
    }
    Line {
        name: page::shown(&token.name),
        state: match token.ended_at {
            Some(_) => "Ended".to_owned(),
            None if is_over => "Expired".to_owned(),
            None => format!("Works until {}", page::day(token.expires_at)),
        },
        is_over,
        opens: opens(app, &token.resource),
        may,
        last_used: token.used_at.map_or("never".to_owned(), page::moment),
        id: token.id,
    }
}

fn fact(event: &'static str, visit: &Visit, session: &Session, id: &str, detail: serde_json::Value) -> Fact {
    Fact {
        event,
        actor: Some(session.user.id.clone()),
        client_id: Some(personal::CLIENT_ID.to_owned()),
        grant_id: Some(id.chars().take(64).collect()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail,
    }
}
