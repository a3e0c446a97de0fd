//! MCP 2024-11-05, HTTP with server-sent events, where it is switched on.

use axum::body::Body;
use http::Request;
use postern::mcp::changes::{Change, What};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::events::{Events, initialize};
use crate::support::mcp::{Answer, McpWorld, later, rpc};

async fn served() -> McpWorld {
    McpWorld::with(|state| {
        state.servers[0].paths.push("/sse".into());
        state.conformance = true;
    })
    .await
}

fn token(world: &McpWorld, scope: &str, who: &str) -> String {
    let mut claims = world.claims(scope);
    claims.audience = "http://localhost:8787/sse".into();
    claims.subject = who.into();
    world.signed(&claims)
}

fn request(method: &str, token: &str, uri: &str, body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri).header("host", "localhost:8787");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap()
}

async fn post(world: &McpWorld, token: &str, uri: &str, body: &str) -> Answer {
    world.send(request("POST", token, uri, body)).await
}

/// "the server MUST send an endpoint event", to which every message is POSTed; "messages are sent as SSE message events".
#[tokio::test]
async fn a_stream_says_where_to_post_and_carries_every_answer() {
    let world = served().await;
    let token = token(&world, "demo:read", "ada");
    let mut stream = Events::open(&world.router, request("GET", &token, "/sse", "")).await;
    let first = stream.expect().await;
    assert_eq!(first.kind, "endpoint");
    let uri = first.data;
    assert!(uri.starts_with("/sse?session="), "{uri}");
    for (asked, answered) in
        [("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("1999-01-01", "2024-11-05")]
    {
        let taken = post(&world, &token, &uri, &initialize(asked)).await;
        assert_eq!((taken.status, taken.text.as_str()), (202, ""));
        let answer = stream.expect().await;
        assert_eq!(answer.json()["result"]["protocolVersion"], answered);
        assert_eq!((answer.kind.as_str(), answer.id.as_str()), ("", ""));
    }
    post(&world, &token, &uri, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    for method in ["tools/list", "ping", "no/such"] {
        assert_eq!(post(&world, &token, &uri, &rpc(method, "")).await.status, 202);
        let answer = stream.expect().await.json();
        assert_eq!((answer["id"].as_u64(), answer.get("error").is_some()), (Some(1), method == "no/such"));
    }
    world.world.app.store.tell(Change::of(What::Tools).event());
    assert_eq!(stream.expect().await.method(), "notifications/tools/list_changed");
    // A tool that asks its client, here over the one stream there is.
    let call = rpc("tools/call", r#""name":"test_elicitation","arguments":{"message":"Who?"}"#);
    post(&world, &token, &uri, &call).await;
    let question: Value = stream.expect().await.json();
    assert_eq!(question["method"], "elicitation/create");
    let result = json!({"action": "decline"});
    let reply = json!({"jsonrpc": "2.0", "id": question["id"], "result": result}).to_string();
    assert_eq!(post(&world, &token, &uri, &reply).await.status, 202);
    assert!(stream.expect().await.data.contains("decline"));
    drop(stream);
    assert_eq!(post(&world, &token, &uri, &rpc("ping", "")).await.status, 404, "it ended with its stream");
}

/// G06: the old door asks for what the new one asks for.
#[tokio::test]
async fn attack_g06_the_old_transport_has_the_same_guard() {
    let world = served().await;
    let good = token(&world, "demo:read", "ada");
    let mut stream = Events::open(&world.router, request("GET", &good, "/sse", "")).await;
    let uri = stream.expect().await.data;
    let mut expired = world.claims("demo:read");
    (expired.audience, expired.expires_at) = ("http://localhost:8787/sse".into(), world.world.clock.now());
    let write = rpc("tools/call", r#""name":"demo_write-note""#);
    for (what, token, get, message) in [
        ("no token", String::new(), 401, 401),
        ("another audience", world.token("demo:read"), 401, 401),
        ("expired", world.signed(&expired), 401, 401),
        ("another user", token(&world, "demo:read demo:write", "eve"), 200, 404),
        ("no scope", good.clone(), 200, 403),
    ] {
        let response =
            tower::ServiceExt::oneshot(world.router.clone(), request("GET", &token, "/sse", "")).await;
        assert_eq!(response.unwrap().status(), get, "{what}");
        assert_eq!(post(&world, &token, &uri, &write).await.status, message, "{what}");
    }
    let mut foreign = request("GET", &good, "/sse", "");
    foreign.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    assert_eq!(world.send(foreign).await.status, 403);
    let mut simple = request("POST", &good, &uri, &write);
    simple.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(world.send(simple).await.status, 415);
    // A newer client that tries the newer transport here is sent to GET.
    assert_eq!(post(&world, &good, "/sse", &initialize("2025-11-25")).await.status, 405);
    assert!(stream.is_silent().await, "nothing of all that ran");
    later(&world, 1);
    world.world.app.store.tell(postern::store::events::Event::GrantRevoked("g1".into()));
    assert!(stream.next().await.is_none(), "it ends with the grant");
}

/// It is off unless asked for; on, it is a resource of its own, since clients compare with the URL that they called.
#[tokio::test]
async fn the_switch_decides_whether_there_is_an_old_transport() {
    let metadata = "/.well-known/oauth-protected-resource/sse";
    let off = World::sqlite().await;
    assert_eq!(off.send(request("GET", "", "/sse", "")).await.status(), 404);
    assert_eq!(off.send(request("GET", "", metadata, "")).await.status(), 404);
    let on = World::with(None, &[("mcp.sse", "true")]).await;
    let refused = on.send(request("GET", "", "/sse", "")).await;
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(refused.status() == 401 && challenge.contains(metadata), "{challenge}");
    let found = crate::support::world::json(on.send(request("GET", "", metadata, "")).await).await;
    assert_eq!(found["resource"], "http://localhost:8787/sse");
}
