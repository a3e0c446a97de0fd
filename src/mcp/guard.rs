//! The door of an MCP endpoint: who calls, from where, and whether they may, before `rmcp` sees anything.
//!
//! A handler of `rmcp` cannot set an HTTP status, so every 401, 403 and 503 is answered here.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use tracing::Instrument as _;

use super::answer;
use super::authority::Verified;
use super::call::Calls;
use super::direct;
use super::envelope::{self, Message, Note};
use super::features::READS;
use super::gate::Gate;
use super::headers::{is_json, takes_json};
use super::listen;
use super::old::Connections;
use super::origin::Origins;
use super::server::Server;
use super::session::door::{Door, Refusal};
use super::session::{Session, batch};
use super::sse;
use super::tools::Offered;
use super::trace::Trace;
use crate::access::{self, Decision};
use crate::actions::Caller;
use crate::limits;

/// One protected resource: an MCP endpoint with its own audience.
pub struct Endpoint {
    /// Who is let in.
    pub gate: Gate,
    /// Sessions, and the event streams that are open.
    pub door: Arc<Door>,
    /// The connections of the transport before this one, where that is what this endpoint speaks.
    pub old: Option<Arc<Connections>>,
    /// Where requests may come from.
    pub origins: Origins,
    /// How long a body may take.
    pub patience: Duration,
    /// What may be called.
    pub calls: Arc<Calls>,
    /// Who answers behind the door.
    pub server: Server,
    /// The protocol that leads there.
    pub protocol: StreamableHttpService<Server, NeverSessionManager>,
}

impl Deref for Endpoint {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.gate
    }
}

impl Endpoint {
    /// Answers one request of any method.
    pub async fn serve(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        if parts.method == Method::OPTIONS {
            return self.origins.preflight(&parts.uri, &parts.headers);
        }
        // Kept aside: the headers go into `rmcp` with the request.
        let origin = parts.headers.get(axum::http::header::ORIGIN).cloned();
        let heard = self.gate.live.heard();
        let mut response = match self.admit(&mut parts).await {
            Ok(verified) => self.let_in(verified, heard, parts, body).await,
            Err(refusal) => *refusal,
        };
        if let Some(origin) = origin {
            self.origins.expose(&HeaderMap::from_iter([(axum::http::header::ORIGIN, origin)]), &mut response);
        }
        response
    }

    /// Answers a request of whoever was let in while this node had heard `heard` of the news.
    async fn let_in(
        &self,
        verified: Verified,
        heard: u64,
        parts: request::Parts,
        body: Body,
    ) -> Response<Body> {
        let known = verified.clone();
        let response = match parts.method {
            _ if self.old.is_some() => self.serve_old(verified, heard, parts, body).await,
            Method::POST => self.post(verified, heard, parts, body).await,
            _ => self.other(verified, &parts).await,
        };
        // A stream is among those that hear of an end by now: what ended before that is seen here.
        if sse::is_one(&response)
            && let Err(refusal) = self.still(&known, heard).await
        {
            return *refusal;
        }
        response
    }

    /// Whether whoever was let in then would be now.
    async fn still(&self, verified: &Verified, heard: u64) -> Result<(), Refusal> {
        self.gate.still(verified, heard, self.calls.clock.now()).await
    }

