//! The whole way of a client, and an administrator who ends it.

use axum::body::Body;
use http::{Request, StatusCode, header};
use postern::oauth::client::ClientKind;
use postern::store;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::people::{LOOPBACK, PASSWORD};
use crate::support::token::VERIFIER;
use crate::support::world::{json as read_json, text};

on_both_engines! {
    async fn a_client_signs_in_calls_a_tool_and_is_refused_on_the_call_after_its_end(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let code = browser.connect(&world, &client, &[]).await.parameter("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("client_id", &client.id), ("code", &code),
            ("code_verifier", VERIFIER), ("redirect_uri", LOOPBACK), ("resource", "http://localhost:8787/mcp")];
        let answer = world.post_form("/token", &fields).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let tokens = read_json(answer).await;
        let token = tokens["access_token"].as_str().unwrap();
        assert!(tokens["refresh_token"].is_string() && tokens["scope"] == "catalog:read offline_access");

        for modern in [true, false] {
            let (status, answer) = call(&world, token, modern).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            let result: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(result["result"]["structuredContent"]["totalItems"], 20, "{answer}");
        }

        make_admin(&world, "root@acme.dev").await;
        let mut admin = Browser::default();
        sign_in(&world, &mut admin, "root@acme.dev").await;
        let list = admin.open(&world, "/admin").await;
        assert!(list.text.contains("VS Code") && list.text.contains("1 person, 1 live grant"), "{}", list.text);
        let question = admin.open(&world, &format!("/admin?revoke={}", client.id)).await;
        assert!(question.text.contains("for everyone?"), "{}", question.text);
        assert_eq!(call(&world, token, true).await.0, StatusCode::OK, "looking ends nothing");
        let after = admin.submit(&world, &question, "/admin/revoke", &[]).await;
        assert!(after.text.contains("Ended"), "{}", after.text);
        for modern in [true, false] {
            assert_eq!(call(&world, token, modern).await.0, StatusCode::UNAUTHORIZED);
        }
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let fields = [("grant_type", "refresh_token"), ("client_id", client.id.as_str()), ("refresh_token", refresh)];
        let refused = world.post_form("/token", &fields).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(read_json(refused).await["error"], "invalid_client");
    }

    /// Attack I01: another's role, another site's form, a guessed client.
    async fn attack_i01_nobody_but_an_administrator_ends_a_client_and_no_link_does(world) {
        let client = world.dana_and_client().await;
        let mut stranger = Browser::default();
        assert!(stranger.open(&world, "/admin").await.wants_sign_in());
        let mut dana = Browser::default();
        sign_in(&world, &mut dana, "dana@acme.dev").await;
        assert_eq!(dana.open(&world, "/admin").await.status, StatusCode::FORBIDDEN);
        let fields = [("client_id".to_owned(), client.id.clone()), ("csrf".to_owned(), "pof_x".to_owned())];
        let own = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];
        assert_eq!(dana.post(&world, "/admin/revoke", &fields, &own).await.status(), StatusCode::FORBIDDEN);

        make_admin(&world, "root@acme.dev").await;
        let mut admin = Browser::default();
        sign_in(&world, &mut admin, "root@acme.dev").await;
        let question = admin.open(&world, &format!("/admin?revoke={}", client.id)).await;
        let (_, good) = question.form("/admin/revoke");
        let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(admin.post(&world, "/admin/revoke", &good, &foreign).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(admin.post(&world, "/admin/revoke", &fields, &own).await.status(), StatusCode::FORBIDDEN);
        let found = store::clients::find(&world.app.store, &client.id).await.unwrap().unwrap();
        assert!(found.is_active());
        let unknown: Vec<_> = good.iter().map(|(name, value)| {
            (name.clone(), if name == "client_id" { "nobody".to_owned() } else { value.clone() })
        }).collect();
        assert_eq!(admin.post(&world, "/admin/revoke", &unknown, &own).await.status(), StatusCode::NOT_FOUND);
    }

    async fn a_hostile_name_is_text_on_the_admin_page(world) {
        world.client(ClientKind::SelfRegistered, "<script>alert(1)</script>\u{202e}", &[LOOPBACK]).await;
        make_admin(&world, "root@acme.dev").await;
        let mut admin = Browser::default();
        sign_in(&world, &mut admin, "root@acme.dev").await;
        let page = admin.open(&world, "/admin").await;
        assert!(!page.text.contains("<script") && !page.text.contains('\u{202e}'), "{}", page.text);
    }
}

async fn make_admin(world: &World, email: &str) {
    let user = world.user(email, PASSWORD).await;
    sqlx::query("update users set admin_at = 1 where id = $1")
        .bind(user.id)
        .execute(world.app.store.write())
        .await
        .unwrap();
}

async fn sign_in(world: &World, browser: &mut Browser, email: &str) -> Seen {
    let page = browser.open(world, "/login").await;
    browser.sign_in(world, &page, email, PASSWORD).await
}

/// Calls a tool as a client of either era does.
async fn call(world: &World, token: &str, modern: bool) -> (StatusCode, String) {
    let tool = "catalog_query-catalog-entities";
    let mut params = json!({"name": tool, "arguments": {"query": {"kind": "Component"}, "limit": 1}});
    let mut request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream");
    if modern {
        params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}});
        request = request
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool);
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let response = world.send(request.body(Body::from(body)).unwrap()).await;
    (response.status(), text(response).await)
}
