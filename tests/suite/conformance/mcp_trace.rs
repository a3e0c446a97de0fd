//! MCP 2026-07-28, trace context; MCP 2025-11-25, icons and polling.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::events::Legacy;
use crate::support::mcp::{Answer, McpWorld, granted, rpc};
use crate::support::modern::{able, ask, request};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Log lines of one test.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn taken(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

/// "traceparent in _meta", and the header of HTTP: what is logged of a request names its caller's trace.
#[tokio::test]
async fn a_line_about_a_request_names_the_trace_of_its_caller() {
    let lines = Lines::default();
    let filter = tracing_subscriber::EnvFilter::new("postern=debug");
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let trace = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let call = json!({"name": "demo_fail", "arguments": {}});
    let fails = async |meta: Value, header: &str| {
        let mut request = request(&token, "tools/call", call.clone(), &able(), &meta);
        if !header.is_empty() {
            request.headers_mut().insert("traceparent", header.parse().unwrap());
        }
        lines.taken();
        assert_eq!(world.send(request).await.result()["isError"], true);
        lines.taken()
    };
    let line =
        |lines: &str| lines.lines().find(|line| line.contains("a tool call failed")).unwrap().to_owned();
    let meta = line(
        &fails(json!({"traceparent": trace, "tracestate": "a=b", "baggage": "secret-in-baggage"}), "").await,
    );
    assert!(
        meta.contains(&format!("trace_id={TRACE}")) && meta.contains("parent_id=00f067aa0ba902b7"),
        "{meta}"
    );
    assert!(!meta.contains("baggage"), "{meta}");
    let header = line(&fails(json!({}), &trace).await);
    assert!(header.contains(TRACE), "{header}");
    // What is no trace is written nowhere, and is no reason to refuse.
    for odd in [json!("00-<script>-x-01"), json!(7), json!(trace.to_uppercase())] {
        let lines = fails(json!({"traceparent": odd}), "").await;
        assert!(!lines.contains("trace_id") && !lines.contains("script"), "{lines}");
    }
    let mut plain = String::new();
    // Tests beside this one bring and drop subscribers of their own; while they do, a line of this level may be missed.
    for _ in 0..100 {
        plain = fails(json!({}), "").await;
        if plain.contains("an MCP request") {
            break;
        }
    }
    assert!(plain.contains("an MCP request") && !plain.contains("trace_id"), "{plain}");
    // Legacy, by the header.
    lines.taken();
    world
        .post(&token, &[("traceparent", &trace)], &rpc("tools/call", r#""name":"demo_fail","arguments":{}"#))
        .await;
    assert!(line(&lines.taken()).contains(TRACE));
}

fn icons(listed: &Answer) -> Vec<Option<String>> {
    let tools = listed.result()["tools"].as_array().unwrap().clone();
    assert!(!tools.is_empty());
    tools.iter().map(|tool| tool["icons"][0]["src"].as_str().map(str::to_owned)).collect()
}

on_both_engines! {
    /// "icons: https or data: only", and only from the revision on that has them.
    async fn tools_have_icons_where_the_revision_knows_them(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let modern = icons(&ask(&world.router, &token, "tools/list", json!({})).await);
        assert!(modern.iter().all(|src| src.as_ref().is_some_and(|src| src.starts_with("data:image/svg+xml;base64,"))), "{modern:?}");
        for (revision, knows) in [("2025-11-25", true), ("2025-06-18", false), ("2025-03-26", false)] {
            let client = Legacy::connect(&world.router, &token, revision).await;
            assert!(icons(&client.ask("tools/list", "").await).iter().all(|src| src.is_some() == knows), "{revision}");
            // A client that forgets to say its revision has agreed on one before.
            let mut silent = client;
            silent.headers.retain(|(name, _)| *name == "mcp-session-id");
            assert!(icons(&silent.ask("tools/list", "").await).iter().all(|src| src.is_some() == knows), "{revision}, silent");
        }
        let nobody = crate::support::mcp::list(&world, &token).await;
        assert!(icons(&nobody).iter().all(Option::is_none));
    }

    /// SEP-1699: "the server MAY close the connection … clients SHOULD attempt to poll"; the answer comes then.
    async fn a_client_that_is_let_go_in_the_middle_comes_back_for_the_answer(world) {
        let world = world.restarted(&[("conformance", "true")]).await;
        let token = granted(&world.app, "ada", "openid").await;
        let client = Legacy::connect(&world.router, &token, "2025-11-25").await;
        let mut events = client.stream(7, "test_reconnection", "{}").await;
        let primed = events.expect().await;
        assert!(!primed.id.is_empty() && primed.data.is_empty() && !primed.retry.is_empty(), "{primed:?}");
        let mut last = primed.id;
        while let Some(event) = events.next().await {
            assert_eq!(event.method(), "notifications/message", "no answer before the cut");
            last = event.id;
        }
        let answer = client.get(&last).await.expect().await.json();
        assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!(7), &json!("The client came back.")));
    }
}
