//! Attacks on the MCP endpoint. Each test is named after its attack.

use axum::body::Body;
use http::Request;
use postern::clock::Time;
use postern::config::Algorithm;
use postern::oauth::claims::sign_access;
use postern::oauth::key::SigningKey;

use crate::support::mcp::{Answer, ERAS, Era, McpWorld, rpc};

async fn list(world: &McpWorld, token: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/mcp").header("authorization", format!("Bearer {token}"));
    for (name, value) in [("host", "localhost:8787"), ("content-type", "application/json")] {
        if !headers.iter().any(|(given, _)| *given == name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap()).await
}

/// A token that is perfectly good elsewhere: for another resource, from another issuer, signed with another's key,
/// or something else in the place of a token.
#[tokio::test]
async fn g01_a_token_for_somebody_else_opens_nothing() {
    let world = McpWorld::new().await;
    let good = world.claims("demo:read");
    assert_eq!(list(&world, &world.signed(&good), &[]).await.status, 200);
    for audience in [
        "http://localhost:8787",
        "http://localhost:8787/mcp/",
        "http://localhost:8787/MCP",
        "https://localhost:8787/mcp",
        "",
    ] {
        let mut claims = good.clone();
        claims.audience = audience.into();
        assert_eq!(list(&world, &world.signed(&claims), &[]).await.status, 401, "{audience}");
    }
    for issuer in ["http://localhost:8787/", "http://evil.example", ""] {
        let mut claims = good.clone();
        claims.issuer = issuer.into();
        assert_eq!(list(&world, &world.signed(&claims), &[]).await.status, 401, "{issuer}");
    }
    let pkcs8 = postern::secret::private_key(Algorithm::Es256);
    let stranger = SigningKey::from_pkcs8(&pkcs8, Algorithm::Es256, Time::from_seconds(0)).unwrap();
    for token in [sign_access(&good, &stranger).unwrap(), "por_refresh-token".into(), "sk-an-api-key".into()]
    {
        assert_eq!(list(&world, &token, &[]).await.status, 401, "{token}");
    }
    let unsigned = world.signed(&good).rsplit_once('.').unwrap().0.to_owned() + ".";
    assert_eq!(list(&world, &unsigned, &[]).await.status, 401);
}

/// A page, or a name that resolves to this machine, uses a browser to reach us.
#[tokio::test]
async fn g02_a_foreign_host_origin_or_simple_post_reaches_nothing() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for headers in [
        [("host", "evil.example"), ("origin", "http://evil.example")],
        [("host", "localhost:8787"), ("origin", "http://evil.example")],
        [("host", "localhost:8787"), ("origin", "null")],
        [("host", "localhost:8787"), ("origin", "http://localhost.evil.example:8787")],
        [("host", "evil.example:8787"), ("origin", "http://localhost:8787")],
        [("host", "localhost:8787@evil.example"), ("origin", "http://localhost:8787")],
    ] {
        let answer = list(&world, &token, &headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(
            headers[1].1.contains("localhost:8787")
                || answer.header("access-control-allow-origin").is_empty()
        );
        // Without a token it is no different: nothing is read across origins.
        let request = Request::options("/mcp").header("host", headers[0].1).header("origin", headers[1].1);
        assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 403, "{headers:?}");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
    ] {
        assert_eq!(list(&world, &token, &[("content-type", kind)]).await.status, 415, "{kind}");
    }
    // No header of a proxy changes what is ours (attack G05).
    let forwarded = [("host", "evil.example"), ("x-forwarded-host", "localhost:8787")];
    assert_eq!(list(&world, &token, &forwarded).await.status, 403);
    assert_eq!(list(&world, &token, &[("origin", "http://localhost:8787")]).await.status, 200);
}

