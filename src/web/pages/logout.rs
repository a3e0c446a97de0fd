//! Signing out: by the button on the account page, or because a client asks (OpenID Connect RP-Initiated Logout).
//!
//! A client that shows an ID token of the person who is signed in is believed. Whoever shows none could be any site that
//! wants to annoy, so the person is asked. Only the session of this browser ends: what was allowed stays allowed.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;

use super::finished;
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::oauth::client::{Client, TrustedRedirect, is_loopback_http};
use crate::oauth::id_token::{self, Hint};
use crate::oauth::request;
use crate::web::clients;
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::session;
use crate::{limits, store};

/// What its forms are for.
pub const PURPOSE: &str = "logout";

#[derive(Template)]
#[template(path = "logout.html")]
struct Page<'a> {
    frame: Frame,
    csrf: &'a str,
    /// Who is signed in; nobody where it is done.
    email: Option<&'a str>,
    client: Option<String>,
    host: String,
    asked: [(&'static str, &'a str); 4],
    /// Where a click leads, where nothing is left to be asked.
    leave: Option<String>,
}

/// What a client asks for.
struct Asked {
    hint: Option<Hint>,
    client: Option<Client>,
    /// A place that the client registered for this, whole with its `state`.
    to: Option<(TrustedRedirect, String)>,
}

const NAMES: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// `GET /logout`.
pub async fn ask(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    begin(&app, &visit, &Fields::of(query.unwrap_or_default().as_bytes())).await
}

/// `POST /logout`: the answer of our own form, or a client that asks by a form of its own.
pub async fn answer(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let fields = Fields::of(&body);
    if !fields.has("csrf") {
        return begin(&app, &visit, &fields).await;
    }
    session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let asked = read(&app, &fields).await?;
    end(&app, &visit, &asked).await
}

async fn begin(app: &App, visit: &Visit, fields: &Fields) -> Answer {
    let asked = read(app, fields).await?;
    let session = session::current(app, visit).await?;
    let is_theirs = |s: &Session| asked.hint.as_ref().is_some_and(|hint| hint.subject == s.user.id);
    let at_once = !visit.only_looks && may_lead_away(app, &asked).await?;
    match &session {
        Some(session) if is_theirs(session) && at_once => end(app, visit, &asked).await,
        // Nothing to end, and an ID token of ours says that the client was here with this person.
        None if asked.hint.is_some() && asked.to.is_some() && at_once => end(app, visit, &asked).await,
        _ => Ok(page(app, visit, fields, &asked, session.as_ref())),
    }
}

/// Whether the browser may be sent on without a word. Anybody can register a client and a place, sign in once, and put the
/// ID token into a link that begins with our name: to such a place the person goes by their own click, once they read
/// where it leads (RFC 9700 section 4.11.2).
async fn may_lead_away(app: &App, asked: &Asked) -> store::Result<bool> {
    match (&asked.client, &asked.to) {
        (Some(client), Some((to, _))) => {
            Ok(is_loopback_http(to.as_str()) || clients::judge(app, client).await?.is_approved)
        }
        _ => Ok(true),
    }
}

/// What cannot be used is as good as absent: the person is to be signed out, not to read about a client's faults. Only a
/// request that contradicts itself is refused.
async fn read(app: &App, fields: &Fields) -> Result<Asked, page::Problem> {
    let text = fields.get("id_token_hint");
    let hint = (text.len() <= limits::PARAMETER_BYTES_MAX)
        .then(|| id_token::read_hint(text, &app.keys.load(), app.config.issuer()))
        .flatten();
    let named = Some(fields.get("client_id")).filter(|id| !id.is_empty());
    if let (Some(hint), Some(named)) = (&hint, named)
        && hint.client_id != named
    {
        let what = "The request names one app and brings the ID token of another.";
        let next = "Go back to the app you came from, or sign out on your account page here.";
        let told =
            Told::new(StatusCode::BAD_REQUEST, "invalid_request", "That request cannot be used", what, next);
        return Err(told.author("client_id must be the aud of id_token_hint.").into());
    }
    let client = match hint.as_ref().map(|hint| hint.client_id.as_str()).or(named) {
        Some(id) => store::clients::find(&app.store, id).await?.filter(Client::is_active),
        None => None,
    };
    let to = client.as_ref().and_then(|c| c.after_logout(fields.get("post_logout_redirect_uri")));
    let state = Some(fields.get("state")).filter(|s| !s.is_empty() && s.len() <= limits::STATE_BYTES_MAX);
    let to = to.map(|to| {
        let url = state.map_or(to.as_str().to_owned(), |state| request::answer(&to, &[("state", state)]));
        (to, url)
    });
    Ok(Asked { hint, client, to })
}

async fn end(app: &App, visit: &Visit, asked: &Asked) -> Answer {
    if let Some(session) = session::current(app, visit).await? {
        let fact = Fact {
            event: "user.sign-out",
            actor: Some(session.user.id),
            client_id: asked.client.as_ref().map(|client| client.id.clone()),
            request_id: Some(visit.request_id.clone()),
            outcome: "ok",
            ..Fact::default()
        };
        app.audit.note(fact).await;
    }
    let jar = session::end(app, visit).await?;
    let next = match (&asked.to, &asked.client) {
        (Some((_, url)), Some(client)) => finished::leave(app, client, url)?,
        _ => page::see_other("/")?,
    };
    Ok((jar, next).into_response())
}

fn page(app: &App, visit: &Visit, fields: &Fields, asked: &Asked, session: Option<&Session>) -> Response {
    let (browser, jar) = session::known_browser(&app.config, visit);
    let proof = browser.proof(PURPOSE);
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: proof.reveal(),
        email: session.map(|session| session.user.email.as_str()),
        client: asked.client.as_ref().map(|client| page::shown(&client.name)),
        host: asked.to.as_ref().map(|(to, _)| place(to.as_str())).unwrap_or_default(),
        asked: NAMES.map(|name| (name, fields.get(name))),
        leave: asked.to.as_ref().map(|(_, url)| url.clone()),
    };
    (jar, page::html_in_flow(StatusCode::OK, &page)).into_response()
}

/// The host that the browser goes to, or the program that opens.
fn place(uri: &str) -> String {
    let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
    let host = rest.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    if scheme.starts_with("http") { host.to_owned() } else { format!("{scheme}:") }
}
