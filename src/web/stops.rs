//! What a person reads where the way from `/authorize` ends: one function a reason, in plain words.

use http::StatusCode;

use super::clients::ClientRefusal;
use super::page::{self, Problem, Told};
use crate::app::App;
use crate::limits;
use crate::oauth::client::Client;
use crate::oauth::request::Show;

/// A request that names no place that an answer may go to.
pub fn told(show: &Show, client: Option<&Client>) -> Told {
    let name = client.map_or("the app you came from".to_owned(), |c| page::shown(&c.name));
    let (code, what, author): (_, String, &str) = match show {
        Show::TooLong => (
            "invalid_request",
            "The request is longer than this server reads.".into(),
            "Send at most 16 KB of parameters.",
        ),
        Show::NoClient => (
            "invalid_request",
            "The request does not say which app it comes from, or says it twice.".into(),
            "Send client_id exactly once.",
        ),
        Show::NoRedirect => (
            "invalid_request",
            format!("The request does not say clearly where {name} wants its answer."),
            "Send redirect_uri exactly once; it may be left out only by a client with one registered redirect URI.",
        ),
        Show::UnknownRedirect => (
            "invalid_request",
            format!(
                "The request wants its answer sent to an address that {name} did not register. To keep you safe, nothing was sent there."
            ),
            "Register the redirect URI exactly as you send it; only the port of a loopback address may differ.",
        ),
    };
    let next = format!("Go back to {name} and try again. If it happens again, tell its author.");
    Told::new(StatusCode::BAD_REQUEST, code, "That request cannot be used", &what, &next).author(author)
}

/// A client that cannot be found, or may not come.
pub fn unknown_client(app: &App, refusal: &ClientRefusal, client_id: &str) -> Problem {
    // Whatever a link says: nothing in it may turn or hide what is shown beside it (attack D03).
    let shown = page::plain(
        &client_id.chars().filter(|c| *c != '\n').take(limits::CLIENT_ID_SHOWN_CHARS).collect::<String>(),
    );
    let status = match refusal {
        ClientRefusal::Unavailable => return Problem::Busy,
        ClientRefusal::NotAllowed(why) => {
            let hint = format!("client_id “{shown}” is refused by this server's configuration: {why}.");
            return not_allowed(app).author(hint).into();
        }
        ClientRefusal::Inactive => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let next = match refusal {
        ClientRefusal::Inactive => format!("Ask whoever runs {}.", app.config.title),
        // VS Code keeps a registration for ever; this is how a person makes it register again.
        ClientRefusal::Unknown => {
            "In VS Code, run the command “Authentication: Remove Dynamic Authentication Providers”, remove \
             this server there, and connect again. In other apps, remove the connection and add it again."
                .to_owned()
        }
        _ => "Go back to the app you came from and try again later.".to_owned(),
    };
    let (title, what) = match refusal {
        ClientRefusal::Unknown => (
            "This app is not known here",
            "The app that sent you here uses a registration that this server does not have.".to_owned(),
        ),
        ClientRefusal::Inactive => ("This app may not sign in here", refusal.to_string()),
        _ => ("This app could not be recognised", refusal.to_string()),
    };
    let author = match refusal {
        ClientRefusal::Unknown => format!(
            "client_id “{shown}” is not known here. Register again when a server does not know yours."
        ),
        _ => format!("client_id “{shown}”: {refusal}"),
    };
    let code = if *refusal == ClientRefusal::Inactive { "client_suspended" } else { "invalid_client" };
    Told::new(status, code, title, &what, &next).author(author).into()
}

/// C-31: the organisation's decision, in its own words where it gave some.
pub fn not_allowed(app: &App) -> Told {
    let what = "Your organisation decides which apps may sign in here, and this one is not among them. Nothing was allowed.";
    let next = app.config.clients.refusal.clone();
    let next = next.unwrap_or_else(|| format!("Ask whoever runs {} to allow this app.", app.config.title));
    let title = "This app is blocked by your organisation";
    Told::new(StatusCode::FORBIDDEN, "client_not_allowed", title, what, &next)
}

/// A request that waited too long.
pub fn gone(client: Option<&Client>) -> Told {
    let name = client.map_or("the app you came from".to_owned(), |c| page::shown(&c.name));
    let next = format!("Go back to {name} and try again.");
    let what = format!("A sign-in waits for {} minutes, then it is forgotten.", limits::REQUEST_SECONDS / 60);
    Told::new(StatusCode::GONE, "request_expired", "This request timed out", &what, &next)
}

/// A request that has its answer.
pub fn answered(client: &Client) -> Told {
    let next = format!("Go back to {}. If it still waits, start again there.", page::shown(&client.name));
    let what = "This request has its answer. A second one would be one too many.";
    Told::new(StatusCode::CONFLICT, "request_finished", "You already answered this", what, &next)
}

/// A client that an administrator stopped, or that changed, meanwhile.
pub fn changed() -> Told {
    let what = "The app was suspended or changed its registration while you were here. Nothing was allowed.";
    let next = "Ask whoever runs this server whether that app is still welcome.";
    Told::new(StatusCode::FORBIDDEN, "client_changed", "This app may not go on", what, next)
}

/// A request that another browser began (attack D01).
pub fn other_browser() -> Told {
    let what = "This sign-in was begun in another browser, so it cannot be finished in this one. If somebody sent you \
                this link, they may have wanted you to sign in for them.";
    let next = "If you began it yourself, finish it where you began, or start again and allow cookies.";
    Told::new(StatusCode::FORBIDDEN, "other_browser", "This link belongs to another browser", what, next)
}
