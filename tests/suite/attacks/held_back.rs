//! Attacks by a request whose body is held back: what its caller may do is decided before the body is there, and must
//! still hold when it is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use postern::mcp::authority::{Answered, Authority, Verified};
use postern::mcp::{self, McpState};
use postern::store::events::Event;
use postern::store::grants;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use crate::support::World;
use crate::support::events::Events;
use crate::support::mcp::{META, McpWorld, granted, later, rpc};
use crate::support::modern;

/// A request that is on its way, its body not yet.
struct Held {
    answer: tokio::task::JoinHandle<Response<Body>>,
    go: oneshot::Sender<()>,
}

impl Held {
    /// Sends the head of a request, and waits until its caller is let in and the body is asked for.
    async fn begin(router: &Router, request: http::request::Builder, body: String) -> Self {
        let ((asked, is_asked), (go, wait)) = (oneshot::channel(), oneshot::channel::<()>());
        let late = futures_util::stream::once(async move {
            let _ = asked.send(());
            let _ = wait.await;
            Ok::<_, io::Error>(body)
        });
        let request = request.header("host", "localhost:8787").header("content-type", "application/json");
        let request = request.body(Body::from_stream(late)).unwrap();
        let answer = tokio::spawn(router.clone().oneshot(request));
        is_asked.await.expect("nobody asked for the body");
        let answer = tokio::spawn(async { answer.await.unwrap().unwrap() });
        Self { answer, go }
    }

    /// Sends the body.
    async fn end(self) -> u16 {
        self.go.send(()).unwrap();
        self.answer.await.unwrap().status().as_u16()
    }
}

fn post(uri: &str, token: &str, headers: &[(&str, &str)]) -> http::request::Builder {
    let request = Request::post(uri).header("authorization", format!("Bearer {token}"));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// Everything that is POSTed to an MCP endpoint: a call, a batch, a stream to be.
fn messages() -> [(Vec<(&'static str, &'static str)>, String); 3] {
    let call = rpc("tools/call", r#""name":"demo_echo","arguments":{"text":"hi"}"#);
    let listen =
        rpc("subscriptions/listen", &format!(r#""notifications":{{"toolsListChanged":true}},{META}"#));
    let modern = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", "subscriptions/listen")];
    [(vec![], call.clone()), (vec![], format!("[{call}]")), (modern, listen)]
}

#[tokio::test]
async fn attack_a_body_that_is_held_back_opens_nothing_after_the_access_ended() {
    let world = McpWorld::new().await;
    let token = world.token("demo:read");
    for (headers, body) in messages() {
        let begin = async || Held::begin(&world.router, post("/mcp", &token, &headers), body.clone()).await;
        assert_eq!(begin().await.end().await, 200, "slow is no reason: {body}");
        let held = begin().await;
        world.server.revoked.lock().unwrap().push("g1".into());
        world.world.app.store.tell(Event::GrantRevoked("g1".into()));
        assert_eq!(held.end().await, 401, "{body}");
        world.server.revoked.lock().unwrap().clear();
    }
    // Nor does it keep a token alive beyond its end.
    let (headers, body) = messages().into_iter().next().unwrap();
    let held = Held::begin(&world.router, post("/mcp", &token, &headers), body).await;
    later(&world, 901);
    assert_eq!(held.end().await, 401);
}

#[tokio::test]
async fn attack_a_body_held_back_from_the_old_transport_opens_nothing_either() {
    let world = McpWorld::with(|state| state.servers[0].paths.push("/sse".into())).await;
    let mut claims = world.claims("demo:read");
    claims.audience = "http://localhost:8787/sse".into();
    let token = world.signed(&claims);
    let get = Request::get("/sse").header("host", "localhost:8787");
    let get = get.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
    let mut stream = Events::open(&world.router, get).await;
    let uri = stream.expect().await.data;
    let call = rpc("tools/call", r#""name":"demo_echo","arguments":{"text":"hi"}"#);
    let held = Held::begin(&world.router, post(&uri, &token, &[]), call).await;
    world.server.revoked.lock().unwrap().push("g1".into());
    world.world.app.store.tell(Event::GrantRevoked("g1".into()));
    assert_eq!(held.end().await, 401);
}

/// The end comes after the caller was let in and before its stream is among those that hear of it.
#[tokio::test]
async fn attack_a_stream_that_opens_while_its_access_ends_does_not_stay() {
    let world = World::sqlite().await;
    let token = granted(&world.app, "ada", "catalog:read").await;
    let mut state = McpState::of(&world.app);
    let (keys, store, asked) = (Arc::clone(&world.app.keys), world.app.store.clone(), AtomicUsize::new(0));
    // Says that the grant lives, and ends it in the same moment.
    let is_live = move |verified: &Verified| -> Answered {
        let (store, grant) = (store.clone(), verified.caller.grant_id.clone());
        let is_first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if is_first {
                store.tell(Event::GrantRevoked(grant));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(is_first)
        })
    };
    state.authority = Authority::new(world.app.config.issuer(), move || keys.load_full(), is_live);
    let router = mcp::routes(state).unwrap();
    let filter = json!({"notifications": {"toolsListChanged": true}});
    let listen = modern::request(&token, "subscriptions/listen", filter, &modern::able(), &Value::Null);
    assert_eq!(router.oneshot(listen).await.unwrap().status(), 401);
}

on_both_engines! {
    async fn attack_a_body_held_back_from_the_rest_api_reads_nothing_after_the_grant_ended(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let ask = async || {
            let head = post("/api/catalog/entities/by-query", &token, &[]);
            Held::begin(&world.router, head, json!({"limit": 1}).to_string()).await
        };
        assert_eq!(ask().await.end().await, 200);
        let held = ask().await;
        let mut tx = world.app.store.begin().await.unwrap();
        grants::revoke(&mut tx, &world.app.store, "ada", "test", world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        world.app.store.tell(Event::GrantRevoked("ada".into()));
        assert_eq!(held.end().await, 401);
    }

    /// J01, at the door that has no limit of time around it.
    async fn attack_j01_the_rest_api_does_not_wait_for_a_body_that_never_ends(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let state = McpState { patience: Duration::from_secs(1), ..McpState::of(&world.app) };
        let router = postern::api::routes(&world.app, &state).unwrap();
        let head = post("/api/catalog/entities/by-refs", &token, &[]);
        let held = Held::begin(&router, head, String::new()).await;
        let answer = tokio::time::timeout(Duration::from_secs(5), held.answer).await.expect("it still waits");
        assert_eq!(answer.unwrap().status(), 408);
    }
}
