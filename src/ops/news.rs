//! Acts on what changed here or elsewhere, and on what changes by itself: keys are loaded again, the next one is made.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::app::{App, keys, policy};
use crate::limits;
use crate::store::events::Event;

/// Follows the news until `stop`.
pub async fn follow(app: App, stop: CancellationToken) {
    let mut news = app.store.subscribe();
    // What was missed so far nobody knows.
    let mut is_deaf = true;
    loop {
        let event = tokio::select! {
            event = news.recv() => Some(event),
            () = tokio::time::sleep(until_next_look(&app, is_deaf)) => None,
            () = stop.cancelled() => return,
        };
        match event {
            Some(Ok(Event::Distrusted)) => is_deaf = true,
            Some(Ok(Event::KeysChanged | Event::Trusted) | Err(RecvError::Lagged(_))) | None => {
                policy::reload(&app).await;
                is_deaf =
                    !keys::reload(&app).await || (is_deaf && !matches!(event, Some(Ok(Event::Trusted))));
            }
            Some(Ok(Event::PolicyPublished)) => drop(policy::reload(&app).await),
            Some(Ok(_)) => {}
            Some(Err(RecvError::Closed)) => return,
        }
    }
}

/// Until another key takes over; or, while nobody tells what changes, a moment: a withdrawn key must not verify long.
fn until_next_look(app: &App, is_deaf: bool) -> Duration {
    if is_deaf {
        return Duration::from_millis(limits::EVENTS_RECONNECT_MILLIS);
    }
    let later = Duration::from_secs(limits::SWEEP_SECONDS);
    let Some(at) = app.keys.load().changes_at() else { return later };
    let micros = u64::try_from(at.micros_since(app.clock.now())).unwrap_or(0);
    Duration::from_micros(micros).min(later)
}

/// Publishes the next key in time, until `stop`. Every node does; one of them wins.
pub async fn rotate_keys(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = keys::rotate_if_due(&app).await {
            tracing::warn!(%error, "the next signing key could not be made; trying again later");
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(limits::SWEEP_SECONDS)) => {}
            () = stop.cancelled() => return,
        }
    }
}
