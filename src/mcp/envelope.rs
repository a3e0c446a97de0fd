//! One JSON-RPC message as it stands on the wire: which era it belongs to, and whether its headers agree with it.
//!
//! `rmcp` decides the era of `initialize` by its method; the protocol decides every era by `_meta` and headers, so
//! that is done here, before it. Pure: bytes and headers in, a verdict out.

use std::borrow::Cow;

use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::{
    HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, UNSUPPORTED_VERSION,
};
use super::trace::Trace;

/// The revision without a handshake.
pub const MODERN: &str = "2026-07-28";
/// The revisions that begin with `initialize`, newest first.
pub const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Methods that the modern revision took away. What names them with modern metadata gets 404, as any unknown method.
const GONE: [&str; 5] =
    ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];

/// What a message is, once it is known to be well-formed.
#[derive(Debug)]
pub enum Message<'a> {
    /// Asks for an answer.
    Request(Request<'a>),
    /// Expects none.
    Noted(Note<'a>),
}

/// What a client says without asking.
#[derive(Debug)]
pub enum Note<'a> {
    /// A notification.
    Notification {
        /// Of what.
        method: Cow<'a, str>,
        /// Its parameters, as they stand in the body.
        params: Option<&'a RawValue>,
        /// Whether its header speaks the revision without a handshake.
        modern: bool,
    },
    /// A legacy client's answer to a question of ours, or of an older connection's.
    Response,
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its id, as it stands in the body.
    pub id: &'a RawValue,
    /// What it asks for.
    pub method: Cow<'a, str>,
    /// `params.name`: the tool, where the method is `tools/call`.
    pub name: Option<Cow<'a, str>>,
    /// `params.uri`: the resource, where the method is `resources/read`.
    pub uri: Option<Cow<'a, str>>,
    /// All parameters, as they stand in the body.
    pub params: Option<&'a RawValue>,
    /// Whether it speaks the revision without a handshake.
    pub modern: bool,
    /// Where it stands in its caller's trace.
    pub trace: Option<Trace>,
}

/// A message that goes no further.
#[derive(Debug)]
pub struct Malformed<'a> {
    /// The id to answer to, where one could be read.
    pub id: Option<&'a RawValue>,
    /// The HTTP status.
    pub status: StatusCode,
    /// The JSON-RPC code.
    pub code: i32,
    /// What is wrong, for a person.
    pub message: String,
    /// More, for a program.
    pub data: Option<Value>,
}

/// The outer object. A key that comes twice is an error here: where two parsers would each pick another one, the
/// tool that was judged would not be the tool that runs.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<Meta<'a>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "taskId")]
    task_id: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(
        borrow,
        default,
        deserialize_with = "present",
        rename = "io.modelcontextprotocol/protocolVersion"
    )]
    version: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, default)]
    traceparent: Option<&'a RawValue>,
}

/// Keeps `null` apart from nothing.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads one message.
///
/// # Errors
/// [`Malformed`], in the order that the official suite pins: JSON, envelope, headers (-32020), `_meta` (-32602),
/// revision (-32022), method (404).
pub fn read<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Message<'a>, Malformed<'a>> {
    let wire = envelope(body)?;
    let version = version_header(headers, wire.id)?;
    let Some(method) = wire.method else {
        // A response. Modern clients send none; a legacy one may answer a question from an older connection.
        return match version {
            Some(version) if !LEGACY.contains(&version) => {
                Err(bad(wire.id, INVALID_REQUEST, "a client sends requests and notifications only".into()))
            }
            _ => Ok(Message::Noted(Note::Response)),
        };
    };
    let Some(id) = wire.id else {
        let modern = version == Some(MODERN);
        return Ok(Message::Noted(Note::Notification { method, params: wire.params, modern }));
    };
    let params = match wire.params {
        // `initialize` has its own shape, and `rmcp` reads it.
        Some(params) if params.get().starts_with('{') => serde_json::from_str::<Params<'a>>(params.get())
            .map_err(|e| bad(Some(id), INVALID_PARAMS, format!("Invalid params: {e}")))?,
        Some(params) if params.get() != "null" => {
            return Err(bad(Some(id), INVALID_PARAMS, "Invalid params: an object is wanted".into()));
        }
        _ => Params::default(),
    };
    let meta = params.meta.unwrap_or_default();
    let Params { name, uri, task_id, .. } = params;
    let trace = Trace::of(meta.traceparent, headers);
    let mut request = Request { id, method, name, uri, params: wire.params, modern: false, trace };
    match (meta.version, version) {
        (None, None) => {}
        (None, Some(version)) if LEGACY.contains(&version) => {}
        (None, Some(version)) if version != MODERN => return Err(unsupported(id, version)),
        _ => {
            modern(headers, &request, task_id.as_deref(), version, &meta)?;
            request.modern = true;
        }
    }
    Ok(Message::Request(request))
}

