//! MCP 2025-03-26 to 2025-11-25, Streamable HTTP: sessions, streams, resumption.

use std::collections::BTreeSet;

use postern::config::McpSessions;
use postern::limits;
use postern::mcp::changes::{Change, What};
use serde_json::{Value, json};

use crate::support::events::{Events, Legacy, initialize};
use crate::support::mcp::{McpWorld, later, rpc};

const REVISIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

async fn connected(revision: &str) -> (McpWorld, Legacy) {
    let world = McpWorld::new().await;
    let client = Legacy::connect(&world.router, &world.token("demo:read demo:write"), revision).await;
    (world, client)
}

/// With the tools that ask and report.
async fn asking(revision: &str) -> (McpWorld, Legacy) {
    let world = McpWorld::with(|state| state.conformance = true).await;
    let client = Legacy::connect(&world.router, &world.token("demo:read"), revision).await;
    (world, client)
}

fn tell(world: &McpWorld, what: What) {
    world.world.app.store.tell(Change::of(what).event());
}

/// The answer to the question in `event`.
fn answer_to(event: &Value) -> String {
    let result = json!({"action": "accept", "content": {"username": "ada", "email": "ada@example.com"}});
    json!({"jsonrpc": "2.0", "id": event["id"], "result": result}).to_string()
}

/// "session id: visible ASCII 0x21-0x7E, SHOULD be unguessable", "initialize: the same version if supported".
#[tokio::test]
async fn a_handshake_begins_a_session_of_its_own_in_every_legacy_revision() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    let mut ids = BTreeSet::new();
    for revision in REVISIONS {
        let client = Legacy::connect(&world.router, &token, revision).await;
        let id = client.headers[0].1.clone();
        assert!(id.len() >= 43 && id.bytes().all(|b| (0x21..=0x7e).contains(&b)), "{id}");
        assert!(ids.insert(id));
        assert!(client.ask("tools/list", "").await.result()["tools"].is_array());
        // R43: a second handshake, with the session of the first in its headers, begins another.
        let again = client.post(&initialize(revision)).await;
        assert!(ids.insert(again.header("mcp-session-id").to_owned()));
    }
    // The database knows none of them in clear.
    let rows: Vec<String> = sqlx::query_scalar("select digest from mcp_sessions")
        .fetch_all(world.world.app.store.read())
        .await
        .unwrap();
    assert_eq!(rows.len(), ids.len());
    assert!(rows.iter().all(|row| !ids.contains(row)));
    let refused = world.post(&token, &[], &rpc("initialize", "")).await;
    assert_eq!((refused.code().1, refused.header("mcp-session-id")), (-32602, ""));
}

