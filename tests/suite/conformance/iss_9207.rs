//! RFC 9207: whoever answers says who it is, on success and on every error, exactly once (attack B08).

use std::collections::BTreeSet;

use postern::oauth::client::ClientKind;

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::people::{PASSWORD, authorize_path, good_request};

/// A redirect with a query of its own, which stays as it is. One that brings an `iss` cannot be registered.
const CALLBACK: &str = "https://app.example/cb?issuer=https%3A%2F%2Fevil.example&keep=1";

/// The answer that went to the client: its error, or `code`. Each parameter of it is there once.
fn answer(seen: &Seen) -> String {
    let rest = seen
        .at
        .strip_prefix(CALLBACK)
        .unwrap_or_else(|| panic!("not at the callback as it was registered: {}", seen.at));
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(rest.trim_start_matches('&').as_bytes()).into_owned().collect();
    let one = |name: &str| {
        let all: Vec<_> =
            pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect();
        assert!(all.len() <= 1, "{name} twice: {}", seen.at);
        all.into_iter().next()
    };
    assert_eq!(one("iss").as_deref(), Some("http://localhost:8787"), "{}", seen.at);
    assert_eq!(one("state").as_deref(), Some("a+b/c=="), "{}", seen.at);
    match (one("code"), one("error")) {
        (Some(_), None) => "code".into(),
        (None, Some(error)) => error,
        both => panic!("{both:?}: {}", seen.at),
    }
}

async fn asked(world: &World, browser: &mut Browser, parameters: &[(String, String)]) -> Seen {
    browser.open(world, &authorize_path(parameters)).await
}

on_both_engines! {
    /// "the authorization server MUST include the iss parameter in … error responses" (section 2).
    async fn every_answer_of_the_authorization_endpoint_names_the_issuer_once(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let client = world.client(ClientKind::PreRegistered, "App", &[CALLBACK]).await;
        let good = good_request(&client);
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for (name, value, expected) in [
            ("response_type", Some("token"), "unsupported_response_type"), ("response_type", None, "invalid_request"),
            ("response_mode", Some("fragment"), "invalid_request"), ("code_challenge", None, "invalid_request"),
            ("code_challenge", Some("x"), "invalid_request"), ("code_challenge_method", Some("plain"), "invalid_request"),
            ("scope", Some("nothing:here"), "invalid_scope"), ("scope", Some("\""), "invalid_scope"),
            ("resource", Some("https://evil.example/"), "invalid_target"), ("prompt", Some("none login"), "invalid_request"),
            ("max_age", Some("x"), "invalid_request"), ("dpop_jkt", Some("x"), "invalid_request"),
            ("id_token_hint", Some("x"), "invalid_request"), ("request", Some("x"), "request_not_supported"),
            ("prompt", Some("none"), "login_required"),
        ] {
            let mut parameters = good.clone();
            parameters.retain(|(known, _)| known != name);
            parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
            let told = answer(&asked(&world, &mut Browser::default(), &parameters).await);
            assert_eq!(told, expected, "{name}={value:?}");
            seen.insert(told);
        }
        for twice in ["scope", "response_type", "code_challenge", "nonce"] {
            let mut parameters = good.clone();
            parameters.extend([(twice.to_owned(), "x".to_owned()), (twice.to_owned(), "x".to_owned())]);
            assert_eq!(answer(&asked(&world, &mut Browser::default(), &parameters).await), "invalid_request", "{twice}");
        }
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        seen.insert(answer(&browser.decide(&world, &page, "cancel").await));
        seen.insert(answer(&browser.authorize(&world, &client, &[("prompt", "none")]).await));
        seen.insert(answer(&browser.connect(&world, &client, &[]).await));
        seen.insert(answer(&browser.authorize(&world, &client, &[]).await));
        for code in ["code", "access_denied", "consent_required", "login_required", "invalid_scope", "invalid_target", "invalid_request"] {
            assert!(seen.contains(code), "{code} never came: {seen:?}");
        }
    }

    /// Section 2.3, and "iss … MUST be … the issuer" to the letter (section 2).
    async fn the_metadata_promises_it_and_the_value_is_the_issuer_of_the_metadata(world) {
        let document = crate::support::world::json(world.get("/.well-known/oauth-authorization-server").await).await;
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["issuer"], "http://localhost:8787");
    }
}
