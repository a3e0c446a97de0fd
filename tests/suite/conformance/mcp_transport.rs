//! MCP, Streamable HTTP, both eras on one endpoint.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::support::mcp::{Answer, ERAS, Era, META, McpWorld, rpc};

const MODERN: &str = "2026-07-28";

async fn with_method(world: &McpWorld, method: &str, token: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri("/mcp")
        .header("host", "localhost:8787")
        .header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

/// The precedence that the official suite pins: headers, `_meta`, revision, method. The whole table is beside
/// `mcp::envelope`; these are its rows over HTTP.
#[tokio::test]
async fn a_modern_request_is_refused_in_the_pinned_order() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let list = |meta: &str| rpc("tools/list", meta);
    let unknown = META.replace(MODERN, "9999-01-01");
    let v = |value| ("mcp-protocol-version", value);
    let m = ("mcp-method", "tools/list");
    for (what, headers, body, expected) in [
        ("no _meta", vec![v(MODERN), m], list(""), (400, -32602)),
        ("header is not _meta", vec![v(MODERN), m], list(&unknown), (400, -32020)),
        ("no header", vec![m], list(META), (400, -32020)),
        ("no Mcp-Method", vec![v(MODERN)], list(META), (400, -32020)),
        ("unknown revision", vec![v("9999-01-01"), m], list(&unknown), (400, -32022)),
        ("unknown method", vec![v(MODERN), ("mcp-method", "no/such")], rpc("no/such", META), (404, -32601)),
        ("initialize", vec![v(MODERN), ("mcp-method", "initialize")], rpc("initialize", META), (404, -32601)),
        ("ping", vec![v(MODERN), ("mcp-method", "ping")], rpc("ping", META), (404, -32601)),
        (
            "setLevel",
            vec![v(MODERN), ("mcp-method", "logging/setLevel")],
            rpc("logging/setLevel", META),
            (404, -32601),
        ),
        (
            "subscribe",
            vec![v(MODERN), ("mcp-method", "resources/subscribe")],
            rpc("resources/subscribe", META),
            (404, -32601),
        ),
    ] {
        let answer = world.post(&token, &headers, &body).await;
        assert_eq!(answer.code(), expected, "{what}");
        assert_eq!(answer.json()["id"], 1, "{what}: ids are echoed");
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
    }
    let answer = world.post(&token, &[v("9999-01-01"), m], &list(&unknown)).await;
    let data = &answer.json()["error"]["data"];
    assert_eq!(data["requested"], "9999-01-01");
    let discovered = world.modern(&token, "server/discover", "").await.result();
    assert_eq!(data["supported"], discovered["supportedVersions"]);
}

/// What every caller is told that there is.
fn capabilities() -> serde_json::Value {
    let listed = json!({"listChanged": true});
    let resources = json!({"listChanged": true, "subscribe": true});
    json!({"tools": listed, "prompts": listed, "resources": resources, "completions": {}, "logging": {}})
}

#[tokio::test]
async fn discovery_tells_what_is_served_and_how_long_that_holds() {
    let world = McpWorld::new().await;
    let found = world.modern(&world.token(""), "server/discover", "").await.result();
    assert_eq!(found["supportedVersions"], json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]));
    assert_eq!(found["capabilities"], capabilities());
    assert_eq!((&found["resultType"], &found["cacheScope"]), (&json!("complete"), &json!("private")));
    assert!(found["ttlMs"].as_u64().is_some() && !found["instructions"].as_str().unwrap().is_empty());
    let info = &found["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!((&info["name"], &info["title"]), (&json!("postern"), &json!("Postern")));
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
}

/// "initialize WITHOUT modern _meta is legacy": the same revision where it is served, else the newest with a handshake.
#[tokio::test]
async fn initialize_negotiates_a_legacy_revision() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for (asked, answered) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let params = format!(
            r#""protocolVersion":"{asked}","capabilities":{{}},"clientInfo":{{"name":"t","version":"1"}}"#
        );
        // R43: the same id again, as VS Code sends it after signing in.
        for _ in 0..2 {
            let answer = world.legacy(&token, "initialize", &params).await;
            let result = answer.result();
            assert_eq!(result["protocolVersion"], answered, "{asked}");
            assert_eq!(
                (&result["serverInfo"]["name"], &result["capabilities"]),
                (&json!("postern"), &capabilities())
            );
            assert!(result.get("resultType").is_none());
        }
    }
}

