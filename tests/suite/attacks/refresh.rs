//! Refresh tokens on several nodes, of several installations, and their ends (attacks.md E02).

use futures_util::future::join_all;
use postern::limits::REFRESH_GRACE_SECONDS;

use crate::support::World;
use crate::support::token::{is_live, post, refreshing, seed, signed_in};

/// Another node on the same database.
async fn second_node(world: &World) -> World {
    let (app, _) = postern::app::App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
    let router = postern::ops::serve::router(&app).unwrap();
    World { router, app, clock: world.clock.clone(), dir: tempfile::tempdir().unwrap() }
}

on_both_engines! {
    async fn attack_e02_two_nodes_give_one_answer_within_the_grace_and_end_the_family_after_it(world) {
        seed(&world).await;
        let other = second_node(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let token = first.text("refresh_token");
        let fields = refreshing(&token);
        let answers = join_all((0..20).map(|n| post(if n % 2 == 0 { &world } else { &other }, "/token", &fields))).await;
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.json == answers[0].json), "{answers:?}");
        let next = answers[0].text("refresh_token");
        world.clock.advance(REFRESH_GRACE_SECONDS);
        assert_eq!(post(&other, "/token", &fields).await.error(), (400, "invalid_grant"));
        assert!(!is_live(&world, &grant).await, "replayed on the second node, dead on the first");
        assert_eq!(post(&world, "/token", &refreshing(&next)).await.error(), (400, "invalid_grant"));
    }

    async fn attack_e02_a_restart_within_the_grace_keeps_the_answer_and_after_it_the_memory(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let token = first.text("refresh_token");
        let next = post(&world, "/token", &refreshing(&token)).await.text("refresh_token");
        let world = world.restarted(&[]).await;
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.text("refresh_token"), next);
        // Two generations back, long after: still known as spent.
        world.clock.advance(REFRESH_GRACE_SECONDS);
        let last = post(&world, "/token", &refreshing(&next)).await.text("refresh_token");
        world.clock.advance(86_400);
        let world = world.restarted(&[]).await;
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"));
        assert!(!is_live(&world, &grant).await);
        assert_eq!(post(&world, "/token", &refreshing(&last)).await.error(), (400, "invalid_grant"));
    }

    async fn every_answer_carries_the_next_refresh_token_for_as_long_as_it_is_used(world) {
        seed(&world).await;
        let tokens = &world.app.config.tokens;
        let (idle, absolute) = (tokens.refresh_idle_seconds, tokens.refresh_absolute_seconds);
        let (mut answer, _) = signed_in(&world, "catalog:read offline_access").await;
        let mut passed = 0;
        // Used again and again just before it would be idle, it lives until the end that use cannot move.
        while passed + idle - 1 < absolute {
            let token = answer.text("refresh_token");
            world.clock.advance(idle - 1);
            passed += idle - 1;
            answer = post(&world, "/token", &refreshing(&token)).await;
            assert_eq!(answer.status, 200, "after {passed} s: {answer:?}");
            assert_ne!(answer.text("refresh_token"), token);
        }
        let last = answer.text("refresh_token");
        world.clock.advance(absolute - passed);
        assert_eq!(post(&world, "/token", &refreshing(&last)).await.error(), (400, "invalid_grant"), "the absolute end");
    }

    async fn installations_of_one_client_stay_signed_in_side_by_side(world) {
        seed(&world).await;
        let mut families = Vec::new();
        for _ in 0..5 {
            let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
            families.push((first.text("refresh_token"), grant));
        }
        for _ in 0..3 {
            world.clock.advance(REFRESH_GRACE_SECONDS + 1);
            for (token, _) in &mut families {
                *token = post(&world, "/token", &refreshing(token)).await.text("refresh_token");
            }
        }
        let ended = post(&world, "/revoke", &[("token", &families[0].0), ("client_id", "app")]).await;
        assert_eq!(ended.status, 200);
        for (at, (token, grant)) in families.iter().enumerate() {
            assert_eq!(is_live(&world, grant).await, at != 0);
            assert_eq!(post(&world, "/token", &refreshing(token)).await.status == 200, at != 0);
        }
    }
}
