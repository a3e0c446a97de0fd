//! `POST /revoke` (RFC 7009): a client gives a token back. A refresh token ends its whole grant, an access token itself. A
//! personal access token is ended by whoever holds it.
//!
//! `token_type_hint` is not needed: a token shows what it is. A wrong hint therefore changes nothing (section 2.1).

use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::token::{authenticated, presented};
use crate::access::personal;
use crate::app::App;
use crate::audit::Fact;
use crate::oauth::claims;
use crate::oauth::client::Client;
use crate::oauth::error::Refusal;
use crate::secret::{Personal, Refresh, Secret};
use crate::store::events::Event;
use crate::web::error::{Failure, NEVER_KEPT};
use crate::web::form::Form;
use crate::web::rates::{Door, by_client};
use crate::{limits, store};

/// The endpoint.
pub fn endpoint() -> MethodRouter<App> {
    let limit = DefaultBodyLimit::max(limits::TOKEN_FORM_BYTES_MAX);
    post(revoke).layer(limit)
}

async fn revoke(State(app): State<App>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    match end(&app, &headers, body).await {
        Ok(()) => (StatusCode::OK, NEVER_KEPT).into_response(),
        Err(failure) => failure.answer(&app, &headers),
    }
}

async fn end(app: &App, headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<(), Failure> {
    let form = Form::read(headers, body)?;
    let token = form.need("token")?;
    // No client asked for a personal token: whoever holds it may end it, its owner and a scanner of leaked secrets alike.
    if let Some(personal) = Secret::<Personal>::presented(token) {
        return end_personal(app, &personal).await;
    }
    let client = authenticated(app, &presented(headers, &form)?).await?;
    by_client(app, Door::Revoke, &client)?;
    match Secret::<Refresh>::presented(token) {
        Some(refresh) => end_grant(app, &client, &refresh).await,
        None => end_access(app, &client, token).await,
    }
}

async fn end_grant(app: &App, client: &Client, token: &Secret<Refresh>) -> Result<(), Failure> {
    let now = app.clock.now();
    let (_, found) = store::refresh_tokens::find(&app.store, &client.id, &token.digest()).await?;
    // An unknown token is one that nobody can use: what was asked for is so already (section 2.2).
    let Some(found) = found else { return Ok(()) };
    if found.grant.client_id != client.id {
        return Err(Refusal::OtherClient.into());
    }
    let mut tx = app.store.begin().await?;
    let ended = store::grants::revoke(&mut tx, &app.store, &found.grant.id, "client", now).await?;
    tx.commit().await.map_err(store::Error::from)?;
    if ended {
        app.store.tell(Event::GrantRevoked(found.grant.id.clone()));
        note(app, "grant.revoked", client, found.grant.user_id, found.grant.id).await;
    }
    Ok(())
}

async fn end_personal(app: &App, token: &Secret<Personal>) -> Result<(), Failure> {
    let now = app.clock.now();
    let Some(found) = store::personal_tokens::find(&app.store, &token.digest()).await? else { return Ok(()) };
    let mut tx = app.store.begin().await?;
    let which = (found.id.as_str(), None);
    let ended = store::personal_tokens::revoke(&mut tx, &app.store, which, "holder", now).await?;
    tx.commit().await.map_err(store::Error::from)?;
    if ended {
        app.store.tell(Event::GrantRevoked(found.id.clone()));
        let (event, actor) = ("token.ended", Some(found.user_id));
        let (client_id, grant_id) = (Some(personal::CLIENT_ID.to_owned()), Some(found.id));
        app.audit.note(Fact { event, actor, client_id, grant_id, outcome: "ok", ..Fact::default() }).await;
    }
    Ok(())
}

async fn end_access(app: &App, client: &Client, token: &str) -> Result<(), Failure> {
    let now = app.clock.now();
    let read = claims::verify_for_any_audience(token, &app.keys.load(), app.config.issuer(), now);
    let Ok(read) = read else { return Ok(()) };
    if read.client_id != client.id {
        return Err(Refusal::OtherClient.into());
    }
    let mut tx = app.store.begin().await?;
    store::revoked_tokens::add(&mut tx, &app.store, &read.token_id, read.expires_at, now).await?;
    tx.commit().await.map_err(store::Error::from)?;
    app.store.tell(Event::TokenRevoked(read.token_id));
    note(app, "token.revoked", client, Some(read.subject), read.grant_id).await;
    Ok(())
}

async fn note(app: &App, event: &'static str, client: &Client, actor: Option<String>, grant_id: String) {
    let (client_id, grant_id) = (Some(client.id.clone()), Some(grant_id));
    app.audit.note(Fact { event, actor, client_id, grant_id, outcome: "ok", ..Fact::default() }).await;
}
