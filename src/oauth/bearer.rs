//! The access token that a request brings in its `Authorization` header (RFC 6750 section 2.1, RFC 9449 section 7.1).

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

impl<'h> Bearer<'h> {
    /// From every `Authorization` header that there is. Only this header counts: tokens in a query string or a form end
    /// up in logs, and MCP bans them.
    pub fn read(values: impl IntoIterator<Item = &'h [u8]>) -> Self {
        let mut values = values.into_iter();
        let Some(value) = values.next() else { return Self::Absent };
        if values.next().is_some() {
            return Self::Malformed("The request has more than one Authorization header.");
        }
        let printable = value.iter().all(|b| *b == b'\t' || (b' '..=b'~').contains(b));
        let Some(value) = std::str::from_utf8(value).ok().filter(|_| printable) else {
            return Self::Malformed("The access token is not ASCII.");
        };
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        let token = token.trim();
        let is_bound = scheme.eq_ignore_ascii_case("DPoP");
        if !is_bound && !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() {
            return Self::Absent;
        }
        if token.len() > limits::BEARER_BYTES_MAX {
            return Self::Malformed("The access token is longer than any of this server's.");
        }
        if token.contains([' ', ',', '\t']) {
            return Self::Malformed("The Authorization header holds more than one token.");
        }
        if is_bound { Self::Bound(token) } else { Self::Token(token) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (vec!["Bearer ä"], "Malformed"),
            (vec!["Bearer a\tb"], "Malformed"),
            (vec!["Bearer a\nb"], "Malformed"),
        ] {
            let read = Bearer::read(values.iter().map(|value| value.as_bytes()));
            assert!(format!("{read:?}").starts_with(expected), "{values:?} {read:?}");
        }
    }
}
