//! How refusals look on the wire: short, readable, free of secrets. VS Code shows these bodies verbatim.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::limits;
use crate::oauth::dpop;
use crate::oauth::error::printable;
use crate::oauth::scope::ScopeSet;

/// JSON-RPC 2.0: the body is not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// JSON-RPC 2.0: the body is not one request.
pub const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC 2.0: no such method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// JSON-RPC 2.0: the parameters do not fit, or name nothing.
pub const INVALID_PARAMS: i32 = -32602;
/// JSON-RPC 2.0: our fault.
pub const INTERNAL_ERROR: i32 = -32603;
/// Ours, of the codes that JSON-RPC leaves to servers: a limit of this caller or this node is reached.
pub const TOO_MANY: i32 = -32000;
/// MCP 2026-07-28: a header contradicts the body, or is missing.
pub const HEADER_MISMATCH: i32 = -32020;
/// MCP 2026-07-28: the revision asked for is not served.
pub const UNSUPPORTED_VERSION: i32 = -32022;

/// What the challenges of one protected resource name.
#[derive(Clone, Debug)]
pub struct Challenge {
    metadata_url: String,
    /// `, scope="…"` of every 401, or nothing where no tool asks for any.
    /// Always the same: a client that sees another takes it for a change of scope, and asks its user again
    /// (VS Code 1.139).
    scope: String,
    first: HeaderValue,
}

impl Challenge {
    /// For the resource whose metadata is at `metadata_url`, asking newcomers for `baseline`.
    ///
    /// # Errors
    /// The text that cannot stand in a header.
    pub fn new(metadata_url: &str, baseline: &ScopeSet) -> Result<Self, String> {
        let scope = if baseline.is_empty() { String::new() } else { format!(", scope=\"{baseline}\"") };
        let first = format!("Bearer resource_metadata=\"{metadata_url}\"{scope}");
        if header_text(metadata_url) != metadata_url {
            return Err(first);
        }
        let first = HeaderValue::from_str(&first).map_err(|_| first)?;
        Ok(Self { metadata_url: metadata_url.to_owned(), scope, first })
    }

    /// 401 for a request without credentials: no `error` (RFC 6750 section 3.1).
    pub fn sign_in(&self) -> Response<Body> {
        let text = "This MCP server needs an access token. Your client will open a browser to sign you in.";
        challenged(StatusCode::UNAUTHORIZED, "unauthorized", text, self.first.clone())
    }

    /// 401 for a token that is not accepted.
    pub fn invalid_token(&self, why: &str) -> Response<Body> {
        let why = header_text(why);
        let Self { metadata_url, scope, .. } = self;
        let value = format!(
            "Bearer error=\"invalid_token\", error_description=\"{why}\", resource_metadata=\"{metadata_url}\"{scope}"
        );
        let value = HeaderValue::try_from(value).unwrap_or_else(|_| self.first.clone());
        challenged(StatusCode::UNAUTHORIZED, "invalid_token", &why, value)
    }

    /// 401 for a token that is bound to a key, or a proof of one that does not count (RFC 9449 section 7.1). `nonce` is
    /// what the next proof has to hold.
    pub fn unproven(&self, error: &str, why: &str, nonce: Option<&str>) -> Response<Body> {
        let (why, algs) = (header_text(why), dpop::ALGORITHMS.join(" "));
        let Self { metadata_url, scope, .. } = self;
        let value = format!(
            "DPoP error=\"{error}\", error_description=\"{why}\", algs=\"{algs}\", resource_metadata=\"{metadata_url}\"{scope}"
        );
        let value = HeaderValue::try_from(value).unwrap_or_else(|_| self.first.clone());
        let mut response = challenged(StatusCode::UNAUTHORIZED, error, &why, value);
        if let Some(Ok(nonce)) = nonce.map(HeaderValue::from_str) {
            response.headers_mut().insert("dpop-nonce", nonce);
        }
        response
    }

