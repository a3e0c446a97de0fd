//! Described clients: fetching, keeping and renewing their documents. The rules are in `oauth::described`.
//!
//! Nothing is stored before somebody who is signed in says yes: until then a good document is held in this node's memory,
//! within bounds. One fetch serves all who wait for it; a failure is remembered for seconds, so that a bad id cannot be
//! used to make this server call a stranger without end (attack A09).

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::clients::{ClientRefusal, unavailable};
use super::logos;
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::oauth::client::{Client, ClientKind};
use crate::oauth::described::{self, Document, DocumentUrl};
use crate::outbound::{Answer, Ask, Kind};
use crate::store::clients::ClientRow;
use crate::store::documents::NewDocument;
use crate::{limits, secret, store};

/// What this node knows of documents, by client_id.
#[derive(Clone, Debug)]
pub struct Memory {
    turns: moka::sync::Cache<String, Arc<tokio::sync::Mutex<()>>>,
    failures: moka::sync::Cache<String, (Time, ClientRefusal)>,
    held: moka::sync::Cache<String, Arc<Held>>,
}

/// A good document of a client that is not stored.
#[derive(Clone, Debug)]
struct Held {
    client: Client,
    document: NewDocument,
}

impl Default for Memory {
    fn default() -> Self {
        let idle = Duration::from_secs(60);
        let most = limits::DOCUMENTS_REMEMBERED_MAX;
        let weight = |id: &String, held: &Arc<Held>| {
            u32::try_from(id.len() + 2 * held.document.text.len()).unwrap_or(u32::MAX)
        };
        Self {
            turns: moka::sync::Cache::builder().max_capacity(most).time_to_idle(idle).build(),
            failures: moka::sync::Cache::builder().max_capacity(most).time_to_live(idle).build(),
            held: moka::sync::Cache::builder()
                .weigher(weight)
                .max_capacity(limits::DOCUMENTS_HELD_BYTES_MAX)
                .time_to_live(Duration::from_secs(limits::DOCUMENTS_HELD_SECONDS))
                .build(),
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

    fn hold(&self, client: Client, document: NewDocument) {
        self.held.insert(client.id.clone(), Arc::new(Held { client, document }));
    }
}

/// What is known of a client already.
enum Known {
    /// Somebody allowed it once: it has a row.
    Stored(Box<ClientRow>),
    /// Nobody did: this node holds its document.
    Held(Arc<Held>),
}

impl Known {
    fn client(&self) -> &Client {
        match self {
            Self::Stored(row) => &row.client,
            Self::Held(held) => &held.client,
        }
    }

    fn fresh_until(&self) -> Option<Time> {
        match self {
            Self::Stored(row) => row.fresh_until,
            Self::Held(held) => Some(held.document.fresh_until),
        }
    }

    fn is_fresh(&self, now: Time) -> bool {
        self.fresh_until().is_some_and(|until| now < until)
    }

    async fn etag(&self, app: &App) -> store::Result<Option<String>> {
        match self {
            Self::Stored(row) => store::documents::etag(&app.store, &row.client.id).await,
            Self::Held(held) => Ok(held.document.etag.clone()),
        }
    }
}

/// The client that `url` describes; `row` is what the store knows of it already.
///
/// # Errors
/// [`ClientRefusal`].
pub async fn resolve(app: &App, url: &DocumentUrl, row: Option<ClientRow>) -> Result<Client, ClientRefusal> {
    let now = app.clock.now();
    if let Some(known) = known(app, url, row)
        && known.is_fresh(now)
    {
        return Ok(known.client().clone());
    }
    let turn = app.described.turns.get_with(url.as_str().to_owned(), Arc::default);
    let _turn = turn.lock().await;
    // Whoever waited for the turn finds what the one before fetched, or why nothing came.
    let row = store::clients::find_row(&app.store, url.as_str()).await.map_err(|e| unavailable(&e))?;
    let now = app.clock.now();
    match known(app, url, row) {
        Some(known) if !known.client().is_active() => Err(ClientRefusal::Inactive),
        Some(known) if known.is_fresh(now) => Ok(known.client().clone()),
        known => match refresh(app, url, known.as_ref(), now).await {
            Ok(client) => Ok(client),
            Err(refusal) => last_good(known.as_ref(), &refusal, now).ok_or(refusal),
        },
    }
}

fn known(app: &App, url: &DocumentUrl, row: Option<ClientRow>) -> Option<Known> {
    row.map(|row| Known::Stored(Box::new(row)))
        .or_else(|| app.described.held.get(url.as_str()).map(Known::Held))
}

/// The document as it was, where its host is only down, and not for ever: a domain that is gone for good may be
/// somebody else's tomorrow (section 8.3).
fn last_good(known: Option<&Known>, refusal: &ClientRefusal, now: Time) -> Option<Client> {
    let known = known?;
    let passing = matches!(refusal, ClientRefusal::Fetch(why) if why.is_passing());
    let young = known.fresh_until().is_some_and(|u| now < u.plus_seconds(limits::DOCUMENT_STALE_SECONDS_MAX));
    (passing && young).then(|| known.client().clone())
}

async fn refresh(
    app: &App,
    url: &DocumentUrl,
    known: Option<&Known>,
    now: Time,
) -> Result<Client, ClientRefusal> {
    if let Some(refusal) = app.described.failure(url, now) {
        return Err(refusal);
    }
    let etag = match known {
        Some(known) => known.etag(app).await.map_err(|e| unavailable(&e))?,
        None => None,
    };
    let fetched = fetch(app, url, etag.as_deref(), now).await;
    if let Err(refusal) = &fetched {
        tracing::info!(client_id = url.as_str(), reason = ?refusal, "a client's document was refused");
        app.described.remember(url, refusal, now);
    }
    match (fetched?, known) {
        (Seen::New(new), Some(Known::Stored(row))) => renew(app, row, *new, now).await,
        (Seen::Same(fresh_until), Some(Known::Stored(row))) => {
            let mut tx = app.store.begin().await.map_err(|e| unavailable(&e))?;
            store::documents::still(&mut tx, url.as_str(), fresh_until, now)
                .await
                .map_err(|e| unavailable(&e))?;
            tx.commit().await.map_err(|e| unavailable(&e.into()))?;
            Ok(row.client.clone())
        }
        (Seen::Same(fresh_until), Some(Known::Held(held))) => {
            let document = NewDocument { fresh_until, ..held.document.clone() };
            app.described.hold(held.client.clone(), document);
            Ok(held.client.clone())
        }
        (Seen::New(new), _) => {
            let (document, kept) = *new;
            let client = client(url, document, &kept.hash, now);
            app.described.hold(client.clone(), kept);
            Ok(client)
        }
        // No tag was sent, so that a 304 was no answer: `outbound` refused it.
        (Seen::Same(_), None) => Err(ClientRefusal::Unavailable),
    }
}

/// Writes down what the document of a stored client says now.
async fn renew(
    app: &App,
    row: &ClientRow,
    (document, kept): (Document, NewDocument),
    now: Time,
) -> Result<Client, ClientRefusal> {
    let (id, before) = (&row.client.id, row.client.document_hash.as_deref());
    let Document { name, metadata } = document;
    let mut tx = app.store.begin().await.map_err(|e| unavailable(&e))?;
    store::documents::keep(&mut tx, id, &name, &metadata, &kept, now).await.map_err(|e| unavailable(&e))?;
    tx.commit().await.map_err(|e| unavailable(&e.into()))?;
    if before != Some(kept.hash.as_str()) {
        let detail = json!({"name": name, "document": kept.hash, "before": before,
            "redirect_uris": metadata.redirect_uris});
        let (event, client_id) = ("client.described", Some(id.clone()));
        app.audit.note(Fact { event, client_id, outcome: "ok", detail, ..Fact::default() }).await;
    }
    let stored = store::clients::find(&app.store, id).await.map_err(|e| unavailable(&e))?;
    match stored {
        Some(client) if client.is_active() => Ok(client),
        Some(_) => Err(ClientRefusal::Inactive),
        None => Err(ClientRefusal::Unknown),
    }
}

/// Stores a client whose document this node only held until now: somebody who is signed in said yes to it, or asked for
/// it. Part of the transaction in which that is written down. For any other client it does nothing.
///
/// # Errors
/// [`store::Error::Database`].
pub async fn keep(app: &App, tx: &mut store::Tx, client: &Client, now: Time) -> store::Result<()> {
    if client.kind != ClientKind::Described {
        return Ok(());
    }
    let Some(held) = app.described.held.get(&client.id) else { return Ok(()) };
    // Another node was first: what it wrote may be newer than what this one holds.
    if store::clients::find(&app.store, &client.id).await?.is_some() {
        return Ok(());
    }
    let Held { client, document } = &*held;
    store::documents::keep(tx, &client.id, &client.name, &client.metadata, document, now).await?;
    logos::keep(app, tx, client).await?;
    // Once it has a row, the row is what counts. Dropped before the commit, it is fetched once more at worst.
    app.described.held.invalidate(&client.id);
    let detail = json!({"name": client.name, "document": document.hash, "before": null,
        "redirect_uris": client.metadata.redirect_uris});
    let (event, client_id) = ("client.described", Some(client.id.clone()));
    app.audit.note(Fact { event, client_id, outcome: "ok", detail, ..Fact::default() }).await;
    Ok(())
}

fn client(url: &DocumentUrl, document: Document, hash: &str, now: Time) -> Client {
    Client {
        id: url.as_str().to_owned(),
        kind: ClientKind::Described,
        name: document.name,
        metadata: document.metadata,
        secret_digest: None,
        document_hash: Some(hash.to_owned()),
        registered_at: now,
        suspended_at: None,
        revoked_at: None,
    }
}

/// What its host says of a document.
enum Seen {
    New(Box<(Document, NewDocument)>),
    /// What it said before, and until when.
    Same(Time),
}

async fn fetch(app: &App, url: &DocumentUrl, etag: Option<&str>, now: Time) -> Result<Seen, ClientRefusal> {
    let ask = Ask { url: url.as_str(), kind: Kind::Json, bytes_max: limits::DOCUMENT_BYTES_MAX, etag };
    let fetched = match app.outbound.get(ask).await.map_err(ClientRefusal::Fetch)? {
        Answer::Same(headers) => return Ok(Seen::Same(now.plus_seconds(fresh_seconds(&headers, now)))),
        Answer::New(fetched) => fetched,
    };
    let document = described::read(url, &fetched.body).map_err(ClientRefusal::Document)?;
    let tag = fetched.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let kept = NewDocument {
        hash: secret::sha256_base64url(&fetched.body),
        text: String::from_utf8_lossy(&fetched.body).into_owned(),
        etag: tag.filter(|tag| tag.len() <= limits::ETAG_BYTES_MAX).map(str::to_owned),
        fresh_until: now.plus_seconds(fresh_seconds(&fetched.headers, now)),
    };
    Ok(Seen::New(Box::new((document, kept))))
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
