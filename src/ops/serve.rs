//! The whole server: both routers merged, layers around them, news listened to, work drained at the end.

use axum::Router;

use crate::app::App;

/// Everything this server answers.
pub fn router(app: &App) -> Router {
    crate::web::routes(app.clone())
}
