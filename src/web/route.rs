//! One row a URL: its path, its methods, what it is for, who names it and who answers.
//!
//! The router, `/openapi.json` and the test that compares both with the metadata read the same rows, so that none of
//! the three can say what the others do not.

use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use axum::{Json, Router};
use serde_json::json;

use super::{cors, error, pages, rates};
use crate::app::App;
use crate::config::Config;

/// A URL of this server. `GET` answers `HEAD` too.
pub struct Route {
    /// As the router reads it, parameters in braces.
    pub path: &'static str,
    /// What is answered; anything else is 405.
    pub methods: &'static [&'static str],
    /// What it is for, in one line.
    pub summary: &'static str,
    /// For whom it is.
    pub kind: Kind,
    /// The member of the server's metadata that names it (RFC 8414 section 2).
    pub member: Option<&'static str>,
    /// Whether this configuration offers it. What is not offered still answers, and says so, but nothing names it.
    pub offered: fn(&Config) -> bool,
    answer: fn() -> MethodRouter<App>,
}

/// For whom a URL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Programs, also those in browsers: no cookies are read, every origin may ask.
    Open,
    /// Programs outside browsers: those with a secret, which no page can keep, and those of the operator.
    Closed,
    /// Nobody: a form of a path that clients probe, where a page or a redirect would be taken for an answer. 404.
    Nothing,
    /// People.
    Page,
}

impl Route {
    /// A URL for programs.
    pub const fn open(
        path: &'static str,
        methods: &'static [&'static str],
        summary: &'static str,
        answer: fn() -> MethodRouter<App>,
    ) -> Self {
        Self { path, methods, summary, kind: Kind::Open, member: None, offered: always, answer }
    }

    /// A URL for people.
    pub const fn page(
        path: &'static str,
        methods: &'static [&'static str],
        summary: &'static str,
        answer: fn() -> MethodRouter<App>,
    ) -> Self {
        Self { path, methods, summary, kind: Kind::Page, member: None, offered: always, answer }
    }

    /// Not for programs in browsers.
    #[must_use]
    pub const fn closed(mut self) -> Self {
        self.kind = Kind::Closed;
        self
    }

    /// A real 404.
    #[must_use]
    pub const fn nothing(mut self) -> Self {
        self.kind = Kind::Nothing;
        self
    }

    /// Named by the server's metadata.
    #[must_use]
    pub const fn named(mut self, member: &'static str) -> Self {
        self.member = Some(member);
        self
    }

    /// Offered by some configurations only.
    #[must_use]
    pub const fn when(mut self, offered: fn(&Config) -> bool) -> Self {
        self.offered = offered;
        self
    }

    /// Whether programs call it and an answer is there for them.
    pub fn is_endpoint(&self) -> bool {
        matches!(self.kind, Kind::Open | Kind::Closed)
    }

    /// The value of `Allow` (RFC 9110 section 10.2.1).
    pub fn allow(&self) -> String {
        let mut methods = self.methods.to_vec();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.join(", ")
    }

    /// Adds this row to a router.
    pub fn on(&'static self, router: Router<App>, app: &App) -> Router<App> {
        let answer = match self.kind {
            Kind::Page => (self.answer)()
                .fallback(|| async { self.allowed(pages::error::wrong_method().await.into_response()) }),
            // Inside of CORS: a program in a browser must be able to read that it is to wait.
            _ => (self.answer)()
                .fallback(|| async { self.allowed(self.wrong_method()) })
                .layer(from_fn_with_state(app.clone(), rates::machines)),
        };
        let open = matches!(self.kind, Kind::Open | Kind::Nothing);
        let answer = if open { answer.layer(from_fn(cors::open)) } else { answer };
        router.route(self.path, answer)
    }

    fn allowed(&self, mut response: Response) -> Response {
        if let Ok(allow) = HeaderValue::try_from(self.allow()) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }

    fn wrong_method(&self) -> Response {
        let why = format!("this address answers {} only", self.allow());
        let body = json!({"error": "invalid_request", "error_description": why});
        (StatusCode::METHOD_NOT_ALLOWED, error::NEVER_KEPT, Json(body)).into_response()
    }
}

fn always(_: &Config) -> bool {
    true
}

/// The router of some rows.
pub fn router(rows: impl IntoIterator<Item = &'static Route>, app: &App) -> Router<App> {
    rows.into_iter().fold(Router::new(), |router, row| row.on(router, app))
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.allow(), self.path)
    }
}
