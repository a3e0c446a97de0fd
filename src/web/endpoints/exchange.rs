//! The three exchanges of the token endpoint, each in four beats: lock, decide, apply, commit.

use serde_json::json;

use super::token::authenticated;
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::oauth::claims::{AccessClaims, sign_access};
use crate::oauth::client::{Client, GrantType};
use crate::oauth::client_auth::Presented;
use crate::oauth::code::{self, Redemption};
use crate::oauth::error::Refusal;
use crate::oauth::grant::Grant;
use crate::oauth::id_token::IdToken;
use crate::oauth::pkce::Verifier;
use crate::oauth::refresh::{self, RefreshToken, Rotation};
use crate::oauth::resource::Resource;
use crate::oauth::scope::ScopeSet;
use crate::secret::{self, Code, Refresh, Secret};
use crate::store::events::Event;
use crate::store::refresh_tokens::Successor;
use crate::store::{self, grants::NewGrant};
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::{access, limits};

/// `authorization_code` (RFC 6749 section 4.1.3).
pub(super) async fn code(app: &App, presented: &Presented, form: &Form) -> Result<String, Failure> {
    let now = app.clock.now();
    let text = form.need("code")?;
    let verifier = Verifier::parse(form.need("code_verifier")?)
        .ok_or(Refusal::Malformed("code_verifier must be 43 to 128 unreserved characters"))?;
    let resources = form.resources();
    let client = authenticated(app, presented).await?;
    if !client.may(GrantType::AuthorizationCode) {
        return Err(Refusal::GrantNotRegistered.into());
    }
    let digest = Secret::<Code>::presented(text).ok_or(Refusal::Unknown)?.digest();
    let shown = code::Presented {
        client_id: &client.id,
        redirect_uri: form.get("redirect_uri"),
        verifier,
        resources: &resources,
    };
    let mut tx = app.store.begin().await?;
    let Some(found) = store::codes::lock(&mut tx, &digest, now).await? else {
        return Err(Refusal::Unknown.into());
    };
    match code::redeem(&found, &shown, now) {
        Redemption::Granted => {}
        Redemption::Replayed => {
            let grant_id = &found.grant.id;
            store::grants::revoke(&mut tx, &app.store, grant_id, "code-replay", now).await?;
            tx.commit().await.map_err(store::Error::from)?;
            tell_revoked(app, &found.grant, "code-replay").await;
            return Err(Refusal::Replayed.into());
        }
        // Dropped, not committed: the code is as it was.
        Redemption::Refused(refusal) => return Err(refusal.into()),
    }
    let wants = found.grant.scope.contains("offline_access") || client.may(GrantType::RefreshToken);
    let next = wants.then(Secret::<Refresh>::mint);
    if let Some(next) = &next {
        let end = idle_end(app, &found.grant, now);
        store::refresh_tokens::add(&mut tx, &next.digest(), &found.grant.id, end, now).await?;
    }
    let issue = Issue {
        client: &client,
        grant: &found.grant,
        scope: &found.grant.scope,
        refresh: next.as_ref(),
        nonce: found.nonce.as_deref(),
        authenticated_at: Some(found.authenticated_at),
    };
    let answer = issue.answer(app, now)?;
    tx.commit().await.map_err(store::Error::from)?;
    note(app, "token.issued", &found.grant).await;
    Ok(answer)
}

/// `refresh_token` (RFC 6749 section 6). One statement reads all that it is judged by, one writes; signing and sealing
/// happen between them, with no row held. The second statement repeats the conditions, so whoever comes second decides
/// again on what the first one left.
pub(super) async fn refresh(app: &App, presented: &Presented, form: &Form) -> Result<String, Failure> {
    let now = app.clock.now();
    let text = form.need("refresh_token")?;
    let scope: Option<ScopeSet> =
        form.get("scope").map(str::parse).transpose().map_err(|_| Refusal::BadScope)?;
    let resources = form.resources();
    let token = Secret::<Refresh>::presented(text);
    // What cannot be one of ours is still looked for, so that a client that is unknown hears of that first.
    let digest = token.as_ref().map_or_else(|| secret::Digest::of(text), Secret::digest);
    for _ in 0..limits::ROTATION_ATTEMPTS_MAX {
        let (client, found) = store::refresh_tokens::find(&app.store, &presented.client_id, &digest).await?;
        presented.prove(client.as_ref())?;
        let client = client.ok_or(Refusal::UnknownClient)?;
        let (Some(token), Some(found)) = (&token, found) else { return Err(Refusal::Unknown.into()) };
        let shown =
            refresh::Presented { client_id: &client.id, scope: scope.as_ref(), resources: &resources };
        match refresh::rotate(&found, &shown, now) {
            Rotation::Refused(refusal) => return Err(refusal.into()),
            Rotation::Repeat(sealed) => return Ok(open(token, &digest, &sealed)?),
            Rotation::Reused => {
                let mut tx = app.store.begin().await?;
                store::grants::revoke(&mut tx, &app.store, &found.grant.id, "refresh-reuse", now).await?;
                tx.commit().await.map_err(store::Error::from)?;
                tell_revoked(app, &found.grant, "refresh-reuse").await;
                return Err(Refusal::Reused.into());
            }
            Rotation::Rotate(scope) => {
                let rotated = replace(app, &client, &found, token, &scope, now).await?;
                if let Some(answer) = rotated {
                    return Ok(answer);
                }
            }
        }
    }
    Err(Refusal::Unknown.into())
}

