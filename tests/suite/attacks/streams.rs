//! Attacks by streams that are open: what outlives the access it was opened with, and what fills a node.

use postern::limits;
use postern::secret::{McpSession, Secret};
use postern::store::events::Event;
use serde_json::json;

use crate::journeys::personal_tokens::made;
use crate::support::World;
use crate::support::browser::Browser;
use crate::support::events::{Events, Legacy};
use crate::support::mcp::{McpWorld, granted};
use crate::support::modern;
use crate::support::people::{PASSWORD, admin};

const TOOLS: &str = r#"{"toolsListChanged":true}"#;

/// A node that hears of no end any more asks for it.
#[tokio::test]
async fn attack_a_stream_does_not_outlive_its_grant_where_the_news_are_lost() {
    let world = McpWorld::new().await;
    let mut claims = world.claims("demo:read");
    let mut stays = world.listen(&world.signed(&claims), "1", TOOLS).await;
    stays.expect().await;
    claims.grant_id = "g2".into();
    let mut ends = world.listen(&world.signed(&claims), "2", TOOLS).await;
    ends.expect().await;
    // Ended on another node, and nobody tells.
    world.server.revoked.lock().unwrap().push("g2".into());
    assert!(ends.is_silent().await);
    world.world.app.store.tell(Event::Distrusted);
    assert!(ends.expect().await.json().get("result").is_some());
    assert!(stays.is_silent().await);
}

/// Anyone may register another client: what one user holds is counted over all of them.
#[tokio::test]
async fn attack_one_user_does_not_fill_a_node_with_streams_of_many_clients() {
    let world = McpWorld::new().await;
    let mut claims = world.claims("demo:read");
    let mut held = Vec::new();
    for n in 0..limits::MCP_STREAMS_PER_SUBJECT_MAX {
        claims.client_id = format!("client-{}", n % 8);
        held.push(world.listen(&world.signed(&claims), "1", TOOLS).await);
    }
    claims.client_id = "client-9".into();
    let ask = async |token: &str| world.send(world.listen_request(token, "1", TOOLS)).await;
    assert_eq!(ask(&world.signed(&claims)).await.code(), (429, -32000));
    let mut other = claims.clone();
    other.subject = "grace".into();
    world.listen(&world.signed(&other), "1", TOOLS).await;
    held.pop();
    world.listen(&world.signed(&claims), "1", TOOLS).await;
}

/// What was told while nobody here listened could have been the end of any session.
async fn missed(world: &World, tell: impl Fn()) {
    let token = granted(&world.app, "ada", "catalog:read").await;
    let ends = Legacy::connect(&world.router, &token, "2025-11-25").await;
    let stays = Legacy::connect(&world.router, &token, "2025-11-25").await;
    let (mut ended, mut other) = (ends.get("").await, stays.get("").await);
    ended.expect().await;
    other.expect().await;
    // As on another node whose news do not arrive.
    let id = Secret::<McpSession>::presented(&ends.headers[0].1).unwrap();
    sqlx::query("update mcp_sessions set ended_at = 1 where digest = $1")
        .bind(id.digest().as_str())
        .execute(world.app.store.write())
        .await
        .unwrap();
    assert!(ended.is_silent().await);
    tell();
    assert_eq!(ended.next().await, None);
    assert!(other.is_silent().await);
}

/// On one thread, so that nobody hears anything in between.
#[tokio::test]
async fn attack_a_session_s_stream_does_not_outlive_it_where_more_was_told_than_is_kept() {
    let world = World::sqlite().await;
    let news = || world.app.store.tell(Event::McpAnswered("x".into()));
    missed(&world, || (0..=limits::EVENTS_QUEUED_MAX).for_each(|_| news())).await;
}

on_both_engines! {
    /// No other token follows a personal one: its end is the end of what it opened.
    async fn attack_a_stream_ends_with_the_personal_token_that_opened_it(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let (token, _) = made(&world.app, |wish| wish.days = 1).await;
        world.clock.advance(86_400 - 1);
        let filter = json!({"notifications": {"toolsListChanged": true}});
        let listen = modern::request(&token, "subscriptions/listen", filter, &modern::able(), &json!(null));
        let mut stream = Events::open(&world.router, listen).await;
        stream.expect().await;
        assert!(stream.is_silent().await);
        assert!(stream.expect().await.json().get("result").is_some(), "the last message is the result");
        assert_eq!(stream.next().await, None);
    }

    async fn attack_a_session_s_stream_does_not_outlive_it_where_news_were_missed(world) {
        missed(&world, || world.app.store.tell(Event::Trusted)).await;
    }

    /// Two administrators who suspend each other at once: one of them can still come in.
    async fn attack_the_last_administrator_is_not_suspended_by_one_who_is_none_any_more(world) {
        for email in ["root@acme.dev", "ruth@acme.dev"] {
            admin(&world, email).await;
        }
        let users = postern::store::users::list(&world.app.store).await.unwrap();
        let id = |email: &str| users.iter().find(|user| user.email == email).unwrap().id.clone();
        let ready = async |email: &str, other: &str| {
            let mut browser = Browser::default();
            let page = browser.open(&world, "/login").await;
            browser.sign_in(&world, &page, email, PASSWORD).await;
            let page = browser.open(&world, &format!("/admin/users?ask=suspend&user={}", id(other))).await;
            let (path, fields) = page.form("/admin/users");
            (browser, path, fields)
        };
        let own = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];
        for _ in 0..5 {
            let mut one = ready("root@acme.dev", "ruth@acme.dev").await;
            let mut two = ready("ruth@acme.dev", "root@acme.dev").await;
            let (first, second) = futures_util::join!(
                one.0.post(&world, &one.1, &one.2, &own),
                two.0.post(&world, &two.1, &two.2, &own),
            );
            let rows: Vec<(String,)> =
                sqlx::query_as("select email from users where suspended_at is null").fetch_all(world.app.store.write()).await.unwrap();
            assert_eq!(rows.len(), 1, "{} {}", first.status(), second.status());
            sqlx::query("update users set suspended_at = null").execute(world.app.store.write()).await.unwrap();
        }
    }
}
