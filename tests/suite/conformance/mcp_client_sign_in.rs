//! The official Rust SDK's client does it all by itself, over a real socket: finds the authorization server, registers,
//! sends the person there, redeems, lists, calls, refreshes when it is refused, and is refused for good once it is revoked.

use postern::store;
use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationManager, AuthorizationRequest, AuthorizationSession};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::json;

use crate::support::World;
use crate::support::browser::{Browser, ORIGIN};
use crate::support::people::{LOOPBACK, PASSWORD};

const RESOURCE: &str = "http://localhost:8787/mcp";

/// A client that calls the server by its public name and reaches this world.
async fn reaching(world: &World) -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = format!("http://{}", listener.local_addr().unwrap());
    let router = world.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    reqwest::Client::builder().proxy(reqwest::Proxy::all(way).unwrap()).build().unwrap()
}

/// Everything up to the token, as the SDK's own documentation has it; the person is Dana.
async fn signed_in(world: &World, http: &reqwest::Client) -> AuthClient<reqwest::Client> {
    let mut manager = AuthorizationManager::new(RESOURCE).await.unwrap();
    manager.with_client(http.clone()).unwrap();
    let found = manager.resolve_metadata().await.unwrap();
    assert!(found.source.is_discovered());
    manager.set_metadata(found.metadata);
    let request = AuthorizationRequest::new(LOOPBACK).with_client_name("rmcp");
    let session = AuthorizationSession::new(manager, request).await.map_err(|(_, why)| why).unwrap();
    let mut browser = Browser::default();
    let page = browser.open(world, session.auth_url.strip_prefix(ORIGIN).unwrap()).await;
    let page = browser.sign_in(world, &page, "dana@acme.dev", PASSWORD).await;
    let end = browser.decide(world, &page, "allow").await;
    session.handle_callback_url(&end.at).await.unwrap();
    AuthClient::new(http.clone(), session.auth_manager)
}

async fn walk(world: &World, lifecycle: ClientLifecycleMode, revision: &str) {
    let http = reaching(world).await;
    let auth = signed_in(world, &http).await;
    let first = auth.get_access_token().await.unwrap();
    let config = StreamableHttpClientTransportConfig::with_uri(RESOURCE);
    let transport = StreamableHttpClientTransport::with_client(auth.clone(), config);
    let client = serve_client_with_lifecycle(ClientConfig::default(), transport, lifecycle).await.unwrap();
    assert_eq!(client.peer_info().unwrap().protocol_version.as_str(), revision);
    let tool = "catalog_query-catalog-entities";
    assert!(client.list_all_tools().await.unwrap().iter().any(|listed| listed.name == tool));
    let arguments = json!({"query": {"kind": "Component"}, "limit": 1}).as_object().cloned().unwrap();
    let call = || client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments.clone()));
    assert_eq!(call().await.unwrap().structured_content.unwrap()["items"][0]["kind"], "Component");

    world.clock.advance(world.app.config.tokens.access_seconds);
    assert_ne!(call().await.unwrap().is_error, Some(true), "it refreshes when it is refused");
    assert_ne!(auth.get_access_token().await.unwrap(), first);

    let mine = sqlx::query_scalar::<_, String>("select id from grants where revoked_at is null");
    let grant = mine.fetch_one(world.app.store.write()).await.unwrap();
    let mut tx = world.app.store.begin().await.unwrap();
    store::grants::revoke(&mut tx, &world.app.store, &grant, "test", world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    world.app.store.tell(store::events::Event::GrantRevoked(grant));
    assert!(call().await.is_err(), "revoked");
    client.cancel().await.unwrap();
}

on_both_engines! {
    async fn the_sdks_client_signs_in_calls_and_refreshes_after_a_handshake(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        walk(&world, ClientLifecycleMode::Initialize, "2025-11-25").await;
    }

    async fn the_sdks_client_signs_in_calls_and_refreshes_without_a_handshake(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        walk(&world, ClientLifecycleMode::Discover { preferred_versions }, "2026-07-28").await;
    }
}
