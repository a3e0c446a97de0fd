//! Event streams as they stand on the wire (WHATWG HTML section 9.2), and what keeps them alive on their way.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::limits;

/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its kind, where it is not `message`.
    pub kind: Option<&'a str>,
    /// Where to go on from after a cut.
    pub id: Option<&'a str>,
    /// How long to wait before that, in milliseconds.
    pub retry: Option<u64>,
    /// What it says. JSON holds no line break, so it is one line.
    pub data: &'a str,
}

impl Event<'_> {
    /// The lines of it.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = String::with_capacity(self.data.len() + 64);
        let mut line = |name: &str, value: &str| {
            for value in value.split(['\n', '\r']) {
                out.extend([name, ": ", value, "\n"]);
            }
        };
        if let Some(kind) = self.kind {
            line("event", kind);
        }
        if let Some(id) = self.id {
            line("id", id);
        }
        if let Some(retry) = self.retry {
            line("retry", &retry.to_string());
        }
        line("data", self.data);
        out.push('\n');
        out.into()
    }
}

/// A message without an id: nothing to go on from.
pub fn message(data: &str) -> Bytes {
    Event { data, ..Event::default() }.to_bytes()
}

/// Whether an answer is a stream.
pub fn is_one(response: &Response<Body>) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == EVENT_STREAM)
}

/// The answer whose body is `events`. A comment in between shows that it lives, and it ends after a while, in order.
pub fn response(events: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let life = tokio::time::sleep(Duration::from_secs(limits::MCP_STREAM_SECONDS_MAX));
    let body =
        futures_util::stream::unfold((Box::pin(events), Box::pin(life)), |(mut events, mut life)| async {
            let pause = tokio::time::sleep(Duration::from_secs(limits::MCP_KEEP_ALIVE_SECONDS));
            let next = tokio::select! {
                biased;
                next = events.next() => next?,
                () = pause => Bytes::from_static(b": still here\n\n"),
                () = &mut life => return None,
            };
            Some((Ok::<_, Infallible>(next), (events, life)))
        });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // nginx would gather the stream before it passes anything on.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_lines_and_an_empty_one() {
        assert_eq!(message("{}"), "data: {}\n\n");
        let priming = Event { id: Some("s.1"), retry: Some(1_000), ..Event::default() };
        assert_eq!(priming.to_bytes(), "id: s.1\nretry: 1000\ndata: \n\n");
        let named = Event { kind: Some("endpoint"), data: "/x", ..Event::default() };
        assert_eq!(named.to_bytes(), "event: endpoint\ndata: /x\n\n");
    }

    #[test]
    fn nothing_in_an_event_can_begin_another() {
        assert_eq!(message("a\n\nid: 7\rdata: b"), "data: a\ndata: \ndata: id: 7\ndata: data: b\n\n");
    }
}