/// "session required and header missing → 400; MUST 404 after termination", and never for a modern request.
#[tokio::test]
async fn a_request_finds_its_session_or_is_told_why_not() {
    for (mode, missing) in
        [(McpSessions::Offered, 200), (McpSessions::Required, 400), (McpSessions::Off, 200)]
    {
        let world = McpWorld::with(|state| state.sessions = mode).await;
        let token = world.token("demo:read");
        let begun = world.post(&token, &[], &initialize("2025-06-18")).await;
        let id = begun.header("mcp-session-id").to_owned();
        assert_eq!(id.is_empty(), mode == McpSessions::Off);
        assert_eq!(world.legacy(&token, "tools/list", "").await.status, missing, "{mode:?}");
        assert_eq!(world.modern(&token, "tools/list", "").await.status, 200, "{mode:?}");
        let unknown = if mode == McpSessions::Off { 200 } else { 404 };
        for bad in ["from-another-life", &format!("pom_{}", "x".repeat(43))] {
            let answer = world.post(&token, &[("mcp-session-id", bad)], &rpc("tools/list", "")).await;
            assert_eq!(answer.status, unknown, "{mode:?} {bad}");
        }
        if mode == McpSessions::Off {
            continue;
        }
        assert_eq!(
            world.post(&token, &[("mcp-session-id", &id)], &rpc("ping", "")).await.result(),
            json!({})
        );
        // "treat a request carrying modern _meta as modern, even with an Mcp-Session-Id".
        let headers = [
            ("mcp-session-id", "from-another-life"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/list"),
        ];
        let answer = world.post(&token, &headers, &rpc("tools/list", crate::support::mcp::META)).await;
        assert_eq!((answer.status, answer.header("mcp-session-id")), (200, ""));
    }
}

/// "DELETE honoured", "MUST 404 after termination". R40: twice is the same answer.
#[tokio::test]
async fn a_session_that_its_client_ends_is_gone_for_good() {
    let (_world, client) = connected("2025-11-25").await;
    let mut stream = client.get("").await;
    stream.expect().await;
    assert_eq!((client.delete().await.status, client.delete().await.status), (204, 204));
    assert!(stream.next().await.is_none(), "its stream ends with it");
    assert_eq!(client.ask("ping", "").await.code(), (404, -32001));
    for method in ["GET", "POST"] {
        let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert_eq!(client.send(client.request(method, &[], note)).await.status, 404, "{method}");
    }
    let stranger = Legacy { headers: vec![("mcp-session-id", "nothing".into())], ..client };
    assert_eq!(stranger.delete().await.status, 404);
}

/// "invalid or unsupported MCP-Protocol-Version → 400; absent → assume". R37.
#[tokio::test]
async fn the_revision_of_each_request_is_one_that_is_served() {
    let (_world, mut client) = connected("2025-06-18").await;
    for (version, status) in
        [("2025-06-18", 200), ("2025-11-25", 200), ("2024-11-05", 400), ("nonsense", 400)]
    {
        client.headers[1].1 = version.into();
        assert_eq!(client.ask("ping", "").await.status, status, "{version}");
    }
    let get = client.send(client.request("GET", &[], "")).await;
    assert_eq!((get.status, get.json()["error"].as_str().unwrap()), (400, "invalid_request"));
    client.headers.truncate(1);
    assert_eq!(client.ask("ping", "").await.result(), json!({}));
}

/// "SSE begins with an event having id + empty data", for those only who can read it; "no responses on the GET stream";
/// R39.
#[tokio::test]
async fn a_sessions_own_stream_is_primed_and_tells_what_changed() {
    for revision in REVISIONS {
        let (world, client) = connected(revision).await;
        let mut stream = client.get("").await;
        let mut ids = BTreeSet::new();
        if revision == "2025-11-25" {
            let first = stream.expect().await;
            assert_eq!((first.data.as_str(), first.retry.as_str()), ("", "1000"));
            assert!(ids.insert(first.id));
        } else {
            assert!(stream.is_silent().await, "{revision}");
        }
        client.ask("tools/list", "").await.result();
        for what in [What::Tools, What::Prompts, What::Resource("catalog://not/followed".into()), What::Tools]
        {
            tell(&world, what.clone());
            if matches!(what, What::Resource(_)) {
                continue;
            }
            let event = stream.expect().await;
            assert!(event.method().ends_with("/list_changed"), "{event:?}");
            assert!(event.json()["params"].get("_meta").is_none());
            assert!(ids.insert(event.id));
        }
        assert!(stream.is_silent().await, "{revision}");
    }
}

/// R41, and the store: what a client missed while it was cut off is told when it comes back.
#[tokio::test]
async fn whoever_comes_back_to_its_stream_hears_what_it_missed() {
    let (world, client) = connected("2025-11-25").await;
    let mut stream = client.get("").await;
    let last = stream.expect().await.id;
    drop(stream);
    later(&world, 1);
    let mut back = client.get(&last).await;
    back.expect().await;
    assert!(back.is_silent().await, "nothing changed");
    drop(back);
    tell(&world, What::Prompts);
    // The news arrive by a task of their own.
    while client.get(&last).await.nothing_more().await {}
    let mut back = client.get(&last).await;
    back.expect().await;
    assert_eq!(back.expect().await.method(), "notifications/prompts/list_changed");
    // From before this node began: any list may have changed.
    let (stream, _) = last.rsplit_once('.').unwrap();
    let mut back = client.get(&format!("{stream}.1")).await;
    back.expect().await;
    let told: BTreeSet<_> =
        [back.expect().await, back.expect().await, back.expect().await].map(|e| e.method()).into();
    assert_eq!(told.len(), 3, "{told:?}");
}

/// "send each message on one stream only; no broadcast".
#[tokio::test]
async fn a_change_goes_over_one_stream_of_a_session() {
    let (world, client) = connected("2025-11-25").await;
    let (mut old, mut new) = (client.get("").await, client.get("").await);
    (old.expect().await, new.expect().await);
    tell(&world, What::Tools);
    new.expect().await;
    assert!(old.is_silent().await);
    drop(new);
    tell(&world, What::Tools);
    old.expect().await;
}

/// `resources/subscribe`, `resources/unsubscribe`: as the session asks, on a stream that was open before.
#[tokio::test]
async fn a_session_follows_the_resources_it_asks_for() {
    let (world, client) = connected("2025-06-18").await;
    let mut stream = client.get("").await;
    let (followed, other) = ("test://followed", "test://other");
    assert_eq!(
        client.ask("resources/subscribe", &format!("\"uri\":\"{followed}\"")).await.result(),
        json!({})
    );
    while !stream.hears(&world, followed).await {}
    tell(&world, What::Resource(other.into()));
    assert!(stream.is_silent().await);
    client.ask("resources/unsubscribe", &format!("\"uri\":\"{followed}\"")).await.result();
    while stream.hears(&world, followed).await {}
    let long = "x".repeat(limits::MCP_URI_BYTES_MAX + 1);
    assert_eq!(client.ask("resources/subscribe", &format!("\"uri\":\"{long}\"")).await.code().1, -32602);
    let alone = world.legacy(&client.token, "resources/subscribe", &format!("\"uri\":\"{followed}\"")).await;
    assert_eq!(alone.code().1, -32600);
}

impl Events {
    /// Whether nothing comes besides the priming event.
    async fn nothing_more(mut self) -> bool {
        self.expect().await;
        self.is_silent().await
    }

    /// Whether a change of `uri` is told here.
    async fn hears(&mut self, world: &McpWorld, uri: &str) -> bool {
        tell(world, What::Resource(uri.into()));
        !self.is_silent().await
    }
}

/// Server-to-client requests: "on the stream of the request", the answer is a POST of its own (202), "MUST use only
/// negotiated capabilities".
#[tokio::test]
async fn a_tool_asks_its_client_and_waits_for_the_answer() {
    for revision in REVISIONS {
        let (_world, client) = asking(revision).await;
        let mut stream = client.stream(7, "test_elicitation", r#"{"message":"Who?"}"#).await;
        if revision == "2025-11-25" {
            let first = stream.expect().await;
            assert_eq!((first.data.as_str(), first.retry.as_str()), ("", "1000"));
        }
        let question = stream.expect().await.json();
        assert_eq!(
            (&question["method"], &question["params"]["message"]),
            (&json!("elicitation/create"), &json!("Who?"))
        );
        // Somebody else's session, and an id that nobody asked under, are taken and come to nothing.
        let other = Legacy::connect(&client.router, &client.token, revision).await;
        assert_eq!(other.post(&answer_to(&question)).await.status, 202);
        let nobody = json!({"jsonrpc": "2.0", "id": "q-nobody", "result": {}}).to_string();
        assert_eq!(client.post(&nobody).await.status, 202);
        assert!(stream.is_silent().await);
        let taken = client.post(&answer_to(&question)).await;
        assert_eq!((taken.status, taken.text.as_str()), (202, ""));
        let last = stream.expect().await.json();
        assert_eq!(last["id"], 7);
        assert!(last["result"]["content"][0]["text"].as_str().unwrap().contains("accept"), "{last}");
        assert!(stream.next().await.is_none(), "the stream ends with the answer");
    }
}

/// "SHOULD NOT treat disconnect as cancellation", "replay only messages of that stream", "resume always via GET".
#[tokio::test]
async fn a_call_goes_on_without_its_client_who_comes_back_for_the_rest() {
    let (_world, client) = asking("2025-11-25").await;
    let mut stream = client.stream(7, "test_elicitation", r#"{"message":"Who?"}"#).await;
    let mut other = client.stream(8, "test_elicitation", r#"{"message":"And who?"}"#).await;
    let first = stream.expect().await.id;
    let question = stream.expect().await;
    (other.expect().await, other.expect().await);
    drop(stream);
    client.post(&answer_to(&question.json())).await;
    // From the priming event on: the question again, then the answer. Nothing of the other call.
    let mut back = client.get(&first).await;
    assert_eq!(back.expect().await, question);
    let answer = back.expect().await;
    assert_eq!(answer.json()["id"], 7);
    assert!(back.next().await.is_none());
    // After the last one: the end.
    assert!(client.get(&answer.id).await.next().await.is_none());
    // Whoever comes back takes over from whoever was there.
    let mut again = client.get(&format!("{}.0", first.rsplit_once('.').unwrap().0)).await;
    assert_eq!(again.expect().await.id, question.id);
    assert!(other.is_silent().await);
    // Another session cannot read it: it gets its own stream.
    let stranger = Legacy::connect(&client.router, &client.token, "2025-11-25").await;
    let mut theirs = stranger.get(&first).await;
    assert_eq!(theirs.expect().await.data, "");
    assert!(theirs.is_silent().await);
}

/// "only notifications/cancelled cancels".
#[tokio::test]
async fn a_request_that_is_taken_back_ends_without_an_answer() {
    let (_world, client) = asking("2025-11-25").await;
    for id in [7, 8] {
        let mut stream = client.stream(id, "test_elicitation", r#"{"message":"Who?"}"#).await;
        (stream.expect().await, stream.expect().await);
        let cancel =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        let other = Legacy::connect(&client.router, &client.token, "2025-11-25").await;
        assert_eq!(other.post(&cancel.to_string()).await.status, 202);
        assert!(stream.is_silent().await, "another session takes nothing back");
        assert_eq!(client.post(&cancel.to_string()).await.status, 202);
        assert!(stream.next().await.is_none());
    }
}

/// "request ids not reused in a session", and a bound on what runs at once.
#[tokio::test]
async fn a_session_runs_so_many_requests_and_each_id_once() {
    let (_world, client) = asking("2025-06-18").await;
    let call = r#""name":"test_elicitation","arguments":{"message":"Who?"}"#;
    let mut open = Vec::new();
    for id in 0..u32::try_from(limits::MCP_RUNNING_PER_SESSION_MAX).unwrap() - 2 {
        open.push(client.stream(id + 1, "test_elicitation", r#"{"message":"Who?"}"#).await);
    }
    assert_eq!(client.ask("tools/call", call).await.code(), (400, -32600));
    for id in [1_001, 1_002] {
        open.push(client.stream(id, "test_elicitation", r#"{"message":"Who?"}"#).await);
    }
    let body = rpc("tools/call", call).replacen("\"id\":1", "\"id\":2000", 1);
    assert_eq!(client.post(&body).await.code(), (429, -32000));
    client.delete().await;
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
