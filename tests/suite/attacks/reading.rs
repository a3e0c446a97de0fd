//! Attacks on what only reads: answers that are too large, ways around the scope and the record, news of what the caller
//! may not read.

use std::fs;

use axum::body::Body;
use http::Request;
use postern::mcp::changes::{Change, What};
use postern::oauth::claims::{AccessClaims, sign_access};
use serde_json::{Value, json};

use crate::journeys::personal_tokens::made;
use crate::support::World;
use crate::support::events::{Events, Legacy};
use crate::support::mcp::{Answer, ERAS, Era, McpWorld, granted, rpc};
use crate::support::people::PASSWORD;
use crate::support::proof::Signer;

const ENTITY: &str = "catalog://component/default/arrivals-service";

async fn rest(world: &World, token: &str, path: &str, body: Option<Value>) -> u16 {
    let request = Request::builder().method(if body.is_some() { "POST" } else { "GET" });
    let request = request
        .uri(format!("/api/catalog{path}"))
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    world.send(request.body(body).unwrap()).await.status().as_u16()
}

/// J: one name asked for a thousand times, or a catalog of giants, is memory that one small request takes.
#[tokio::test]
async fn attack_j_an_answer_has_an_end_however_often_an_entity_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("big.txt"), "x".repeat(1_000_000)).unwrap();
    for n in 0..5 {
        let texts: String = (0..16).map(|n| format!("  t{n}: {{$text: big.txt}}\n")).collect();
        let entity = format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: big-{n}}}\nspec:\n  type: a\n  \
             lifecycle: b\n  owner: c\n{texts}"
        );
        fs::write(folder.path().join(format!("{n}.yaml")), entity).unwrap();
    }
    let paths = folder.path().display().to_string();
    let world = World::with(None, &[("catalog.paths", &paths)]).await;
    let token = granted(&world.app, "ada", "catalog:read").await;
    let named = |count: usize| json!(vec!["component:default/big-1"; count]);
    let refs = |count| json!({"entityRefs": named(count)});
    assert_eq!(rest(&world, &token, "/entities/by-refs", Some(refs(3))).await, 200);
    assert_eq!(rest(&world, &token, "/entities/by-refs", Some(refs(5))).await, 400);
    let less = json!({"entityRefs": named(1_000), "fields": ["kind"]});
    assert_eq!(rest(&world, &token, "/entities/by-refs", Some(less)).await, 200, "asking for less helps");
    for (path, status) in [
        ("/entities", 400),
        ("/entities?limit=3", 200),
        ("/entities?fields=kind", 200),
        ("/entities/by-query", 400),
        ("/entities/by-query?limit=3", 200),
    ] {
        assert_eq!(rest(&world, &token, path, None).await, status, "{path}");
    }
}

