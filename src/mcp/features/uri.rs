//! `catalog://{kind}/{namespace}/{name}` and what stands below it.

use std::fmt::Write as _;

use crate::catalog::attached::Kind;
use crate::catalog::relation::Ref;
use crate::limits;

/// The scheme and what follows it.
pub const PREFIX: &str = "catalog://";

/// What a URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An entity.
    Entity(Ref),
    /// The definition of an API, as it was written.
    Definition(Ref),
    /// The list of its files, or one of them.
    Attached(Ref, Kind, Option<String>),
}

impl Target {
    /// Reads a URI. What is not exactly of this form names nothing: no part may be empty, `.` or `..`, nor hold a slash
    /// or a control character once it is decoded.
    pub fn parse(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix(PREFIX).filter(|_| uri.len() <= limits::MCP_RESOURCE_URI_BYTES_MAX)?;
        let parts = rest.split('/').map(decoded).collect::<Option<Vec<_>>>()?;
        let [kind, namespace, name, below @ ..] = parts.as_slice() else { return None };
        // A colon would make another reference of the three.
        if [kind, namespace, name].iter().any(|part| part.contains(':')) {
            return None;
        }
        let reference = Ref::new(kind, namespace, name);
        match below {
            [] => Some(Self::Entity(reference)),
            [what] if what == "definition" => Some(Self::Definition(reference)),
            [what, path @ ..] => {
                let kind = kind_of(what)?;
                let path = (!path.is_empty()).then(|| path.join("/"));
                Some(Self::Attached(reference, kind, path))
            }
        }
    }

    /// The entity that it belongs to.
    pub fn reference(&self) -> &Ref {
        let (Self::Entity(reference) | Self::Definition(reference) | Self::Attached(reference, ..)) = self;
        reference
    }

    /// The URI.
    pub fn to_uri(&self) -> String {
        match self {
            Self::Entity(reference) => base(reference),
            Self::Definition(reference) => base(reference) + "/definition",
            Self::Attached(reference, kind, None) => format!("{}/{}", base(reference), word(*kind)),
            Self::Attached(reference, kind, Some(path)) => {
                let path: Vec<_> = path.split('/').map(encoded).collect();
                format!("{}/{}/{}", base(reference), word(*kind), path.join("/"))
            }
        }
    }
}

fn base(reference: &Ref) -> String {
    let [kind, namespace, name] = [reference.kind(), reference.namespace(), reference.name()].map(encoded);
    format!("{PREFIX}{kind}/{namespace}/{name}")
}

/// The word in a URI.
pub fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Skeleton => "skeleton",
        Kind::Docs => "docs",
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    [Kind::Skeleton, Kind::Docs].into_iter().find(|kind| self::word(*kind) == word)
}

/// One part, with whatever RFC 3986 section 2.3 reserves escaped.
fn encoded(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// One part, decoded once: what is still escaped after that stays so, and names nothing.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits =
                    std::str::from_utf8(&digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'?' | b'#' => return None,
            other => bytes.push(other),
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    let plain = !matches!(text.as_str(), "" | "." | "..") && !text.contains(['/', '\\']);
    (plain && !text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_one_thing_and_is_made_again_from_it() {
        let it = Ref::new("component", "default", "x");
        let skeleton = |path: &str| Target::Attached(it.clone(), Kind::Skeleton, Some(path.to_owned()));
        for (uri, target) in [
            ("catalog://component/default/x", Target::Entity(it.clone())),
            ("catalog://component/default/x/definition", Target::Definition(it.clone())),
            ("catalog://component/default/x/docs", Target::Attached(it.clone(), Kind::Docs, None)),
            ("catalog://component/default/x/skeleton/src/main.rs", skeleton("src/main.rs")),
            ("catalog://component/default/x/skeleton/%24%7B%7B%20a%20%7D%7D.md", skeleton("${{ a }}.md")),
        ] {
            assert_eq!(Target::parse(uri).as_ref(), Some(&target), "{uri}");
            assert_eq!(target.to_uri(), uri);
        }
        assert_eq!(Target::parse("catalog://Component/Default/X"), Some(Target::Entity(it)));
    }

    #[test]
    fn attack_a_uri_that_leads_elsewhere_names_nothing() {
        let long = format!("catalog://component/default/{}", "x".repeat(9_999));
        for uri in [
            "",
            "catalog:",
            "catalog://",
            "catalog://component",
            "catalog://component/default",
            "catalog://component/default/",
            "catalog://component//x",
            "catalog:///default/x",
            "catalog://component/default/x/",
            "catalog://component/default/x/other",
            "catalog://component/default/x/definition/more",
            "catalog://component/default/x/docs/../../y",
            "catalog://component/default/x/docs/%2e%2e/y",
            "catalog://component/default/x/docs/a%2Fb",
            "catalog://component/default/x/docs/a%5Cb",
            "catalog://component/default/x/docs/a%00b",
            "catalog://component/default/x/docs/%",
            "catalog://component/default/x/docs/%+1",
            "catalog://component/default/x?y",
            "catalog://component/default/x#y",
            "catalog://a:b/default/x",
            "file:///etc/passwd",
            "CATALOG://component/default/x",
            &long,
        ] {
            assert_eq!(Target::parse(uri), None, "{uri}");
        }
    }
}
