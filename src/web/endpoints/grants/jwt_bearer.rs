//! `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 section 2.1) with an identity assertion (ID-JAG): a client acts for a
//! person whom a trusted identity provider names. Nobody is asked, since the administrator said yes for everybody.
//!
//! The assertion is written nowhere, neither in the log nor in the store, but for the digest of its `jti`.

use super::answer::{Extra, Issue, note, proved};
use crate::access::policy::{self, Ask, Behind};
use crate::app::App;
use crate::clock::Time;
use crate::config::TrustedIssuer;
use crate::identity::user::{Email, User};
use crate::oauth::client::{Client, GrantType};
use crate::oauth::client_auth::Presented;
use crate::oauth::error::Refusal;
use crate::oauth::grant::{Grant, Person};
use crate::oauth::id_jag::{Expected, IdJag, IdJagRefusal, Identified};
use crate::oauth::resource::{self, Resource};
use crate::oauth::scope::ScopeSet;
use crate::store::replays::{self, Kind};
use crate::store::subjects::{self, Subject};
use crate::store::{self, grants::NewGrant};
use crate::web::described;
use crate::web::endpoints::token::introduced;
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::issuers;
use crate::web::rates::{Door, by_client};
use crate::{access, secret};

/// One assertion.
pub(in crate::web::endpoints) async fn exchange(
    app: &App,
    presented: &Presented,
    form: &Form,
) -> Result<String, Failure> {
    let now = app.clock.now();
    let text = form.need("assertion")?;
    let asked: Option<ScopeSet> =
        form.get("scope").map(str::parse).transpose().map_err(|_| Refusal::BadScope)?;
    let named = form.resources();
    let client = introduced(app, presented).await?;
    by_client(app, Door::Token, &client)?;
    let assertion = IdJag::read(text).map_err(Refusal::IdJag)?;
    let issuer = trusted(app, &assertion, &client.id).ok_or(Refusal::IdJag(IdJagRefusal::UnknownIssuer))?;
    let keys = issuers::keys(app, issuer, assertion.kid()).await;
    let keys = keys.ok_or(Refusal::IdJag(IdJagRefusal::NoKeys))?;
    let ours = app.resources.identifiers();
    let expected = Expected { audience: app.config.issuer(), client_id: &client.id, resources: ours };
    let who = assertion.verify(&keys, &expected, now).map_err(Refusal::IdJag)?;
    // What the assertion is for and where the token is good are one pair.
    let resource = match &who.resource {
        None => resource::resolve(&named, ours).ok_or(Refusal::UnknownResource)?,
        Some(resource) if resource::agrees(&named, resource) => resource,
        Some(_) => return Err(Refusal::OtherResource.into()),
    };
    let (user, is_new) =
        person(app, issuer, &who).await?.ok_or(Refusal::IdJag(IdJagRefusal::UnknownPerson))?;
    let at = app.resources.find(resource).ok_or(Refusal::UnknownResource)?;
    let scope = wanted(at, issuer, &who, asked)?;
    let ask = Ask {
        client: &client,
        way: GrantType::JwtBearer,
        behind: Behind::Person { active: user.is_active() },
        scope: &scope,
        resource,
        offer: app.offer(),
        denied: app.config.clients.described.denies(&client),
    };
    let scope = policy::decide(&ask, now)?;
    proved(&client, form.key())?;
    let expires_at = now.plus_seconds(app.config.tokens.access_seconds);
    let new = NewGrant {
        id: secret::id(now),
        client_id: client.id.clone(),
        user_id: Some(user.id.clone()),
        scope: scope.to_string(),
        resource: resource.clone(),
        redirect_uri: None,
        authenticated_at: who.authenticated_at,
        expires_at,
    };
    record(app, &client, &new, (issuer, &who, is_new), now).await?;
    store::clients::touch(&app.store, &client.id, now).await?;
    let grant = Grant {
        id: new.id,
        client_id: new.client_id,
        user_id: new.user_id,
        person: Some(Person { id: user.id, email: user.email, name: user.name }),
        scope,
        resource: new.resource,
        authenticated_at: new.authenticated_at,
        expires_at,
        used_at: now,
        revoked_at: None,
    };
    // No refresh token: the provider is asked again, so that it can say no (section 4.4.3 of the draft).
    let extra = Extra { ends_at: Some(expires_at), ..Extra::default() };
    let issue = Issue { extra, ..Issue::new(&client, &grant, &grant.scope, form.key()) };
    let answer = issue.answer(app, now)?;
    note(app, "token.issued", &grant).await;
    Ok(answer)
}

