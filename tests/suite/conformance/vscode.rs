//! What VS Code needs of a server, as it behaves on the wire: one test a requirement, named by its number. Those of the
//! token endpoint (R26 to R33) and of the MCP endpoint (R34 to R44).

use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use postern::oauth::client::{AuthMethod, Client, ClientKind};
use postern::store;
use serde_json::{Value, json};

use super::oauth21_token::claims;
use crate::support::World;
use crate::support::browser::Browser;
use crate::support::events::{Legacy, initialize};
use crate::support::mcp::{Answer as McpAnswer, granted, rpc};
use crate::support::people::PASSWORD;
use crate::support::registration::register;
use crate::support::token::{self, Answer, SECRET, VERIFIER, post};

/// Where its loopback listener is this time.
const HERE: &str = "http://127.0.0.1:40001/";

/// Registers as VS Code does.
async fn vscode(world: &World) -> Client {
    let body = json!({
        "client_name": "Visual Studio Code", "client_uri": "https://code.visualstudio.com", "application_type": "native",
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "response_types": ["code"], "token_endpoint_auth_method": "none",
        "redirect_uris": ["https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
    });
    let answer = register(world, &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    store::clients::find(&world.app.store, &answer.text("client_id")).await.unwrap().unwrap()
}

/// A code for it, as Dana allows it.
async fn code(world: &World, client: &Client, scope: &str) -> String {
    let changed = [("redirect_uri", HERE), ("scope", scope)];
    let seen = Browser::default().connect(world, client, &changed).await;
    seen.parameter("code").unwrap_or_else(|| panic!("{}", seen.at))
}

fn redemption<'a>(client: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("client_id", client),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", HERE),
        ("code_verifier", VERIFIER),
        ("resource", "http://localhost:8787/mcp"),
    ]
}

