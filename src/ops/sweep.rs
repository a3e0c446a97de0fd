//! Removes what has ended: codes, requests, sessions, tokens, keys. Never anything that a live grant needs.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::limits;
use crate::store;
use crate::store::events::Event;

/// Sweeps now and then until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(limits::SWEEP_SECONDS)) => {}
            () = stop.cancelled() => return,
        }
        match once(&app).await {
            Ok(rows) => tracing::debug!(rows, "swept"),
            Err(error) => tracing::warn!(%error, "could not sweep; trying again later"),
        }
    }
}

/// Sweeps once and gives the number of rows that went.
///
/// # Errors
/// [`store::Error::Database`].
pub async fn once(app: &App) -> store::Result<u64> {
    let swept = store::sweep::all(&app.store, app.clock.now()).await?;
    // Keys may have been withdrawn; their ring is read again.
    if swept.iter().any(|(chore, rows)| chore.table == "signing_keys" && *rows > 0) {
        app.store.tell(Event::KeysChanged);
    }
    Ok(swept.iter().map(|(_, rows)| rows).sum())
}
