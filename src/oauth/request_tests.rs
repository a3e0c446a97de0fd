use super::*;
use crate::clock::Time;
use crate::oauth::client::{AuthMethod, ClientKind, Metadata};

fn client(redirect_uris: &[&str]) -> Client {
    Client {
        id: "c1".into(),
        kind: ClientKind::SelfRegistered,
        name: "C".into(),
        metadata: Metadata::plain(
            redirect_uris.iter().map(|&uri| uri.to_owned()).collect(),
            vec![GrantType::AuthorizationCode],
            AuthMethod::None,
        ),
        secret_digest: None,
        document_hash: None,
        registered_at: Time::from_seconds(0),
        suspended_at: None,
        revoked_at: None,
    }
}

const CALLBACK: &str = "https://app.example/cb";
const GOOD: [(&str, &str); 12] = [
    ("response_type", "code"),
    ("client_id", "c1"),
    ("redirect_uri", CALLBACK),
    ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    ("code_challenge_method", "S256"),
    ("resource", "https://mcp.example/mcp"),
    ("scope", "catalog:read"),
    ("state", "xyz"),
    ("nonce", "n"),
    ("prompt", "consent"),
    ("max_age", "60"),
    ("login_hint", "dana@acme.dev"),
];

fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

fn check_as(client: &Client, parameters: &[(&str, &str)]) -> Result<AuthorizationRequest, Stop> {
    let resource = |path: &str| Resource {
        identifier: format!("https://mcp.example{path}"),
        path: path.into(),
        title: path.into(),
        scopes: "catalog:read catalog:write openid".parse().unwrap(),
        baseline: "catalog:read".parse().unwrap(),
    };
    let resources = Resources::new(vec![resource("/mcp"), resource("/mcp/two")]);
    let offer = Offer { resources: &resources };
    let raw = RawRequest::parse(&query(parameters)).map_err(Stop::Show)?;
    raw.client_id().map_err(Stop::Show)?;
    raw.check(client, offer)
}

fn check(parameters: &[(&str, &str)]) -> Result<AuthorizationRequest, Stop> {
    check_as(&client(&[CALLBACK, "https://app.example/other"]), parameters)
}

fn with(changed: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<_> =
        GOOD.into_iter().filter(|(name, _)| !changed.iter().any(|(c, _)| c == name)).collect();
    all.extend_from_slice(changed);
    all
}

/// What came of it, in a word.
fn outcome(result: Result<AuthorizationRequest, Stop>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Stop::Show(_)) => "page",
        Err(Stop::Bounce(bounce)) => {
            assert_eq!(bounce.to.as_str(), CALLBACK);
            assert!(bounce.description.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\'));
            bounce.error.as_str()
        }
    }
}

#[test]
fn each_parameter_removed_doubled_emptied_or_oversized_does_what_it_should() {
    let long = "x".repeat(limits::STATE_BYTES_MAX + 1);
    let mut table = String::new();
    for (index, (name, value)) in GOOD.into_iter().enumerate() {
        let removed: Vec<_> = GOOD.into_iter().filter(|(other, _)| *other != name).collect();
        let (mut doubled, mut emptied, mut oversized) = (GOOD.to_vec(), GOOD.to_vec(), GOOD.to_vec());
        doubled.push((name, value));
        emptied[index].1 = "";
        oversized[index].1 = &long;
        let row = [removed, doubled, emptied, oversized].map(|all| outcome(check(&all)));
        table.push_str(&format!("{name}: {}\n", row.join(", ")));
    }
    // Removed, doubled, emptied, oversized.
    let expected = "\
response_type: invalid_request, invalid_request, invalid_request, invalid_request
client_id: page, page, page, invalid_request
redirect_uri: page, page, page, page
code_challenge: invalid_request, invalid_request, invalid_request, invalid_request
code_challenge_method: invalid_request, invalid_request, invalid_request, invalid_request
resource: ok, ok, ok, invalid_target
scope: ok, invalid_request, ok, invalid_request
state: ok, invalid_request, ok, invalid_request
nonce: ok, invalid_request, ok, invalid_request
prompt: ok, invalid_request, ok, invalid_request
max_age: ok, invalid_request, ok, invalid_request
login_hint: ok, invalid_request, ok, invalid_request
";
    assert_eq!(table, expected);
}

