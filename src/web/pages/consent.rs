//! The question: may this client do these things in your name? The hub shows it; only the form here answers it.

use askama::Template;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::authorize::hub;
use crate::access::choice;
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::identity::session::Session;
use crate::identity::user::User;
use crate::oauth::client::{Client, ClientKind, GrantType};
use crate::oauth::device::Device;
use crate::oauth::scope::ScopeSet;
use crate::oauth::step::{AnswerTo, Decision, Pending};
use crate::oauth::trust::{Standing, Tier};
use crate::secret::{Csrf, Digest, Request, Secret};
use crate::web::clients::{self, ClientRefusal, Judged};
use crate::web::described;
use crate::web::logos;
use crate::web::opens::{self, Line};
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::session;
use crate::{limits, store};

/// What is asked, of whom, by whom.
pub struct Question<'a> {
    /// The request's name in the URL.
    pub id: &'a str,
    /// Who asks.
    pub client: &'a Client,
    /// How it stands here.
    pub judged: Judged,
    /// Whether its document is another one than when this person said yes before (C-24).
    pub has_changed: bool,
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
    /// Whether somebody of this organisation vouches for that described client by name.
    is_approved: bool,
    /// Whether its document changed since this person last said yes.
    has_changed: bool,
    /// Where we serve its picture.
    logo: Option<String>,
    /// What stands in its place.
    initial: String,
    /// The document that was shown, which the answer is for.
    document: &'a str,
    user: &'a User,
    /// What is asked for; where it holds some of it already, only what is new.
    lines: Vec<Choice>,
    /// What it holds already, folded, where there is something new beside it (C-23).
    held: Vec<Choice>,
    /// Whether anything can be left out.
    has_choices: bool,
    place: String,
    is_local: bool,
    /// The server that opens, where it is not the one that shows everything.
    server: Option<&'a str>,
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

/// A line, and whether it can be left out.
struct Choice {
    line: Line,
    is_optional: bool,
}

/// The version of a client's document that the page shows; empty for other kinds of client.
pub fn version_shown(client: &Client) -> &str {
    client.document_hash.as_deref().unwrap_or_default()
}

/// What a proof on this form is good for: this request, this session, this version of a described client's document, one
/// answer.
pub fn purpose(request: &Digest, session: &Session, document: &str) -> String {
    format!("consent {} {} {}", request.as_str(), session.digest.as_str(), document)
}

/// The page.
///
/// # Errors
/// [`Problem::Fault`].
pub async fn ask(app: &App, visit: &Visit, question: &Question<'_>) -> Answer {
    let Question { id, client, judged, has_changed, session, pending, to, proof } = question;
    let request = &pending.request;
    let redirect_uri = match to {
        AnswerTo::Redirect(to) => to.as_str(),
        AnswerTo::Device => "",
    };
    let (place, is_local) = opens::place(redirect_uri);
    let opened = app.server_of(&request.resource);
    let optional = opens::optional(app, &request.resource, &request.scope);
    let (lines, held) = choices(app, visit, question, &optional).await?;
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
        is_unverified: client.kind == ClientKind::SelfRegistered
            || judged.standing != Standing::Welcome(Tier::Known),
        is_approved: client.kind == ClientKind::Described && judged.is_approved,
        vouching_host: client.host(),
        has_changed: *has_changed,
        logo: logos::place(app, client).await?,
        initial: page::initial(&client.name),
        document: version_shown(client),
        user: &session.user,
        lines,
        held,
        has_choices: !optional.is_empty(),
        place,
        is_local,
        server: opened.filter(|server| server.name.is_some()).map(|server| server.title.as_str()),
        device: request.device.as_ref().map(Asking::of),
        resource: &request.resource,
        scope: request.scope.to_string(),
        client_id: &client.id,
        redirect_uri,
    };
    Ok(page::html_in_flow(StatusCode::OK, &page))
}

