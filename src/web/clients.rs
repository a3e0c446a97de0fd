//! Which client a request speaks of: one that is stored, or one whose document can be fetched.

use crate::app::App;
use crate::oauth::client::{Client, ClientKind};
use crate::oauth::described::{DocumentRefusal, DocumentUrl, UrlRefusal};
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
            if !app.config.clients.described.is_on() {
                return Err(ClientRefusal::DescribedOff);
            }
            let url = DocumentUrl::parse(client_id).map_err(ClientRefusal::Url)?;
            super::described::resolve(app, &url, row).await
        }
        _ => Err(ClientRefusal::Unknown),
    }
}

/// Logs a failure of the store once, here at the door.
pub(super) fn unavailable(error: &store::Error) -> ClientRefusal {
    tracing::error!(%error, "clients cannot be looked up");
    ClientRefusal::Unavailable
}
