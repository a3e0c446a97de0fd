//! The straight way for the call that is made most: a tool that only reads.
//!
//! For one stateless request `rmcp` starts a service, three tasks and four channels, so that a tool could report
//! progress, ask the client something, or be cancelled. Most reads do none of these, and `envelope` has checked already
//! what `rmcp` would check again; so the answer is made here, by the same `Server` and written by the same types.
//! Everything else, whatever looks unusual, and a read that wants to speak first, goes through `rmcp`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use rmcp::model::{RequestId, ServerJsonRpcMessage, ServerResult};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer;
use super::envelope::Request;
use super::server::Server;
use super::tools::Offered;
use crate::actions::turn::Turn;
use crate::actions::{Caller, Effect};

/// The parameters of a plain call. Another round of an interrupted one carries more, and is not plain.
#[derive(Deserialize)]
struct Plain {
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
    #[serde(default, rename = "inputResponses")]
    input_responses: Option<Value>,
    #[serde(default, rename = "requestState")]
    request_state: Option<Value>,
}

/// The answer to `request`, where it is a plain call and `offered`, the tool it names, only reads.
pub async fn read(
    server: &Server,
    caller: &Arc<Caller>,
    offered: &Offered,
    request: &Request<'_>,
) -> Option<Response<Body>> {
    // `rmcp` compares the headers that repeat arguments.
    if offered.action.effect != Effect::Read || offered.repeats_in_headers {
        return None;
    }
    let plain: Plain = serde_json::from_str(request.params?.get()).ok()?;
    if plain.input_responses.is_some() || plain.request_state.is_some() {
        return None;
    }
    let id: RequestId = serde_json::from_str(request.id.get()).ok()?;
    let turn = Turn::plain(Arc::clone(caller));
    let result = server.read(&turn, offered, plain.arguments, request.modern).await?;
    let message = ServerJsonRpcMessage::response(ServerResult::CallToolResult(result), id);
    Some(match serde_json::to_vec(&message) {
        Ok(body) => answer::json_response(StatusCode::OK, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            answer::refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "The answer cannot be written.",
            )
        }
    })
}
