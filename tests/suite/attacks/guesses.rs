//! Guesses at an account: C08.

use http::StatusCode;
use postern::limits;

use crate::support::browser::{Browser, ORIGIN, Seen};
use crate::support::people::PASSWORD;

const WRONG: &str = "wrong wrong wrong";

async fn guess(world: &crate::support::World, browser: &mut Browser, email: &str, password: &str) -> Seen {
    let page = browser.open(world, "/login").await;
    browser.sign_in(world, &page, email, password).await
}

fn wait(page: &Seen) -> i64 {
    page.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

on_both_engines! {
    async fn c08_a_few_guesses_are_free_and_then_each_makes_the_next_one_wait_twice_as_long(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        for email in ["dana@acme.dev", "nobody@acme.dev"] {
            let mut browser = Browser::default();
            for attempt in 0..=limits::GUESSES_FREE_MAX {
                let spelt = if attempt % 2 == 0 { email.to_uppercase() } else { format!(" {email} ") };
                let page = guess(&world, &mut browser, &spelt, WRONG).await;
                assert!(page.text.contains("do not belong together here"), "{}", page.text);
            }
            let mut waits = Vec::new();
            for _ in 0..10 {
                // Another browser, as whoever guesses would take: the counter is the account's.
                let page = guess(&world, &mut Browser::default(), email, PASSWORD).await;
                assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "the right one too");
                assert!(page.text.contains("Too many attempts for this address"));
                waits.push(wait(&page));
                world.clock.advance(wait(&page) - 1);
                assert_eq!(guess(&world, &mut browser, email, WRONG).await.status, StatusCode::TOO_MANY_REQUESTS);
                world.clock.advance(1);
                assert_eq!(guess(&world, &mut browser, email, WRONG).await.status, StatusCode::UNPROCESSABLE_ENTITY);
            }
            assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        }
        world.clock.advance(300);
        assert_eq!(guess(&world, &mut Browser::default(), "dana@acme.dev", PASSWORD).await.at, "/account");
        for _ in 0..limits::GUESSES_FREE_MAX {
            assert_eq!(guess(&world, &mut Browser::default(), "dana@acme.dev", WRONG).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }

    async fn c08_a_stranger_who_guesses_on_and_on_does_not_keep_the_owner_out_of_their_own_browser(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut own = Browser::default();
        assert_eq!(guess(&world, &mut own, "dana@acme.dev", PASSWORD).await.at, "/account");
        let mut stranger = Browser::default();
        for _ in 0..20 {
            guess(&world, &mut stranger, "dana@acme.dev", WRONG).await;
        }
        own.cookies.retain(|name, _| name.contains("browser"));
        assert_eq!(guess(&world, &mut stranger, "dana@acme.dev", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(guess(&world, &mut own, "dana@acme.dev", PASSWORD).await.at, "/account");
        // The owner's coming in forgives the stranger nothing, and the stranger's browser is not known by having tried.
        assert_eq!(guess(&world, &mut stranger, "dana@acme.dev", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
        // Whoever sits at that browser has their own few guesses, and no more.
        for _ in 0..=limits::GUESSES_FREE_MAX {
            guess(&world, &mut own, "dana@acme.dev", WRONG).await;
        }
        assert_eq!(guess(&world, &mut own, "dana@acme.dev", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    }

    async fn c08_a_hundred_attempts_at_once_are_counted_one_by_one(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut browser = Browser::default();
        let page = browser.open(&world, "/login").await;
        let all = (0..30).map(|_| {
            let (mut browser, page, world) = (browser.clone(), page.clone(), &world);
            async move { browser.sign_in(world, &page, "dana@acme.dev", WRONG).await }
        });
        let judged = futures_util::future::join_all(all).await;
        let judged = judged.iter().filter(|page| page.status == StatusCode::UNPROCESSABLE_ENTITY).count();
        assert_eq!(judged, usize::try_from(limits::GUESSES_FREE_MAX).unwrap() + 1);
    }

    async fn c08_two_nodes_count_together(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut browser = Browser::default();
        for _ in 0..=limits::GUESSES_FREE_MAX {
            guess(&world, &mut browser, "dana@acme.dev", WRONG).await;
        }
        let other = world.restarted(&[]).await;
        assert_eq!(guess(&other, &mut browser, "dana@acme.dev", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    }

    async fn c08_one_address_has_so_many_tries_whatever_the_accounts(world) {
        let world = world.restarted(&[("rates.sign_in", "3")]).await;
        let mut browser = Browser::default();
        let page = browser.open(&world, "/login").await;
        for number in 0..3 {
            let page = browser.sign_in(&world, &page, &format!("u{number}@acme.dev"), WRONG).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let (path, fields) = page.form("/login");
        let fourth = browser.post(&world, &path, &fields, &[("origin", ORIGIN)]).await;
        assert_eq!((fourth.status(), &fourth.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &http::HeaderValue::from(20)));
        assert!(crate::support::world::text(fourth).await.contains("<h1>Too many requests</h1>"));
        assert_eq!(browser.open(&world, "/login").await.status, StatusCode::OK, "looking is not trying");
        assert_eq!(browser.open(&world, "/admin/first/pol_x").await.status, StatusCode::TOO_MANY_REQUESTS, "one bucket");
        world.clock.advance(20);
        assert_eq!(browser.open(&world, "/admin/first/pol_x").await.status, StatusCode::GONE);
    }
}
