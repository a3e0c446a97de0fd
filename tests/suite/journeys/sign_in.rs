//! People sign in, are asked, and come back.

use http::StatusCode;
use postern::oauth::client::ClientKind;

use crate::support::browser::{Browser, Seen};
use crate::support::people::{LOOPBACK, PASSWORD, good_request};

on_both_engines! {
    async fn a_first_visit_ends_at_the_client_with_code_state_and_iss(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        assert!(page.wants_sign_in() && page.text.contains("VS Code"), "{}", page.text);
        let page = browser.sign_in(&world, &page, "Dana@Acme.dev ", PASSWORD).await;
        assert!(page.asks(), "{}", page.text);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("form-action"), "{policy}");
        for fact in ["Allow <bdi>VS Code</bdi> to use Postern?", "Registered itself (unverified)", "dana@acme.dev",
            "127.0.0.1:33418", "Look up components", "Stay connected until 24 November 2027"] {
            assert!(page.text.contains(fact), "{fact} is not in {}", page.text);
        }
        let outside_details = page.text.split("<details class=\"technical\">").next().unwrap();
        assert!(!outside_details.contains("catalog:read"), "a raw scope is shown");
        let end = browser.decide(&world, &page, "allow").await;
        assert!(end.at.starts_with("http://127.0.0.1:33418/?code=poc_"), "{}", end.at);
        assert_eq!(end.parameter("state").as_deref(), Some("a+b/c=="));
        assert_eq!(end.parameter("iss").as_deref(), Some("http://localhost:8787"));
    }

    async fn cancel_tells_the_client(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let end = browser.decide(&world, &page, "cancel").await;
        assert_eq!(end.parameter("error").as_deref(), Some("access_denied"));
        assert_eq!(end.parameter("state").as_deref(), Some("a+b/c=="));
        assert_eq!(end.parameter("iss").as_deref(), Some("http://localhost:8787"));
        assert_eq!(end.parameter("code"), None);
    }

    async fn two_tabs_do_not_disturb_each_other(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let first = browser.authorize(&world, &client, &[("state", "one")]).await;
        let second = browser.authorize(&world, &client, &[("state", "two")]).await;
        let first = browser.sign_in(&world, &first, "dana@acme.dev", PASSWORD).await;
        // The second tab still shows the sign-in form; filling it in again is fine.
        let second = browser.sign_in(&world, &second, "dana@acme.dev", PASSWORD).await;
        let first = browser.open(&world, &first.at).await;
        let second = browser.decide(&world, &second, "allow").await;
        let first = browser.decide(&world, &first, "allow").await;
        assert_eq!((first.parameter("state").as_deref(), second.parameter("state").as_deref()), (Some("one"), Some("two")));
    }

    async fn a_reload_and_the_back_button_do_not_void_the_question(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let again = browser.open(&world, &page.at).await;
        assert!(again.asks());
        assert!(browser.decide(&world, &page, "allow").await.parameter("code").is_some());
        let late = browser.decide(&world, &again, "allow").await;
        assert_eq!(late.status, StatusCode::CONFLICT);
        assert!(late.text.contains("You already answered this"), "{}", late.text);
    }

    async fn who_returns_is_asked_again_unless_an_administrator_vouches_for_the_client(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        assert!(browser.connect(&world, &client, &[]).await.parameter("code").is_some());
        assert!(browser.authorize(&world, &client, &[]).await.asks(), "a loopback client is never let through silently");
        let vouched = world.client(ClientKind::PreRegistered, "Portal", &["https://portal.example/cb?x=1"]).await;
        let end = browser.connect(&world, &vouched, &[]).await;
        assert!(end.at.starts_with("https://portal.example/cb?x=1&code="), "{}", end.at);
        let silent = browser.authorize(&world, &vouched, &[]).await;
        assert!(silent.at.starts_with("https://portal.example/") && silent.at != end.at, "{}", silent.at);
        assert!(browser.authorize(&world, &vouched, &[("prompt", "none")]).await.parameter("code").is_some());
        assert!(browser.authorize(&world, &vouched, &[("prompt", "consent")]).await.asks());
        assert!(browser.authorize(&world, &vouched, &[("scope", "catalog:read openid")]).await.asks(), "other scopes");
        world.clock.advance(1);
        assert!(browser.authorize(&world, &vouched, &[("prompt", "login")]).await.wants_sign_in());
        world.clock.advance(31 * 86_400);
        assert!(browser.connect(&world, &vouched, &[]).await.at.starts_with("https://portal.example/"));
    }

    async fn a_request_times_out_and_says_so(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        world.clock.advance(601);
        let late = browser.decide(&world, &page, "allow").await;
        assert_eq!(late.status, StatusCode::GONE);
        assert!(late.text.contains("This request timed out") && late.text.contains("Go back to VS Code"), "{}", late.text);
    }

    async fn another_account_can_be_used_without_losing_the_request(world) {
        let client = world.dana_and_client().await;
        world.user("kim@acme.dev", PASSWORD).await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let link = page.text.split("class=\"switch\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let form = browser.open(&world, &link).await;
        let page = browser.sign_in(&world, &form, "kim@acme.dev", PASSWORD).await;
        assert!(page.asks() && page.text.contains("kim@acme.dev"));
        assert!(browser.decide(&world, &page, "allow").await.parameter("code").is_some());
    }

    async fn a_suspended_person_is_out_at_once(world) {
        let client = world.dana_and_client().await;
        let user = world.user("kim@acme.dev", PASSWORD).await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "kim@acme.dev", PASSWORD).await;
        let mut tx = world.app.store.begin().await.unwrap();
        assert!(postern::store::users::suspend(&mut tx, &world.app.store, &user.id, true, world.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
        let end = browser.decide(&world, &page, "allow").await;
        assert!(end.wants_sign_in(), "{}", end.text);
        let end = browser.sign_in(&world, &end, "kim@acme.dev", PASSWORD).await;
        assert!(end.text.contains("do not belong together"), "{}", end.text);
    }

    async fn a_program_with_a_scheme_of_its_own_gets_a_page_that_leads_back(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let client = world.client(ClientKind::PreRegistered, "Cursor", &["com.example.cursor:/done"]).await;
        let end = Browser::default().connect(&world, &client, &[]).await;
        assert!(end.text.contains("href=\"com.example.cursor:/done?code=poc_"), "{}", end.text);
        assert!(end.text.contains("You can close this window"));
    }

    async fn parameters_by_post_work_too(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let answer = browser.post(&world, "/authorize", &good_request(&client), &[]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let hub = answer.headers()["location"].to_str().unwrap().replace("http://localhost:8787", "");
        assert!(browser.open(&world, &hub).await.wants_sign_in());
    }

    async fn the_first_administrator_is_made_once(world) {
        let link = postern::identity::first_admin_link(&world.app).await.unwrap().unwrap();
        let other = postern::identity::first_admin_link(&world.app).await.unwrap().unwrap();
        let path = |link: &str| link.replace("http://localhost:8787", "");
        let mut browser = Browser::default();
        let page = browser.open(&world, &path(&link)).await;
        let fill = [("name", "Ada"), ("email", "ada@acme.dev"), ("password", "short")];
        let page = browser.submit(&world, &page, "/admin/first/", &fill).await;
        assert!(page.text.contains("at least 12 characters") && !page.text.contains("value=\"short\""), "{}", page.text);
        let mut rival = Browser::default();
        let rival_page = rival.open(&world, &path(&other)).await;
        let fill = [("name", "Ada"), ("email", "ada@acme.dev"), ("password", PASSWORD)];
        let account = browser.submit(&world, &page, "/admin/first/", &fill).await;
        assert!(account.at == "/account" && account.text.contains("Administrator"), "{} {}", account.at, account.text);
        assert!(account.text.contains("http://localhost:8787/mcp") && account.text.contains("/connect"));
        let late = rival.submit(&world, &rival_page, "/admin/first/", &[("name", "Eve"), ("email", "eve@acme.dev"), ("password", PASSWORD)]).await;
        assert_eq!(late.status, StatusCode::GONE);
        assert_eq!(browser.open(&world, &path(&link)).await.status, StatusCode::GONE);
        assert_eq!(postern::identity::first_admin_link(&world.app).await.unwrap(), None);
        let out = browser.submit(&world, &account, "/logout", &[]).await;
        assert!(out.text.contains("Welcome to Postern"));
        assert!(browser.open(&world, "/account").await.wants_sign_in());
    }

    async fn a_first_admin_link_dies_after_half_an_hour(world) {
        let link = postern::identity::first_admin_link(&world.app).await.unwrap().unwrap();
        world.clock.advance(1_801);
        let page = Browser::default().open(&world, &link.replace("http://localhost:8787", "")).await;
        assert_eq!(page.status, StatusCode::GONE);
    }

    async fn a_lost_person_and_a_lost_program_are_both_told(world) {
        let page = Browser::default().open(&world, "/nowhere").await;
        assert!(page.status == StatusCode::NOT_FOUND && page.text.contains("There is no such page"));
        let request = http::Request::get("/nowhere").header("accept", "application/json").body(axum::body::Body::empty()).unwrap();
        let told = crate::support::world::json(world.send(request).await).await;
        assert_eq!(told["error"], "not_found");
    }

    async fn fifty_who_allow_at_once_get_one_code(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let all = (0..50).map(|_| {
            let (mut browser, page, world) = (browser.clone(), page.clone(), &world);
            async move { browser.decide(world, &page, "allow").await }
        });
        let ends: Vec<Seen> = futures_util::future::join_all(all).await;
        let won = ends.iter().filter(|end| end.at.starts_with(LOOPBACK)).count();
        assert_eq!(won, 1);
        assert!(ends.iter().filter(|end| !end.at.starts_with(LOOPBACK)).all(|end| end.status == StatusCode::CONFLICT));
    }
}
