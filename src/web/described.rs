//! Described clients: fetching, keeping and renewing their documents. The rules are in `oauth::described`.
//!
//! Nothing is stored before a good document. One fetch serves all who wait for it; a failure is remembered for seconds, in
//! memory only, so that a bad id cannot be used to make this server call a stranger without end (attack A09).

use std::sync::Arc;

use http::{HeaderMap, header};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::clients::{ClientRefusal, unavailable};
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::oauth::client::Client;
use crate::oauth::described::{self, DocumentUrl};
use crate::store::clients::{ClientRow, NewDocument};
use crate::{limits, secret, store};

/// Turns and failures of this node, by client_id.
#[derive(Clone, Debug)]
pub struct Memory {
    turns: moka::sync::Cache<String, Arc<tokio::sync::Mutex<()>>>,
    failures: moka::sync::Cache<String, (Time, ClientRefusal)>,
}

impl Default for Memory {
    fn default() -> Self {
        let idle = std::time::Duration::from_secs(60);
        let most = limits::DOCUMENTS_REMEMBERED_MAX;
        Self {
            turns: moka::sync::Cache::builder().max_capacity(most).time_to_idle(idle).build(),
            failures: moka::sync::Cache::builder().max_capacity(most).time_to_live(idle).build(),
        }
    }
}

impl Memory {
    fn failure(&self, url: &DocumentUrl, now: Time) -> Option<ClientRefusal> {
        let (until, refusal) = self.failures.get(url.as_str())?;
        (now < until).then_some(refusal)
    }

    fn remember(&self, url: &DocumentUrl, refusal: &ClientRefusal, now: Time) {
        let until = now.plus_seconds(limits::DOCUMENT_FAILURE_SECONDS);
        self.failures.insert(url.as_str().to_owned(), (until, refusal.clone()));
    }
}

/// The client that `url` describes; `row` is what the store knows of it already.
///
/// # Errors
/// [`ClientRefusal`].
pub async fn resolve(app: &App, url: &DocumentUrl, row: Option<ClientRow>) -> Result<Client, ClientRefusal> {
    let now = app.clock.now();
    if let Some(row) = row
        && row.fresh_until.is_some_and(|until| now < until)
    {
        return Ok(row.client);
    }
    let turn = app.described.turns.get_with(url.as_str().to_owned(), Arc::default);
    let _turn = turn.lock().await;
    // Whoever waited for the turn finds what the one before fetched, or why nothing came.
    let row = store::clients::find_row(&app.store, url.as_str()).await.map_err(|e| unavailable(&e))?;
    let now = app.clock.now();
    match row {
        Some(row) if !row.client.is_active() => Err(ClientRefusal::Inactive),
        Some(row) if row.fresh_until.is_some_and(|until| now < until) => Ok(row.client),
        row => match refresh(app, url, row.as_ref(), now).await {
            Ok(client) => Ok(client),
            Err(refusal) => last_good(row, &refusal, now).ok_or(refusal),
        },
    }
}

/// The document as it was, where its host is only down, and not for ever: a domain that is gone for good may be
/// somebody else's tomorrow (section 8.3).
fn last_good(row: Option<ClientRow>, refusal: &ClientRefusal, now: Time) -> Option<Client> {
    let row = row?;
    let passing = matches!(refusal, ClientRefusal::Fetch(why) if why.is_passing());
    let young = row.fresh_until.is_some_and(|u| now < u.plus_seconds(limits::DOCUMENT_STALE_SECONDS_MAX));
    (passing && young).then_some(row.client)
}

