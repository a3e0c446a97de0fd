//! Where a request came from. The peer of the connection, unless that is a proxy that the operator named: then the
//! right-most address in its header that is not a proxy's. Everything left of that is the visitor's own claim.
//!
//! Nothing else is read from such headers; scheme and host come from `public_url` alone. Behind the door they are gone,
//! with every header by which some gateway tells a server who the user is, so that no part can come to believe them
//! (attack G05).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};

use crate::app::App;
use crate::config::{Proxies, ProxyHeader};

/// The address that a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    /// As [`find`] found it; without it there is no network, as in a test in the same process.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::LOCALHOST))))
    }
}

/// Headers that only something in front of a server may write, and that nothing behind this door reads.
const INTERNAL: [&str; 16] = [
    "x-forwarded-for",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-original-url",
    "x-rewrite-url",
    "x-real-ip",
    "x-upstream-authorization",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-remote-user",
    "remote-user",
    "x-auth-request-user",
    "x-auth-request-email",
];

/// Finds the address, and takes the headers away.
pub async fn find(State(app): State<App>, mut request: Request, next: Next) -> Response {
    // Without a connection there is no network: a test in the same process.
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip()).to_canonical();
    let address = address(&app.config.proxies, peer, request.headers());
    let headers = request.headers_mut();
    for name in INTERNAL {
        headers.remove(HeaderName::from_static(name));
    }
    request.extensions_mut().insert(Peer(address));
    next.run(request).await
}

fn address(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !proxies.contain(peer) {
        return peer;
    }
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match proxies.header {
        ProxyHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), hop),
        ProxyHeader::Forwarded => (header::FORWARDED, forwarded_for),
    };
    let mut nearest = peer;
    for value in headers.get_all(name).iter().rev() {
        // Byte by byte: what a visitor wrote on the left may be no text at all, and hides nothing on the right of it.
        for item in value.as_bytes().rsplit(|byte| *byte == b',') {
            // What cannot be read was not written by a proxy of ours: whoever handed it on is as far as we can see.
            let Some(hop) = std::str::from_utf8(item).ok().and_then(read) else { return nearest };
            nearest = hop;
            if !proxies.contain(hop) {
                return hop;
            }
        }
    }
    nearest
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    ip.ok().map(|ip: IpAddr| ip.to_canonical())
}

/// The `for` of one element of `Forwarded` (RFC 7239 section 4). No value that names an address holds a comma.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    hop(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags, Raw};

    fn proxies(networks: &str, header: &str) -> Proxies {
        let set =
            [("proxies", networks), ("proxy_header", header)].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let raw = Raw::read(&Flags { file: None, set: set.to_vec() }, |_| None).unwrap();
        Config::from_raw(&raw).unwrap().proxies
    }

    fn seen(networks: &str, header: &str, peer: &str, values: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, value.parse().unwrap());
        }
        address(&proxies(networks, header), peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_cannot_say_where_they_come_from() {
        let forged = [("x-forwarded-for", "10.0.0.9"), ("forwarded", "for=10.0.0.9")];
        assert_eq!(seen("", "x-forwarded-for", "203.0.113.5", &forged), "203.0.113.5");
        assert_eq!(seen("10.0.0.0/8", "x-forwarded-for", "203.0.113.5", &forged), "203.0.113.5");
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_counts_and_nothing_left_of_it() {
        let by =
            |value: &str| seen("10.0.0.0/8", "x-forwarded-for", "10.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(by("203.0.113.5"), "203.0.113.5");
        assert_eq!(by("198.51.100.1, 203.0.113.5"), "203.0.113.5", "the first was the visitor's own");
        assert_eq!(by("203.0.113.5, 10.0.0.7"), "203.0.113.5", "two proxies in a row");
        assert_eq!(by("[2001:db8::1]:443, 10.0.0.7:80"), "2001:db8::1");
        assert_eq!(by("203.0.113.5, nonsense"), "10.0.0.1");
        assert_eq!(by("203.0.113.5, unknown, 10.0.0.7"), "10.0.0.7");
        assert_eq!(by(""), "10.0.0.1");
        assert_eq!(by("10.0.0.3, 10.0.0.2"), "10.0.0.3", "a visitor inside");
        assert_eq!(seen("10.0.0.0/8", "x-forwarded-for", "10.0.0.1", &[]), "10.0.0.1");
        let lines = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.5")];
        assert_eq!(seen("10.0.0.0/8", "x-forwarded-for", "10.0.0.1", &lines), "203.0.113.5");
    }

    /// A byte that is no ASCII, in what the visitor wrote, must not hide what the proxy wrote behind it.
    #[test]
    fn attack_g05_a_strange_byte_spoils_its_own_item_and_no_other() {
        let by = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", http::HeaderValue::from_bytes(value).unwrap());
            let proxies = proxies("10.0.0.0/8", "x-forwarded-for");
            address(&proxies, "10.0.0.1".parse().unwrap(), &headers).to_string()
        };
        assert_eq!(by(b"\x80, 203.0.113.5"), "203.0.113.5");
        assert_eq!(by(b"caf\xc3\xa9, 203.0.113.5, 10.0.0.7"), "203.0.113.5");
        assert_eq!(by(b"203.0.113.5, \xff"), "10.0.0.1", "nothing left of it is believed");
        assert_eq!(by(b"203.0.113.5, \xff, 10.0.0.7"), "10.0.0.7");
    }

    #[test]
    fn only_the_header_that_the_proxies_write_is_read() {
        let both =
            [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=\"[2001:db8::7]:1\";proto=http;by=x")];
        assert_eq!(seen("::1", "forwarded", "::1", &both), "2001:db8::7");
        assert_eq!(seen("::1", "x-forwarded-for", "::1", &both), "198.51.100.1");
        for odd in ["for=_hidden", "for=unknown", "by=1.2.3.4", "for="] {
            assert_eq!(seen("::1", "forwarded", "::1", &[("forwarded", odd)]), "::1", "{odd}");
        }
    }
}
