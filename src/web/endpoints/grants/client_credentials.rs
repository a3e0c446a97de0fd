//! `client_credentials`: a program's own secret becomes an access token.

use super::answer::{Issue, note, proved};
use crate::access::policy::{self, Ask, Behind};
use crate::app::App;
use crate::oauth::client::GrantType;
use crate::oauth::client_auth::Presented;
use crate::oauth::error::Refusal;
use crate::oauth::grant::Grant;
use crate::oauth::scope::ScopeSet;
use crate::secret;
use crate::store::{self, grants::NewGrant};
use crate::web::endpoints::token::authenticated;
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::rates::{Door, by_client};

/// `client_credentials` (RFC 6749 section 4.4): a program on its own behalf.
pub(in crate::web::endpoints) async fn exchange(
    app: &App,
    presented: &Presented,
    form: &Form,
) -> Result<String, Failure> {
    let now = app.clock.now();
    let asked: Option<ScopeSet> =
        form.get("scope").map(str::parse).transpose().map_err(|_| Refusal::BadScope)?;
    let client = authenticated(app, presented).await?;
    by_client(app, Door::Token, &client)?;
    let at = app.resources.resolve(&form.resources()).ok_or(Refusal::OtherResource)?;
    let resource = &at.identifier;
    let asked = asked.unwrap_or_else(|| policy::own_ceiling(&client, at));
    let ask = Ask {
        client: &client,
        way: GrantType::ClientCredentials,
        behind: Behind::Itself,
        scope: &asked,
        resource,
        offer: app.offer(),
        denied: app.config.clients.described.denies(&client),
    };
    let scope = policy::decide(&ask, now)?;
    proved(&client, form.key())?;
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
    let issue = Issue::new(&client, &grant, &grant.scope, form.key());
    let answer = issue.answer(app, now)?;
    note(app, "token.issued", &grant).await;
    Ok(answer)
}
