//! `/authorize`, and the hub: the one place that asks what comes next.
//!
//! Every step of a sign-in does its work and returns to `/authorize/{id}`, never to another step. The only "return to"
//! anywhere is that unguessable id, never a URL (attack B10).

use axum::extract::{Path, RawQuery, State};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::{ask, consent, finished};
use crate::access::policy::{self, Ask, Behind};
use crate::app::App;
use crate::audit::Fact;
use crate::identity::session::Session;
use crate::oauth::client::{Client, ClientKind, GrantType, TrustedRedirect, is_loopback_http};
use crate::oauth::id_token;
use crate::oauth::request::{self, Bounce, RawRequest};
use crate::oauth::step::{self, AnswerTo, Decision, Issue, Pending, Step};
use crate::oauth::trust::Standing;
use crate::secret::{Code, Digest, Request, Secret};
use crate::store::codes::NewCode;
use crate::store::grants::NewGrant;
use crate::web::clients::{self, ClientRefusal, resolve};
use crate::web::described;
use crate::web::page::{self, Answer, Told, Visit};
use crate::web::stops::{answered, changed, gone, not_allowed, other_browser, told, unknown_client};
use crate::web::{pushed, session};
use crate::{limits, secret, store};

/// `GET /authorize` (RFC 6749 section 4.1.1).
pub async fn begin(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    // HEAD is safe (RFC 9110 section 9.2.1): whoever looks ahead of a person leaves no row and takes no pushed request.
    if visit.only_looks {
        return Ok(StatusCode::OK.into_response());
    }
    accept(&app, &visit, &query.unwrap_or_default()).await
}

