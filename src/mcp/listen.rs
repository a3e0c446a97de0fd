//! `subscriptions/listen` (MCP 2026-07-28): one stream that tells its client what may have changed.
//!
//! The first message says which of the kinds asked for will be told; each message carries the id of the request; the
//! last is its result. Nothing else is ever sent there. The client ends it by hanging up, we by shutting down or when
//! the grant ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use rmcp::model::{ServerCapabilities, SubscriptionFilter};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::answer;
use super::authority::Verified;
use super::changes::{Wants, What};
use super::envelope::Request;
use super::server::Server;
use super::sse;
use super::streams::{Full, Next, Stream, Streams};
use crate::limits;

/// The method.
pub const METHOD: &str = "subscriptions/listen";

#[derive(Deserialize)]
struct Params {
    #[serde(deserialize_with = "object")]
    notifications: SubscriptionFilter,
}

/// An object: derived readers would take an array too.
fn object<'de, D: Deserializer<'de>>(from: D) -> Result<SubscriptionFilter, D::Error> {
    let map = Map::deserialize(from)?;
    serde_json::from_value(Value::Object(map)).map_err(D::Error::custom)
}

/// Answers `request`: a stream, or why there is none.
pub fn open(
    streams: &Arc<Streams>,
    server: &Server,
    verified: Verified,
    request: &Request<'_>,
) -> Response<Body> {
    let refuse = |status, code, text: &str| answer::rpc_error(status, Some(request.id), code, text, None);
    let params = request.params.map_or("null", |raw| raw.get());
    let asked = match serde_json::from_str::<Params>(params) {
        Ok(params) => params.notifications,
        Err(error) => {
            let text = format!("Invalid params: {error}");
            return refuse(StatusCode::OK, answer::INVALID_PARAMS, &text);
        }
    };
    let wants = match honoured(&asked, server.capabilities()) {
        Ok(wants) => wants.without_entities(server.features().is_kept_out(&verified.caller)),
        Err(why) => return refuse(StatusCode::OK, answer::INVALID_PARAMS, &format!("Invalid params: {why}")),
    };
    let Ok(id) = serde_json::from_str::<Value>(request.id.get()) else {
        return refuse(StatusCode::BAD_REQUEST, answer::INVALID_REQUEST, "the id cannot be read");
    };
    let told = acknowledged(&wants);
    match streams.open(verified, wants, None) {
        Ok(stream) => sse::response(events(stream, id, told)),
        Err(full) => {
            let (status, text) = refusal(full);
            let mut response = refuse(status, answer::TOO_MANY, text);
            let wait = HeaderValue::from(limits::MCP_STREAMS_RETRY_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, wait);
            response
        }
    }
}

/// The status and the words for somebody who finds no place.
pub fn refusal(full: Full) -> (StatusCode, &'static str) {
    match full {
        Full::Caller => (
            StatusCode::TOO_MANY_REQUESTS,
            "You hold as many event streams as one client may: close one before you open another.",
        ),
        Full::Node => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This server holds as many event streams as it can: try again in a moment.",
        ),
    }
}

/// The lists that a server with `capabilities` tells of.
pub fn lists(capabilities: &ServerCapabilities) -> BTreeSet<What> {
    let tools = capabilities.tools.as_ref().and_then(|tools| tools.list_changed);
    let prompts = capabilities.prompts.as_ref().and_then(|prompts| prompts.list_changed);
    let resources = capabilities.resources.as_ref().and_then(|resources| resources.list_changed);
    let lists = [(tools, What::Tools), (prompts, What::Prompts), (resources, What::Resources)];
    lists.into_iter().filter(|(told, _)| *told == Some(true)).map(|(_, what)| what).collect()
}

/// What of the kinds asked for can be told here: only what the server says of itself in discovery.
fn honoured(asked: &SubscriptionFilter, capabilities: &ServerCapabilities) -> Result<Wants, String> {
    let told = lists(capabilities);
    let mut wants = Wants::default();
    for (asked, what) in [
        (asked.tools_list_changed, What::Tools),
        (asked.prompts_list_changed, What::Prompts),
        (asked.resources_list_changed, What::Resources),
    ] {
        if asked == Some(true) && told.contains(&what) {
            wants.lists.insert(what);
        }
    }
    if capabilities.resources.as_ref().and_then(|resources| resources.subscribe) == Some(true) {
        let uris = asked.resource_subscriptions.as_deref().unwrap_or_default();
        if uris.len() > limits::MCP_SUBSCRIPTIONS_MAX {
            return Err(format!("at most {} resourceSubscriptions", limits::MCP_SUBSCRIPTIONS_MAX));
        }
        if uris.iter().any(|uri| uri.len() > limits::MCP_URI_BYTES_MAX) {
            return Err(format!("a URI may be {} bytes long", limits::MCP_URI_BYTES_MAX));
        }
        wants.resources = uris.iter().cloned().collect();
    }
    Ok(wants)
}

fn acknowledged(wants: &Wants) -> Value {
    let mut told = json!({});
    for (what, name) in [
        (What::Tools, "toolsListChanged"),
        (What::Prompts, "promptsListChanged"),
        (What::Resources, "resourcesListChanged"),
    ] {
        if wants.lists.contains(&what) {
            told[name] = true.into();
        }
    }
    if !wants.resources.is_empty() {
        told["resourceSubscriptions"] = json!(wants.resources);
    }
    told
}

/// Where a stream stands.
enum At {
    Start(Value),
    Open,
    End,
}

fn events(stream: Stream, id: Value, told: Value) -> impl futures_util::Stream<Item = Bytes> + Send {
    futures_util::stream::unfold((At::Start(told), stream, id), |(at, stream, id)| async move {
        let meta = json!({ "io.modelcontextprotocol/subscriptionId": id });
        let note = |method: &str, mut params: Value| {
            params["_meta"] = meta.clone();
            sse::message(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string())
        };
        match at {
            At::Start(told) => {
                let text = note("notifications/subscriptions/acknowledged", json!({ "notifications": told }));
                Some((text, (At::Open, stream, id)))
            }
            At::Open => match stream.next().await {
                Next::Changed(whats) => {
                    let notes: Vec<_> =
                        notifications(whats).map(|(method, params)| note(method, params)).collect();
                    Some((notes.concat().into(), (At::Open, stream, id)))
                }
                Next::End => {
                    let result = json!({ "resultType": "complete", "_meta": meta });
                    let last = json!({ "jsonrpc": "2.0", "id": id, "result": result });
                    Some((sse::message(&last.to_string()), (At::End, stream, id)))
                }
            },
            At::End => None,
        }
    })
}

/// The notifications that tell of `whats`, the same in both eras.
pub fn notifications(whats: BTreeSet<What>) -> impl Iterator<Item = (&'static str, Value)> {
    whats.into_iter().map(|what| match what {
        What::Tools => ("notifications/tools/list_changed", json!({})),
        What::Prompts => ("notifications/prompts/list_changed", json!({})),
        What::Resources => ("notifications/resources/list_changed", json!({})),
        What::Resource(uri) => ("notifications/resources/updated", json!({ "uri": uri })),
    })
}
