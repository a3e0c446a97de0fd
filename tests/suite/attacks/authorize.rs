//! Attacks on the authorization endpoint, its redirects and its questions. Named after attacks.md, parts B, C and D.

use http::StatusCode;
use postern::oauth::client::ClientKind;

use crate::support::browser::{Browser, ORIGIN};
use crate::support::people::{LOOPBACK, PASSWORD, authorize_path, good_request};

const CALLBACK: &str = "https://app.example/cb";

on_both_engines! {
    async fn b01_a_redirect_that_only_looks_like_the_registered_one_is_never_followed(world) {
        let client = world.client(ClientKind::SelfRegistered, "App", &[CALLBACK, LOOPBACK]).await;
        for forged in [
            "https://good@app.example/cb", "https://app.example@evil.example/cb", "https://app.example/cb/", "https://app.example/CB",
            "https://app.example/cb?x=1", "https://app.example/cb#f", "https://app.example:444/cb", "http://app.example/cb",
            "https://app.example/x/..;/cb", "https://app.example/x/../cb", "https://app.example%2Fcb", "https://app.example\\cb",
            "https://app.example/cb\t", "HTTPS://app.example/cb", "//app.example/cb", "https://evil.example/cb", "javascript:alert(1)",
            "http://127.0.0.1:33418/x", "http://127.0.0.1.evil.example:33418/", "http://user@127.0.0.1:33418/",
            "http://127.0.0.1:33418@evil.example/", "http://127.0.0.1:99999/", "http://[::1]:33418/", "http://localhost:33418/",
        ] {
            let page = Browser::default().authorize(&world, &client, &[("redirect_uri", forged)]).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{forged}");
            assert!(!page.headers.contains_key("location"), "{forged}");
            assert!(!page.text.contains("evil.example"), "no link to a place nobody vouches for");
        }
    }

    async fn b02_an_unknown_client_or_redirect_shows_a_page_whatever_else_is_wrong(world) {
        let client = world.client(ClientKind::SelfRegistered, "App", &[CALLBACK]).await;
        let unknown = [("client_id", "nobody")];
        let elsewhere = [("redirect_uri", "https://evil.example/")];
        for wrong in [unknown, elsewhere] {
            for other in [("response_type", "token"), ("code_challenge", "x"), ("resource", "https://evil.example"), ("prompt", "none"), ("scope", "\"")] {
                let page = Browser::default().authorize(&world, &client, &[wrong[0], other]).await;
                assert_eq!(page.status, StatusCode::BAD_REQUEST);
                assert!(!page.headers.contains_key("location"));
            }
        }
        let page = Browser::default().authorize(&world, &client, &unknown).await;
        assert!(page.text.contains("Authentication: Remove Dynamic Authentication Providers"), "{}", page.text);
    }

    async fn b02_an_unvouched_client_cannot_use_our_name_to_send_a_stranger_elsewhere(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let client = world.client(ClientKind::SelfRegistered, "App", &["https://evil.example/"]).await;
        let mut browser = Browser::default();
        let wrong = [("response_type", "token")];
        let page = browser.authorize(&world, &client, &wrong).await;
        assert!(page.status == StatusCode::BAD_REQUEST && !page.headers.contains_key("location"));
        assert!(page.text.contains("unsupported_response_type"));
        browser.connect(&world, &client, &[]).await;
        let told = browser.authorize(&world, &client, &wrong).await;
        assert_eq!(told.parameter("error").as_deref(), Some("unsupported_response_type"), "who is signed in comes back");
    }

    async fn b03_a_parameter_given_twice_is_refused_also_across_query_and_body(world) {
        let client = world.dana_and_client().await;
        for name in ["client_id", "redirect_uri", "state", "scope", "code_challenge", "response_type"] {
            let mut twice = good_request(&client);
            twice.push(twice.iter().find(|(known, _)| known == name).cloned().unwrap());
            let end = Browser::default().open(&world, &authorize_path(&twice)).await;
            if matches!(name, "client_id" | "redirect_uri") {
                assert_eq!(end.status, StatusCode::BAD_REQUEST, "{name}");
            } else {
                assert_eq!(end.parameter("error").as_deref(), Some("invalid_request"), "{name}");
            }
        }
        let path = format!("/authorize?state=elsewhere&client_id={}", client.id);
        let answer = Browser::default().post(&world, &path, &good_request(&client), &[]).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }

    async fn b04_a_request_without_s256_is_refused(world) {
        let client = world.dana_and_client().await;
        for (name, value) in [("code_challenge", ""), ("code_challenge_method", "plain"), ("code_challenge_method", ""), ("code_challenge", "short")] {
            let end = Browser::default().authorize(&world, &client, &[(name, value)]).await;
            assert_eq!(end.parameter("error").as_deref(), Some("invalid_request"), "{name}={value}");
            assert_eq!(end.parameter("iss").as_deref(), Some(ORIGIN));
            assert_eq!(end.parameter("state").as_deref(), Some("a+b/c=="));
        }
    }

    async fn b05_requests_by_reference_other_modes_and_implicit_are_refused(world) {
        let client = world.dana_and_client().await;
        for (name, value, error) in [
            ("request", "eyJ", "request_not_supported"),
            ("request_uri", "https://evil.example/", "request_uri_not_supported"),
            ("response_mode", "fragment", "invalid_request"),
            ("response_mode", "form_post", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "code token", "unsupported_response_type"),
        ] {
            let end = Browser::default().authorize(&world, &client, &[(name, value)]).await;
            assert_eq!(end.parameter("error").as_deref(), Some(error), "{name}={value}");
        }
    }

    async fn b06_prompt_none_never_shows_and_never_grants(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let end = browser.authorize(&world, &client, &[("prompt", "none")]).await;
        assert_eq!(end.parameter("error").as_deref(), Some("login_required"));
        browser.connect(&world, &client, &[]).await;
        let end = browser.authorize(&world, &client, &[("prompt", "none")]).await;
        assert_eq!(end.parameter("error").as_deref(), Some("consent_required"));
    }

    async fn b06_no_page_can_be_framed(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let login = browser.authorize(&world, &client, &[]).await;
        let consent = browser.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
        let account = browser.open(&world, "/account").await;
        let missing = browser.open(&world, "/nowhere").await;
        for page in [login, consent, account, missing] {
            let says = |name: &str| page.headers[name].to_str().unwrap().to_owned();
            assert!(says("content-security-policy").contains("frame-ancestors 'none'"), "{}", page.at);
            assert_eq!(says("x-frame-options"), "DENY");
            assert_eq!(says("referrer-policy"), "same-origin");
            assert_eq!(says("cache-control"), "no-store");
            assert_eq!(says("x-content-type-options"), "nosniff");
            assert!(!page.text.contains("<script") && !page.text.contains("style="), "{}", page.text);
        }
    }

    async fn b10_sign_in_returns_to_the_hub_or_the_account_and_nowhere_else(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "../..//evil.example", "poq_x"] {
            let mut browser = Browser::default();
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("request", evil), ("return_to", evil), ("next", evil)]).finish();
            let page = browser.open(&world, &format!("/login?{query}")).await;
            assert!(!page.text.contains("evil.example"));
            let fields = [("email", "dana@acme.dev"), ("password", PASSWORD), ("request", evil), ("return_to", evil)];
            assert_eq!(browser.submit(&world, &page, "/login", &fields).await.at, "/account");
        }
        assert_eq!(Browser::default().open(&world, "//evil.example/").await.status, StatusCode::NOT_FOUND);
    }

    async fn c01_a_session_planted_before_sign_in_is_worth_nothing_after(world) {
        let client = world.dana_and_client().await;
        let mut attacker = Browser::default();
        attacker.connect(&world, &client, &[]).await;
        let mut victim = attacker.clone();
        let planted = attacker.cookies["postern-session"].clone();
        let login = victim.open(&world, "/login").await;
        victim.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
        assert_ne!(victim.cookies["postern-session"], planted);
        assert!(attacker.open(&world, "/account").await.wants_sign_in());
        assert!(!victim.open(&world, "/account").await.wants_sign_in());
    }

    async fn c01_a_session_ends_when_idle_and_when_old_and_when_signed_out(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        browser.connect(&world, &client, &[]).await;
        let kept = browser.clone();
        world.clock.advance(86_401);
        assert!(browser.open(&world, "/account").await.wants_sign_in(), "idle for a day");
        let login = browser.open(&world, "/login").await;
        browser.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
        for _ in 0..8 {
            assert!(!browser.open(&world, "/account").await.wants_sign_in());
            world.clock.advance(80_000);
        }
        assert!(browser.open(&world, "/account").await.wants_sign_in(), "a week old");
        let mut again = kept;
        let login = again.open(&world, "/login").await;
        let account = again.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
        let mut copy = again.clone();
        again.submit(&world, &account, "/logout", &[]).await;
        assert!(copy.open(&world, "/account").await.wants_sign_in(), "signed out means everywhere this cookie went");
    }

    async fn c06_no_code_comes_before_the_sign_in_that_was_asked_for_in_this_very_browser(world) {
        let client = world.dana_and_client().await;
        let hub = |at: &str| format!("/authorize/{}", at.split("request=").nth(1).unwrap());
        let mut stranger = Browser::default();
        let login = stranger.authorize(&world, &client, &[]).await;
        assert!(stranger.open(&world, &hub(&login.at)).await.wants_sign_in(), "straight to the hub");
        let path = hub(&login.at).replace("/authorize/", "/consent/");
        let fields = [("decision".to_owned(), "allow".to_owned()), ("csrf".to_owned(), login.form("/login").1[0].1.clone())];
        let answer = stranger.post(&world, &path, &fields, &[("origin", ORIGIN)]).await;
        assert!(!answer.headers().get("location").is_some_and(|to| to.to_str().unwrap().contains("code=")), "{answer:?}");
        let mut browser = Browser::default();
        browser.connect(&world, &client, &[]).await;
        world.clock.advance(120);
        for fresh in [("prompt", "login"), ("max_age", "60"), ("max_age", "0")] {
            let login = browser.authorize(&world, &client, &[fresh]).await;
            assert!(login.wants_sign_in(), "{fresh:?} {}", login.text);
            assert!(browser.open(&world, &hub(&login.at)).await.wants_sign_in(), "{fresh:?}: the old session is not enough");
            // Nor is a fresh one of the same person's elsewhere.
            let mut elsewhere = Browser::default();
            elsewhere.connect(&world, &client, &[]).await;
            assert!(browser.open(&world, &hub(&login.at)).await.wants_sign_in(), "{fresh:?}: another browser's is not either");
            assert!(browser.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await.asks());
            world.clock.advance(120);
        }
    }

    async fn c09_one_address_is_one_account_however_it_is_written(world) {
        let user = world.user("dana@acme.dev", PASSWORD).await;
        let now = world.clock.now();
        let email = postern::identity::user::Email::parse("DANA@ACME.DEV").unwrap();
        let again = postern::store::users::NewUser { id: "other".into(), email, name: "Eve".into(), password_hash: None, admin: false };
        let mut tx = world.app.store.begin().await.unwrap();
        assert!(!postern::store::users::add(&mut tx, &again, now).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(postern::store::users::list(&world.app.store).await.unwrap(), [user]);
        let mut browser = Browser::default();
        let page = browser.open(&world, "/login").await;
        for odd in ["dana@acme.dev@evil.example", "dana @acme.dev", "dana@acme.dev\u{200b}", "dаna@acme.dev"] {
            assert!(browser.sign_in(&world, &page, odd, PASSWORD).await.text.contains("do not belong together"), "{odd}");
        }
    }

    async fn d01_a_request_begun_in_one_browser_cannot_be_finished_in_another(world) {
        let client = world.dana_and_client().await;
        let (mut attacker, mut victim) = (Browser::default(), Browser::default());
        victim.connect(&world, &client, &[]).await;
        let theirs = attacker.authorize(&world, &client, &[]).await;
        let id = theirs.at.split("request=").nth(1).unwrap().to_owned();
        let page = victim.open(&world, &format!("/authorize/{id}")).await;
        assert!(page.status == StatusCode::FORBIDDEN && page.text.contains("belongs to another browser"), "{}", page.text);
        let mine = victim.authorize(&world, &client, &[]).await;
        let (_, fields) = mine.form("/consent/");
        let fields: Vec<_> = fields.into_iter().chain([("decision".to_owned(), "allow".to_owned())]).collect();
        let answer = victim.post(&world, &format!("/consent/{id}"), &fields, &[("origin", ORIGIN)]).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "a proof of one question answers no other");
    }

    async fn d02_a_form_from_elsewhere_is_refused(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let (path, fields) = page.form("/consent/");
        let good: Vec<_> = fields.iter().cloned().chain([("decision".to_owned(), "allow".to_owned())]).collect();
        let elsewhere: [&[(&str, &str)]; 5] = [
            &[("origin", "https://evil.example")], &[("origin", "null")], &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:8788")], &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
        ];
        for headers in elsewhere {
            assert_eq!(browser.post(&world, &path, &good, headers).await.status(), StatusCode::FORBIDDEN, "{headers:?}");
        }
        let mut forged = good.clone();
        forged[0].1 = postern::secret::Secret::<postern::secret::Csrf>::mint().reveal().to_owned();
        for fields in [&good[1..], &forged] {
            assert_eq!(browser.post(&world, &path, fields, &[("origin", ORIGIN)]).await.status(), StatusCode::FORBIDDEN);
        }
        assert!(browser.open(&world, &page.at).await.asks(), "nothing was decided");
        assert!(browser.decide(&world, &page, "allow").await.parameter("code").is_some());
    }

    async fn d03_a_name_made_to_deceive_is_shown_for_what_it_is(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        for (name, shown) in [
            ("</title><script>alert(1)</script>", "&#60;/title&#62;&#60;script&#62;alert(1)&#60;/script&#62;"),
            ("VS\u{202e}edoC\u{200b}\u{2066} Code\n\u{7}", "VSedoC Code"),
            (&"V".repeat(5_000), &format!("{}…", "V".repeat(59))),
            ("\"onmouseover=x ' {{7*7}}", "&#34;onmouseover=x &#39; {{7*7}}"),
            ("\u{200b}", "A client without a name"),
        ] {
            let client = world.client(ClientKind::SelfRegistered, name, &[LOOPBACK]).await;
            let mut browser = Browser::default();
            let login = browser.authorize(&world, &client, &[]).await;
            let page = browser.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
            for page in [&login, &page] {
                assert!(page.text.contains(&format!("<bdi>{shown}</bdi>")), "{}", page.text);
                assert!(!page.text.contains("<script") && !page.text.contains('\u{202e}'));
            }
            assert!(page.text.contains("Registered itself (unverified)") && page.text.contains("127.0.0.1:33418"));
        }
    }

    async fn d03_a_client_id_made_to_deceive_is_shown_for_what_it_is(world) {
        let page = world.get("/authorize?response_type=code&client_id=app%E2%80%AEdeb%E2%80%8Blbat").await;
        let text = crate::support::world::text(page).await;
        assert!(text.contains("app\\u{202e}deb\\u{200b}lbat”"), "{text}");
        assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text}");
    }

    async fn d04_nothing_but_a_posted_allow_allows(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let (path, fields) = page.form("/consent/");
        let csrf = &fields[0].1;
        assert!(browser.open(&world, &format!("{path}?decision=allow&csrf={csrf}")).await.asks());
        assert!(browser.open(&world, &format!("{}?decision=allow&csrf={csrf}", page.at)).await.asks());
        for decision in ["", "yes", "ALLOW"] {
            let answer = browser.submit(&world, &page, "/consent/", &[("decision", decision)]).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        }
    }

    async fn d05_a_yes_to_less_is_no_yes_to_more(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let client = world.client(ClientKind::PreRegistered, "Portal", &[CALLBACK]).await;
        let mut browser = Browser::default();
        browser.connect(&world, &client, &[("scope", "catalog:read")]).await;
        assert!(browser.authorize(&world, &client, &[("scope", "catalog:read profile")]).await.asks());
        assert!(!browser.authorize(&world, &client, &[("scope", "catalog:read")]).await.asks());
        let other = world.client(ClientKind::PreRegistered, "Portal", &[CALLBACK]).await;
        assert!(browser.authorize(&world, &other, &[("scope", "catalog:read")]).await.asks());
    }

    async fn d07_a_client_suspended_between_the_question_and_the_answer_gets_nothing(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let mut tx = world.app.store.begin().await.unwrap();
        postern::store::clients::suspend(&mut tx, &world.app.store, &client.id, true, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let end = browser.decide(&world, &page, "allow").await;
        assert!(end.status == StatusCode::FORBIDDEN && end.text.contains("This app may not go on"), "{}", end.text);
    }
}
