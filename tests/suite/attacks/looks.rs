//! What is looked at before it is used, and what changes between a question and its answer (attacks.md E10, A11).

use axum::body::Body;
use http::Request;
use postern::clock::Time;
use postern::oauth::claims::{self, AccessClaims};
use postern::oauth::step::Decision;
use postern::secret::Digest;
use postern::store;
use postern::web::clients::resolve;
use sqlx::Row as _;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::documents::{Documents, ID, Reply, document};
use crate::support::people::{PASSWORD, authorize_path, good_request};
use crate::support::token::{SECRET, code, post_as, redemption, refreshing, seed, signed_in};

async fn count(world: &World, statement: &'static str) -> i64 {
    sqlx::query(statement).fetch_one(world.app.store.write()).await.unwrap().get(0)
}

async fn execute(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(world.app.store.write()).await.unwrap();
}

async fn scopes(world: &World) -> Vec<String> {
    let rows = sqlx::query("select scope from grants").fetch_all(world.app.store.write()).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

on_both_engines! {
    /// A scanner of links asks with HEAD what is behind one: it must not use up what is for the person.
    async fn attack_e10_whoever_only_looks_changes_nothing(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let path = authorize_path(&good_request(&client));
        assert_eq!(browser.head(&world, &path).await.status(), 200);
        assert_eq!(count(&world, "select count(*) from authorization_requests").await, 0);
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let (consent, mut fields) = page.form("/consent/");
        fields.push(("decision".to_owned(), "allow".to_owned()));
        let own = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];
        let next = browser.post(&world, &consent, &fields, &own).await;
        let hub = next.headers()["location"].to_str().unwrap().to_owned();
        let looked = browser.head(&world, &hub).await;
        assert!(looked.status() == 200 && !looked.headers().contains_key("location"), "{looked:?}");
        assert_eq!(count(&world, "select count(*) from codes").await, 0);
        assert!(browser.open(&world, &hub).await.parameter("code").is_some());
        assert_eq!(count(&world, "select count(*) from codes").await, 1);
    }

    /// The ceiling of strangers holds at the yes, not only when the question is put.
    async fn attack_a11_a_yes_gives_no_more_than_strangers_may_have_by_then(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[("scope", "catalog:read openid")]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.text.contains("<dd>catalog:read openid</dd>"), "{}", page.text);
        let mut other = Browser::default();
        let second = other.authorize(&world, &client, &[("scope", "catalog:read")]).await;
        let second = other.sign_in(&world, &second, "dana@acme.dev", PASSWORD).await;
        let world = world.restarted(&[("clients.unknown_scopes", "openid")]).await;
        assert!(browser.decide(&world, &page, "allow").await.parameter("code").is_some());
        assert_eq!(scopes(&world).await, ["openid"]);
        let nothing = other.decide(&world, &second, "allow").await;
        assert!(nothing.at.starts_with("/authorize/"), "{nothing:?}");
        assert_eq!(scopes(&world).await, ["openid"]);
    }

    /// A form of a request that another browser opened decides nothing, whatever else about it is right (attack D01).
    async fn attack_d01_a_yes_in_another_browser_than_the_requests_own_decides_nothing(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        execute(&world, "update authorization_requests set browser_digest = 'anothers'").await;
        for decision in ["allow", "cancel"] {
            let seen = browser.decide(&world, &page, decision).await;
            assert!(seen.at.starts_with("/authorize/"), "{}", seen.at);
        }
        assert_eq!(count(&world, "select count(*) from authorization_requests where decided_at is not null").await, 0);
        assert_eq!(count(&world, "select count(*) from consents").await, 0);
    }

    /// The same where an administrator is asked first.
    async fn attack_d01_nobody_is_asked_for_a_client_from_another_browser(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await.and(&[("clients.described", "ask")]).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut dana = Browser::default();
        let page = dana.authorize(&world, &client, &[]).await;
        let page = dana.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        execute(&world, "update authorization_requests set browser_digest = 'anothers'").await;
        for decision in ["ask", "cancel"] {
            dana.submit(&world, &page, "/authorize/", &[("decision", decision)]).await;
        }
        assert_eq!(count(&world, "select count(*) from client_askers").await, 0);
        assert_eq!(count(&world, "select count(*) from authorization_requests where finished_at is not null or decided_at is not null").await, 0);
    }

    /// The statement itself asks for the time: between the look at a row and the answer it may run out.
    async fn attack_e09_what_has_ended_is_not_decided_any_more(world) {
        execute(&world, "insert into authorization_requests (digest, client_id, request, created_at, expires_at) values ('r', 'app', '{}', 0, 5000000)").await;
        execute(&world, "insert into device_requests (digest, user_code_digest, client_id, request, created_at, expires_at, interval_seconds) values ('d', 'u', 'app', '{}', 0, 5000000, 5)").await;
        for (second, fits) in [(5, false), (6, false), (4, true), (4, false)] {
            let (now, mut tx) = (Time::from_seconds(second), world.app.store.begin().await.unwrap());
            let request = store::requests::decide(&mut tx, &Digest::from_column("r".into()), &Decision::Cancelled, now).await.unwrap();
            let device = store::devices::decide(&mut tx, "d", None, now).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!((request, device), (fits, fits), "{second}");
        }
    }

    /// A token of ours for a resource that is none of this server's, or is none any more, opens nothing here.
    async fn attack_g01_userinfo_takes_no_token_for_another_resource(world) {
        seed(&world).await;
        let token = signed_in(&world, "openid").await.0.text("access_token");
        let (keys, issuer) = (world.app.keys.load(), world.app.config.issuer());
        let good = claims::verify_for_any_audience(&token, &keys, issuer, world.clock.now()).unwrap();
        for (audience, status) in [(good.audience.as_str(), 200), ("http://localhost:8787", 401), ("https://other.example/mcp", 401), ("", 401)] {
            let token = claims::sign_access(&AccessClaims { audience: audience.into(), ..good.clone() }, keys.signing()).unwrap();
            let request = Request::get("/userinfo").header("host", "localhost:8787").header("authorization", format!("Bearer {token}"));
            assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status(), status, "{audience}");
        }
    }

    /// A client learns about its own refresh token, and only while that is the one to be used.
    async fn attack_e11_a_refresh_token_is_active_for_its_client_and_until_it_is_used(world) {
        seed(&world).await;
        let basic = format!("rs:{SECRET}");
        let fresh = async || {
            let (code, _) = code(&world, "rs", "catalog:read offline_access").await;
            let mut fields = redemption(&code);
            fields.retain(|(name, _)| *name != "client_id");
            let answer = post_as(&world, "/token", &fields, Some(&basic)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.text("refresh_token")
        };
        let known = async |token: &str, by: &str| post_as(&world, "/introspect", &[("token", token)], Some(by)).await.json;
        let inactive = serde_json::json!({"active": false});
        let first = fresh().await;
        let told = known(&first, &basic).await;
        assert_eq!((&told["active"], &told["client_id"], &told["sub"]), (&true.into(), &"rs".into(), &"ada".into()));
        assert_eq!(known(&first, &format!("self:{SECRET}")).await, inactive, "another's");
        let mut again = refreshing(&first);
        again.retain(|(name, _)| *name != "client_id");
        let next = post_as(&world, "/token", &again, Some(&basic)).await.text("refresh_token");
        assert_eq!(known(&first, &basic).await, inactive, "used");
        assert_eq!(known(&next, &basic).await["active"], true);
        post_as(&world, "/revoke", &[("token", &next)], Some(&basic)).await;
        assert_eq!(known(&next, &basic).await, inactive, "revoked");
        let last = fresh().await;
        execute(&world, "update refresh_tokens set expires_at = 1").await;
        assert_eq!(known(&last, &basic).await, inactive, "expired");
        let last = fresh().await;
        execute(&world, "update grants set revoked_at = 1").await;
        assert_eq!(known(&last, &basic).await, inactive, "its grant ended");
    }
}
