//! What the console says at start: where everything is, and what to do next.

use std::fmt::Write as _;

use crate::app::App;
use crate::store::Engine;

/// The banner; `first_admin` is the one-time link, where no administrator exists yet.
pub fn text(app: &App, first_admin: Option<&str>) -> String {
    let config = &app.config;
    let database = match app.store.engine() {
        Engine::Postgres => "Postgres".to_owned(),
        Engine::Sqlite => format!("SQLite in {}", config.data_dir.display()),
    };
    let mode = if config.catalog.demo { "demo (sample catalog; not for production)" } else { "production" };
    let mut out = format!("Postern {}\n\n", env!("CARGO_PKG_VERSION"));
    let rows = [
        ("Issuer", config.issuer().to_owned()),
        ("MCP", config.resource()),
        ("Admin", config.public_url.at("/admin")),
        ("Listening", config.listen.to_string()),
        ("Database", database),
        ("Mode", mode.to_owned()),
    ];
    for (name, value) in rows {
        let _ = writeln!(out, "  {name:<10} {value}");
    }
    if config.public_url.is_loopback() && !config.listen.ip().is_loopback() {
        let _ = writeln!(
            out,
            "\n  WARNING: {} can be reached from other machines, over plain http, while public_url is {}.\n  \
             Set `listen` to 127.0.0.1, or set `public_url` to the https address that people use.",
            config.listen,
            config.issuer()
        );
    }
    if config.conformance {
        let _ = writeln!(
            out,
            "\n  CONFORMANCE MODE: tools for tests are served to every client. Never for real use."
        );
    }
    if let Some(link) = first_admin {
        let _ = write!(out, "\n  Make the first administrator here, once, within 30 minutes:\n  {link}\n");
    }
    out
}
