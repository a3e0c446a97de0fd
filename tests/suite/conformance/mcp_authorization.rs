//! MCP 2026-07-28, basic/authorization, as a resource server must obey it.

use axum::body::Body;
use http::Request;

use crate::support::mcp::{Answer, ERAS, McpWorld, later, rpc};

const CHALLENGE: &str = r#"Bearer resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource/mcp", scope="demo:read""#;

async fn send(world: &McpWorld, method: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri("/mcp").header("host", "localhost:8787");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// "MCP servers MUST use the HTTP header WWW-Authenticate when returning a 401 Unauthorized": whatever else is odd.
#[tokio::test]
async fn without_a_token_every_request_is_told_where_to_sign_in_and_nothing_of_an_error() {
    let world = McpWorld::new().await;
    let oddities: [&[(&str, &str)]; 8] = [
        &[],
        &[("accept", "text/html")],
        &[("mcp-protocol-version", "2024-11-05")],
        &[("mcp-protocol-version", "nonsense")],
        &[("content-type", "text/plain")],
        &[("authorization", "Bearer ")],
        &[("authorization", "Basic YTpi")],
        &[("sec-fetch-mode", "cors"), ("accept", "text/event-stream, application/json")],
    ];
    for method in ["POST", "GET", "DELETE", "PUT", "PATCH"] {
        for headers in oddities {
            let answer = send(&world, method, headers, &rpc("server/discover", "")).await;
            assert_eq!(answer.status, 401, "{method} {headers:?}");
            assert_eq!(answer.header("www-authenticate"), CHALLENGE, "{method} {headers:?}");
            assert!(answer.text.len() < 300 && answer.json()["error"] == "unauthorized", "{}", answer.text);
        }
    }
}

/// "Access tokens MUST NOT be included in the URI query string": one there is as good as none.
#[tokio::test]
async fn a_token_anywhere_but_in_the_authorization_header_does_not_count() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let uri = format!("/mcp?access_token={token}");
    let request =
        Request::post(uri).header("host", "localhost:8787").header("content-type", "application/json");
    let answer = world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap()).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, CHALLENGE));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = send(&world, "POST", &form, &format!("access_token={token}")).await;
    assert_eq!(answer.status, 401);
}

/// "Invalid or expired tokens MUST receive a HTTP 401 response."
#[tokio::test]
async fn a_token_that_is_not_good_gets_401_invalid_token_with_the_same_scope_as_ever() {
    let world = McpWorld::new().await;
    let good = world.token("demo:read");
    assert_eq!(world.legacy(&good, "tools/list", "").await.status, 200);
    later(&world, 899);
    assert_eq!(world.legacy(&good, "tools/list", "").await.status, 200, "good until its last second");
    later(&world, 1);
    let mut altered = world.token("demo:read").into_bytes();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    for (why, token) in [
        ("expired", good.clone()),
        ("altered", String::from_utf8(altered).unwrap()),
        ("nonsense", "nonsense".into()),
        ("dots", "a.b.c".into()),
        ("oversized", "x".repeat(20_000)),
    ] {
        let answer = world.legacy(&token, "tools/list", "").await;
        let challenge = answer.header("www-authenticate");
        assert_eq!(answer.status, 401, "{why}");
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\", error_description=\""),
            "{why} {challenge}"
        );
        assert!(challenge.ends_with(CHALLENGE.strip_prefix("Bearer ").unwrap()), "{why} {challenge}");
        assert_eq!(answer.json()["error"], "invalid_token");
        assert!(answer.text.len() < 400 && !answer.text.contains(&token), "{why} {}", answer.text);
    }
}

/// "authorization MUST be included in every HTTP request": a grant taken back ends at the next call, whatever was
/// cached; and a store that does not answer is no reason to send anyone to sign in again.
#[tokio::test]
async fn a_revoked_grant_is_refused_on_its_next_call() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    world.world.app.store.tell(postern::store::events::Event::Trusted);
    assert_eq!(world.legacy(&token, "tools/list", "").await.status, 200);
    world.server.revoked.lock().unwrap().push("g1".into());
    world.world.app.store.tell(postern::store::events::Event::GrantRevoked("g1".into()));
    let answer = world.legacy(&token, "tools/list", "").await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").contains("it was revoked"), "{}", answer.text);
}

#[tokio::test]
async fn a_store_that_does_not_answer_gives_503_and_never_401() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    world.server.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = world.legacy(&token, "tools/list", "").await;
    assert_eq!(
        (answer.status, answer.header("retry-after"), answer.header("www-authenticate")),
        (503, "2", "")
    );
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
}

/// "Servers SHOULD respond with HTTP 403 … error=insufficient_scope", naming what the operation needs; what is held
/// besides, since clients of 2025-11-25 ask for exactly what is named.
#[tokio::test]
async fn a_call_that_needs_a_scope_more_gets_403_naming_held_and_needed() {
    let world = McpWorld::new().await;
    let token = world.token("openid demo:read");
    for era in ERAS {
        let answer = world.call(era, &token, "demo_write-note", "{}").await;
        assert_eq!(answer.status, 403, "{era:?}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with(
                r#"Bearer error="insufficient_scope", scope="demo:read demo:write openid", resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource/mcp", error_description="#
            ),
            "{challenge}"
        );
        assert_eq!(answer.json()["error"], "insufficient_scope");
        let upgraded = world.token("openid demo:write");
        let answer = world.call(era, &upgraded, "demo_write-note", "{}").await;
        assert_eq!(answer.result()["isError"], false, "{era:?}");
    }
}

/// R36: a 403 that consent cannot mend makes clients register anew; so there is no other 403 for a token in order.
#[tokio::test]
async fn every_other_refusal_is_an_answer_and_not_a_status() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for era in ERAS {
        for how in ["not_found", "not_allowed", "invalid", "conflict", "fault", "panic"] {
            let answer = world.call(era, &token, "demo_fail", &format!(r#"{{"how":"{how}"}}"#)).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (200, ""), "{era:?} {how}");
        }
    }
}

/// "MCP servers MUST validate that access tokens were issued specifically for them": each endpoint is one resource,
/// and its challenge leads to its own metadata.
#[tokio::test]
async fn each_endpoint_takes_its_own_tokens_and_names_its_own_metadata() {
    let world = McpWorld::new().await;
    let post = |path: &'static str, token: String| {
        let request = Request::post(path)
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap())
    };
    let mut claims = world.claims("demo:read");
    let for_mcp = world.signed(&claims);
    claims.audience = "http://localhost:8787/api/mcp-actions/v1".into();
    let for_backstage = world.signed(&claims);
    for _ in 0..2 {
        assert_eq!(post("/mcp", for_mcp.clone()).await.status, 200);
        assert_eq!(post("/api/mcp-actions/v1", for_backstage.clone()).await.status, 200);
        assert_eq!(post("/mcp", for_backstage.clone()).await.status, 401);
        let answer = post("/api/mcp-actions/v1", for_mcp.clone()).await;
        assert_eq!(answer.status, 401);
        let metadata = r#"resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource/api/mcp-actions/v1""#;
        assert!(answer.header("www-authenticate").contains(metadata));
    }
    // R7, R8: another URL is another resource. It is not redirected to this one, and it says where this one is.
    for path in ["/mcp/", "/api/mcp-actions/v1/"] {
        let answer = post(path, for_mcp.clone()).await;
        assert_eq!(answer.status, 404);
        assert!(
            answer.text.contains("http://localhost:8787") && answer.text.contains("without a slash"),
            "{}",
            answer.text
        );
    }
}