/// Every path and method that leads to tools, with no token, a bad one, one without the scope, and the right one.
#[tokio::test]
async fn g06_no_older_path_or_method_skips_the_check() {
    let world = McpWorld::new().await;
    let mut table = String::new();
    for path in [
        "/mcp",
        "/mcp/",
        "/api/mcp-actions/v1",
        "/api/mcp-actions/v1/",
        "/mcp/sse",
        "/sse",
        "/mcp/message",
        "//mcp",
        "/mcp;x=y",
        "/MCP",
    ] {
        for method in ["POST", "GET", "DELETE", "HEAD", "PUT"] {
            let audience = format!("http://localhost:8787{}", path.trim_end_matches('/'));
            let mut row = Vec::new();
            for scope in [None, Some("bad"), Some("demo:read"), Some("demo:write")] {
                let mut claims = world.claims(scope.unwrap_or_default());
                claims.audience = audience.clone();
                let mut token = world.signed(&claims);
                if scope == Some("bad") {
                    token.push('x');
                }
                let mut request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("host", "localhost:8787")
                    .header("content-type", "application/json");
                if scope.is_some() {
                    request = request.header("authorization", format!("Bearer {token}"));
                }
                let body = Body::from(rpc("tools/call", r#""name":"demo_write-note""#));
                row.push(world.send(request.body(body).unwrap()).await.status.to_string());
            }
            table += &format!("{method:<6} {path:<22} {}\n", row.join(" "));
        }
    }
    let open: Vec<_> = table.lines().filter(|line| line.contains(" 200")).collect();
    assert_eq!(
        open,
        ["POST   /mcp                   401 401 403 200", "POST   /api/mcp-actions/v1    401 401 403 200"],
        "{table}"
    );
    for line in table.lines() {
        assert!(
            line.ends_with("401 401 403 200")
                || line.ends_with("401 401 405 405")
                || line.ends_with("404 404 404 404"),
            "{line}"
        );
    }
}

/// One rule answers the list and the call, and what is said about a refused tool is what a list of scopes says anyway.
#[tokio::test]
async fn h07_what_is_not_listed_is_not_called_and_the_other_way_round() {
    let world = McpWorld::new().await;
    let every = ["demo_echo", "demo_erase", "demo_fail", "demo_open", "demo_write-note"];
    for scopes in [
        "",
        "openid",
        "demo:read",
        "demo:write",
        "other:write",
        "demo:read other:write",
        "demo:write other:write",
    ] {
        let token = world.token(scopes);
        let listed = world.modern(&token, "tools/list", "").await.result();
        let listed: Vec<_> =
            listed["tools"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        for tool in every {
            for (era, form) in
                ERAS.into_iter().flat_map(|era| [(era, tool.to_owned()), (era, tool.replace('_', ":"))])
            {
                let answer = world.call(era, &token, &form, r#"{"text":"hi"}"#).await;
                let status = if listed.contains(&tool) { 200 } else { 403 };
                assert_eq!(answer.status, status, "{scopes:?} {era:?} {form}");
            }
        }
    }
}

/// The header says one tool, the body another: the one that is judged is the one that runs.
#[tokio::test]
async fn a_tool_named_twice_is_not_judged_as_one_and_run_as_the_other() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for params in [
        r#""name":"demo_echo","name":"demo_write-note""#,
        r#""name":"demo_open","n\u0061me":"demo_write-note""#,
    ] {
        assert_eq!(world.legacy(&token, "tools/call", params).await.code().0, 400, "{params}");
    }
    let headers =
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "demo_open")];
    let body = rpc("tools/call", &format!(r#""name":"demo_write-note",{}"#, crate::support::mcp::META));
    assert_eq!(world.post(&token, &headers, &body).await.code(), (400, -32020));
    assert_eq!(world.server.written.load(std::sync::atomic::Ordering::SeqCst), 0);
}

/// H09, from our side: no tool and no log behind the door can see the caller's token.
#[tokio::test]
async fn h09_a_tool_never_sees_the_callers_token() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for era in [Era::Modern, Era::Legacy] {
        let answer = world.call(era, &token, "demo_echo", r#"{"text":"hi"}"#).await;
        assert!(!answer.text.contains(&token[..40]), "{}", answer.text);
    }
}