fn reads() -> [(&'static str, String); 3] {
    [
        // A member that the method does not have names something else.
        ("resources/read", format!(r#""name":"x","uri":"{ENTITY}""#)),
        ("resources/read", format!(r#""uri":"{ENTITY}""#)),
        ("prompts/get", r#""name":"who-owns","arguments":{"entity":"x"},"uri":"catalog://a/b/c""#.to_owned()),
    ]
}

/// Whether a read of the catalog is on record; records are written a moment later.
async fn is_recorded(world: &McpWorld) -> bool {
    for _ in 0..60 {
        let rows: Vec<(String,)> = sqlx::query_as("select detail from audit where event = 'tool.calls'")
            .fetch_all(world.world.app.store.read())
            .await
            .unwrap();
        if rows.iter().any(|(detail,)| detail.contains("catalog:get-catalog-entity")) {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    false
}

async fn batch(world: &McpWorld, token: &str, method: &str, params: &str) -> Answer {
    world.post(token, &[], &format!("[{}]", rpc(method, params))).await
}

#[tokio::test]
async fn attack_another_member_of_the_parameters_does_not_decide_what_a_read_needs() {
    for (method, params) in reads() {
        let world = McpWorld::with_catalog(false).await;
        let token = world.token("openid");
        for era in ERAS {
            let answer = match era {
                Era::Legacy => world.legacy(&token, method, &params).await,
                Era::Modern => world.modern(&token, method, &params).await,
            };
            assert_eq!(answer.status, 403, "{era:?} {params}: {}", answer.text);
        }
        let subscribe = format!(r#""name":"x","uri":"{ENTITY}""#);
        assert_eq!(world.legacy(&token, "resources/subscribe", &subscribe).await.status, 403);
        let answer = batch(&world, &token, method, &params).await;
        assert_eq!(answer.status, 403, "a batch asks for the scope too: {params} {}", answer.text);
        assert!(answer.header("www-authenticate").contains("catalog:read"));
    }
}

#[tokio::test]
async fn attack_no_way_to_read_goes_without_a_record() {
    for (method, params) in reads() {
        for way in ["alone", "batch"] {
            let world = McpWorld::with_catalog(false).await;
            let token = world.token("catalog:read");
            let answer = match way {
                "alone" => world.legacy(&token, method, &params).await,
                _ => batch(&world, &token, method, &params).await,
            };
            assert_eq!(answer.status, 200, "{way} {params}");
            assert!(is_recorded(&world).await, "{way} {params}");
        }
    }
}

async fn old_world() -> McpWorld {
    McpWorld::with(|state| {
        let actions = postern::catalog::actions::actions(state.catalog.clone());
        state.servers[0].actions = std::sync::Arc::new(postern::actions::Registry::new(actions).unwrap());
        state.servers.truncate(1);
        state.servers[0].paths.push("/sse".into());
    })
    .await
}

fn old_token(world: &McpWorld, scope: &str) -> String {
    let mut claims = world.claims(scope);
    claims.audience = "http://localhost:8787/sse".into();
    world.signed(&claims)
}

async fn old_stream(world: &McpWorld, token: &str) -> (Events, String) {
    let request = Request::get("/sse").header("host", "localhost:8787");
    let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
    let mut stream = Events::open(&world.router, request).await;
    let uri = stream.expect().await.data;
    (stream, uri)
}

#[tokio::test]
async fn attack_the_old_transport_asks_for_the_scope_of_a_read_and_records_it() {
    for (method, params) in reads() {
        let world = old_world().await;
        let ask = async |token: &str, uri: &str| {
            let request = Request::post(uri).header("host", "localhost:8787");
            let request = request.header("content-type", "application/json");
            let request = request.header("authorization", format!("Bearer {token}"));
            world.send(request.body(Body::from(rpc(method, &params))).unwrap()).await.status
        };
        let (narrow, wide) = (old_token(&world, "openid"), old_token(&world, "catalog:read"));
        let (mut stream, uri) = old_stream(&world, &narrow).await;
        assert_eq!(ask(&narrow, &uri).await, 403, "{params}");
        assert_eq!(ask(&wide, &uri).await, 202);
        assert!(stream.expect().await.json().get("result").is_some());
        assert!(is_recorded(&world).await, "{params}");
    }
}

fn tell(world: &McpWorld, what: What) {
    world.world.app.store.tell(Change::of(what).event());
}

fn news() -> [What; 3] {
    [What::Prompts, What::Resources, What::Resource(ENTITY.into())]
}

#[tokio::test]
async fn attack_nobody_hears_of_what_they_may_not_read() {
    let world = McpWorld::with_catalog(false).await;
    let all = json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
        "resourceSubscriptions": [ENTITY]});
    for (scope, told) in [("openid", json!({"toolsListChanged": true})), ("catalog:read", all.clone())] {
        let mut stream = world.listen(&world.token(scope), "1", &all.to_string()).await;
        assert_eq!(stream.expect().await.json()["params"]["notifications"], told, "{scope}");
        for what in news() {
            tell(&world, what);
            if scope == "openid" {
                assert!(stream.is_silent().await, "{scope}");
            } else {
                stream.expect().await;
            }
        }
    }
}

/// A session is its user's and client's, and each stream of it is as good as the token that opened it.
#[tokio::test]
async fn attack_a_session_s_stream_tells_what_its_own_token_may_read() {
    let world = McpWorld::with_catalog(false).await;
    let wide = Legacy::connect(&world.router, &world.token("catalog:read"), "2025-11-25").await;
    let subscribe = format!(r#""uri":"{ENTITY}""#);
    let narrow = wide.with_token(&world.token("openid"));
    assert_eq!(narrow.ask("resources/subscribe", &subscribe).await.status, 403);
    wide.ask("resources/subscribe", &subscribe).await.result();
    let mut stream = narrow.get("").await;
    stream.expect().await;
    for what in news() {
        tell(&world, what);
        assert!(stream.is_silent().await);
    }
    // Nor where the session follows more while the stream is open.
    let other = r#""uri":"catalog://api/default/bookings-api""#;
    wide.ask("resources/subscribe", other).await.result();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    tell(&world, What::Resource("catalog://api/default/bookings-api".into()));
    assert!(stream.is_silent().await);
    tell(&world, What::Tools);
    assert_eq!(stream.expect().await.method(), "notifications/tools/list_changed");
    let mut stream = wide.get("").await;
    stream.expect().await;
    tell(&world, What::Resource(ENTITY.into()));
    assert_eq!(stream.expect().await.method(), "notifications/resources/updated");
}

#[tokio::test]
async fn attack_the_old_transport_tells_no_more_than_may_be_read() {
    let world = old_world().await;
    for (scope, hears) in [("openid", false), ("catalog:read", true)] {
        let (mut stream, _) = old_stream(&world, &old_token(&world, scope)).await;
        tell(&world, What::Resources);
        assert_eq!(!stream.is_silent().await, hears, "{scope}");
    }
}

/// REST, as whoever calls it: the scheme, the token, and what proves its key.
async fn query(world: &World, authorization: &str, proof: Option<&str>) -> u16 {
    let mut request = Request::post("/api/catalog/entities/by-query")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", authorization);
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    world.send(request.body(r#"{"limit":1}"#.into()).unwrap()).await.status().as_u16()
}

/// A token of ada's that is bound to this key.
fn bound(world: &World, key: &str) -> String {
    let now = world.clock.now();
    let claims = AccessClaims {
        issuer: world.app.config.issuer().into(),
        subject: "ada".into(),
        audience: world.app.config.resource(),
        client_id: "ada".into(),
        scope: "catalog:read".parse().unwrap(),
        token_id: "bound".into(),
        grant_id: "ada".into(),
        username: "ada".into(),
        is_user: true,
        key: Some(key.to_owned()),
        actor: None,
        issued_at: now,
        expires_at: now.plus_seconds(900),
    };
    sign_access(&claims, world.app.keys.load().signing()).unwrap()
}

on_both_engines! {
    async fn attack_the_rest_api_takes_a_bound_token_with_a_proof_of_its_key_only(world) {
        granted(&world.app, "ada", "catalog:read").await;
        let (signer, thief) = (Signer::new(), Signer::new());
        let token = bound(&world, &signer.thumbprint);
        let (url, bearer, dpop) = ("http://localhost:8787/api/catalog/entities/by-query", format!("Bearer {token}"), format!("DPoP {token}"));
        let good = signer.proof_with(&world, url, &token);
        assert_eq!(query(&world, &dpop, Some(&good)).await, 200);
        for (scheme, proof) in [
            (&bearer, None),
            (&dpop, None),
            (&bearer, Some(signer.proof_with(&world, url, &token))),
            (&dpop, Some(good.clone())),
            (&dpop, Some(thief.proof_with(&world, url, &token))),
            (&dpop, Some(signer.proof_with(&world, "http://localhost:8787/mcp", &token))),
            (&dpop, Some(signer.proof_with(&world, url, "another token"))),
            (&dpop, Some(signer.proof(&world, url))),
        ] {
            assert_eq!(query(&world, scheme, proof.as_deref()).await, 401, "{scheme} {proof:?}");
        }
    }

    /// A token that is kept to one plugin reads nothing of another, by whatever way.
    async fn attack_a_token_kept_to_another_plugin_reads_no_entity(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let (free, _) = made(&world.app, |_| {}).await;
        let (kept, _) = made(&world.app, |wish| wish.kept.plugins = vec!["auth".into()]).await;
        for (token, may) in [(&free, true), (&kept, false)] {
            assert_eq!(query(&world, &format!("Bearer {token}"), None).await, if may { 200 } else { 403 });
            let ask = async |method: &str, params: &str| {
                let request = Request::post("/mcp").header("host", "localhost:8787").header("content-type", "application/json");
                let request = request.header("authorization", format!("Bearer {token}"));
                Answer::of(world.send(request.body(Body::from(rpc(method, params))).unwrap()).await).await.json()
            };
            assert_eq!(ask("resources/list", "").await["result"]["resources"].as_array().unwrap().is_empty(), !may);
            assert_eq!(ask("resources/templates/list", "").await["result"]["resourceTemplates"].as_array().unwrap().is_empty(), !may);
            for (method, params) in reads().into_iter().filter(|(_, params)| !params.contains("who-owns")) {
                assert_eq!(ask(method, &params).await.get("result").is_some(), may, "{method} {params}");
            }
            let who = r#""name":"who-owns","arguments":{"entity":"component:default/arrivals-service"}"#;
            assert_eq!(ask("prompts/get", who).await.get("result").is_some(), may);
            let prompts = ask("prompts/list", "").await["result"]["prompts"].to_string();
            assert_eq!(prompts.contains("who-owns"), may, "{prompts}");
        }
    }
}

/// A batch is no way to learn that a tool exists which this token does not have (H07).
#[tokio::test]
async fn attack_h07_a_batch_answers_for_a_hidden_tool_as_for_none() {
    let world = World::sqlite().await;
    world.user("dana@acme.dev", PASSWORD).await;
    let (kept, _) = made(&world.app, |wish| wish.kept.plugins = vec!["auth".into()]).await;
    let mut answers = Vec::new();
    for name in ["catalog_get-catalog-entity", "catalog_get-nothing-at-all"] {
        let request =
            Request::post("/mcp").header("host", "localhost:8787").header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {kept}"));
        let body = format!("[{}]", rpc("tools/call", &format!(r#""name":"{name}","arguments":{{}}"#)));
        let answer = Answer::of(world.send(request.body(Body::from(body)).unwrap()).await).await;
        answers.push((answer.status, answer.text.replace(name, "x")));
    }
    assert_eq!(answers[0], answers[1]);
}
