//! RFC 8628, OAuth 2.0 Device Authorization Grant.

use http::StatusCode;

use crate::support::browser::Browser;
use crate::support::device::{ask, poll, polling, seed};
use crate::support::token::{SECRET, client, post, post_as};
use postern::oauth::client::{AuthMethod, ClientKind};

on_both_engines! {
    /// "device_code REQUIRED … user_code REQUIRED … verification_uri REQUIRED … expires_in REQUIRED … interval" (section
    /// 3.2), and the way it goes when all is well.
    async fn a_device_is_let_in_by_a_person_elsewhere(world) {
        seed(&world).await;
        let asked = ask(&world, &[("resource", "http://localhost:8787/mcp")]).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        assert_eq!(asked.headers["cache-control"], "no-store");
        assert_eq!(asked.text("verification_uri"), "http://localhost:8787/device");
        let (device, code) = (asked.text("device_code"), asked.text("user_code"));
        assert_eq!(asked.text("verification_uri_complete"), format!("http://localhost:8787/device?user_code={code}"));
        assert_eq!((asked.json["expires_in"].as_i64(), asked.json["interval"].as_i64()), (Some(600), Some(5)));
        assert_eq!(poll(&world, &device).await.error(), (400, "authorization_pending"));
        let mut browser = Browser::default();
        let page = browser.type_code(&world, &code.to_lowercase().replace('-', " ")).await;
        assert!(page.asks(), "{}", page.text);
        let done = browser.decide(&world, &page, "allow").await;
        assert!(done.status == StatusCode::OK && done.text.contains("is connected"), "{}", done.text);
        world.clock.advance(5);
        let answer = poll(&world, &device).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json["scope"], "catalog:read offline_access");
        assert!(answer.json["refresh_token"].is_string());
        let refresh = answer.text("refresh_token");
        let again = post(&world, "/token", &[("grant_type", "refresh_token"), ("client_id", "tv"), ("refresh_token", &refresh)]).await;
        assert_eq!(again.status, 200, "{again:?}");
        let spent = poll(&world, &device).await;
        assert_eq!(spent.error(), (400, "invalid_grant"), "a device_code works once");
    }

    /// "access_denied: the authorization request was denied", "expired_token: the device_code has expired" (section 3.5).
    async fn a_no_and_no_answer_are_told(world) {
        seed(&world).await;
        let (refused, forgotten) = (ask(&world, &[]).await, ask(&world, &[]).await);
        let mut browser = Browser::default();
        let page = browser.type_code(&world, &refused.text("user_code")).await;
        let done = browser.decide(&world, &page, "cancel").await;
        assert!(done.text.contains("Nothing was allowed"), "{}", done.text);
        assert_eq!(poll(&world, &refused.text("device_code")).await.error(), (400, "access_denied"));
        world.clock.advance(599);
        assert_eq!(poll(&world, &forgotten.text("device_code")).await.error(), (400, "authorization_pending"));
        world.clock.advance(1);
        assert_eq!(poll(&world, &forgotten.text("device_code")).await.error(), (400, "expired_token"));
        let late = browser.type_code(&world, &forgotten.text("user_code")).await;
        assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    /// "slow_down … the interval MUST be increased by 5 seconds for this and all subsequent requests" (section 3.5).
    async fn a_device_that_hurries_is_slowed_down_and_stays_slow(world) {
        seed(&world).await;
        let device = ask(&world, &[]).await.text("device_code");
        for (seconds, error) in [
            (0, "authorization_pending"), (1, "slow_down"), (5, "slow_down"), (15, "authorization_pending"),
            (5, "slow_down"), (20, "authorization_pending"),
        ] {
            world.clock.advance(seconds);
            assert_eq!(poll(&world, &device).await.error(), (400, error), "after {seconds}");
        }
    }

    /// "the client MUST … authenticate" as at the token endpoint (section 3.1), and be registered for it.
    async fn a_client_proves_itself_here_too(world) {
        seed(&world).await;
        client(&world.app, "box", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
        assert_eq!(post(&world, "/device_authorization", &[("client_id", "box")]).await.error(), (401, "invalid_client"));
        let good = post_as(&world, "/device_authorization", &[], Some(&format!("box:{SECRET}"))).await;
        assert_eq!(good.status, 200, "{good:?}");
        let poll = polling("x");
        let fields = [("grant_type", poll[0].1), ("client_id", "box"), ("device_code", good.json["device_code"].as_str().unwrap())];
        assert_eq!(post(&world, "/token", &fields).await.error(), (401, "invalid_client"));
        assert_eq!(post(&world, "/device_authorization", &[("client_id", "nobody")]).await.error(), (401, "invalid_client"));
        assert_eq!(world.get("/device_authorization").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    /// "scope OPTIONAL"; resource as RFC 8707 has it; a challenge of PKCE where the client sends one.
    async fn what_is_asked_for_is_checked_before_anybody_is_bothered(world) {
        seed(&world).await;
        for (more, error) in [
            (("resource", "http://localhost:8787/other"), "invalid_target"),
            (("scope", "catalog:read"), "invalid_request"),
            (("code_challenge", "short"), "invalid_request"),
            (("code_challenge_method", "S256"), "invalid_request"),
        ] {
            assert_eq!(ask(&world, &[more]).await.error(), (400, error), "{more:?}");
        }
        let bare = post(&world, "/device_authorization", &[("client_id", "tv"), ("scope", "nothing:here")]).await;
        assert_eq!(bare.error(), (400, "invalid_scope"));
    }
}
