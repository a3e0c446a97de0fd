//! Modern requests (2026-07-28) to the router of a whole server.

use axum::Router;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::mcp::Answer;

/// What a client that can be asked, and follow tasks, declares.
pub fn able() -> Value {
    json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

/// A request at the main endpoint, whose client declares `can`; `meta` is added to its `_meta`.
pub fn request(token: &str, method: &str, params: Value, can: &Value, meta: &Value) -> Request<Body> {
    let mut params = params;
    let name = ["name", "uri", "taskId"].iter().find_map(|key| params[*key].as_str()).map(str::to_owned);
    let mut all = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": can,
    });
    if let Some(meta) = meta.as_object() {
        all.as_object_mut().unwrap().extend(meta.clone());
    }
    params["_meta"] = all;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .header("authorization", format!("Bearer {token}"));
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

/// The answer to one, of a client that can be asked and follow tasks.
pub async fn ask(router: &Router, token: &str, method: &str, params: Value) -> Answer {
    let request = request(token, method, params, &able(), &Value::Null);
    Answer::of(router.clone().oneshot(request).await.unwrap()).await
}
