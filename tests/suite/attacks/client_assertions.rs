//! Attacks on clients that sign who they are (attacks.md E04, E05, F01, F04).

use postern::oauth::assertion::TYPE;
use postern::oauth::client::{AuthMethod, ClientKind};
use postern::{limits, store};
use serde_json::json;

use crate::support::World;
use crate::support::documents::{Documents, ID, Reply, document_with};
use crate::support::signer::{ISSUER, Signer, claims, own_token, post_signed, signing_client};
use crate::support::token::{SECRET, client, code, post, post_as, redemption, rows, seed};

/// How many uses are remembered.
async fn remembered(world: &World) -> i64 {
    use sqlx::Row as _;
    let row = sqlx::query("select count(*) from replays").fetch_one(world.app.store.write()).await.unwrap();
    row.get(0)
}

on_both_engines! {
    async fn attack_e04_a_client_that_signs_has_no_other_way_and_nobody_else_may_sign(world) {
        seed(&world).await;
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let own = |id: &'static str| [("grant_type", "client_credentials"), ("client_id", id)];
        let before = rows(&world).await;
        // Nothing, a secret in the body, a secret in the header, an empty assertion.
        assert_eq!(post(&world, "/token", &own("signs")).await.error(), (401, "invalid_client"));
        let secret = [&own("signs")[..], &[("client_secret", SECRET)]].concat();
        assert_eq!(post(&world, "/token", &secret).await.error(), (401, "invalid_client"));
        let basic = format!("signs:{SECRET}");
        assert_eq!(post_as(&world, "/token", &own("signs"), Some(&basic)).await.error(), (401, "invalid_client"));
        let empty = [&own("signs")[..], &[("client_assertion_type", TYPE), ("client_assertion", "")]].concat();
        assert_eq!(post(&world, "/token", &empty).await.error(), (400, "invalid_request"));
        // A good signature beside something else.
        let good = signer.assertion(&world, "signs");
        let proof = [("client_assertion_type", TYPE), ("client_assertion", good.as_str())];
        let both = [&secret[..], &proof].concat();
        assert_eq!(post(&world, "/token", &both).await.error(), (400, "invalid_request"));
        let both = [&own("signs")[..], &proof].concat();
        assert_eq!(post_as(&world, "/token", &both, Some(&basic)).await.error(), (400, "invalid_request"));
        // Clients that registered another way, or nobody at all.
        for id in ["app", "self", "rs", "nobody"] {
            let refused = own_token(&world, &signer.assertion(&world, id)).await;
            assert_eq!(refused.error(), (401, "invalid_client"), "{id}");
        }
        assert_eq!(rows(&world).await, before);
        assert_eq!(remembered(&world).await, 0, "nothing was used up by a refusal");
        assert_eq!(own_token(&world, &good).await.status, 200);
    }

    async fn attack_e05_every_assertion_that_is_not_for_us_here_and_now_is_refused(world) {
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let now = world.clock.now().seconds();
        for (name, value) in [
            ("aud", json!("https://other.example/token")),
            ("aud", json!("http://localhost:8787/token")),
            ("aud", json!("http://localhost:8787/")),
            ("aud", json!([ISSUER, "https://other.example"])),
            ("aud", json!(null)),
            ("exp", json!(null)),
            ("exp", json!(now - limits::ASSERTION_SKEW_SECONDS)),
            ("exp", json!(now + 86_400)),
            ("nbf", json!(now + 3_600)),
            ("iat", json!(now + 3_600)),
            ("iss", json!("other")),
            ("sub", json!("other")),
            ("jti", json!(null)),
        ] {
            let assertion = signer.assertion_with(&world, "signs", name, value.clone());
            let refused = own_token(&world, &assertion).await;
            assert_eq!(refused.error(), (401, "invalid_client"), "{name} {value}");
            let why = refused.text("error_description");
            assert!(why.starts_with("client_assertion ") && why.is_ascii() && !why.contains('"'), "{why}");
        }
        let other = [("grant_type", "client_credentials"), ("client_id", "other")];
        let refused = post_signed(&world, "/token", &other, &signer.assertion(&world, "signs")).await;
        assert_eq!(refused.error(), (401, "invalid_client"), "client_id names another");
        for nobody in ["nul\0", "", " ", "nobody"] {
            assert_eq!(own_token(&world, &signer.assertion(&world, nobody)).await.error(), (401, "invalid_client"), "{nobody:?}");
        }
        assert_eq!(remembered(&world).await, 0);
    }

    async fn attack_e05_an_assertion_is_used_once_on_all_nodes_and_still_after_a_restart(world) {
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        signing_client(&world, "also", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let claims = claims(&world, "signs");
        let assertion = signer.sign(&signer.header(), &claims);
        let (elsewhere, _) = postern::app::App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
        let router = postern::ops::serve::router(&elsewhere).unwrap();
        let node = |n: usize| World { router: if n.is_multiple_of(2) { world.router.clone() } else { router.clone() },
            app: world.app.clone(), clock: world.clock.clone(), dir: tempfile::tempdir().unwrap() };
        let all = (0..40).map(|n| { let (node, assertion) = (node(n), assertion.clone());
            tokio::spawn(async move { own_token(&node, &assertion).await.status }) });
        let mut accepted = 0;
        for one in all.collect::<Vec<_>>() {
            match one.await.unwrap() { 200 => accepted += 1, 401 => {}, other => panic!("{other}") }
        }
        assert_eq!(accepted, 1);
        let world = world.restarted(&[]).await;
        for signed_again in [assertion, signer.sign(&json!({"alg": "ES256"}), &claims)] {
            let refused = own_token(&world, &signed_again).await;
            assert_eq!(refused.error(), (401, "invalid_client"));
            assert!(refused.text("error_description").contains("used before"));
        }
        // The same jti by another client is another thing.
        let mut theirs = claims.clone();
        (theirs["iss"], theirs["sub"]) = (json!("also"), json!("also"));
        assert_eq!(own_token(&world, &signer.sign(&signer.header(), &theirs)).await.status, 200);
        // Past its end its age refuses it, also once the sweep has forgotten it.
        world.clock.advance(300 + limits::ASSERTION_SKEW_SECONDS);
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(own_token(&world, &signer.sign(&signer.header(), &claims)).await.error(), (401, "invalid_client"));
        world.clock.advance(limits::ASSERTION_SKEW_SECONDS + 1);
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(remembered(&world).await, 0);
    }

    async fn attack_e05_a_captured_assertion_does_not_redeem_a_code_and_costs_its_owner_nothing(world) {
        seed(&world).await;
        let signer = Signer::new("EdDSA");
        signing_client(&world, "signs", ClientKind::SelfRegistered, Some(signer.keys()), None).await;
        let (code, _) = code(&world, "signs", "catalog:read offline_access").await;
        let captured = signer.assertion(&world, "signs");
        let token = [("token", "x")];
        assert_eq!(post_signed(&world, "/revoke", &token, &captured).await.status, 200);
        let fields: Vec<_> = redemption(&code).into_iter().filter(|(name, _)| *name != "client_id").collect();
        assert_eq!(post_signed(&world, "/token", &fields, &captured).await.error(), (401, "invalid_client"));
        let redeemed = post_signed(&world, "/token", &fields, &signer.assertion(&world, "signs")).await;
        assert_eq!(redeemed.status, 200, "{redeemed:?}");
        // A refresh asks for a signature as well: the token alone is worth nothing.
        let refresh = redeemed.text("refresh_token");
        let refreshing = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let bare = [&refreshing[..], &[("client_id", "signs")]].concat();
        assert_eq!(post(&world, "/token", &bare).await.error(), (401, "invalid_client"));
        assert_eq!(post_signed(&world, "/token", &refreshing, &captured).await.error(), (401, "invalid_client"));
        let fresh = signer.assertion(&world, "signs");
        assert_eq!(post_signed(&world, "/token", &refreshing, &fresh).await.status, 200);
    }

    async fn attack_f01_a_header_chooses_neither_the_key_nor_the_algorithm(world) {
        let (signer, stranger) = (Signer::new("RS256"), Signer::new("RS256"));
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let own = |header: &serde_json::Value| signer.sign(header, &claims(&world, "signs"));
        for (name, value) in [
            ("alg", json!("none")), ("alg", json!("NONE")), ("alg", json!("HS256")), ("alg", json!("ES256")), ("alg", json!("PS256")),
            ("alg", json!(["RS256"])), ("kid", json!("../../../dev/null")), ("kid", json!("x' union select '1")), ("kid", json!("")),
            ("crit", json!(["b64"])), ("b64", json!(false)), ("typ", json!("at+jwt")), ("typ", json!("dpop+jwt")),
        ] {
            let mut header = signer.header();
            header[name] = value.clone();
            assert_eq!(own_token(&world, &own(&header)).await.error(), (401, "invalid_client"), "{name} {value}");
        }
        for (name, value) in [("jwk", stranger.jwk.clone()), ("jku", json!("https://client.example/jwks")), ("x5u", json!("https://client.example/x5u"))] {
            for kid in [&signer.jwk["kid"], &stranger.jwk["kid"]] {
                let mut header = json!({"alg": "RS256", "kid": kid});
                header[name] = value.clone();
                let refused = own_token(&world, &stranger.sign(&header, &claims(&world, "signs"))).await;
                assert_eq!(refused.error(), (401, "invalid_client"), "{name} {kid}");
            }
        }
        let good = own(&signer.header());
        let (message, signature) = good.rsplit_once('.').unwrap();
        for forged in [format!("{message}."), format!("{message}.{}", "A".repeat(signature.len())), message.to_owned()] {
            assert_eq!(own_token(&world, &forged).await.error(), (401, "invalid_client"));
        }
        assert_eq!(own_token(&world, &good).await.status, 200);
    }

    async fn attack_f04_invented_key_ids_fetch_nothing_more_than_once_a_minute(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let (signer, next, stranger) = (Signer::new("ES256"), Signer::new("ES256"), Signer::new("ES256"));
        let place = Some("https://client.example/jwks");
        signing_client(&world, "signs", ClientKind::PreRegistered, None, place).await;
        assert_eq!(host.count(), 0, "nothing is fetched before it is needed (attack A04)");
        host.say(Reply::json(signer.keys().to_string()).header("content-type: application/jwk-set+json"));
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.status, 200);
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.status, 200);
        assert_eq!(host.count(), 1);
        for _ in 0..20 {
            assert_eq!(own_token(&world, &stranger.assertion(&world, "signs")).await.error(), (401, "invalid_client"));
        }
        assert_eq!(host.count(), 1, "within the minute");
        // A new key is seen once the minute is over; the flood does not keep it out.
        host.say(Reply::json(json!({"keys": [signer.jwk, next.jwk]}).to_string()));
        world.clock.advance(limits::KEY_SET_REFETCH_SECONDS);
        assert_eq!(own_token(&world, &next.assertion(&world, "signs")).await.status, 200);
        assert_eq!(host.count(), 2);
        // A key that was withdrawn is refused once the set is no longer fresh.
        host.say(Reply::json(next.keys().to_string()));
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.status, 200);
        world.clock.advance(limits::KEY_SET_FRESH_SECONDS);
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.error(), (401, "invalid_client"));
        assert_eq!(own_token(&world, &next.assertion(&world, "signs")).await.status, 200);
    }

    async fn attack_f04_a_key_is_its_owners_even_where_two_name_one_address_or_one_kid(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let (mine, theirs) = (Signer::new("ES256"), Signer::new("ES256"));
        signing_client(&world, "mine", ClientKind::PreRegistered, None, Some("https://client.example/jwks")).await;
        signing_client(&world, "theirs", ClientKind::PreRegistered, None, Some("https://other.example/jwks")).await;
        host.say(Reply::json(mine.keys().to_string()));
        assert_eq!(own_token(&world, &mine.assertion(&world, "mine")).await.status, 200);
        let mut same_kid = theirs.jwk.clone();
        same_kid["kid"] = mine.jwk["kid"].clone();
        host.say(Reply::json(json!({"keys": [same_kid]}).to_string()));
        let mut header = theirs.header();
        header["kid"] = mine.jwk["kid"].clone();
        assert_eq!(own_token(&world, &theirs.sign(&header, &claims(&world, "theirs"))).await.status, 200);
        assert_eq!(own_token(&world, &theirs.sign(&header, &claims(&world, "mine"))).await.error(), (401, "invalid_client"));
        assert_eq!(own_token(&world, &mine.assertion(&world, "theirs")).await.error(), (401, "invalid_client"));
        assert_eq!(own_token(&world, &mine.assertion(&world, "mine")).await.status, 200);
    }

    async fn attack_f04_a_host_that_is_down_or_publishes_private_keys_is_not_asked_without_end(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, None, Some("https://client.example/jwks")).await;
        for _ in 0..10 {
            assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.error(), (401, "invalid_client"));
        }
        assert_eq!(host.count(), 1, "a failure is remembered for a moment");
        world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
        host.say(Reply::json(signer.keys().to_string()));
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.status, 200);
        // Down: what it said last still stands, for a day.
        host.go_down();
        world.clock.advance(limits::KEY_SET_FRESH_SECONDS);
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.status, 200);
        world.clock.advance(limits::KEY_SET_STALE_SECONDS_MAX);
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.error(), (401, "invalid_client"));
        // Up again, with the private half: whoever read it can sign.
        let mut private = signer.jwk.clone();
        private["d"] = json!("AAAA");
        host.say(Reply::json(json!({"keys": [private]}).to_string()));
        world.clock.advance(limits::KEY_SET_FRESH_SECONDS);
        assert_eq!(own_token(&world, &signer.assertion(&world, "signs")).await.error(), (401, "invalid_client"));
    }

    async fn attack_e04_a_described_client_that_declares_keys_is_never_taken_for_a_public_one(world) {
        seed(&world).await;
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let (signer, next) = (Signer::new("ES256"), Signer::new("ES256"));
        let mut document: serde_json::Value =
            serde_json::from_str(&document_with("token_endpoint_auth_method", json!("private_key_jwt"))).unwrap();
        host.say(Reply::json(document.to_string()));
        assert!(postern::web::clients::resolve(&world.app, ID).await.is_err(), "it names no keys");
        world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
        document["jwks"] = signer.keys();
        host.say(Reply::json(document.to_string()));
        let described = postern::web::clients::resolve(&world.app, ID).await.unwrap();
        assert!(described.is_confidential());
        // As its person's Allow does.
        let mut tx = world.app.store.begin().await.unwrap();
        postern::web::described::keep(&world.app, &mut tx, &described, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let (text, _) = code(&world, ID, "catalog:read").await;
        let mut fields = redemption(&text);
        fields[1].1 = ID;
        assert_eq!(post(&world, "/token", &fields).await.error(), (401, "invalid_client"));
        assert_eq!(post_signed(&world, "/token", &fields, &next.assertion(&world, ID)).await.error(), (401, "invalid_client"));
        assert_eq!(post_signed(&world, "/token", &fields, &signer.assertion(&world, ID)).await.status, 200);
        // Its keys change with its document, which is read again once it is no longer fresh.
        document["jwks"] = next.keys();
        host.say(Reply::json(document.to_string()));
        assert_eq!(post_signed(&world, "/revoke", &[("token", "x")], &next.assertion(&world, ID)).await.status, 401);
        world.clock.advance(limits::DOCUMENT_FRESH_SECONDS_MAX);
        assert_eq!(post_signed(&world, "/revoke", &[("token", "x")], &next.assertion(&world, ID)).await.status, 200);
        assert_eq!(post_signed(&world, "/revoke", &[("token", "x")], &signer.assertion(&world, ID)).await.status, 401);
    }

    async fn attack_e05_a_suspended_client_is_refused_before_anything_is_fetched_or_used_up(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, None, Some("https://client.example/jwks")).await;
        client(&world.app, "plain", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
        let mut tx = world.app.store.begin().await.unwrap();
        store::clients::suspend(&mut tx, &world.app.store, "signs", true, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        for id in ["signs", "plain", "nobody"] {
            assert_eq!(own_token(&world, &signer.assertion(&world, id)).await.error(), (401, "invalid_client"));
        }
        assert_eq!((host.count(), remembered(&world).await), (0, 0));
    }
}
