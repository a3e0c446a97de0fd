//! OAuth 2.1, the token endpoint.

use crate::support::token::{SECRET, code, post, post_as, redemption, refreshing, seed, signed_in};

on_both_engines! {
    /// "The authorization server MUST include the HTTP Cache-Control response header field with a value of no-store"
    /// (section 3.2.3).
    async fn no_answer_is_kept_by_anyone(world) {
        seed(&world).await;
        let (good, _) = signed_in(&world, "catalog:read").await;
        let bad = post(&world, "/token", &[]).await;
        for answer in [good, bad] {
            assert_eq!((&answer.headers["cache-control"], &answer.headers["pragma"]),
                (&"no-store".parse().unwrap(), &"no-cache".parse().unwrap()));
            assert_eq!(answer.headers["content-type"], "application/json");
            assert_eq!(answer.headers["access-control-allow-origin"], "*");
        }
    }

    /// "access_token … token_type … expires_in … scope … refresh_token" (section 3.2.3).
    async fn the_answer_says_all_that_a_client_needs(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read openid email profile offline_access").await;
        assert_eq!(first.json["token_type"], "Bearer");
        assert_eq!(first.json["expires_in"], 900);
        assert_eq!(first.json["scope"], "catalog:read email offline_access openid profile");
        assert!(first.json["id_token"].is_string());
        let again = post(&world, "/token", &refreshing(&first.text("refresh_token"))).await;
        assert_eq!((again.status, again.json["scope"].as_str()), (200, Some("catalog:read")));
    }

    /// "The requested scope MUST NOT include any scope not originally granted … the refresh token scope MUST be identical
    /// to that of the refresh token included by the client" (section 4.3).
    async fn a_narrowed_refresh_does_not_narrow_the_grant(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read openid").await;
        let narrow = post(&world, "/token", &refreshing(&first.text("refresh_token"))).await;
        let token = narrow.text("refresh_token");
        let mut fields = refreshing(&token);
        fields.remove(3);
        assert_eq!(post(&world, "/token", &fields).await.json["scope"], "catalog:read openid");
    }

    /// "The authorization server MUST ignore unrecognized request parameters", "Parameters sent without a value MUST be
    /// treated as if they were omitted" (section 3.2); redirect_uri need not be sent (section 10.2).
    async fn unknown_and_empty_parameters_do_not_matter(world) {
        seed(&world).await;
        let (code, _) = code(&world, "app", "catalog:read").await;
        let mut fields = redemption(&code);
        fields.remove(4);
        fields.extend([("audience", "x"), ("client_secret", "")]);
        assert_eq!(post(&world, "/token", &fields).await.status, 200);
    }

    /// "The client credentials grant type MUST only be used by confidential clients" (section 4.2).
    async fn a_program_gets_a_token_of_its_own_and_no_refresh_token(world) {
        seed(&world).await;
        let basic = format!("rs:{SECRET}");
        let own = async || post_as(&world, "/token", &[("grant_type", "client_credentials")], Some(&basic)).await;
        let (first, second) = (own().await, own().await);
        // All that only reads, and nothing else.
        assert_eq!(first.json["scope"], "catalog:read insights:read scaffolder:read");
        assert!(first.json.get("refresh_token").is_none());
        let (one, two) = (claims(&first.text("access_token")), claims(&second.text("access_token")));
        assert_eq!((&one["sub"], &one["sub_kind"]), (&"rs".into(), &"client".into()));
        assert_eq!(one["gid"], two["gid"], "one grant, however many tokens");
        let refused = post(&world, "/token", &[("grant_type", "client_credentials"), ("client_id", "app")]).await;
        assert_eq!(refused.error(), (400, "unauthorized_client"));
    }

    /// The password and implicit grants are gone (section 10).
    async fn other_grants_are_not_known(world) {
        seed(&world).await;
        for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer"] {
            let answer = post(&world, "/token", &[("grant_type", grant), ("client_id", "app")]).await;
            assert_eq!(answer.error(), (400, "unsupported_grant_type"));
        }
        assert_eq!(world.get("/token").await.status(), 405);
    }
}

/// What a JWT says, unverified.
pub fn claims(token: &str) -> serde_json::Value {
    part(token, 1)
}

pub fn part(token: &str, at: usize) -> serde_json::Value {
    use base64::Engine as _;
    let text = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}