/// `POST /authorize`, the same with parameters in the body (OAuth 2.1 section 3.1).
pub async fn begin_with_form(
    State(app): State<App>,
    visit: Visit,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Answer {
    let both = format!("{}&{}", query.unwrap_or_default(), String::from_utf8_lossy(&body));
    accept(&app, &visit, &both).await
}

async fn accept(app: &App, visit: &Visit, text: &str) -> Answer {
    let raw = RawRequest::parse(text).map_err(|show| told(&show, None))?;
    let client_id = raw.client_id().map_err(|show| told(&show, None))?;
    let client = resolve(app, client_id).await.map_err(|refusal| unknown_client(app, &refusal, client_id))?;
    let request = match raw.pushed() {
        Some(name) => pushed::take(app, visit, &client, name).await?,
        None => {
            let offered = clients::offered(app, clients::judge(app, &client).await?.standing);
            let checked = raw.check(&client, offered.offer());
            let checked = checked.and_then(|request| expected(app, &raw, &client, request));
            match checked.and_then(|request| pushed::unless_it_must_push(app, &client, request)) {
                Ok(request) => request,
                Err(request::Stop::Show(show)) => return Err(told(&show, Some(&client)).into()),
                Err(request::Stop::Bounce(bounce)) => return send_back(app, visit, &client, &bounce).await,
            }
        }
    };
    let name = Secret::<Request>::mint();
    let expires_at = visit.now.plus_seconds(limits::REQUEST_SECONDS);
    store::requests::add(&app.store, &name.digest(), &request, expires_at, visit.now).await?;
    // The whole URL: from here on the browser is at the public address, where its cookies are.
    page::see_other(&app.config.public_url.at(&hub(name.reveal())))
}

/// The request, with whom it expects (OpenID Connect Core section 3.1.2.1).
pub fn expected(
    app: &App,
    raw: &RawRequest,
    client: &Client,
    request: request::AuthorizationRequest,
) -> Result<request::AuthorizationRequest, request::Stop> {
    id_token::expect(request, raw.id_token_hint(), client, &app.keys.load(), app.config.issuer())
}

/// The hub's path for a request.
pub fn hub(id: &str) -> String {
    format!("/authorize/{id}")
}

/// An error goes to the client at once only where that cannot be used to send a stranger somewhere in our name: to
/// this computer, to a client that an administrator vouches for, or once somebody is signed in (OAuth 2.1 section
/// 7.13.2, RFC 9700 section 4.11.2). Otherwise the person reads it here.
async fn send_back(app: &App, visit: &Visit, client: &Client, bounce: &Bounce) -> Answer {
    let vouched = client.kind == ClientKind::PreRegistered || is_loopback_http(bounce.to.as_str());
    if vouched || session::current(app, visit).await?.is_some() {
        return finished::leave(app, client, &bounce.url(app.config.issuer()));
    }
    let name = page::shown(&client.name);
    let what = format!(
        "{name} asked for a sign-in in a way that this server does not accept: {}.",
        bounce.description
    );
    let next = format!("Go back to {name} and try again. If that does not help, tell its author.");
    let told = Told::new(
        StatusCode::BAD_REQUEST,
        bounce.error.as_str(),
        "That request cannot be used",
        &what,
        &next,
    );
    Err(told.author(bounce.description).into())
}

/// `GET /authorize/{id}`: the hub.
pub async fn resume(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Answer {
    // As above: the step that comes next may give the one code out, to nobody.
    if visit.only_looks {
        return Ok(StatusCode::OK.into_response());
    }
    let digest = Secret::<Request>::presented(&id).ok_or_else(|| gone(None))?.digest();
    let stored = store::requests::find(&app.store, &digest).await?.ok_or_else(|| gone(None))?;
    let (browser, jar) = session::known_browser(&app.config, &visit);
    let is_ours = match &stored.browser {
        Some(known) => known.matches(&browser.digest()),
        None => store::requests::bind(&app.store, &digest, &browser.digest()).await?,
    };
    if !is_ours {
        return Err(other_browser().into());
    }
    let session = session::current(&app, &visit).await?;
    let pending = stored.pending;
    let client_id = &pending.request.client_id;
    let client = clients::find(&app, client_id).await.map_err(|refusal| match refusal {
        ClientRefusal::Unknown => changed().into(),
        refusal => unknown_client(&app, &refusal, client_id),
    })?;
    let judged = clients::judge(&app, &client).await?;
    let remembered = match &session {
        Some(session) => store::consents::find(&app.store, &session.user.id, &pending.request).await?,
        None => None,
    };
    let who = session.as_ref().map(session::signed_in);
    let step = step::next(&pending, &client, judged.standing, who.as_ref(), remembered.as_ref(), visit.now);
    let answer = match (step, &session) {
        (Step::Consent(to), Some(session)) => {
            let proof = browser.proof(&consent::purpose(&digest, session, consent::version_shown(&client)));
            let question = consent::Question {
                id: &id,
                client: &client,
                judged,
                has_changed: remembered
                    .is_some_and(|yes| yes.document_hash != consent::version_shown(&client)),
                session,
                pending: &pending,
                to,
                proof,
            };
            consent::ask(&app, &visit, &question).await
        }
        (Step::Wait, Some(session)) => {
            let proof = browser.proof(&ask::purpose(&digest, session));
            ask::show(&app, &ask::Wait { id: &id, client: &client, session, proof }).await
        }
        (Step::Issue(issue), Some(session)) => {
            let yes = Yes { client: &client, standing: judged.standing, session, pending: &pending, issue };
            agree(&app, &visit, &digest, yes).await
        }
        (Step::Stop(stop), _) => end(&app, &visit, &digest, &client, &pending, stop).await,
        _ => page::see_other(&format!("/login?request={id}")),
    };
    Ok((jar, answer?).into_response())
}

struct Yes<'a> {
    client: &'a Client,
    standing: Standing,
    session: &'a Session,
    pending: &'a Pending,
    issue: Issue,
}

/// A yes, if what it gives may be given now (attack E10), and cut to what a client of this standing may have now: it may
/// have become a stranger since the question was put.
async fn agree(app: &App, visit: &Visit, digest: &Digest, mut yes: Yes<'_>) -> Answer {
    let Yes { client, standing, session, pending, issue } = &yes;
    let offered = clients::offered(app, *standing);
    let request = &pending.request;
    let way = match issue.to {
        AnswerTo::Redirect(_) => GrantType::AuthorizationCode,
        AnswerTo::Device => GrantType::DeviceCode,
    };
    let ask = Ask {
        client,
        way,
        behind: Behind::Person { active: session.user.is_active() },
        scope: &issue.scope,
        resource: &request.resource,
        offer: offered.offer(),
        denied: app.config.clients.described.denies(client),
    };
    let Ok(scope) = policy::decide(&ask, visit.now) else { return Err(changed().into()) };
    yes.issue.scope = scope;
    let Yes { client, session, issue, .. } = &yes;
    match (&issue.to, &request.device) {
        (AnswerTo::Redirect(to), _) => {
            let to = to.clone();
            give(app, visit, digest, yes, &to).await
        }
        (AnswerTo::Device, Some(device)) => {
            super::device::allow(app, visit, digest, client, session, (request, device, &issue.scope)).await
        }
        (AnswerTo::Device, None) => Err(changed().into()),
    }
}

/// A yes becomes a grant and a code, in one transaction, once.
async fn give(app: &App, visit: &Visit, digest: &Digest, yes: Yes<'_>, to: &TrustedRedirect) -> Answer {
    let Yes { client, session, pending, issue, .. } = yes;
    let (request, now) = (&pending.request, visit.now);
    let (grant, code) = (secret::id(now), Secret::<Code>::mint());
    let fact = |event| Fact {
        event,
        actor: Some(session.user.id.clone()),
        client_id: Some(client.id.clone()),
        grant_id: Some(grant.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"scope": issue.scope.to_string(), "resource": request.resource, "redirect_uri": request.redirect_uri}),
    };
    if issue.remembered {
        app.audit.record(fact("consent.remembered")).await?;
    }
    let mut tx = app.store.begin().await?;
    let is_first = store::requests::finish(&mut tx, digest, now).await?;
    let allowed = Decision::Allowed { user_id: session.user.id.clone(), scope: issue.scope.clone() };
    let is_said = !issue.remembered || store::requests::decide(&mut tx, digest, &allowed, now).await?;
    if !is_first || !is_said {
        tx.rollback().await?;
        return Err(answered(client).into());
    }
    let expires_at = now.plus_seconds(app.config.tokens.refresh_absolute_seconds);
    let new_grant = NewGrant {
        id: grant.clone(),
        client_id: client.id.clone(),
        user_id: Some(session.user.id.clone()),
        scope: issue.scope.to_string(),
        resource: request.resource.clone(),
        redirect_uri: Some(request.redirect_uri.clone()),
        authenticated_at: Some(session.authenticated_at),
        expires_at,
    };
    described::keep(app, &mut tx, client, now).await?;
    store::grants::add(&mut tx, &new_grant, now).await?;
    store::codes::add(&mut tx, &new_code(&code, &new_grant, request, now), now).await?;
    tx.commit().await?;
    app.audit.note(fact("grant.issued")).await;
    store::clients::touch(&app.store, &client.id, now).await?;
    let mut parameters = vec![("code", code.reveal())];
    parameters.extend(request.state.as_deref().map(|state| ("state", state)));
    parameters.push(("iss", app.config.issuer())); // RFC 9207 section 2
    finished::leave(app, client, &request::answer(to, &parameters))
}

