//! A session outlives the node it began on: after a restart, and while nodes take turns.

use std::time::{Duration, Instant};

use axum::Router;
use postern::app::App;
use postern::mcp::{self, McpState};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::World;
use crate::support::events::{Events, Legacy};
use crate::support::mcp::granted;

/// One node over the shared store, with the tools that ask.
struct Node {
    router: Router,
    stop: CancellationToken,
}

impl Node {
    fn start(app: &App) -> Self {
        let mut state = McpState::of(app);
        state.conformance = true;
        let router = mcp::routes(state).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(app.store.clone().listen(app.config.clone(), app.clock.clone(), stop.clone()));
        Self { router, stop }
    }

    async fn another(world: &World) -> (Self, App) {
        let (app, _writer) = App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
        (Self::start(&app), app)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn answer_to(question: &Value) -> String {
    let result = json!({"action": "accept", "content": {"username": "ada", "email": "ada@example.com"}});
    json!({"jsonrpc": "2.0", "id": question["id"], "result": result}).to_string()
}

/// The question of a call that was just made, and the id of the event before it.
async fn question(stream: &mut Events) -> (String, Value) {
    let first = stream.expect().await;
    assert_eq!(first.data, "");
    (first.id, stream.expect().await.json())
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < Duration::from_secs(10), "it never came to pass");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const WHO: &str = r#"{"message":"Who?"}"#;

on_both_engines! {
    async fn a_session_survives_a_restart_with_all_it_asked_for(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let before = Node::start(&world.app);
        let client = Legacy::connect(&before.router, &token, "2025-11-25").await;
        client.ask("logging/setLevel", r#""level":"error""#).await.result();
        client.ask("resources/subscribe", r#""uri":"test://watched-resource""#).await.result();
        drop(before);
        let (after, app) = Node::another(&world).await;
        let client = client.at(&after.router);
        assert!(!client.ask("tools/list", "").await.result()["tools"].as_array().unwrap().is_empty());
        // What it logs is below the level that was asked for before.
        let logged = client.ask("tools/call", r#""name":"test_tool_with_logging""#).await;
        assert_eq!(logged.header("content-type"), "application/json", "{}", logged.text);
        let mut stream = client.get("").await;
        stream.expect().await;
        let changed = mcp::changes::Change::of(mcp::changes::What::Resource("test://watched-resource".into()));
        mcp::changes::tell(&app.store, &changed, app.clock.now()).await.unwrap();
        assert_eq!(stream.expect().await.json()["params"]["uri"], "test://watched-resource");
    }

    async fn nodes_take_turns_in_one_session_and_all_know_when_it_ends(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let here = Node::start(&world.app);
        let (there, _app) = Node::another(&world).await;
        let client = Legacy::connect(&here.router, &token, "2025-06-18").await;
        let elsewhere = client.at(&there.router);
        for _ in 0..2 {
            for client in [&client, &elsewhere] {
                assert_eq!(client.ask("ping", "").await.result(), json!({}));
            }
        }
        let mut stream = elsewhere.get("").await;
        assert_eq!(client.delete().await.status, 204);
        assert_eq!(client.ask("ping", "").await.status, 404);
        until(async || elsewhere.ask("ping", "").await.status == 404).await;
        assert!(stream.next().await.is_none());
    }

    async fn a_change_on_one_node_is_told_on_the_streams_of_another(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let _here = Node::start(&world.app);
        let (there, _app) = Node::another(&world).await;
        let client = Legacy::connect(&there.router, &token, "2025-11-25").await;
        let mut stream = client.get("").await;
        stream.expect().await;
        // Until the other node listens, nobody can reach it.
        let change = mcp::changes::Change::of(mcp::changes::What::Tools);
        until(async || {
            mcp::changes::tell(&world.app.store, &change, world.clock.now()).await.unwrap();
            !stream.is_silent().await
        }).await;
    }

    async fn an_answer_finds_the_node_that_asked(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let here = Node::start(&world.app);
        let (there, _app) = Node::another(&world).await;
        let client = Legacy::connect(&here.router, &token, "2025-11-25").await;
        let mut stream = client.stream(7, "test_elicitation", WHO).await;
        let (_, question) = question(&mut stream).await;
        assert_eq!(client.at(&there.router).post(&answer_to(&question)).await.status, 202);
        let answer = stream.expect().await.json();
        assert_eq!(answer["id"], 7, "{answer}");
        assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("accept"), "{answer}");
        // What lay in the database in between was sealed, and is gone.
        let left: i64 = sqlx::query_scalar("select count(*) from mcp_questions where answer is not null")
            .fetch_one(world.app.store.read()).await.unwrap();
        assert_eq!(left, 0);
    }

    async fn a_call_that_was_cut_off_is_finished_on_another_node(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let here = Node::start(&world.app);
        let (there, _app) = Node::another(&world).await;
        let client = Legacy::connect(&here.router, &token, "2025-11-25").await;
        let elsewhere = client.at(&there.router);
        let mut stream = client.stream(7, "test_elicitation", WHO).await;
        let (first, asked) = question(&mut stream).await;
        drop(stream);
        // The other node has the question, and hears of the answer while it goes on reading.
        until(async || elsewhere.get(&first).await.expect().await.data.contains("elicitation/create")).await;
        let mut back = elsewhere.get(&first).await;
        assert_eq!(back.expect().await.json(), asked);
        elsewhere.post(&answer_to(&asked)).await;
        let answer = back.expect().await;
        assert_eq!(answer.json()["id"], 7);
        assert!(back.next().await.is_none());
        // Nothing that was said is legible in the database.
        let bodies: Vec<Option<String>> = sqlx::query_scalar("select body from mcp_events")
            .fetch_all(world.app.store.read()).await.unwrap();
        assert_eq!(bodies.iter().flatten().count(), 2);
        assert!(bodies.iter().flatten().all(|body| !body.contains("Who")), "{bodies:?}");
        assert!(bodies.iter().any(Option::is_none), "its end is written down too");
    }

    async fn a_request_is_taken_back_on_whichever_node_it_runs(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let here = Node::start(&world.app);
        let (there, _app) = Node::another(&world).await;
        let client = Legacy::connect(&here.router, &token, "2025-11-25").await;
        let mut stream = client.stream(7, "test_elicitation", WHO).await;
        question(&mut stream).await;
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
        let elsewhere = client.at(&there.router);
        until(async || {
            assert_eq!(elsewhere.post(&cancel.to_string()).await.status, 202);
            !stream.is_silent().await
        }).await;
        assert!(stream.next().await.is_none());
    }
}
