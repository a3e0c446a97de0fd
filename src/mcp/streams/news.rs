//! How the streams of a node hear what changed, and whose access ended.

use std::sync::Weak;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

use super::Streams;
use crate::limits;
use crate::store::events::Event;

/// Follows the news for `streams`, for as long as they are there.
pub async fn follow(streams: Weak<Streams>, mut news: Receiver<Event>) {
    let mut asks = tokio::time::interval(Duration::from_secs(limits::MCP_STREAMS_ASK_SECONDS));
    asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut are_lost = false;
    loop {
        let event = tokio::select! {
            event = news.recv() => Some(event),
            // An end that nobody tells of any more is asked for.
            _ = asks.tick(), if are_lost => None,
        };
        let Some(streams) = streams.upgrade() else { return };
        let Some(event) = event else {
            streams.ask_again().await;
            continue;
        };
        are_lost = match event {
            Ok(Event::Distrusted) => true,
            Ok(Event::Trusted) => false,
            _ => are_lost,
        };
        match event {
            Ok(Event::Changed(change)) => {
                if let Ok(change) = change.parse() {
                    streams.tell(&change);
                }
            }
            // A key that retires ends no grant; a token that was forged with it has none.
            Ok(Event::Trusted | Event::KeysChanged) | Err(RecvError::Lagged(_)) => streams.ask_again().await,
            Ok(event) if event.is_about_access() => streams.forget(&event),
            Ok(_) => {}
            Err(RecvError::Closed) => return streams.close(),
        }
    }
}
