//! Words that a descriptor's author wrote, as a page may show them. Templates escape; what is here keeps such words from
//! hiding, turning or outgrowing what stands beside them (attack D03), and from leading anywhere but to the web.

use url::Url;

use crate::catalog::relation::Ref;
use crate::identity::user::is_invisible;
use crate::limits;
use crate::web::page;

/// One line of at most `chars_max` characters.
pub fn line(text: &str, chars_max: usize) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_invisible(*c)).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match clean.char_indices().nth(chars_max) {
        None => clean,
        Some((end, _)) => format!("{}…", &clean[..end]),
    }
}

/// A title, a name, a value.
pub fn title(text: &str) -> String {
    line(text, limits::ENTITY_TITLE_CHARS)
}

/// Text of many lines, of at most `bytes_max` bytes, and whether that is all of it.
pub fn text(text: &str, bytes_max: usize) -> (String, bool) {
    if text.len() <= bytes_max {
        return (page::plain(text), true);
    }
    let end = (0..=bytes_max).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    (page::plain(&text[..end]), false)
}

/// A link to the web, with its host in the form that cannot look like another's. Nothing else is a link: not `javascript:`
/// or `data:`, nor `http:`, nor one with a user name before a host that then reads like another.
pub fn web(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text.trim()).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
    let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    is_plain.then(|| (url.as_str().to_owned(), host))
}

/// `component:booking` where the namespace is the usual one.
pub fn short(reference: &str) -> String {
    title(&reference.replacen(":default/", ":", 1))
}

/// Something that may have a page here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its page; empty where there is none to see.
    pub path: String,
    /// What a person calls it.
    pub title: String,
    /// Its reference, short.
    pub reference: String,
}

impl Named {
    /// What `reference` names, with the title of the entity where there is one.
    pub fn new(reference: &str, entity: Option<&serde_json::Value>) -> Self {
        let path = entity.and_then(|_| Ref::parse(reference, None, "default").ok());
        let path = path.map(|reference| entity_path(&reference)).unwrap_or_default();
        let short = short(reference);
        let known = entity.map(|it| title(crate::catalog::answers::title(it)));
        Self {
            path,
            title: known.filter(|it| !it.is_empty()).unwrap_or_else(|| short.clone()),
            reference: short,
        }
    }
}

/// The page of an entity. Its parts are names that need no escaping; what is none leads to the search.
pub fn entity_path(reference: &Ref) -> String {
    let parts = [reference.kind(), reference.namespace(), reference.name()];
    if parts.iter().all(|part| is_name(part)) {
        format!("/catalog/{}", parts.join("/"))
    } else {
        "/catalog".to_owned()
    }
}

/// As names in the catalog are; nothing of it means anything in a path.
fn is_name(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_only_the_web_is_a_link() {
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "http://a.example",
            "//a.example",
            "/account",
            "https://bank.example@evil.example/",
            "https://u:p@evil.example",
            "blob:https://a.example/x",
            "",
            "https://",
        ] {
            assert_eq!(web(bad), None, "{bad:?}");
        }
        let (href, host) = web("https://b\u{fc}cher.example/a\"b<c>?q='x'").unwrap();
        assert!(
            href.starts_with("https://xn--bcher-kva.example/a%22b%3Cc%3E") && !href.contains(['"', '<', '>'])
        );
        assert_eq!(host, "xn--bcher-kva.example");
    }

    #[test]
    fn attack_d03_words_neither_turn_nor_hide_nor_outgrow() {
        assert_eq!(line("a\u{202e}b\u{200b}\n\tc \u{e0041}", 9), "ab c");
        assert_eq!(line("ééééé", 3), "ééé…");
        assert_eq!(text("a\u{202e}b", 99), ("a\\u{202e}b".to_owned(), true));
        assert_eq!(text("éé", 3), ("é".to_owned(), false));
    }
}
