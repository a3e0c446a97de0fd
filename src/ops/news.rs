//! Acts on what changed here or elsewhere: keys are loaded again.

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::store;
use crate::store::events::Event;

/// Follows the news until `stop`.
pub async fn follow(app: App, stop: CancellationToken) {
    let mut news = app.store.subscribe();
    loop {
        let event = tokio::select! {
            event = news.recv() => event,
            () = stop.cancelled() => return,
        };
        match event {
            Ok(Event::KeysChanged | Event::Trusted) | Err(RecvError::Lagged(_)) => load_keys(&app).await,
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn load_keys(app: &App) {
    match store::keys::ring(&app.store, &app.vault, app.clock.now()).await {
        Ok(Some(ring)) => app.keys.store(ring.into()),
        Ok(None) => tracing::error!("the database holds no signing key any more; keeping the one in memory"),
        Err(error) => tracing::error!(%error, "the signing keys could not be loaded again"),
    }
}
