//! How a legacy client's requests reach its session: POST, GET and DELETE of one endpoint.
//!
//! | request | no session id | an id of this caller's | any other id |
//! |---|---|---|---|
//! | `initialize` | a session begins | another one begins | another one begins |
//! | other POST | stateless, or 400 where sessions are required | in the session | 404 |
//! | GET | 405, or 400 | an event stream | 404 |
//! | DELETE | 405, or 400 | the session ends | 404 |

use std::sync::{Arc, Weak};

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, request};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use rmcp::model::{ClientJsonRpcMessage, InitializeRequestParams};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::run::{CannotRun, Runs};
use super::stream;
use super::tape::Tape;
use super::{NoSession, Session, Sessions};
use crate::actions::Caller;
use crate::config::McpSessions;
use crate::limits;
use crate::mcp::answer;
use crate::mcp::authority::Verified;
use crate::mcp::envelope::{LEGACY, Note, Request};
use crate::mcp::listen;
use crate::mcp::server::Server;
use crate::mcp::streams::{Full, Streams};
use crate::secret;
use crate::store::Store;
use crate::store::events::Event;

/// The header that names a session.
pub const SESSION_ID: &str = "mcp-session-id";
/// JSON-RPC: what official SDKs answer for a session that is not there.
const SESSION_NOT_FOUND: i32 = -32001;

/// Everything about sessions, shared by all endpoints.
#[derive(Debug)]
pub struct Door {
    /// Whether sessions are kept.
    pub mode: McpSessions,
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// Their requests.
    pub runs: Arc<Runs>,
    /// The open streams.
    pub streams: Arc<Streams>,
}

/// An answer that ends the request here. Boxed: it is large, and rare.
pub type Refusal = Box<Response<Body>>;

impl Door {
    /// Opens it, and follows the news that concern sessions for as long as it is there.
    pub fn new(
        mode: McpSessions,
        store: &Store,
        sessions: Arc<Sessions>,
        runs: Arc<Runs>,
        streams: Arc<Streams>,
    ) -> Arc<Self> {
        let door = Arc::new(Self { mode, sessions, runs, streams });
        tokio::spawn(follow(Arc::downgrade(&door), store.subscribe()));
        door
    }

    /// The session that a POST belongs to, or `None` where it stands alone.
    ///
    /// # Errors
    /// The answer to a request without its session, or with one that is not its own.
    pub async fn session(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
        id: Option<&RawValue>,
    ) -> Result<Option<Arc<Session>>, Refusal> {
        if self.mode == McpSessions::Off {
            return Ok(None);
        }
        match self.named(headers, caller).await? {
            None if self.mode == McpSessions::Required => {
                let text =
                    "Mcp-Session-Id is missing: begin with initialize, then send the id it answers with";
                Err(Box::new(answer::rpc_error(
                    StatusCode::BAD_REQUEST,
                    id,
                    answer::INVALID_REQUEST,
                    text,
                    None,
                )))
            }
            session => Ok(session),
        }
    }

    async fn named(&self, headers: &HeaderMap, caller: &Caller) -> Result<Option<Arc<Session>>, Refusal> {
        let mut values = headers.get_all(SESSION_ID).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(no_session)?;
        match self.sessions.find(text.trim(), caller).await {
            Ok(session) => Ok(Some(session)),
            Err(NoSession::Unknown) => Err(no_session()),
            Err(NoSession::Store(error)) => Err(store_is_down(&error)),
        }
    }

    /// Adds a session to the answer to `initialize`, where that succeeded.
    pub async fn begin(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        response: Response<Body>,
    ) -> Response<Body> {
        if self.mode == McpSessions::Off || response.status() != StatusCode::OK {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let Ok(body) = body.collect().await else { return answer::unavailable() };
        let body = body.to_bytes();
        let negotiated = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|answer| answer["result"]["protocolVersion"].as_str().map(str::to_owned))
            .and_then(|version| LEGACY.into_iter().find(|known| *known == version));
        let params = request.params.map_or("null", RawValue::get);
        let client = serde_json::from_str::<InitializeRequestParams>(params).ok();
        if let (Some(revision), Some(client)) = (negotiated, client) {
            if params.len() > limits::MCP_CLIENT_BYTES_MAX {
                let text = format!("Invalid params: at most {} bytes", limits::MCP_CLIENT_BYTES_MAX);
                let id = Some(request.id);
                return answer::rpc_error(StatusCode::OK, id, answer::INVALID_PARAMS, &text, None);
            }
            match self.sessions.begin(caller, client, revision).await {
                Ok(session) => {
                    if let Ok(value) = HeaderValue::from_str(session.id.reveal()) {
                        parts.headers.insert(SESSION_ID, value);
                    }
                }
                Err(error) if self.mode == McpSessions::Required => return *store_is_down(&error),
                // Everything but its own streams works without a session.
                Err(error) => {
                    tracing::warn!(%error, "an MCP session could not be kept; the client goes on without")
                }
            }
        }
        Response::from_parts(parts, Body::from(body))
    }

