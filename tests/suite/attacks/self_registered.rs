//! Attacks by and on clients that registered themselves, and on the tokens that let them (attacks.md A04, A11, A12, E13).

use http::Method;
use postern::clock::Time;
use postern::secret::{self, InitialAccess, Secret};
use postern::store::registration_tokens::{self, RegistrationToken};
use postern::{limits, store};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::documents::{Documents, Reply};
use crate::support::people::{PASSWORD, good_request};
use crate::support::registration::{ask, good, good_with, register, registered};
use crate::support::signer::{Signer, own_token, post_signed};
use crate::support::token::{code, post, post_as, redemption, refreshing, seed};

async fn token(world: &World, uses: i64, expires_at: Time) -> (String, String) {
    let (minted, now) = (Secret::<InitialAccess>::mint(), world.clock.now());
    let token = RegistrationToken {
        id: secret::id(now),
        note: "tests".into(),
        uses_left: uses,
        created_at: now,
        expires_at,
    };
    registration_tokens::add(&world.app.store, &token, &minted.digest()).await.unwrap();
    (minted.reveal().to_owned(), token.id)
}

async fn left(world: &World, id: &str) -> i64 {
    let all = registration_tokens::list(&world.app.store).await.unwrap();
    all.into_iter().find(|token| token.id == id).unwrap().uses_left
}

async fn count(world: &World) -> usize {
    store::clients::list(&world.app.store).await.unwrap().len()
}

async fn sweep(world: &World) {
    postern::ops::sweep::once(&world.app).await.unwrap();
}