async fn refresh(
    app: &App,
    url: &DocumentUrl,
    row: Option<&ClientRow>,
    now: Time,
) -> Result<Client, ClientRefusal> {
    if let Some(refusal) = app.described.failure(url, now) {
        return Err(refusal);
    }
    let fetched = fetch(app, url, now).await;
    if let Err(refusal) = &fetched {
        tracing::info!(client_id = url.as_str(), reason = ?refusal, "a client's document was refused");
        app.described.remember(url, refusal, now);
    }
    let (document, kept) = fetched?;
    let described::Document { name, metadata } = document;
    store::clients::upsert_described(&app.store, url.as_str(), &name, &metadata, &kept, now)
        .await
        .map_err(|e| unavailable(&e))?;
    let before = row.and_then(|row| row.client.document_hash.as_deref());
    if before != Some(kept.hash.as_str()) {
        let detail = json!({"name": name, "document": kept.hash, "before": before});
        let (event, client_id) = ("client.described", Some(url.as_str().to_owned()));
        app.audit.note(Fact { event, client_id, outcome: "ok", detail, ..Fact::default() }).await;
    }
    let stored = store::clients::find(&app.store, url.as_str()).await.map_err(|e| unavailable(&e))?;
    match stored {
        Some(client) if client.is_active() => Ok(client),
        Some(_) => Err(ClientRefusal::Inactive),
        None => Err(ClientRefusal::Unknown),
    }
}

async fn fetch(
    app: &App,
    url: &DocumentUrl,
    now: Time,
) -> Result<(described::Document, NewDocument), ClientRefusal> {
    let fetched =
        app.outbound.json(url.as_str(), limits::DOCUMENT_BYTES_MAX).await.map_err(ClientRefusal::Fetch)?;
    let document = described::read(url, &fetched.body).map_err(ClientRefusal::Document)?;
    let kept = NewDocument {
        hash: secret::sha256_base64url(&fetched.body),
        text: String::from_utf8_lossy(&fetched.body).into_owned(),
        fresh_until: now.plus_seconds(fresh_seconds(&fetched.headers, now)),
    };
    Ok((document, kept))
}

/// How long an answer is fresh by its own word (RFC 9111 section 5), within our bounds.
fn fresh_seconds(headers: &HeaderMap, now: Time) -> i64 {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let control = text(header::CACHE_CONTROL).unwrap_or_default().to_ascii_lowercase();
    let directives: Vec<&str> = control.split(',').map(str::trim).collect();
    let said = if directives.iter().any(|d| *d == "no-store" || d.starts_with("no-cache")) {
        Some(0)
    } else if let Some(age) = directives.iter().find_map(|d| d.strip_prefix("max-age=")) {
        let spent = text(header::AGE).and_then(|age| age.parse::<i64>().ok()).unwrap_or(0);
        Some(age.trim_matches('"').parse::<i64>().unwrap_or(0).saturating_sub(spent.max(0)))
    } else {
        // An unreadable date has passed already.
        text(header::EXPIRES).map(|date| {
            OffsetDateTime::parse(date, &Rfc2822).map_or(0, |at| at.unix_timestamp() - now.seconds())
        })
    };
    said.unwrap_or(limits::DOCUMENT_FRESH_SECONDS)
        .clamp(limits::DOCUMENT_FRESH_SECONDS_MIN, limits::DOCUMENT_FRESH_SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_says_how_long_within_our_bounds() {
        let now = Time::from_seconds(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (name, value, seconds) in [
            ("cache-control", "max-age=7200", 7_200),
            ("cache-control", "public, MAX-AGE=600", 600),
            ("cache-control", "max-age=1", limits::DOCUMENT_FRESH_SECONDS_MIN),
            ("cache-control", "max-age=99999999999999999999", limits::DOCUMENT_FRESH_SECONDS_MIN),
            ("cache-control", "max-age=31536000", limits::DOCUMENT_FRESH_SECONDS_MAX),
            ("cache-control", "no-store, max-age=7200", limits::DOCUMENT_FRESH_SECONDS_MIN),
            ("expires", "Sun, 06 Nov 1994 09:49:37 GMT", 3_600),
            ("expires", "0", limits::DOCUMENT_FRESH_SECONDS_MIN),
            ("x-nothing", "x", limits::DOCUMENT_FRESH_SECONDS),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(fresh_seconds(&headers, now), seconds, "{name}: {value}");
        }
    }
}
