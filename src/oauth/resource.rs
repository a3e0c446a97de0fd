//! Resource indicators (RFC 8707): which protected resource a token is for. One token, one audience.

use url::Url;

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