fn envelope(body: &[u8]) -> Result<Wire<'_>, Malformed<'_>> {
    if body.trim_ascii_start().starts_with(b"[") {
        let text =
            "JSON-RPC batches are not served (they left MCP with 2025-06-18): send one message a request";
        return Err(bad(None, INVALID_REQUEST, text.into()));
    }
    let wire: Wire<'_> = serde_json::from_slice(body).map_err(|e| {
        let code = if e.is_data() { INVALID_REQUEST } else { PARSE_ERROR };
        bad(None, code, format!("The body is not one JSON-RPC message: {e}"))
    })?;
    let id = wire.id.filter(|id| !matches!(id.get().as_bytes()[0], b'{' | b'[' | b'n' | b't' | b'f'));
    if wire.id.is_some() && id.is_none() {
        return Err(bad(None, INVALID_REQUEST, "the id of a request is a string or a number".into()));
    }
    if wire.jsonrpc.as_deref() != Some("2.0") {
        return Err(bad(id, INVALID_REQUEST, "\"jsonrpc\" must be \"2.0\"".into()));
    }
    Ok(wire)
}

fn modern<'a>(
    headers: &HeaderMap,
    request: &Request<'a>,
    task: Option<&str>,
    version: Option<&str>,
    meta: &Meta<'_>,
) -> Result<(), Malformed<'a>> {
    let id = Some(request.id);
    let mismatch = |text: String| Err(bad(id, HEADER_MISMATCH, text));
    let Some(version) = version else {
        return mismatch("the MCP-Protocol-Version header is missing".into());
    };
    let in_body = meta.version.and_then(|raw| serde_json::from_str::<Cow<'_, str>>(raw.get()).ok());
    if let Some(in_body) = &in_body
        && in_body != version
    {
        return mismatch(format!("MCP-Protocol-Version says {version}, _meta says {in_body}"));
    }
    match one_header(headers, "mcp-method") {
        Some(method) if method == request.method => {}
        _ => return mismatch(format!("the Mcp-Method header must say {}", request.method)),
    }
    let name = match &*request.method {
        "tools/call" | "prompts/get" => request.name.as_deref(),
        "resources/read" => request.uri.as_deref(),
        "tasks/get" | "tasks/update" | "tasks/cancel" => task,
        _ => None,
    };
    if let Some(name) = name
        && one_header(headers, "mcp-name").and_then(decoded).as_deref() != Some(name)
    {
        return mismatch(format!("the Mcp-Name header must say {name}"));
    }
    let capabilities = meta.capabilities.is_some_and(|raw| raw.get().starts_with('{'));
    if in_body.is_none() || !capabilities {
        let text = "Invalid params: _meta must hold io.modelcontextprotocol/protocolVersion and …/clientCapabilities";
        return Err(bad(id, INVALID_PARAMS, text.into()));
    }
    if version != MODERN {
        return Err(unsupported(request.id, version));
    }
    if GONE.contains(&&*request.method) {
        let text = format!("{MODERN} has no method {}", request.method);
        return Err(Malformed { status: StatusCode::NOT_FOUND, ..bad(id, METHOD_NOT_FOUND, text) });
    }
    Ok(())
}

/// Every revision served, newest first.
pub fn supported() -> [&'static str; 4] {
    [MODERN, LEGACY[0], LEGACY[1], LEGACY[2]]
}

fn unsupported<'a>(id: &'a RawValue, version: &str) -> Malformed<'a> {
    let data = json!({ "supported": supported(), "requested": version });
    let text = format!("The revision {version} is not served this way");
    Malformed { data: Some(data), ..bad(Some(id), UNSUPPORTED_VERSION, text) }
}

fn version_header<'h, 'a>(
    headers: &'h HeaderMap,
    id: Option<&'a RawValue>,
) -> Result<Option<&'h str>, Malformed<'a>> {
    let mut values = headers.get_all("mcp-protocol-version").iter();
    let Some(first) = values.next() else { return Ok(None) };
    match first.to_str() {
        Ok(text) if values.next().is_none() => Ok(Some(text.trim())),
        _ => Err(bad(id, HEADER_MISMATCH, "MCP-Protocol-Version must come once, in ASCII".into())),
    }
}

/// The value of a header that came exactly once, without the blanks around it.
fn one_header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim),
        _ => None,
    }
}

/// A header value, out of its `=?base64?…?=` wrapping where it has one.
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(wrapped) => String::from_utf8(STANDARD.decode(wrapped).ok()?).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(value)),
    }
}

fn bad(id: Option<&RawValue>, code: i32, message: String) -> Malformed<'_> {
    Malformed { id, status: StatusCode::BAD_REQUEST, code, message, data: None }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
