//! RFC 8414, OpenID Connect Discovery, RFC 9728 and RFC 7517: what the server says of itself is what it does.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::Value;

use crate::support::world::json as body_of;

const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const RESOURCE: &str = "/.well-known/oauth-protected-resource/mcp";

on_both_engines! {
    async fn both_documents_of_the_server_are_one_and_name_the_issuer_to_the_letter(world) {
        let (server, openid) = (body_of(world.get(SERVER).await).await, body_of(world.get(OPENID).await).await);
        assert_eq!(server, openid);
        assert_eq!(server["issuer"], "http://localhost:8787");
        let resource = body_of(world.get(RESOURCE).await).await;
        assert_eq!(resource["authorization_servers"], serde_json::json!([server["issuer"]]));
        assert_eq!(resource["resource"], "http://localhost:8787/mcp");
        assert_eq!(server["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        assert_eq!(server["client_id_metadata_document_supported"], true);
        assert_eq!(server["authorization_response_iss_parameter_supported"], true);
    }

    async fn offline_access_is_the_servers_to_list_and_never_the_resources(world) {
        let holds = |document: &Value| document["scopes_supported"].as_array().is_some_and(|s| s.contains(&"offline_access".into()));
        assert!(holds(&body_of(world.get(SERVER).await).await));
        assert!(!holds(&body_of(world.get(RESOURCE).await).await));
    }

    async fn no_member_is_an_empty_list(world) {
        for path in [SERVER, OPENID, RESOURCE] {
            let document = body_of(world.get(path).await).await;
            for (name, value) in document.as_object().unwrap() {
                assert!(value.as_array().is_none_or(|items| !items.is_empty()), "{name} of {path}");
            }
        }
    }

    async fn documents_are_json_that_any_page_may_read_and_any_cache_may_keep(world) {
        for path in [SERVER, OPENID, RESOURCE, "/jwks.json"] {
            for version in [None, Some("2024-11-05"), Some("2099-01-01"), Some("nonsense")] {
                let mut request = Request::get(path).header("host", "evil.example").header("sec-fetch-mode", "cors");
                if let Some(version) = version {
                    request = request.header("mcp-protocol-version", version);
                }
                let response = world.send(request.body(Body::empty()).unwrap()).await;
                assert_eq!(response.status(), StatusCode::OK, "{path}");
                assert_eq!(response.headers()["content-type"], "application/json");
                assert_eq!(response.headers()["access-control-allow-origin"], "*");
                assert!(response.headers()["cache-control"].to_str().unwrap().contains("max-age="));
                let text = crate::support::world::text(response).await;
                assert!(!text.contains("evil.example"), "a header fixed a published URL");
            }
            let preflight = Request::options(path)
                .header("host", "localhost:8787")
                .header("origin", "https://inspector.example")
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "mcp-protocol-version");
            let response = world.send(preflight.body(Body::empty()).unwrap()).await;
            assert!(response.status().is_success(), "{path}");
            let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap().to_owned();
            assert!(allowed == "*" || allowed.to_ascii_lowercase().contains("mcp-protocol-version"), "{allowed}");
        }
    }

    async fn every_other_form_of_the_well_known_paths_is_a_real_404(world) {
        for path in [
            "/.well-known/oauth-authorization-server/", "/.well-known/oauth-authorization-server/mcp",
            "/.well-known/openid-configuration/mcp", "/.well-known/openid-configuration/", "/mcp/.well-known/openid-configuration",
            "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/",
            "/.well-known/oauth-protected-resource/mcp/", "/.well-known/oauth-protected-resource/other", "/.well-known/nothing",
        ] {
            assert_eq!(world.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let root = body_of(world.get("/.well-known/oauth-protected-resource").await).await;
        assert!(root["error_description"].as_str().unwrap().contains(RESOURCE), "{root}");
        assert!(root.get("resource").is_none());
    }

    async fn the_published_keys_are_those_that_verify_and_nothing_private(world) {
        let document = body_of(world.get("/jwks.json").await).await;
        let keys = document["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0]["kid"], world.app.keys.load().signing().kid.as_str());
        assert_eq!((keys[0]["alg"].as_str(), keys[0]["use"].as_str()), (Some("ES256"), Some("sig")));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(keys[0].get(private).is_none());
        }
    }
}
