//! One thing in the place of another: a token of another kind, a code that somebody made up, an answer that says whose it
//! is twice (attacks B04, B08, E07, F03).

use axum::body::Body;
use http::Request;
use postern::oauth::client::{AuthMethod, ClientKind};
use serde_json::json;

use crate::support::World;
use crate::support::browser::{Browser, ORIGIN};
use crate::support::exchange::{exchange, world_with_agent};
use crate::support::mcp::rpc;
use crate::support::people::PASSWORD;
use crate::support::registration::{good_with, register};
use crate::support::signer::{Signer, own_token, signing_client};
use crate::support::token::{
    SECRET, client, code, is_live, post, post_as, redemption, refreshing, rows, seed, signed_in,
};

/// What the MCP endpoint and the endpoint for user info answer to a token.
async fn opened(world: &World, token: &str) -> [u16; 2] {
    let mcp = Request::post("/mcp").header("content-type", "application/json");
    let info = Request::get("/userinfo");
    let mut statuses = [0; 2];
    for (at, (request, body)) in [(mcp, rpc("tools/list", "")), (info, String::new())].into_iter().enumerate()
    {
        let request =
            request.header("host", "localhost:8787").header("authorization", format!("Bearer {token}"));
        statuses[at] = world.send(request.body(Body::from(body)).unwrap()).await.status().as_u16();
    }
    statuses
}

