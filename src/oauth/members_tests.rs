use super::*;

#[test]
fn answers_go_to_https_to_this_machine_and_to_known_editors_only() {
    for good in [
        "https://vscode.dev/redirect",
        "https://a.example:8443/cb?tenant=1",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
        "http://localhost:3000/oauth/callback",
        "http://[::1]:9/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://vscode.github-authentication/did-authenticate",
    ] {
        assert_eq!(check_redirect(good, &APP_SCHEMES), Ok(()), "{good}");
    }
    for bad in [
        "",
        "/cb",
        "cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "file:///etc/passwd",
        "about:blank",
        "blob:https://a/x",
        "ftp://a/x",
        "http://example.com/cb",
        "http://localhost.evil.io/cb",
        "http://127.0.0.1.evil.io/cb",
        "http://127.1/cb",
        "http://0x7f.1/cb",
        "http://0.0.0.0/cb",
        "http://127.0.0.1:80@evil.io/",
        "https://good.example@evil.example/cb",
        "https://@evil.example/cb",
        "https:evil.example/cb",
        "https:///evil.example/cb",
        "https://%65vil.example/cb",
        "https://2130706433/cb",
        "HTTPS://evil.example/cb",
        "https://a.example/cb#frag",
        "https://a.example/cb#",
        "https://a.example\\@evil.example/",
        "https://a.example/\tcb",
        "https://a.example/c b",
        "https://ä.example/cb",
        "https://",
        "cursor:javascript",
        "com.example.app:/cb",
        "myapp://cb",
        "urn:ietf:wg:oauth:2.0:oob",
    ] {
        assert!(check_redirect(bad, &APP_SCHEMES).is_err(), "{bad}");
    }
}

#[test]
fn a_name_is_one_visible_line() {
    assert_eq!(clean("  VS\u{202e}\nCode \u{200b}\u{7}", 80), "VS Code");
    assert_eq!(clean(&"x".repeat(500), 80).len(), 80);
    assert_eq!(clean("\u{e0041}\u{3164}\u{feff}", 80), "");
}

proptest::proptest! {
    #[test]
    fn no_accepted_redirect_is_read_differently_by_a_browser(uri in "(https|http|cursor|javascript)(:|:/|://)[a-z0-9.@:/\\\\#?%\\[\\] \t]{0,24}") {
        if check_redirect(&uri, &APP_SCHEMES).is_ok() {
            let parsed = Url::parse(&uri).unwrap();
            proptest::prop_assert!(parsed.username().is_empty() && parsed.password().is_none());
            proptest::prop_assert!(parsed.fragment().is_none());
            let host = parsed.host_str().unwrap_or_default();
            proptest::prop_assert!(parsed.scheme() != "http" || ["localhost", "127.0.0.1", "[::1]"].contains(&host));
            proptest::prop_assert!(parsed.scheme() != "javascript");
        }
    }
}
