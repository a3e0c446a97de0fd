//! The whole server: a newcomer is sent to sign in, and whoever has a grant lists and calls.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::mcp::{Answer, ERAS, Era, META, granted, rpc};

async fn post(world: &World, token: &str, body: String) -> Answer {
    post_with(world, token, &[], body).await
}

/// A call in either era.
async fn call(world: &World, era: Era, token: &str, tool: &str, arguments: &str) -> Answer {
    let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
    match era {
        Era::Legacy => post(world, token, rpc("tools/call", &params)).await,
        Era::Modern => {
            let headers =
                [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
            post_with(world, token, &headers, rpc("tools/call", &format!("{params},{META}"))).await
        }
    }
}

async fn post_with(world: &World, token: &str, headers: &[(&str, &str)], body: String) -> Answer {
    let mut request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(world.send(request.body(Body::from(body)).unwrap()).await).await
}

on_both_engines! {
    async fn a_newcomer_follows_the_challenge_to_metadata_of_the_url_they_called(world) {
        let answer = Answer::of(world.get("/mcp").await).await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate");
        let metadata = challenge.split('"').nth(1).unwrap();
        let path = metadata.strip_prefix("http://localhost:8787").unwrap();
        let document = Answer::of(world.get(path).await).await.json();
        assert_eq!(document["resource"], "http://localhost:8787/mcp");
        assert_eq!(document["authorization_servers"], json!(["http://localhost:8787"]));
        // What is asked for is what the metadata lists.
        let listed = document["scopes_supported"].as_array().cloned().unwrap_or_default();
        let listed = listed.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
        let asked = challenge.split("scope=\"").nth(1).map_or("", |rest| rest.split('"').next().unwrap());
        assert_eq!(asked, listed);
    }

    async fn every_tool_that_is_listed_answers_and_fits_what_it_declares(world) {
        let scopes = world.app.scopes.to_string();
        let token = granted(&world.app, "ada", &scopes).await;
        let tools = post(&world, &token, rpc("tools/list", "")).await.result();
        let names: Vec<_> = tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
        let ids: Vec<_> = world.app.actions.all().iter().map(|a| json!(a.id.replace(':', "_"))).collect();
        assert_eq!(names, ids);
        for tool in tools["tools"].as_array().unwrap() {
            let params = format!(r#""name":{},"arguments":{{}}"#, tool["name"]);
            let result = post(&world, &token, rpc("tools/call", &params)).await.result();
            if result["isError"] == false {
                let output = jsonschema::validator_for(&tool["outputSchema"]).unwrap();
                let structured = &result["structuredContent"];
                output.validate(structured).unwrap_or_else(|e| panic!("{}: {e}: {structured}", tool["name"]));
            } else {
                let text = result["content"][0]["text"].as_str().unwrap();
                assert!(text.contains("Error: ") && !text.starts_with("InternalError"), "{text}");
            }
        }
    }

    async fn the_catalog_is_asked_in_both_eras_under_every_name(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        for era in ERAS {
            for name in ["catalog_query-catalog-entities", "catalog.query-catalog-entities", "catalog:query-catalog-entities", "catalog:query"] {
                let arguments = r#"{"query":{"kind":"Component"},"limit":"2"}"#;
                let found = call(&world, era, &token, name, arguments).await.result()["structuredContent"].take();
                assert_eq!(found["items"].as_array().map(Vec::len), Some(2), "{era:?} {name} {found}");
                assert!(found["totalItems"].as_u64() > Some(2) && found["hasMoreEntities"] == true, "{found}");
            }
            let text = call(&world, era, &token, "catalog_get-catalog-entity", r#"{"name":"no-such"}"#).await.failure();
            assert!(text.contains("no-such") && text.contains("Error: "), "{text}");
            let text = call(&world, era, &token, "catalog_get-catalog-entity", r#"{"nmae":"x"}"#).await.failure();
            assert!(text.starts_with("InputError: ") && text.contains("nmae"), "{text}");
        }
    }
}
