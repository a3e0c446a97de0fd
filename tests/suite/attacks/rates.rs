//! Floods from one address or client, and headers that claim another: A12, C08, G05.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request, Response, StatusCode};

use crate::support::World;
use crate::support::token::{SECRET, post_as, seed};

/// One request from `peer` with these headers.
async fn from(world: &World, peer: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let method = if path.starts_with("/authorize") { Method::GET } else { Method::POST };
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8787");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    world.send(request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap()).await
}

on_both_engines! {
    async fn a12_a_machine_that_asks_too_often_is_told_in_json_how_long_to_wait(world) {
        let world = world.restarted(&[("rates.token", "2"), ("rates.introspect", "2"), ("rates.register", "2")]).await;
        for path in ["/token", "/revoke", "/introspect", "/register", "/par", "/device_authorization"] {
            if from(&world, "192.0.2.9", path, &[]).await.status() == StatusCode::NOT_FOUND {
                continue;
            }
            for _ in 0..2 {
                assert_ne!(from(&world, "192.0.2.1", path, &[]).await.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
            }
            let refused = from(&world, "192.0.2.1", path, &[("origin", "https://app.example")]).await;
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
            assert_eq!(refused.headers()["retry-after"], "30");
            assert_eq!(refused.headers()["cache-control"], "no-store");
            assert_eq!(refused.headers().contains_key("access-control-allow-origin"), path != "/introspect", "{path}");
            let json = crate::support::world::json(refused).await;
            assert_eq!(json["error"], "too_many_requests");
            assert!(json["error_description"].as_str().unwrap().contains("30 seconds"));
            assert_ne!(from(&world, "192.0.2.2", path, &[]).await.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        }
    }

    async fn a12_a_person_who_asks_too_often_is_shown_a_page(world) {
        let world = world.restarted(&[("rates.authorize", "1")]).await;
        let ask = || from(&world, "192.0.2.1", "/authorize?client_id=x", &[("accept", "text/html")]);
        assert_eq!(ask().await.status(), StatusCode::BAD_REQUEST);
        let refused = ask().await;
        assert_eq!((refused.status(), &refused.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &http::HeaderValue::from(60)));
        assert!(refused.headers().contains_key("content-security-policy"));
        assert!(crate::support::world::text(refused).await.contains("Wait 60 seconds"));
    }

    /// C08: each of these costs a hash, as a sign-in does.
    async fn c08_whoever_tries_passwords_anywhere_empties_the_bucket_of_sign_ins(world) {
        let world = world.restarted(&[("rates.sign_in", "3")]).await;
        for path in ["/login", "/account/password", "/password/pol_x"] {
            assert_ne!(from(&world, "192.0.2.1", path, &[]).await.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        }
        for path in ["/login", "/account/password", "/password/pol_x"] {
            assert_eq!(from(&world, "192.0.2.1", path, &[]).await.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        }
    }

    async fn a12_a_client_that_proved_itself_has_a_bucket_and_one_that_did_not_can_empty_none(world) {
        seed(&world).await;
        let world = world.restarted(&[("rates.token", "3")]).await;
        let fields = [("grant_type", "client_credentials"), ("scope", "catalog:read")];
        let wrong = "rs:pok_ZZZZ456789abcdefghijklmnopqrstuvwxyzABCDEFG";
        for _ in 0..2 {
            assert_eq!(post_as(&world, "/token", &fields, Some(wrong)).await.status, 401);
        }
        world.clock.advance(60);
        // From many addresses, as a fleet asks: `post_as` is always the same one, so its bucket is filled in between.
        let right = format!("rs:{SECRET}");
        for _ in 0..3 {
            assert_eq!(post_as(&world, "/token", &fields, Some(&right)).await.status, 200);
        }
        let spent = world.app.rates.spend_client(postern::web::rates::Door::Token, "rs", world.clock.now());
        assert_eq!(spent, Err(20), "three, and the two that proved nothing are not among them");
    }

    async fn g05_a_stranger_cannot_pass_for_another_address(world) {
        let world = world.restarted(&[("rates.token", "1"), ("proxies", "10.0.0.0/8")]).await;
        assert_eq!(from(&world, "192.0.2.1", "/token", &[]).await.status(), StatusCode::BAD_REQUEST);
        for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            let value = if header == "forwarded" { "for=203.0.113.7" } else { "203.0.113.7" };
            let refused = from(&world, "192.0.2.1", "/token", &[(header, value)]).await;
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{header}");
        }
        let world = &world;
        let by_proxy = async |chain| from(world, "10.0.0.1", "/token", &[("x-forwarded-for", chain)]).await;
        assert_eq!(by_proxy("203.0.113.7").await.status(), StatusCode::BAD_REQUEST, "nobody spent it for them");
        assert_eq!(by_proxy("198.51.100.9, 203.0.113.7").await.status(), StatusCode::TOO_MANY_REQUESTS, "their own claim");
        assert_eq!(by_proxy("192.0.2.1, 10.0.0.3").await.status(), StatusCode::TOO_MANY_REQUESTS, "known from before");
    }

    async fn g05_neither_issuer_nor_cookies_nor_links_follow_a_header(world) {
        let world = world.restarted(&[("proxies", "0.0.0.0/0")]).await;
        let forged = [("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https"), ("forwarded", "host=evil.example;proto=https"), ("host", "evil.example")];
        let mut request = Request::get("/.well-known/oauth-authorization-server");
        for (name, value) in forged {
            request = request.header(name, value);
        }
        let document = crate::support::world::text(world.send(request.body(Body::empty()).unwrap()).await).await;
        assert!(document.contains("\"issuer\":\"http://localhost:8787\"") && !document.contains("evil"), "{document}");
        let mut request = Request::get("/login");
        for (name, value) in forged {
            request = request.header(name, value);
        }
        let page = world.send(request.body(Body::empty()).unwrap()).await;
        assert!(!page.headers()["set-cookie"].to_str().unwrap().contains("Secure"), "http stays http");
        assert!(!crate::support::world::text(page).await.contains("evil"));
    }

    async fn g05_a_header_of_a_gateway_makes_nobody_anybody(world) {
        let who = [("x-forwarded-user", "root"), ("x-auth-request-email", "dana@acme.dev"), ("remote-user", "root"), ("x-upstream-authorization", "Bearer x")];
        let world = world.restarted(&[("proxies", "0.0.0.0/0")]).await;
        let answer = from(&world, "127.0.0.1", "/mcp", &who).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let mut account = Request::get("/account");
        for (name, value) in who {
            account = account.header(name, value);
        }
        let answer = world.send(account.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "to the sign-in page");
    }
}
