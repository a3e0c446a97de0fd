//! What every grant ends in: the answer of the token endpoint, and the words for the audit log.

use serde_json::json;

use crate::access::policy::{self, Ask, Behind};
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::oauth::claims::{AccessClaims, sign_access};
use crate::oauth::client::{Client, GrantType};
use crate::oauth::error::Refusal;
use crate::oauth::exchange::{ACCESS_TOKEN, Actor};
use crate::oauth::grant::Grant;
use crate::oauth::id_token::IdToken;
use crate::oauth::request::Offer;
use crate::oauth::scope::ScopeSet;
use crate::secret::{self, Refresh, Secret};
use crate::store::events::Event;
use crate::store::{self, refresh_tokens::First};
use crate::web::error::Failure;

/// What may be issued of `scope` under `grant` to `client` in this `way`, out of what there is to give.
///
/// # Errors
/// As [`policy::decide`].
pub(super) fn may(
    app: &App,
    client: &Client,
    (way, offer): (GrantType, Offer<'_>),
    grant: &Grant,
    scope: &ScopeSet,
    now: Time,
) -> Result<ScopeSet, Refusal> {
    let (behind, resource) = (Behind::Grant(grant), grant.resource.as_str());
    let denied = app.config.clients.described.denies(client);
    policy::decide(&Ask { client, way, behind, scope, resource, offer, denied }, now)
}

/// Dead if unused until then, and never beyond the grant.
pub(super) fn idle_end(app: &App, grant: &Grant, now: Time) -> Time {
    grant.expires_at.min(now.plus_seconds(app.config.tokens.refresh_idle_seconds))
}

/// The key that a refresh token is bound to: a public client has no other proof that it is itself (RFC 9449 section 5).
/// One with a secret may change its keys.
pub(super) fn bound<'k>(client: &Client, key: Option<&'k str>) -> Option<&'k str> {
    key.filter(|_| !client.is_confidential())
}

/// The first refresh token of a grant, recorded, where its client is to have one.
pub(super) async fn first_refresh(
    app: &App,
    tx: &mut store::Tx,
    client: &Client,
    grant: &Grant,
    key: Option<&str>,
    now: Time,
) -> Result<Option<Secret<Refresh>>, Failure> {
    if !grant.scope.contains("offline_access") && !client.may(GrantType::RefreshToken) {
        return Ok(None);
    }
    let token = Secret::<Refresh>::mint();
    let (digest, expires_at) = (token.digest(), idle_end(app, grant, now));
    let first = First { digest: &digest, grant_id: &grant.id, key: bound(client, key), expires_at };
    store::refresh_tokens::add(tx, &first, now).await?;
    Ok(Some(token))
}

/// Asks a client that promised proofs for one (RFC 9449 section 5.2). Before anything is used up or written: a refusal
/// changes nothing.
pub(super) fn proved(client: &Client, key: Option<&str>) -> Result<(), Refusal> {
    if client.metadata.dpop_bound_access_tokens && key.is_none() {
        return Err(Refusal::NoProof);
    }
    Ok(())
}

pub(super) async fn note(app: &App, event: &'static str, grant: &Grant) {
    app.audit.note(fact(event, grant, "ok")).await;
}

/// After the commit: this node at once, then the log.
pub(super) async fn tell_revoked(app: &App, grant: &Grant, reason: &'static str) {
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
pub(super) struct Issue<'a> {
    pub(super) client: &'a Client,
    pub(super) grant: &'a Grant,
    pub(super) scope: &'a ScopeSet,
    pub(super) refresh: Option<&'a Secret<Refresh>>,
    /// The key that the request proves; the access token is bound to it.
    pub(super) key: Option<&'a str>,
    pub(super) nonce: Option<&'a str>,
    pub(super) authenticated_at: Option<Time>,
    pub(super) extra: Extra,
}

/// What the rarer grants say besides.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// Who acts (RFC 8693 section 4.1).
    pub(super) actor: Option<Actor>,
    /// Whether `issued_token_type` is told (RFC 8693 section 2.2.1).
    pub(super) is_exchanged: bool,
    /// The end of the access token, where that is not its usual one. No ID token goes with such a one.
    pub(super) ends_at: Option<Time>,
}

impl<'a> Issue<'a> {
    /// An access token and nothing else, bound to the key that the request proves, if it does.
    pub(super) fn new(
        client: &'a Client,
        grant: &'a Grant,
        scope: &'a ScopeSet,
        key: Option<&'a str>,
    ) -> Self {
        let (nonce, authenticated_at, extra) = (None, None, Extra::default());
        Self { client, grant, scope, refresh: None, key, nonce, authenticated_at, extra }
    }

    /// Signs, and builds the answer (RFC 6749 section 5.1). `scope` is always there, so that nobody has to guess.
    pub(super) fn answer(&self, app: &App, now: Time) -> Result<String, Failure> {
        proved(self.client, self.key)?;
        let usual = now.plus_seconds(app.config.tokens.access_seconds);
        let expires_at = self.extra.ends_at.unwrap_or(usual);
        let seconds = expires_at.seconds() - now.seconds();
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
            key: self.key.map(str::to_owned),
            actor: self.extra.actor.clone(),
            issued_at: now,
            expires_at,
        };
        let access = sign_access(&claims, keys.signing())?;
        let scope = self.scope.to_string();
        let kind = if self.key.is_some() { "DPoP" } else { "Bearer" };
        let mut answer =
            json!({"access_token": access, "token_type": kind, "expires_in": seconds, "scope": scope});
        if self.extra.is_exchanged {
            answer["issued_token_type"] = json!(ACCESS_TOKEN);
        }
        if let Some(refresh) = self.refresh {
            answer["refresh_token"] = json!(refresh.reveal());
        }
        if let Some(person) = person.filter(|_| self.scope.contains("openid") && self.extra.ends_at.is_none())
        {
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