/// What is asked for, apart from what this client holds already for this person at this resource. Nothing is set apart
/// for a device, which could be anybody's, for a client that is not what it was, or where nothing is new: then the whole
/// question is asked again.
async fn choices(
    app: &App,
    visit: &Visit,
    question: &Question<'_>,
    optional: &ScopeSet,
) -> store::Result<(Vec<Choice>, Vec<Choice>)> {
    let Question { client, session, pending, has_changed, .. } = question;
    let request = &pending.request;
    let mut holds = ScopeSet::default();
    if request.device.is_none() && !has_changed {
        let grants = store::grants::of_user(&app.store, &session.user.id, &client.id).await?;
        for grant in grants.iter().filter(|g| g.resource == request.resource && g.stands(visit.now).is_ok()) {
            holds = holds.union(&grant.scope);
        }
    }
    let lines = opens::lines(app, &request.resource, &request.scope);
    let choice = |line: Line| Choice { is_optional: optional.contains(&line.scope), line };
    let (mut held, mut new): (Vec<Choice>, Vec<Choice>) =
        lines.into_iter().map(choice).partition(|choice| holds.contains(&choice.line.scope));
    if new.is_empty() {
        std::mem::swap(&mut held, &mut new);
    }
    if request.scope.contains("offline_access") || client.may(GrantType::RefreshToken) {
        let until = page::day(visit.now.plus_seconds(app.config.tokens.refresh_absolute_seconds));
        let sentence = format!("Stay connected until {until}, or until you disconnect it");
        let line = Line { scope: String::new(), sentence, warning: "", tools: Vec::new() };
        new.push(Choice { line, is_optional: false });
    }
    Ok((new, held))
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
    let document = form.get("document");
    let purpose = purpose(&digest, &session, document);
    let browser = session::admit_form(&app, &visit, &purpose, form.get("csrf"))?;
    if !stored.browser.as_ref().is_some_and(|known| known.matches(&browser.digest())) {
        return page::see_other(&hub(&id));
    }
    let request = stored.pending.request;
    let client = match clients::find(&app, &request.client_id).await {
        Ok(client) => Some(client),
        Err(ClientRefusal::Unavailable) => return Err(Problem::Busy),
        Err(_) => None,
    };
    let hash = client.as_ref().and_then(|client| client.document_hash.clone()).unwrap_or_default();
    // The document changed while they read: the answer was to another question (attack A14).
    if hash != document {
        return page::see_other(&hub(&id));
    }
    let (decision, event, outcome) = match form.get("decision") {
        "allow" => {
            let optional = opens::optional(&app, &request.resource, &request.scope);
            let kept =
                choice::kept(&request.scope, &optional, &form.all("scope")).ok_or_else(nothing_left)?;
            (Decision::Allowed { user_id: session.user.id.clone(), scope: kept }, "consent.allowed", "ok")
        }
        "cancel" => (Decision::Cancelled, "consent.cancelled", "cancelled"),
        _ => return Err(unreadable().into()),
    };
    let scope = match &decision {
        Decision::Allowed { scope, .. } => scope.clone(),
        _ => request.scope.clone(),
    };
    let fact = Fact {
        event,
        actor: Some(session.user.id.clone()),
        client_id: Some(request.client_id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome,
        detail: json!({"scope": scope.to_string(), "asked": request.scope.to_string(), "resource": request.resource, "redirect_uri": request.redirect_uri}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut tx = app.store.begin().await?;
    let is_first = store::requests::decide(&mut tx, &digest, &decision, visit.now).await?;
    // A yes to a device is for that one: the next could be anybody's.
    if is_first && request.device.is_none() && matches!(decision, Decision::Allowed { .. }) {
        let times = (visit.now, visit.now.plus_seconds(limits::CONSENT_SECONDS));
        let user = &session.user.id;
        store::consents::remember(&mut tx, user, &request, &scope, &hash, times).await?;
        if let Some(client) = &client {
            described::keep(&app, &mut tx, client, visit.now).await?;
        }
    }
    tx.commit().await?;
    page::see_other(&hub(&id))
}

fn nothing_left() -> Told {
    let what = "Everything was unticked, so there was nothing to allow. Nothing was decided.";
    let next = "Go back and leave something ticked, or press Cancel there.";
    Told::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing_allowed", "Nothing was left to allow", what, next)
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