on_both_engines! {
    /// What stands in front may read the first of two headers, and what stands behind the second.
    async fn two_tokens_in_one_request_are_none(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read openid").await;
        let bearer = format!("Bearer {}", first.text("access_token"));
        for values in [vec![bearer.as_str(); 2], vec![bearer.as_str(), "Basic YTpi"], vec!["Bearer  a b"]] {
            let mut request = Request::get("/userinfo").header("host", "localhost:8787");
            for value in &values {
                request = request.header("authorization", *value);
            }
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status(), 401, "{values:?}");
            let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
        }
        let one = Request::get("/userinfo").header("authorization", &bearer).body(Body::empty());
        assert_eq!(world.send(one.unwrap()).await.status(), 200);
    }

    async fn attack_b04_a_code_is_redeemed_by_whoever_made_its_challenge_and_by_nobody_else(world) {
        seed(&world).await;
        let (code, grant) = code(&world, "app", "catalog:read").await;
        let before = rows(&world).await;
        let bare: Vec<_> = redemption(&code).into_iter().filter(|(name, _)| *name != "code_verifier").collect();
        assert_eq!(post(&world, "/token", &bare).await.error(), (400, "invalid_request"), "no verifier");
        let challenge = crate::support::token::CHALLENGE;
        for (verifier, error) in [
            ("", "invalid_request"), ("a", "invalid_request"), (&"a".repeat(42), "invalid_request"), (&"a".repeat(129), "invalid_request"),
            (&format!("{}\u{e9}", "a".repeat(43)), "invalid_request"), (challenge, "invalid_grant"), (&"a".repeat(43), "invalid_grant"), (&"a".repeat(128), "invalid_grant"),
        ] {
            let mut fields = bare.clone();
            fields.push(("code_verifier", verifier));
            assert_eq!(post(&world, "/token", &fields).await.error(), (400, error), "{verifier}");
            // A method does not turn the check into the weaker one.
            fields.extend([("code_challenge_method", "plain"), ("code_challenge", verifier)]);
            assert_eq!(post(&world, "/token", &fields).await.error(), (400, error), "{verifier}");
        }
        assert_eq!(rows(&world).await, before);
        assert!(is_live(&world, &grant).await);
        assert_eq!(post(&world, "/token", &redemption(&code)).await.status, 200);
    }

    async fn attack_b08_every_answer_says_once_whose_it_is(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let place = "https://app.example/cb?tenant=1&x=";
        let client = world.client(ClientKind::PreRegistered, "Portal", &[place]).await;
        let mut browser = Browser::default();
        // Whatever issuer a request claims, the answer has ours: `parameter` fails where one is there twice.
        let claimed = ("iss", "https://evil.example");
        let good = browser.connect(&world, &client, &[claimed]).await;
        assert!(good.at.starts_with(&format!("{place}&code=")), "what was in the redirect stays: {}", good.at);
        let mut ends = vec![good];
        for wrong in [("response_type", "token"), ("scope", "\""), ("code_challenge", ""), ("resource", "https://evil.example/")] {
            ends.push(browser.authorize(&world, &client, &[wrong, claimed]).await);
        }
        let page = browser.authorize(&world, &client, &[("prompt", "consent")]).await;
        ends.push(browser.decide(&world, &page, "cancel").await);
        for end in ends {
            assert_eq!(end.parameter("iss").as_deref(), Some(ORIGIN), "{}", end.at);
            assert_eq!(end.parameter("state").as_deref(), Some("a+b/c=="), "{}", end.at);
            assert!(end.parameter("code").is_some() != end.parameter("error").is_some(), "{}", end.at);
            assert!(!end.at.contains("evil"), "{}", end.at);
        }
    }

    /// The attacker's redirect answers beforehand: which of the two the client reads is then anybody's guess (KC CVE-2026-9689).
    async fn attack_b08_a_redirect_that_brings_an_answer_of_its_own_is_not_registered(world) {
        for name in ["code", "state", "iss", "error", "error_description", "%69ss", "co%64e"] {
            for place in ["https://app.example/cb", "http://127.0.0.1:33418/"] {
                let uri = format!("{place}?x=1&{name}=forged");
                let answer = register(&world, &good_with("redirect_uris", json!([uri]))).await;
                assert_eq!(answer.error(), (400, "invalid_redirect_uri"), "{uri}");
            }
        }
        let fine = json!(["https://app.example/cb?x=1&codes=2&statement=3"]);
        assert_eq!(register(&world, &good_with("redirect_uris", fine)).await.status, 201);
    }

    async fn attack_e07_a_code_or_token_that_somebody_made_up_opens_nothing_and_ends_nothing(world) {
        seed(&world).await;
        let (code, _) = code(&world, "app", "catalog:read offline_access").await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let refresh = first.text("refresh_token");
        let before = rows(&world).await;
        for good in [&code, &refresh] {
            for forged in [
                String::new(), "%".into(), "_".repeat(good.len()), "' or '1'='1".into(), format!("{good}' --"), format!("{good}%"), format!(" {good}"), format!("{good}\u{0}"),
                good[..good.len() - 1].to_owned(), format!("{good}A"), good.to_uppercase(), good[4..].to_owned(), good.repeat(40), grant.clone(),
                postern::secret::Digest::of(good).as_str().to_owned(),
            ] {
                for fields in [redemption(&forged), refreshing(&forged)] {
                    let answer = post(&world, "/token", &fields).await;
                    assert!(["invalid_grant", "invalid_request"].contains(&answer.error().1) && answer.status == 400, "{forged}: {answer:?}");
                }
            }
        }
        // One in the place of the other.
        assert_eq!(post(&world, "/token", &redemption(&refresh)).await.error(), (400, "invalid_grant"));
        assert_eq!(post(&world, "/token", &refreshing(&code)).await.error(), (400, "invalid_grant"));
        assert_eq!(rows(&world).await, before, "whoever guesses ends nobody's sign-in");
        assert_eq!(post(&world, "/token", &redemption(&code)).await.status, 200);
        assert_eq!(post(&world, "/token", &refreshing(&refresh)).await.status, 200);
    }

    async fn attack_e07_a_cursor_that_somebody_made_up_is_an_answer_and_never_a_query(world) {
        seed(&world).await;
        let token = signed_in(&world, "catalog:read").await.0.text("access_token");
        let ask = async |arguments: serde_json::Value| {
            let params = json!({"name": "catalog_query-catalog-entities", "arguments": arguments});
            let params = params.to_string();
            let request = Request::post("/mcp").header("host", "localhost:8787").header("content-type", "application/json")
                .header("authorization", format!("Bearer {token}"));
            let body = rpc("tools/call", &params[1..params.len() - 1]);
            let response = world.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(response.status(), 200);
            crate::support::world::json(response).await["result"].clone()
        };
        let first = ask(json!({"query": {"kind": "Component"}, "limit": 1})).await;
        let good = first["structuredContent"]["nextPageCursor"].as_str().unwrap().to_owned();
        assert!(ask(json!({"cursor": good, "limit": 1})).await["isError"] != true);
        let encode = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
        for forged in [
            "x".to_owned(), "' or 1=1 --".to_owned(), good[..good.len() / 2].to_owned(), format!("{good}AAAA"), encode("{}"), encode("null"),
            encode(r#"{"version":1,"question":{},"values":["' or 1=1 --"],"reference":"x","admin":true}"#), encode(&"[".repeat(10_000)),
        ] {
            let result = ask(json!({"cursor": forged})).await;
            assert_eq!(result["isError"], true, "{forged}: {result}");
            let said = result["content"][0]["text"].as_str().unwrap();
            assert!(!said.to_lowercase().contains("sql") && said.len() < 1_000, "{said}");
        }
    }

    async fn attack_f03_a_token_of_one_kind_is_never_taken_for_another(world) {
        let world = world_with_agent(world).await;
        // The worst case: a client whose name is the resource, so that its ID token even has the right audience.
        let resource = world.app.config.resource();
        client(&world.app, &resource, ClientKind::PreRegistered, AuthMethod::None).await;
        let (code, grant) = code(&world, &resource, "openid catalog:read offline_access").await;
        let mut fields = redemption(&code);
        fields[1].1 = &resource;
        let tokens = post(&world, "/token", &fields).await;
        let (id, access, refresh) = (tokens.text("id_token"), tokens.text("access_token"), tokens.text("refresh_token"));
        assert_eq!(opened(&world, &access).await, [200, 200]);
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let assertion = signer.assertion(&world, "signs");
        for other in [&id, &refresh, &assertion, &code] {
            assert_eq!(opened(&world, other).await, [401, 401], "{other}");
            assert_eq!(exchange(&world, other, &[]).await.error(), (400, "invalid_request"), "{other}");
            let seen = post_as(&world, "/introspect", &[("token", other)], Some(&format!("agent:{SECRET}"))).await;
            assert_eq!(seen.json, json!({"active": false}), "{other}");
        }
        for other in [&id, &access, &refresh] {
            assert_eq!(own_token(&world, other).await.error(), (401, "invalid_client"), "{other}");
            let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", other.as_str())];
            let answer = post_as(&world, "/token", &fields, Some(&format!("agent:{SECRET}"))).await;
            assert_eq!(answer.status, 400, "{answer:?}");
        }
        assert!(is_live(&world, &grant).await);
        assert_eq!(own_token(&world, &assertion).await.status, 200, "it was good for what it is, and was not used up");
    }
}
