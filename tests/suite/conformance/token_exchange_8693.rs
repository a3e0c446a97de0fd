//! RFC 8693, OAuth 2.0 Token Exchange.

use super::oauth21_token::claims;
use crate::support::exchange::{ACCESS_TOKEN, RESOURCE, exchange, world_with_agent};
use crate::support::proof::{Signer, TOKEN, basic, post_with};
use crate::support::token::{SECRET, code, post, post_as, redemption, signed_in};

on_both_engines! {
    /// "access_token REQUIRED … issued_token_type REQUIRED … token_type REQUIRED" (section 2.2.1).
    async fn a_program_acts_for_the_person_and_says_so(world) {
        let world = world_with_agent(world).await;
        let (first, _) = signed_in(&world, "catalog:read openid offline_access").await;
        let subject = first.text("access_token");
        world.clock.advance(300);
        let answer = exchange(&world, &subject, &[("resource", RESOURCE)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.text("issued_token_type"), ACCESS_TOKEN);
        assert_eq!((answer.json["token_type"].as_str(), answer.json["expires_in"].as_i64()), (Some("Bearer"), Some(600)));
        assert_eq!(answer.json["scope"], "catalog:read");
        assert!(answer.json.get("refresh_token").is_none() && answer.json.get("id_token").is_none());
        let (before, after) = (claims(&subject), claims(&answer.text("access_token")));
        assert_eq!((&after["sub"], &after["aud"], &after["exp"]), (&before["sub"], &before["aud"], &before["exp"]));
        // "act … identify the acting party to whom authority has been delegated" (section 4.1).
        assert_eq!((after["client_id"].as_str(), &after["act"]), (Some("agent"), &serde_json::json!({"sub": "agent"})));
        let again = exchange(&world, &answer.text("access_token"), &[]).await;
        assert_eq!(claims(&again.text("access_token"))["act"], serde_json::json!({"sub": "agent", "act": {"sub": "agent"}}));
    }

    /// "subject_token REQUIRED, subject_token_type REQUIRED, actor_token_type REQUIRED when the actor_token parameter is
    /// present and MUST NOT be included otherwise" (section 2.1).
    async fn tokens_come_with_their_types(world) {
        let world = world_with_agent(world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        let subject = first.text("access_token");
        let jwt = "urn:ietf:params:oauth:token-type:jwt";
        let refresh = "urn:ietf:params:oauth:token-type:refresh_token";
        for changed in [
            ("subject_token", ""), ("subject_token_type", ""), ("subject_token_type", jwt), ("subject_token_type", refresh),
            ("requested_token_type", refresh), ("requested_token_type", jwt), ("actor_token", &subject), ("actor_token_type", ACCESS_TOKEN),
        ] {
            assert_eq!(exchange(&world, &subject, &[changed]).await.error(), (400, "invalid_request"), "{changed:?}");
        }
        let basic = format!("agent:{SECRET}");
        let own = post_as(&world, "/token", &[("grant_type", "client_credentials")], Some(&basic)).await.text("access_token");
        let delegated = exchange(&world, &subject, &[("actor_token", &own), ("actor_token_type", ACCESS_TOKEN)]).await;
        assert_eq!(delegated.status, 200, "{delegated:?}");
        let foreign = exchange(&world, &subject, &[("actor_token", &subject), ("actor_token_type", ACCESS_TOKEN)]).await;
        assert_eq!(foreign.error(), (400, "invalid_request"));
    }

    /// "If the authorization server is unwilling or unable to issue a token for any target service indicated by the resource
    /// or audience parameters, the invalid_target error code SHOULD be used" (section 2.2.2).
    async fn another_target_is_refused_however_it_is_named(world) {
        let world = world_with_agent(world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        let subject = first.text("access_token");
        for (name, value) in [("resource", "http://x.example/"), ("audience", "http://x.example/"), ("audience", "mcp")] {
            assert_eq!(exchange(&world, &subject, &[(name, value)]).await.error(), (400, "invalid_target"), "{name} {value}");
        }
        assert_eq!(exchange(&world, &subject, &[("resource", RESOURCE), ("audience", "http://x.example/")]).await.error(), (400, "invalid_target"));
        assert_eq!(exchange(&world, &subject, &[("audience", RESOURCE)]).await.status, 200);
        assert_eq!(exchange(&world, &subject, &[("scope", "catalog:read catalog:write")]).await.error(), (400, "invalid_scope"));
    }

    /// Client authentication (section 2.1): a client that only has a name exchanges nothing.
    async fn only_a_client_that_proved_itself_exchanges(world) {
        let world = world_with_agent(world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        let subject = first.text("access_token");
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("subject_token", &subject),
            ("subject_token_type", ACCESS_TOKEN), ("client_id", "app"),
        ];
        assert_eq!(post(&world, "/token", &fields).await.error().0, 400);
        let fields = [fields[0], fields[1], fields[2], ("client_id", "agent")];
        assert_eq!(post(&world, "/token", &fields).await.error(), (401, "invalid_client"));
    }

    /// A token that is bound to a key (RFC 9449) is exchanged by whoever proves that key with the request, and the new one is
    /// bound to it too.
    async fn attack_e08_a_bound_token_is_exchanged_with_a_proof_of_its_key_only(world) {
        let world = world_with_agent(world).await;
        let (signer, other) = (Signer::new(), Signer::new());
        let (code, _) = code(&world, "app", "catalog:read").await;
        let proof = signer.proof(&world, TOKEN);
        let first = post_with(&world, "/token", &redemption(&code), &[("dpop", &proof)]).await;
        let subject = first.text("access_token");
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("subject_token", subject.as_str()),
            ("subject_token_type", ACCESS_TOKEN), ("resource", RESOURCE),
        ];
        let agent = basic("agent", SECRET);
        let own = ("authorization", agent.as_str());
        assert_eq!(post_with(&world, "/token", &fields, &[own]).await.error(), (400, "invalid_request"), "no proof");
        let stranger = other.proof(&world, TOKEN);
        assert_eq!(post_with(&world, "/token", &fields, &[own, ("dpop", &stranger)]).await.error(), (400, "invalid_request"), "another key");
        let spent = post_with(&world, "/token", &fields, &[own, ("dpop", &proof)]).await;
        assert_eq!(spent.status, 400, "a proof that was used: {spent:?}");
        let proof = signer.proof(&world, TOKEN);
        let answer = post_with(&world, "/token", &fields, &[own, ("dpop", &proof)]).await;
        assert_eq!((answer.status, answer.json["token_type"].as_str()), (200, Some("DPoP")), "{answer:?}");
        let after = claims(&answer.text("access_token"));
        assert_eq!((&after["cnf"]["jkt"], &after["act"]["sub"]), (&serde_json::json!(signer.thumbprint), &serde_json::json!("agent")));
        // As an actor's it is the same.
        let (plain, _) = signed_in(&world, "catalog:read").await;
        let delegating = [fields[0], ("subject_token", &plain.text("access_token")), fields[2], ("actor_token", &answer.text("access_token")), ("actor_token_type", ACCESS_TOKEN)];
        assert_eq!(post_with(&world, "/token", &delegating, &[own]).await.error(), (400, "invalid_request"));
    }
}
