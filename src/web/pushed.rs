//! Authorization requests that were pushed to `/par` (RFC 9126), as the browser brings their names.

use http::StatusCode;

use crate::app::App;
use crate::oauth::client::Client;
use crate::oauth::request::{AuthorizationRequest, Bounce, ErrorCode, Show, Stop};
use crate::secret::{Pushed, Secret};
use crate::store;
use crate::web::page::{self, Problem, Told, Visit};

/// The request that this client pushed under `name`: what else stands in the address counts for nothing (RFC 9126 section
/// 4). Checked when it was pushed; the hub asks again whether the client may still go on.
///
/// # Errors
/// A page: there is nowhere to redirect to.
pub async fn take(
    app: &App,
    visit: &Visit,
    client: &Client,
    name: &str,
) -> Result<AuthorizationRequest, Problem> {
    let found = match Secret::<Pushed>::presented(name) {
        Some(name) => store::pushed::take(&app.store, &name.digest(), &client.id, visit.now).await?,
        None => None,
    };
    let shown = page::shown(&client.name);
    let told = || {
        let what =
            format!("The link by which {shown} sent you here works once and for a minute, and that is over.");
        let next = format!("Go back to {shown} and start again.");
        Told::new(StatusCode::BAD_REQUEST, "invalid_request_uri", "This link was used", &what, &next)
            .author("request_uri is unknown, was used, has expired, or is another client's: push again.")
    };
    found.ok_or_else(|| told().into())
}

/// A request through the browser, where its client or the configuration did not rule that out.
///
/// # Errors
/// A stop for the client.
pub fn unless_it_must_push(
    app: &App,
    client: &Client,
    request: AuthorizationRequest,
) -> Result<AuthorizationRequest, Stop> {
    if !app.config.clients.require_pushed && !client.metadata.require_pushed_authorization_requests {
        return Ok(request);
    }
    let to = client.redirect(&request.redirect_uri).ok_or(Stop::Show(Show::UnknownRedirect))?;
    let description = "authorization requests of this client must be pushed first";
    let (error, state) = (ErrorCode::InvalidRequest, request.state);
    Err(Stop::Bounce(Bounce { to, error, description, state }))
}
