//! `http:request`: one call to a public host over https.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::{Doing, Given, Kind, Lasting, always, text};
use crate::limits;
use crate::outbound::Request;

pub static REQUEST: Kind = Kind {
    id: "http:request",
    description: "Calls an https URL of a public host, and fails where it answers with a status of 400 or more.",
    input: || {
        json!({
            "type": "object",
            "properties": {
                "method": {"type": "string", "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], "description": "How."},
                "url": {"type": "string", "description": "The https URL."},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Headers."},
                "params": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Added to the query."},
                "body": {"description": "A text as it is; anything else as JSON."},
                "continueOnBadResponse": {"type": "boolean", "description": "Whether a status of 400 or more is no fault."},
            },
            "required": ["url"],
            "additionalProperties": false,
        })
    },
    output: || {
        json!({"type": "object", "properties": {
            "code": {"type": "integer", "description": "The status."},
            "headers": {"type": "object", "description": "The headers."},
            "body": {"description": "The body: as JSON where it is, otherwise {message}."},
        }})
    },
    lasting: Lasting::Outside,
    needs: None,
    reaches_out: always,
    run: |doing| Box::pin(async move { request(&doing).await }),
};

async fn request(doing: &Doing) -> Given {
    let method = match text(&doing.input, "method") {
        "" => Method::GET,
        method => method.parse().map_err(|_| "no such method".to_owned())?,
    };
    let mut url = url::Url::parse(text(&doing.input, "url")).map_err(|error| format!("no URL: {error}"))?;
    for (name, value) in doing.input["params"].as_object().into_iter().flatten() {
        url.query_pairs_mut().append_pair(name, value.as_str().unwrap_or_default());
    }
    let mut headers = HeaderMap::new();
    for (name, value) in doing.input["headers"].as_object().into_iter().flatten() {
        let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value.as_str().unwrap_or_default()));
        let (Ok(name), Ok(value)) = parsed else { return Err(format!("{name:?} is no header")) };
        headers.insert(name, value);
    }
    let body = match &doing.input["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        other => {
            headers.entry(http::header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            other.to_string().into_bytes()
        }
    };
    doing.journal.say(&format!("{method} {}", url.host_str().unwrap_or_default()));
    let bytes_max = limits::SCAFFOLDER_HTTP_BYTES_MAX;
    let request = Request { method, url: url.as_str(), headers, body: body.into(), bytes_max };
    let reply = doing.house.outbound.send(request).await.map_err(|refusal| refusal.to_string())?;
    let code = reply.status.as_u16();
    doing.journal.say(&format!("Answered with status {code}"));
    if code >= 400 && doing.input["continueOnBadResponse"] != true {
        return Err(format!("the host answered with status {code}"));
    }
    let words = |value: &HeaderValue| Value::from(value.to_str().unwrap_or_default());
    let headers: Map<String, Value> =
        reply.headers.iter().map(|(name, value)| (name.to_string(), words(value))).collect();
    let body = serde_json::from_slice(&reply.body)
        .unwrap_or_else(|_| json!({"message": String::from_utf8_lossy(&reply.body)}));
    Ok(json!({"code": code, "headers": headers, "body": body}))
}
