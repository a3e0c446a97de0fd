//! One policy for every grant: what the common ones refuse, the rare ones refuse too (attacks.md E10, C05).

use postern::store::events::Event;
use serde_json::json;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::device;
use crate::support::exchange::{ACCESS_TOKEN, RESOURCE};
use crate::support::identity::{IDP, Provider};
use crate::support::token::{self, Answer, REDIRECT, SECRET, VERIFIER, code, post_as};

/// One good request of each grant by `agent`, which any policy could refuse: what it presents is fresh and was never used.
struct Requests {
    name: &'static str,
    fields: Vec<(&'static str, String)>,
}

async fn requests(world: &World, idp: &Provider) -> Vec<Requests> {
    let grant = "urn:ietf:params:oauth:grant-type:";
    let (first, _) = code(world, "agent", "catalog:read offline_access").await;
    let (second, _) = code(world, "agent", "catalog:read offline_access").await;
    let redeem = |code: String| {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("code_verifier", VERIFIER.to_owned()),
            ("redirect_uri", REDIRECT.to_owned()),
        ]
    };
    let tokens = send(world, &redeem(first)).await;
    let asked = post_as(
        world,
        "/device_authorization",
        &[("scope", "catalog:read")],
        Some(&format!("agent:{SECRET}")),
    )
    .await;
    let mut browser = Browser::default();
    let page = browser.type_code(world, &asked.text("user_code")).await;
    assert!(browser.decide(world, &page, "allow").await.text.contains("is connected"));
    let of = |name, fields| Requests { name, fields };
    vec![
        of("code", redeem(second)),
        of(
            "refresh",
            vec![("grant_type", "refresh_token".into()), ("refresh_token", tokens.text("refresh_token"))],
        ),
        of("own", vec![("grant_type", "client_credentials".into())]),
        of(
            "device",
            vec![("grant_type", format!("{grant}device_code")), ("device_code", asked.text("device_code"))],
        ),
        of(
            "exchange",
            vec![
                ("grant_type", format!("{grant}token-exchange")),
                ("subject_token", tokens.text("access_token")),
                ("subject_token_type", ACCESS_TOKEN.into()),
            ],
        ),
        of(
            "assertion",
            vec![
                ("grant_type", format!("{grant}jwt-bearer")),
                ("assertion", idp.assertion(world, &[("email", json!("dana@acme.dev"))])),
            ],
        ),
    ]
}