/// The provider, if it is trusted with this client.
fn trusted<'a>(app: &'a App, assertion: &IdJag, client_id: &str) -> Option<&'a TrustedIssuer> {
    let issuer = app.config.trusted_issuers.iter().find(|known| known.issuer == assertion.issuer())?;
    issuer.clients.iter().any(|known| known == client_id).then_some(issuer)
}

fn subject<'a>(issuer: &'a TrustedIssuer, who: &'a Identified) -> Subject<'a> {
    Subject { issuer: &issuer.issuer, tenant: &who.tenant, subject: &who.subject }
}

/// The account of whoever is named, and whether it is to be linked now. Once linked, the address says nothing any more: it
/// may be somebody else's tomorrow.
async fn person(app: &App, issuer: &TrustedIssuer, who: &Identified) -> store::Result<Option<(User, bool)>> {
    if let Some(id) = subjects::find(&app.store, subject(issuer, who)).await? {
        return Ok(store::users::find(&app.store, &id).await?.map(|user| (user, false)));
    }
    let email = who
        .email
        .as_deref()
        .filter(|_| issuer.links_by_email(&who.tenant))
        .and_then(|text| Email::parse(text).ok());
    let Some(email) = email else { return Ok(None) };
    Ok(store::users::find_by_email(&app.store, &email).await?.map(|user| (user, true)))
}

/// What is asked, within what the assertion and the configuration allow; without a word of the client all of that, without
/// a word of either what only reads.
fn wanted(
    at: &Resource,
    issuer: &TrustedIssuer,
    who: &Identified,
    asked: Option<ScopeSet>,
) -> Result<ScopeSet, Refusal> {
    let mut allowed =
        who.scope.clone().unwrap_or_else(|| asked.clone().unwrap_or_else(|| at.baseline.clone()));
    if let Some(most) = &issuer.scopes {
        allowed = allowed.intersection(most);
    }
    for scope in access::scopes::IDENTITY {
        allowed = allowed.without(scope);
    }
    let Some(asked) = asked else { return Ok(allowed) };
    let cut = asked.intersection(&allowed);
    if cut.is_empty() && !asked.is_empty() { Err(Refusal::MoreScope) } else { Ok(cut) }
}

/// Uses the assertion up, links whoever is new, and writes the grant down: all of it or, where one is refused, nothing.
async fn record(
    app: &App,
    client: &Client,
    grant: &NewGrant,
    (issuer, who, is_new): (&TrustedIssuer, &Identified, bool),
    now: Time,
) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    // Dropped where one is refused, not committed.
    let (kind, once) = (Kind::IdentityAssertion, &who.once);
    if !replays::use_once_in(&mut tx, kind, &issuer.issuer, &once.id, once.until).await? {
        return Err(Refusal::IdJag(IdJagRefusal::Replayed).into());
    }
    if let Some(user) = grant.user_id.as_ref().filter(|_| is_new)
        && !subjects::link_by_address(&mut tx, subject(issuer, who), user, now).await?
    {
        return Err(Refusal::IdJag(IdJagRefusal::UnknownPerson).into());
    }
    // A client that only a document describes has no row yet, and a grant without its client's row is no live one.
    described::keep(app, &mut tx, client, now).await?;
    store::grants::add(&mut tx, grant, now).await?;
    tx.commit().await.map_err(store::Error::from)?;
    Ok(())
}
