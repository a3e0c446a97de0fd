//! A person sees what they let in, and takes it back.

use http::StatusCode;
use postern::identity::user::Email;
use postern::oauth::client::{Client, ClientKind};
use postern::store;

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::mcp::{Answer, rpc};
use crate::support::people::{LOOPBACK, PASSWORD};
use crate::support::token::VERIFIER;
use crate::support::world::json as read_json;

/// Dana signs in to `client` and gets its tokens: access and refresh.
async fn connected(world: &World, browser: &mut Browser, client: &Client) -> (String, String) {
    let code = browser.connect(world, client, &[]).await.parameter("code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.id.as_str()),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", LOOPBACK),
        ("resource", "http://localhost:8787/mcp"),
    ];
    let tokens = read_json(world.post_form("/token", &fields).await).await;
    let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn calls(world: &World, token: &str) -> u16 {
    let request = http::Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"))
        .body(rpc("tools/list", "").into());
    Answer::of(world.send(request.unwrap()).await).await.status
}

async fn refreshes(world: &World, client: &Client, token: &str) -> StatusCode {
    let fields = [("grant_type", "refresh_token"), ("client_id", &client.id), ("refresh_token", token)];
    world.post_form("/token", &fields).await.status()
}

async fn revocations(world: &World) -> i64 {
    let rows =
        sqlx::query_scalar("select count(*) from audit where event = 'grant.revoked' and actor is not null");
    rows.fetch_one(world.app.store.read()).await.unwrap()
}

fn lists(page: &Seen, name: &str) -> bool {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.text.contains(&format!("<bdi>{name}</bdi></h2>"))
}

