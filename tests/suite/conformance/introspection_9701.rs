//! RFC 9701, JWT responses for token introspection.

use serde_json::json;

use super::oauth21_token::{claims, part};
use crate::support::World;
use crate::support::proof::{basic, post_with};
use crate::support::token::{SECRET, post_as, seed, signed_in};

const JWT: &str = "application/token-introspection+jwt";

/// The signed answer about `token` for the client `id`.
async fn signed(world: &World, id: &str, token: &str, accept: &str) -> (u16, String, String) {
    let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
    let request = http::Request::post("/introspect")
        .header("host", "localhost:8787")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", basic(id, SECRET))
        .header("accept", accept);
    let response = world.send(request.body(body.into()).unwrap()).await;
    let (status, kind) =
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap().to_owned());
    assert_eq!(response.headers()["cache-control"], "no-store");
    (status, kind, crate::support::world::text(response).await)
}

on_both_engines! {
    /// "the value of typ … MUST be token-introspection+jwt", "iss … aud … iat … token_introspection" are required, and
    /// "sub and exp … SHOULD NOT be used at the top level" (section 5).
    async fn a_signed_answer_says_who_says_what_to_whom(world) {
        seed(&world).await;
        let token = signed_in(&world, "catalog:read").await.0.text("access_token");
        let plain = post_as(&world, "/introspect", &[("token", &token)], Some(&format!("rs:{SECRET}"))).await;
        let (status, kind, text) = signed(&world, "rs", &token, JWT).await;
        assert_eq!((status, kind.as_str()), (200, JWT));
        let header = part(&text, 0);
        assert_eq!((&header["typ"], &header["kid"]), (&json!("token-introspection+jwt"), &json!(world.app.keys.load().signing().kid)));
        let told = claims(&text);
        assert_eq!(told, json!({
            "iss": "http://localhost:8787", "aud": "rs", "iat": world.clock.now().seconds(), "token_introspection": plain.json,
        }));
        // The signature is ours: the keys that are published verify it.
        let jwks = crate::support::world::json(world.get("/jwks.json").await).await;
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwks["keys"][0].clone()).unwrap();
        let (message, signature) = text.rsplit_once('.').unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, jsonwebtoken::Algorithm::ES256).unwrap());
    }

    /// "The authorization server MUST … token_introspection … active: false" and nothing else (section 5).
    async fn what_does_not_concern_the_caller_is_inactive_in_a_signed_answer_too(world) {
        seed(&world).await;
        let token = signed_in(&world, "catalog:read").await.0.text("access_token");
        for (id, token) in [("self", token.as_str()), ("rs", "x")] {
            let (_, _, text) = signed(&world, id, token, JWT).await;
            assert_eq!(claims(&text)["token_introspection"], json!({"active": false}), "{id}");
            assert_eq!(claims(&text)["aud"], id);
        }
        let wrong = post_with(&world, "/introspect", &[("token", &token)], &[("accept", JWT), ("authorization", &basic("rs", "pok_wrong"))]).await;
        assert_eq!(wrong.error(), (401, "invalid_client"));
    }

    /// RFC 7662 stays the default: only whoever names the type gets it (section 4).
    async fn whoever_takes_anything_gets_plain_json(world) {
        seed(&world).await;
        let token = signed_in(&world, "catalog:read").await.0.text("access_token");
        for (accept, expected) in [
            ("*/*", "application/json"), ("application/json", "application/json"),
            ("application/token-introspection+jwt;q=0", "application/json"), ("application/json, application/token-introspection+jwt", JWT),
        ] {
            assert_eq!(signed(&world, "rs", &token, accept).await.1, expected, "{accept}");
        }
    }

    /// A signed answer opens nothing, though the same key signed it (section 8.1, attack F03).
    async fn attack_f03_a_signed_answer_is_no_access_token_and_no_id_token(world) {
        seed(&world).await;
        let token = signed_in(&world, "openid catalog:read").await.0.text("access_token");
        let (_, _, text) = signed(&world, "rs", &token, JWT).await;
        for path in ["/userinfo", "/mcp"] {
            let bearer = format!("Bearer {text}");
            assert_eq!(post_with(&world, path, &[], &[("authorization", &bearer)]).await.status, 401, "{path}");
        }
        assert_eq!(claims(&signed(&world, "rs", &text, JWT).await.2)["token_introspection"], json!({"active": false}));
        assert!(postern::oauth::id_token::read_hint(&text, &world.app.keys.load(), "http://localhost:8787").is_none());
    }

    /// Section 7.
    async fn the_metadata_names_the_algorithm(world) {
        let document = crate::support::world::json(world.get("/.well-known/oauth-authorization-server").await).await;
        assert_eq!(document["introspection_signing_alg_values_supported"], json!(["ES256"]));
    }
}
