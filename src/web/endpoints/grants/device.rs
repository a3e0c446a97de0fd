//! `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 section 3.4): a device asks whether a person let it in.

use super::answer::{Issue, first_refresh, may, note};
use crate::app::App;
use crate::oauth::client::GrantType;
use crate::oauth::client_auth::Presented;
use crate::oauth::device::{self, Poll};
use crate::oauth::error::Refusal;
use crate::secret::{DeviceCode, Secret};
use crate::store;
use crate::web::endpoints::token::introduced;
use crate::web::error::Failure;
use crate::web::form::Form;
use crate::web::rates::{Door, by_client};

/// One poll.
pub(in crate::web::endpoints) async fn exchange(
    app: &App,
    presented: &Presented,
    form: &Form,
) -> Result<String, Failure> {
    let now = app.clock.now();
    let text = form.need("device_code")?;
    let resources = form.resources();
    let client = introduced(app, presented).await?;
    by_client(app, Door::Token, &client)?;
    if !client.may(GrantType::DeviceCode) {
        return Err(Refusal::GrantNotRegistered.into());
    }
    let digest = Secret::<DeviceCode>::presented(text).ok_or(Refusal::Unknown)?.digest();
    let mut tx = app.store.begin().await?;
    let Some(waiting) = store::devices::poll(&mut tx, &digest, &client.id, now).await? else {
        return Err(Refusal::Unknown.into());
    };
    let shown = Poll { verifier: form.get("code_verifier"), resources: &resources };
    let grant = match device::poll(&waiting, &shown, now) {
        Ok(grant) => grant,
        Err(refusal) => {
            // The pace is written down, whatever the answer.
            tx.commit().await.map_err(store::Error::from)?;
            return Err(refusal.into());
        }
    };
    let scope = may(app, &client, (GrantType::DeviceCode, app.offer()), grant, &grant.scope, now)?;
    if !store::devices::redeem(&mut tx, &digest, now).await? {
        return Err(Refusal::Unknown.into());
    }
    let next = first_refresh(app, &mut tx, &client, grant, form.key(), now).await?;
    let issue = Issue {
        refresh: next.as_ref(),
        authenticated_at: grant.authenticated_at,
        ..Issue::new(&client, grant, &scope, form.key())
    };
    let answer = issue.answer(app, now)?;
    tx.commit().await.map_err(store::Error::from)?;
    note(app, "token.issued", grant).await;
    Ok(answer)
}
