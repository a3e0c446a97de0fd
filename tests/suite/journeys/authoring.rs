//! A tool that somebody adds in Rust is one like the others: named, filtered, scoped, guarded and audited.

use axum::body::Body;
use http::Request;
use postern::actions::{Action, ActionError, Plugin, turn::Turn};
use postern::app::{App, StartError};
use postern::clock::Clock;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::mcp::{Answer, granted_at, rpc};
use crate::support::world::{self, NOON};
use crate::support::{World, people::PASSWORD};

#[path = "../../../examples/authoring.rs"]
#[allow(dead_code, missing_docs, reason = "its main is for a terminal")]
mod example;

const TIDES: (&str, &str) =
    ("mcp.servers", r#"{"tides": {"title": "Tides", "include": "tides:*"}, "calm": {"exclude": "tides:*"}}"#);

async fn world_with(plugin: Plugin) -> Result<World, StartError> {
    let dir = tempfile::tempdir().unwrap();
    let config = world::config_with(dir.path(), None, &[TIDES]);
    let clock = Clock::fixed(NOON);
    let (app, _writer) = App::open_with(config, clock.clone(), plugin).await?;
    Ok(World { router: postern::ops::serve::router(&app).unwrap(), app, clock, dir })
}

async fn ask(world: &World, path: &str, token: &str, method: &str, params: &str) -> Answer {
    let request = Request::post(path)
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"));
    Answer::of(world.send(request.body(Body::from(rpc(method, params))).unwrap()).await).await
}

async fn token(world: &World, name: &str, scope: &str, path: &str) -> String {
    granted_at(&world.app, name, scope, &world.app.config.public_url.at(path)).await
}

fn call(arguments: Value) -> String {
    format!(r#""name":"tides_get-tide","arguments":{arguments}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_listed_and_called_like_any_other_and_its_mistakes_are_told_to_the_model() {
    let world = world_with(example::plugin()).await.unwrap();
    let token = token(&world, "ada", "tides:read", "/mcp/tides").await;
    let listed = ask(&world, "/mcp/tides", &token, "tools/list", "").await.result();
    let tool = &listed["tools"][0];
    assert_eq!(listed["tools"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(
        (&tool["name"], &tool["annotations"]["readOnlyHint"]),
        (&json!("tides_get-tide"), &json!(true))
    );
    let input = &tool["inputSchema"];
    assert_eq!((&input["additionalProperties"], &input["required"]), (&json!(false), &json!(["harbour"])));
    assert_eq!(input["properties"]["harbour"]["description"], "Name of the harbour, such as Quayside.");
    let good = ask(&world, "/mcp/tides", &token, "tools/call", &call(json!({"harbour": "Longsands"})))
        .await
        .result();
    assert_eq!(good["structuredContent"], json!({"metres": 4.1}));
    for (arguments, says) in [
        (json!({"harbour": "Atlantis"}), "NotFoundError: no harbour Atlantis"),
        (json!({"harbor": "Longsands"}), "harbor"),
        (json!({"harbour": 5}), "harbour"),
    ] {
        let failed = ask(&world, "/mcp/tides", &token, "tools/call", &call(arguments)).await.failure();
        assert!(failed.contains(says), "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_it_is_scoped_and_filtered_like_any_other() {
    let world = world_with(example::plugin()).await.unwrap();
    let poor = token(&world, "bob", "catalog:read", "/mcp").await;
    let answer = ask(&world, "/mcp", &poor, "tools/call", &call(json!({"harbour": "Longsands"}))).await;
    assert_eq!(answer.status, 403);
    assert!(answer.header("www-authenticate").contains("tides:read"));
    let calm = token(&world, "cora", "tides:read", "/mcp/calm").await;
    let hidden = ask(&world, "/mcp/calm", &calm, "tools/call", &call(json!({"harbour": "Longsands"}))).await;
    assert!(hidden.json()["error"].is_object(), "{}", hidden.text);
    let elsewhere = ask(&world, "/mcp/tides", &calm, "tools/list", "").await;
    assert_eq!(elsewhere.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_scope_has_its_own_sentence_on_the_consent_page_and_none_stops_the_start() {
    let world = world_with(example::plugin()).await.unwrap();
    let client = world.dana_and_client().await;
    let mut browser = Browser::default();
    let asked = [("resource", "http://localhost:8787/mcp/tides"), ("scope", "tides:read")];
    let page = browser.authorize(&world, &client, &asked).await;
    let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
    assert!(page.asks() && page.text.contains("Look up the tides of our harbours"), "{}", page.text);
    let silent = Plugin { scopes: Vec::new(), ..example::plugin() };
    let why = world_with(silent).await.err().unwrap().to_string();
    assert!(why.contains("tides:read"), "{why}");
    // A sentence of the house is the house's.
    let lying =
        Plugin { scopes: vec![("catalog:read".into(), "Nothing at all".into())], ..Plugin::default() };
    let world = world_with(lying).await.unwrap();
    assert_ne!(postern::access::scopes::told(&world.app.actions, "catalog:read"), Some("Nothing at all"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_that_says_nothing_may_delete_and_two_of_one_name_stop_the_start() {
    async fn nothing(_: Turn, (): ()) -> Result<(), ActionError> {
        Ok(())
    }
    let action =
        || Action::typed("catalog:query-catalog-entities", "Mine", "Another one of the same name.", nothing);
    assert_eq!(action().effect, postern::actions::Effect::Delete);
    let plugin = Plugin { actions: vec![action()], ..Plugin::default() };
    assert!(world_with(plugin).await.err().unwrap().to_string().contains("catalog:query-catalog-entities"));
}
