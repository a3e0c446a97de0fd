//! One rule: a host and a path, compared component by component.

use url::Url;

/// One rule: `host`, `*.host`, each with an optional port, and a path. `*` stands for one whole label or segment; as the
/// last segment, or as a bare slash, for everything below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    host: String,
    any_subdomain: bool,
    port: Option<u16>,
    segments: Vec<String>,
    below: bool,
}

/// Why a pattern is none. The end of a sentence that begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// Another scheme than https.
    #[error("must be https: documents are fetched over nothing else")]
    Scheme,
    /// A query, a fragment, a user name, a blank or a letter beyond ASCII.
    #[error("must hold a host and a path only, in ASCII (punycode for other letters)")]
    Characters,
    /// No host, an address, or a single label.
    #[error("must name a host such as vscode.dev")]
    Host,
    /// `*` elsewhere than as the first label before at least two others.
    #[error("may have `*` only as the first label, before a domain of its own, such as *.acme.example")]
    HostWildcard,
    /// `:` followed by anything but a port.
    #[error("has a port that is none")]
    Port,
    /// `*` inside a segment, an empty segment, or a dot segment.
    #[error("may have `*` only as a whole segment of its path, and no empty or dot segments")]
    Path,
}

impl Pattern {
    /// Reads a rule.
    ///
    /// # Errors
    /// [`PatternFault`].
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        let rest = text.strip_prefix("https://").unwrap_or(text);
        if rest.contains("://") {
            return Err(PatternFault::Scheme);
        }
        if !rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'@' | b'\\')) {
            return Err(PatternFault::Characters);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            None => (authority, None),
            Some((host, port)) => {
                let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or(PatternFault::Port)?;
                (host, Some(port).filter(|port| *port != 443))
            }
        };
        let (any_subdomain, host) = host.strip_prefix("*.").map_or((false, host), |rest| (true, rest));
        if host.contains('*') || (any_subdomain && !host.contains('.')) {
            return Err(PatternFault::HostWildcard);
        }
        let host = host.to_ascii_lowercase();
        if !is_domain(&host) {
            return Err(PatternFault::Host);
        }
        let mut segments: Vec<String> =
            path.strip_prefix('/').unwrap_or_default().split('/').map(str::to_owned).collect();
        let below = segments.last().is_some_and(|last| last.is_empty() || last == "*");
        if below {
            segments.pop();
        }
        let is_segment = |s: &String| s == "*" || !(s.is_empty() || s.contains('*') || s == "." || s == "..");
        if !segments.iter().all(is_segment) {
            return Err(PatternFault::Path);
        }
        Ok(Self { text: text.to_owned(), host, any_subdomain, port, segments, below })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it allows `url`: to the letter. `*.` is one label, no port is the default one, an encoded slash is none.
    pub(super) fn allows(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let is_host = if self.any_subdomain {
            host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == self.host)
        } else {
            host == self.host
        };
        let segments: Vec<&str> = url.path().strip_prefix('/').unwrap_or_default().split('/').collect();
        let long_enough = if self.below {
            segments.len() > self.segments.len()
        } else {
            segments.len() == self.segments.len() && url.query().is_none()
        };
        let same = |(known, found): (&String, &&str)| known == found || (known == "*" && is_plain(found));
        let rest_is_plain =
            segments.iter().skip(self.segments.len()).all(|segment| !hides_a_separator(segment));
        is_host
            && url.port() == self.port
            && long_enough
            && self.segments.iter().zip(&segments).all(same)
            && rest_is_plain
    }

    /// Whether it denies `url`: in any spelling, on any port where it names none, with everything below. `*.` is any
    /// number of labels.
    pub(super) fn denies(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let is_host = if self.any_subdomain {
            host.strip_suffix(self.host.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.host
        };
        let path = decoded(url.path());
        let segments: Vec<&str> = path.split(['/', '\\']).filter(|segment| !segment.is_empty()).collect();
        let same =
            |(known, found): (&String, &&str)| known == "*" || decoded(known).eq_ignore_ascii_case(found);
        is_host
            && (self.port.is_none() || url.port() == self.port)
            && segments.len() >= self.segments.len()
            && self.segments.iter().zip(&segments).all(same)
    }
}

/// At least two labels of letters, digits and hyphens, the last of which is no number: an address is no name.
fn is_domain(host: &str) -> bool {
    let label =
        |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let numeric = |l: &str| l.bytes().all(|b| b.is_ascii_digit());
    host.contains('.') && host.split('.').all(label) && !host.rsplit('.').next().is_some_and(numeric)
}

fn is_plain(segment: &str) -> bool {
    !segment.is_empty() && !segment.contains('%')
}

fn hides_a_separator(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    lower.contains("%2f") || lower.contains("%5c")
}

/// With what is percent-encoded decoded once, as a server would.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
