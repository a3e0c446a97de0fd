//! Named MCP servers: each is a protected resource in every respect (RFC 9728, RFC 8707, MCP authorization).

use axum::body::Body;
use http::{Request, StatusCode};
use postern::oauth::client::{AuthMethod, ClientKind};

use crate::support::browser::Browser;
use crate::support::mcp::{McpWorld, granted_at, rpc};
use crate::support::token::{self, SECRET, post_as};
use crate::support::{World, world};

const PEOPLE: (&str, &str) = (
    "mcp.servers",
    r#"{"people": {"title": "People", "instructions": "Ask who you are.", "include": "auth:*"}}"#,
);

async fn call(world: &World, path: &str, token: &str, body: &str) -> http::Response<Body> {
    let request = Request::post(path)
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// RFC 9728 section 3.3: `resource` is the identifier that the well-known URL was made from, which is the URL called.
#[tokio::test]
async fn each_server_publishes_its_own_metadata_and_its_challenge_names_it() {
    let world = World::with(None, &[PEOPLE]).await;
    let published: Vec<String> = world.app.resources.all().iter().map(|r| r.path.clone()).collect();
    assert_eq!(
        published,
        [
            "/mcp",
            "/api/mcp-actions/v1",
            "/mcp/apis",
            "/api/mcp-actions/v1/apis",
            "/mcp/catalog",
            "/api/mcp-actions/v1/catalog",
            "/mcp/insights",
            "/api/mcp-actions/v1/insights",
            "/mcp/people",
            "/api/mcp-actions/v1/people",
            "/mcp/templates",
            "/api/mcp-actions/v1/templates"
        ]
    );
    for path in published {
        let place = format!("/.well-known/oauth-protected-resource{path}");
        let document = world::json(world.get(&place).await).await;
        assert_eq!(document["resource"], format!("http://localhost:8787{path}"));
        assert_eq!(document["authorization_servers"][0], "http://localhost:8787");
        assert_ne!(
            document["scopes_supported"],
            serde_json::json!([]),
            "nothing is left out rather than empty"
        );
        let challenged = world.post_json(&path, "{}").await;
        let header = challenged.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert_eq!(challenged.status(), StatusCode::UNAUTHORIZED);
        assert!(header.contains(&format!("resource_metadata=\"http://localhost:8787{place}\"")), "{header}");
        // What the challenge asks for and what the metadata lists is one thing (VS Code R35).
        let scopes = document["scopes_supported"].as_array().cloned().unwrap_or_default();
        let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str().unwrap()).collect();
        assert_eq!(header.contains("scope="), !words.is_empty(), "{header}");
        assert!(words.is_empty() || header.contains(&format!("scope=\"{}\"", words.join(" "))), "{header}");
    }
    let document = world::json(world.get("/.well-known/oauth-authorization-server").await).await;
    assert_eq!(document["protected_resources"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_404_that_says_which_are() {
    let world = World::with(None, &[PEOPLE]).await;
    for path in
        ["/mcp/none", "/mcp/catalog/", "/mcp/", "/mcp/Catalog", "/api/mcp-actions/v1/none", "/mcp/people/x"]
    {
        let response = world.post_json(path, "{}").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let said = world::json(response).await["error_description"].as_str().unwrap().to_owned();
        assert!(said.contains("http://localhost:8787/mcp"), "{path}: {said}");
    }
    for path in ["/mcp/none", "/mcp/people/", "/mcp/Catalog"] {
        let response = world.get(&format!("/.well-known/oauth-protected-resource{path}")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_server_introduces_itself_in_its_own_words_in_both_eras() {
    let world = World::with(None, &[PEOPLE]).await;
    let token = granted_at(&world.app, "ada", "openid", "http://localhost:8787/mcp/people").await;
    let hello = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
    let legacy = world::json(call(&world, "/mcp/people", &token, &rpc("initialize", hello)).await).await;
    let meta = crate::support::mcp::META;
    let request = Request::post("/mcp/people")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "server/discover");
    let request = request.body(Body::from(rpc("server/discover", meta))).unwrap();
    let modern = world::json(world.send(request).await).await;
    for answer in [&legacy, &modern] {
        assert_eq!(answer["result"]["instructions"], "Ask who you are.", "{answer}");
    }
    assert_eq!(legacy["result"]["serverInfo"]["title"], "People");
    let main = McpWorld::new().await;
    let said = main.legacy(&main.token("demo:read"), "initialize", hello).await.result();
    assert_ne!(said["instructions"], "Ask who you are.");
}

on_both_engines! {
    async fn the_consent_page_names_the_server_that_opens_and_only_its_tools(world) {
        let world = world.restarted(&[("mcp.servers", r#"{"one": {"title": "Just one", "include": "*:get-catalog-entity"}}"#)]).await;
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[("resource", "http://localhost:8787/mcp/one")]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", crate::support::people::PASSWORD).await;
        assert!(page.text.contains("<bdi>Just one</bdi> of Postern"), "{}", page.text);
        assert!(page.text.contains("1 tool<") && !page.text.contains(" tools<"), "{}", page.text);
        let whole = browser.authorize(&world, &client, &[]).await;
        assert!(whole.text.contains("12 tools") && !whole.text.contains("Just one"), "{}", whole.text);
    }

    async fn a_program_of_its_own_gets_a_token_for_the_server_it_names_with_that_servers_scopes(world) {
        let world = world.restarted(&[PEOPLE]).await;
        token::client(&world.app, "bot", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
        for (resource, scope) in [("http://localhost:8787/mcp/catalog", "catalog:read"), ("http://localhost:8787/mcp/people", "")] {
            let fields = [("grant_type", "client_credentials"), ("resource", resource)];
            let answer = post_as(&world, "/token", &fields, Some(&format!("bot:{SECRET}"))).await;
            assert_eq!((answer.status, answer.json["scope"].as_str()), (200, Some(scope)), "{answer:?}");
            let path = resource.strip_prefix("http://localhost:8787").unwrap();
            let token = answer.text("access_token");
            assert_eq!(call(&world, path, &token, &rpc("tools/list", "")).await.status(), 200);
            let fields = [("token", token.as_str())];
            let known = post_as(&world, "/introspect", &fields, Some(&format!("bot:{SECRET}"))).await;
            assert_eq!((&known.json["active"], &known.json["aud"]), (&true.into(), &resource.into()));
        }
        for fields in [
            vec![("grant_type", "client_credentials"), ("resource", "http://localhost:8787/mcp/none")],
            vec![("grant_type", "client_credentials"), ("resource", "http://localhost:8787/mcp"), ("resource", "http://localhost:8787/mcp/people")],
        ] {
            let answer = post_as(&world, "/token", &fields, Some(&format!("bot:{SECRET}"))).await;
            assert_eq!(answer.error(), (400, "invalid_target"));
        }
    }

    async fn a_client_set_up_for_backstages_paths_walks_the_whole_way_on_them(world) {
        let registered = world.post_json(
            "/api/auth/v1/register",
            r#"{"client_name": "Old", "redirect_uris": ["http://127.0.0.1:33418/"], "token_endpoint_auth_method": "none"}"#,
        ).await;
        assert_eq!(registered.status(), StatusCode::CREATED);
        let id = world::json(registered).await["client_id"].as_str().unwrap().to_owned();
        world.user("dana@acme.dev", crate::support::people::PASSWORD).await;
        let client = postern::store::clients::find(&world.app.store, &id).await.unwrap().unwrap();
        let resource = "http://localhost:8787/api/mcp-actions/v1";
        let mut parameters = crate::support::people::good_request(&client);
        parameters.retain(|(name, _)| name != "resource" && name != "scope");
        parameters.extend([("resource".to_owned(), resource.to_owned()), ("scope".to_owned(), "openid catalog:read offline_access".to_owned())]);
        let path = crate::support::people::authorize_path(&parameters).replace("/authorize?", "/api/auth/v1/authorize?");
        let mut browser = Browser::default();
        let page = browser.open(&world, &path).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", crate::support::people::PASSWORD).await;
        let code = browser.decide(&world, &page, "allow").await.parameter("code").unwrap();
        let fields = [
            ("grant_type", "authorization_code"), ("client_id", id.as_str()), ("code", code.as_str()),
            ("code_verifier", token::VERIFIER), ("redirect_uri", "http://127.0.0.1:33418/"), ("resource", resource),
        ];
        let answer = token::post(&world, "/api/auth/v1/token", &fields).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let access = answer.text("access_token");
        assert_eq!(call(&world, "/api/mcp-actions/v1", &access, &rpc("tools/list", "")).await.status(), 200);
        let userinfo = Request::get("/api/auth/v1/userinfo").header("host", "localhost:8787").header("authorization", format!("Bearer {access}"));
        assert_eq!(world.send(userinfo.body(Body::empty()).unwrap()).await.status(), 200);
        let refresh = answer.text("refresh_token");
        let fields = [("client_id", id.as_str()), ("token", refresh.as_str())];
        assert_eq!(token::post(&world, "/api/auth/v1/revoke", &fields).await.status, 200);
        assert_eq!(call(&world, "/api/mcp-actions/v1", &access, &rpc("tools/list", "")).await.status(), 401);
    }
}