/// Replaces `token`; `None` where another request did so first.
async fn replace(
    app: &App,
    client: &Client,
    found: &RefreshToken,
    token: &Secret<Refresh>,
    scope: &ScopeSet,
    now: Time,
) -> Result<Option<String>, Failure> {
    let next = Secret::<Refresh>::mint();
    let authenticated_at = found.grant.authenticated_at;
    let issue =
        Issue { client, grant: &found.grant, scope, refresh: Some(&next), nonce: None, authenticated_at };
    let answer = issue.answer(app, now)?;
    let replaces = token.digest();
    let successor = Successor {
        replaces: &replaces,
        digest: &next.digest(),
        answer: &secret::seal_under(token, replaces.as_str(), answer.as_bytes()),
        expires_at: idle_end(app, &found.grant, now),
    };
    if !store::refresh_tokens::rotate(&app.store, &successor, now).await? {
        return Ok(None);
    }
    if found.grant.used_at <= now.plus_seconds(-limits::GRANT_USED_SECONDS) {
        // The answer is given already; a use that is not noted must not take it back.
        let touched = store::grants::touch(&app.store, &found.grant.id, now).await;
        let touched = touched.and(store::clients::touch(&app.store, &client.id, now).await);
        if let Err(error) = touched {
            tracing::warn!(%error, "a use could not be noted");
        }
    }
    note(app, "token.refreshed", &found.grant).await;
    Ok(Some(answer))
}

fn open(token: &Secret<Refresh>, digest: &secret::Digest, sealed: &str) -> Result<String, Refusal> {
    let plain = secret::open_under(token, digest.as_str(), sealed).map_err(|_| Refusal::Unknown)?;
    String::from_utf8(plain).map_err(|_| Refusal::Unknown)
}

/// `client_credentials` (RFC 6749 section 4.4): a program on its own behalf.
pub(super) async fn client_credentials(
    app: &App,
    presented: &Presented,
    form: &Form,
) -> Result<String, Failure> {
    let now = app.clock.now();
    let asked: Option<ScopeSet> =
        form.get("scope").map(str::parse).transpose().map_err(|_| Refusal::BadScope)?;
    let client = authenticated(app, presented).await?;
    if client.secret_digest.is_none() {
        return Err(Refusal::PublicClient.into());
    }
    if !client.may(GrantType::ClientCredentials) {
        return Err(Refusal::GrantNotRegistered.into());
    }
    let at = app.resources.resolve(&form.resources()).ok_or(Refusal::OtherResource)?;
    let (scope, resource) = (own_scope(at, &client, asked.as_ref())?, &at.identifier);
    let (id, expires_at) = (secret::id(now), now.plus_seconds(app.config.tokens.refresh_absolute_seconds));
    let known =
        store::grants::find_of_client(&app.store, &client.id, resource, &scope.to_string(), now).await?;
    let grant_id = match known {
        Some(id) => id,
        None => {
            let new = NewGrant {
                id: id.clone(),
                client_id: client.id.clone(),
                user_id: None,
                scope: scope.to_string(),
                resource: resource.clone(),
                redirect_uri: None,
                authenticated_at: None,
                expires_at,
            };
            let mut tx = app.store.begin().await?;
            store::grants::add(&mut tx, &new, now).await?;
            tx.commit().await.map_err(store::Error::from)?;
            store::clients::touch(&app.store, &client.id, now).await?;
            id
        }
    };
    let grant = Grant {
        id: grant_id,
        client_id: client.id.clone(),
        user_id: None,
        person: None,
        scope,
        resource: resource.clone(),
        authenticated_at: None,
        expires_at,
        used_at: now,
        revoked_at: None,
    };
    // No refresh token: the secret itself is the way to the next one (RFC 6749 section 4.4.3).
    let issue = Issue {
        client: &client,
        grant: &grant,
        scope: &grant.scope,
        refresh: None,
        nonce: None,
        authenticated_at: None,
    };
    let answer = issue.answer(app, now)?;
    note(app, "token.issued", &grant).await;
    Ok(answer)
}