on_both_engines! {
    async fn attack_a04_no_address_of_a_registration_is_fetched_when_it_registers_or_changes(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let signer = Signer::new("ES256");
        host.say(Reply::json(signer.keys().to_string()));
        let bait = "https://client.example/bait";
        let mut body = good_with("token_endpoint_auth_method", json!("private_key_jwt"));
        for name in ["jwks_uri", "logo_uri", "client_uri", "tos_uri", "policy_uri", "sector_identifier_uri", "initiate_login_uri"] {
            body[name] = json!(bait);
        }
        let (id, token, path) = registered(&world, &body).await;
        body["client_id"] = json!(id);
        assert_eq!(ask(&world, Method::PUT, &path, Some(&token), &body).await.status, 200);
        assert_eq!(host.count(), 0);
        // The keys are fetched once they are needed, and nothing else ever.
        assert_eq!(post_signed(&world, "/revoke", &[("token", "x")], &signer.assertion(&world, &id)).await.status, 200);
        assert_eq!(host.count(), 1);
        // An address inside our own network is kept, and reached by nobody.
        for inside in ["https://169.254.169.254/latest", "https://localhost/jwks", "https://10.0.0.1/jwks", "https://metadata.google.internal/"] {
            let mut body = body.clone();
            body["jwks_uri"] = json!(inside);
            let (id, _, _) = registered(&world, &body).await;
            let refused = post_signed(&world, "/revoke", &[("token", "x")], &signer.assertion(&world, &id)).await;
            assert_eq!(refused.error(), (401, "invalid_client"), "{inside}");
        }
        body["jwks_uri"] = json!("http://client.example/jwks");
        assert_eq!(register(&world, &body).await.error(), (400, "invalid_client_metadata"), "in clear");
    }

    async fn attack_a11_a_replacement_gives_a_client_nothing_that_it_did_not_have(world) {
        let (id, token, path) = registered(&world, &good_with("scope", json!("catalog:read"))).await;
        let mut body = good_with("scope", json!("catalog:read catalog:write rbac:write openid"));
        for (name, value) in [
            ("client_id", json!(id)), ("grant_types", json!(["authorization_code", "client_credentials", "password"])), ("kind", json!("pre-registered")),
            ("trusted", json!(true)), ("skip_consent", json!(true)), ("require_pkce", json!(false)), ("used_at", json!(1)), ("registration_digest", json!("x")),
        ] {
            body[name] = value;
        }
        let answer = ask(&world, Method::PUT, &path, Some(&token), &body).await;
        assert_eq!((answer.status, &answer.json["scope"], &answer.json["grant_types"]), (200, &json!("catalog:read"), &json!(["authorization_code"])));
        for ignored in ["kind", "trusted", "skip_consent", "require_pkce", "used_at", "registration_digest"] {
            assert!(answer.json.get(ignored).is_none(), "{ignored}");
        }
        let world = world.restarted(&[("clients.unknown_scopes", "catalog:read openid")]).await;
        let mut asks = good_with("scope", json!("catalog:read scaffolder:run rbac:write"));
        let answer = register(&world, &asks).await;
        assert_eq!(answer.json["scope"], "catalog:read", "the ceiling of strangers");
        (asks["client_id"], asks["scope"]) = (answer.json["client_id"].clone(), json!("catalog:read openid email"));
        let path = format!("/register/{}", answer.text("client_id"));
        let token = answer.text("registration_access_token");
        assert_eq!(ask(&world, Method::PUT, &path, Some(&token), &asks).await.json["scope"], "catalog:read");
        let signer = Signer::new("ES256");
        let mut signs = good_with("token_endpoint_auth_method", json!("private_key_jwt"));
        (signs["jwks"], signs["grant_types"]) = (signer.keys(), json!(["authorization_code", "client_credentials"]));
        let (id, _, _) = registered(&world, &signs).await;
        assert_eq!(own_token(&world, &signer.assertion(&world, &id)).await.error(), (400, "unauthorized_client"));
    }

    async fn attack_a12_a_flood_leaves_a_bounded_number_of_rows_and_locks_nobody_out(world) {
        seed(&world).await;
        let seeded = count(&world).await;
        let most = usize::try_from(limits::CLIENTS_NEVER_USED_MAX).unwrap();
        let (mine, _, _) = registered(&world, &good()).await;
        // As a flood leaves them: older and younger than the time that each has for its first use.
        let now = world.clock.now();
        for at in [now.plus_seconds(1), now.plus_seconds(2)] {
            let flood = "insert into clients (id, kind, name, metadata, registered_at) \
                with recursive n (i) as (select 1 union all select i + 1 from n where i < $2) \
                select 'flood-' || $1 || '-' || i, 'self-registered', 'X', '{}', $1 from n";
            let flood = sqlx::query(flood).bind(at.micros()).bind(i64::try_from(most).unwrap());
            flood.execute(world.app.store.write()).await.unwrap();
        }
        sweep(&world).await;
        assert_eq!(store::clients::find(&world.app.store, &mine).await.unwrap().unwrap().id, mine, "it has an hour");
        let (code, _) = code(&world, &mine, "catalog:read").await;
        let mut fields = redemption(&code);
        fields[1].1 = &mine;
        assert_eq!(post(&world, "/token", &fields).await.status, 200);
        world.clock.advance(limits::CLIENT_FIRST_USE_SECONDS + 3);
        let (late, _, _) = registered(&world, &good()).await;
        while { let before = count_rows(&world).await; sweep(&world).await; count_rows(&world).await < before } {}
        assert!(count_rows(&world).await <= i64::try_from(most + seeded + 2).unwrap());
        for kept in [&mine, &late] {
            assert!(store::clients::find(&world.app.store, kept).await.unwrap().is_some());
        }
    }

    async fn attack_a12_two_that_say_the_same_are_two_and_neither_manages_the_other(world) {
        let (first, token, path) = registered(&world, &good()).await;
        let (second, other, elsewhere) = registered(&world, &good()).await;
        assert!(first != second && token != other);
        assert_eq!(ask(&world, Method::DELETE, &path, Some(&other), &Value::Null).await.status, 401);
        assert_eq!(ask(&world, Method::DELETE, &elsewhere, Some(&other), &Value::Null).await.status, 204);
        assert_eq!(ask(&world, Method::GET, &path, Some(&token), &Value::Null).await.status, 200);
    }

    async fn attack_a12_of_many_registrations_at_once_as_many_get_in_as_the_token_allows(world) {
        let world = world.restarted(&[("clients.self_registered", "token")]).await;
        let (text, id) = token(&world, 5, world.clock.now().plus_seconds(60)).await;
        let all = (0..30).map(|_| {
            let (router, text) = (world.router.clone(), text.clone());
            tokio::spawn(async move {
                let request = http::Request::post("/register").header("host", "localhost:8787").header("content-type", "application/json")
                    .header("authorization", format!("bearer {text}")).body(axum::body::Body::from(good().to_string())).unwrap();
                tower::ServiceExt::oneshot(router, request).await.unwrap().status().as_u16()
            })
        });
        let mut created = 0;
        for one in all.collect::<Vec<_>>() {
            match one.await.unwrap() { 201 => created += 1, 401 => {}, other => panic!("{other}") }
        }
        assert_eq!((created, left(&world, &id).await, count(&world).await), (5, 0, 5));
    }

    async fn attack_a12_without_a_good_token_nothing_is_registered_and_a_failure_costs_none(world) {
        let world = world.restarted(&[("clients.self_registered", "token")]).await;
        let now = world.clock.now();
        let (good_token, id) = token(&world, 2, now.plus_seconds(60)).await;
        let (spent, _) = token(&world, 0, now.plus_seconds(60)).await;
        let (ended, _) = token(&world, 1, now).await;
        let (revoked, gone) = token(&world, 1, now.plus_seconds(60)).await;
        assert!(registration_tokens::remove(&world.app.store, &gone).await.unwrap());
        let other_kind = format!("pon_{}", &good_token[4..]);
        let invented = format!("poi_{}", "A".repeat(43));
        for bad in [None, Some(spent.as_str()), Some(&ended), Some(&revoked), Some(&other_kind), Some(&invented), Some("x"), Some("")] {
            let refused = ask(&world, Method::POST, "/register", bad, &good()).await;
            assert_eq!(refused.error(), (401, "invalid_token"), "{bad:?}");
            assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
        }
        for faulty in [json!({}), good_with("redirect_uris", json!(["http://evil.example/"]))] {
            assert_eq!(ask(&world, Method::POST, "/register", Some(&good_token), &faulty).await.status, 400);
        }
        assert_eq!((left(&world, &id).await, count(&world).await), (2, 0));
        assert_eq!(ask(&world, Method::POST, "/register", Some(&good_token), &good()).await.status, 201);
        assert_eq!(left(&world, &id).await, 1);
        // Where anybody may register, a token that is presented must be good all the same.
        let world = world.restarted(&[]).await;
        assert_eq!(ask(&world, Method::POST, "/register", Some(&invented), &good()).await.status, 401);
        assert_eq!(ask(&world, Method::POST, "/register", Some(&good_token), &good()).await.status, 201);
        assert_eq!(left(&world, &id).await, 0);
        // It is a row for an administrator to see until a day after its end.
        world.clock.advance(60 + limits::ENDED_KEPT_SECONDS + 1);
        sweep(&world).await;
        assert!(registration_tokens::list(&world.app.store).await.unwrap().is_empty());
    }

    async fn attack_e13_nothing_that_is_under_way_is_swept_from_under_a_person(world) {
        seed(&world).await;
        let (refreshes, _, _) = registered(&world, &good()).await;
        let (asks, _, _) = registered(&world, &good()).await;
        let (waits, _, _) = registered(&world, &good()).await;
        let (idle, _, _) = registered(&world, &good()).await;
        let (text, _) = code(&world, &refreshes, "catalog:read offline_access").await;
        let mut fields = redemption(&text);
        fields[1].1 = &refreshes;
        let mut refresh = post(&world, "/token", &fields).await.text("refresh_token");
        world.clock.advance(limits::CLIENT_NEVER_USED_SECONDS - 1);
        let place = format!("/authorize?response_type=code&client_id={asks}&redirect_uri=http%3A%2F%2F127.0.0.1%3A33418%2F&state=s\
            &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
        assert_eq!(world.get(&place).await.status(), 303);
        let device = "insert into device_requests (digest, user_code_digest, client_id, request, created_at, expires_at, interval_seconds) \
            values ('d', 'u', $1, '{}', 0, $2, 5)";
        let until = world.clock.now().plus_seconds(600).micros();
        sqlx::query(device).bind(&waits).bind(until).execute(world.app.store.write()).await.unwrap();
        world.clock.advance(2);
        sweep(&world).await;
        let known = async |id: &str| store::clients::find(&world.app.store, id).await.unwrap().is_some();
        assert!(known(&refreshes).await && known(&asks).await && known(&waits).await && !known(&idle).await);
        // Beside its use, for as long as its grant lives, whatever its age.
        for _ in 0..12 {
            world.clock.advance(20 * 86_400);
            sweep(&world).await;
            let mut fields = refreshing(&refresh);
            fields[1].1 = &refreshes;
            let answer = post(&world, "/token", &fields).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            refresh = answer.text("refresh_token");
        }
        assert!(!known(&asks).await && !known(&waits).await, "what was left lying goes later");
    }

    async fn attack_e13_a_client_that_is_gone_is_answered_so_that_it_registers_anew(world) {
        seed(&world).await;
        let (id, _, _) = registered(&world, &good_with("token_endpoint_auth_method", json!("client_secret_post"))).await;
        world.clock.advance(limits::CLIENT_NEVER_USED_SECONDS + 1);
        sweep(&world).await;
        let mut fields = refreshing("por_0000000000000000000000000000000000000000000");
        fields[1].1 = &id;
        assert_eq!(post(&world, "/token", &fields).await.error(), (401, "invalid_client"));
        assert_eq!(post_as(&world, "/token", &fields, Some(&format!("{id}:x"))).await.error(), (401, "invalid_client"));
        let page = world.get(&format!("/authorize?response_type=code&client_id={id}&redirect_uri=http%3A%2F%2F127.0.0.1%3A33418%2F")).await;
        assert!(page.status().is_client_error());
        assert!(page.headers().get("location").is_none(), "nowhere to send anybody");
        let text = crate::support::world::text(page).await;
        assert!(text.contains("This app is not known here") && text.contains("remove the connection and add it again"), "{text}");
    }

    /// What a client registered is its own word: the ceiling holds wherever it asks, with an initial access token or not.
    async fn attack_a11_a_client_that_registered_itself_never_asks_for_more_than_strangers_may(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let (vouched, made) = token(&world, 1, world.clock.now().plus_seconds(60)).await;
        let world = world.restarted(&[("clients.unknown_scopes", "catalog:read offline_access")]).await;
        let body = good_with("grant_types", json!(["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]));
        let with_token = ask(&world, Method::POST, "/register", Some(&vouched), &body).await;
        assert_eq!(left(&world, &made).await, 0, "the token was used");
        let without = register(&world, &body).await;
        for id in [with_token.text("client_id"), without.text("client_id")] {
            let client = store::clients::find(&world.app.store, &id).await.unwrap().unwrap();
            let mut browser = Browser::default();
            let broad = "catalog:read openid email";
            let page = browser.authorize(&world, &client, &[("scope", broad)]).await;
            let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
            assert!(page.text.contains("<dd>catalog:read</dd>"), "{}", page.text);
            let nothing = browser.authorize(&world, &client, &[("scope", "email")]).await;
            assert_eq!(nothing.parameter("error").as_deref(), Some("invalid_scope"));
            let fields: Vec<(String, String)> = good_request(&client);
            let mut pushed: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| *n != "scope").collect();
            pushed.push(("scope", "email"));
            assert_eq!(post(&world, "/par", &pushed).await.error(), (400, "invalid_scope"));
            let device = [("client_id", id.as_str()), ("scope", "email")];
            assert_eq!(post(&world, "/device_authorization", &device).await.error(), (400, "invalid_scope"));
        }
        // Nobody set a ceiling: the person decides.
        let world = world.restarted(&[]).await;
        let client = store::clients::find(&world.app.store, &without.text("client_id")).await.unwrap().unwrap();
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[("scope", "catalog:read openid email")]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.text.contains("<dd>catalog:read email openid</dd>"), "{}", page.text);
    }
}

async fn count_rows(world: &World) -> i64 {
    use sqlx::Row as _;
    let row = sqlx::query("select count(*) from clients").fetch_one(world.app.store.write()).await.unwrap();
    row.get(0)
}
