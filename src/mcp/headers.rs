//! What the door reads in a request's headers before it reads anything else.

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};

use crate::oauth::bearer::Bearer;

/// The bearer token, from the headers.
pub fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    Bearer::read(headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes))
}

/// Whether the body says that it is JSON, once.
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Whether a client takes JSON: it says so, says anything goes, or says nothing.
pub fn takes_json(headers: &HeaderMap) -> bool {
    let mut accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if accept.peek().is_none() {
        return true;
    }
    let mut types =
        accept.flat_map(|value| value.split(',')).map(|item| item.split(';').next().unwrap_or_default());
    types.any(|item| {
        let item = item.trim();
        ["application/json", "application/*", "*/*"].iter().any(|taken| item.eq_ignore_ascii_case(taken))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn only_json_is_read_and_whoever_takes_json_is_answered() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            assert_eq!(is_json(&headers(&[("content-type", value)])), expected, "{value}");
        }
        assert!(!is_json(&headers(&[])));
        for (value, expected) in [
            ("text/event-stream, application/json", true),
            ("application/json", true),
            ("*/*", true),
            ("application/json;q=0.9, text/html", true),
            ("text/event-stream", false),
            ("text/html", false),
        ] {
            assert_eq!(takes_json(&headers(&[("accept", value)])), expected, "{value}");
        }
        assert!(takes_json(&headers(&[])));
    }
}