/// R37, R38: no revision header, any order, and no session where none is asked for.
#[tokio::test]
async fn legacy_requests_need_no_handshake_no_header_and_no_session() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for headers in [vec![], vec![("mcp-protocol-version", "2025-03-26")]] {
        let answer = world.post(&token, &headers, &rpc("tools/list", "")).await;
        let result = answer.result();
        assert!(result.get("resultType").is_none(), "{headers:?}: {result}");
        assert!(!result["tools"].as_array().unwrap().is_empty());
        assert_eq!(world.post(&token, &headers, &rpc("ping", "")).await.result(), json!({}));
    }
    let answer = world.legacy(&token, "no/such", "").await;
    assert_eq!(answer.code(), (200, -32601));
}

#[tokio::test]
async fn notifications_and_responses_are_taken_with_202_and_nothing_to_read() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        let answer = world.post(&token, &[], body).await;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{body}");
    }
    let modern = [("mcp-protocol-version", MODERN)];
    let answer = world.post(&token, &modern, r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#).await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn what_is_not_one_request_is_refused_in_words() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for (body, expected) in [
        ("", (400, -32700)),
        ("{\"jsonrpc\"", (400, -32700)),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"initialize"}]"#, (400, -32600)),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, (400, -32600)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, (400, -32602)),
    ] {
        assert_eq!(world.post(&token, &[], body).await.code(), expected, "{body}");
    }
    for (body, expected) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, (200, -32602)),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"demo_echo","arguments":[]}}"#,
            (200, -32602),
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#, (200, -32602)),
    ] {
        assert_eq!(world.post(&token, &[], body).await.code(), expected, "{body}");
    }
}

/// R39, R40: without a session there is no stream to open and nothing to end.
#[tokio::test]
async fn get_and_delete_are_405_without_a_session_and_say_why() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for method in ["GET", "DELETE", "PUT"] {
        for headers in [vec![], vec![("accept", "text/event-stream")], vec![("last-event-id", "1")]] {
            let answer = with_method(&world, method, &token, &headers).await;
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, "POST, OPTIONS"),
                "{method} {headers:?}"
            );
            assert_eq!(answer.json()["error"], "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn whoever_takes_json_is_answered_and_nobody_is_left_with_an_empty_body() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for (accept, status) in [
        ("text/event-stream, application/json", 200),
        ("application/json", 200),
        ("*/*", 200),
        ("text/event-stream", 406),
        ("text/html", 406),
    ] {
        let request = Request::post("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json; charset=utf-8")
            .header("accept", accept)
            .header("authorization", format!("Bearer {token}"));
        let answer = world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap()).await;
        assert_eq!(answer.status, status, "{accept}");
        answer.json();
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_read_to_its_end() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let long = "x".repeat(postern::limits::MCP_BODY_BYTES_MAX);
    let answer = world.post(&token, &[], &rpc("tools/call", &format!(r#""name":"{long}""#))).await;
    assert_eq!((answer.status, answer.json()["error"].as_str().unwrap()), (413, "invalid_request"));
}

/// A page of an allowed origin can find the authorization server and call; the preflight needs no token.
#[tokio::test]
async fn a_client_in_a_browser_on_this_machine_can_read_the_challenge() {
    let world = McpWorld::new().await;
    let origin = "http://localhost:6274";
    let request = Request::options("/mcp")
        .header("host", "localhost:8787")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,mcp-param-region,x-evil");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, origin));
    assert!(answer.header("access-control-allow-methods").contains("DELETE"));
    let allowed = answer.header("access-control-allow-headers");
    for name in [
        "authorization",
        "content-type",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-param-region",
        "mcp-session-id",
        "last-event-id",
    ] {
        assert!(allowed.contains(name), "{name}: {allowed}");
    }
    assert!(!allowed.contains("x-evil") && answer.header("access-control-allow-credentials").is_empty());
    for (token, status) in [(String::new(), 401), (world.token("demo:read"), 200)] {
        let answer = world.post(&token, &[("origin", origin)], &rpc("tools/list", "")).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, origin));
        assert!(answer.header("access-control-expose-headers").contains("WWW-Authenticate"));
        assert_eq!(answer.header("vary"), "Origin");
    }
}

#[tokio::test]
async fn every_modern_result_says_that_it_is_complete_and_by_whom() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for answer in [
        world.modern(&token, "server/discover", "").await,
        world.modern(&token, "tools/list", "").await,
        world.call(Era::Modern, &token, "demo_open", "{}").await,
        world.call(Era::Modern, &token, "demo_fail", "{}").await,
    ] {
        let result = answer.result();
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "postern", "{result}");
    }
    for era in ERAS {
        assert_eq!(
            world.call(era, &token, "demo_open", "{}").await.header("content-type"),
            "application/json"
        );
    }
}
