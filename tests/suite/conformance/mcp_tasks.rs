//! MCP, the extension io.modelcontextprotocol/tasks (SEP-2663).

use serde_json::{Value, json};

use crate::support::mcp::{Answer, McpWorld, later, rpc};

const DECLARED: &str = r#"{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

async fn ask(world: &McpWorld, token: &str, method: &str, params: &str, can: &str) -> Answer {
    let given: Value = serde_json::from_str(&format!("{{{params}}}")).unwrap();
    let name = given["name"].as_str().or(given["taskId"].as_str()).unwrap_or_default();
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", name)];
    let meta = format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{can}}}"#
    );
    world.post(token, &headers, &rpc(method, &format!("{params},{meta}"))).await
}

async fn begin(world: &McpWorld, token: &str, tool: &str) -> String {
    let answer =
        ask(world, token, "tools/call", &format!(r#""name":"{tool}","arguments":{{}}"#), DECLARED).await;
    let task = answer.result();
    assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")), "{task}");
    assert!(task["ttlMs"].is_u64() && task["pollIntervalMs"].is_u64() && task.get("result").is_none());
    task["taskId"].as_str().unwrap().to_owned()
}

async fn get(world: &McpWorld, token: &str, id: &str) -> Answer {
    ask(world, token, "tasks/get", &format!(r#""taskId":"{id}""#), DECLARED).await
}

/// Waits until the task is no longer as `status` says.
async fn after(world: &McpWorld, token: &str, id: &str, status: &str) -> Value {
    for _ in 0..200 {
        let task = get(world, token, id).await.result();
        if task["status"] != status {
            return task;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("still {status}");
}

#[tokio::test]
async fn a_long_call_is_a_task_and_its_result_is_where_its_state_is() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("openid");
    let id = begin(&world, &token, "slow_compute").await;
    let done = after(&world, &token, &id, "working").await;
    assert_eq!((&done["status"], &done["resultType"]), (&json!("completed"), &json!("complete")));
    assert_eq!(done["result"]["content"][0]["text"], "Computed.");
    let failed = begin(&world, &token, "protocol_error_job").await;
    let failed = after(&world, &token, &failed, "working").await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!(-32603)));
    assert!(failed.get("result").is_none() && !failed.to_string().contains("this job always"), "{failed}");
}

#[tokio::test]
async fn a_client_that_does_not_declare_tasks_waits_or_is_told_what_it_lacks() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("openid");
    let waited = ask(&world, &token, "tools/call", r#""name":"slow_compute","arguments":{}"#, "{}").await;
    assert_eq!(waited.result()["content"][0]["text"], "Computed.");
    let lacks = ask(&world, &token, "tools/call", r#""name":"failing_job","arguments":{}"#, "{}").await;
    assert_eq!(lacks.code(), (400, -32021));
    let id = begin(&world, &token, "slow_compute").await;
    for method in ["tasks/get", "tasks/cancel"] {
        let answer = ask(&world, &token, method, &format!(r#""taskId":"{id}""#), "{}").await;
        assert_eq!(answer.code(), (400, -32021), "{method}");
    }
    for method in ["tasks/list", "tasks/result"] {
        let answer = ask(&world, &token, method, &format!(r#""taskId":"{id}""#), DECLARED).await;
        assert_eq!(answer.code(), (404, -32601), "{method}");
    }
    let legacy = world.legacy(&token, "tasks/get", &format!(r#""taskId":"{id}""#)).await;
    assert_eq!(legacy.code(), (200, -32601));
}

#[tokio::test]
async fn attack_a_task_of_somebody_else_is_not_there() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("openid");
    let id = begin(&world, &token, "confirm_delete").await;
    let mut claims = world.claims("openid");
    claims.subject = "eve".into();
    let mut other_client = world.claims("openid");
    other_client.client_id = "client-2".into();
    for thief in [world.signed(&claims), world.signed(&other_client)] {
        assert_eq!(get(&world, &thief, &id).await.code(), (200, -32602));
        for (method, more) in [("tasks/cancel", ""), ("tasks/update", r#","inputResponses":{}"#)] {
            let answer = ask(&world, &thief, method, &format!(r#""taskId":"{id}"{more}"#), DECLARED).await;
            assert_eq!(answer.code(), (200, -32602), "{method}");
        }
    }
    for unknown in ["x", "pot_", &format!("{}x", &id[..id.len() - 1])] {
        assert_eq!(get(&world, &token, unknown).await.code(), (200, -32602), "{unknown}");
    }
    assert_ne!(get(&world, &token, &id).await.result()["status"], "cancelled", "nothing was changed");
}

/// One person through one client, at another server: what one of them runs is not seen, answered or ended by another.
#[tokio::test]
async fn attack_a_task_of_another_server_is_not_there() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("openid");
    let id = begin(&world, &token, "confirm_delete").await;
    let store = &world.world.app.store;
    let moved = sqlx::query("update mcp_tasks set resource = resource || '/catalog' where digest = $1");
    moved.bind(digest(&id).as_str()).execute(store.write()).await.unwrap();
    assert_eq!(get(&world, &token, &id).await.code(), (200, -32602));
    for (method, more) in [("tasks/cancel", ""), ("tasks/update", r#","inputResponses":{}"#)] {
        let answer = ask(&world, &token, method, &format!(r#""taskId":"{id}"{more}"#), DECLARED).await;
        assert_eq!(answer.code(), (200, -32602), "{method}");
    }
    let kept = postern::store::mcp_tasks::find(store, &digest(&id)).await.unwrap().unwrap();
    assert_eq!(kept.end, None);
}

#[tokio::test]
async fn a_task_asks_and_goes_on_with_the_answer() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("openid");
    let id = begin(&world, &token, "confirm_delete").await;
    let waits = after(&world, &token, &id, "working").await;
    assert_eq!(waits["status"], "input_required");
    let key = waits["inputRequests"].as_object().unwrap().keys().next().unwrap().clone();
    let update = |responses: String| {
        let (world, token) = (&world, &token);
        let params = format!(r#""taskId":"{id}","inputResponses":{responses}"#);
        async move { ask(world, token, "tasks/update", &params, DECLARED).await }
    };
    assert_eq!(
        update(format!(r#"{{"{key}":{{"action":"accept","content":{{}}}}}}"#)).await.code(),
        (200, -32602)
    );
    assert_eq!(update(r#"{"other":1}"#.to_owned()).await.result()["resultType"], "complete");
    let yes = format!(r#"{{"{key}":{{"action":"accept","content":{{"confirm":true}}}}}}"#);
    let ack = update(yes).await.result();
    assert!(ack["resultType"] == "complete" && ack.get("status").is_none(), "{ack}");
    let done = after(&world, &token, &id, "working").await;
    assert_eq!(done["result"]["content"][0]["text"], "Deleted it.");
}

#[tokio::test]
async fn a_task_that_was_taken_back_stays_so_and_one_that_nobody_runs_has_failed() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("openid");
    let id = begin(&world, &token, "slow_compute").await;
    let cancel = format!(r#""taskId":"{id}""#);
    for _ in 0..2 {
        let ack = ask(&world, &token, "tasks/cancel", &cancel, DECLARED).await.result();
        assert_eq!(ack["resultType"], "complete");
        assert_eq!(get(&world, &token, &id).await.result()["status"], "cancelled");
    }
    // As after a node's death: its word is older than it may be, and nobody renews it.
    let row = postern::store::mcp_tasks::Kept {
        digest: postern::secret::Secret::<postern::secret::McpTask>::mint().digest(),
        ..postern::store::mcp_tasks::find(&world.world.app.store, &digest(&id)).await.unwrap().unwrap()
    };
    assert!(row.end.is_some());
    let orphan = postern::secret::Secret::<postern::secret::McpTask>::mint();
    let row = postern::store::mcp_tasks::Kept { digest: orphan.digest(), end: None, ..row };
    postern::store::mcp_tasks::add(&world.world.app.store, &row).await.unwrap();
    later(&world, postern::limits::MCP_TASK_CLAIM_SECONDS + 1);
    let found = get(&world, &world.token("openid"), orphan.reveal()).await.result();
    assert_eq!((&found["status"], &found["error"]["code"]), (&json!("failed"), &json!(-32603)), "{found}");
}

fn digest(id: &str) -> postern::secret::Digest {
    postern::secret::Secret::<postern::secret::McpTask>::presented(id).unwrap().digest()
}

#[tokio::test]
async fn nothing_that_a_task_holds_is_readable_in_the_store() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("openid");
    let id = begin(&world, &token, "slow_compute").await;
    after(&world, &token, &id, "working").await;
    let rows: Vec<(String, Option<String>)> = sqlx::query_as("select digest, outcome from mcp_tasks")
        .fetch_all(world.world.app.store.read())
        .await
        .unwrap();
    assert!(rows.len() == 1 && rows[0].1.is_some());
    let text = format!("{rows:?}");
    assert!(!text.contains("Computed") && !text.contains(&id), "{text}");
}
