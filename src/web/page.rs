//! What every page shares: who visits, how a page is sent, and how an error reads.

use std::net::{IpAddr, Ipv4Addr};

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::pages::error;
use super::peer::Peer;
use crate::app::App;
use crate::audit::NotRecorded;
use crate::clock::Time;
use crate::config::Config;
use crate::identity::password::PasswordError;
use crate::identity::user::is_invisible;
use crate::{limits, secret, store};

pub use super::assets::{copy, copy_script, style, task, task_script};

/// The request at hand: when it came, what it is called in the log, and what it carries.
#[derive(Clone, Debug)]
pub struct Visit {
    /// When it came. A handler asks the clock once, and here.
    pub now: Time,
    /// What the page of an error and the log call it.
    pub request_id: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Where it came from.
    pub address: IpAddr,
    /// The page that was opened; nothing for a form.
    pub place: Option<String>,
    /// `HEAD` looks and must leave no trace.
    pub only_looks: bool,
}

impl FromRequestParts<App> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        if let Some(visit) = parts.extensions.get::<Self>() {
            return Ok(visit.clone());
        }
        let now = app.clock.now();
        let request_id = secret::id(now);
        let only_looks = parts.method == Method::HEAD;
        let address = parts.extensions.get().map_or(Ipv4Addr::LOCALHOST.into(), |Peer(address)| *address);
        let place = (parts.method == Method::GET).then(|| parts.uri.to_string());
        Ok(Self { now, request_id, headers: parts.headers.clone(), address, place, only_looks })
    }
}

/// What a page's handler gives.
pub type Answer = Result<Response, Problem>;

/// Why there is no page but an error. Rich inside; what the visitor reads is made at the door, once, by [`dress`].
#[derive(Debug)]
pub enum Problem {
    /// The visitor's, or their client's: said in plain words.
    Told(Box<Told>),
    /// Ours: logged once, and the visitor learns a request id.
    Fault(store::Error),
    /// Ours, passing: come back in a moment.
    Busy,
}

/// An error in plain words.
#[derive(Clone, Debug)]
pub struct Told {
    /// The status.
    pub status: StatusCode,
    /// A few words for authors of clients: `invalid_request`, `unknown_client`.
    pub code: &'static str,
    /// One line.
    pub title: String,
    /// What happened, in a sentence or two.
    pub what: String,
    /// The one next step of the person.
    pub next: String,
    /// The one next step of the client's author; empty where it is not about a client.
    pub author: String,
}

impl Told {
    /// An error that is nobody's client's fault.
    pub fn new(status: StatusCode, code: &'static str, title: &str, what: &str, next: &str) -> Self {
        let owned = str::to_owned;
        Self {
            status,
            code,
            title: owned(title),
            what: owned(what),
            next: owned(next),
            author: String::new(),
        }
    }

    /// With a hint for the client's author.
    #[must_use]
    pub fn author(mut self, hint: impl Into<String>) -> Self {
        self.author = hint.into();
        self
    }
}

impl From<Told> for Problem {
    fn from(told: Told) -> Self {
        Self::Told(Box::new(told))
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Self::Fault(error)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NotRecorded> for Problem {
    fn from(_: NotRecorded) -> Self {
        Self::Busy
    }
}

impl From<PasswordError> for Problem {
    fn from(_: PasswordError) -> Self {
        Self::Busy
    }
}

#[derive(Clone)]
struct Undressed(Told);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let told = match self {
            Self::Told(told) => *told,
            Self::Busy => Told::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "Too busy right now",
                "The server has more to do than it can at this moment. Nothing was changed.",
                "Wait a few seconds and reload this page.",
            ),
            Self::Fault(error) => {
                tracing::error!(%error, "a page could not be made");
                Told::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "server_error",
                    "Something went wrong here",
                    "The fault is on this server. Nothing was changed.",
                    "Try again in a minute. If it stays, give the request id below to whoever runs this server.",
                )
            }
        };
        let mut response = told.status.into_response();
        response.extensions_mut().insert(Undressed(told));
        response
    }
}