    /// The body of a message of whoever was let in before it was there. One that is held back must not keep alive what
    /// ends meanwhile.
    ///
    /// # Errors
    /// The answer to a body that is none, or comes too late.
    pub async fn message(
        &self,
        verified: &Verified,
        heard: u64,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Bytes, Refusal> {
        let body = whole_json(headers, body, self.patience).await?;
        self.still(verified, heard).await?;
        Ok(body)
    }

    /// Who calls. The token is asked for before anything else is looked at, so that a client that sends an odd
    /// `Accept`, an old revision or another method still learns where to sign in.
    async fn admit(&self, parts: &mut request::Parts) -> Result<Verified, Box<Response<Body>>> {
        // A proof names the URL of the resource, which is the one that was called.
        let (now, target) = (self.calls.clock.now(), &self.gate.resource);
        let verified = self.gate.admit(&parts.headers, &parts.method, target, now).await?;
        self.origins
            .check(&parts.uri, &parts.headers)
            .map_err(|why| Box::new(answer::refusal(StatusCode::FORBIDDEN, "forbidden_origin", &why)))?;
        // Nothing behind the door needs the token, so nothing there can pass it on or print it (attack H09).
        parts.headers.remove(AUTHORIZATION);
        parts.headers.remove("dpop");
        Ok(verified)
    }

    async fn post(
        &self,
        verified: Verified,
        heard: u64,
        parts: request::Parts,
        body: Body,
    ) -> Response<Body> {
        let body = match self.message(&verified, heard, &parts.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        // Answers are JSON; a client that says it takes that is served, though `rmcp` insists on both types.
        if !takes_json(&parts.headers) {
            let text = "Answers are JSON: send Accept: application/json, text/event-stream.";
            return answer::refusal(StatusCode::NOT_ACCEPTABLE, "invalid_request", text);
        }
        self.read(verified, parts, &body).await.unwrap_or_else(|refusal| *refusal)
    }

    /// Reads the body, finds the session it belongs to, and answers.
    async fn read(
        &self,
        verified: Verified,
        parts: request::Parts,
        body: &Bytes,
    ) -> Result<Response<Body>, Refusal> {
        let read = envelope::read(&parts.headers, body);
        let (modern, id) = match &read {
            Ok(Message::Request(request)) => (request.modern, Some(request.id)),
            Ok(Message::Noted(Note::Notification { modern, .. })) => (*modern, None),
            Ok(Message::Noted(Note::Response)) => (false, None),
            Err(bad) => (false, bad.id),
        };
        let begins =
            matches!(&read, Ok(Message::Request(request)) if !modern && request.method == "initialize");
        let alone = modern || begins || read.is_err() && !batch::looks_like_one(body);
        let session = match alone {
            true => None,
            false => self.door.session(&parts.headers, &verified.caller, id).await?,
        };
        if batch::is_one(body, &parts.headers, session.as_deref()) {
            return Ok(batch::serve(self, &verified.caller, session.as_ref(), &parts, body).await);
        }
        Ok(match read {
            Ok(Message::Noted(note)) => match session {
                Some(session) => self.door.note(&session, &note, body).await,
                None => answer::accepted(),
            },
            Ok(Message::Request(request)) if begins => {
                let caller = Arc::clone(&verified.caller);
                let response = self.forward(verified, parts, body.clone(), &request).await;
                self.door.begin(&caller, &request, response).await
            }
            Ok(Message::Request(request)) => {
                let span = Trace::span(request.trace.as_ref());
                self.answer(verified, session, parts, body, &request).instrument(span).await
            }
            Err(bad) => answer::rpc_error(bad.status, bad.id, bad.code, &bad.message, bad.data),
        })
    }

    /// GET and DELETE belong to sessions.
    async fn other(&self, verified: Verified, parts: &request::Parts) -> Response<Body> {
        match parts.method {
            Method::GET => self.door.get(&self.server, verified, &parts.headers).await,
            Method::DELETE => self.door.delete(&verified.caller, &parts.headers).await,
            _ => answer::only_post(),
        }
    }

    async fn answer(
        &self,
        verified: Verified,
        session: Option<Arc<Session>>,
        parts: request::Parts,
        body: &Bytes,
        request: &envelope::Request<'_>,
    ) -> Response<Body> {
        tracing::debug!(method = &*request.method, name = request.name.as_deref(), "an MCP request");
        // Another thing by the same name was tried in 2025-11-25; it is not served.
        if !request.modern && request.method.starts_with("tasks/") {
            let text = format!("Method not found: {}", request.method);
            return answer::rpc_error(
                StatusCode::OK,
                Some(request.id),
                answer::METHOD_NOT_FOUND,
                &text,
                None,
            );
        }
        if request.modern && request.method == listen::METHOD {
            return listen::open(&self.door.streams, &self.server, verified, request);
        }
        if let Some((name, offered)) = self.called(&verified.caller, request) {
            if let Some(refusal) = self.step_up(&verified.caller, name, offered).await {
                return refusal;
            }
            if let Some(answer) = direct::read(&self.server, &verified.caller, offered, request).await {
                return answer;
            }
        } else if let Some((name, offered)) = self.reads(&verified.caller, request) {
            if let Some(refusal) = self.step_up(&verified.caller, name, offered).await {
                return refusal;
            }
            self.note_read(&verified.caller, offered).await;
        }
        match session {
            Some(session) => self.door.run(&self.server, verified, &session, parts, body, request).await,
            None => self.forward(verified, parts, body.clone(), request).await,
        }
    }

    /// The tool that `request` calls, where it is there for this caller, and the name it is called by.
    pub fn called<'r>(
        &'r self,
        caller: &Caller,
        request: &'r envelope::Request<'_>,
    ) -> Option<(&'r str, &'r Arc<Offered>)> {
        let name = request.name.as_deref().filter(|_| request.method == "tools/call")?;
        Some((name, self.calls.tools.find_for(caller, name)?))
    }

    /// The tool that `request` reads as, where it reads a resource or a prompt that opens with one, and what it reads. It
    /// takes the same scope, and is recorded as one call of the tool.
    pub fn reads<'r>(
        &'r self,
        caller: &Caller,
        request: &'r envelope::Request<'_>,
    ) -> Option<(&'r str, &'r Arc<Offered>)> {
        let name = self.server.features().opens_by_reading(request)?;
        Some((name, self.calls.tools.find_for(caller, READS)?))
    }

