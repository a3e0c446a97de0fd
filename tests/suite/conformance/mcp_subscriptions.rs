//! MCP 2026-07-28, `subscriptions/listen`.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use postern::limits;
use postern::mcp::changes::{Change, What, Whose};
use postern::store::events::Event;
use serde_json::json;

use crate::support::events::Events;
use crate::support::mcp::{Answer, McpWorld};

const ID: &str = "io.modelcontextprotocol/subscriptionId";
const TOOLS: &str = r#"{"toolsListChanged":true}"#;

fn tell(world: &McpWorld, what: What, whose: Whose) {
    world.world.app.store.tell(Change { what, whose }.event());
}

/// "first message = acknowledged with the honoured subset; unsupported types omitted", and "every message carries the
/// id of the listen request, same JSON type".
#[tokio::test]
async fn a_listen_is_acknowledged_first_and_every_message_carries_its_id() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for id in ["7", "\"seven\""] {
        let all = r#"{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":[]}"#;
        let mut events = world.listen(&token, id, all).await;
        assert_eq!(events.headers["x-accel-buffering"], "no");
        let first = events.expect().await;
        assert_eq!(first.method(), "notifications/subscriptions/acknowledged");
        let told = &first.json()["params"]["notifications"];
        assert_eq!(told["toolsListChanged"], true, "{told}");
        tell(&world, What::Tools, Whose::Everyone);
        let second = events.expect().await;
        assert_eq!(second.method(), "notifications/tools/list_changed");
        for event in [first, second] {
            assert_eq!(event.json()["params"]["_meta"][ID].to_string(), id);
            // "MUST NOT emit SSE ids for resumption".
            assert_eq!((event.id.as_str(), event.retry.as_str()), ("", ""));
        }
    }
}

/// "send nothing not requested".
#[tokio::test]
async fn nothing_is_sent_that_was_not_asked_for() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let mut events = world.listen(&token, "1", "{}").await;
    assert_eq!(events.expect().await.json()["params"]["notifications"], json!({}));
    for what in [What::Tools, What::Prompts, What::Resources, What::Resource("catalog://x".into())] {
        tell(&world, what, Whose::Everyone);
    }
    assert!(events.is_silent().await);
}

#[tokio::test]
async fn a_change_is_told_to_those_whom_it_concerns_only() {
    let world = McpWorld::new().await;
    let mut claims = world.claims("demo:read");
    let mut ada = world.listen(&world.signed(&claims), "1", TOOLS).await;
    (claims.subject, claims.grant_id) = ("grace".into(), "g2".into());
    let mut grace = world.listen(&world.signed(&claims), "1", TOOLS).await;
    for events in [&mut ada, &mut grace] {
        events.expect().await;
    }
    for whose in [Whose::User("ada".into()), Whose::Grant("g1".into())] {
        tell(&world, What::Tools, whose);
        assert_eq!(ada.expect().await.method(), "notifications/tools/list_changed");
    }
    assert!(grace.is_silent().await);
    tell(&world, What::Tools, Whose::Client("client-1".into()));
    for events in [&mut ada, &mut grace] {
        assert_eq!(events.expect().await.method(), "notifications/tools/list_changed");
    }
}

/// "MUST need a notifications filter".
#[tokio::test]
async fn a_listen_without_a_filter_is_refused() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for params in ["", r#""notifications":[]"#, r#""notifications":null"#] {
        let answer = world.modern(&token, "subscriptions/listen", params).await;
        assert_eq!(answer.code(), (200, -32602), "{params}");
    }
    // Before 2026-07-28 there was no such method.
    assert_eq!(
        world.legacy(&token, "subscriptions/listen", &format!("\"notifications\":{TOOLS}")).await.code().1,
        -32601
    );
}

/// "SHOULD on own teardown send the listen RESULT, then close".
#[tokio::test]
async fn a_server_that_stops_ends_every_listen_with_its_result() {
    let world = McpWorld::new().await;
    let mut events = world.listen(&world.token("demo:read"), "\"a\"", TOOLS).await;
    events.expect().await;
    world.world.app.stopping.cancel();
    let last = events.expect().await.json();
    assert_eq!(last["id"], "a");
    assert_eq!(last["result"], json!({"resultType": "complete", "_meta": {ID: "a"}}));
    assert!(events.next().await.is_none());
}

