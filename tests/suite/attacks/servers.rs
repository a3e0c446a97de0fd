//! Attacks across named servers: a token, a consent or a name of one must open nothing of another (G01, D05, G06).

use axum::body::Body;
use http::Request;
use postern::oauth::client::ClientKind;
use postern::secret::id;
use postern::store::events::Event;
use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::mcp::{granted_at, rpc};
use crate::support::token::{self, VERIFIER};
use crate::support::{World, world};

/// Two servers beside the whole one and `/mcp/catalog`.
const SERVERS: (&str, &str) = (
    "mcp.servers",
    r#"{"people": {"title": "People", "include": "auth:*"}, "lookup": {"include": "catalog:*", "exclude": ["catalog:query-*"]}}"#,
);
const WEB: &str = "https://app.example/cb";

async fn world() -> World {
    World::with(None, &[SERVERS]).await
}

async fn send(world: &World, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
    let status = response.status().as_u16();
    (status, serde_json::from_str(&world::text(response).await).unwrap_or_default())
}

async fn list(world: &World, path: &str, token: &str) -> (u16, Vec<String>) {
    let (status, body) = send(world, "POST", path, token, &rpc("tools/list", "")).await;
    let tools = body["result"]["tools"].as_array().cloned().unwrap_or_default();
    (status, tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn attack_g01_a_token_of_one_server_is_refused_by_every_other() {
    let world = world().await;
    let resources = world.app.resources.clone();
    assert_eq!(resources.all().len(), 14, "{:?}", resources.identifiers());
    for mine in resources.all() {
        let token = granted_at(&world.app, &mine.identifier, "catalog:read", &mine.identifier).await;
        // Twice: the second time the token is known, and must not open what it did not open at first.
        for _ in 0..2 {
            for other in resources.all() {
                let (status, _) = list(&world, &other.path, &token).await;
                assert_eq!(status, if mine == other { 200 } else { 401 }, "{} at {}", mine.path, other.path);
            }
        }
    }
}

#[tokio::test]
async fn attack_h07_what_a_server_does_not_show_is_an_unknown_tool_there() {
    let world = world().await;
    let url = |path: &str| world.app.config.public_url.at(path);
    let lookup = granted_at(&world.app, "lookup", "catalog:write catalog:read", &url("/mcp/lookup")).await;
    let (_, listed) = list(&world, "/mcp/lookup", &lookup).await;
    assert!(listed.contains(&"catalog_get-catalog-entity".to_owned()), "{listed:?}");
    assert!(listed.iter().all(|name| name.starts_with("catalog_") && !name.contains("query")), "{listed:?}");
    for hidden in ["catalog_query-catalog-entities", "catalog:query", "auth_who-am-i", "auth.who-am-i"] {
        let call = |name: &str| rpc("tools/call", &format!(r#""name":"{name}","arguments":{{}}"#));
        let (status, of_hidden) = send(&world, "POST", "/mcp/lookup", &lookup, &call(hidden)).await;
        let (_, of_unknown) = send(&world, "POST", "/mcp/lookup", &lookup, &call("no-such-tool")).await;
        let text = |body: &Value| body.to_string().replace(hidden, "NAME").replace("no-such-tool", "NAME");
        assert_eq!((status, text(&of_hidden)), (200, text(&of_unknown)), "{hidden}");
    }
}

on_both_engines! {
    async fn attack_d05_consent_for_one_server_never_opens_another(world) {
        let client = world.dana_and_client().await;
        let web = world.client(ClientKind::PreRegistered, "Web", &[WEB]).await;
        let mut browser = Browser::default();
        let catalog = [("resource", "http://localhost:8787/mcp/catalog")];
        browser.connect(&world, &web, &catalog).await;
        let again = browser.authorize(&world, &web, &catalog).await;
        assert!(again.parameter("code").is_some(), "the same server is remembered");
        for other in ["http://localhost:8787/mcp", "http://localhost:8787/api/mcp-actions/v1/catalog"] {
            let page = browser.authorize(&world, &web, &[("resource", other)]).await;
            assert!(page.asks(), "{other} is another server");
        }
        // A code for one is no code for the other, and stays good for its own.
        let code = browser.connect(&world, &client, &catalog).await.parameter("code").unwrap();
        let redeem = |resource: &'static str, code: String| {
            let (world, client) = (&world, client.id.clone());
            async move {
                let fields = [
                    ("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", code.as_str()),
                    ("code_verifier", VERIFIER), ("redirect_uri", "http://127.0.0.1:33418/"), ("resource", resource),
                ];
                token::post(world, "/token", &fields).await
            }
        };
        let refused = redeem("http://localhost:8787/mcp", code.clone()).await;
        assert_eq!(refused.error(), (400, "invalid_target"));
        let answer = redeem(catalog[0].1, code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let refresh = answer.text("refresh_token");
        let fields = [
            ("grant_type", "refresh_token"), ("client_id", client.id.as_str()), ("refresh_token", refresh.as_str()),
            ("resource", "http://localhost:8787/mcp"),
        ];
        assert_eq!(token::post(&world, "/token", &fields).await.error(), (400, "invalid_target"));
        let access = answer.text("access_token");
        assert_eq!(list(&world, "/mcp/catalog", &access).await.0, 200);
        assert_eq!(list(&world, "/mcp", &access).await.0, 401);
    }

    async fn attack_g06_no_route_of_any_server_skips_a_check(world) {
        let world = world.restarted(&[SERVERS]).await;
        let now = world.clock.now();
        let resources = world.app.resources.clone();
        let call = rpc("tools/call", r#""name":"catalog_query-catalog-entities","arguments":{}"#);
        for (index, resource) in resources.all().iter().enumerate() {
            let path = &resource.path;
            let name = |what: &str| format!("{what}-{index}");
            let right = granted_at(&world.app, &name("right"), "catalog:read", &resource.identifier).await;
            let poor = granted_at(&world.app, &name("poor"), "openid", &resource.identifier).await;
            let wrong = resources.all()[(index + 1) % resources.all().len()].identifier.clone();
            let wrong = granted_at(&world.app, &name("wrong"), "catalog:read", &wrong).await;
            let ended = granted_at(&world.app, &name("ended"), "catalog:read", &resource.identifier).await;
            assert_eq!(list(&world, path, &ended).await.0, 200);
            let mut tx = world.app.store.begin().await.unwrap();
            postern::store::grants::revoke(&mut tx, &world.app.store, &name("ended"), "user", now).await.unwrap();
            tx.commit().await.unwrap();
            world.app.store.tell(Event::GrantRevoked(name("ended")));
            let unknown = id(now);
            for refused in ["", unknown.as_str(), wrong.as_str(), ended.as_str()] {
                for method in ["POST", "GET", "DELETE", "PUT", "PATCH"] {
                    let (status, _) = send(&world, method, path, refused, &call).await;
                    assert_eq!(status, 401, "{method} {path} {refused}");
                }
            }
            let shows = world.app.server_of(&resource.identifier).unwrap().actions.find("catalog:query").is_some();
            let (status, body) = send(&world, "POST", path, &poor, &call).await;
            assert_eq!(status, if shows { 403 } else { 200 }, "{path} {body}");
            let (status, body) = send(&world, "POST", path, &right, &call).await;
            assert_eq!((status, body.get("error").is_some()), (200, !shows), "{path} {body}");
        }
    }
}