on_both_engines! {
    async fn a_person_sees_what_each_app_can_do_and_disconnects_one(world) {
        let editor = world.dana_and_client().await;
        let other = world.client(ClientKind::SelfRegistered, "Cursor", &[LOOPBACK]).await;
        let mut dana = Browser::default();
        let (token, refresh) = connected(&world, &mut dana, &editor).await;
        let (kept, _) = connected(&world, &mut dana, &other).await;

        let page = dana.open(&world, "/account/apps").await;
        assert!(lists(&page, "VS Code") && lists(&page, "Cursor"), "{}", page.text);
        for words in ["Look up components, APIs, systems and who owns them", "Query Catalog Entities",
            "127.0.0.1:33418", "since 24 November 2026, 12:00 UTC", "last used", "Registered itself (unverified)"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert!(!page.text.contains("catalog:read"), "a scope is no sentence: {}", page.text);
        assert!(dana.open(&world, "/account").await.text.contains("href=\"/account/apps\""));

        let question = dana.open(&world, &format!("/account/apps?client={}", editor.id)).await;
        assert!(question.text.contains("Disconnect VS Code?"), "{}", question.text);
        assert_eq!((calls(&world, &token).await, revocations(&world).await), (200, 0), "looking ends nothing");
        let after = dana.submit(&world, &question, "/account/apps", &[]).await;
        assert!(!lists(&after, "VS Code") && lists(&after, "Cursor"), "{}", after.text);
        assert_eq!((calls(&world, &token).await, calls(&world, &kept).await), (401, 200));
        assert_eq!(refreshes(&world, &editor, &refresh).await, StatusCode::BAD_REQUEST);
        assert_eq!(revocations(&world).await, 1);
        let again = dana.submit(&world, &question, "/account/apps", &[]).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "it is disconnected already");
    }

    async fn one_of_two_sign_ins_of_an_app_can_go_alone_and_all_together(world) {
        let editor = world.dana_and_client().await;
        let other = world.client(ClientKind::SelfRegistered, "Cursor", &[LOOPBACK]).await;
        let mut dana = Browser::default();
        let (first, _) = connected(&world, &mut dana, &editor).await;
        world.clock.advance(7_200);
        let (second, _) = connected(&world, &mut dana, &editor).await;
        let (third, _) = connected(&world, &mut dana, &other).await;
        let page = dana.open(&world, "/account/apps").await;
        let ids: Vec<&str> = page.text.split("?grant=").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(ids.len(), 2, "{}", page.text);
        let question = dana.open(&world, &format!("/account/apps?grant={}", ids[1])).await;
        assert!(question.text.contains("Disconnect this sign-in of VS Code?"), "{}", question.text);
        dana.submit(&world, &question, "/account/apps", &[]).await;
        assert_eq!((calls(&world, &first).await, calls(&world, &second).await), (401, 200), "the older one");

        let question = dana.open(&world, "/account/apps?all=yes").await;
        assert!(question.text.contains("This ends 2 sign-ins of 2 apps"), "{}", question.text);
        let after = dana.submit(&world, &question, "/account/apps", &[]).await;
        assert!(after.text.contains("No app acts in your name here"), "{}", after.text);
        assert_eq!((calls(&world, &second).await, calls(&world, &third).await), (401, 401));
    }

    /// What was taken back is asked for again, also where a yes was remembered.
    async fn an_app_that_was_disconnected_asks_as_if_for_the_first_time(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let portal = world.client(ClientKind::PreRegistered, "Portal", &["https://portal.example/cb"]).await;
        let mut dana = Browser::default();
        let ask = async |dana: &mut Browser| dana.authorize(&world, &portal, &[]).await;
        let page = ask(&mut dana).await;
        let page = dana.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        dana.decide(&world, &page, "allow").await.parameter("code").unwrap();
        assert!(ask(&mut dana).await.at.starts_with("https://portal.example/cb"), "remembered");
        let question = dana.open(&world, &format!("/account/apps?client={}", portal.id)).await;
        dana.submit(&world, &question, "/account/apps", &[]).await;
        assert!(ask(&mut dana).await.asks(), "forgotten");
    }

    /// Attacks D01, I01: another's grant by its id, another site's form, a proof of another sign-in.
    async fn nobody_disconnects_what_is_anothers_and_no_other_site_does(world) {
        let editor = world.dana_and_client().await;
        let mut dana = Browser::default();
        let (token, _) = connected(&world, &mut dana, &editor).await;
        let question = dana.open(&world, &format!("/account/apps?client={}", editor.id)).await;
        let (path, good) = question.form("/account/apps");
        let own = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];
        let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(dana.post(&world, &path, &good, &foreign).await.status(), StatusCode::FORBIDDEN);

        world.user("eve@acme.dev", PASSWORD).await;
        let mut eve = Browser::default();
        let login = eve.open(&world, "/login").await;
        eve.sign_in(&world, &login, "eve@acme.dev", PASSWORD).await;
        assert_eq!(eve.post(&world, &path, &good, &own).await.status(), StatusCode::FORBIDDEN);
        assert!(!lists(&eve.open(&world, "/account/apps").await, "VS Code"));
        let user = store::users::find_by_email(&world.app.store, &Email::parse("dana@acme.dev").unwrap()).await.unwrap().unwrap();
        let grant = store::grants::of_user(&world.app.store, &user.id, &editor.id).await.unwrap().remove(0).id;
        let mut with_own_proof = connected_proof(&world, &mut eve).await;
        for (name, value) in [("grant", &grant), ("client", &editor.id)] {
            with_own_proof.truncate(1);
            with_own_proof.push((name.to_owned(), value.clone()));
            assert_eq!(eve.post(&world, &path, &with_own_proof, &own).await.status(), StatusCode::NOT_FOUND);
        }
        with_own_proof.truncate(1);
        with_own_proof.extend([("grant".into(), grant), ("all".into(), "yes".into())]);
        assert_eq!(eve.post(&world, &path, &with_own_proof, &own).await.status(), StatusCode::NOT_FOUND, "two at once");
        assert_eq!((calls(&world, &token).await, revocations(&world).await), (200, 0));
        assert!(Browser::default().open(&world, "/account/apps").await.wants_sign_in());
    }

    async fn a_hostile_name_is_text_among_connected_apps(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let hostile = world.client(ClientKind::SelfRegistered, "<script>alert(1)</script>\u{202e}", &[LOOPBACK]).await;
        let mut dana = Browser::default();
        connected(&world, &mut dana, &hostile).await;
        for path in ["/account/apps".to_owned(), format!("/account/apps?client={}", hostile.id)] {
            let page = dana.open(&world, &path).await;
            assert!(page.text.contains("&#60;script"), "{}", page.text);
            assert!(!page.text.contains("<script") && !page.text.contains('\u{202e}'), "{}", page.text);
        }
    }
}

/// The proof of this browser's own sign-in on the form of connected apps, alone: by an app of their own.
async fn connected_proof(world: &World, browser: &mut Browser) -> Vec<(String, String)> {
    let own = world.client(ClientKind::SelfRegistered, "Own", &[LOOPBACK]).await;
    connected(world, browser, &own).await;
    let question = browser.open(world, &format!("/account/apps?client={}", own.id)).await;
    let (_, mut fields) = question.form("/account/apps");
    fields.retain(|(name, _)| name == "csrf");
    fields
}
