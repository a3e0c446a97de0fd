//! The whole server: the routers merged, layers around them, news followed, work drained at the end.

use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

use super::{banner, health, listen, news, openapi, refresh, sweep, telemetry};
use crate::actions::Plugin;
use crate::api;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::limits;
use crate::mcp::{self, CannotServe, McpState};
use crate::web::route::{self, Route};

/// Everything this server answers. It follows the news from here on, so it comes before [`crate::store::Store::listen`].
///
/// # Errors
/// [`CannotServe`] where an action cannot be a tool.
pub fn router(app: &App) -> Result<Router, CannotServe> {
    let resources = McpState::of(app);
    Ok(Router::new()
        .merge(route::router(health::ROUTES.iter().chain(openapi::ROUTES), app).with_state(app.clone()))
        .merge(crate::web::routes(app.clone()))
        .merge(api::routes(app, &resources)?)
        .merge(mcp::routes(resources)?)
        .layer(from_fn_with_state(app.clone(), crate::web::peer::find))
        .layer(CatchPanicLayer::new()))
}

/// Every row of this server's table. The MCP endpoints are beside it: there are as many as the configuration says.
pub fn table() -> impl Iterator<Item = &'static Route> {
    health::ROUTES
        .iter()
        .chain(openapi::ROUTES)
        .chain(crate::web::endpoints::ROUTES)
        .chain(crate::web::pages::ROUTES)
        .chain(api::ROUTES)
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// A sentence that says why it cannot start.
pub async fn serve(config: Config) -> Result<ExitCode, Box<dyn std::error::Error>> {
    serve_with(config, Plugin::default()).await
}

/// The same, with actions that somebody adds: see `examples/authoring.rs`.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with(config: Config, plugin: Plugin) -> Result<ExitCode, Box<dyn std::error::Error>> {
    telemetry::start(&config.log)?;
    // Bound before anything is written, so that a second server on this port changes nothing.
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|e| format!("cannot listen on {}: {e}; change `listen` (POSTERN_LISTEN)", config.listen))?;
    let (app, writer) = App::open_with(config, Clock::System, plugin).await?;
    let router = router(&app)?;
    let (stop, tasks) = (app.stopping.clone(), TaskTracker::new());
    tasks.spawn(news::follow(app.clone(), stop.clone()));
    tasks.spawn(news::rotate_keys(app.clone(), stop.clone()));
    tasks.spawn(sweep::run(app.clone(), stop.clone()));
    tasks.spawn(refresh::run(app.clone(), stop.clone()));
    tasks.spawn(crate::scaffolder::worker::run(app.scaffolder.clone(), stop.clone()));
    tasks.spawn(app.store.clone().listen(app.config.clone(), app.clock.clone(), stop.clone()));
    let first_admin = crate::identity::first_admin_link(&app).await?;
    println!("{}", banner::text(&app, first_admin.as_deref()));
    tasks.spawn(stop_when_told(stop.clone()));
    let limit = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(limits::DRAIN_SECONDS)).await;
    };
    tokio::select! {
        () = listen::serve(listener, router, listen::Patience::default(), stop.clone()) => {}
        () = limit => tracing::warn!("some connections did not end in time"),
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    drop(app);
    // What is queued for the audit log is written before the process ends.
    let _ = tokio::time::timeout(Duration::from_secs(limits::DRAIN_SECONDS), writer).await;
    Ok(ExitCode::SUCCESS)
}

async fn stop_when_told(stop: CancellationToken) {
    told_to_stop().await;
    tracing::info!("stopping: finishing what is under way");
    stop.cancel();
}

async fn told_to_stop() {
    let interrupt = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
