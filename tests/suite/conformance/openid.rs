//! OpenID Connect Core 1.0 (sections 2, 3.1.2 and 5.4) and RP-Initiated Logout 1.0.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use http::StatusCode;
use postern::oauth::client::{Client, ClientKind};
use serde_json::Value;

use super::oauth21_token::{claims, part};
use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::people::PASSWORD;
use crate::support::token::{Answer, VERIFIER, post};

const CALLBACK: &str = "https://app.example/cb";
const AFTER: &str = "https://app.example/bye?x=1";

/// The left half of SHA-256, base64url (section 3.1.3.6).
fn half_sha256(text: &str) -> String {
    BASE64URL.encode(&postern::secret::sha256(text.as_bytes())[..16])
}

async fn vouched(world: &World) -> Client {
    of_kind(world, ClientKind::PreRegistered).await
}

async fn of_kind(world: &World, kind: ClientKind) -> Client {
    world.user("dana@acme.dev", PASSWORD).await;
    let client = world.client(kind, "Portal", &[CALLBACK]).await;
    let place = format!("\"post_logout_redirect_uris\":[\"{AFTER}\"],\"grant_types\"");
    sqlx::query("update clients set metadata = replace(metadata, '\"grant_types\"', $2) where id = $1")
        .bind(&client.id)
        .bind(place)
        .execute(world.app.store.write())
        .await
        .unwrap();
    client
}

/// Error, `state` and `iss` of an answer that went to the client.
fn error(seen: &Seen) -> String {
    assert_eq!(seen.parameter("iss").as_deref(), Some("http://localhost:8787"), "{}", seen.at);
    assert_eq!(seen.parameter("state").as_deref(), Some("a+b/c=="), "{}", seen.at);
    assert_eq!(seen.parameter("code"), None);
    seen.parameter("error").unwrap_or_default()
}