/// Makes errors readable for whoever asked, page or JSON, and puts the headers of a page on everything.
pub async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(visit) = Visit::from_request_parts(&mut parts, &app).await;
    parts.extensions.insert(visit.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(Undressed(told)) = response.extensions_mut().remove::<Undressed>() {
        let retry = response.headers_mut().remove(header::RETRY_AFTER);
        tracing::info!(code = told.code, request_id = visit.request_id, "a page told of an error");
        response = error::show(&app, &visit, &told);
        if let Some(retry) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, retry);
        }
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", STRICT),
    ("x-frame-options", "DENY"),
    // Not no-referrer: then browsers send `Origin: null` with our own forms (C-42).
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
];
const STRICT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
const SCRIPTED: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
const FLOW: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page as a response.
pub fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a template does not render");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page whose form ends, through redirects, at the client. Browsers hold `form-action` against the whole chain, so
/// that with it Allow would do nothing (C-41).
pub fn html_in_flow(status: StatusCode, page: &impl Template) -> Response {
    let mut response = html(status, page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FLOW));
    response
}

/// A page with a comfort that needs script. It must work without, and must hold nothing that a stranger wrote: no page
/// of the flow is one.
pub fn html_with_script(status: StatusCode, page: &impl Template) -> Response {
    let mut response = html(status, page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SCRIPTED));
    response
}

/// 303: the answer to a form is another page, and the form's content stays behind (RFC 9700 section 4.12).
pub fn see_other(location: &str) -> Answer {
    let value = HeaderValue::from_str(location).map_err(|_| {
        Told::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "That address cannot be used",
            "The address to go back to has characters that do not belong in one.",
            "Start again from the app you came from.",
        )
        .author("Percent-encode the redirect URI before registering it.")
    })?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, value)]).into_response())
}

/// The fields of a form. A field given twice is as good as absent.
#[derive(Clone, Debug)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// From a form's body.
    pub fn of(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// Whether there is a field `name`, with whatever value.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The one value of `name`, or nothing.
    pub fn get(&self, name: &str) -> &str {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => value,
            _ => "",
        }
    }
}

impl Fields {
    /// Every value of `name`, for boxes that are ticked.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    }
}

/// What the base template needs.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The server's name.
    pub server: String,
    /// Its host.
    pub host: String,
    /// Where the stylesheet is.
    pub style: &'static str,
}

impl Frame {
    /// Of this server.
    pub fn of(config: &Config) -> Self {
        Self { server: config.title.clone(), host: host(config), style: super::assets::style_path() }
    }
}

/// `host[:port]` of this server.
pub fn host(config: &Config) -> String {
    let text = config.public_url.as_str();
    text.split_once("://").map_or(text, |(_, host)| host).to_owned()
}

/// A name that somebody gave themselves, as a page may show it: without controls and characters that turn or hide
/// text, and not longer than a line (attack D03). The template escapes it.
pub fn shown(name: &str) -> String {
    let clean: String = name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if clean.is_empty() {
        return "A client without a name".to_owned();
    }
    if clean.chars().count() <= limits::SHOWN_NAME_CHARS_MAX {
        return clean;
    }
    clean.chars().take(limits::SHOWN_NAME_CHARS_MAX - 1).chain(['…']).collect()
}

/// Text of many lines as a page may show it, with every character that hides or turns others in plain sight (attack D03).
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) || (c.is_control() && c != '\n') {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// What stands where a picture would: the first letter or digit of a name.
pub fn initial(name: &str) -> String {
    let first = shown(name).chars().find(|c| c.is_alphanumeric());
    first.map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
}

/// `4 October 2027`.
pub fn day(time: Time) -> String {
    let format = time::macros::format_description!("[day padding:none] [month repr:long] [year]");
    time::OffsetDateTime::from_unix_timestamp(time.seconds())
        .ok()
        .and_then(|t| t.format(&format).ok())
        .unwrap_or_else(|| time.rfc3339())
}

/// `4 October 2027, 14:05 UTC`.
pub fn moment(time: Time) -> String {
    let rfc3339 = time.rfc3339();
    let clock = rfc3339.get(11..16).unwrap_or_default();
    format!("{}, {clock} UTC", day(time))
}
