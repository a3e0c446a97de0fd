//! `authorization_code`: what a person allowed becomes the first tokens of a grant.

use super::answer::{Issue, first_refresh, may, note, tell_revoked};
use crate::app::App;
use crate::oauth::client::GrantType;
use crate::oauth::client_auth::Presented;
use crate::oauth::code::{self, Redemption};
use crate::oauth::error::Refusal;
use crate::oauth::pkce::Verifier;
use crate::secret::{Code, Secret};
use crate::store;
use crate::web::endpoints::token::authenticated;
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::rates::{Door, by_client};

/// `authorization_code` (RFC 6749 section 4.1.3).
pub(in crate::web::endpoints) async fn exchange(
    app: &App,
    presented: &Presented,
    form: &Form,
) -> Result<String, Failure> {
    let now = app.clock.now();
    let text = form.need("code")?;
    let verifier = Verifier::parse(form.need("code_verifier")?)
        .ok_or(Refusal::Malformed("code_verifier must be 43 to 128 unreserved characters"))?;
    let resources = form.resources();
    let client = authenticated(app, presented).await?;
    by_client(app, Door::Token, &client)?;
    let digest = Secret::<Code>::presented(text).ok_or(Refusal::Unknown)?.digest();
    let shown = code::Presented {
        client_id: &client.id,
        redirect_uri: form.get("redirect_uri"),
        verifier,
        key: form.key(),
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
    let scope = may(
        app,
        &client,
        (GrantType::AuthorizationCode, app.offer()),
        &found.grant,
        &found.grant.scope,
        now,
    )?;
    let next = first_refresh(app, &mut tx, &client, &found.grant, form.key(), now).await?;
    let issue = Issue {
        refresh: next.as_ref(),
        nonce: found.nonce.as_deref(),
        authenticated_at: Some(found.authenticated_at),
        ..Issue::new(&client, &found.grant, &scope, form.key())
    };
    let answer = issue.answer(app, now)?;
    tx.commit().await.map_err(store::Error::from)?;
    note(app, "token.issued", &found.grant).await;
    Ok(answer)
}