async fn redeem(world: &World, client: &Client, seen: &Seen) -> Answer {
    let code = seen.parameter("code").unwrap_or_else(|| panic!("no code: {}", seen.at));
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.id.as_str()),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let answer = post(world, "/token", &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// Signed in, allowed, and the ID token of it.
async fn signed_in(world: &World, client: &Client) -> (Browser, String) {
    let mut browser = Browser::default();
    let seen = browser.connect(world, client, &[("scope", "openid")]).await;
    (browser, redeem(world, client, &seen).await.text("id_token"))
}

fn is_signed_in(page: &Seen) -> bool {
    page.text.contains("Signed in as")
}

on_both_engines! {
    /// "The Authorization Server MUST NOT display any authentication or consent user interface pages" (section 3.1.2.1).
    async fn prompt_none_answers_at_once_with_a_code_or_with_what_is_missing(world) {
        let client = vouched(&world).await;
        let mut browser = Browser::default();
        let none = [("prompt", "none"), ("scope", "openid")];
        assert_eq!(error(&browser.authorize(&world, &client, &none).await), "login_required");
        let page = browser.authorize(&world, &client, &[]).await;
        browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert_eq!(error(&browser.authorize(&world, &client, &none).await), "consent_required");
        browser.connect(&world, &client, &[("scope", "openid")]).await;
        assert!(browser.authorize(&world, &client, &none).await.parameter("code").is_some());
        let old = [("prompt", "none"), ("scope", "openid"), ("max_age", "60")];
        world.clock.advance(61);
        assert_eq!(error(&browser.authorize(&world, &client, &old).await), "login_required");
        for more in ["none login", "consent none", "none none"] {
            assert_eq!(error(&browser.authorize(&world, &client, &[("prompt", more)]).await), "invalid_request", "{more}");
        }
    }

    /// "login … SHOULD prompt the End-User for reauthentication", "consent … SHOULD prompt the End-User for consent",
    /// "select_account … SHOULD prompt the End-User to select a user account" (section 3.1.2.1).
    async fn prompts_are_shown_though_nothing_else_asks_for_them(world) {
        let client = vouched(&world).await;
        let mut browser = Browser::default();
        browser.connect(&world, &client, &[]).await;
        assert!(browser.authorize(&world, &client, &[]).await.parameter("code").is_some());
        for (prompt, signs_in, asks) in [("login", true, false), ("select_account", true, false), ("consent", false, true), ("login consent", true, true)] {
            world.clock.advance(1);
            let mut page = browser.authorize(&world, &client, &[("prompt", prompt)]).await;
            assert_eq!(page.wants_sign_in(), signs_in, "{prompt}");
            if signs_in {
                page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
            }
            assert_eq!(page.asks(), asks, "{prompt}");
            if asks {
                page = browser.decide(&world, &page, "allow").await;
            }
            assert!(page.parameter("code").is_some(), "{prompt}: {}", page.at);
        }
    }

    /// "max_age … If the elapsed time is greater than this value, the OP MUST attempt to actively re-authenticate … the ID
    /// Token returned MUST include an auth_time Claim Value."
    async fn a_sign_in_that_is_too_long_ago_is_asked_for_again_and_its_time_is_told(world) {
        let client = vouched(&world).await;
        let mut browser = Browser::default();
        let began = world.clock.now().seconds();
        browser.connect(&world, &client, &[("scope", "openid")]).await;
        world.clock.advance(600);
        let young = browser.authorize(&world, &client, &[("scope", "openid"), ("max_age", "600")]).await;
        let told = claims(&redeem(&world, &client, &young).await.text("id_token"));
        assert_eq!(told["auth_time"], began);
        for max_age in ["599", "0"] {
            let page = browser.authorize(&world, &client, &[("scope", "openid"), ("max_age", max_age)]).await;
            assert!(page.wants_sign_in(), "{max_age}");
        }
        let page = browser.authorize(&world, &client, &[("scope", "openid"), ("max_age", "599")]).await;
        let again = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let told = claims(&redeem(&world, &client, &again).await.text("id_token"));
        assert_eq!(told["auth_time"], world.clock.now().seconds());
        for bad in ["-1", "x", "1e3", "99999999999"] {
            assert_eq!(error(&browser.authorize(&world, &client, &[("max_age", bad)]).await), "invalid_request", "{bad}");
        }
    }

    /// Section 2: iss, sub, aud, exp, iat; nonce as it came; at_hash by section 3.1.3.6; and never typed as an access token.
    async fn an_id_token_says_what_it_must(world) {
        let client = vouched(&world).await;
        let mut browser = Browser::default();
        let seen = browser.connect(&world, &client, &[("scope", "openid profile email"), ("nonce", "n-0S6_WzA2Mj ü")]).await;
        let answer = redeem(&world, &client, &seen).await;
        let (token, access) = (answer.text("id_token"), answer.text("access_token"));
        let told = claims(&token);
        assert_eq!(part(&token, 0)["typ"], "JWT");
        assert_eq!((&told["iss"], &told["aud"]), (&Value::from("http://localhost:8787"), &Value::from(client.id.as_str())));
        assert_eq!(told["nonce"], "n-0S6_WzA2Mj ü");
        assert_eq!(told["at_hash"], half_sha256(&access));
        assert_eq!((&told["name"], &told["email"]), (&Value::from("Dana Ruiz"), &Value::from("dana@acme.dev")));
        assert!(told["exp"].as_i64() > told["iat"].as_i64() && told["sub"] == claims(&access)["sub"]);
        let bare = browser.connect(&world, &client, &[("scope", "openid")]).await;
        let bare = claims(&redeem(&world, &client, &bare).await.text("id_token"));
        assert!(bare.get("nonce").is_none() && bare.get("name").is_none() && bare.get("email").is_none());
        let none = browser.connect(&world, &client, &[("scope", "catalog:read")]).await;
        assert!(redeem(&world, &client, &none).await.json.get("id_token").is_none(), "an ID token without openid");
    }

    /// Section 5.4: each claim by its own scope.
    async fn user_info_tells_what_the_scopes_open(world) {
        let client = vouched(&world).await;
        let mut browser = Browser::default();
        for (scope, expected) in [
            ("openid", vec!["sub"]), ("openid email", vec!["email", "sub"]),
            ("openid profile", vec!["name", "preferred_username", "sub"]),
        ] {
            let seen = browser.connect(&world, &client, &[("scope", scope)]).await;
            let token = redeem(&world, &client, &seen).await.text("access_token");
            let bearer = format!("Bearer {token}");
            let request = http::Request::get("/userinfo").header("authorization", &bearer).body(axum::body::Body::empty());
            let told = crate::support::world::json(world.send(request.unwrap()).await).await;
            let mut names: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, expected, "{scope}");
        }
    }

    /// "login_hint … about the login identifier the End-User might use": a value in a form, never more.
    async fn a_login_hint_fills_the_form_and_decides_nothing(world) {
        let client = vouched(&world).await;
        let page = Browser::default().authorize(&world, &client, &[("login_hint", "dana@acme.dev")]).await;
        assert!(page.wants_sign_in() && page.text.contains("value=\"dana@acme.dev\""), "{}", page.text);
        let hostile = Browser::default().authorize(&world, &client, &[("login_hint", "\"><script>x</script>")]).await;
        assert!(hostile.wants_sign_in() && !hostile.text.contains("<script"));
    }

    /// "If the End-User identified by the ID Token is already logged in or is logged in as a result of the request … the
    /// Authorization Server returns a positive response; otherwise, it MUST return an error, such as login_required."
    async fn an_id_token_hint_wants_that_person_and_no_other(world) {
        let client = vouched(&world).await;
        world.user("eve@acme.dev", PASSWORD).await;
        let other = world.client(ClientKind::PreRegistered, "Other", &[CALLBACK]).await;
        let (mut dana, hint) = signed_in(&world, &client).await;
        let ask = [("id_token_hint", hint.as_str()), ("scope", "openid")];
        let none = [("id_token_hint", hint.as_str()), ("scope", "openid"), ("prompt", "none")];
        assert!(dana.authorize(&world, &client, &none).await.parameter("code").is_some());
        let mut eve = Browser::default();
        assert_eq!(error(&eve.authorize(&world, &client, &none).await), "login_required");
        let page = eve.authorize(&world, &client, &[]).await;
        eve.sign_in(&world, &page, "eve@acme.dev", PASSWORD).await;
        world.clock.advance(1);
        assert_eq!(error(&eve.authorize(&world, &client, &none).await), "login_required");
        let page = eve.authorize(&world, &client, &ask).await;
        assert!(page.wants_sign_in(), "another person is signed in");
        let wrong = eve.sign_in(&world, &page, "eve@acme.dev", PASSWORD).await;
        assert_eq!(error(&wrong), "login_required");
        world.clock.advance(1);
        let page = eve.authorize(&world, &client, &ask).await;
        let right = eve.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let access = redeem(&world, &client, &right).await.text("access_token");
        // Long past its end it still says who was meant; what is not ours for this client says nothing.
        world.clock.advance(86_000);
        assert!(!Browser::default().authorize(&world, &client, &ask).await.at.contains("error="));
        let cut = &hint[..hint.len() - 4];
        for bad in [access.as_str(), cut, "x"] {
            assert_eq!(error(&dana.authorize(&world, &client, &[("id_token_hint", bad)]).await), "invalid_request");
        }
        assert_eq!(error(&dana.authorize(&world, &other, &ask).await), "invalid_request");
    }

    /// RP-Initiated Logout section 2: a client that shows the person's ID token is believed, and gets its `state` back at a
    /// place that it registered.
    async fn a_client_with_the_persons_id_token_signs_them_out_and_has_them_back(world) {
        let client = vouched(&world).await;
        let (mut browser, hint) = signed_in(&world, &client).await;
        let query = |pairs: &[(&str, &str)]| format!("/logout?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
        let good = query(&[("id_token_hint", &hint), ("post_logout_redirect_uri", AFTER), ("state", "s&t")]);
        let seen = browser.open(&world, &good).await;
        assert_eq!(seen.at, format!("{AFTER}&state=s%26t"));
        assert!(browser.open(&world, "/account").await.wants_sign_in());
        // Once more, with nobody signed in: the browser still comes back.
        assert_eq!(browser.open(&world, &good).await.at, format!("{AFTER}&state=s%26t"));
        // What was allowed stays allowed.
        let page = browser.authorize(&world, &client, &[("scope", "openid")]).await;
        assert!(browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await.parameter("code").is_some());
        // And by POST, without a redirect.
        let fields = [("id_token_hint".to_owned(), hint.clone())];
        let response = browser.post(&world, "/logout", &fields, &[("origin", "https://app.example")]).await;
        assert_eq!((response.status(), &response.headers()["location"]), (StatusCode::SEE_OTHER, &"/".parse().unwrap()));
        assert!(browser.open(&world, "/account").await.wants_sign_in());
    }

    /// "If … no id_token_hint … the OP MUST ask" (section 2), and "the OP MUST NOT perform post-logout redirection" to what was
    /// not registered (section 3).
    async fn without_an_id_token_the_person_is_asked_and_nobody_is_sent_to_a_strange_place(world) {
        let client = vouched(&world).await;
        world.user("eve@acme.dev", PASSWORD).await;
        let (mut browser, hint) = signed_in(&world, &client).await;
        let (_, of_another) = {
            let mut eve = Browser::default();
            let page = eve.authorize(&world, &client, &[("scope", "openid")]).await;
            let page = eve.sign_in(&world, &page, "eve@acme.dev", PASSWORD).await;
            let seen = eve.decide(&world, &page, "allow").await;
            (eve, redeem(&world, &client, &seen).await.text("id_token"))
        };
        let query = |pairs: &[(&str, &str)]| format!("/logout?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
        for pairs in [
            vec![], vec![("client_id", client.id.as_str())], vec![("id_token_hint", "x")], vec![("id_token_hint", of_another.as_str())],
            vec![("client_id", client.id.as_str()), ("post_logout_redirect_uri", AFTER)],
            vec![("client_id", client.id.as_str()), ("post_logout_redirect_uri", "https://evil.example/")],
            vec![("post_logout_redirect_uri", AFTER)],
        ] {
            let page = browser.open(&world, &query(&pairs)).await;
            assert!(page.status == StatusCode::OK && is_signed_in(&page), "{pairs:?}: {}", page.text);
            assert!(!page.text.contains("<a class=\"button primary\" href=\"https://evil"), "{}", page.text);
        }
        for evil in ["https://evil.example/", "https://app.example/bye", "https://app.example/bye?x=1&y", CALLBACK] {
            let page = Browser::default().open(&world, &query(&[("id_token_hint", &hint), ("post_logout_redirect_uri", evil)])).await;
            assert!(page.at.starts_with("/logout"), "{evil}: {}", page.at);
            assert!(!page.text.contains(&format!("href=\"{evil}")), "{evil}");
        }
        let contradiction = query(&[("id_token_hint", &hint), ("client_id", "other")]);
        assert_eq!(browser.open(&world, &contradiction).await.status, StatusCode::BAD_REQUEST);
        // The person says yes: then they go on to the place that the page named.
        let page = browser.open(&world, &query(&[("client_id", &client.id), ("post_logout_redirect_uri", AFTER), ("state", "s")])).await;
        assert!(page.text.contains("app.example"), "{}", page.text);
        let done = browser.submit(&world, &page, "/logout", &[]).await;
        assert_eq!(done.at, format!("{AFTER}&state=s"));
        assert!(browser.open(&world, "/account").await.wants_sign_in());
    }

    /// Anybody can register a place, sign in once, and put their ID token into a link that begins with our name.
    async fn attack_b10_a_client_that_registered_itself_sends_nobody_on_without_their_click(world) {
        let client = of_kind(&world, ClientKind::SelfRegistered).await;
        let (mut browser, hint) = signed_in(&world, &client).await;
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER)];
        let path = format!("/logout?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish());
        let stranger = Browser::default().open(&world, &path).await;
        assert!(stranger.at.starts_with("/logout") && stranger.text.contains(&format!("href=\"{AFTER}\"")), "{stranger:?}");
        assert!(!stranger.headers.contains_key("refresh"));
        let page = browser.open(&world, &path).await;
        assert!(page.at.starts_with("/logout") && is_signed_in(&page) && page.text.contains("app.example"), "{page:?}");
        assert_eq!(browser.submit(&world, &page, "/logout", &[]).await.at, AFTER, "by the person's click");
        assert!(browser.open(&world, "/account").await.wants_sign_in());
    }

    /// A page elsewhere can make a browser post; it cannot have it signed out.
    async fn attack_d02_another_site_signs_nobody_out(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        browser.connect(&world, &client, &[]).await;
        let page = browser.open(&world, "/logout").await;
        let (_, fields) = page.form("/logout");
        let forged: [&[(String, String)]; 3] = [&[], &[("csrf".into(), "pof_x".into())], &[("state".into(), "s".into())]];
        for fields in forged {
            browser.post(&world, "/logout", fields, &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]).await;
            assert!(is_signed_in(&browser.open(&world, "/account").await));
        }
        let stolen = browser.post(&world, "/logout", &fields, &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]).await;
        assert_eq!(stolen.status(), StatusCode::FORBIDDEN);
        assert!(is_signed_in(&browser.open(&world, "/account").await));
    }

    /// Registered, so that a person can be brought back; never a scheme that a browser runs.
    async fn places_after_logout_are_registered_and_echoed(world) {
        let body = |uri: &str| serde_json::json!({"redirect_uris": ["https://app.example/cb"], "post_logout_redirect_uris": [uri]}).to_string();
        let good = crate::support::world::json(world.post_json("/register", &body(AFTER)).await).await;
        assert_eq!(good["post_logout_redirect_uris"], serde_json::json!([AFTER]));
        for bad in ["javascript:alert(1)", "http://app.example/", "https://app.example/#f", ""] {
            let answer = world.post_json("/register", &body(bad)).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{bad}");
            let told = crate::support::world::json(answer).await;
            assert!(told["error_description"].as_str().unwrap().contains("post_logout_redirect_uris[0]"), "{told}");
        }
    }
}
