//! Codes and refresh tokens in the wrong hands (attacks.md E01 to E03).

use futures_util::future::join_all;
use postern::limits::REFRESH_GRACE_SECONDS;

use crate::support::token::{code, is_live, post, redemption, refreshing, rows, seed, signed_in};

on_both_engines! {
    async fn attack_e01_one_code_redeemed_fifty_times_at_once_has_one_winner_and_then_none(world) {
        seed(&world).await;
        let (code, grant) = code(&world, "app", "catalog:read offline_access").await;
        let fields = redemption(&code);
        let answers = join_all((0..50).map(|_| post(&world, "/token", &fields))).await;
        let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(winners.len(), 1);
        assert!(answers.iter().all(|a| a.status == 200 || a.error() == (400, "invalid_grant")));
        // Forty-nine valid replays: what the one got is taken back.
        assert!(!is_live(&world, &grant).await);
        let token = winners[0].text("refresh_token");
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"));
    }

    async fn attack_e01_a_valid_replay_revokes_and_an_invalid_one_does_nothing(world) {
        seed(&world).await;
        let (code, grant) = code(&world, "app", "catalog:read").await;
        assert_eq!(post(&world, "/token", &redemption(&code)).await.status, 200);
        let mut wrong = redemption(&code);
        let other = "x".repeat(43);
        wrong[3].1 = &other;
        assert_eq!(post(&world, "/token", &wrong).await.error(), (400, "invalid_grant"));
        assert!(is_live(&world, &grant).await, "whoever saw a spent code could end its owner's sign-in");
        world.clock.advance(3_600);
        assert_eq!(post(&world, "/token", &redemption(&code)).await.error(), (400, "invalid_grant"));
        assert!(!is_live(&world, &grant).await);
    }

    async fn attack_e01_a_code_in_other_hands_is_refused_and_stays_good_for_its_owner(world) {
        seed(&world).await;
        crate::support::token::client(
            &world.app, "other",
            postern::oauth::client::ClientKind::SelfRegistered,
            postern::oauth::client::AuthMethod::None,
        ).await;
        let (code, _) = code(&world, "app", "catalog:read").await;
        let before = rows(&world).await;
        let wrong_verifier = "y".repeat(64);
        for (at, value, error) in [
            (1, "other", "invalid_grant"),
            (3, wrong_verifier.as_str(), "invalid_grant"),
            (4, "http://127.0.0.1:33419/", "invalid_grant"),
            (5, "http://localhost:8787/other", "invalid_target"),
        ] {
            let mut fields = redemption(&code);
            fields[at].1 = value;
            assert_eq!(post(&world, "/token", &fields).await.error(), (400, error), "{value}");
        }
        assert_eq!(rows(&world).await, before);
        world.clock.advance(59);
        assert_eq!(post(&world, "/token", &redemption(&code)).await.status, 200);
    }

    async fn attack_e01_an_expired_code_is_refused(world) {
        seed(&world).await;
        let (code, _) = code(&world, "app", "catalog:read").await;
        world.clock.advance(60);
        assert_eq!(post(&world, "/token", &redemption(&code)).await.error(), (400, "invalid_grant"));
    }

    async fn attack_e02_fifty_refreshes_at_once_get_one_answer_and_leave_one_living_family(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let token = first.text("refresh_token");
        let fields = refreshing(&token);
        let answers = join_all((0..50).map(|_| post(&world, "/token", &fields))).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        assert!(answers.iter().all(|answer| answer.json == answers[0].json));
        assert!(is_live(&world, &grant).await);
        let next = answers[0].text("refresh_token");
        assert_eq!(post(&world, "/token", &refreshing(&next)).await.status, 200);
        assert_eq!(rows(&world).await.split("\n\n").nth(2).unwrap().lines().count(), 3);
    }

    async fn attack_e02_a_replay_after_the_grace_ends_that_family_only_also_after_a_restart(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let (second, other) = signed_in(&world, "catalog:read offline_access").await;
        let token = first.text("refresh_token");
        let next = post(&world, "/token", &refreshing(&token)).await.text("refresh_token");
        world.clock.advance(REFRESH_GRACE_SECONDS - 1);
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.text("refresh_token"), next);
        world.clock.advance(1);
        let world = world.restarted(&[]).await;
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"));
        assert!(!is_live(&world, &grant).await);
        assert_eq!(post(&world, "/token", &refreshing(&next)).await.error(), (400, "invalid_grant"));
        assert!(is_live(&world, &other).await, "another installation of the same client lives on");
        let token = second.text("refresh_token");
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.status, 200);
    }

    async fn attack_e03_a_refresh_by_another_client_for_more_or_elsewhere_changes_nothing(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read offline_access").await;
        let (token, access) = (first.text("refresh_token"), first.text("access_token"));
        let before = rows(&world).await;
        for (at, value, error) in [
            (1, "nobody", (401, "invalid_client")),
            (1, "rs", (401, "invalid_client")),
            (2, access.as_str(), (400, "invalid_grant")),
            (3, "catalog:read catalog:write", (400, "invalid_scope")),
            (4, "http://localhost:8787/other", (400, "invalid_target")),
        ] {
            let mut fields = refreshing(&token);
            fields[at].1 = value;
            assert_eq!(post(&world, "/token", &fields).await.error(), error, "{value}");
        }
        let mut fields = refreshing(&token);
        fields[1].1 = "rs";
        let basic = format!("rs:{}", crate::support::token::SECRET);
        let other = crate::support::token::post_as(&world, "/token", &fields, Some(&basic)).await;
        assert_eq!(other.error(), (400, "invalid_grant"));
        assert_eq!(rows(&world).await, before);
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.status, 200);
    }

    async fn a_refresh_ends_with_the_idle_time_the_person_and_the_client(world) {
        seed(&world).await;
        let end = |statement: &'static str| sqlx::query(statement).execute(world.app.store.write());
        let (first, _) = signed_in(&world, "catalog:read offline_access").await;
        let token = first.text("refresh_token");
        end("update users set suspended_at = 1").await.unwrap();
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"));
        end("update users set suspended_at = null").await.unwrap();
        end("update clients set suspended_at = 1").await.unwrap();
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (401, "invalid_client"));
        end("update clients set suspended_at = null").await.unwrap();
        world.clock.advance(world.app.config.tokens.refresh_idle_seconds);
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"));
    }
}
