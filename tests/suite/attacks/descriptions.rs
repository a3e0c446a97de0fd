//! What is said of an error: printable, without anything that could end a header or a sentence (RFC 6749 section 5.2),
//! and never readable by a page where only a person may look.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::token::{SECRET, post_as, seed};

const HOSTILE: [&str; 12] = [
    "\"",
    "\\",
    "é",
    "“x”",
    "a\u{202e}b",
    "a\"b\\c",
    "日本",
    "%22%0d%0aX: y",
    "\u{7f}",
    "💥",
    "<script>alert(1)</script>",
    "x\", error=\"none",
];

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn judge(what: &str, json: &Value) {
    if let Some(described) = json["error_description"].as_str() {
        assert!(is_plain(described) && !described.is_empty(), "{what}: {described:?}");
    }
    assert!(json["error"].as_str().is_none_or(is_plain), "{what}: {json}");
}

on_both_engines! {
    async fn every_description_of_an_error_is_printable_whatever_was_sent(world) {
        seed(&world).await;
        let (basic, mut seen) = (format!("rs:{SECRET}"), 0);
        let names = ["grant_type", "client_id", "code", "code_verifier", "redirect_uri", "refresh_token", "scope", "resource", "token", "assertion",
            "device_code", "subject_token", "subject_token_type", "client_assertion", "client_assertion_type", "audience", "response_type", "request_uri"];
        for hostile in HOSTILE {
            for path in ["/token", "/revoke", "/introspect", "/par", "/device_authorization"] {
                for name in names {
                    for basic in [None, Some(basic.as_str())] {
                        for grant in ["authorization_code", "refresh_token", "client_credentials"] {
                            let mut fields = vec![("client_id", "app"), ("grant_type", grant), ("token", "x"), ("code", "poc_x"), ("refresh_token", "por_x")];
                            fields.retain(|(known, _)| *known != name);
                            fields.push((name, hostile));
                            let answer = post_as(&world, path, &fields, basic).await;
                            assert!(answer.status < 500, "{path} {name} {hostile:?}: {answer:?}");
                            judge(&format!("{path} {name} {hostile:?}"), &answer.json);
                            seen += usize::from(answer.json["error_description"].is_string());
                            if path != "/token" {
                                break;
                            }
                        }
                    }
                }
            }
            for name in ["client_name", "redirect_uris", "scope", "grant_types", "logo_uri", "token_endpoint_auth_method", "jwks_uri"] {
                let mut body = json!({"redirect_uris": ["http://127.0.0.1/"]});
                body[name] = if name == "redirect_uris" || name == "grant_types" { json!([hostile]) } else { json!(hostile) };
                let answer = world.post_json("/register", &body.to_string()).await;
                assert!(answer.status().as_u16() < 500);
                judge(&format!("/register {name}"), &crate::support::world::json(answer).await);
            }
        }
        assert!(seen > 1_000, "only {seen} were judged");
    }

    async fn what_goes_into_a_header_or_to_a_program_is_printable_too(world) {
        let client = world.dana_and_client().await;
        for hostile in HOSTILE {
            for name in ["scope", "resource", "prompt", "response_type", "code_challenge", "max_age", "claims", "request"] {
                let page = Browser::default().authorize(&world, &client, &[(name, hostile)]).await;
                if page.at.starts_with("http://127.0.0.1") {
                    let described = page.parameter("error_description").unwrap_or_default();
                    assert!(is_plain(&described), "{name} {hostile:?}: {described:?}");
                }
            }
            let query: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
            for path in [format!("/authorize?client_id={query}"), format!("/{query}"), format!("/device?user_code={query}")] {
                let request = Request::get(&path).header("host", "localhost:8787").header("accept", "application/json");
                let answer = world.send(request.body(Body::empty()).unwrap()).await;
                let text = crate::support::world::text(answer).await;
                judge(&path, &serde_json::from_str(&text).unwrap_or_default());
            }
            let Ok(bearer) = http::HeaderValue::from_bytes(format!("Bearer {hostile}").as_bytes()) else { continue };
            for path in ["/mcp", "/userinfo"] {
                let request = Request::post(path).header("host", "localhost:8787").header("authorization", bearer.clone());
                let answer = world.send(request.body(Body::empty()).unwrap()).await;
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} {hostile:?}");
                let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
                assert!(challenge.starts_with("Bearer ") && challenge.matches('"').count() % 2 == 0 && !challenge.contains('\\'), "{challenge}");
                assert!(challenge.matches("error=").count() <= 1, "{challenge}");
            }
        }
    }

    async fn a_page_of_another_origin_may_read_machines_answers_and_never_a_page(world) {
        let machines = [("POST", "/token", true), ("POST", "/revoke", true), ("POST", "/register", true), ("GET", "/userinfo", true), ("GET", "/jwks.json", true),
            ("GET", "/.well-known/oauth-authorization-server", true), ("POST", "/introspect", false)];
        let pages = ["/authorize", "/authorize?client_id=x", "/login", "/account", "/admin", "/device", "/consent/x", "/logout", "/nowhere"];
        let all = machines.into_iter().chain(pages.map(|path| ("GET", path, false)));
        for (method, path, open) in all {
            for preflight in [false, true] {
                let mut request = Request::builder().method(if preflight { "OPTIONS" } else { method }).uri(path)
                    .header("host", "localhost:8787").header("origin", "https://evil.example");
                if preflight {
                    request = request.header("access-control-request-method", method);
                }
                let answer = world.send(request.body(Body::empty()).unwrap()).await;
                assert_eq!(answer.headers().contains_key("access-control-allow-origin"), open, "{method} {path}");
                // Nothing is ever answered with this browser's cookies to another origin.
                assert!(!answer.headers().contains_key("access-control-allow-credentials"), "{path}");
            }
        }
    }
}
