//! The event streams of sessions: of one request, of the session itself, and either of them again after a cut.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::json;
use serde_json::value::RawValue;

use super::Session;
use super::door::{Door, no_place, stream_name};
use super::run::Runs;
use super::tape::{Read, Reader, Tape, event_id, parse_event_id};
use crate::clock::Time;
use crate::limits;
use crate::mcp::authority::Verified;
use crate::mcp::changes::Wants;
use crate::mcp::server::Server;
use crate::mcp::sse::{self, Event};
use crate::mcp::streams::{Next, Stream as Place, Streams};
use crate::mcp::{answer, listen};
use crate::store;

/// The revision whose clients know an event without data. Older ones take it for broken JSON.
const PRIMED: &str = "2025-11-25";

/// The answer to a request whose messages come on `tape`.
pub async fn of_run(
    streams: &Arc<Streams>,
    verified: Verified,
    session: &Arc<Session>,
    tape: &Arc<Tape>,
    id: &RawValue,
) -> Response<Body> {
    let mut reader = tape.read(0);
    let first = reader.next().await;
    if let Read::Said { text, last: true, .. } = &first {
        return answer::json_response(StatusCode::OK, text.as_bytes().to_vec());
    }
    match streams.open(verified, Wants::default(), None) {
        Ok(place) => sse::response(of_tape(reader, Some(first), place, session.is_at_least(PRIMED))),
        Err(full) => no_place(full, Some(id)),
    }
}

/// The events of a tape, from where `reader` stands.
fn of_tape(
    reader: Reader,
    first: Option<Read>,
    place: Place,
    primed: bool,
) -> impl Stream<Item = Bytes> + Send {
    let priming = primed.then(|| {
        let id = event_id(reader.name(), 0);
        Event { id: Some(&id), retry: Some(limits::MCP_RETRY_MILLIS), ..Event::default() }.to_bytes()
    });
    unfold((priming, reader, first, place, false), |(priming, mut reader, first, place, done)| async move {
        if let Some(priming) = priming {
            return Some((priming, (None, reader, first, place, done)));
        }
        if done {
            return None;
        }
        let next = match first {
            Some(first) => first,
            None => tokio::select! {
                next = reader.next() => next,
                // Nothing else is told here, so this is the end: of the access, the session or the server.
                _ = place.next() => return None,
            },
        };
        let Read::Said { place: at, text, last } = next else { return None };
        let id = event_id(reader.name(), at);
        let event = Event { id: Some(&id), data: &text, ..Event::default() }.to_bytes();
        Some((event, (None, reader, None, place, last)))
    })
}

/// The session's own stream, or the one that `last_event_id` names, from there on.
///
/// # Errors
/// [`store::Error`].
pub async fn reopen(
    door: &Door,
    server: &Server,
    verified: Verified,
    session: &Arc<Session>,
    last_event_id: Option<&str>,
) -> Result<Response<Body>, store::Error> {
    let last = last_event_id.and_then(parse_event_id);
    if let Some((stream, after)) = last.filter(|(stream, _)| stream.starts_with('r')) {
        let tape = door.runs.tape(session, stream);
        let elsewhere = tape.is_none() && door.runs.is_kept(session, stream).await?;
        if tape.is_some() || elsewhere {
            let place = match door.streams.open(verified, Wants::default(), Some(session.digest.as_str())) {
                Ok(place) => place,
                Err(full) => return Ok(no_place(full, None)),
            };
            return Ok(match tape {
                Some(tape) => sse::response(of_tape(tape.read(after), None, place, false)),
                None => sse::response(of_store(Arc::clone(&door.runs), session, stream, after, place)),
            });
        }
    }
    // A stream that nobody remembers is as good as none: the client gets its session's own.
    let since = last.filter(|(stream, _)| stream.starts_with('g')).map(|(_, at)| Time::from_micros(at));
    let wants = wants(server, session).without_entities(server.features().is_kept_out(&verified.caller));
    Ok(match door.streams.open(verified, wants, Some(session.digest.as_str())) {
        Ok(place) => {
            if let Some(since) = since {
                place.catch_up(since);
            }
            sse::response(of_session(door.streams.clone(), place, session.is_at_least(PRIMED)))
        }
        Err(full) => no_place(full, None),
    })
}

/// Every list that this server tells of, and what the session follows.
fn wants(server: &Server, session: &Session) -> Wants {
    let lists = listen::lists(server.capabilities());
    Wants { lists, resources: session.subscriptions.clone(), ..Wants::default() }
}

/// The session's own stream. An event's id holds the time, so that whoever comes back hears what changed since.
fn of_session(streams: Arc<Streams>, place: Place, primed: bool) -> impl Stream<Item = Bytes> + Send {
    let name = stream_name('g');
    let now = streams.now().micros();
    let opening = if primed {
        let id = event_id(&name, now);
        Event { id: Some(&id), retry: Some(limits::MCP_RETRY_MILLIS), ..Event::default() }.to_bytes()
    } else {
        Bytes::from_static(b": open\n\n")
    };
    unfold((Some(opening), streams, place, name, now), |(opening, streams, place, name, last)| async move {
        if let Some(opening) = opening {
            return Some((opening, (None, streams, place, name, last)));
        }
        let Next::Changed(whats) = place.next().await else { return None };
        let mut out = Vec::new();
        let mut at = last;
        for (method, params) in listen::notifications(whats) {
            // Two events of one microsecond are two events still.
            at = streams.now().micros().max(at + 1);
            let id = event_id(&name, at);
            let text = json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string();
            out.extend_from_slice(&Event { id: Some(&id), data: &text, ..Event::default() }.to_bytes());
        }
        Some((out.into(), (None, streams, place, name, at)))
    })
}

/// The events of a request that another node ran, or still runs, as it writes them down.
fn of_store(
    runs: Arc<Runs>,
    session: &Arc<Session>,
    stream: &str,
    after: i64,
    place: Place,
) -> impl Stream<Item = Bytes> + Send + use<> {
    let state = (runs, Arc::clone(session), stream.to_owned(), after, place, false);
    unfold(state, |(runs, session, stream, after, place, done)| async move {
        if done {
            return None;
        }
        loop {
            let kept = match runs.kept(&session, &stream, after).await {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::warn!(%error, "events of an MCP stream could not be read");
                    return None;
                }
            };
            if !kept.is_empty() {
                let ended = kept.iter().any(|(_, text)| text.is_none());
                let (mut out, mut after) = (Vec::new(), after);
                for (at, text) in kept {
                    after = at;
                    if let Some(text) = text {
                        let id = event_id(&stream, at);
                        let event = Event { id: Some(&id), data: &text, ..Event::default() };
                        out.extend_from_slice(&event.to_bytes());
                    }
                }
                let next = (runs, session, stream, after, place, ended);
                return (!out.is_empty()).then(|| (out.into(), next));
            }
            let pause = tokio::time::sleep(Duration::from_millis(limits::MCP_FOLLOW_MILLIS));
            tokio::select! {
                () = pause => {}
                _ = place.next() => return None,
            }
        }
    })
}
