//! The question: may this client do these things in your name? The hub shows it; only the form here answers it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use url::Url;

use super::authorize::hub;
use crate::access::scopes;
use crate::actions::Effect;
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::identity::session::Session;
use crate::identity::user::User;
use crate::oauth::client::{Client, ClientKind, GrantType};
use crate::oauth::device::Device;
use crate::oauth::step::{AnswerTo, Decision, Pending};
use crate::secret::{Csrf, Digest, Request, Secret};
use crate::web::page::{self, Answer, Fields, Frame, Told, Visit};
use crate::web::session;
use crate::{limits, store};

/// What is asked, of whom, by whom.
pub struct Question<'a> {
    /// The request's name in the URL.
    pub id: &'a str,
    /// Who asks.
    pub client: &'a Client,
    /// Who is asked.
    pub session: &'a Session,
    /// What for.
    pub pending: &'a Pending,
    /// Where the answer goes.
    pub to: AnswerTo,
    /// What the form carries.
    pub proof: Secret<Csrf>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    frame: Frame,
    id: &'a str,
    csrf: &'a str,
    client: String,
    badge: &'static str,
    is_unverified: bool,
    /// Of a described client: the host that vouches for it.
    vouching_host: Option<String>,
    user: &'a User,
    lines: Vec<Line>,
    place: String,
    is_local: bool,
    /// The device that asks, instead of a place that the answer goes to.
    device: Option<Asking<'a>>,
    resource: &'a str,
    scope: String,
    client_id: &'a str,
    redirect_uri: &'a str,
}

/// What tells a person whether a device is the one before them (attack E09).
struct Asking<'a> {
    user_code: &'a str,
    address: &'a str,
    user_agent: &'a str,
    at: String,
}

impl<'a> Asking<'a> {
    fn of(device: &'a Device) -> Self {
        let at = Time::from_seconds(device.asked_at);
        let (user_code, address, user_agent) = (&device.user_code, &device.address, &device.user_agent);
        Self { user_code, address, user_agent, at: page::moment(at) }
    }
}

struct Line {
    sentence: String,
    /// In words beside the colour: who cannot see the one can read the other.
    warning: &'static str,
    tools: Vec<Tool>,
}

struct Tool {
    title: String,
    effect: &'static str,
}

/// What a proof on this form is good for: this request, this session, one answer.
pub fn purpose(request: &Digest, session: &Session) -> String {
    format!("consent {} {}", request.as_str(), session.digest.as_str())
}

/// The page.
pub fn ask(app: &App, visit: &Visit, question: &Question<'_>) -> Response {
    let Question { id, client, session, pending, to, proof } = question;
    let request = &pending.request;
    let redirect_uri = match to {
        AnswerTo::Redirect(to) => to.as_str(),
        AnswerTo::Device => "",
    };
    let (place, is_local) = place(redirect_uri);
    let page = Page {
        frame: Frame::of(&app.config),
        id,
        csrf: proof.reveal(),
        client: page::shown(&client.name),
        badge: match client.kind {
            ClientKind::PreRegistered => "Registered by your admin",
            ClientKind::Described => "Self-declared by",
            ClientKind::SelfRegistered => "Registered itself (unverified)",
        },
        is_unverified: client.kind == ClientKind::SelfRegistered,
        vouching_host: client.host(),
        user: &session.user,
        lines: lines(app, visit, client, pending),
        place,
        is_local,
        device: request.device.as_ref().map(Asking::of),
        resource: &request.resource,
        scope: request.scope.to_string(),
        client_id: &client.id,
        redirect_uri,
    };
    page::html_in_flow(StatusCode::OK, &page)
}

/// Where the answer goes, as far as a person can judge it: the origin on the web, the whole URI of a program's own
/// scheme (C-03); and whether that is a program on this computer, which nobody can vouch for.
fn place(uri: &str) -> (String, bool) {
    let Some(url) = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return (uri.to_owned(), true);
    };
    // The parser's host is punycode: letters that look like others show.
    let host = url.host_str().unwrap_or_default();
    let shown = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    (shown, crate::config::is_loopback(&url))
}

