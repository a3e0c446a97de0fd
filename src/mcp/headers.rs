//! What the door reads in a request's headers before it reads anything else.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};

use crate::limits;

/// What the `Authorization` headers hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Bearer<'h> {
    /// No bearer token.
    Absent,
    /// Something that is none, and why.
    Malformed(&'static str),
    /// The token.
    Token(&'h str),
    /// The token, beside a proof (RFC 9449 section 7.1).
    Bound(&'h str),
}

/// The bearer token (RFC 6750 section 2.1). Only this header counts: tokens in a query string or a form end up in
/// logs, and MCP bans them.
pub fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Bearer::Absent };
    if values.next().is_some() {
        return Bearer::Malformed("The request has more than one Authorization header.");
    }
    let Ok(value) = value.to_str() else { return Bearer::Malformed("The access token is not ASCII.") };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim();
    let is_bound = scheme.eq_ignore_ascii_case("DPoP");
    if !is_bound && !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() {
        return Bearer::Absent;
    }
    if token.len() > limits::BEARER_BYTES_MAX {
        return Bearer::Malformed("The access token is longer than any of this server's.");
    }
    if token.contains([' ', ',', '\t']) {
        return Bearer::Malformed("The Authorization header holds more than one token.");
    }
    if is_bound { Bearer::Bound(token) } else { Bearer::Token(token) }
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
    fn a_bearer_comes_from_one_header_and_no_other_scheme() {
        let long = format!("Bearer {}", "x".repeat(limits::BEARER_BYTES_MAX + 1));
        for (values, expected) in [
            (vec![], "Absent"),
            (vec!["Bearer abc"], "Token(\"abc\")"),
            (vec!["bearer abc"], "Token(\"abc\")"),
            (vec!["BEARER   abc "], "Token(\"abc\")"),
            (vec!["Bearer"], "Absent"),
            (vec!["Bearer "], "Absent"),
            (vec![""], "Absent"),
            (vec!["DPoP abc"], "Bound(\"abc\")"),
            (vec!["dpop abc"], "Bound(\"abc\")"),
            (vec!["DPoP"], "Absent"),
            (vec!["DPoP a, Bearer a"], "Malformed"),
            (vec!["Basic YTpi"], "Absent"),
            (vec!["abc"], "Absent"),
            (vec!["Bearer a b"], "Malformed"),
            (vec!["Bearer a, Bearer b"], "Malformed"),
            (vec!["Bearer a", "Bearer a"], "Malformed"),
            (vec!["Basic YTpi", "Bearer a"], "Malformed"),
            (vec![long.as_str()], "Malformed"),
        ] {
            let pairs: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
            let map = headers(&pairs);
            assert!(format!("{:?}", bearer(&map)).starts_with(expected), "{values:?} {:?}", bearer(&map));
        }
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
