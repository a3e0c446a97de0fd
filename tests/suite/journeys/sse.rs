//! A client of the transport of 2024-11-05, where the switch is on: from the first refusal to the answer of a tool.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::events::{Events, initialize};
use crate::support::mcp::{Answer, rpc};
use crate::support::people::PASSWORD;
use crate::support::registration::{good, register};
use crate::support::token::{VERIFIER, post};

const HERE: &str = "http://localhost:8787/sse";

fn request(method: &str, uri: &str, token: &str, body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri).header("host", "localhost:8787");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap()
}

/// Sends over one stream: posts `body`, and gives what the stream says then.
async fn say(world: &World, stream: &mut Events, (uri, token): (&str, &str), body: &str) -> Value {
    let taken = Answer::of(world.send(request("POST", uri, token, body)).await).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    stream.expect().await.json()
}

on_both_engines! {
    async fn a_client_of_the_old_transport_signs_in_calls_and_refreshes(world) {
        let world = world.restarted(&[("mcp.sse", "true")]).await;
        world.user("dana@acme.dev", PASSWORD).await;
        let refused = Answer::of(world.send(request("GET", "/sse", "", "")).await).await;
        assert_eq!(refused.status, 401);
        let place = refused.header("www-authenticate").split("resource_metadata=\"").nth(1).unwrap();
        let place = place.split('"').next().unwrap().strip_prefix("http://localhost:8787").unwrap().to_owned();
        let metadata = Answer::of(world.get(&place).await).await.json();
        assert_eq!((&metadata["resource"], &metadata["authorization_servers"][0]), (&json!(HERE), &json!("http://localhost:8787")));
        let scope = metadata["scopes_supported"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect::<Vec<_>>().join(" ");
        let id = register(&world, &good()).await.text("client_id");
        let client = postern::store::clients::find(&world.app.store, &id).await.unwrap().unwrap();
        let asked = [("resource", HERE), ("scope", scope.as_str())];
        let code = Browser::default().connect(&world, &client, &asked).await.parameter("code").unwrap();
        let fields = [("client_id", id.as_str()), ("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER),
            ("redirect_uri", "http://127.0.0.1:33418/"), ("resource", HERE)];
        let first = post(&world, "/token", &fields).await;
        assert_eq!(first.status, 200, "{first:?}");
        let refreshing = [("client_id", id.as_str()), ("grant_type", "refresh_token"), ("refresh_token", &first.text("refresh_token"))];
        let second = post(&world, "/token", &refreshing).await;
        for token in [first.text("access_token"), second.text("access_token")] {
            let mut stream = Events::open(&world.router, request("GET", "/sse", &token, "")).await;
            let uri = stream.expect().await.data;
            let at = (uri.as_str(), token.as_str());
            let begun = say(&world, &mut stream, at, &initialize("2024-11-05")).await;
            assert_eq!(begun["result"]["protocolVersion"], "2024-11-05");
            let tools = say(&world, &mut stream, at, &rpc("tools/list", "")).await;
            assert!(tools["result"]["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "catalog_query-catalog-entities"), "{tools}");
            let call = rpc("tools/call", r#""name":"catalog_query-catalog-entities","arguments":{"limit":1}"#);
            let answer = say(&world, &mut stream, at, &call).await;
            assert!(answer["result"]["content"][0]["text"].is_string() && answer["result"]["isError"] != true, "{answer}");
            // Its token opens this and nothing else.
            let elsewhere = Answer::of(world.send(request("POST", "/mcp", &token, &rpc("tools/list", ""))).await).await;
            assert_eq!(elsewhere.status, 401);
        }
    }

    async fn an_id_is_free_again_as_soon_as_its_answer_is_heard(world) {
        let world = world.restarted(&[("mcp.sse", "true")]).await;
        let token = crate::support::mcp::granted_at(&world.app, "sse", "openid catalog:read", HERE).await;
        let mut stream = Events::open(&world.router, request("GET", "/sse", &token, "")).await;
        let uri = stream.expect().await.data;
        for _ in 0..500 {
            let answer = say(&world, &mut stream, (&uri, &token), &rpc("ping", "")).await;
            assert!(answer["result"].is_object(), "{answer}");
        }
    }
}