fn lines(app: &App, visit: &Visit, client: &Client, pending: &Pending) -> Vec<Line> {
    let scope = &pending.request.scope;
    let mut lines: Vec<Line> = scope
        .iter()
        .filter(|name| scopes::is_shown(name) && *name != "offline_access")
        .filter_map(|name| line(app, name))
        .collect();
    if scope.contains("offline_access") || client.may(GrantType::RefreshToken) {
        let until = page::day(visit.now.plus_seconds(app.config.tokens.refresh_absolute_seconds));
        let sentence = format!("Stay connected until {until}, or until it is disconnected");
        lines.push(Line { sentence, warning: "", tools: Vec::new() });
    }
    lines
}

fn line(app: &App, scope: &str) -> Option<Line> {
    let unlocked = app.actions.all().iter().filter(|action| action.scope.as_deref() == Some(scope));
    let mut worst = Effect::Read;
    let mut tools = Vec::new();
    for action in unlocked {
        worst = worst.max(action.effect);
        let effect = match action.effect {
            Effect::Read => "reads",
            Effect::Change => "changes",
            Effect::Delete => "can delete",
        };
        tools.push(Tool { title: action.title.clone(), effect });
    }
    let warning = match worst {
        Effect::Read => "",
        Effect::Change => "changes things",
        Effect::Delete => "can delete things",
    };
    Some(Line { sentence: scopes::sentence(scope)?.to_owned(), warning, tools })
}

/// `GET /consent/{id}`: the question is the hub's to ask.
pub async fn back(Path(id): Path<String>) -> Answer {
    let known = Secret::<Request>::presented(&id).ok_or_else(unreadable)?;
    page::see_other(&hub(known.reveal()))
}

/// `POST /consent/{id}`: Allow or Cancel. Whether the client is still welcome and its redirect still its own is
/// asked again by the hub, right after (C-28).
pub async fn decide(State(app): State<App>, Path(id): Path<String>, visit: Visit, body: Bytes) -> Answer {
    let form = Fields::of(&body);
    let name = Secret::<Request>::presented(&id).ok_or_else(unreadable)?;
    let digest = name.digest();
    let stored = store::requests::find(&app.store, &digest).await?;
    let session = session::current(&app, &visit).await?;
    // Timed out or signed out meanwhile: the hub says so, or asks to sign in again.
    let (Some(stored), Some(session)) = (stored, session) else { return page::see_other(&hub(&id)) };
    let browser = session::admit_form(&app, &visit, &purpose(&digest, &session), form.get("csrf"))?;
    if !stored.browser.as_ref().is_some_and(|known| known.matches(&browser.digest())) {
        return page::see_other(&hub(&id));
    }
    let request = stored.pending.request;
    let (decision, event, outcome) = match form.get("decision") {
        "allow" => {
            let yes = Decision::Allowed { user_id: session.user.id.clone(), scope: request.scope.clone() };
            (yes, "consent.allowed", "ok")
        }
        "cancel" => (Decision::Cancelled, "consent.cancelled", "cancelled"),
        _ => return Err(unreadable().into()),
    };
    let fact = Fact {
        event,
        actor: Some(session.user.id.clone()),
        client_id: Some(request.client_id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome,
        detail: json!({"scope": request.scope.to_string(), "resource": request.resource, "redirect_uri": request.redirect_uri}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let hash = store::clients::find(&app.store, &request.client_id).await?.and_then(|c| c.document_hash);
    let mut tx = app.store.begin().await?;
    let is_first = store::requests::decide(&mut tx, &digest, &decision, visit.now).await?;
    // A yes to a device is for that one: the next could be anybody's.
    if is_first && request.device.is_none() && matches!(decision, Decision::Allowed { .. }) {
        let times = (visit.now, visit.now.plus_seconds(limits::CONSENT_SECONDS));
        let (user, hash) = (&session.user.id, hash.unwrap_or_default());
        store::consents::remember(&mut tx, user, &request, &request.scope, &hash, times).await?;
    }
    tx.commit().await?;
    page::see_other(&hub(&id))
}

fn unreadable() -> Told {
    let next = "Go back to the app you came from and start again.";
    Told::new(
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "That form cannot be read",
        "It says neither Allow nor Cancel.",
        next,
    )
}
