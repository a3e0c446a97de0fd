//! A person looks after their own account: what was done, where they are signed in, their password.

use http::StatusCode;
use postern::oauth::client::ClientKind;

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::people::{LOOPBACK, PASSWORD};

const NEW: &str = "another horse altogether";
const OWN: [(&str, &str); 2] = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];

async fn signed_in(world: &World, email: &str, password: &str) -> Browser {
    let mut browser = Browser::default();
    let page = browser.open(world, "/login").await;
    let page = browser.sign_in(world, &page, email, password).await;
    assert_eq!(page.at, "/account", "{}", page.text);
    browser
}

async fn change(world: &World, browser: &mut Browser, old: &str, new: &str) -> Seen {
    let page = browser.open(world, "/account/password").await;
    browser.submit(world, &page, "/account/password", &[("old", old), ("new", new)]).await
}

async fn is_in(world: &World, browser: &mut Browser) -> bool {
    browser.open(world, "/account").await.at == "/account"
}

on_both_engines! {
    async fn a_person_ends_one_session_and_then_all_others(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut here = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let mut there = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let mut elsewhere = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let page = here.open(&world, "/account/sessions").await;
        assert_eq!(page.text.matches("last seen 24 November 2026, 12:00 UTC").count(), 3, "{}", page.text);
        assert_eq!(page.text.matches("this browser").count(), 1, "{}", page.text);
        // The form of the page ends the first that is not this one: either of the two.
        let after = here.submit(&world, &page, "/account/sessions", &[]).await;
        assert_eq!(after.text.matches("last seen").count(), 2, "{}", after.text);
        let out = [is_in(&world, &mut there).await, is_in(&world, &mut elsewhere).await];
        assert!(out[0] != out[1], "one of them is out");
        let (path, mut fields) = after.form("/account/sessions");
        fields.retain(|(name, _)| name == "csrf");
        fields.push(("others".into(), "yes".into()));
        assert_eq!(here.post(&world, &path, &fields, &OWN).await.status(), StatusCode::SEE_OTHER);
        assert!(is_in(&world, &mut here).await, "but not this one");
        assert!(!is_in(&world, &mut there).await && !is_in(&world, &mut elsewhere).await);
    }

    /// Attack I01: another's session, by what its row is found by.
    async fn nobody_ends_anothers_session(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        world.user("eve@acme.dev", PASSWORD).await;
        let mut dana = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let mut eve = signed_in(&world, "eve@acme.dev", PASSWORD).await;
        signed_in(&world, "eve@acme.dev", PASSWORD).await;
        let (_, danas) = dana.open(&world, "/account/sessions").await.form("/account/sessions");
        let (path, mut eves) = eve.open(&world, "/account/sessions").await.form("/account/sessions");
        assert_eq!(eve.post(&world, &path, &danas, &OWN).await.status(), StatusCode::FORBIDDEN, "her form");
        let victim = danas.iter().find(|(name, _)| name == "session").unwrap().clone();
        eves.retain(|(name, _)| name == "csrf");
        eves.push(victim);
        assert_eq!(eve.post(&world, &path, &eves, &OWN).await.status(), StatusCode::NOT_FOUND, "her session");
        eves.push(("others".into(), "yes".into()));
        assert_eq!(eve.post(&world, &path, &eves, &OWN).await.status(), StatusCode::NOT_FOUND, "both at once");
        assert_eq!(dana.open(&world, "/account/sessions").await.text.matches("last seen").count(), 2);
    }

    async fn a_password_is_changed_by_who_knows_the_old_one_and_every_other_browser_is_out(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut dana = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let mut thief = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let stolen = dana.clone();
        assert_eq!(change(&world, &mut dana, "not the old one", NEW).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        world.clock.advance(600);
        assert_eq!(change(&world, &mut dana, PASSWORD, "short").await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(is_in(&world, &mut thief).await, "nothing changed");
        let done = change(&world, &mut dana, PASSWORD, NEW).await;
        assert!(done.status == StatusCode::OK && done.text.contains("Your password is changed"), "{}", done.text);
        assert!(is_in(&world, &mut dana).await, "who changed it stays");
        assert!(!is_in(&world, &mut thief).await, "the others are out");
        assert!(!is_in(&world, &mut stolen.clone()).await, "also whoever copied the cookie");
        let mut late = Browser::default();
        let page = late.open(&world, "/login").await;
        assert!(late.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await.wants_sign_in());
        world.clock.advance(600);
        signed_in(&world, "dana@acme.dev", NEW).await;
    }

    /// Attack C08: a browser left open, and somebody who guesses at the old password in it.
    async fn attack_c08_guesses_at_the_old_password_are_counted(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut dana = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let mut seen = Vec::new();
        for guess in 0..12 {
            seen.push(change(&world, &mut dana, &format!("guess number {guess}"), NEW).await);
        }
        let last = seen.last().unwrap();
        assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS, "{}", last.text);
        assert!(last.headers.contains_key("retry-after"));
        let right = change(&world, &mut dana, PASSWORD, NEW).await;
        assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS, "the right one waits too");
    }

    async fn a_person_sees_what_was_done_in_their_name_and_nobody_elses(world) {
        let editor = world.dana_and_client().await;
        world.user("eve@acme.dev", PASSWORD).await;
        let mut dana = Browser::default();
        dana.connect(&world, &editor, &[]).await.parameter("code").unwrap();
        signed_in(&world, "eve@acme.dev", PASSWORD).await;
        let mut page = dana.open(&world, "/account/activity").await;
        // What has happened already is written a moment later.
        for _ in 0..50 {
            if page.text.contains("An app was connected") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            page = dana.open(&world, "/account/activity").await;
        }
        for words in ["Signed in", "Allowed an app", "An app was connected", "<bdi>VS Code</bdi>"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert_eq!(page.text.matches("Signed in").count(), 1, "hers alone: {}", page.text);
        assert!(Browser::default().open(&world, "/account/activity").await.wants_sign_in());
    }

    async fn the_activity_goes_on_page_by_page_and_misses_nothing(world) {
        let user = world.user("dana@acme.dev", PASSWORD).await;
        world.client(ClientKind::SelfRegistered, "VS Code", &[LOOPBACK]).await;
        let mut dana = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        for _ in 0..120 {
            let fact = postern::audit::Fact { event: "user.sign-out", actor: Some(user.id.clone()),
                outcome: "ok", ..Default::default() };
            world.app.audit.record(fact).await.unwrap();
        }
        let (mut path, mut rows, mut pages) = ("/account/activity".to_owned(), 0, 0);
        loop {
            let page = dana.open(&world, &path).await;
            rows += page.text.matches("<strong>Signed").count();
            pages += 1;
            let older = page.text.split("?older=").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
            let Some(older) = older else { break };
            path = format!("/account/activity?older={older}");
        }
        assert_eq!((rows, pages), (121, 3));
    }
}
