//! Attacks on the doors of sessions and streams. Each test is named after its attack.

use axum::body::Body;
use http::Request;
use postern::store::events::Event;
use serde_json::json;
use tower::ServiceExt as _;

use crate::support::events::{Legacy, initialize};
use crate::support::mcp::{META, McpWorld, later, rpc};

/// Every way in: its name, its request without a token, and what a right token is answered. `session` is a live one.
fn doors(session: &str) -> Vec<(&'static str, Request<Body>, u16)> {
    let request = |method: &str, headers: &[(&str, &str)], body: String| {
        let mut request = Request::builder().method(method).uri("/mcp").header("host", "localhost:8787");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.header("content-type", "application/json").body(Body::from(body)).unwrap()
    };
    let modern = |method, body: &str| {
        let headers =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", "demo_write-note")];
        request("POST", &headers, rpc(method, body))
    };
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned();
    let response = r#"{"jsonrpc":"2.0","id":"q","result":{}}"#.to_owned();
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#.to_owned();
    let call = || rpc("tools/call", r#""name":"demo_write-note""#);
    let mine = [("mcp-session-id", session)];
    let mine_old = [("mcp-session-id", session), ("last-event-id", "rxyz.0")];
    vec![
        ("initialize", request("POST", &[], initialize("2025-06-18")), 200),
        ("a legacy call", request("POST", &[], call()), 200),
        ("a call in a session", request("POST", &mine, call()), 200),
        ("a notification", request("POST", &[], note.clone()), 202),
        ("a notification in a session", request("POST", &mine, note), 202),
        ("an answer in a session", request("POST", &mine, response), 202),
        ("a batch", request("POST", &[], batch), 200),
        ("a modern call", modern("tools/call", &format!(r#""name":"demo_write-note",{META}"#)), 200),
        ("discovery", modern("server/discover", META), 200),
        ("a listen", modern("subscriptions/listen", &format!(r#""notifications":{{}},{META}"#)), 200),
        ("a stream", request("GET", &mine, String::new()), 200),
        ("a stream again", request("GET", &mine_old, String::new()), 200),
        ("a stream without a session", request("GET", &[], String::new()), 405),
        ("the end of a session", request("DELETE", &mine, String::new()), 204),
        ("another method", request("PUT", &mine, String::new()), 405),
    ]
}

/// G06: an older door, or one that is used less, checks less. Each door of the transport is tried with no token, with
/// one for another audience, an expired one, one whose grant was taken back, one that lacks a scope, and a right one.
#[tokio::test]
async fn attack_g06_every_door_of_the_transport_asks_for_the_same_token() {
    let world = McpWorld::new().await;
    let mut claims = world.claims("demo:read demo:write");
    let right = world.signed(&claims);
    claims.audience = "http://localhost:8787/api/mcp-actions/v1".into();
    let elsewhere = world.signed(&claims);
    claims.audience = world.resource();
    claims.expires_at = world.world.clock.now().plus_seconds(-1);
    let expired = world.signed(&claims);
    let mut claims = world.claims("demo:read demo:write");
    claims.grant_id = "taken-back".into();
    world.server.revoked.lock().unwrap().push("taken-back".into());
    let revoked = world.signed(&claims);
    let narrow = world.token("demo:read");
    for index in 0..doors("").len() {
        for (what, token, status) in [
            ("no token", "", 401),
            ("another audience", &*elsewhere, 401),
            ("expired", &expired, 401),
            ("taken back", &revoked, 401),
            ("no scope", &narrow, 403),
            ("right", &right, 0),
        ] {
            let client = Legacy::connect(&world.router, &right, "2025-03-26").await;
            let (door, mut request, good) = doors(&client.headers[0].1).swap_remove(index);
            if !token.is_empty() {
                request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            }
            let expected = match status {
                0 => good,
                403 if !door.contains("call") => good,
                status => status,
            };
            let response = world.router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), expected, "{door}, {what}");
            let challenged = response.headers().contains_key("www-authenticate");
            assert_eq!(challenged, matches!(expected, 401 | 403), "{door}, {what}");
        }
    }
}

/// Session hijacking (MCP security best practices): whoever learns a session's id has nothing without its caller's
/// token, and learns nothing from trying.
#[tokio::test]
async fn attack_g06_a_session_opens_for_its_own_caller_only() {
    let world = McpWorld::with(|state| state.conformance = true).await;
    let owner = Legacy::connect(&world.router, &world.token("demo:read"), "2025-11-25").await;
    let mut call = owner.stream(7, "test_elicitation", r#"{"message":"Who?"}"#).await;
    let first = call.expect().await.id;
    let question = call.expect().await.json();
    let claims = world.claims("demo:read");
    for what in ["another user", "another client", "another resource"] {
        let mut claims = claims.clone();
        let mut path = "/mcp";
        match what {
            "another user" => claims.subject = "eve".into(),
            "another client" => claims.client_id = "eves-client".into(),
            _ => {
                claims.audience = "http://localhost:8787/api/mcp-actions/v1".into();
                path = "/api/mcp-actions/v1";
            }
        }
        let eve = owner.with_token(&world.signed(&claims));
        let answer =
            json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}}).to_string();
        let cancel =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
        for (method, more, body) in [
            ("POST", "", rpc("tools/list", "")),
            ("POST", "", answer),
            ("POST", "", cancel.to_string()),
            ("GET", "", String::new()),
            ("GET", first.as_str(), String::new()),
            ("DELETE", "", String::new()),
        ] {
            let more: &[(&str, &str)] = if more.is_empty() { &[] } else { &[("last-event-id", more)] };
            let mut request = eve.request(method, more, &body);
            *request.uri_mut() = path.parse().unwrap();
            let answer = eve.send(request).await;
            assert_eq!(answer.code(), (404, -32001), "{what}: {method} {body}");
            assert!(!answer.text.contains("Who?"));
        }
    }
    assert!(call.is_silent().await, "the owner's call still waits");
    assert_eq!(owner.with_token("").ask("ping", "").await.status, 401);
    assert_eq!(owner.ask("ping", "").await.result(), json!({}));
    // A step-up makes another grant: the same user and client go on, as no client of today would connect anew.
    let mut stepped = claims.clone();
    stepped.grant_id = "g2".into();
    assert_eq!(owner.with_token(&world.signed(&stepped)).ask("ping", "").await.result(), json!({}));
}

/// A stream that was opened with a good token outlives what the token stood for.
#[tokio::test]
async fn attack_g06_a_stream_ends_with_the_grant_behind_it() {
    let world = McpWorld::with(|state| state.conformance = true).await;
    let client = Legacy::connect(&world.router, &world.token("demo:read"), "2025-11-25").await;
    let mut own = client.get("").await;
    let mut call = client.stream(7, "test_elicitation", r#"{"message":"Who?"}"#).await;
    let first = call.expect().await.id;
    (own.expect().await, call.expect().await);
    let mut resumed = client.get(&first).await;
    resumed.expect().await;
    assert!(call.next().await.is_none(), "another connection took over");
    // R39: that the token expires is no end, while its grant lives.
    later(&world, 1_000);
    world.world.app.store.tell(Event::GrantRevoked("another".into()));
    assert!(own.is_silent().await && resumed.is_silent().await);
    world.world.app.store.tell(Event::GrantRevoked("g1".into()));
    assert!(own.next().await.is_none() && resumed.next().await.is_none());
}

/// What a client says of itself, and what it asks to follow, is bounded before it is kept.
#[tokio::test]
async fn attack_i01_a_session_keeps_no_more_than_it_may() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let long = "x".repeat(postern::limits::MCP_CLIENT_BYTES_MAX);
    let body = initialize("2025-06-18").replace("\"name\":\"test\"", &format!("\"name\":\"{long}\""));
    let refused = world.post(&token, &[], &body).await;
    assert_eq!((refused.code().1, refused.header("mcp-session-id")), (-32602, ""));
    let client = Legacy::connect(&world.router, &token, "2025-06-18").await;
    for n in 0..postern::limits::MCP_SUBSCRIPTIONS_MAX {
        client.ask("resources/subscribe", &format!("\"uri\":\"test://{n}\"")).await.result();
    }
    assert_eq!(client.ask("resources/subscribe", "\"uri\":\"test://more\"").await.code().1, -32602);
}
