//! Looks at the catalog's descriptors again: now and then, at a SIGHUP, when an action or a command asks, and on every
//! node when one was asked.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::catalog::Refreshed;
use crate::store::events::Event;

/// Refreshes until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut news = app.store.subscribe();
    let mut hangup = signal(SignalKind::hangup()).ok();
    // What was fetched before is there already; whether it is still so is asked at once.
    if !app.catalog.sources().is_empty() {
        look(&app, false).await;
    }
    loop {
        let hung_up = async {
            match &mut hangup {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        let is_asked = tokio::select! {
            () = next_look(app.config.catalog.refresh_seconds) => false,
            () = hung_up => {
                app::policy::reload(&app).await;
                true
            }
            () = app.catalog.refresh_wanted() => true,
            event = news.recv() => match event {
                Ok(Event::CatalogRefresh) | Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return,
                _ => continue,
            },
            () = stop.cancelled() => return,
        };
        look(&app, is_asked).await;
    }
}

async fn next_look(seconds: u64) {
    match seconds {
        0 => std::future::pending().await,
        seconds => tokio::time::sleep(Duration::from_secs(seconds)).await,
    }
}

/// Looks once at what is due. Whoever follows the catalog hears of it.
pub async fn once(app: &App) -> Refreshed {
    look(app, false).await
}

/// The same, and where somebody asked, at everything.
pub async fn look(app: &App, is_asked: bool) -> Refreshed {
    let refreshed = app.sources.look(is_asked).await;
    let insights = app.insights.clone();
    let problems = tokio::task::spawn_blocking(move || insights.refresh()).await.unwrap_or_default();
    problems.iter().for_each(|why| tracing::warn!("a scorecard cannot be used: {why}"));
    app::log_problems(&refreshed.problems);
    if refreshed.is_changed {
        let (entities, parsed) = (app.catalog.index().len(), refreshed.parsed);
        tracing::info!(entities, parsed, "the catalog changed");
    }
    refreshed
}
