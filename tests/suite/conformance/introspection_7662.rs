//! RFC 7662, token introspection.

use serde_json::json;

use super::oauth21_token::claims;
use crate::support::exchange::{exchange, world_with_agent};
use crate::support::token::{SECRET, post_as, seed, signed_in};

on_both_engines! {
    /// "active: REQUIRED", and what else an active token may say (section 2.2).
    async fn an_active_token_says_what_it_is_good_for(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        let basic = format!("rs:{SECRET}");
        let answer = post_as(&world, "/introspect", &[("token", &first.text("access_token"))], Some(&basic)).await;
        assert_eq!(answer.headers["cache-control"], "no-store");
        for (name, value) in [
            ("scope", "catalog:read"), ("client_id", "app"), ("username", "Ada@example.com"), ("token_type", "Bearer"),
            ("sub", "ada"), ("aud", "http://localhost:8787/mcp"), ("iss", "http://localhost:8787"),
        ] {
            assert_eq!(answer.json[name], value, "{name}");
        }
        assert_eq!(answer.json["active"], true);
    }

    /// "If the token is not active … the authorization server SHOULD NOT include any additional information" (section 2.2).
    async fn an_expired_token_is_inactive_and_nothing_more(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        world.clock.advance(900);
        let basic = format!("rs:{SECRET}");
        let answer = post_as(&world, "/introspect", &[("token", &first.text("access_token"))], Some(&basic)).await;
        assert_eq!((answer.status, answer.json), (200, json!({"active": false})));
    }

    /// RFC 8693 section 4.1: whoever reads the answer instead of the token must see who acts.
    async fn a_token_of_an_exchange_says_who_acts(world) {
        let world = world_with_agent(world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        let exchanged = exchange(&world, &first.text("access_token"), &[]).await;
        let asked = post_as(&world, "/introspect", &[("token", &exchanged.text("access_token"))], Some(&format!("agent:{SECRET}"))).await;
        assert_eq!((&asked.json["active"], &asked.json["act"]), (&json!(true), &claims(&exchanged.text("access_token"))["act"]));
        assert_eq!(asked.json["act"]["sub"], "agent");
        let plain = post_as(&world, "/introspect", &[("token", &first.text("access_token"))], Some(&format!("rs:{SECRET}"))).await;
        assert!(plain.json["active"] == true && plain.json.get("act").is_none());
    }

    /// "the authorization server MUST also require some form of authorization" (section 2.1).
    async fn nobody_asks_without_a_secret(world) {
        seed(&world).await;
        let wrong = post_as(&world, "/introspect", &[("token", "x")], Some("rs:wrong")).await;
        assert_eq!(wrong.error(), (401, "invalid_client"));
        for nothing in [&[] as &[(&str, &str)], &[("client_id", "")], &[("token", "x")], &[("client_id", "app")], &[("client_id", "rs")]] {
            assert_eq!(crate::support::token::post(&world, "/introspect", nothing).await.error(), (401, "invalid_client"));
        }
        assert!(wrong.headers.contains_key("www-authenticate"));
        assert!(!wrong.headers.contains_key("access-control-allow-origin"));
    }
}
