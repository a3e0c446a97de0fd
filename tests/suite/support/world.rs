//! A whole server in this process: real database, real router, a clock that the test moves.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use postern::app::App;
use postern::clock::{Clock, Time};
use postern::config::{Config, Flags, Raw};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// One test's server. Everything it made goes with it.
pub struct World {
    /// What handlers see.
    pub app: App,
    /// Everything the server answers.
    pub router: Router,
    /// The clock of this world; it stands still until it is advanced.
    pub clock: Clock,
    /// The data directory.
    pub dir: TempDir,
}

/// Where the clock of a new world stands: 2026-11-24T12:00:00Z.
pub const NOON: Time = Time::from_seconds(1_795_521_600);

impl World {
    /// On the embedded database.
    pub async fn sqlite() -> Self {
        Self::with(None, &[]).await
    }

    /// On a fresh database of the private Postgres.
    pub async fn postgres() -> Self {
        Self::with(Some(super::postgres::database().await), &[]).await
    }

    /// On `database`, or SQLite where it is `None`, with configuration keys changed.
    pub async fn with(database: Option<String>, set: &[(&str, &str)]) -> Self {
        Self::at(Clock::fixed(NOON), database, set).await
    }

    /// The same with another clock.
    pub async fn at(clock: Clock, database: Option<String>, set: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = config_with(dir.path(), database.as_deref(), set);
        let (app, _writer) = App::open(config, clock.clone()).await.unwrap();
        Self { router: postern::ops::serve::router(&app).unwrap(), app, clock, dir }
    }

    /// The same world, started again with configuration keys changed: same rows, same keys, same clock.
    pub async fn restarted(self, set: &[(&str, &str)]) -> Self {
        let database = self.app.config.database.url.as_ref().map(|url| url.reveal().to_owned());
        let config = config_with(self.dir.path(), database.as_deref(), set);
        let (app, _writer) = App::open(config, self.clock.clone()).await.unwrap();
        Self { router: postern::ops::serve::router(&app).unwrap(), app, ..self }
    }

    /// The same world, started again with keys changed besides those of its outbound calls.
    pub async fn and(self, set: &[(&str, &str)]) -> Self {
        let outbound = self.app.config.outbound.clone();
        let pairs: Vec<String> = outbound.resolve.iter().map(|(host, at)| format!("{host}={at}")).collect();
        let (resolve, ca) = (pairs.join(","), outbound.extra_ca.map(|path| path.display().to_string()));
        let mut all = set.to_vec();
        all.push(("outbound.resolve", &resolve));
        all.extend(ca.as_deref().map(|ca| ("outbound.extra_ca", ca)));
        self.restarted(&all).await
    }

    /// Sends one request through the whole router.
    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Response<Body> {
        self.send(Request::get(path).header("host", "localhost:8787").body(Body::empty()).unwrap()).await
    }

    /// `POST path` with a JSON body.
    pub async fn post_json(&self, path: &str, body: &str) -> Response<Body> {
        let request = Request::post(path)
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    /// `POST path` with a form body.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response<Body> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header("host", "localhost:8787")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }
}

/// The configuration of a test server.
pub fn config(dir: &Path, database: Option<&str>) -> Config {
    config_with(dir, database, &[])
}

/// The same with keys changed.
pub fn config_with(dir: &Path, database: Option<&str>, set: &[(&str, &str)]) -> Config {
    let mut pairs = vec![("data_dir".to_owned(), dir.display().to_string())];
    pairs.extend(database.map(|url| ("database.url".to_owned(), url.to_owned())));
    pairs.extend(database.map(|_| ("database.connections_max".to_owned(), "6".to_owned())));
    pairs.extend(set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let raw = Raw::read(&Flags { file: None, set: pairs }, |_| None).unwrap();
    Config::from_raw(&raw).unwrap()
}

/// The body as text.
pub async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The body as JSON.
pub async fn json(response: Response<Body>) -> serde_json::Value {
    serde_json::from_str(&text(response).await).unwrap()
}