#[test]
fn what_is_not_supported_is_refused_with_its_own_error() {
    let table = [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("response_mode", "form_post", "invalid_request"),
        ("response_mode", "query", "ok"),
        ("request", "eyJ", "request_not_supported"),
        ("request_uri", "https://evil.example/r", "request_uri_not_supported"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "invalid_request"),
        ("resource", "https://other.example/mcp", "invalid_target"),
        ("resource", "https://mcp.example/mcp#f", "invalid_target"),
        ("resource", "not a url", "invalid_target"),
        ("resource", "HTTPS://MCP.example:443/mcp", "ok"),
        ("scope", "unheard:of", "invalid_scope"),
        ("scope", "unheard:of catalog:read", "ok"),
        ("scope", "a\"b", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "none", "ok"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("unknown", "ignored", "ok"),
        ("state", "line\nbreak", "invalid_request"),
    ];
    for (name, value, expected) in table {
        assert_eq!(outcome(check(&with(&[(name, value)]))), expected, "{name}={value}");
    }
}

#[test]
fn nothing_asked_for_is_the_baseline_and_what_is_unknown_is_dropped() {
    let without: Vec<_> = GOOD.into_iter().filter(|(name, _)| *name != "scope").collect();
    assert_eq!(check(&without).unwrap().scope.to_string(), "catalog:read");
    let asked = check(&with(&[("scope", "openid catalog:write files:read")])).unwrap();
    assert_eq!(asked.scope.to_string(), "catalog:write openid");
}

#[test]
fn one_resource_named_twice_is_one_and_two_are_too_many() {
    let mut twice = with(&[("resource", "https://mcp.example/mcp/two")]);
    twice.push(("resource", "https://mcp.example/mcp/two"));
    assert_eq!(check(&twice).unwrap().resource, "https://mcp.example/mcp/two");
    twice.push(("resource", "https://mcp.example/mcp"));
    assert_eq!(outcome(check(&twice)), "invalid_target");
}

#[test]
fn a_repeated_state_is_not_echoed() {
    let mut twice = GOOD.to_vec();
    twice.push(("state", "other"));
    let Err(Stop::Bounce(bounce)) = check(&twice) else { panic!("not sent back") };
    assert_eq!(
        bounce.url("https://mcp.example"),
        format!(
            "{CALLBACK}?error=invalid_request&error_description=a+parameter+is+given+more+than+once&iss=https%3A%2F%2Fmcp.example"
        )
    );
}

#[test]
fn the_one_registered_redirect_is_meant_where_none_is_named() {
    let without: Vec<_> = GOOD.into_iter().filter(|(name, _)| *name != "redirect_uri").collect();
    assert_eq!(check_as(&client(&[CALLBACK]), &without).unwrap().redirect_uri, CALLBACK);
}

#[test]
fn a_state_comes_back_byte_for_byte() {
    let url = format!(
        "vscode://dynamicauthprovider/h/authorize?nonce=1&redirect=https%253A%252F%252Fx%253Fa%3Db%26c&pad={}",
        "é/+=".repeat(400)
    );
    for state in ["q1b+/c==", " spaced ", "%00%0a", url.as_str()] {
        let mut parameters = GOOD.to_vec();
        parameters[7].1 = state;
        let request = check(&parameters).unwrap();
        let to = client(&[CALLBACK]).redirect(CALLBACK).unwrap();
        let sent = answer(&to, &[("state", request.state.as_deref().unwrap())]);
        let back = url::Url::parse(&sent).unwrap().query_pairs().next().unwrap().1.into_owned();
        assert_eq!(back, state);
    }
}

#[test]
fn an_answer_keeps_the_query_that_is_there() {
    for (uri, expected) in [
        ("https://a.example/", "https://a.example/?code=c"),
        ("https://a.example/?x=1", "https://a.example/?x=1&code=c"),
        ("https://a.example/?", "https://a.example/?code=c"),
        ("https://a.example/?x=1&", "https://a.example/?x=1&code=c"),
        ("com.example.app:/done", "com.example.app:/done?code=c"),
    ] {
        let to = client(&[uri]).redirect(uri).unwrap();
        assert_eq!(answer(&to, &[("code", "c")]), expected);
    }
}

#[test]
fn a_request_survives_its_storage() {
    let request = check(&GOOD).unwrap();
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&text).unwrap(), request);
}

#[test]
fn a_flood_of_parameters_is_not_read() {
    let text = "a=b&".repeat(limits::AUTHORIZE_BYTES_MAX / 4 + 1);
    assert_eq!(RawRequest::parse(&text), Err(Show::TooLong));
}

proptest::proptest! {
    #[test]
    fn whatever_comes_is_a_request_or_a_stop(text in "\\PC{0,200}") {
        if let Ok(raw) = RawRequest::parse(&text) {
            let _ = raw.check(&client(&[CALLBACK]), Offer { resources: &Resources::default() });
        }
    }
}
