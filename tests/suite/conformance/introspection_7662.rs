//! RFC 7662, token introspection.

use serde_json::json;

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