    /// 403 for a call that needs `needed` besides what the token holds. Both are named: clients of 2025-11-25 ask for
    /// exactly what the challenge says, and would lose what they had. Except `offline_access`, which is no scope of a
    /// resource and is never named by one (SEP-2207).
    pub fn insufficient_scope(&self, held: &ScopeSet, needed: &str, tool: &str) -> Response<Body> {
        let all = held.union(&ScopeSet::from_iter([needed])).without("offline_access");
        let why =
            header_text(&format!("The tool {tool} needs the scope {needed}, which this access token lacks."));
        let metadata_url = &self.metadata_url;
        let value = format!(
            "Bearer error=\"insufficient_scope\", scope=\"{all}\", resource_metadata=\"{metadata_url}\", error_description=\"{why}\""
        );
        let value = HeaderValue::try_from(value).unwrap_or_else(|_| self.first.clone());
        challenged(StatusCode::FORBIDDEN, "insufficient_scope", &why, value)
    }
}

fn challenged(status: StatusCode, error: &str, description: &str, challenge: HeaderValue) -> Response<Body> {
    let mut response = refusal(status, error, description);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// A refusal outside JSON-RPC, in the words of OAuth errors (RFC 6749 section 5.2).
pub fn refusal(status: StatusCode, error: &str, description: &str) -> Response<Body> {
    json_response(
        status,
        json!({ "error": error, "error_description": printable(description) }).to_string().into_bytes(),
    )
}

/// 503 while nobody can say whether a grant lives. Not 401: the token may be good, and a client that is told
/// otherwise throws its registration away.
pub fn unavailable() -> Response<Body> {
    let text = "The server cannot check this access token just now. Try again in a moment.";
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(limits::UNAVAILABLE_RETRY_SECONDS));
    response
}

/// 405 for whatever is not POST and names no session: there is nothing to open or to end.
pub fn only_post() -> Response<Body> {
    let text = "Without Mcp-Session-Id this MCP endpoint answers POST only: streams belong to sessions.";
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    response
}

/// 202 for a message that expects no answer.
pub fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// A JSON-RPC error. `id` is echoed as it came, or null where it could not be read.
pub fn rpc_error(
    status: StatusCode,
    id: Option<&RawValue>,
    code: i32,
    message: &str,
    data: Option<Value>,
) -> Response<Body> {
    let id = id.map_or("null", RawValue::get);
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    json_response(status, format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}").into_bytes())
}

/// A JSON body.
pub fn json_response(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `text` with only what a quoted auth-param may hold (OAuth 2.1 section 5.3.1), so that nothing a caller sent can
/// end the quotation and add parameters of its own.
fn header_text(text: &str) -> String {
    text.chars()
        .map(|c| if matches!(c, ' ' | '!' | '#'..='[' | ']'..='~') { c } else { '\'' })
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge() -> Challenge {
        let baseline = "catalog:read".parse().unwrap();
        Challenge::new("http://localhost:8787/.well-known/oauth-protected-resource/mcp", &baseline).unwrap()
    }

    fn header(response: &Response<Body>) -> &str {
        response.headers()[WWW_AUTHENTICATE].to_str().unwrap()
    }

    #[test]
    fn a_newcomer_is_told_where_and_what_but_no_error() {
        let response = challenge().sign_in();
        assert_eq!(response.status(), 401);
        assert_eq!(
            header(&response),
            r#"Bearer resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource/mcp", scope="catalog:read""#
        );
    }

    #[test]
    fn the_scope_of_a_403_is_what_is_held_and_what_is_needed() {
        let response = challenge().insufficient_scope(
            &"openid offline_access catalog:read".parse().unwrap(),
            "catalog:write",
            "x",
        );
        assert_eq!(response.status(), 403);
        assert!(
            header(&response).contains(r#"scope="catalog:read catalog:write openid""#),
            "{}",
            header(&response)
        );
    }

    #[test]
    fn nothing_quoted_into_a_challenge_can_end_the_quotation() {
        let response = challenge().invalid_token("bad\", scope=\"admin\r\nX: y\\");
        assert_eq!(header(&response).matches("scope=\"").count(), 1);
        assert!(Challenge::new("http://h/\"", &ScopeSet::default()).is_err());
    }
}
