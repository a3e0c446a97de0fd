//! Who the client is: one door for every endpoint of the token side. The rules are in `oauth::client_auth`.

use http::{HeaderMap, header};

use super::error::Failure;
use super::form::Form;
use super::key_sets;
use crate::app::App;
use crate::config::AssertionAudience;
use crate::oauth::assertion::AssertionRefusal;
use crate::oauth::client::{AuthMethod, Client};
use crate::oauth::client_auth::{Credentials, Measure, Presented};
use crate::oauth::error::Refusal;
use crate::store;
use crate::store::replays::{self, Kind};

/// Who the client says it is, from the header and the form.
///
/// # Errors
/// [`Refusal`] where what it says contradicts itself.
pub fn presented(headers: &HeaderMap, form: &Form) -> Result<Presented, Refusal> {
    Presented::read(Credentials {
        header: headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default()),
        id: form.get("client_id"),
        secret: form.get("client_secret"),
        assertion: form.get("client_assertion"),
        assertion_type: form.get("client_assertion_type"),
    })
}

/// The client, once it has proved who it is.
///
/// # Errors
/// [`Failure`].
pub async fn authenticated(app: &App, presented: &Presented) -> Result<Client, Failure> {
    let client = store::clients::find(&app.store, &presented.client_id).await?;
    prove(app, presented, client.as_ref()).await?;
    Ok(client.ok_or(Refusal::UnknownClient)?)
}

/// Whether `known`, the client that goes by the presented id, has proved itself. An assertion is used up by it, once for
/// the whole request, on all nodes (attack E05). Never called within a transaction: keys may have to be fetched.
///
/// # Errors
/// [`Failure`], also where the store cannot say whether an assertion was used before.
pub async fn prove(app: &App, presented: &Presented, known: Option<&Client>) -> Result<(), Failure> {
    let signs = |client: &&Client| {
        client.is_active() && client.metadata.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt
    };
    let (keys, audiences) = match (known.filter(signs), presented.assertion()) {
        (Some(client), Some(assertion)) => {
            (key_sets::of_client(app, client, assertion.kid()).await, audiences(app))
        }
        _ => (None, Vec::new()),
    };
    let measure = Measure { keys: keys.as_deref(), audiences: &audiences, now: app.clock.now() };
    if let Some(once) = presented.prove(known, &measure)? {
        let (kind, signer) = (Kind::ClientAssertion, &presented.client_id);
        if !replays::use_once(&app.store, kind, signer, &once.id, once.until).await? {
            return Err(Refusal::from(AssertionRefusal::Replayed).into());
        }
        presented.mark_used();
    }
    Ok(())
}

/// The names of this server that an assertion may be for. The issuer, and nothing else, unless the configuration makes
/// room for programs from before rfc7523bis: a token endpoint's URL can be another server's claim to be us.
fn audiences(app: &App) -> Vec<String> {
    let mut audiences = vec![app.config.issuer().to_owned()];
    if app.config.clients.assertion_audience == AssertionAudience::TokenEndpoint {
        audiences.push(app.config.public_url.at("/token"));
    }
    audiences
}
