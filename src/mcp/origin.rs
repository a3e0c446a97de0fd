//! Where a request may come from: which `Host` it was sent to, and which page's script sent it.
//!
//! A page on the internet can make a browser call a server on this machine, and DNS rebinding makes that call look
//! same-origin to the browser (attack G02). So both headers are compared with `public_url`, never with each other.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HOST, ORIGIN,
    VARY,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use url::Url;

use super::answer;
use crate::limits;

/// The names of this machine. Any port: a tool on the same machine picks its own.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a script on an allowed page may send. `Mcp-Param-*` cannot be listed by name; see [`Origins::preflight`].
const ALLOWED_HEADERS: [&str; 9] = [
    "authorization",
    "dpop",
    "content-type",
    "accept",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "mcp-session-id",
    "last-event-id",
];

/// The places a request may come from.
#[derive(Clone, Debug)]
pub struct Origins {
    host: String,
    loopback: bool,
    allowed: Vec<String>,
}

impl Origins {
    /// For a server at `public_url`, whose own pages are allowed, and those of `others` (full origins).
    pub fn new(public_url: &Url, others: &[String]) -> Self {
        let host = public_url.host_str().unwrap_or_default().to_ascii_lowercase();
        let mut allowed = vec![public_url.origin().ascii_serialization()];
        allowed.extend(others.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()));
        Self { loopback: LOOPBACK.contains(&host.as_str()), host, allowed }
    }

    /// Whether the request was sent to us by name and not by a foreign page.
    ///
    /// # Errors
    /// A sentence for the person who set it up wrongly.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        if !self.host_is_ours(uri, headers) {
            return Err(format!(
                "This server answers at the host {} only, not at the one in Host.",
                self.host
            ));
        }
        match self.origin_of(headers) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(())) => Err("This page's origin may not call this server.".into()),
        }
    }

    /// The answer to a preflight. It needs no token: the browser sends none (WHATWG Fetch, CORS preflight).
    pub fn preflight(&self, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let origin = match (self.host_is_ours(uri, headers), self.origin_of(headers)) {
            (true, Some(Ok(origin))) => origin.clone(),
            _ => {
                let text = "This page's origin may not call this server.";
                return answer::refusal(StatusCode::FORBIDDEN, "forbidden_origin", text);
            }
        };
        let asked =
            headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let params = asked.split(',').map(str::trim).filter(|name| {
            let name = name.to_ascii_lowercase();
            name.starts_with("mcp-param-")
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
        let names = ALLOWED_HEADERS.into_iter().chain(params).collect::<Vec<_>>().join(", ");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let out = response.headers_mut();
        out.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        out.insert(VARY, HeaderValue::from_static("Origin"));
        out.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, DELETE, OPTIONS"));
        out.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(limits::PREFLIGHT_SECONDS));
        if let Ok(names) = HeaderValue::try_from(names) {
            out.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
        response
    }

    /// Lets a script on an allowed page read `response`: above all the challenge of a 401, without which a client in
    /// a browser cannot find the authorization server.
    pub fn expose(&self, headers: &HeaderMap, response: &mut Response<Body>) {
        if let Some(Ok(origin)) = self.origin_of(headers) {
            let out = response.headers_mut();
            out.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            out.insert(VARY, HeaderValue::from_static("Origin"));
            let exposed = HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce, Mcp-Session-Id");
            out.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    fn host_is_ours(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let named = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
            // HTTP/2 says it in the request line.
            (None, None) => uri.authority().cloned(),
            _ => None,
        };
        named.is_some_and(|authority| {
            let host = authority.host();
            host.eq_ignore_ascii_case(&self.host)
                || self.loopback && LOOPBACK.iter().any(|ours| host.eq_ignore_ascii_case(ours))
        })
    }

    /// The request's origin: none sent, or allowed, or not.
    fn origin_of<'h>(&self, headers: &'h HeaderMap) -> Option<Result<&'h HeaderValue, ()>> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next()?;
        let allowed =
            origins.next().is_none() && origin.to_str().is_ok_and(|text| self.origin_is_allowed(text));
        Some(if allowed { Ok(origin) } else { Err(()) })
    }

    fn origin_is_allowed(&self, origin: &str) -> bool {
        if self.allowed.iter().any(|allowed| origin.eq_ignore_ascii_case(allowed)) {
            return true;
        }
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        self.loopback
            && matches!(scheme, "http" | "https")
            && !authority.as_str().contains('@')
            && LOOPBACK.iter().any(|ours| authority.host().eq_ignore_ascii_case(ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(public_url: &str, host: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        let origins = Origins::new(&public_url.parse().unwrap(), &["https://inspector.example.org".into()]);
        origins.check(&"/mcp".parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn the_whole_table_for_a_server_on_this_machine() {
        let local = "http://localhost:8787";
        for host in ["localhost:8787", "127.0.0.1:8787", "[::1]:9999", "LOCALHOST"] {
            for origin in
                [None, Some("http://localhost:8787"), Some("http://127.0.0.1:6274"), Some("https://[::1]")]
            {
                assert!(check(local, Some(host), origin), "{host} {origin:?}");
            }
            for origin in [
                "null",
                "http://evil.example",
                "http://localhost.evil.example",
                "http://a@localhost",
                "localhost",
                "",
            ] {
                assert!(!check(local, Some(host), Some(origin)), "{host} {origin}");
            }
        }
        for host in
            [None, Some("evil.example"), Some("localhost.evil.example:8787"), Some("10.0.0.1"), Some("")]
        {
            assert!(!check(local, host, None), "{host:?}");
        }
    }

    #[test]
    fn the_whole_table_for_a_server_on_the_internet() {
        let public = "https://postern.example.com";
        for host in ["postern.example.com", "Postern.Example.COM:443"] {
            assert!(check(public, Some(host), None));
            assert!(check(public, Some(host), Some("https://postern.example.com")));
            assert!(check(public, Some(host), Some("https://inspector.example.org")));
            for origin in [
                "http://postern.example.com",
                "http://localhost:8787",
                "null",
                "https://postern.example.com:8443",
            ] {
                assert!(!check(public, Some(host), Some(origin)), "{origin}");
            }
        }
        assert!(!check(public, Some("localhost:8787"), None) && !check(public, Some("127.0.0.1"), None));
    }

    #[test]
    fn a_header_sent_twice_is_refused_not_chosen_from() {
        let origins = Origins::new(&"http://localhost:8787".parse().unwrap(), &[]);
        for name in [HOST, ORIGIN] {
            let mut headers = HeaderMap::new();
            headers.append(HOST, "localhost".parse().unwrap());
            let ours = if name == HOST { "localhost" } else { "http://localhost" };
            headers.append(&name, ours.parse().unwrap());
            headers.append(&name, ours.parse().unwrap());
            assert!(origins.check(&"/mcp".parse().unwrap(), &headers).is_err(), "{name}");
        }
    }
}