fn new_code(
    code: &Secret<Code>,
    grant: &NewGrant,
    request: &request::AuthorizationRequest,
    now: crate::clock::Time,
) -> NewCode {
    NewCode {
        digest: code.digest(),
        grant_id: grant.id.clone(),
        client_id: grant.client_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        scope: grant.scope.clone(),
        resource: request.resource.clone(),
        nonce: request.nonce.clone(),
        key: request.dpop_jkt.clone(),
        authenticated_at: grant.authenticated_at.unwrap_or(now),
        expires_at: now.plus_seconds(limits::CODE_SECONDS),
    }
}

async fn end(
    app: &App,
    visit: &Visit,
    digest: &Digest,
    client: &Client,
    pending: &Pending,
    stop: step::Stop,
) -> Answer {
    match stop {
        step::Stop::Denied => match &pending.request.device {
            Some(device) => super::device::deny(app, visit, digest, client, device).await,
            None => Err(changed().into()),
        },
        step::Stop::Bounce(bounce) => {
            let mut tx = app.store.begin().await?;
            store::requests::finish(&mut tx, digest, visit.now).await?;
            tx.commit().await?;
            finished::leave(app, client, &bounce.url(app.config.issuer()))
        }
        step::Stop::Finished => Err(answered(client).into()),
        step::Stop::Expired => Err(gone(Some(client)).into()),
        step::Stop::ClientChanged => Err(changed().into()),
        step::Stop::NotAllowed => Err(not_allowed(app).into()),
        step::Stop::OtherUser => Err(Told::new(
            StatusCode::CONFLICT,
            "other_account",
            "Somebody else answered this",
            "This request was allowed under another account than the one that is signed in now.",
            &format!("Go back to {} and start again.", page::shown(&client.name)),
        )
        .into()),
    }
}
