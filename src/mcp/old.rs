//! The transport of MCP 2024-11-05, HTTP with server-sent events: one long GET that carries every answer, and POSTs
//! beside it that carry none. Deprecated, and off unless `mcp.sse` says otherwise; the guard before it is the same.
//!
//! A connection lives on the node that holds its GET, and ends with it. Behind several nodes it needs a proxy that
//! sends one client to one node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, Response, StatusCode, request};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use rmcp::model::{
    ClientJsonRpcMessage, GetExtensions as _, InitializeRequestParams, JsonRpcRequest, ProtocolVersion,
    RequestId, ServerJsonRpcMessage,
};
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use super::answer;
use super::authority::Verified;
use super::changes::Wants;
use super::envelope::{self, LEGACY, Message, Note};
use super::guard::Endpoint;
use super::listen;
use super::server::Server;
use super::session::run::{is_answer, serve};
use super::sse::{self, Event};
use super::streams::{Next, Stream as Place, Streams};
use crate::actions::Caller;
use crate::limits;
use crate::secret::{McpSession, Secret};

/// The revision that this transport is of.
pub const REVISION: &str = "2024-11-05";

/// The open connections of one endpoint.
#[derive(Debug)]
pub struct Connections {
    path: String,
    streams: Arc<Streams>,
    open: Mutex<HashMap<String, Arc<Connection>>>,
}

#[derive(Debug)]
struct Connection {
    subject: String,
    client_id: String,
    outbox: Sender<Bytes>,
    state: Mutex<State>,
    /// Cancelled when the GET ends: nothing that runs for it has anywhere to go.
    gone: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    client: InitializeRequestParams,
    running: HashMap<String, CancellationToken>,
    /// What was asked, by our id: where its answer goes, and what the handler calls it.
    asked: HashMap<String, (Sender<ClientJsonRpcMessage>, RequestId)>,
    last_question: u64,
}

/// The oldest revision whose rules for sessions `rmcp` and the handler know.
const OLDEST: ProtocolVersion = ProtocolVersion::V_2025_03_26;

impl State {
    /// A client may ping before it says who it is: without a revision it would be answered as one of today's.
    fn before_initialize() -> Self {
        let mut state = Self::default();
        state.client.protocol_version = OLDEST;
        state
    }
}

/// Takes a connection out again when its GET ends, however it ends.
struct Guard {
    connections: Arc<Connections>,
    digest: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(connection) = self.connections.lock().remove(&self.digest) {
            connection.gone.cancel();
        }
    }
}

impl Connections {
    /// None yet, for the endpoint at `path`.
    pub fn new(path: &str, streams: Arc<Streams>) -> Arc<Self> {
        Arc::new(Self { path: path.to_owned(), streams, open: Mutex::default() })
    }

    /// Opens the stream, whose first event says where to POST.
    pub fn get(self: &Arc<Self>, verified: Verified, server: &Server) -> Response<Body> {
        let caller = Arc::clone(&verified.caller);
        let lists = listen::lists(server.capabilities());
        let wants =
            Wants { lists, ..Wants::default() }.without_entities(server.features().is_kept_out(&caller));
        let place = match self.streams.open(verified, wants, None) {
            Ok(place) => place,
            Err(full) => {
                let (status, text) = listen::refusal(full);
                return answer::refusal(status, "temporarily_unavailable", text);
            }
        };
        let id = Secret::<McpSession>::mint();
        let digest = id.digest().as_str().to_owned();
        let (outbox, said) = channel(limits::MCP_TAPE_EVENTS_MAX);
        let connection = Connection {
            subject: caller.subject.clone(),
            client_id: caller.client_id.clone(),
            outbox,
            state: Mutex::new(State::before_initialize()),
            gone: CancellationToken::new(),
        };
        self.lock().insert(digest.clone(), Arc::new(connection));
        let first = format!("{}?session={}", self.path, id.reveal());
        let first = Event { kind: Some("endpoint"), data: &first, ..Event::default() }.to_bytes();
        sse::response(events(Some(first), said, place, Guard { connections: Arc::clone(self), digest }))
    }