    /// Runs a request of `session`: its answer as JSON, or as a stream where something is said before it.
    pub async fn run(
        &self,
        server: &Server,
        verified: Verified,
        session: &Arc<Session>,
        mut parts: request::Parts,
        body: &Bytes,
        request: &Request<'_>,
    ) -> Response<Body> {
        let refuse = |status, code, text: &str| answer::rpc_error(status, Some(request.id), code, text, None);
        let Ok(ClientJsonRpcMessage::Request(mut message)) = serde_json::from_slice(body) else {
            let text = format!("Invalid params for {}", request.method);
            return refuse(StatusCode::OK, answer::INVALID_PARAMS, &text);
        };
        let tape = Tape::new(stream_name('r'));
        parts.extensions.insert(Arc::clone(&verified.caller));
        parts.extensions.insert(Arc::clone(session));
        parts.extensions.insert(Arc::clone(&self.sessions));
        parts.extensions.insert(Arc::clone(&tape));
        rmcp::model::GetExtensions::extensions_mut(&mut message.request).insert(parts);
        match self.runs.start(server.clone(), session, message, Arc::clone(&tape)) {
            Ok(()) => stream::of_run(&self.streams, verified, session, &tape, request.id).await,
            Err(CannotRun::SameId) => {
                refuse(StatusCode::BAD_REQUEST, answer::INVALID_REQUEST, "a request with this id is running")
            }
            Err(CannotRun::TooMany) => {
                let text = "This session has as many requests running as it may: wait for one of them.";
                refuse(StatusCode::TOO_MANY_REQUESTS, answer::TOO_MANY, text)
            }
        }
    }

    /// Takes what a client says without asking: an answer, a request taken back, or something of no consequence.
    pub async fn note(&self, session: &Session, note: &Note<'_>, body: &[u8]) -> Response<Body> {
        let done = match note {
            Note::Response => self.runs.questions.answer(session, body).await.map(|_| ()),
            Note::Notification { method, params, .. } if *method == "notifications/cancelled" => {
                match params.and_then(cancelled_id) {
                    Some(id) => self.runs.cancel(session, &id).await,
                    None => Ok(()),
                }
            }
            Note::Notification { .. } => Ok(()),
        };
        match done {
            Ok(()) => answer::accepted(),
            Err(error) => *store_is_down(&error),
        }
    }

    /// Opens the session's own stream, or goes on with one that was cut.
    pub async fn get(&self, server: &Server, verified: Verified, headers: &HeaderMap) -> Response<Body> {
        let session = match self.outside(headers, &verified.caller).await {
            Ok(session) => session,
            Err(refusal) => return *refusal,
        };
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        match stream::reopen(self, server, verified, &session, last).await {
            Ok(response) => response,
            Err(error) => *store_is_down(&error),
        }
    }

    /// Ends the session. Doing so twice is the same answer.
    pub async fn delete(&self, caller: &Caller, headers: &HeaderMap) -> Response<Body> {
        match headers.get(SESSION_ID).map(|value| value.to_str().unwrap_or_default().trim()) {
            Some(id) if self.mode != McpSessions::Off => match self.sessions.end(id, caller).await {
                Ok(true) => {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = StatusCode::NO_CONTENT;
                    response
                }
                Ok(false) => *no_session(),
                Err(error) => *store_is_down(&error),
            },
            _ => *self.no_id(),
        }
    }

