//! An error as a person reads it, or as JSON where a program asked.

use askama::Template;
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::oauth::error::printable;
use crate::web::page::{Frame, Problem, Told, Visit, html};

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    frame: Frame,
    told: &'a Told,
    request_id: &'a str,
    time: String,
}

/// The page, or the same in JSON.
pub fn show(app: &App, visit: &Visit, told: &Told) -> Response {
    if !wants_page(&visit.headers) {
        let body = json!({"error": told.code, "error_description": printable(&told.what), "request_id": visit.request_id});
        return (told.status, Json(body)).into_response();
    }
    let frame = Frame::of(&app.config);
    html(told.status, &Page { frame, told, request_id: &visit.request_id, time: visit.now.rfc3339() })
}

/// Nothing is here.
pub async fn not_found() -> Problem {
    Told::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "There is no such page",
        "The address leads nowhere on this server.",
        "Check the address, or open the front page.",
    )
    .into()
}

/// Something is here, for another method.
pub async fn wrong_method() -> Problem {
    Told::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "That does not work this way",
        "This address exists, but not for this kind of request.",
        "Open it from the page it belongs to.",
    )
    .into()
}

/// Browsers name HTML; programs that name JSON get JSON; whoever names nothing is taken for a person.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    accept.contains("text/html") || !accept.contains("json")
}
