//! JSON-RPC batches, which MCP had in 2025-03-26 only: several messages in one array, answered by one array.
//!
//! Everything is judged before anything runs, so that a batch that needs one more scope has done nothing when its
//! client comes back with it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, request};
use http_body_util::BodyExt as _;
use rmcp::model::{
    ClientCapabilities, ClientJsonRpcMessage, GetExtensions as _, Implementation, InitializeRequestParams,
    ProtocolVersion,
};
use serde_json::value::RawValue;

use super::Session;
use super::run::quietly;
use crate::actions::Caller;
use crate::limits;
use crate::mcp::envelope::{self, Message, Request};
use crate::mcp::guard::Endpoint;
use crate::mcp::{answer, direct};

/// The one revision with batches.
pub const REVISION: &str = "2025-03-26";

/// Whether `body` is an array.
pub fn looks_like_one(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[")
}

/// Whether `body` is a batch that this client may send: its session, its header, or the lack of both says so.
pub fn is_one(body: &[u8], headers: &HeaderMap, session: Option<&Session>) -> bool {
    if !looks_like_one(body) {
        return false;
    }
    let header = headers.get("mcp-protocol-version").and_then(|value| value.to_str().ok());
    let revision = session.map(|session| session.revision).or(header.map(str::trim)).unwrap_or(REVISION);
    revision == REVISION
}

/// Answers a batch.
pub async fn serve(
    endpoint: &Endpoint,
    caller: &Arc<Caller>,
    session: Option<&Arc<Session>>,
    parts: &request::Parts,
    body: &[u8],
) -> Response<Body> {
    let refuse = |code, text: &str| answer::rpc_error(StatusCode::BAD_REQUEST, None, code, text, None);
    let Ok(items) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
        return refuse(answer::PARSE_ERROR, "The body is not JSON");
    };
    if items.is_empty() || items.len() > limits::MCP_BATCH_MAX {
        let text = format!("a batch holds 1 to {} messages", limits::MCP_BATCH_MAX);
        return refuse(answer::INVALID_REQUEST, &text);
    }
    let read: Vec<_> =
        items.iter().map(|item| envelope::read(&parts.headers, item.get().as_bytes())).collect();
    for message in &read {
        let Ok(Message::Request(request)) = message else { continue };
        if request.method == "initialize" {
            return refuse(answer::INVALID_REQUEST, "initialize cannot be part of a batch");
        }
        if let Some(refusal) = endpoint.needs_scope(caller, request).await {
            return refusal;
        }
    }
    let mut answers = Vec::new();
    for (item, message) in items.iter().zip(read) {
        match message {
            Ok(Message::Request(request)) => {
                answers.push(one(endpoint, caller, session, parts, item, &request).await);
            }
            Ok(Message::Noted(note)) => {
                if let Some(session) = session {
                    endpoint.door.note(session, &note, item.get().as_bytes()).await;
                }
            }
            Err(bad) => {
                let error = answer::rpc_error(bad.status, bad.id, bad.code, &bad.message, bad.data);
                answers.push(text_of(error).await);
            }
        }
    }
    if answers.is_empty() {
        return answer::accepted();
    }
    answer::json_response(StatusCode::OK, format!("[{}]", answers.join(",")).into_bytes())
}

async fn one(
    endpoint: &Endpoint,
    caller: &Arc<Caller>,
    session: Option<&Arc<Session>>,
    parts: &request::Parts,
    item: &RawValue,
    request: &Request<'_>,
) -> String {
    if let Some((_, offered)) = endpoint.called(caller, request) {
        if let Some(response) = direct::read(&endpoint.server, caller, offered, request).await {
            return text_of(response).await;
        }
    } else if let Some((_, offered)) = endpoint.reads(caller, request) {
        endpoint.note_read(caller, offered).await;
    }
    let Ok(ClientJsonRpcMessage::Request(mut message)) = serde_json::from_str(item.get()) else {
        let text = format!("Invalid params for {}", request.method);
        let id = Some(request.id);
        return text_of(answer::rpc_error(StatusCode::OK, id, answer::INVALID_PARAMS, &text, None)).await;
    };
    let mut parts = parts.clone();
    parts.extensions.insert(Arc::clone(caller));
    if let Some(session) = session {
        parts.extensions.insert(Arc::clone(session));
        parts.extensions.insert(Arc::clone(&endpoint.door.sessions));
    }
    message.request.extensions_mut().insert(parts);
    match quietly(endpoint.server.clone(), mute_client(), message).await {
        Some(text) => text,
        None => {
            let (id, text) = (Some(request.id), "the request ended without an answer");
            text_of(answer::rpc_error(StatusCode::OK, id, answer::INTERNAL_ERROR, text, None)).await
        }
    }
}

/// A client that can answer nothing: there is no stream to ask it on.
fn mute_client() -> InitializeRequestParams {
    InitializeRequestParams::new(ClientCapabilities::default(), Implementation::default())
        .with_protocol_version(ProtocolVersion::V_2025_03_26)
}

async fn text_of(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    String::from_utf8(body.unwrap_or_default().to_vec()).unwrap_or_default()
}
