//! A client_id, a line break, and the document found there (attacks A03, A06, A10).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::oauth::described::{DocumentUrl, read};
use postern::oauth::members::check_redirect;
use url::Url;

fuzz_target!(|text: &str| {
    let (id, body) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(url) = DocumentUrl::parse(id) else { return };
    assert!(DocumentUrl::is_claimed(id));
    let parsed = Url::parse(id).unwrap();
    // One spelling a client: what a parser would repair is refused, so that no two ids are one URL.
    assert_eq!(parsed.as_str(), id);
    assert_eq!(parsed.scheme(), "https");
    assert!(parsed.domain().is_some_and(|name| name.contains('.')), "an address is no name");
    assert!(parsed.username().is_empty() && parsed.fragment().is_none());
    let Ok(document) = read(&url, body.as_bytes()) else { return };
    assert!(!document.name.is_empty());
    assert!(!document.metadata.redirect_uris.is_empty());
    for uri in &document.metadata.redirect_uris {
        let scheme = Url::parse(uri).unwrap().scheme().to_owned();
        assert!(!["javascript", "data", "vbscript", "file", "blob"].contains(&scheme.as_str()), "{uri}");
        assert!(check_redirect(uri, &[&scheme]).is_ok(), "{uri}");
    }
});
