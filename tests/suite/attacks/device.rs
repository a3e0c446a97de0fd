//! A device flow in the wrong hands (attacks.md E09).

use futures_util::future::join_all;
use http::StatusCode;

use crate::support::browser::Browser;
use crate::support::device::{ask, poll, polling, seed};
use crate::support::people::PASSWORD;
use crate::support::token::{client, post};
use postern::limits::{DEVICE_GUESSES_ACCOUNT_MAX, DEVICE_GUESSES_ADDRESS_MAX, DEVICE_GUESSES_SECONDS};
use postern::oauth::client::{AuthMethod, ClientKind};

const CHALLENGE: &str = crate::support::token::CHALLENGE;
const VERIFIER: &str = crate::support::token::VERIFIER;

on_both_engines! {
    async fn attack_e09_fifty_polls_at_once_get_one_token(world) {
        seed(&world).await;
        let asked = ask(&world, &[]).await;
        let mut browser = Browser::default();
        let page = browser.type_code(&world, &asked.text("user_code")).await;
        browser.decide(&world, &page, "allow").await;
        let device = asked.text("device_code");
        let answers = join_all((0..50).map(|_| poll(&world, &device))).await;
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
        assert!(answers.iter().all(|a| a.status == 200 || a.error() == (400, "invalid_grant")), "{answers:?}");
    }

    async fn attack_e09_codes_cannot_be_guessed_and_a_wrong_one_says_nothing(world) {
        seed(&world).await;
        let asked = ask(&world, &[]).await;
        let code = asked.text("user_code");
        let mut browser = Browser::default();
        // Signed in, so that the account counts.
        let start = browser.open(&world, "/login").await;
        browser.sign_in(&world, &start, "dana@acme.dev", PASSWORD).await;
        // Of another device, answered before: reads like one that never was.
        let other = ask(&world, &[]).await.text("user_code");
        let page = browser.type_code(&world, &other).await;
        browser.decide(&world, &page, "cancel").await;
        let never = browser.type_code(&world, "BBBB-BBBB").await;
        let spent = browser.type_code(&world, &other).await;
        let sentence = |text: &str| text.split("role=\"alert\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        assert_eq!((never.status, sentence(&never.text)), (spent.status, sentence(&spent.text)));
        for _ in 3..DEVICE_GUESSES_ACCOUNT_MAX {
            let guess = browser.type_code(&world, "BBBB-BBBB").await;
            assert_eq!(guess.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let stopped = browser.type_code(&world, &code).await;
        assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS, "even a right one");
        assert!(stopped.headers.contains_key("retry-after"));
        world.clock.advance(DEVICE_GUESSES_SECONDS);
        assert_eq!(poll(&world, &asked.text("device_code")).await.error(), (400, "expired_token"));
        let fresh = ask(&world, &[]).await.text("user_code");
        assert!(browser.type_code(&world, &fresh).await.asks(), "the window is over");
    }

    async fn attack_e09_an_address_without_an_account_is_stopped_too(world) {
        seed(&world).await;
        let mut last = StatusCode::OK;
        for _ in 0..=DEVICE_GUESSES_ADDRESS_MAX {
            last = Browser::default().type_code(&world, "BBBB-BBBB").await.status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    }

    async fn attack_e09_a_person_sees_whose_code_it_is_and_a_link_allows_nothing(world) {
        seed(&world).await;
        let asked = ask(&world, &[]).await;
        let code = asked.text("user_code");
        let complete = asked.text("verification_uri_complete");
        let mut browser = Browser::default();
        let linked = browser.open(&world, complete.strip_prefix("http://localhost:8787").unwrap()).await;
        assert!(linked.text.contains(&code) && !linked.text.contains("<script"), "filled in, not sent");
        assert_eq!(poll(&world, &asked.text("device_code")).await.error(), (400, "authorization_pending"));
        let page = browser.type_code(&world, &code).await;
        for shown in [code.as_str(), "acme-tv/1.0 (living room)", "this computer", "24 November 2026, 12:00 UTC", "press Cancel"] {
            assert!(page.text.contains(shown), "{shown} in {}", page.text);
        }
        // A form from elsewhere allows nothing.
        let (path, mut fields) = page.form("/consent/");
        fields.push(("decision".into(), "allow".into()));
        let crossed = browser.post(&world, &path, &fields, &[("origin", "https://evil.example")]).await;
        assert_eq!(crossed.status(), StatusCode::FORBIDDEN);
        // A yes to one device is none to the next.
        browser.decide(&world, &page, "allow").await;
        let second = ask(&world, &[]).await;
        assert!(browser.type_code(&world, &second.text("user_code")).await.asks());
    }

    async fn attack_e09_a_code_belongs_to_its_client_and_its_proof(world) {
        seed(&world).await;
        client(&world.app, "other", ClientKind::SelfRegistered, AuthMethod::None).await;
        let asked = ask(&world, &[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]).await;
        let mut browser = Browser::default();
        let page = browser.type_code(&world, &asked.text("user_code")).await;
        browser.decide(&world, &page, "allow").await;
        let device = asked.text("device_code");
        let mut fields = polling(&device);
        assert_eq!(post(&world, "/token", &fields).await.error(), (400, "invalid_grant"), "no verifier");
        fields.push(("code_verifier", CHALLENGE));
        assert_eq!(post(&world, "/token", &fields).await.error(), (400, "invalid_grant"), "another verifier");
        fields[3].1 = VERIFIER;
        fields[1].1 = "other";
        assert_eq!(post(&world, "/token", &fields).await.error(), (400, "invalid_grant"), "another client");
        let user_code = asked.text("user_code");
        for guess in [user_code.as_str(), "pod_", &format!("{device}x"), &device[..device.len() - 1]] {
            let mut fields = polling(guess);
            fields.push(("code_verifier", VERIFIER));
            assert_eq!(post(&world, "/token", &fields).await.error(), (400, "invalid_grant"), "{guess}");
        }
        fields[1].1 = "tv";
        assert_eq!(post(&world, "/token", &fields).await.status, 200);
    }

    async fn attack_e09_neither_code_is_stored(world) {
        seed(&world).await;
        let asked = ask(&world, &[]).await;
        let row: (String,) = sqlx::query_as("select digest from device_requests").fetch_one(world.app.store.read()).await.unwrap();
        assert!(!row.0.contains(&asked.text("device_code")));
        assert_eq!(row.0, postern::secret::Digest::of(&asked.text("device_code")).as_str());
    }
}
