use super::*;

fn policy(mode: Mode, presets: &[&str], allow: &[&str], deny: &[&str]) -> Policy {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    Policy::new(mode, &owned(presets), &owned(allow), &owned(deny)).unwrap()
}

fn allows(pattern: &str, url: &str) -> bool {
    Pattern::parse(pattern).unwrap().allows(&Url::parse(url).unwrap())
}

fn denies(pattern: &str, url: &str) -> bool {
    Pattern::parse(pattern).unwrap().denies(&Url::parse(url).unwrap())
}

/// Every mode, ruling and match: deny wins, then an administrator's word, then the list, then the mode.
#[test]
fn the_whole_table() {
    const URL: &str = "https://client.example/c";
    let welcome = Standing::Welcome;
    for mode in Mode::ALL {
        for said in [None, Some(Ruling::Approved), Some(Ruling::Refused)] {
            for is_listed in [false, true] {
                for is_denied in [false, true] {
                    let allow: &[&str] = if is_listed { &["client.example"] } else { &["other.example"] };
                    let deny: &[&str] = if is_denied { &["client.example"] } else { &["other.example"] };
                    let policy = policy(mode, &["none"], allow, deny);
                    let judged = policy.judge(URL, said);
                    let expected = match (mode, is_denied, said, is_listed) {
                        (Mode::Off, ..) | (_, true, ..) | (_, _, Some(Ruling::Refused), _) => {
                            Standing::Refused
                        }
                        (_, _, Some(Ruling::Approved), _) | (.., true) => welcome(Tier::Known),
                        (Mode::AllowList, ..) => Standing::Refused,
                        (Mode::Ask, ..) => Standing::Waits,
                        (Mode::Open, ..) => welcome(Tier::Unknown),
                    };
                    let line = (mode, said, is_listed, is_denied);
                    assert_eq!(judged.standing, expected, "{line:?}");
                    let why = judged.because.to_string();
                    let named = match judged.because {
                        Because::Denied(rule) | Because::Allowed(rule, _) => {
                            rule.as_str() == "client.example"
                        }
                        Because::Off => mode == Mode::Off,
                        Because::Said(ruling) => Some(ruling) == said,
                        Because::Unlisted { empty } => mode == Mode::AllowList && !empty,
                        Because::NoRule(at) => at == mode && said.is_none(),
                        Because::NoUrl => false,
                    };
                    assert!(named, "{line:?}: {why}");
                }
            }
        }
    }
}

#[test]
fn an_empty_allow_list_blocks_all_and_says_so() {
    let policy = policy(Mode::AllowList, &["none"], &[], &[]);
    for url in ["https://vscode.dev/oauth/client-metadata.json", "https://client.example/c"] {
        let judged = policy.judge(url, None);
        assert_eq!(judged.standing, Standing::Refused);
        assert!(judged.because.to_string().contains("empty"), "{}", judged.because);
    }
}

#[test]
fn what_is_listed_is_added_to_the_presets() {
    let all: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    let policy = policy(Mode::AllowList, &all, &["client.example"], &["chatgpt.com"]);
    for (url, why) in [
        ("https://vscode.dev/oauth/client-metadata.json", "preset vscode has"),
        ("https://insiders.vscode.dev/oauth/client-metadata.json", "preset vscode has"),
        ("https://github.com/copilot/cli/client-metadata.json", "preset copilot-cli has"),
        ("https://claude.ai/oauth/claude-code-client-metadata", "preset claude has"),
        ("https://www.cursor.com/mcp/client.json", "preset cursor has"),
        ("https://client.example/anything", "clients.allow has client.example"),
    ] {
        let judged = policy.judge(url, None);
        assert_eq!(judged.standing, Standing::Welcome(Tier::Known), "{url}");
        assert!(judged.because.to_string().starts_with(why), "{url}: {}", judged.because);
    }
    for url in [
        "https://chatgpt.com/oauth/codex/x/client.json",
        "https://github.com/stranger/cli/client-metadata.json",
        "https://vscode.dev/stranger.json",
        "not a url",
    ] {
        assert_eq!(policy.judge(url, None).standing, Standing::Refused, "{url}");
    }
}

