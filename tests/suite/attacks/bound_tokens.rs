//! Attacks on tokens that are bound to a key (RFC 9449): whoever copies one has nothing.

use serde_json::json;

use crate::support::World;
use crate::support::proof::{Signer, TOKEN, post_with};
use crate::support::token::{code, post, redemption, refreshing, rows, seed};

/// What a thief finds in a log or a backup: everything but the key.
async fn stolen(world: &World, signer: &Signer) -> (String, String) {
    let (code, _) = code(world, "app", "openid catalog:read").await;
    let proof = signer.proof(world, TOKEN);
    let answer = post_with(world, "/token", &redemption(&code), &[("dpop", &proof)]).await;
    (answer.text("access_token"), answer.text("refresh_token"))
}

on_both_engines! {
    /// `cnf` is enforced at every door that takes a token, and not only where it was thought of.
    async fn attack_e08_a_copied_token_without_its_key_opens_no_door(world) {
        seed(&world).await;
        let (access, refresh) = stolen(&world, &Signer::new()).await;
        let thief = Signer::new();
        let before = rows(&world).await;
        for path in ["/mcp", "/userinfo"] {
            let url = format!("http://localhost:8787{path}");
            let proof = thief.proof_with(&world, &url, &access);
            let (bearer, bound) = (format!("Bearer {access}"), format!("DPoP {access}"));
            for headers in [
                vec![("authorization", bearer.as_str())],
                vec![("authorization", bearer.as_str()), ("dpop", proof.as_str())],
                vec![("authorization", bound.as_str())],
                vec![("authorization", bound.as_str()), ("dpop", proof.as_str())],
            ] {
                assert_eq!(post_with(&world, path, &[], &headers).await.status, 401, "{path} {headers:?}");
            }
        }
        let proof = thief.proof(&world, TOKEN);
        for headers in [vec![], vec![("dpop", proof.as_str())]] {
            let answer = post_with(&world, "/token", &refreshing(&refresh), &headers).await;
            assert_eq!(answer.error(), (400, "invalid_grant"));
        }
        assert_eq!(rows(&world).await, before, "a thief changed something");
    }

    /// Whoever holds a replaced token and no key must not end the owner's sign-in by showing it.
    async fn attack_e02_a_replaced_token_without_its_key_ends_nothing(world) {
        seed(&world).await;
        let signer = Signer::new();
        let (_, first) = stolen(&world, &signer).await;
        let next = post_with(&world, "/token", &refreshing(&first), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        world.clock.advance(postern::limits::REFRESH_GRACE_SECONDS + 1);
        let proof = Signer::new().proof(&world, TOKEN);
        for headers in [vec![], vec![("dpop", proof.as_str())]] {
            assert_eq!(post_with(&world, "/token", &refreshing(&first), &headers).await.error(), (400, "invalid_grant"));
        }
        let again = next.text("refresh_token");
        let answer = post_with(&world, "/token", &refreshing(&again), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Another kind of token, or a header that names its own rules, is no proof.
    async fn attack_f01_and_f03_nothing_else_passes_for_a_proof(world) {
        seed(&world).await;
        let signer = Signer::new();
        let (access, _) = stolen(&world, &signer).await;
        let (code, _) = code(&world, "app", "catalog:read").await;
        let claims = signer.claims(&world, TOKEN);
        let unsigned = {
            let whole = signer.sign_with(&json!({"typ": "dpop+jwt", "alg": "none", "jwk": {"kty": "EC"}}), &claims);
            whole.rsplit_once('.').unwrap().0.to_owned() + "."
        };
        let shared = signer.sign_with(&json!({"typ": "dpop+jwt", "alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}), &claims);
        for bad in [access.as_str(), &unsigned, &shared] {
            let answer = post_with(&world, "/token", &redemption(&code), &[("dpop", bad)]).await;
            assert_eq!(answer.error(), (400, "invalid_dpop_proof"), "{bad}");
        }
        // And a proof is no token.
        let proof = signer.proof(&world, TOKEN);
        let answer = post_with(&world, "/userinfo", &[], &[("authorization", &format!("Bearer {proof}"))]).await;
        assert_eq!(answer.status, 401);
        assert_eq!(post(&world, "/token", &redemption(&code)).await.status, 200, "the code is as it was");
    }
}