/// What a program may have on its own behalf: what it registered, or else what only reads; never a person's identity.
fn own_scope(at: &Resource, client: &Client, asked: Option<&ScopeSet>) -> Result<ScopeSet, Refusal> {
    let registered: Option<ScopeSet> = client.metadata.scope.as_deref().and_then(|text| text.parse().ok());
    let mut allowed = registered.map_or_else(|| at.baseline.clone(), |r| r.intersection(&at.scopes));
    for scope in access::scopes::IDENTITY {
        allowed = allowed.without(scope);
    }
    let Some(asked) = asked else { return Ok(allowed) };
    let cut = asked.intersection(&allowed);
    if cut.is_empty() && !asked.is_empty() { Err(Refusal::MoreScope) } else { Ok(cut) }
}

/// Dead if unused until then, and never beyond the grant.
fn idle_end(app: &App, grant: &Grant, now: Time) -> Time {
    grant.expires_at.min(now.plus_seconds(app.config.tokens.refresh_idle_seconds))
}

async fn note(app: &App, event: &'static str, grant: &Grant) {
    app.audit.note(fact(event, grant, "ok")).await;
}

/// After the commit: this node at once, then the log.
async fn tell_revoked(app: &App, grant: &Grant, reason: &'static str) {
    app.store.tell(Event::GrantRevoked(grant.id.clone()));
    app.audit.note(fact("grant.revoked", grant, reason)).await;
}

fn fact(event: &'static str, grant: &Grant, outcome: &'static str) -> Fact {
    Fact {
        event,
        actor: grant.user_id.clone(),
        client_id: Some(grant.client_id.clone()),
        grant_id: Some(grant.id.clone()),
        outcome,
        ..Fact::default()
    }
}

/// What an answer is made from.
struct Issue<'a> {
    client: &'a Client,
    grant: &'a Grant,
    scope: &'a ScopeSet,
    refresh: Option<&'a Secret<Refresh>>,
    nonce: Option<&'a str>,
    authenticated_at: Option<Time>,
}

impl Issue<'_> {
    /// Signs, and builds the answer (RFC 6749 section 5.1). `scope` is always there, so that nobody has to guess.
    fn answer(&self, app: &App, now: Time) -> Result<String, Failure> {
        let seconds = app.config.tokens.access_seconds;
        let keys = app.keys.load();
        let person = self.grant.person.as_ref();
        let claims = AccessClaims {
            issuer: app.config.issuer().to_owned(),
            subject: person.map_or(&self.client.id, |person| &person.id).clone(),
            audience: self.grant.resource.clone(),
            client_id: self.client.id.clone(),
            scope: self.scope.clone(),
            token_id: secret::id(now),
            grant_id: self.grant.id.clone(),
            username: person.map_or(&self.client.name, |person| &person.email).clone(),
            is_user: person.is_some(),
            issued_at: now,
            expires_at: now.plus_seconds(seconds),
        };
        let access = sign_access(&claims, keys.signing())?;
        let scope = self.scope.to_string();
        let mut answer =
            json!({"access_token": access, "token_type": "Bearer", "expires_in": seconds, "scope": scope});
        if let Some(refresh) = self.refresh {
            answer["refresh_token"] = json!(refresh.reveal());
        }
        if let Some(person) = person.filter(|_| self.scope.contains("openid")) {
            let id_token = IdToken {
                issuer: app.config.issuer(),
                client_id: &self.client.id,
                person,
                scope: self.scope,
                nonce: self.nonce,
                authenticated_at: self.authenticated_at,
                access_token: &access,
                issued_at: now,
                expires_at: claims.expires_at,
            };
            answer["id_token"] = json!(id_token.sign(keys.signing())?);
        }
        Ok(answer.to_string())
    }
}
