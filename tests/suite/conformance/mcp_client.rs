//! A real client, the official SDK's own, over a real socket, in both eras.

use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::json;

use crate::support::mcp::McpWorld;

async fn lists_and_calls(lifecycle: ClientLifecycleMode, revision: &str) {
    let world = McpWorld::listening().await;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = StreamableHttpClientTransportConfig::with_uri(world.resource())
        .auth_header(world.token("demo:write"));
    let transport = StreamableHttpClientTransport::from_config(config);
    let client = serve_client_with_lifecycle(ClientConfig::default(), transport, lifecycle).await.unwrap();
    assert_eq!(client.peer_info().unwrap().protocol_version.as_str(), revision);
    let names: Vec<_> =
        client.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.to_string()).collect();
    assert_eq!(names, ["demo_echo", "demo_fail", "demo_open", "demo_write-note"]);
    let arguments = json!({"text": "hi"}).as_object().cloned().unwrap();
    let result =
        client.call_tool(CallToolRequestParams::new("demo_echo").with_arguments(arguments)).await.unwrap();
    assert_eq!(result.structured_content.unwrap()["said"], json!({"text": "hi"}));
    let written = client.call_tool(CallToolRequestParams::new("demo_write-note")).await.unwrap();
    assert_eq!(written.structured_content.unwrap(), json!({"written": 1}));
    let failed = client.call_tool(CallToolRequestParams::new("demo_fail")).await.unwrap();
    assert_eq!(failed.is_error, Some(true));
    assert!(client.call_tool(CallToolRequestParams::new("demo_erase")).await.is_err(), "a scope it lacks");
    assert!(client.call_tool(CallToolRequestParams::new("no_such")).await.is_err());
    client.cancel().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdks_client_lists_and_calls_after_a_handshake() {
    lists_and_calls(ClientLifecycleMode::Initialize, "2025-11-25").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdks_client_lists_and_calls_without_a_handshake() {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    lists_and_calls(ClientLifecycleMode::Discover { preferred_versions }, "2026-07-28").await;
}
