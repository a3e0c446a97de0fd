//! `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): a program that was called with a token of a person gets one
//! for the next resource, to act for them there.

use super::answer::{Extra, Issue, note, proved};
use crate::access::policy::{self, Ask, Behind};
use crate::app::App;
use crate::clock::Time;
use crate::oauth::claims::{self, AccessClaims};
use crate::oauth::client::GrantType;
use crate::oauth::client_auth::Presented;
use crate::oauth::error::{Code, Refusal};
use crate::oauth::exchange::{self, ACCESS_TOKEN};
use crate::oauth::grant::Grant;
use crate::oauth::scope::ScopeSet;
use crate::secret;
use crate::store::{self, grants::NewGrant};
use crate::web::endpoints::token::authenticated;
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::rates::{Door, by_client};

/// One exchange.
pub(in crate::web::endpoints) async fn exchange(
    app: &App,
    presented: &Presented,
    form: &Form,
) -> Result<String, Failure> {
    let now = app.clock.now();
    let (subject_token, actor_token) = tokens(form)?;
    let asked: Option<ScopeSet> =
        form.get("scope").map(str::parse).transpose().map_err(|_| Refusal::BadScope)?;
    let mut targets = form.resources();
    targets.extend(form.get("audience").map(str::to_owned));
    let client = authenticated(app, presented).await?;
    by_client(app, Door::Token, &client)?;
    if !client.may(GrantType::TokenExchange) {
        return Err(Refusal::GrantNotRegistered.into());
    }
    let key = form.key();
    let subject = live(app, subject_token, key, now).await?.ok_or(Refusal::BadSubject)?;
    let actor = match actor_token {
        Some(token) => Some(live(app, token, key, now).await?.ok_or(Refusal::BadActor)?),
        None => None,
    };
    let found = store::grants::find(&app.store, &subject.grant_id).await?.ok_or(Refusal::BadSubject)?;
    let allowed = app.config.exchange.get(&client.id).map(Vec::as_slice).unwrap_or_default();
    let ask = exchange::Ask {
        client_id: &client.id,
        subject: &subject,
        actor: actor.as_ref(),
        targets: &targets,
        allowed,
        scope: asked.as_ref(),
    };
    let given = exchange::decide(&ask, app.config.tokens.access_seconds, now)?;
    let ask = Ask {
        client: &client,
        way: GrantType::TokenExchange,
        behind: Behind::Grant(&found),
        scope: &given.scope,
        resource: &given.resource,
        offer: app.offer(),
        denied: app.config.clients.described.denies(&client),
    };
    let scope = policy::decide(&ask, now).map_err(as_subject)?;
    proved(&client, key)?;
    let new = NewGrant {
        id: secret::id(now),
        client_id: client.id.clone(),
        user_id: found.user_id.clone(),
        scope: scope.to_string(),
        resource: given.resource.clone(),
        redirect_uri: None,
        authenticated_at: found.authenticated_at,
        expires_at: given.expires_at,
    };
    let mut tx = app.store.begin().await?;
    store::grants::add(&mut tx, &new, now).await?;
    store::grants::add_source(&mut tx, &new.id, &found.id, &subject.token_id).await?;
    tx.commit().await.map_err(store::Error::from)?;
    store::clients::touch(&app.store, &client.id, now).await?;
    let (client_id, resource) = (client.id.clone(), given.resource.clone());
    let grant =
        Grant { id: new.id, client_id, resource, scope, expires_at: given.expires_at, used_at: now, ..found };
    let extra = Extra { actor: Some(given.actor), is_exchanged: true, ends_at: Some(given.expires_at) };
    let issue = Issue { extra, ..Issue::new(&client, &grant, &grant.scope, form.key()) };
    let answer = issue.answer(app, now)?;
    note(app, "token.exchanged", &grant).await;
    Ok(answer)
}

/// The two tokens, by the names of their types (section 2.1): only access tokens are known here.
fn tokens(form: &Form) -> Result<(&str, Option<&str>), Refusal> {
    let subject = form.need("subject_token")?;
    if form.need("subject_token_type")? != ACCESS_TOKEN {
        return Err(Refusal::Malformed("subject_token_type must be that of an access token"));
    }
    if form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(Refusal::Malformed("requested_token_type must be that of an access token"));
    }
    match (form.get("actor_token"), form.get("actor_token_type")) {
        (None, None) => Ok((subject, None)),
        (Some(actor), Some(ACCESS_TOKEN)) => Ok((subject, Some(actor))),
        _ => {
            Err(Refusal::Malformed("actor_token and actor_token_type, that of an access token, go together"))
        }
    }
}

/// What a token says, if it is one of ours, good now, and its grant lives. One that is bound to a key is taken from whoever
/// proves `key`, the same one, with this very request: anybody else found it or was lent it (attack E08).
async fn live(app: &App, token: &str, key: Option<&str>, now: Time) -> Result<Option<AccessClaims>, Failure> {
    let read = claims::verify_for_any_audience(token, &app.keys.load(), app.config.issuer(), now);
    let Ok(read) = read else { return Ok(None) };
    if read.key.is_some() && read.key.as_deref() != key {
        return Ok(None);
    }
    let is_live = store::grants::is_live(&app.store, &read.grant_id, &read.token_id).await?;
    Ok(is_live.then_some(read))
}

/// What is wrong with a subject's grant is wrong with the subject: `invalid_request` (section 2.2.2).
fn as_subject(refusal: Refusal) -> Refusal {
    if refusal.code() == Code::InvalidGrant { Refusal::BadSubject } else { refusal }
}
