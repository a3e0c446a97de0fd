//! Trace context (W3C Trace Context; MCP 2026-07-28 in `_meta`, SEP-414): the names under which the caller's own records
//! know this request, so that a line in our log is found from theirs.
//!
//! A name and nothing more: it decides nothing, and what is not exactly of its form is not written anywhere.

use std::borrow::Cow;

use axum::http::HeaderMap;
use serde_json::value::RawValue;
use tracing::Span;

/// The key in `_meta`, and the header.
pub const TRACEPARENT: &str = "traceparent";

/// Where a request stands in its caller's trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    id: String,
    parent: String,
}

impl Trace {
    /// What `_meta` says, or else the header: the message itself is nearer to whoever asks than the hops on the way.
    pub fn of(meta: Option<&RawValue>, headers: &HeaderMap) -> Option<Self> {
        let meta = meta.and_then(|raw| serde_json::from_str::<Cow<'_, str>>(raw.get()).ok());
        if let Some(trace) = meta.as_deref().and_then(Self::parse) {
            return Some(trace);
        }
        let mut values = headers.get_all(TRACEPARENT).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Self::parse(value.to_str().ok()?.trim()),
            _ => None,
        }
    }

    /// `{version}-{trace-id}-{parent-id}-{flags}` (W3C Trace Context section 3.2.2). A newer version may say more behind.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let mut hex = |digits: usize| {
            let part = parts.next()?;
            let fits = part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            fits.then_some(part)
        };
        let (version, id, parent, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let is_real = |part: &str| part.bytes().any(|b| b != b'0');
        let more = parts.next().is_some();
        if version == "ff" || version == "00" && more || !is_real(id) || !is_real(parent) {
            return None;
        }
        Some(Self { id: id.to_owned(), parent: parent.to_owned() })
    }

    /// What every line about the request stands in. Without a trace it costs nothing.
    pub fn span(this: Option<&Self>) -> Span {
        match this {
            Some(Self { id, parent }) => tracing::info_span!("request", trace_id = %id, parent_id = %parent),
            None => Span::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

    #[test]
    fn only_what_is_exactly_of_the_form_is_taken() {
        let good = Trace::parse(GOOD).unwrap();
        assert_eq!(
            (good.id.as_str(), good.parent.as_str()),
            ("0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7")
        );
        assert_eq!(
            Trace::parse("cc-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-more-of-it"),
            Some(good)
        );
        for bad in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &format!("{GOOD}-x"),
            &GOOD[1..],
            &GOOD[..54],
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319\n-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_message_comes_before_the_header_and_what_is_odd_is_no_error() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let other = GOOD.replace("0af7", "1af7");
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, other.parse().unwrap());
        let meta = raw(&format!("\"{GOOD}\""));
        assert_eq!(Trace::of(Some(&meta), &headers), Trace::parse(GOOD));
        for odd in ["7", "{}", "\"\"", "[\"00\"]"] {
            assert_eq!(Trace::of(Some(&raw(odd)), &headers), Trace::parse(&other), "{odd}");
        }
        headers.append(TRACEPARENT, GOOD.parse().unwrap());
        assert_eq!(Trace::of(None, &headers), None, "two of them");
        assert!(Trace::span(None).is_none());
    }
}
