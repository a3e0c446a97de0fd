//! RFC 7009, token revocation.

use postern::audit::Fact;

use crate::journeys::personal_tokens::made;
use crate::support::mcp::list;
use crate::support::token::{is_live, post, refreshing, seed, signed_in};

on_both_engines! {
    /// "The authorization server responds with HTTP status code 200 if the token has been revoked successfully or if the
    /// client submitted an invalid token" (section 2.2).
    async fn an_unknown_token_is_as_good_as_revoked(world) {
        seed(&world).await;
        for token in ["x", "por_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "a.b.c"] {
            assert_eq!(post(&world, "/revoke", &[("token", token), ("client_id", "app")]).await.status, 200, "{token}");
        }
    }

    /// "If the particular token is a refresh token … the authorization server SHOULD also invalidate all access tokens
    /// based on the same authorization grant" (section 2.1).
    async fn a_refresh_token_ends_its_grant_and_no_other_whatever_the_hint(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let (_, other) = signed_in(&world, "catalog:read offline_access").await;
        let token = first.text("refresh_token");
        let fields = [("token", token.as_str()), ("client_id", "app"), ("token_type_hint", "access_token")];
        assert_eq!(post(&world, "/revoke", &fields).await.status, 200);
        assert_eq!((is_live(&world, &grant).await, is_live(&world, &other).await), (false, true));
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"));
    }

    /// A personal access token has no client: whoever holds it may end it, and nobody who only guesses.
    async fn a_personal_access_token_is_ended_by_whoever_holds_it(world) {
        world.user("dana@acme.dev", crate::support::people::PASSWORD).await;
        let (token, id) = made(&world.app, |_| {}).await;
        let (other, _) = made(&world.app, |_| {}).await;
        assert_eq!(list(&world, &token).await.status, 200);
        let guessed = format!("pot_{}", "A".repeat(43));
        for unknown in [guessed.as_str(), "pot_x", id.as_str()] {
            let answer = post(&world, "/revoke", &[("token", unknown), ("client_id", "nobody")]).await;
            assert!(answer.status == 200 || answer.error() == (401, "invalid_client"), "{answer:?}");
        }
        assert_eq!(list(&world, &token).await.status, 200, "nobody who had it asked");
        let mut news = world.app.store.subscribe();
        for _ in 0..2 {
            assert_eq!(post(&world, "/revoke", &[("token", &token)]).await.status, 200);
        }
        assert_eq!(news.recv().await.unwrap(), postern::store::events::Event::GrantRevoked(id));
        assert!(news.try_recv().is_err(), "told once");
        assert_eq!((list(&world, &token).await.status, list(&world, &other).await.status), (401, 200));
        // What is told and not waited for is written at the latest after the batch that it is in, and so before the second.
        for _ in 0..2 {
            world.app.audit.record(Fact { event: "test.last", outcome: "ok", ..Fact::default() }).await.unwrap();
        }
        let told = sqlx::query_scalar::<_, String>("select event from audit where grant_id is not null");
        assert_eq!(told.fetch_all(world.app.store.write()).await.unwrap(), ["token.ended"], "as on its owner's page");
    }

    /// "Implementations MUST support the revocation of refresh tokens and SHOULD support the revocation of access tokens"
    /// (section 2).
    async fn an_access_token_ends_alone(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let token = first.text("access_token");
        let jti = crate::conformance::oauth21_token::claims(&token)["jti"].as_str().unwrap().to_owned();
        let mut news = world.app.store.subscribe();
        for _ in 0..2 {
            let fields = [("token", token.as_str()), ("client_id", "app"), ("token_type_hint", "nonsense")];
            assert_eq!(post(&world, "/revoke", &fields).await.status, 200);
        }
        assert!(!postern::store::grants::is_live(&world.app.store, &grant, &jti).await.unwrap());
        assert_eq!(news.recv().await.unwrap(), postern::store::events::Event::TokenRevoked(jti));
        assert!(is_live(&world, &grant).await);
        assert_eq!(post(&world, "/token", &refreshing(&first.text("refresh_token"))).await.status, 200);
    }
}
