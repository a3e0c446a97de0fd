//! An event stream, read one event at a time.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::{HeaderMap, Request};
use serde_json::Value;
use tower::ServiceExt as _;

use super::mcp::{Answer, META, McpWorld, rpc};

/// How long a test waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open stream.
pub struct Events {
    /// The answer's headers.
    pub headers: HeaderMap,
    body: BodyDataStream,
    read: String,
}

/// One event of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its kind, empty for a message.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// How long to wait before coming back.
    pub retry: String,
    /// What it says.
    pub data: String,
}

impl Event {
    /// The message in it.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The method of the message in it, or nothing.
    pub fn method(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }
}

impl Events {
    /// The stream that `request` opens.
    pub async fn open(router: &Router, request: Request<Body>) -> Self {
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get("content-type").map(|value| value.to_str().unwrap().to_owned());
        if parts.status != 200 || kind.as_deref() != Some("text/event-stream") {
            let text = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            panic!("no stream: {} {kind:?} {}", parts.status, String::from_utf8_lossy(&text));
        }
        Self { headers: parts.headers, body: body.into_data_stream(), read: String::new() }
    }

    /// The next event, or nothing where the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read_one()).await.expect("an event in time")
    }

    /// The next event, which has to come.
    pub async fn expect(&mut self) -> Event {
        self.next().await.expect("the stream has ended")
    }

    /// Whether nothing comes for a moment.
    pub async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(100), self.read_one()).await.is_err()
    }

    async fn read_one(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let text: String = self.read.drain(..end + 2).collect();
                let mut event = Event::default();
                let mut comment = true;
                for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match name {
                        "" => continue,
                        "event" => event.kind = value.to_owned(),
                        "id" => event.id = value.to_owned(),
                        "retry" => event.retry = value.to_owned(),
                        "data" => event.data += value,
                        other => panic!("no such field: {other}"),
                    }
                    comment = false;
                }
                if !comment {
                    return Some(event);
                }
                continue;
            }
            let chunk = self.body.next().await?.unwrap();
            self.read += std::str::from_utf8(&chunk).unwrap();
        }
    }
}

impl McpWorld {
    /// Opens a `subscriptions/listen` with `notifications` as its filter.
    pub async fn listen(&self, token: &str, id: &str, notifications: &str) -> Events {
        Events::open(&self.router, self.listen_request(token, id, notifications)).await
    }

    /// The request of it.
    pub fn listen_request(&self, token: &str, id: &str, notifications: &str) -> Request<Body> {
        let params = format!(r#""notifications":{notifications},{META}"#);
        let body = rpc("subscriptions/listen", &params).replacen("\"id\":1", &format!("\"id\":{id}"), 1);
        Request::post("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "subscriptions/listen")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(body))
            .unwrap()
    }
}

/// A client from before 2026-07-28, with or without a session, at any router.
pub struct Legacy {
    /// Where it calls.
    pub router: Router,
    /// Its token.
    pub token: String,
    /// What it answers with: revision, session id.
    pub headers: Vec<(&'static str, String)>,
}

/// `initialize` of a client that can be asked.
pub fn initialize(revision: &str) -> String {
    rpc(
        "initialize",
        &format!(
            r#""protocolVersion":"{revision}","capabilities":{{"elicitation":{{}},"sampling":{{}},"roots":{{}}}},
            "clientInfo":{{"name":"test","version":"1"}}"#
        ),
    )
}

impl Legacy {
    /// Connects.
    pub async fn connect(router: &Router, token: &str, revision: &str) -> Self {
        let mut this = Self { router: router.clone(), token: token.to_owned(), headers: Vec::new() };
        let answer = this.post(&initialize(revision)).await;
        assert_eq!(answer.result()["protocolVersion"], revision);
        let id = answer.header("mcp-session-id").to_owned();
        assert!(!id.is_empty(), "no session");
        this.headers = vec![("mcp-session-id", id), ("mcp-protocol-version", revision.to_owned())];
        assert_eq!(this.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await.status, 202);
        this
    }

    /// The same client at another node.
    pub fn at(&self, router: &Router) -> Self {
        Self { router: router.clone(), token: self.token.clone(), headers: self.headers.clone() }
    }

    /// The same session as whoever holds `token` would use it.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.at(&self.router) }
    }

    /// A request with everything that this client sends.
    pub fn request(&self, method: &str, more: &[(&str, &str)], body: &str) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in self.headers.iter().map(|(n, v)| (*n, v.as_str())).chain(more.iter().copied()) {
            request = request.header(name, value);
        }
        request.body(Body::from(body.to_owned())).unwrap()
    }

    /// Sends it and reads the answer to its end.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Posts a message.
    pub async fn post(&self, body: &str) -> Answer {
        self.send(self.request("POST", &[], body)).await
    }

    /// Posts a request with id 1.
    pub async fn ask(&self, method: &str, params: &str) -> Answer {
        self.post(&rpc(method, params)).await
    }

    /// Posts a call that is answered by a stream.
    pub async fn stream(&self, id: u32, tool: &str, arguments: &str) -> Events {
        let params = format!(r#""name":"{tool}","arguments":{arguments},"_meta":{{"progressToken":"p"}}"#);
        let body = rpc("tools/call", &params).replacen("\"id\":1", &format!("\"id\":{id}"), 1);
        Events::open(&self.router, self.request("POST", &[], &body)).await
    }

    /// Opens the session's own stream, or goes on after `last`.
    pub async fn get(&self, last: &str) -> Events {
        let more: &[(&str, &str)] = if last.is_empty() { &[] } else { &[("last-event-id", last)] };
        Events::open(&self.router, self.request("GET", more, "")).await
    }

    /// Ends the session.
    pub async fn delete(&self) -> Answer {
        self.send(self.request("DELETE", &[], "")).await
    }
}
