//! MCP 2025-03-26: batches; and how many sessions there are, and for how long.

use postern::limits;
use serde_json::json;

use crate::support::events::{Legacy, initialize};
use crate::support::mcp::{McpWorld, later};

async fn connected(revision: &str) -> (McpWorld, Legacy) {
    let world = McpWorld::new().await;
    let client = Legacy::connect(&world.router, &world.token("demo:read demo:write"), revision).await;
    (world, client)
}

/// "accept JSON-RPC arrays (2025-03-26 only)".
#[tokio::test]
async fn a_batch_is_for_the_one_revision_that_has_them() {
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let ping = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"demo_echo","arguments":{"text":"hi"}}}"#;
    let write = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"demo_write-note"}}"#;
    let (world, client) = connected("2025-03-26").await;
    let answers = client.post(&format!("[{note},{ping},{call},{write}]")).await.json();
    let ids: Vec<_> = answers.as_array().unwrap().iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(ids, [json!("p"), json!(2), json!(3)]);
    assert_eq!(answers[1]["result"]["structuredContent"]["said"]["text"], "hi");
    assert_eq!(answers[2]["result"]["structuredContent"], json!({"written": 1}));
    assert_eq!(client.post(&format!("[{note}]")).await.status, 202);
    let bad = client.post(&format!("[{ping},{{\"jsonrpc\":\"2.0\",\"id\":9}},7]")).await.json();
    assert_eq!((&bad[0]["result"], bad.as_array().unwrap().len()), (&json!({}), 2), "{bad}");
    let many = vec![ping; limits::MCP_BATCH_MAX + 1].join(",");
    for body in ["[]".to_owned(), format!("[{many}]"), format!("[{}]", initialize("2025-03-26"))] {
        assert_eq!(client.post(&body).await.code(), (400, -32600), "{body:.60}");
    }
    // One scope is lacking: nothing was done.
    let narrow = Legacy::connect(&world.router, &world.token("demo:read"), "2025-03-26").await;
    let refused = narrow.post(&format!("[{write},{ping},{write}]")).await;
    assert!(refused.header("www-authenticate").contains("insufficient_scope"));
    let wide = client.with_token(&client.token);
    let written = wide.post(&format!("[{write}]")).await.json();
    assert_eq!(written[0]["result"]["structuredContent"], json!({"written": 2}));
    for revision in ["2025-06-18", "2025-11-25"] {
        let newer = Legacy::connect(&world.router, &client.token, revision).await;
        assert_eq!(newer.post(&format!("[{ping}]")).await.code(), (400, -32600), "{revision}");
    }
}

/// A session that nobody uses ends, and so does the oldest of too many.
#[tokio::test]
async fn sessions_are_counted_and_end_when_nobody_uses_them() {
    let (world, first) = connected("2025-11-25").await;
    let mut latest = None;
    for _ in 0..limits::MCP_SESSIONS_PER_CALLER_MAX {
        later(&world, 1);
        latest = Some(Legacy::connect(&world.router, &first.token, "2025-11-25").await);
    }
    let mut used = latest.unwrap();
    assert_eq!((first.ask("ping", "").await.status, used.ask("ping", "").await.status), (404, 200));
    let mut days = |count: i64| {
        later(&world, count * 86_400);
        used.token = world.token("demo:read");
        used.at(&used.router)
    };
    // The use is written down by a task of its own, and the clock of this test jumps.
    for _ in 0..3 {
        let client = days(10);
        while client.ask("ping", "").await.status != 200 {}
        let seen = "select count(*) from mcp_sessions where seen_at >= $1";
        let now = world.world.clock.now().micros();
        while sqlx::query_scalar::<_, i64>(seen)
            .bind(now)
            .fetch_one(world.world.app.store.read())
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(days(15).ask("ping", "").await.status, 404);
    postern::ops::sweep::once(&world.world.app).await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from mcp_sessions")
        .fetch_one(world.world.app.store.read())
        .await
        .unwrap();
    assert_eq!(left, 0);
}
