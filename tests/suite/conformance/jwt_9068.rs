//! RFC 9068, JWT access tokens, and the ID token and user info beside them (OpenID Connect Core).

use axum::body::Body;
use http::Request;

use super::oauth21_token::{claims, part};
use crate::support::World;
use crate::support::token::{seed, signed_in};
use crate::support::world::json;

async fn userinfo(world: &World, token: &str) -> http::Response<Body> {
    let request = Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::empty()).unwrap()).await
}

on_both_engines! {
    /// "JWT access tokens MUST include this media type in the typ header parameter" (section 2.1), and "iss, exp, aud, sub,
    /// client_id, iat, jti" are required (section 2.2).
    async fn an_access_token_says_all_that_it_must(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read").await;
        let token = first.text("access_token");
        assert_eq!((&part(&token, 0)["typ"], &part(&token, 0)["alg"]), (&"at+jwt".into(), &"ES256".into()));
        let said = claims(&token);
        for (name, value) in [
            ("iss", "http://localhost:8787"), ("aud", "http://localhost:8787/mcp"), ("sub", "ada"),
            ("client_id", "app"), ("scope", "catalog:read"), ("gid", &grant), ("preferred_username", "Ada@example.com"),
        ] {
            assert_eq!(said[name], value, "{name}");
        }
        assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 900);
        assert!(said["jti"].is_string());
    }

    /// OpenID Connect Core sections 2 and 3.1.3.6.
    async fn an_id_token_is_for_the_client_and_opens_nothing(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "openid email").await;
        let token = first.text("id_token");
        assert_eq!(part(&token, 0)["typ"], "JWT");
        let said = claims(&token);
        for (name, value) in [("aud", "app"), ("sub", "ada"), ("nonce", "n-1"), ("email", "Ada@example.com")] {
            assert_eq!(said[name], value, "{name}");
        }
        assert_eq!(said["auth_time"], world.clock.now().seconds());
        assert!(said.get("name").is_none() && said["at_hash"].as_str().unwrap().len() == 22);
        assert_eq!(userinfo(&world, &token).await.status(), 401);
    }

    /// OpenID Connect Core section 5.3, RFC 6750 section 3.
    async fn userinfo_tells_what_was_agreed_to_while_the_grant_stands(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "openid profile").await;
        let said = json(userinfo(&world, &first.text("access_token")).await).await;
        assert_eq!(said, serde_json::json!({"sub": "ada", "name": "Ada", "preferred_username": "Ada@example.com"}));
        let (other, _) = signed_in(&world, "catalog:read").await;
        assert_eq!(userinfo(&world, &other.text("access_token")).await.status(), 403);
        assert_eq!(world.get("/userinfo").await.headers()["www-authenticate"], "Bearer realm=\"postern\"");
        sqlx::query("update users set suspended_at = 1").execute(world.app.store.write()).await.unwrap();
        let gone = userinfo(&world, &first.text("access_token")).await;
        assert_eq!(gone.status(), 401);
        assert!(gone.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    }
}
