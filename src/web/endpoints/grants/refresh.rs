//! `refresh_token`: a refresh token becomes the next one and an access token.

use super::answer::{Issue, bound, idle_end, may, note, tell_revoked};
use crate::app::App;
use crate::clock::Time;
use crate::limits;
use crate::oauth::client::{Client, GrantType};
use crate::oauth::client_auth::Presented;
use crate::oauth::error::Refusal;
use crate::oauth::refresh::{self, RefreshToken, Rotation};
use crate::oauth::scope::ScopeSet;
use crate::secret::{self, Refresh, Secret};
use crate::store;
use crate::store::refresh_tokens::Successor;
use crate::web::client_auth::prove;
use crate::web::clients;
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::rates::{Door, by_client};

/// `refresh_token` (RFC 6749 section 6). One statement reads all that it is judged by, one writes; signing and sealing
/// happen between them, with no row held. The second statement repeats the conditions, so whoever comes second decides
/// again on what the first one left.
pub(in crate::web::endpoints) async fn exchange(
    app: &App,
    presented: &Presented,
    form: &Form,
) -> Result<String, Failure> {
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
        prove(app, presented, client.as_ref()).await?;
        let client = client.ok_or(Refusal::UnknownClient)?;
        by_client(app, Door::Token, &client)?;
        let (Some(token), Some(found)) = (&token, found) else { return Err(Refusal::Unknown.into()) };
        // A grant lives for months, and who is a stranger may change meanwhile: the ceiling holds here as it does at the
        // question (attack A11).
        let offered = clients::offered(app, clients::judge(app, &client).await?.standing);
        let way = (GrantType::RefreshToken, offered.offer());
        let shown = refresh::Presented {
            client_id: &client.id,
            scope: scope.as_ref(),
            key: form.key(),
            resources: &resources,
        };
        match refresh::rotate(&found, &shown, now) {
            Rotation::Refused(refusal) => return Err(refusal.into()),
            Rotation::Repeat(sealed) => {
                may(app, &client, way, &found.grant, &found.grant.scope, now)?;
                return Ok(open(token, &digest, &sealed)?);
            }
            Rotation::Reused => {
                let mut tx = app.store.begin().await?;
                store::grants::revoke(&mut tx, &app.store, &found.grant.id, "refresh-reuse", now).await?;
                tx.commit().await.map_err(store::Error::from)?;
                tell_revoked(app, &found.grant, "refresh-reuse").await;
                return Err(Refusal::Reused.into());
            }
            Rotation::Rotate(scope) => {
                let scope = may(app, &client, way, &found.grant, &scope, now)?;
                let rotated = replace(
                    app,
                    Turn { client: &client, found: &found, token, scope: &scope, key: form.key() },
                    now,
                )
                .await?;
                if let Some(answer) = rotated {
                    return Ok(answer);
                }
            }
        }
    }
    Err(Refusal::Unknown.into())
}

/// What a token is replaced by, and with.
struct Turn<'a> {
    client: &'a Client,
    found: &'a RefreshToken,
    token: &'a Secret<Refresh>,
    scope: &'a ScopeSet,
    key: Option<&'a str>,
}

/// Replaces `token`; `None` where another request did so first.
async fn replace(app: &App, turn: Turn<'_>, now: Time) -> Result<Option<String>, Failure> {
    let Turn { client, found, token, scope, key } = turn;
    let next = Secret::<Refresh>::mint();
    let authenticated_at = found.grant.authenticated_at;
    let plain = Issue::new(client, &found.grant, scope, key);
    let issue = Issue { refresh: Some(&next), authenticated_at, ..plain };
    let answer = issue.answer(app, now)?;
    let replaces = token.digest();
    let successor = Successor {
        replaces: &replaces,
        digest: &next.digest(),
        answer: &secret::seal_under(token, replaces.as_str(), answer.as_bytes()),
        // A token that was for anybody is bound from the first proof on.
        key: found.key.as_deref().or(bound(client, key)),
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