    /// Takes a message of the connection that the request names.
    pub fn post(
        &self,
        caller: &Arc<Caller>,
        parts: request::Parts,
        server: &Server,
        message: Message<'_>,
        body: &[u8],
    ) -> Response<Body> {
        let connection = named(&parts)
            .and_then(|id| self.lock().get(id.digest().as_str()).cloned())
            .filter(|open| open.subject == caller.subject && open.client_id == caller.client_id);
        let Some(connection) = connection else {
            let text = "There is no such connection: it ended, or is not yours. Open the stream again.";
            return answer::refusal(StatusCode::NOT_FOUND, "not_found", text);
        };
        match message {
            Message::Noted(Note::Response) => connection.hear(body),
            Message::Noted(Note::Notification { method, params, .. }) => {
                if method == "notifications/cancelled"
                    && let Some(id) = params.and_then(super::session::door::cancelled_id)
                    && let Some(stop) = connection.lock().running.get(&id)
                {
                    stop.cancel();
                }
            }
            Message::Request(_) => return connection.run(caller, parts, server, body),
        }
        answer::accepted()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoint {
    /// Answers one request of this transport, whose caller the guard let in.
    pub async fn serve_old(
        &self,
        verified: Verified,
        heard: u64,
        parts: request::Parts,
        body: Body,
    ) -> Response<Body> {
        let Some(old) = &self.old else { return answer::only_post() };
        match parts.method {
            Method::GET => return old.get(verified, &self.server),
            Method::POST if named(&parts).is_some() => {}
            // A newer client tries the newer transport first; 405 is what sends it to GET.
            _ => return only_get(),
        }
        let body = match self.message(&verified, heard, &parts.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        let mut headers = parts.headers.clone();
        headers.remove("mcp-protocol-version");
        match envelope::read(&headers, &body) {
            Ok(Message::Request(request)) if request.modern => {
                let text = "this transport is of revisions with a handshake";
                let id = Some(request.id);
                answer::rpc_error(StatusCode::BAD_REQUEST, id, answer::INVALID_REQUEST, text, None)
            }
            Ok(message) => {
                let caller = &verified.caller;
                let mut reads = None;
                if let Message::Request(request) = &message {
                    if let Some(refusal) = self.needs_scope(caller, request).await {
                        return refusal;
                    }
                    reads = self.reads(caller, request).map(|(_, offered)| Arc::clone(offered));
                }
                let response = old.post(caller, parts, &self.server, message, &body);
                if let Some(offered) = reads.filter(|_| response.status() == StatusCode::ACCEPTED) {
                    self.note_read(caller, &offered).await;
                }
                response
            }
            Err(bad) => answer::rpc_error(bad.status, bad.id, bad.code, &bad.message, bad.data),
        }
    }
}

fn only_get() -> Response<Body> {
    let text = "This is the transport of MCP 2024-11-05: open the stream with GET; its first event says where to POST.";
    let mut response = answer::refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, OPTIONS"));
    response
}

impl Connection {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings an answer to whoever asked.
    fn hear(&self, body: &[u8]) {
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return };
        let asked = value["id"].as_str().and_then(|name| self.lock().asked.remove(name));
        let Some((inbox, id)) = asked else { return };
        value["id"] = serde_json::to_value(id).unwrap_or_default();
        if let Ok(message) = serde_json::from_value(value) {
            let _ = inbox.try_send(message);
        }
    }

    /// Runs a request; what it says, its answer last, goes over the stream.
    fn run(
        self: Arc<Self>,
        caller: &Arc<Caller>,
        mut parts: request::Parts,
        server: &Server,
        body: &[u8],
    ) -> Response<Body> {
        let Ok(ClientJsonRpcMessage::Request(mut request)) = serde_json::from_slice(body) else {
            let text = "Invalid params: they do not fit the method";
            return answer::rpc_error(StatusCode::BAD_REQUEST, None, answer::INVALID_PARAMS, text, None);
        };
        let id = serde_json::to_string(&request.id).unwrap_or_default();
        let stop = self.gone.child_token();
        let (client, asked_for) = {
            let mut state = self.lock();
            let asked_for = begin(&mut state, &request);
            if state.running.len() >= limits::MCP_RUNNING_PER_SESSION_MAX || state.running.contains_key(&id) {
                let text = "as many requests as may run are running, or one with this id is";
                return answer::rpc_error(StatusCode::TOO_MANY_REQUESTS, None, answer::TOO_MANY, text, None);
            }
            state.running.insert(id.clone(), stop.clone());
            (state.client.clone(), asked_for)
        };
        parts.extensions.insert(Arc::clone(caller));
        request.request.extensions_mut().insert(parts);
        let (said, inbox) = serve(server.clone(), request, client, &stop);
        tokio::spawn(async move {
            self.pass_on(&id, said, &inbox, asked_for, &stop).await;
            stop.cancel();
        });
        answer::accepted()
    }

    async fn pass_on(
        &self,
        id: &str,
        mut said: Receiver<ServerJsonRpcMessage>,
        inbox: &Sender<ClientJsonRpcMessage>,
        asked_for: Option<String>,
        stop: &CancellationToken,
    ) {
        loop {
            let message = tokio::select! {
                biased;
                message = said.recv() => message,
                () = stop.cancelled() => None,
            };
            let Some(mut message) = message else { break };
            let last = is_answer(&message);
            if last {
                // Before the client hears it: from then on the id is free for the client's next request.
                self.lock().running.remove(id);
            }
            if let ServerJsonRpcMessage::Request(question) = &mut message {
                let mut state = self.lock();
                state.last_question += 1;
                let name = format!("q{}", state.last_question);
                let id = std::mem::replace(&mut question.id, RequestId::String(name.as_str().into()));
                state.asked.insert(name, (inbox.clone(), id));
            }
            let mut value = serde_json::to_value(&message).unwrap_or_default();
            if let (Some(revision), Some(result)) = (&asked_for, value.get_mut("result")) {
                result["protocolVersion"] = revision.as_str().into();
            }
            // Whoever does not read its stream is let go, not waited for.
            if let Err(TrySendError::Full(_)) = self.outbox.try_send(sse::message(&value.to_string())) {
                self.gone.cancel();
            }
            if last {
                return;
            }
        }
        self.lock().running.remove(id);
    }
}

/// Remembers what `initialize` says, and gives the revision to answer it with.
fn begin(state: &mut State, request: &JsonRpcRequest<rmcp::model::ClientRequest>) -> Option<String> {
    let rmcp::model::ClientRequest::InitializeRequest(initialize) = &request.request else { return None };
    let asked = initialize.params.protocol_version.as_str();
    let revision = if LEGACY.contains(&asked) { asked } else { REVISION };
    state.client = initialize.params.clone();
    state.client.protocol_version = OLDEST;
    Some(revision.to_owned())
}

fn named(parts: &request::Parts) -> Option<Secret<McpSession>> {
    let query = parts.uri.query()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "session").and_then(|(_, id)| Secret::presented(&id))
}

fn events(
    first: Option<Bytes>,
    said: Receiver<Bytes>,
    place: Place,
    guard: Guard,
) -> impl Stream<Item = Bytes> + Send {
    let gone = guard.connections.lock().get(&guard.digest).map(|open| open.gone.clone()).unwrap_or_default();
    unfold((first, said, place, guard, gone), |(first, mut said, place, guard, gone)| async move {
        if let Some(first) = first {
            return Some((first, (None, said, place, guard, gone)));
        }
        let next = tokio::select! {
            biased;
            () = gone.cancelled() => return None,
            next = said.recv() => next?,
            next = place.next() => match next {
                Next::End => return None,
                Next::Changed(whats) => {
                    let note = |(method, params)| {
                        let note = serde_json::json!({ "jsonrpc": "2.0", "method": method, "params": params });
                        sse::message(&note.to_string())
                    };
                    listen::notifications(whats).map(note).collect::<Vec<_>>().concat().into()
                }
            },
        };
        Some((next, (None, said, place, guard, gone)))
    })
}