async fn send(world: &World, fields: &[(&'static str, String)]) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    post_as(world, "/token", &fields, Some(&format!("agent:{SECRET}"))).await
}

/// `agent` with every grant, `ada` as whom codes are made, Dana who lets devices in.
async fn world_of_all(world: World) -> (Provider, World) {
    let (idp, world) = Provider::start(world, &json!({})).await;
    let trusted = json!([{"issuer": IDP, "clients": ["agent"], "link_by_email": true}]).to_string();
    let set = [("trusted_issuers", trusted.as_str()), ("exchange.resources", &format!("agent={RESOURCE}"))];
    let world = idp.host.known_to_with(world, &set).await;
    token::seed(&world).await;
    (idp, world)
}

/// Does one thing to the store and tells this node.
async fn act(world: &World, statement: &'static str, event: Event) {
    let done = sqlx::query(statement).execute(world.app.store.write()).await.unwrap();
    assert!(done.rows_affected() > 0, "{statement}");
    world.app.store.tell(event);
}

on_both_engines! {
    async fn attack_e10_every_grant_is_good_until_the_policy_says_no(world) {
        let (idp, world) = world_of_all(world).await;
        for request in requests(&world, &idp).await {
            let answer = send(&world, &request.fields).await;
            assert_eq!(answer.status, 200, "{} {answer:?}", request.name);
        }
    }

    async fn attack_e10_a_suspended_client_gets_nothing_by_any_grant(world) {
        let (idp, world) = world_of_all(world).await;
        let requests = requests(&world, &idp).await;
        act(&world, "update clients set suspended_at = 1 where id = 'agent'", Event::ClientRevoked("agent".into())).await;
        for request in &requests {
            assert_eq!(send(&world, &request.fields).await.error(), (401, "invalid_client"), "{}", request.name);
        }
        act(&world, "update clients set suspended_at = null where id = 'agent'", Event::ClientRevoked("agent".into())).await;
        for request in &requests {
            assert_eq!(send(&world, &request.fields).await.status, 200, "{}: refused, and nothing was used up", request.name);
        }
    }

    async fn attack_c05_a_suspended_person_is_nobody_by_any_grant(world) {
        let (idp, world) = world_of_all(world).await;
        let requests = requests(&world, &idp).await;
        act(&world, "update users set suspended_at = 1", Event::KeysChanged).await;
        for request in &requests {
            let answer = send(&world, &request.fields).await;
            let expected = match request.name {
                "own" => (200, ""),
                "exchange" => (400, "invalid_request"),
                _ => (400, "invalid_grant"),
            };
            assert_eq!(answer.error(), expected, "{} {answer:?}", request.name);
        }
        act(&world, "update users set suspended_at = null", Event::KeysChanged).await;
        for request in &requests {
            assert_eq!(send(&world, &request.fields).await.status, 200, "{}: refused, and nothing was used up", request.name);
        }
    }

    async fn attack_e10_a_grant_that_was_not_registered_is_refused_however_good_the_rest_is(world) {
        let (idp, world) = world_of_all(world).await;
        let requests = requests(&world, &idp).await;
        // Without offline_access, which is a word of the person's for staying connected.
        act(&world, "update grants set scope = 'catalog:read'", Event::KeysChanged).await;
        let bare = "update clients set metadata = '{\"redirect_uris\":[],\"grant_types\":[],\"token_endpoint_auth_method\":\"client_secret_basic\"}' where id = 'agent'";
        act(&world, bare, Event::KeysChanged).await;
        for request in &requests {
            assert_eq!(send(&world, &request.fields).await.error(), (400, "unauthorized_client"), "{}", request.name);
        }
    }

    async fn attack_e10_a_resource_or_scope_that_is_gone_is_given_by_no_grant(world) {
        let (idp, world) = world_of_all(world).await;
        let all = requests(&world, &idp).await;
        act(&world, "update grants set resource = 'https://gone.example/mcp'", Event::KeysChanged).await;
        for request in all.iter().filter(|r| ["code", "refresh", "device"].contains(&r.name)) {
            assert_eq!(send(&world, &request.fields).await.error(), (400, "invalid_target"), "{}", request.name);
        }
        for request in all.iter().filter(|r| ["own", "exchange", "assertion"].contains(&r.name)) {
            let mut fields = request.fields.clone();
            fields.push(("resource", "https://gone.example/mcp".into()));
            assert_eq!(send(&world, &fields).await.error(), (400, "invalid_target"), "{}", request.name);
        }
        act(&world, "update grants set resource = 'http://localhost:8787/mcp', scope = 'gone:read'", Event::KeysChanged).await;
        for request in all.iter().filter(|r| ["code", "refresh", "device"].contains(&r.name)) {
            assert_eq!(send(&world, &request.fields).await.error(), (400, "invalid_scope"), "{}", request.name);
        }
        for request in all.iter().filter(|r| ["own", "exchange", "assertion"].contains(&r.name)) {
            let mut fields = request.fields.clone();
            fields.push(("scope", "gone:read".into()));
            assert_eq!(send(&world, &fields).await.error(), (400, "invalid_scope"), "{}", request.name);
        }
    }

    async fn attack_c05_a_device_is_not_let_in_by_somebody_who_is_suspended_meanwhile(world) {
        device::seed(&world).await;
        let asked = device::ask(&world, &[]).await;
        let mut browser = Browser::default();
        let page = browser.type_code(&world, &asked.text("user_code")).await;
        act(&world, "update users set suspended_at = 1", Event::KeysChanged).await;
        let after = browser.decide(&world, &page, "allow").await;
        assert!(!after.text.contains("is connected"), "{}", after.text);
        assert_eq!(device::poll(&world, &asked.text("device_code")).await.error(), (400, "authorization_pending"));
    }
}
