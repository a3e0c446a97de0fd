//! A grant, its user, its client or one token of it ends, here or on another node, and the next call is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http::Request;
use postern::actions::Registry;
use postern::app::App;
use postern::mcp::{self, McpState};
use postern::store::events::{self, Event};
use postern::store::grants;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::support::mcp::{actions, granted, rpc};

/// What can end.
const ENDS: [&str; 4] = ["grant", "user", "client", "token"];

/// One node: the endpoint over the real store, following its news.
struct Node {
    app: App,
    router: Router,
    stop: CancellationToken,
}

impl Node {
    fn start(app: App) -> Self {
        let mut state = McpState::of(&app);
        let registry = Arc::new(Registry::new(actions(&Arc::default())).unwrap());
        state.servers = postern::access::servers::servers(&app.config, &registry);
        let router = mcp::routes(state).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(app.store.clone().listen(app.config.clone(), app.clock.clone(), stop.clone()));
        Self { app, router, stop }
    }

    async fn status(&self, token: &str) -> u16 {
        let request = Request::post("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::from(rpc("tools/list", ""))).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Ends `what` as the endpoints and the command line do: in one transaction with its announcement, then told here.
async fn end(app: &App, what: &str) {
    let now = app.clock.now();
    let mut tx = app.store.begin().await.unwrap();
    let (statement, event) = match what {
        "grant" => {
            grants::revoke(&mut tx, &app.store, what, "test", now).await.unwrap();
            tx.commit().await.unwrap();
            return app.store.tell(Event::GrantRevoked(what.into()));
        }
        "user" => ("update users set suspended_at = 1 where id = $1", Event::UserSuspended(what.into())),
        "client" => ("update clients set suspended_at = 1 where id = $1", Event::ClientRevoked(what.into())),
        _ => {
            ("insert into revoked_tokens (jti, expires_at) values ($1, 0)", Event::TokenRevoked(what.into()))
        }
    };
    sqlx::query(statement).bind(what).execute(&mut *tx).await.unwrap();
    events::record(&mut tx, app.store.engine(), &event, now).await.unwrap();
    tx.commit().await.unwrap();
    app.store.tell(event);
}

on_both_engines! {
    async fn attack_i02_whatever_ends_is_refused_on_the_next_call(world) {
        let node = Node::start(world.app.clone());
        for what in ENDS {
            let token = granted(&world.app, what, "demo:read").await;
            assert_eq!((node.status(&token).await, node.status(&token).await), (200, 200), "{what}");
            end(&world.app, what).await;
            assert_eq!(node.status(&token).await, 401, "{what}");
        }
    }

    async fn attack_i02_whatever_ends_on_one_node_is_soon_refused_on_another(world) {
        let (other, _writer) = App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
        let (here, there) = (Node::start(world.app.clone()), Node::start(other));
        for what in ENDS {
            let token = granted(&world.app, what, "demo:read").await;
            // Both remember it, and the other one has news to go by.
            for node in [&here, &there] {
                assert_eq!(node.status(&token).await, 200, "{what}");
            }
            end(&world.app, what).await;
            assert_eq!(here.status(&token).await, 401, "{what}");
            let began = Instant::now();
            while there.status(&token).await != 401 {
                assert!(began.elapsed() < Duration::from_secs(5), "{what} still opens the other node");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        assert!(there.app.store.ping().await.is_ok());
    }

    async fn a_grant_that_never_was_opens_nothing(world) {
        let node = Node::start(world.app.clone());
        let token = granted(&world.app, "grant", "demo:read").await;
        sqlx::query("delete from grants").execute(world.app.store.write()).await.unwrap();
        assert_eq!(node.status(&token).await, 401);
    }
}