#[test]
fn attack_a08_a_name_that_only_looks_like_an_allowed_one_is_not_it() {
    for (pattern, url) in [
        ("example.com", "https://evil-example.com/c"),
        ("example.com", "https://example.com.evil.io/c"),
        ("example.com", "https://sub.example.com/c"),
        ("example.com", "https://example.com:8443/c"),
        ("example.com", "https://examplescom/c"),
        ("vscode.dev", "https://vscodexdev.io/c"),
        ("vscode.dev", "https://localhost.evil.io/c"),
        ("*.example.com", "https://evil-example.com/c"),
        ("*.example.com", "https://example.com/c"),
        ("*.example.com", "https://a.b.example.com/c"),
        ("*.example.com", "https://a.example.com.evil.io/c"),
        ("*.example.com", "https://evil.io/a.example.com"),
        ("example.com/oauth/*", "https://example.com/oauthx/c"),
        ("example.com/oauth/*", "https://example.com/oauth"),
        ("example.com/oauth/*", "https://example.com/%6Fauth/c"),
        ("example.com/oauth/*", "https://example.com/oauth/..%2F..%2Fevil/c"),
        ("example.com/oauth/*", "https://example.com//oauth/c"),
        ("example.com/oauth/*/c.json", "https://example.com/oauth/a/b/c.json"),
        ("example.com/oauth/*/c.json", "https://example.com/oauth//c.json"),
        ("example.com/oauth/*/c.json", "https://example.com/oauth/a%2Fb/c.json"),
        ("example.com/oauth/*/c.json", "https://example.com/oauth/a/cxjson"),
        ("example.com/c.json", "https://example.com/c.json?evil"),
        ("example.com/c.json", "https://example.com/c.json/"),
        ("example.com/c.json", "https://example.com/C.json"),
    ] {
        assert!(!allows(pattern, url), "{pattern} allows {url}");
    }
    for (pattern, url) in [
        ("example.com", "https://example.com/c?v=1"),
        ("https://EXAMPLE.com:443/", "https://example.com/a/b"),
        ("example.com:8443", "https://example.com:8443/c"),
        ("*.example.com/oauth/", "https://a.example.com/oauth/c"),
        ("example.com/oauth/*/c.json", "https://example.com/oauth/x-1/c.json"),
        ("example.com/c.json", "https://example.com/c.json"),
    ] {
        assert!(allows(pattern, url), "{pattern} does not allow {url}");
    }
}

#[test]
fn attack_a08_a_denied_place_is_denied_in_every_spelling() {
    for (pattern, url) in [
        ("example.com", "https://example.com:8443/c"),
        ("*.example.com", "https://a.b.example.com/c"),
        ("example.com/tenant", "https://example.com/tenant/c"),
        ("example.com/tenant", "https://example.com//tenant//c"),
        ("example.com/tenant", "https://example.com/%74enant/c"),
        ("example.com/tenant", "https://example.com/Tenant/c"),
        ("example.com/tenant", "https://example.com/tenant%2Fc"),
        ("example.com/tenant/c", "https://example.com/tenant/c?v=2"),
        ("example.com/*/c", "https://example.com/anybody/c"),
    ] {
        assert!(denies(pattern, url), "{pattern} does not deny {url}");
    }
    for (pattern, url) in [
        ("example.com", "https://evil-example.com/c"),
        ("*.example.com", "https://example.com/c"),
        ("*.example.com", "https://evilexample.com/c"),
        ("example.com:8443", "https://example.com/c"),
        ("example.com/tenant", "https://example.com/tenants/c"),
    ] {
        assert!(!denies(pattern, url), "{pattern} denies {url}");
    }
}

#[test]
fn a_pattern_that_would_say_too_much_is_refused() {
    use PatternFault as F;
    for (text, fault) in [
        ("*", F::HostWildcard),
        ("*.com", F::HostWildcard),
        ("*.*.example.com", F::HostWildcard),
        ("a.*.example.com", F::HostWildcard),
        ("*example.com", F::HostWildcard),
        ("http://example.com", F::Scheme),
        ("ftp://example.com", F::Scheme),
        ("", F::Host),
        ("localhost", F::Host),
        ("127.0.0.1", F::Host),
        ("example..com", F::Host),
        ("[::1]", F::Port),
        ("example.com:0", F::Port),
        ("example.com:*", F::Port),
        ("u@example.com", F::Characters),
        ("bücher.example", F::Characters),
        ("example.com/a?b", F::Characters),
        ("example.com/a b", F::Characters),
        ("example.com/a*", F::Path),
        ("example.com//a", F::Path),
        ("example.com/../a", F::Path),
    ] {
        assert_eq!(Pattern::parse(text).unwrap_err(), fault, "{text}");
    }
    let strange = Policy::new(Mode::Ask, &["emacs".to_owned()], &[], &[]).unwrap_err();
    assert!(strange.to_string().contains("emacs"));
}

#[test]
fn a_stranger_has_a_ceiling_and_a_known_client_has_none() {
    let all: ScopeSet = "catalog:read catalog:write openid".parse().unwrap();
    let strangers: ScopeSet = "catalog:read openid".parse().unwrap();
    assert_eq!(Standing::Welcome(Tier::Known).ceiling(&all, &strangers), all);
    assert_eq!(Standing::Welcome(Tier::Unknown).ceiling(&all, &strangers), strangers);
    assert!(Standing::Refused.ceiling(&all, &strangers).is_empty());
}

proptest::proptest! {
    #[test]
    fn a_rule_never_allows_another_host(host in "[a-z]{1,6}(\\.[a-z]{1,6}){1,3}", path in "[a-zA-Z0-9/%.]{0,12}") {
        let url = Url::parse(&format!("https://{host}/{path}")).unwrap();
        for (pattern, known) in [("ab.cd", "ab.cd"), ("ab.cd/x/*", "ab.cd")] {
            if Pattern::parse(pattern).unwrap().allows(&url) {
                proptest::prop_assert_eq!(url.host_str().unwrap(), known);
            }
        }
        if Pattern::parse("*.ab.cd").unwrap().allows(&url) {
            proptest::prop_assert!(host.ends_with(".ab.cd") && host.matches('.').count() == 2);
        }
    }
}
