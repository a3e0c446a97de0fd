//! A client that nobody knows waits for an administrator, and the same request goes on once it is let in.

use http::StatusCode;
use postern::oauth::trust::Ruling;
use postern::store;
use postern::web::clients::{ClientRefusal, resolve};

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::documents::{Documents, ID, Reply, document};
use crate::support::people::{PASSWORD, admin};

/// A world that asks an administrator, with Dana on the page that says so, and root at the administrator's.
async fn waiting(world: World) -> (World, Documents, Browser, Seen, Browser) {
    let host = Documents::start().await;
    let world = host.known_to(world).await.and(&[("clients.described", "ask")]).await;
    world.user("dana@acme.dev", PASSWORD).await;
    admin(&world, "root@acme.dev").await;
    host.say(Reply::json(document()));
    let client = resolve(&world.app, ID).await.unwrap();
    let mut dana = Browser::default();
    let page = dana.authorize(&world, &client, &[]).await;
    let page = dana.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
    let mut root = Browser::default();
    let login = root.open(&world, "/login").await;
    root.sign_in(&world, &login, "root@acme.dev", PASSWORD).await;
    (world, host, dana, page, root)
}

on_both_engines! {
    async fn a_client_that_nobody_knows_waits_is_approved_and_the_same_request_goes_on(world) {
        let (world, _host, mut dana, page, mut root) = waiting(world).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("Ask an administrator") && page.text.contains("client.example"), "{}", page.text);
        let waits = dana.submit(&world, &page, "/authorize/", &[("decision", "ask")]).await;
        assert!(waits.text.contains("You asked for it on 24 November 2026, 12:00 UTC"), "{}", waits.text);
        // Longer than a sign-in may take otherwise.
        world.clock.advance(1_800);
        assert!(dana.open(&world, &page.at).await.text.contains("waits for an administrator"));

        let list = root.open(&world, "/admin").await;
        for shown in ["Waiting for you", "Example Editor", "client.example", "Dana Ruiz", "dana@acme.dev", "24 November 2026", "https://client.example/cb"] {
            assert!(list.text.contains(shown), "{shown}: {}", list.text);
        }
        let after = root.submit(&world, &list, "/admin/waiting", &[("decision", "approve")]).await;
        assert!(!after.text.contains("Waiting for you"), "{}", after.text);

        let question = dana.open(&world, &page.at).await;
        assert!(question.asks() && question.text.contains("Approved by your admin"), "{}", question.text);
        let code = dana.decide(&world, &question, "allow").await.parameter("code");
        assert!(code.is_some());
        let events: Vec<String> = events(&world).await;
        for event in ["client.asked_for", "client.described", "client.approved", "consent.allowed", "grant.issued"] {
            assert!(events.iter().any(|e| e == event), "{event} in {events:?}");
        }
    }

    async fn a_refused_client_is_blocked_in_the_organisations_words(world) {
        let (world, _host, mut dana, page, mut root) = waiting(world).await;
        dana.submit(&world, &page, "/authorize/", &[("decision", "ask")]).await;
        let list = root.open(&world, "/admin").await;
        root.submit(&world, &list, "/admin/waiting", &[("decision", "refuse")]).await;
        let world = world.and(&[("clients.described", "ask"), ("clients.refusal", "Ask #platform-help for tools we know.")]).await;
        let told = dana.open(&world, &page.at).await;
        assert_eq!(told.status, StatusCode::FORBIDDEN);
        assert!(told.text.contains("blocked by your organisation") && told.text.contains("Ask #platform-help"), "{}", told.text);
        assert!(matches!(resolve(&world.app, ID).await, Err(ClientRefusal::NotAllowed(_))));
        assert!(events(&world).await.contains(&"client.refused".to_owned()));
    }

    async fn who_gives_up_waiting_goes_back_with_an_error(world) {
        let (world, _host, mut dana, page, _root) = waiting(world).await;
        let back = dana.submit(&world, &page, "/authorize/", &[("decision", "cancel")]).await;
        assert_eq!(back.parameter("error").as_deref(), Some("access_denied"));
        assert_eq!(back.parameter("state").as_deref(), Some("a+b/c=="));
        assert_eq!(back.parameter("iss").as_deref(), Some("http://localhost:8787"));
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
        let said = sqlx::query_scalar::<_, String>("select outcome from audit where event = 'consent.cancelled'");
        assert_eq!(said.fetch_all(world.app.store.write()).await.unwrap(), ["cancelled"], "as at the consent page");
    }

    async fn a_word_of_before_lets_in_or_keeps_out_and_the_last_one_counts(world) {
        let (world, _host, mut dana, page, _root) = waiting(world).await;
        for (ruling, status) in [(Ruling::Approved, StatusCode::OK), (Ruling::Refused, StatusCode::FORBIDDEN), (Ruling::Approved, StatusCode::OK)] {
            let mut tx = world.app.store.begin().await.unwrap();
            assert!(store::rulings::rule(&mut tx, ID, ruling, "system", world.clock.now()).await.unwrap());
            assert!(!store::rulings::rule(&mut tx, ID, ruling, "system", world.clock.now()).await.unwrap(), "said already");
            tx.commit().await.unwrap();
            assert_eq!(dana.open(&world, &page.at).await.status, status);
        }
        assert!(dana.open(&world, &page.at).await.asks());
    }

    async fn the_client_that_most_people_ask_for_comes_first(world) {
        let users = [world.user("a@acme.dev", PASSWORD).await, world.user("b@acme.dev", PASSWORD).await];
        let mut tx = world.app.store.begin().await.unwrap();
        let now = world.clock.now();
        for (client, user) in [("https://a.example/c", 0), ("https://b.example/c", 0), ("https://b.example/c", 1)] {
            assert!(store::rulings::ask(&mut tx, client, &users[user].id, now).await.unwrap());
            assert!(!store::rulings::ask(&mut tx, client, &users[user].id, now).await.unwrap());
        }
        tx.commit().await.unwrap();
        let waiting = store::rulings::waiting(&world.app.store).await.unwrap();
        let order: Vec<_> = waiting.iter().map(|w| (w.client_id.as_str(), w.askers.len())).collect();
        assert_eq!(order, [("https://b.example/c", 2), ("https://a.example/c", 1)]);
        assert_eq!(store::rulings::open_of(&world.app.store, &users[0].id).await.unwrap(), 2);
    }
}

/// What the audit log holds, once it has caught up.
async fn events(world: &World) -> Vec<String> {
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let rows = sqlx::query_scalar("select event from audit").fetch_all(world.app.store.read()).await;
    rows.unwrap()
}
