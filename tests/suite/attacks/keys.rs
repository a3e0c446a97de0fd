//! Signing keys and what seals them: F01, F06, F07.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use http::Request;
use postern::app::{App, keys};
use postern::clock::Time;
use postern::config::{Algorithm, Hidden};
use postern::limits;
use postern::oauth::claims::{AccessClaims, sign_access};
use postern::oauth::key::{KeyRing, SigningKey};
use postern::ops::sweep;
use postern::secret::{self, Vault};
use postern::store::{self, keys::NewKey};
use serde_json::Value;

use crate::support::World;
use crate::support::mcp::rpc;
use crate::support::token::{SECRET, post, post_as, refreshing, seed, signed_in};

const ALL: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];

/// The status of a call with `token`.
async fn call(world: &World, token: &str) -> u16 {
    let request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap()).await.status().as_u16()
}

/// The ids that are published.
async fn published(world: &World) -> Vec<String> {
    let document = crate::support::world::json(world.get("/jwks.json").await).await;
    document["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn header(token: &str) -> Value {
    serde_json::from_slice(&BASE64URL.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

async fn introspected(world: &World, token: &str) -> Value {
    let basic = format!("rs:{SECRET}");
    post_as(world, "/introspect", &[("token", token)], Some(&basic)).await.json["active"].clone()
}

/// A token of grant `grant` that lives for a day, whatever the configuration says.
fn long_token(world: &World, ring: &KeyRing, grant: &str) -> String {
    let claims = AccessClaims {
        issuer: world.app.config.issuer().into(),
        subject: "ada".into(),
        audience: world.app.config.resource(),
        client_id: "app".into(),
        scope: "catalog:read".parse().unwrap(),
        token_id: "long".into(),
        grant_id: grant.into(),
        username: "Ada@example.com".into(),
        is_user: true,
        key: None,
        actor: None,
        issued_at: world.clock.now(),
        expires_at: world.clock.now().plus_seconds(86_400),
    };
    sign_access(&claims, ring.signing()).unwrap()
}

async fn machine_token(world: &World) -> String {
    let fields = [("grant_type", "client_credentials"), ("scope", "catalog:read")];
    let answer = post_as(world, "/token", &fields, Some(&format!("rs:{SECRET}"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("access_token")
}

/// A second later another key takes over, as one does when its time has come.
async fn hand_over(world: &World, algorithm: Algorithm) {
    world.clock.advance(1);
    let now = world.clock.now();
    let pkcs8 = secret::private_key(algorithm);
    let key = SigningKey::from_pkcs8(&pkcs8, algorithm, now).unwrap();
    let sealed = world.app.vault.seal(&key.kid, &pkcs8);
    let current = world.app.keys.load().signing().kid.clone();
    let new = NewKey { key, sealed, token_seconds: 900 };
    assert!(store::keys::add_next(&world.app.store, &current, &new, now).await.unwrap());
    assert!(keys::reload(&world.app).await);
}

async fn refusal(app: &App) -> String {
    let opened = App::open(app.config.clone(), app.clock.clone()).await;
    opened.err().map(|e| e.to_string()).expect("the start is refused")
}

on_both_engines! {
    async fn f06_a_next_key_is_published_before_it_signs_and_the_old_one_stays_until_its_tokens_ended(world) {
        seed(&world).await;
        let old = world.app.keys.load_full();
        let old_kid = old.signing().kid.clone();
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let next = keys::rotate(&world.app).await.unwrap();
        assert!(next.is_new && next.active_at == world.clock.now().plus_seconds(limits::KEY_LEAD_SECONDS));
        assert_eq!(keys::rotate(&world.app).await.unwrap(), keys::Scheduled { is_new: false, ..next.clone() });
        keys::reload(&world.app).await;
        assert_eq!(published(&world).await.len(), 2);
        assert_eq!(call(&world, &first.text("access_token")).await, 200);
        world.clock.advance(limits::KEY_LEAD_SECONDS - 1);
        let before = machine_token(&world).await;
        assert_eq!(header(&before)["kid"], old_kid.as_str(), "not yet");
        world.clock.advance(1);
        assert!(keys::reload(&world.app).await);
        let after = machine_token(&world).await;
        assert_eq!(header(&after)["kid"], next.kid.as_str());
        let long = long_token(&world, &old, &grant);
        for token in [&before, &after, &long] {
            assert_eq!((call(&world, token).await, introspected(&world, token).await), (200, Value::Bool(true)));
        }
        // The last token of the old key has expired, and clocks differ: still there. Then gone, with its private half.
        world.clock.advance(900 + limits::KEY_OVERLAP_SECONDS - 1);
        sweep::once(&world.app).await.unwrap();
        keys::reload(&world.app).await;
        assert_eq!(published(&world).await.len(), 2);
        world.clock.advance(1);
        sweep::once(&world.app).await.unwrap();
        keys::reload(&world.app).await;
        assert_eq!(published(&world).await, [next.kid]);
        assert_eq!((call(&world, &long).await, introspected(&world, &long).await), (401, Value::Bool(false)), "a retired key opens nothing");
        let kept: String = sqlx::query_scalar("select sealed_private from signing_keys where retired_at is not null")
            .fetch_one(world.app.store.write()).await.unwrap();
        assert_eq!(kept, "");
    }

    async fn f06_tokens_are_issued_and_accepted_without_a_gap_while_keys_of_every_kind_take_over(world) {
        seed(&world).await;
        let (world, stop, done) = (Arc::new(world), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let first = machine_token(&world).await;
        let load: Vec<_> = (0..4).map(|_| {
            let (world, stop, done) = (Arc::clone(&world), Arc::clone(&stop), Arc::clone(&done));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let token = machine_token(&world).await;
                    assert_eq!(call(&world, &token).await, 200);
                    assert_eq!(introspected(&world, &token).await, Value::Bool(true));
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        }).collect();
        for algorithm in ALL.into_iter().chain(ALL) {
            hand_over(&world, algorithm).await;
            assert_eq!(header(&machine_token(&world).await)["alg"], algorithm.as_str());
            let seen = done.load(Ordering::SeqCst);
            while done.load(Ordering::SeqCst) < seen + 4 && load.iter().all(|task| !task.is_finished()) {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }
        stop.store(true, Ordering::SeqCst);
        for task in load {
            task.await.unwrap();
        }
        assert_eq!(published(&world).await.len(), 7);
        assert_eq!(call(&world, &first).await, 200, "six keys later");
        let document = crate::support::world::json(world.get("/.well-known/openid-configuration").await).await;
        assert_eq!(document["id_token_signing_alg_values_supported"], serde_json::json!(["ES256", "EdDSA", "RS256"]));
    }

    async fn f06_of_many_nodes_that_see_the_hour_come_one_makes_the_key(world) {
        assert_eq!(keys::rotate_if_due(&world.app).await.unwrap(), None);
        world.clock.advance(90 * 86_400 - limits::KEY_LEAD_SECONDS);
        let all = futures_util::future::join_all((0..8).map(|_| keys::rotate_if_due(&world.app))).await;
        assert_eq!(all.into_iter().filter(|made| made.as_ref().unwrap().is_some()).count(), 1);
        assert_eq!(store::keys::all(&world.app.store).await.unwrap().len(), 2);
        let again = world.restarted(&[("keys.rotate_days", "0")]).await;
        again.clock.advance(86_400 * 365);
        assert_eq!(keys::rotate_if_due(&again.app).await.unwrap(), None, "never, if so configured");
    }

    async fn f06_another_algorithm_in_the_configuration_takes_over_like_any_next_key(world) {
        seed(&world).await;
        let world = world.restarted(&[("keys.algorithm", "RS256")]).await;
        assert_eq!(header(&machine_token(&world).await)["alg"], "ES256");
        assert!(keys::rotate_if_due(&world.app).await.unwrap().is_some());
        world.clock.advance(limits::KEY_LEAD_SECONDS);
        keys::reload(&world.app).await;
        let token = machine_token(&world).await;
        assert_eq!((header(&token)["alg"].clone(), call(&world, &token).await), ("RS256".into(), 200));
    }

    async fn f06_in_an_emergency_every_key_is_withdrawn_at_once_and_people_stay_signed_in(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read offline_access").await;
        let (access, old) = (first.text("access_token"), world.app.keys.load_full());
        keys::rotate(&world.app).await.unwrap();
        assert_eq!(call(&world, &access).await, 200);
        let (other, _writer) = App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
        let (kid, withdrawn) = keys::replace_all(&other).await.unwrap();
        assert_eq!(withdrawn, 2, "the next one too");
        keys::reload(&world.app).await;
        assert_eq!(published(&world).await, std::slice::from_ref(&kid));
        assert_eq!((call(&world, &access).await, introspected(&world, &access).await), (401, Value::Bool(false)));
        let forged = long_token(&world, &old, "any");
        assert_eq!(call(&world, &forged).await, 401, "whoever has the old key signs for nobody");
        let again = post(&world, "/token", &refreshing(&first.text("refresh_token"))).await;
        assert_eq!(header(&again.text("access_token"))["kid"], kid.as_str());
        assert_eq!(call(&world, &again.text("access_token")).await, 200);
    }

    async fn f06_a_shorter_life_in_the_configuration_ends_no_older_token_early(world) {
        seed(&world).await;
        let world = world.restarted(&[("tokens.access_seconds", "86400")]).await;
        let token = machine_token(&world).await;
        let world = world.restarted(&[]).await;
        hand_over(&world, Algorithm::Es256).await;
        world.clock.advance(86_398);
        sweep::once(&world.app).await.unwrap();
        keys::reload(&world.app).await;
        assert_eq!(call(&world, &token).await, 200);
    }

    async fn f06_without_the_right_encryption_key_nothing_starts_and_the_message_says_what_to_restore(world) {
        let file = world.dir.path().join("encryption.key");
        let right = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, Vault::mint()).unwrap();
        let message = refusal(&world.app).await;
        assert!(message.contains("restore the key this database was made with"), "{message}");
        assert!(!message.contains(&right), "{message}");
        for bad in ["", "short", "not base64url at all, and of the wrong length besides"] {
            std::fs::write(&file, bad).unwrap();
            let message = refusal(&world.app).await;
            assert!(message.contains("must be 32 bytes in base64url") && !message.contains("not base64url at all"), "{message}");
        }
        std::fs::remove_file(&file).unwrap();
        let message = refusal(&world.app).await;
        assert!(message.contains("encryption.key") && message.contains("Restore it from your backup"), "{message}");
        assert!(!file.exists(), "nothing is made in its place");
        std::fs::write(&file, right).unwrap();
        App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
    }

    async fn f06_everything_is_sealed_again_under_a_new_encryption_key(world) {
        keys::rotate(&world.app).await.unwrap();
        let old = std::fs::read_to_string(world.dir.path().join("encryption.key")).unwrap();
        let new = Vault::mint();
        let mut config = world.app.config.clone();
        config.encryption_key = Some(Hidden::new(&new));
        assert!(App::open(config.clone(), world.clock.clone()).await.is_err(), "not without the one before it");
        config.encryption_key_previous = Some(Hidden::new(&old));
        let (both, _writer) = App::open(config.clone(), world.clock.clone()).await.unwrap();
        // A node that has not got the new one yet still works.
        assert!(keys::reload(&world.app).await);
        assert_eq!(store::sealed::again(&both.store, &both.vault).await.unwrap(), 2);
        assert_eq!(store::sealed::again(&both.store, &both.vault).await.unwrap(), 0);
        config.encryption_key_previous = None;
        let (after, _writer) = App::open(config, world.clock.clone()).await.unwrap();
        assert_eq!(after.keys.load().signing().kid, world.app.keys.load().signing().kid);
        assert!(!keys::reload(&world.app).await, "the old one opens nothing any more");
        assert!(refusal(&world.app).await.contains("restore the key"));
    }

    async fn f07_a_private_key_moved_to_another_row_does_not_open(world) {
        hand_over(&world, Algorithm::Es256).await;
        let rows = store::keys::all(&world.app.store).await.unwrap();
        let [new, old] = rows.as_slice() else { panic!("two keys") };
        sqlx::query("update signing_keys set sealed_private = $1 where kid = $2")
            .bind(&old.sealed_private).bind(&new.life.kid).execute(world.app.store.write()).await.unwrap();
        assert!(!keys::reload(&world.app).await, "the ring in memory stays");
        assert_eq!(world.app.keys.load().signing().kid, new.life.kid);
        assert!(refusal(&world.app).await.contains("altered, or moved from another row"));
        assert!(store::sealed::again(&world.app.store, &world.app.vault).await.is_ok(), "nothing of another key's");
    }

    async fn f01_the_algorithm_is_our_keys_and_never_the_headers_word(world) {
        seed(&world).await;
        for algorithm in [Algorithm::Rs256, Algorithm::EdDsa, Algorithm::Es256] {
            hand_over(&world, algorithm).await;
            let (good, _) = signed_in(&world, "catalog:read").await;
            let good = good.text("access_token");
            assert_eq!(call(&world, &good).await, 200, "{algorithm:?}");
            let parts: Vec<&str> = good.split('.').collect();
            let jwk = crate::support::world::json(world.get("/jwks.json").await).await["keys"][0].to_string();
            for (name, value) in [("alg", "none"), ("alg", "HS256"), ("alg", "HS512"), ("alg", "ES256"), ("alg", "RS256"), ("alg", "EdDSA"), ("alg", "PS256"),
                ("kid", "../../../etc/passwd"), ("kid", "' or 1=1 --"), ("kid", ""), ("typ", "JWT"), ("typ", "")] {
                let mut changed = header(&good);
                if changed[name] == value {
                    continue;
                }
                changed[name] = value.into();
                let signed = format!("{}.{}", BASE64URL.encode(changed.to_string()), parts[1]);
                let public = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, jwk.as_bytes());
                let hmac = BASE64URL.encode(aws_lc_rs::hmac::sign(&public, signed.as_bytes()));
                for signature in [parts[2], "", &hmac] {
                    assert_eq!(call(&world, &format!("{signed}.{signature}")).await, 401, "{name} {value}");
                }
            }
            // A key that comes in the header is nobody's.
            let theirs = SigningKey::from_pkcs8(&secret::private_key(algorithm), algorithm, Time::from_seconds(0)).unwrap();
            let ring = KeyRing::new(theirs, vec![]).unwrap();
            assert_eq!(call(&world, &long_token(&world, &ring, "any")).await, 401);
        }
    }
}

#[tokio::test]
async fn f06_the_encryption_key_is_made_for_its_owner_only() {
    let world = World::sqlite().await;
    let mode =
        |name: &str| std::fs::metadata(world.dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("encryption.key"), 0o600);
    let text = std::fs::read_to_string(world.dir.path().join("encryption.key")).unwrap();
    assert_eq!(BASE64URL.decode(text).unwrap().len(), 32);
}
