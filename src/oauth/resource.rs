//! Resource indicators (RFC 8707): which protected resource a token is for. One token, one audience.

use url::Url;

use super::scope::ScopeSet;

/// One protected resource: an MCP server with its own audience, as the authorization server offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its identifier: exactly the URL that clients call (RFC 9728 section 3.3), and the audience of its tokens.
    pub identifier: String,
    /// Where that is, under the public URL.
    pub path: String,
    /// The name people see.
    pub title: String,
    /// Every scope that can be asked for at it.
    pub scopes: ScopeSet,
    /// What its metadata lists, and what a request that names no scope gets: all that only reads.
    pub baseline: ScopeSet,
}

/// Every protected resource of this server, fixed at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    all: Vec<Resource>,
    identifiers: Vec<String>,
}

impl Resources {
    /// The set; the first one is meant where a client names none.
    pub fn new(all: Vec<Resource>) -> Self {
        let identifiers = all.iter().map(|resource| resource.identifier.clone()).collect();
        Self { all, identifiers }
    }

    /// Each, the default first.
    pub fn all(&self) -> &[Resource] {
        &self.all
    }

    /// Every identifier, the default's first.
    pub fn identifiers(&self) -> &[String] {
        &self.identifiers
    }

    /// The one with exactly this identifier: an audience, a row's column.
    pub fn find(&self, identifier: &str) -> Option<&Resource> {
        self.all.iter().find(|resource| resource.identifier == identifier)
    }

    /// The one at exactly this path.
    pub fn at(&self, path: &str) -> Option<&Resource> {
        self.all.iter().find(|resource| resource.path == path)
    }

    /// The one that a client means; see [`resolve`].
    pub fn resolve<S: AsRef<str>>(&self, presented: &[S]) -> Option<&Resource> {
        self.find(resolve(presented, &self.identifiers)?)
    }
}

/// Which of `ours` is meant by `presented`, in our spelling; the first of ours where none is named, since older
/// clients name none. Compared after normalisation, so that an upper-case host or a default port is forgiven.
///
/// `None` where one is not absolute, has a fragment, or is not ours; and where two differ: a token for both would
/// widen what a stolen one opens. The answer is then `invalid_target` (section 2).
pub fn resolve<'a, S: AsRef<str>>(presented: &[S], ours: &'a [String]) -> Option<&'a String> {
    let mut chosen: Option<&String> = None;
    for presented in presented {
        let url = Url::parse(presented.as_ref()).ok().filter(|url| url.fragment().is_none())?;
        let found = ours.iter().find(|known| Url::parse(known).ok().as_ref() == Some(&url))?;
        if chosen.is_some_and(|other| other != found) {
            return None;
        }
        chosen = Some(found);
    }
    chosen.or(ours.first())
}

/// Whether a request that names `presented` may have a token for `granted`: it names nothing else (section 2.2).
pub fn agrees<S: AsRef<str>>(presented: &[S], granted: &str) -> bool {
    // The common case, to the letter, without parsing.
    presented.iter().all(|resource| resource.as_ref() == granted)
        || resolve(presented, &[granted.to_owned()]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_is_meant() {
        let ours = ["http://localhost:8787/mcp".to_owned(), "http://localhost:8787/mcp/ops".to_owned()];
        let meant = |presented: &[&str]| resolve(presented, &ours).map(String::as_str);
        assert_eq!(meant(&[]), Some(ours[0].as_str()));
        assert_eq!(meant(&["HTTP://LOCALHOST:8787/mcp/ops"]), Some(ours[1].as_str()));
        for bad in [
            "",
            "/mcp",
            "http://localhost:8787/mcp#x",
            "http://localhost:8787/",
            "https://localhost:8787/mcp",
        ] {
            assert_eq!(meant(&[bad]), None, "{bad}");
        }
        assert_eq!(meant(&[&ours[0], &ours[1]]), None);
        assert!(agrees(&[&ours[0], &ours[0]], &ours[0]) && !agrees(&[&ours[1]], &ours[0]));
    }
}
