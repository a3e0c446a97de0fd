//! `/healthz`: the process answers. `/readyz`: it can do its work. Both cheap, both open, neither says more.

use axum::extract::State;
use axum::routing::get;
use http::StatusCode;

use crate::app::App;
use crate::web::route::Route;

/// The two rows.
pub static ROUTES: &[Route] = &[
    Route::open("/healthz", &["GET"], "The process answers", || get(|| async { "ok\n" })).closed(),
    Route::open("/readyz", &["GET"], "The database answers too", || get(ready)).closed(),
];

async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
