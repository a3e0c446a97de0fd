//! Attacks on what takes its time at the MCP endpoint: a body that never ends, work that outlives its grant, an answer
//! that is given twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use postern::actions::{Action, Effect, Registry};
use postern::mcp::{self, McpState};
use postern::secret::{McpTask, Secret};
use postern::store::mcp_tasks::{self, End};
use postern::store::{self, events::Event};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::mcp::{Answer, McpWorld, granted};
use crate::support::modern::ask;

/// J01: whoever sends a byte now and then holds a place, and is let go.
#[tokio::test]
async fn attack_j01_a_body_that_never_ends_is_not_waited_for() {
    let world = McpWorld::with(|state| state.patience = Duration::from_secs(1)).await;
    let token = world.token("demo:read");
    let request = |token: &str| {
        let drip = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>("{"), ()))
        });
        Request::post("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from_stream(drip))
            .unwrap()
    };
    let answer = world.send(request(&token)).await;
    assert_eq!(answer.status, 408);
    assert!(answer.text.contains("within 1 seconds"), "{}", answer.text);
    let real = McpState::of(&world.world.app).patience;
    assert_eq!(real.as_secs(), postern::limits::REQUEST_TIME_SECONDS);
    // Nobody who is not let in is waited for at all.
    assert_eq!(world.send(request("")).await.status, 401);
}

async fn begin(world: &World, token: &str) -> String {
    let call = json!({"name": "slow_compute", "arguments": {"seconds": 60}});
    let task = ask(&world.router, token, "tools/call", call).await.result();
    assert_eq!(task["status"], "working", "{task}");
    task["taskId"].as_str().unwrap().to_owned()
}

async fn end(world: &World, id: &str) -> Option<End> {
    let digest = Secret::<McpTask>::presented(id).unwrap().digest();
    mcp_tasks::find(&world.app.store, &digest).await.unwrap().unwrap().end
}

/// The end of a task, once it has one.
async fn ended(world: &World, id: &str) -> Option<End> {
    for _ in 0..100 {
        if let Some(end) = end(world, id).await {
            return Some(end);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

/// A tool that asks before it deletes.
fn deletes(count: &Arc<AtomicU64>) -> Action {
    let count = Arc::clone(count);
    Action {
        id: "demo:delete-file".into(),
        title: "Delete a file".into(),
        description: "Deletes it.".into(),
        input: Arc::new(json!({"type": "object", "properties": {}, "additionalProperties": false})),
        output: Arc::new(json!({"type": "object"})),
        effect: Effect::Delete,
        idempotent: false,
        scope: None,
        permission: None,
        aliases: Vec::new(),
        run: Arc::new(move |turn, _| {
            let count = Arc::clone(&count);
            Box::pin(async move {
                let schema = json!({"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]});
                turn.talk()?.form("sure", "Sure?", schema).await?.accepted()?;
                Ok(json!({"deleted": count.fetch_add(1, Ordering::SeqCst) + 1}))
            })
        }),
    }
}

fn router_with(world: &World, actions: Vec<Action>) -> Router {
    let mut state = McpState::of(&world.app);
    state.servers.truncate(1);
    state.servers[0].actions = Arc::new(Registry::new(actions).unwrap());
    mcp::routes(state).unwrap()
}

on_both_engines! {
    async fn attack_a_task_does_not_outlive_the_grant_that_it_runs_by(world) {
        let world = world.restarted(&[("conformance", "true")]).await;
        let (ada, eve) = (granted(&world.app, "ada", "openid").await, granted(&world.app, "eve", "openid").await);
        let (hers, other) = (begin(&world, &ada).await, begin(&world, &eve).await);
        let now = world.clock.now();
        let mut tx = world.app.store.begin().await.unwrap();
        assert!(store::grants::revoke(&mut tx, &world.app.store, "ada", "person", now).await.unwrap());
        tx.commit().await.unwrap();
        world.app.store.tell(Event::GrantRevoked("ada".into()));
        assert_eq!(ended(&world, &hers).await, Some(End::Cancelled));
        // News that concern nobody's grant, and news that were lost, end nothing that lives.
        for event in [Event::GrantRevoked("nobody".into()), Event::Distrusted, Event::Trusted, Event::KeysChanged] {
            world.app.store.tell(event);
        }
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(end(&world, &other).await, None);
        // Told by nobody, as on a node that lost its news: it asks.
        world.app.store.tell(Event::Distrusted);
        sqlx::query("update users set suspended_at = 1 where id = 'eve'").execute(world.app.store.write()).await.unwrap();
        assert_eq!(ended(&world, &other).await, Some(End::Cancelled));
    }

    async fn attack_an_answer_to_a_question_leads_to_one_effect(world) {
        let count = Arc::new(AtomicU64::new(0));
        let router = router_with(&world, vec![deletes(&count)]);
        let token = granted(&world.app, "ada", "openid").await;
        let call = |more: Value| {
            let mut params = json!({"name": "demo_delete-file", "arguments": {}});
            params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            params
        };
        let asked = ask(&router, &token, "tools/call", call(json!({}))).await.result();
        let state = asked["requestState"].as_str().unwrap_or_else(|| panic!("{asked}")).to_owned();
        let yes = json!({"sure": {"action": "accept", "content": {"yes": true}}});
        let again = call(json!({"requestState": state, "inputResponses": yes}));
        // At once, and at another node.
        let elsewhere = router_with(&world, vec![deletes(&count)]);
        let answers: Vec<Answer> = futures_util::future::join_all((0..10).map(|n| {
            ask(if n % 2 == 0 { &router } else { &elsewhere }, &token, "tools/call", again.clone())
        })).await;
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let done = answers.iter().filter(|answer| answer.json()["result"]["structuredContent"]["deleted"] == 1).count();
        assert_eq!(done, 1);
        for answer in answers.iter().filter(|answer| answer.json().get("error").is_some()) {
            assert_eq!(answer.code().1, -32602, "{}", answer.text);
            assert!(answer.text.contains("used before"), "{}", answer.text);
        }
        assert_eq!(ask(&router, &token, "tools/call", again).await.code().1, -32602);
        // A new question gets a new answer.
        let asked = ask(&router, &token, "tools/call", call(json!({}))).await.result();
        let second = call(json!({"requestState": asked["requestState"], "inputResponses": yes}));
        assert_eq!(ask(&router, &token, "tools/call", second).await.result()["structuredContent"]["deleted"], 2);
    }
}
