//! After Allow or Cancel, where the answer goes to a program by a scheme of its own: a browser may stay behind on a
//! blank page there, so this one says what to do.

use askama::Template;
use axum::response::Response;
use http::{HeaderValue, StatusCode};

use crate::app::App;
use crate::oauth::client::Client;
use crate::web::page::{self, Answer, Frame, Told};

#[derive(Template)]
#[template(path = "finished.html")]
struct Page<'a> {
    frame: Frame,
    client: String,
    url: &'a str,
}

/// Sends the browser to the client's place: 303 for the web and for loopback, a page for everything else.
pub fn leave(app: &App, client: &Client, url: &str) -> Answer {
    if url.starts_with("https://") || url.starts_with("http://") {
        return page::see_other(url);
    }
    let name = page::shown(&client.name);
    if !is_a_program(url) {
        let told = Told::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The way back is not safe",
            &format!("{name} wants its answer at an address that could run code in this browser."),
            "Do not try again. Tell whoever runs this server.",
        );
        return Err(told.author("Register an https or loopback redirect URI.").into());
    }
    let mut response: Response =
        page::html(StatusCode::OK, &Page { frame: Frame::of(&app.config), client: name, url });
    // Opens the program without a click where the browser lets it.
    if let Ok(value) = HeaderValue::from_str(&format!("0;url={url}")) {
        response.headers_mut().insert("refresh", value);
    }
    Ok(response)
}

/// Schemes that a browser acts on itself are not another program's.
fn is_a_program(url: &str) -> bool {
    let own = [
        "javascript",
        "data",
        "vbscript",
        "file",
        "blob",
        "about",
        "view-source",
        "filesystem",
        "ws",
        "wss",
        "ftp",
    ];
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    !scheme.is_empty() && !own.contains(&scheme.as_str())
}
