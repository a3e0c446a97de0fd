//! Attacks on the rules that say which described clients may come (attack A08), and on the wait for an administrator.

use http::StatusCode;
use postern::oauth::client::Client;
use postern::store;
use postern::web::clients::{ClientRefusal, resolve};
use serde_json::json;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::documents::{Documents, ID, Reply, document, document_with};
use crate::support::people::{PASSWORD, admin};
use crate::support::registration::{good, registered};

const OTHER: &str = "https://other.example/oauth/client.json";

/// A browser in which Dana is signed in and looks at what a request of `client` leads to.
async fn arrived(world: &World, client: &Client) -> (Browser, crate::support::browser::Seen) {
    let mut browser = Browser::default();
    let page = browser.authorize(world, client, &[]).await;
    let page = browser.sign_in(world, &page, "dana@acme.dev", PASSWORD).await;
    (browser, page)
}

on_both_engines! {
    async fn a08_a_host_that_looks_like_an_allowed_one_is_refused_before_it_is_asked_anything(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await
            .and(&[("clients.described", "allow-list"), ("clients.allow", "client.example/oauth/*,*.acme.example")]).await;
        host.say(Reply::json(document()));
        for evil in [
            "https://evil-client.example/oauth/client.json", "https://client.example.evil.io/oauth/client.json",
            "https://clientxexample.io/oauth/client.json", "https://evil.io/client.example/oauth/client.json",
            "https://client.example/oauthx/client.json", "https://client.example/%6Fauth/client.json",
            "https://client.example:8443/oauth/client.json", "https://sub.client.example/oauth/client.json",
            "https://acme.example/c", "https://a.b.acme.example/c", "https://evil-acme.example/c", "https://localhost.evil.io/c", OTHER,
        ] {
            let refused = resolve(&world.app, evil).await.unwrap_err();
            assert!(matches!(&refused, ClientRefusal::NotAllowed(why) if why.contains("clients.allow")), "{evil}: {refused:?}");
        }
        assert_eq!(host.count(), 0);
        assert!(resolve(&world.app, ID).await.is_ok());
    }

    async fn a08_deny_wins_over_every_allow_and_over_an_administrators_yes(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await.and(&[("clients.allow", "client.example"), ("clients.deny", "client.example/oauth")]).await;
        host.say(Reply::json(document()));
        let mut tx = world.app.store.begin().await.unwrap();
        let yes = postern::oauth::trust::Ruling::Approved;
        store::rulings::rule(&mut tx, ID, yes, "system", world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        for spelling in [ID, "https://client.example//oauth/client.json", "https://client.example/%6Fauth/client.json",
            "https://client.example:8443/oauth/client.json", "https://client.example/OAuth/client.json", "https://client.example/oauth/client.json?v=2"] {
            let refused = resolve(&world.app, spelling).await.unwrap_err();
            assert!(matches!(&refused, ClientRefusal::NotAllowed(why) if why.contains("clients.deny")), "{spelling}: {refused:?}");
        }
        assert_eq!(host.count(), 0);
        let page = world.get(&format!("/authorize?client_id={ID}")).await;
        assert_eq!(page.status(), StatusCode::FORBIDDEN);
    }

    async fn a08_an_empty_allow_list_blocks_all(world) {
        let world = world.restarted(&[("clients.described", "allow-list"), ("clients.presets", "none")]).await;
        for id in [ID, "https://vscode.dev/oauth/client-metadata.json"] {
            assert!(matches!(resolve(&world.app, id).await, Err(ClientRefusal::NotAllowed(why)) if why.contains("empty")));
        }
    }

    async fn a_stranger_never_gets_more_than_the_ceiling_and_a_known_client_is_not_cut(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await.and(&[("clients.unknown_scopes", "openid,email")]).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[("scope", "catalog:read openid offline_access")]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.text.contains("<dd>openid</dd>"), "{}", page.text);
        let none = browser.authorize(&world, &client, &[("scope", "catalog:read")]).await;
        assert_eq!(none.parameter("error").as_deref(), Some("invalid_scope"));
        let world = world.and(&[("clients.unknown_scopes", "openid"), ("clients.allow", "client.example")]).await;
        let page = browser.authorize(&world, &client, &[("scope", "catalog:read openid")]).await;
        assert!(page.text.contains("<dd>catalog:read openid</dd>"), "{}", page.text);
    }

    async fn a_rule_that_denies_ends_refreshing_too(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let code = Browser::default().connect(&world, &client, &[]).await.parameter("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("client_id", ID), ("code", &code), ("code_verifier", crate::support::token::VERIFIER),
            ("redirect_uri", "http://127.0.0.1:33418/")];
        let answer = crate::support::token::post(&world, "/token", &fields).await;
        let refresh = answer.text("refresh_token");
        let again = |token: String| [("grant_type", "refresh_token".to_owned()), ("client_id", ID.to_owned()), ("refresh_token", token)];
        let post = async |world: &World, token: String| {
            let fields = again(token);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            crate::support::token::post(world, "/token", &fields).await
        };
        let first = post(&world, refresh).await;
        assert_eq!(first.status, 200, "{first:?}");
        let next = first.text("refresh_token");
        let denied = world.and(&[("clients.deny", "client.example")]).await;
        assert_eq!(post(&denied, next).await.error(), (401, "invalid_client"));
    }

    /// What a client was given while it was trusted it keeps for as long as it is: the ceiling holds at every refresh.
    async fn attack_a11_a_client_that_became_a_stranger_refreshes_within_the_ceiling(world) {
        let host = Documents::start().await;
        let allow = [("clients.allow", "client.example")];
        let mut world = host.known_to(world).await.and(&allow).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let described = resolve(&world.app, ID).await.unwrap();
        let (id, _, _) = registered(&world, &good()).await;
        let own = store::clients::find(&world.app.store, &id).await.unwrap().unwrap();
        for client in [described, own] {
            let ask = [("scope", "catalog:read openid offline_access")];
            let code = Browser::default().connect(&world, &client, &ask).await.parameter("code").unwrap();
            let fields = [("grant_type", "authorization_code"), ("client_id", &client.id), ("code", &code),
                ("code_verifier", crate::support::token::VERIFIER), ("redirect_uri", "http://127.0.0.1:33418/")];
            let first = crate::support::token::post(&world, "/token", &fields).await;
            let again = async |world: &World, token: &str, scope: Option<&str>| {
                let mut fields = vec![("grant_type", "refresh_token"), ("client_id", &client.id), ("refresh_token", token)];
                fields.extend(scope.map(|scope| ("scope", scope)));
                crate::support::token::post(world, "/token", &fields).await
            };
            let trusted = again(&world, &first.text("refresh_token"), None).await;
            assert_eq!(trusted.json["scope"], "catalog:read offline_access openid", "{trusted:?}");
            world = world.and(&[("clients.unknown_scopes", "openid")]).await;
            let refused = again(&world, &trusted.text("refresh_token"), Some("catalog:read")).await;
            assert_eq!(refused.error(), (400, "invalid_scope"), "{refused:?}");
            let cut = again(&world, &trusted.text("refresh_token"), None).await;
            assert_eq!(cut.json["scope"], "openid", "{cut:?}");
            // The person's yes still stands: whoever trusts it again need not ask again.
            world = world.and(&allow).await;
            let restored = again(&world, &cut.text("refresh_token"), None).await;
            assert_eq!(restored.json["scope"], "catalog:read offline_access openid", "{restored:?}");
        }
    }

    async fn nobody_is_let_in_by_asking_and_a_wait_belongs_to_one_browser(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await.and(&[("clients.described", "ask")]).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let (mut browser, page) = arrived(&world, &client).await;
        assert!(page.text.contains("has to be let in first") && !page.asks(), "{}", page.text);
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty(), "looking stores nothing");
        // Straight to the answer, past the question.
        let (path, fields) = page.form("/authorize/");
        let own = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];
        let mut allow = fields.clone();
        allow.extend([("decision".to_owned(), "allow".to_owned()), ("document".to_owned(), client.document_hash.clone().unwrap())]);
        let consent = path.replace("/authorize/", "/consent/");
        assert_eq!(browser.post(&world, &consent, &allow, &own).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(browser.post(&world, &path, &allow, &own).await.status(), StatusCode::BAD_REQUEST);
        let mut ask = fields.clone();
        ask.push(("decision".to_owned(), "ask".to_owned()));
        let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(browser.post(&world, &path, &ask, &foreign).await.status(), StatusCode::FORBIDDEN);
        let mut stranger = Browser::default();
        assert_eq!(stranger.post(&world, &path, &ask, &own).await.status(), StatusCode::SEE_OTHER);
        assert!(store::rulings::waiting(&world.app.store).await.unwrap().is_empty());
        for _ in 0..2 {
            let after = browser.submit(&world, &page, "/authorize/", &[("decision", "ask")]).await;
            assert!(after.text.contains("waits for an administrator") && !after.asks(), "{}", after.text);
        }
        assert_eq!(store::rulings::waiting(&world.app.store).await.unwrap()[0].askers.len(), 1, "asked once");
        // The one who asks does not answer.
        let fields = [("client_id".to_owned(), ID.to_owned()), ("decision".to_owned(), "approve".to_owned()), ("csrf".to_owned(), "pof_x".to_owned())];
        assert_eq!(browser.post(&world, "/admin/waiting", &fields, &own).await.status(), StatusCode::FORBIDDEN);
        admin(&world, "root@acme.dev").await;
        let mut root = Browser::default();
        let login = root.open(&world, "/login").await;
        root.sign_in(&world, &login, "root@acme.dev", PASSWORD).await;
        assert_eq!(root.post(&world, "/admin/waiting", &fields, &own).await.status(), StatusCode::FORBIDDEN, "a guessed proof");
        let list = root.open(&world, "/admin").await;
        let (_, mut good) = list.form("/admin/waiting");
        good.push(("decision".to_owned(), "approve".to_owned()));
        assert_eq!(root.post(&world, "/admin/waiting", &good, &foreign).await.status(), StatusCode::FORBIDDEN);
        good.retain(|(name, _)| name != "client_id");
        good.push(("client_id".to_owned(), OTHER.to_owned()));
        assert_eq!(root.post(&world, "/admin/waiting", &good, &own).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(store::rulings::find(&world.app.store, ID).await.unwrap(), None);
    }

    async fn one_person_cannot_bury_the_list_under_asks(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await.and(&[("clients.described", "ask")]).await;
        let dana = world.user("dana@acme.dev", PASSWORD).await;
        let mut tx = world.app.store.begin().await.unwrap();
        for n in 0..postern::limits::ASKS_PER_USER_MAX {
            store::rulings::ask(&mut tx, &format!("https://client.example/{n}"), &dana.id, world.clock.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        host.say(Reply::json(document_with("client_name", json!("One more"))));
        let client = resolve(&world.app, ID).await.unwrap();
        let (mut browser, page) = arrived(&world, &client).await;
        let after = browser.submit(&world, &page, "/authorize/", &[("decision", "ask")]).await;
        assert_eq!(after.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(store::rulings::asked_at(&world.app.store, ID, &dana.id).await.unwrap().is_none());
    }
}
