//! MCP, server/tools: what is listed, what a call answers, and which failure is whose.

use std::sync::atomic::Ordering;

use postern::config::ToolNames;
use serde_json::json;

use crate::support::mcp::{ERAS, Era, McpWorld};

#[tokio::test]
async fn a_tool_is_listed_with_all_that_a_client_shows_and_checks() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let first = world.modern(&token, "tools/list", "").await.result();
    assert_eq!((&first["cacheScope"], first["ttlMs"].as_u64().is_some()), (&json!("private"), true));
    let echo = first["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "demo_echo").unwrap();
    assert_eq!(echo["title"], "Title of demo:echo");
    assert_eq!(echo["description"], "What demo:echo does.");
    assert_eq!(echo["inputSchema"]["required"], json!(["text"]));
    assert_eq!(echo["outputSchema"]["type"], "object");
    assert_eq!(
        echo["annotations"],
        json!({"title": "Title of demo:echo", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false})
    );
    for _ in 0..3 {
        assert_eq!(world.modern(&token, "tools/list", "").await.result(), first, "the order never changes");
    }
    let answer = world.modern(&token, "tools/list", r#""cursor":"from-elsewhere""#).await;
    assert_eq!(answer.code(), (200, -32602));
}

#[tokio::test]
async fn names_fit_every_client_by_default_and_every_form_is_called() {
    for (style, name) in
        [(ToolNames::Safe, "demo_echo"), (ToolNames::Dotted, "demo.echo"), (ToolNames::Id, "demo:echo")]
    {
        let world = McpWorld::with(|state| state.tool_names = style).await;
        let token = world.token("demo:read");
        let listed = world.legacy(&token, "tools/list", "").await.result();
        assert!(listed["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == name), "{listed}");
        for era in ERAS {
            for form in ["demo_echo", "demo.echo", "demo:echo", "demo:say"] {
                let result = world.call(era, &token, form, r#"{"text":"hi"}"#).await.result();
                assert_eq!(result["structuredContent"]["said"]["text"], "hi", "{era:?} {form}");
            }
        }
    }
}

#[tokio::test]
async fn an_outcome_is_structured_and_repeated_as_text() {
    let world = McpWorld::new().await;
    for era in ERAS {
        let result =
            world.call(era, &world.token("demo:read"), "demo_echo", r#"{"text":"hi"}"#).await.result();
        let expected = json!({"said": {"text": "hi"}, "by": "ada@example.com", "through": "client-1"});
        assert_eq!(result["structuredContent"], expected);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), expected);
        assert_eq!((&result["isError"], &result["content"][0]["type"]), (&json!(false), &json!("text")));
    }
}

/// A read is answered without `rmcp` where it looks as usual, and through it where it does not: nobody can tell.
#[tokio::test]
async fn the_straight_way_and_the_sdks_give_the_same_answer() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for era in ERAS {
        for params in [
            r#""name":"demo_echo","arguments":{"text":"hi","limit":"3"}"#,
            r#""name":"demo_echo","arguments":{"text":""}"#,
            r#""name":"demo_open""#,
            r#""name":"demo_open","arguments":null"#,
            r#""name":"demo_fail","arguments":{"how":"conflict"}"#,
        ] {
            let send = async |params: &str| match era {
                Era::Modern => world.modern(&token, "tools/call", params).await,
                Era::Legacy => world.legacy(&token, "tools/call", params).await,
            };
            let (straight, through) =
                (send(params).await, send(&format!(r#"{params},"inputResponses":{{}}"#)).await);
            assert_eq!(straight.json(), through.json(), "{era:?} {params}");
            assert_eq!(
                (straight.status, straight.header("content-type")),
                (through.status, "application/json")
            );
        }
    }
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_and_bad_arguments_are_an_answer() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for era in ERAS {
        let answer = world.call(era, &token, "demo_nothing", "{}").await;
        assert_eq!(answer.code(), (200, -32602), "{era:?}");
        assert!(answer.text.contains("Unknown tool: demo_nothing"));
        let text = world.call(era, &token, "demo_echo", r#"{"limit":-1,"txet":"hi"}"#).await.failure();
        assert!(text.starts_with("InputError: Invalid input to action \"demo:echo\": "), "{text}");
        for reason in
            ["\"text\" is a required property", "'txet' was unexpected", "limit: -1 is less than or equal to"]
        {
            assert!(text.contains(reason), "{reason}: {text}");
        }
    }
}

#[tokio::test]
async fn a_number_sent_as_text_is_taken_and_arguments_may_be_left_out() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for era in ERAS {
        let result = world.call(era, &token, "demo_echo", r#"{"text":"20","limit":"20"}"#).await.result();
        assert_eq!(result["structuredContent"]["said"], json!({"text": "20", "limit": 20}));
    }
    assert_eq!(world.legacy(&token, "tools/call", r#""name":"demo_open""#).await.result()["isError"], false);
    assert_eq!(world.modern(&token, "tools/call", r#""name":"demo_open""#).await.result()["isError"], false);
}

#[tokio::test]
async fn a_refusal_by_a_tool_is_told_in_backstages_words() {
    let world = McpWorld::new().await;
    for era in ERAS {
        for (how, text) in [
            ("not_found", "NotFoundError: no such thing"),
            ("not_allowed", "NotAllowedError: not yours"),
            ("invalid", "InputError: not that way"),
            ("conflict", "ConflictError: already there"),
        ] {
            let answer =
                world.call(era, &world.token(""), "demo_fail", &format!(r#"{{"how":"{how}"}}"#)).await;
            assert_eq!(answer.failure(), text, "{era:?}");
        }
    }
}

#[tokio::test]
async fn a_fault_says_a_request_id_and_nothing_else() {
    let world = McpWorld::new().await;
    for era in ERAS {
        for how in ["fault", "panic"] {
            let text = world
                .call(era, &world.token(""), "demo_fail", &format!(r#"{{"how":"{how}"}}"#))
                .await
                .failure();
            assert!(!text.contains("secret"), "{text}");
            let id = text.split_whitespace().last().unwrap().trim_end_matches('.');
            assert_eq!((id.len(), id.matches('-').count()), (36, 4), "{text}");
        }
    }
}

#[tokio::test]
async fn a_call_with_an_effect_is_on_record_before_it_runs_and_after() {
    let world = McpWorld::new().await;
    let token = world.token("demo:write");
    world.call(Era::Modern, &token, "demo_write-note", "{}").await.result();
    assert_eq!(world.server.written.load(Ordering::SeqCst), 1);
    let rows = audit_rows(&world).await;
    assert_eq!(rows, ["begun", "ok"]);
}

async fn audit_rows(world: &McpWorld) -> Vec<String> {
    // The row after is queued, not awaited.
    for _ in 0..100 {
        let rows: Vec<(String,)> =
            sqlx::query_as("select outcome from audit where event = 'tool.call' order by sequence")
                .fetch_all(world.world.app.store.read())
                .await
                .unwrap();
        if rows.len() >= 2 {
            return rows.into_iter().map(|row| row.0).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no second row");
}

#[tokio::test]
async fn without_an_audit_log_nothing_is_changed_and_reading_goes_on() {
    let world = McpWorld::new().await;
    let token = world.token("demo:write");
    sqlx::query("drop table audit").execute(world.world.app.store.write()).await.unwrap();
    let text = world.call(Era::Modern, &token, "demo_write-note", "{}").await.failure();
    assert!(text.starts_with("InternalError: "), "{text}");
    assert_eq!(world.server.written.load(Ordering::SeqCst), 0);
    let result = world.call(Era::Modern, &token, "demo_echo", r#"{"text":"hi"}"#).await.result();
    assert_eq!(result["isError"], false);
}