    /// Records a read of a resource or a prompt.
    pub async fn note_read(&self, caller: &Arc<Caller>, offered: &Offered) {
        self.calls.note(offered, caller, self.calls.clock.now(), "ok").await;
    }

    /// The challenge for a request that needs one more scope, where it does.
    pub async fn needs_scope(
        &self,
        caller: &Arc<Caller>,
        request: &envelope::Request<'_>,
    ) -> Option<Response<Body>> {
        let (name, offered) = self.called(caller, request).or_else(|| self.reads(caller, request))?;
        self.step_up(caller, name, offered).await
    }

    /// The one refusal that a client can mend by itself: the tool exists, and asking the user for one more scope opens
    /// it. Whatever else is refused is an answer of the tool: clients take any other 403 for a lost sign-in.
    async fn step_up(&self, caller: &Arc<Caller>, name: &str, offered: &Offered) -> Option<Response<Body>> {
        let Decision::NeedsScope(scope) = access::decide(caller, &offered.action) else { return None };
        let now = self.calls.clock.now();
        self.calls.note(offered, caller, now, "insufficient_scope").await;
        Some(self.challenge.insufficient_scope(&caller.scopes, scope, name))
    }

    async fn forward(
        &self,
        verified: Verified,
        mut parts: request::Parts,
        body: Bytes,
        request: &envelope::Request<'_>,
    ) -> Response<Body> {
        parts.headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        parts.extensions.insert(Arc::clone(&verified.caller));
        // What outlives its answer has to know whether its grant does.
        parts.extensions.insert(verified);
        let response = self.protocol.handle(Request::from_parts(parts, Full::new(body))).await;
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // Type and syntax were checked above: what is left is parameters of another shape.
            let text = format!("Invalid params for {}", request.method);
            return answer::rpc_error(StatusCode::OK, Some(request.id), answer::INVALID_PARAMS, &text, None);
        }
        response.map(Body::new)
    }
}

/// The body, which must be JSON by its headers, all of it.
///
/// # Errors
/// The answer to one that is no JSON, and as [`whole`].
pub async fn whole_json(headers: &HeaderMap, body: Body, patience: Duration) -> Result<Bytes, Refusal> {
    // A page can post text/plain across origins without a preflight, but not application/json (attack G02).
    if !is_json(headers) {
        let text = "The body must be JSON: send Content-Type: application/json.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Box::new(answer::refusal(status, "invalid_request", text)));
    }
    whole(body, patience).await
}

/// The body, all of it.
///
/// # Errors
/// The answer to one that is too long, too slow, or cut short.
pub async fn whole(body: Body, patience: Duration) -> Result<Bytes, Refusal> {
    let refuse = |status, text: &str| Err(Box::new(answer::refusal(status, "invalid_request", text)));
    // A body that comes a byte at a time holds its place for as long as it likes (attack J01).
    let reading = Limited::new(body, limits::MCP_BODY_BYTES_MAX).collect();
    let Ok(read) = tokio::time::timeout(patience, reading).await else {
        let text = format!("The body must be here within {} seconds.", patience.as_secs());
        return refuse(StatusCode::REQUEST_TIMEOUT, &text);
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let text = format!("A request may be at most {} bytes long.", limits::MCP_BODY_BYTES_MAX);
            refuse(StatusCode::PAYLOAD_TOO_LARGE, &text)
        }
        Err(_) => refuse(StatusCode::BAD_REQUEST, "The body of the request ended early."),
    }
}
