//! Removes what has ended: codes, requests, sessions, tokens, keys. Never anything that a live grant needs.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::limits;
use crate::store;

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
    let now = app.clock.now();
    let mut ended = store::sweep::ended(&app.store, now).await?;
    ended += store::clients::sweep(&app.store, now).await?;
    ended += store::mcp_sessions::sweep(&app.store, now).await?;
    let last_signed = now.plus_seconds(-app.config.tokens.access_seconds - limits::KEY_OVERLAP_SECONDS);
    Ok(ended + store::keys::retire(&app.store, last_signed, now).await?)
}