/// Signed in: its client, and the first answer of the token endpoint.
async fn signed_in(world: &World, scope: &str) -> (Client, Answer) {
    world.user("dana@acme.dev", PASSWORD).await;
    let client = vscode(world).await;
    let code = code(world, &client, scope).await;
    let answer = post(world, "/token", &redemption(&client.id, &code)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (client, answer)
}

async fn refresh(world: &World, client: &str, token: &str) -> Answer {
    let fields = [
        ("client_id", client),
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("resource", "http://localhost:8787/mcp"),
    ];
    post(world, "/token", &fields).await
}

/// A request at `/mcp` with whatever headers.
async fn send(world: &World, method: &str, token: &str, headers: &[(&str, &str)], body: &str) -> McpAnswer {
    let mut request = Request::builder()
        .method(method)
        .uri("/mcp")
        .header("host", "localhost:8787")
        .header("accept", "text/event-stream, application/json");
    if method == "POST" {
        request = request.header("content-type", "application/json");
    }
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    McpAnswer::of(world.send(request.body(Body::from(body.to_owned())).unwrap()).await).await
}

fn challenged_scope(answer: &McpAnswer) -> Option<String> {
    let challenge = answer.header("www-authenticate");
    challenge.split("scope=\"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
}

on_both_engines! {
    async fn r26_the_token_endpoint_takes_a_form_with_the_client_id_and_no_header(world) {
        let (client, answer) = signed_in(&world, "catalog:read").await;
        assert!(client.metadata.token_endpoint_auth_method == AuthMethod::None && answer.json["access_token"].is_string());
        // Where a secret was issued, it comes in the body.
        token::client(&world.app, "secretive", ClientKind::PreRegistered, AuthMethod::ClientSecretPost).await;
        let fields = [("client_id", "secretive"), ("client_secret", SECRET), ("grant_type", "client_credentials"), ("scope", "catalog:read")];
        assert_eq!(post(&world, "/token", &fields).await.status, 200);
    }

    async fn r27_the_redirect_uri_is_that_of_the_authorization_request_port_and_slash_included(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let client = vscode(&world).await;
        for other in ["http://127.0.0.1:40002/", "http://127.0.0.1:40001", "http://127.0.0.1/", "http://localhost:40001/"] {
            let code = code(&world, &client, "catalog:read").await;
            let mut fields = redemption(&client.id, &code);
            fields[3].1 = other;
            let refused = post(&world, "/token", &fields).await;
            assert_eq!(refused.status, 400, "{other}: {refused:?}");
        }
        let code = code(&world, &client, "catalog:read").await;
        assert_eq!(post(&world, "/token", &redemption(&client.id, &code)).await.status, 200);
    }

    async fn r28_every_answer_has_type_lifetime_refresh_token_and_scope(world) {
        let (client, first) = signed_in(&world, "catalog:read").await;
        let second = refresh(&world, &client.id, &first.text("refresh_token")).await;
        for answer in [&first, &second] {
            assert_eq!(answer.text("token_type").to_ascii_lowercase(), "bearer");
            assert!(answer.json["expires_in"].as_i64().unwrap() >= 900, "{answer:?}");
            assert!(answer.json["refresh_token"].is_string() && answer.json["scope"].is_string(), "{answer:?}");
        }
        let set = vec![("tokens.access_seconds".to_owned(), "899".to_owned())];
        let raw = postern::config::Raw::read(&postern::config::Flags { file: None, set }, |_| None).unwrap();
        assert!(postern::config::Config::from_raw(&raw).unwrap_err().to_string().contains("VS Code"));
    }

    async fn r29_metadata_lists_the_refresh_token_grant(world) {
        let document = crate::support::world::json(world.get("/.well-known/oauth-authorization-server").await).await;
        assert!(document["grant_types_supported"].as_array().unwrap().contains(&json!("refresh_token")));
    }

    async fn r30_windows_that_share_one_refresh_token_stay_signed_in(world) {
        let (client, first) = signed_in(&world, "catalog:read").await;
        let shared = first.text("refresh_token");
        let answers = futures_util::future::join_all((0..4).map(|_| refresh(&world, &client.id, &shared))).await;
        let tokens: BTreeSet<_> = answers.iter().map(|answer| answer.text("refresh_token")).collect();
        assert_eq!(tokens.len(), 1, "the same answer again");
        world.clock.advance(10);
        assert_eq!(refresh(&world, &client.id, &shared).await.status, 200, "ten seconds later");
        let next = tokens.into_iter().next().unwrap();
        assert_eq!(refresh(&world, &client.id, &next).await.status, 200, "the family lives");
    }

    async fn r31_a_refresh_names_the_resource_and_no_scope(world) {
        let (client, first) = signed_in(&world, "catalog:read openid").await;
        let again = refresh(&world, &client.id, &first.text("refresh_token")).await;
        assert_eq!((again.status, again.text("scope")), (200, first.text("scope")));
        assert_eq!(claims(&again.text("access_token"))["aud"], "http://localhost:8787/mcp");
    }

    async fn r32_a_dead_refresh_token_and_an_unknown_client_are_told_apart(world) {
        let (client, first) = signed_in(&world, "catalog:read").await;
        let dead = format!("por_{}", "0".repeat(43));
        assert_eq!(refresh(&world, &client.id, &dead).await.error(), (400, "invalid_grant"));
        let unknown = refresh(&world, "00000000-0000-7000-8000-000000000000", &first.text("refresh_token")).await;
        assert!([400, 401].contains(&unknown.status) && unknown.json["error"] == "invalid_client", "{unknown:?}");
    }

    async fn r33_a_burst_of_refreshes_is_served_and_a_flood_is_capped(world) {
        let (client, first) = signed_in(&world, "catalog:read").await;
        let mut token = first.text("refresh_token");
        // The clock stands still: all of this is one moment.
        for n in 0..60 {
            let answer = refresh(&world, &client.id, &token).await;
            assert_eq!(answer.status, 200, "{n}: {answer:?}");
            token = answer.text("refresh_token");
        }
        let world = world.restarted(&[("rates.token", "61")]).await;
        let mut statuses = Vec::new();
        for _ in 0..63 {
            let answer = refresh(&world, &client.id, "por_x").await;
            statuses.push(answer.status);
            if answer.status == 429 {
                assert!(answer.headers.contains_key("retry-after"));
            }
        }
        assert!(statuses[..61].iter().all(|status| *status == 400) && statuses[61..] == [429, 429], "{statuses:?}");
        world.clock.advance(2);
        assert_eq!(refresh(&world, &client.id, &token).await.status, 200, "and then it goes on");
    }

    async fn r34_a_token_is_good_for_as_long_as_it_says_or_until_it_is_taken_back(world) {
        let (client, first) = signed_in(&world, "catalog:read").await;
        let token = first.text("access_token");
        world.clock.advance(first.json["expires_in"].as_i64().unwrap() - 1);
        assert_eq!(send(&world, "POST", &token, &[], &rpc("tools/list", "")).await.status, 200);
        world.clock.advance(1);
        let over = send(&world, "POST", &token, &[], &rpc("tools/list", "")).await;
        assert!(over.status == 401 && over.header("www-authenticate").contains("error=\"invalid_token\""));
        let second = refresh(&world, &client.id, &first.text("refresh_token")).await;
        let token = second.text("access_token");
        assert_eq!(send(&world, "POST", &token, &[], &rpc("tools/list", "")).await.status, 200);
        let fields = [("client_id", client.id.as_str()), ("token", &second.text("refresh_token"))];
        assert_eq!(post(&world, "/revoke", &fields).await.status, 200);
        let revoked = send(&world, "POST", &token, &[], &rpc("tools/list", "")).await;
        assert!(revoked.status == 401 && revoked.header("www-authenticate").contains("error=\"invalid_token\""));
    }

    async fn r35_the_scope_of_the_challenge_is_the_same_on_every_401(world) {
        let (client, first) = signed_in(&world, "catalog:read").await;
        let good = first.text("access_token");
        let mut scopes = BTreeSet::new();
        for (method, token) in [("POST", ""), ("GET", ""), ("DELETE", ""), ("POST", "x"), ("POST", "a.b.c"), ("GET", "x")] {
            let answer = send(&world, method, token, &[], &rpc("tools/list", "")).await;
            assert_eq!(answer.status, 401, "{method} {token}");
            scopes.insert(challenged_scope(&answer));
        }
        world.clock.advance(901);
        scopes.insert(challenged_scope(&send(&world, "POST", &good, &[], &rpc("tools/list", "")).await));
        let fields = [("client_id", client.id.as_str()), ("token", &first.text("refresh_token"))];
        post(&world, "/revoke", &fields).await;
        scopes.insert(challenged_scope(&send(&world, "POST", &good, &[], &initialize("2025-11-25")).await));
        assert_eq!(scopes.len(), 1, "{scopes:?}");
    }

    async fn r36_a_403_is_for_a_scope_that_can_be_asked_for_and_names_held_and_needed(world) {
        let token = granted(&world.app, "ada", "openid").await;
        let call = |name: &str, arguments: &str| rpc("tools/call", &format!(r#""name":"{name}","arguments":{arguments}"#));
        let lacks = send(&world, "POST", &token, &[], &call("catalog_query-catalog-entities", "{}")).await;
        assert!(lacks.status == 403 && lacks.header("www-authenticate").contains("error=\"insufficient_scope\""), "{lacks:?}");
        assert_eq!(challenged_scope(&lacks).as_deref(), Some("catalog:read openid"));
        let token = granted(&world.app, "grace", "catalog:read").await;
        for (name, arguments) in [
            ("no_such_tool", "{}"), ("catalog_get-catalog-entity", "{}"), ("catalog_get-catalog-entity", r#"{"name":"nobody"}"#),
            ("catalog_query-catalog-entities", r#"{"limit":-1}"#), ("catalog_query-catalog-entities", r#"{"query":7}"#),
        ] {
            let answer = send(&world, "POST", &token, &[], &call(name, arguments)).await;
            let json = answer.json();
            assert!(answer.status == 200 && (json.get("error").is_some() || json["result"]["isError"] == true), "{name} {arguments}: {json}");
            assert_eq!(answer.header("www-authenticate"), "");
        }
    }

    async fn r37_after_the_handshake_a_request_need_not_say_its_revision(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let begun = send(&world, "POST", &token, &[], &initialize("2025-11-25")).await;
        let session = begun.header("mcp-session-id").to_owned();
        let headers = [("mcp-session-id", session.as_str())];
        for body in [r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, &rpc("tools/list", ""), &rpc("ping", "")] {
            let answer = send(&world, "POST", &token, &headers, body).await;
            assert!([200, 202].contains(&answer.status), "{body}: {answer:?}");
        }
    }

    async fn r38_tools_are_listed_before_and_beside_the_word_that_the_client_is_ready(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let begun = send(&world, "POST", &token, &[], &initialize("2025-11-25")).await;
        let session = begun.header("mcp-session-id").to_owned();
        let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-11-25")];
        let before = send(&world, "POST", &token, &headers, &rpc("tools/list", "")).await;
        assert!(!before.result()["tools"].as_array().unwrap().is_empty());
        let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let list = rpc("tools/list", "");
        let (ready, listed) = futures_util::future::join(
            send(&world, "POST", &token, &headers, ready), send(&world, "POST", &token, &headers, &list)).await;
        assert_eq!((ready.status, listed.status), (202, 200));
    }

    async fn r39_a_get_with_a_good_token_is_a_stream_that_outlives_the_token(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        // Without a session: there is none to open.
        assert_eq!(send(&world, "GET", &token, &[], "").await.status, 405);
        let client = Legacy::connect(&world.router, &token, "2025-11-25").await;
        let mut stream = client.get("").await;
        stream.expect().await;
        world.clock.advance(1_000);
        assert!(stream.is_silent().await, "it goes on");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("catalog-info.yaml"), "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: s}\nspec: {owner: user:a}\n").unwrap();
        world.app.catalog.replace(postern::catalog::load(&[folder.path().to_owned()]).entities);
        assert!(stream.expect().await.method().starts_with("notifications/"));
    }

    async fn r40_ending_a_session_twice_is_as_good_as_once(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let client = Legacy::connect(&world.router, &token, "2025-11-25").await;
        for _ in 0..2 {
            assert!((200..300).contains(&client.delete().await.status));
        }
        assert_eq!(client.ask("tools/list", "").await.status, 404);
    }

    async fn r41_a_session_survives_a_restart(world) {
        let token = granted(&world.app, "ada", "catalog:read").await;
        let before = Legacy::connect(&world.router, &token, "2025-11-25").await;
        let headers = before.headers.clone();
        let world = world.restarted(&[]).await;
        let after = Legacy { router: world.router.clone(), token, headers };
        assert!(!after.ask("tools/list", "").await.result()["tools"].as_array().unwrap().is_empty());
    }

    async fn r42_a_refusal_is_short_readable_and_holds_no_secret(world) {
        let token = granted(&world.app, "ada", "openid").await;
        let call = rpc("tools/call", r#""name":"catalog_query-catalog-entities","arguments":{}"#);
        let (forged, half) = (format!("{token}x"), &token[..token.len() / 2]);
        for (method, token, body) in [("POST", "", ""), ("GET", "", ""), ("POST", forged.as_str(), ""), ("POST", half, ""), ("POST", token.as_str(), call.as_str())] {
            let answer = send(&world, method, token, &[], body).await;
            assert!([401, 403].contains(&answer.status), "{answer:?}");
            assert!(!answer.text.is_empty() && answer.text.len() < 500, "{}", answer.text);
            let json: Value = answer.json();
            let said = json["error_description"].as_str().unwrap_or_else(|| panic!("{json}"));
            assert!(said.ends_with('.') && said.bytes().all(|b| (0x20..0x7f).contains(&b)), "{said}");
            if !token.is_empty() {
                let signature = &token[token.len() - 20..];
                assert!(!answer.text.contains(signature) && !answer.header("www-authenticate").contains(signature));
            }
        }
    }

    async fn r43_the_handshake_is_repeated_after_the_sign_in_and_a_probe_gets_the_same_401(world) {
        let refused = send(&world, "POST", "", &[], &initialize("2025-11-25")).await;
        let probe = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "server/discover")];
        let probed = send(&world, "POST", "", &probe, &rpc("server/discover", crate::support::mcp::META)).await;
        assert_eq!((refused.status, probed.status), (401, 401));
        assert_eq!(refused.header("www-authenticate"), probed.header("www-authenticate"));
        let token = granted(&world.app, "ada", "catalog:read").await;
        // The same JSON-RPC id as before, and once more.
        for _ in 0..2 {
            let begun = send(&world, "POST", &token, &[], &initialize("2025-11-25")).await;
            assert_eq!(begun.result()["protocolVersion"], "2025-11-25");
        }
        let probed = send(&world, "POST", &token, &probe, &rpc("server/discover", crate::support::mcp::META)).await;
        assert_eq!(probed.result()["supportedVersions"][0], "2026-07-28");
    }

    async fn r44_the_account_has_a_name_that_a_person_can_read(world) {
        let (_, plain) = signed_in(&world, "catalog:read").await;
        assert_eq!(claims(&plain.text("access_token"))["preferred_username"], "dana@acme.dev");
        let client = vscode(&world).await;
        let code = code(&world, &client, "catalog:read openid email profile").await;
        let with_identity = post(&world, "/token", &redemption(&client.id, &code)).await;
        let identity = claims(&with_identity.text("id_token"));
        assert_eq!((&identity["preferred_username"], &identity["email"]), (&json!("dana@acme.dev"), &json!("dana@acme.dev")), "{identity}");
    }
}