/// "Re-check authorization while a stream lives."
#[tokio::test]
async fn a_listen_ends_with_the_access_behind_it_and_no_other_does() {
    let world = McpWorld::new().await;
    let other = {
        let mut claims = world.claims("demo:read");
        (claims.subject, claims.grant_id, claims.client_id) = ("grace".into(), "g2".into(), "c2".into());
        world.signed(&claims)
    };
    let mut stays = world.listen(&other, "1", TOOLS).await;
    stays.expect().await;
    let claims = world.claims("demo:read");
    for event in [
        Event::GrantRevoked(claims.grant_id.clone()),
        Event::ClientRevoked(claims.client_id.clone()),
        Event::UserSuspended(claims.subject.clone()),
        Event::TokenRevoked(claims.token_id.clone()),
    ] {
        let mut events = world.listen(&world.signed(&claims), "1", TOOLS).await;
        events.expect().await;
        world.world.app.store.tell(event.clone());
        assert_eq!(events.expect().await.json()["result"]["resultType"], "complete", "{event:?}");
        assert!(events.next().await.is_none(), "{event:?}");
    }
    // News were lost, and meanwhile a grant ended: it is asked for.
    let mut events = world.listen(&world.signed(&claims), "1", TOOLS).await;
    events.expect().await;
    world.server.revoked.lock().unwrap().push(claims.grant_id.clone());
    world.world.app.store.tell(Event::Trusted);
    assert!(events.expect().await.json().get("result").is_some());
    assert!(stays.is_silent().await);
}

#[tokio::test]
async fn a_caller_holds_so_many_streams_and_gets_each_place_back() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let mut held = Vec::new();
    for n in 0..limits::MCP_STREAMS_PER_CALLER_MAX {
        held.push(world.listen(&token, &n.to_string(), TOOLS).await);
    }
    let refused = world.send(world.listen_request(&token, "1", TOOLS)).await;
    assert_eq!((refused.code(), refused.header("retry-after")), ((429, -32000), "30"));
    let mut claims = world.claims("demo:read");
    claims.subject = "grace".into();
    world.listen(&world.signed(&claims), "1", TOOLS).await;
    held.pop();
    world.listen(&token, "1", TOOLS).await;
}

/// A thousand clients listen; each is told within a second, and however often a list changes while nobody reads, one
/// notification waits for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_listeners_are_told_within_a_second_and_nothing_piles_up() {
    let world = McpWorld::new().await;
    let mut claims = world.claims("demo:read");
    let mut open = Vec::new();
    for n in 0..1_000 {
        (claims.subject, claims.grant_id) = (format!("u{}", n / 20), format!("g{n}"));
        let mut events = world.listen(&world.signed(&claims), "1", TOOLS).await;
        events.expect().await;
        open.push(events);
    }
    let began = Instant::now();
    tell(&world, What::Tools, Whose::Everyone);
    let told = join_all(open.iter_mut().map(Events::expect)).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(told.iter().all(|event| event.method() == "notifications/tools/list_changed"));
    for _ in 0..1_000 {
        tell(&world, What::Tools, Whose::Everyone);
    }
    // The last of these streams ends with its grant, so all that was told before has arrived.
    world.world.app.store.tell(Event::GrantRevoked(claims.grant_id.clone()));
    let mut last = open.pop().unwrap();
    while last.next().await.is_some() {}
    join_all(open.iter_mut().map(Events::expect)).await;
    let silent = join_all(open.iter_mut().map(Events::is_silent)).await;
    assert!(silent.iter().all(|silent| *silent), "notifications piled up");
    drop(open);
    let again = world.send(world.listen_request(&world.signed(&claims), "1", "[]")).await;
    assert_eq!(Answer::code(&again), (200, -32602));
}
