//! Which client a request speaks of: one that is stored, or one whose document can be fetched.

use std::borrow::Cow;

use crate::access::scopes;
use crate::app::App;
use crate::oauth::client::{Client, ClientKind, ClientState};
use crate::oauth::described::{DocumentRefusal, DocumentUrl, UrlRefusal};
use crate::oauth::request::Offer;
use crate::oauth::resource::{Resource, Resources};
use crate::oauth::scope::ScopeSet;
use crate::oauth::trust::{Because, Ruling, Source, Standing, Tier};
use crate::outbound::Refusal;
use crate::{limits, store};

/// Why a client_id leads to no client. A sentence for the page that is shown: there is nowhere to redirect to. It says
/// enough to mend a document, and nothing about what stands behind our own network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    /// Nobody is registered under it: deleted, or registered elsewhere.
    #[error("No client is registered under this client_id.")]
    Unknown,
    /// An administrator suspended or revoked it.
    #[error("This client was suspended or removed by an administrator.")]
    Inactive,
    /// It is a document's URL, and described clients are switched off here.
    #[error("Clients that describe themselves by a URL are not accepted here.")]
    DescribedOff,
    /// The operator's rules, or an administrator, keep it out. Says which rule.
    #[error("This client is not allowed here: {0}.")]
    NotAllowed(String),
    /// It begins like a document's URL and breaks the rules for one.
    #[error("This client_id {0}.")]
    Url(UrlRefusal),
    /// The document was not to be had.
    #[error("The client's document could not be read: {0}.")]
    Fetch(Refusal),
    /// The document was read and cannot be used.
    #[error("The client's document could not be used: {0}.")]
    Document(DocumentRefusal),
    /// Our own fault: the store does not answer.
    #[error("The server cannot look up clients at the moment.")]
    Unavailable,
}

/// The client that goes by `client_id`, for the authorization endpoint. A described client's document is fetched when it
/// is new or no longer fresh; whoever only continues a grant asks `store::clients::find` instead and fetches nothing.
///
/// # Errors
/// [`ClientRefusal`].
pub async fn resolve(app: &App, client_id: &str) -> Result<Client, ClientRefusal> {
    if client_id.len() > limits::CLIENT_ID_BYTES_MAX {
        return Err(ClientRefusal::Unknown);
    }
    let row = store::clients::find_row(&app.store, client_id).await.map_err(|e| unavailable(&e))?;
    match row {
        Some(row) if !row.client.is_active() => Err(ClientRefusal::Inactive),
        Some(row) if row.client.kind != ClientKind::Described => Ok(row.client),
        row if DocumentUrl::is_claimed(client_id) => {
            let policy = &app.config.clients.described;
            if !policy.is_on() {
                return Err(ClientRefusal::DescribedOff);
            }
            let url = DocumentUrl::parse(client_id).map_err(ClientRefusal::Url)?;
            let said = store::rulings::find(&app.store, client_id).await.map_err(|e| unavailable(&e))?;
            let judged = policy.judge(client_id, said);
            // Before its host is asked anything.
            if judged.standing == Standing::Refused {
                return Err(ClientRefusal::NotAllowed(judged.because.to_string()));
            }
            let client = super::described::resolve(app, &url, row).await?;
            super::logos::want(app, &client);
            Ok(client)
        }
        _ => Err(ClientRefusal::Unknown),
    }
}

/// The client of a request that is under way: it is known here, or its document is held or fetched once more. Suspended
/// ones too: ask [`Client::is_active`].
///
/// # Errors
/// [`ClientRefusal`].
pub async fn find(app: &App, client_id: &str) -> Result<Client, ClientRefusal> {
    match store::clients::find(&app.store, client_id).await.map_err(|e| unavailable(&e))? {
        Some(client) => Ok(client),
        None if DocumentUrl::is_claimed(client_id) => resolve(app, client_id).await,
        None => Err(ClientRefusal::Unknown),
    }
}

/// How a client stands here, for the hub and for the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether it may begin anything.
    pub standing: Standing,
    /// Whether somebody of this organisation vouches for it by name.
    pub is_approved: bool,
}

/// Judges a client by the operator's rules and the administrators' words. They are about described clients; of the
/// others one kind was registered by an administrator. The other is a stranger where the operator said what strangers may
/// ask for: what it registered is its own word and only a hint, so that the ceiling has to hold wherever it asks. An
/// initial access token says that somebody may register, and nothing of what comes with it.
///
/// # Errors
/// [`store::Error`].
pub async fn judge(app: &App, client: &Client) -> store::Result<Judged> {
    let tier = match client.kind {
        ClientKind::Described => None,
        ClientKind::PreRegistered => Some(Tier::Known),
        ClientKind::SelfRegistered if app.config.clients.unknown_scopes.is_some() => Some(Tier::Unknown),
        ClientKind::SelfRegistered => Some(Tier::Known),
    };
    if let Some(tier) = tier {
        let is_approved = client.kind == ClientKind::PreRegistered;
        return Ok(Judged { standing: Standing::Welcome(tier), is_approved });
    }
    let said = store::rulings::find(&app.store, &client.id).await?;
    let judged = app.config.clients.described.judge(&client.id, said);
    let is_approved =
        matches!(judged.because, Because::Said(Ruling::Approved) | Because::Allowed(_, Source::Configured));
    Ok(Judged { standing: judged.standing, is_approved })
}

/// What there is to ask for, for a client of one standing.
#[derive(Clone, Debug)]
pub struct Offered<'a>(Cow<'a, Resources>);

impl Offered<'_> {
    /// As a request is checked against it.
    pub fn offer(&self) -> Offer<'_> {
        Offer { resources: &self.0 }
    }
}

/// What a client of this standing may ask for at each resource, and what it gets where it names nothing.
pub fn offered(app: &App, standing: Standing) -> Offered<'_> {
    if matches!(standing, Standing::Welcome(Tier::Known)) {
        return Offered(Cow::Borrowed(&app.resources));
    }
    let all = app.resources.all();
    let strangers = app.config.clients.unknown_scopes.clone().unwrap_or_else(|| {
        let own = scopes::IDENTITY.into_iter().collect::<ScopeSet>();
        all.iter().fold(own, |scopes, resource| scopes.union(&resource.baseline))
    });
    let ceiling = |scopes: &ScopeSet| standing.ceiling(scopes, &strangers);
    let limited = |resource: &Resource| Resource {
        scopes: ceiling(&resource.scopes),
        baseline: ceiling(&resource.baseline),
        ..resource.clone()
    };
    Offered(Cow::Owned(Resources::new(all.iter().map(limited).collect())))
}

/// Logs a failure of the store once, here at the door.
pub(super) fn unavailable(error: &store::Error) -> ClientRefusal {
    tracing::error!(%error, "clients cannot be looked up");
    ClientRefusal::Unavailable
}

/// How a client came here, in words.
pub fn kind(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::PreRegistered => "Registered by an admin",
        ClientKind::Described => "Described by its document",
        ClientKind::SelfRegistered => "Registered itself",
    }
}

/// What state it is in, in a word.
pub fn state(client: &Client) -> &'static str {
    match client.state() {
        ClientState::Active => "Active",
        ClientState::Suspended => "Suspended",
        ClientState::Ended => "Ended",
    }
}