    /// The session of a request that is no POST.
    async fn outside(&self, headers: &HeaderMap, caller: &Caller) -> Result<Arc<Session>, Refusal> {
        let version =
            headers.get("mcp-protocol-version").map(|value| value.to_str().unwrap_or_default().trim());
        if let Some(version) = version
            && !LEGACY.contains(&version)
        {
            let text = format!("The revision {version} has no event stream of this kind.");
            return Err(Box::new(answer::refusal(StatusCode::BAD_REQUEST, "invalid_request", &text)));
        }
        if self.mode == McpSessions::Off {
            return Err(self.no_id());
        }
        self.named(headers, caller).await?.ok_or_else(|| self.no_id())
    }

    /// The answer to a GET or DELETE that names no session. 405 where none is needed: clients read it as "this server
    /// offers no stream" and go on, while VS Code gives up on a 400 (vscode.md R39).
    fn no_id(&self) -> Refusal {
        if self.mode == McpSessions::Required {
            let text = "Mcp-Session-Id is missing.";
            return Box::new(answer::refusal(StatusCode::BAD_REQUEST, "invalid_request", text));
        }
        Box::new(answer::only_post())
    }
}

impl Door {
    /// Acts on what the store says of everything that is open here, where news were missed.
    async fn look_again(&self) {
        let mut sessions = self.streams.sessions();
        sessions.extend(self.runs.sessions());
        for digest in sessions {
            match self.sessions.standing(&digest).await {
                Ok(Some(resources)) => self.streams.follow(&digest, &resources),
                Ok(None) => {
                    self.runs.end(&digest);
                    self.streams.end_session(&digest);
                }
                Err(error) => tracing::warn!(%error, "an MCP session could not be looked at again"),
            }
        }
        self.runs.questions.fetch_all().await;
    }
}

/// 404 for a session that is not there, or not for this caller: which of them is not for the caller to know.
fn no_session() -> Refusal {
    let text = "There is no such session: it ended, or is not yours. Begin again with initialize.";
    Box::new(answer::rpc_error(StatusCode::NOT_FOUND, None, SESSION_NOT_FOUND, text, None))
}

fn store_is_down(error: &crate::store::Error) -> Refusal {
    tracing::error!(%error, "an MCP session could not be read or written");
    let mut response = answer::refusal(
        StatusCode::SERVICE_UNAVAILABLE,
        "temporarily_unavailable",
        "The server cannot reach its sessions just now. Try again in a moment.",
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(limits::UNAVAILABLE_RETRY_SECONDS));
    Box::new(response)
}

/// The answer to somebody for whom there is no place, inside JSON-RPC.
pub fn no_place(full: Full, id: Option<&RawValue>) -> Response<Body> {
    let (status, text) = listen::refusal(full);
    let mut response = answer::rpc_error(status, id, answer::TOO_MANY, text, None);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(limits::MCP_STREAMS_RETRY_SECONDS));
    response
}

/// A name for a stream that no other has.
pub fn stream_name(kind: char) -> String {
    use base64::Engine as _;
    let random = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret::random::<12>());
    format!("{kind}{random}")
}

/// `params.requestId` of `notifications/cancelled`, as JSON of one form.
pub fn cancelled_id(params: &RawValue) -> Option<String> {
    let params: Value = serde_json::from_str(params.get()).ok()?;
    let id: rmcp::model::RequestId = serde_json::from_value(params.get("requestId")?.clone()).ok()?;
    serde_json::to_string(&id).ok()
}

async fn follow(door: Weak<Door>, mut news: Receiver<Event>) {
    loop {
        let event = news.recv().await;
        let Some(door) = door.upgrade() else { return };
        match event {
            Ok(Event::McpSessionEnded(digest)) => {
                door.runs.end(&digest);
                door.streams.end_session(&digest);
            }
            Ok(Event::McpSessionChanged(digest)) => {
                if let Ok(Some(resources)) = door.sessions.standing(&digest).await {
                    door.streams.follow(&digest, &resources);
                }
            }
            Ok(Event::McpAnswered(id)) => door.runs.questions.fetch(&id).await,
            Ok(Event::McpCancelled(which)) => {
                if let Some((digest, id)) = which.split_once(' ') {
                    door.runs.cancel_here(digest, id);
                }
            }
            // What was told meanwhile could have been about any of them.
            Ok(Event::Trusted) | Err(RecvError::Lagged(_)) => door.look_again().await,
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
