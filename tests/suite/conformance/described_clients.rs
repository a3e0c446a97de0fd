//! draft-ietf-oauth-client-id-metadata-document: clients that their own https document describes.

use postern::oauth::described::DocumentRefusal;
use postern::outbound::Refusal;
use postern::web::clients::{ClientRefusal, resolve};
use postern::{limits, store};
use serde_json::{Value, json};

use crate::support::documents::{Documents, ID, Reply, document, document_with};

on_both_engines! {
    async fn a_good_document_makes_a_client_and_is_fetched_once(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        assert_eq!((client.id.as_str(), client.name.as_str()), (ID, "Example Editor"));
        assert!(client.secret_digest.is_none());
        assert!(client.redirect("http://127.0.0.1:35933/").is_some(), "any loopback port (VS Code's R15)");
        assert_eq!(resolve(&world.app, ID).await.unwrap(), client);
        assert_eq!(host.count(), 1);
    }

    async fn a_document_is_asked_for_again_when_it_is_no_longer_fresh_and_every_version_is_kept(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()).header("cache-control: max-age=600"));
        let first = resolve(&world.app, ID).await.unwrap();
        world.clock.advance(599);
        host.say(Reply::json(document_with("client_name", json!("Renamed"))));
        assert_eq!(resolve(&world.app, ID).await.unwrap(), first);
        world.clock.advance(1);
        let second = resolve(&world.app, ID).await.unwrap();
        assert_eq!((second.name.as_str(), host.count()), ("Renamed", 2));
        let kept = store::clients::documents(&world.app.store, ID).await.unwrap();
        let hashes: Vec<&str> = kept.iter().map(|(hash, ..)| hash.as_str()).collect();
        assert_eq!(hashes, [first.document_hash.as_deref().unwrap(), second.document_hash.as_deref().unwrap()]);
    }

    async fn a_host_that_is_down_leaves_the_last_good_document_standing_for_a_week(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        host.go_down();
        world.clock.advance(limits::DOCUMENT_FRESH_SECONDS);
        assert_eq!(resolve(&world.app, ID).await.unwrap(), client);
        host.say(Reply::json("").status(503));
        world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
        assert_eq!(resolve(&world.app, ID).await.unwrap(), client);
        world.clock.advance(limits::DOCUMENT_STALE_SECONDS_MAX);
        assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::Fetch(Refusal::Status(503))));
    }

    async fn a_document_that_was_taken_away_or_spoilt_no_longer_stands(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        world.clock.advance(limits::DOCUMENT_FRESH_SECONDS);
        host.say(Reply::json("{}").status(404));
        assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::Fetch(Refusal::Status(404))));
        world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
        host.say(Reply::json(document_with("client_secret", json!("s"))));
        assert!(matches!(resolve(&world.app, ID).await, Err(ClientRefusal::Document(_))));
        let stored = store::clients::find(&world.app.store, ID).await.unwrap().unwrap();
        assert_eq!(stored, client, "what was refused changed nothing");
    }

    async fn a_document_that_breaks_a_rule_is_refused_and_leaves_no_row(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let other = |refusal: &ClientRefusal| matches!(refusal, ClientRefusal::Document(DocumentRefusal::OtherClient { .. }));
        let fault = |refusal: &ClientRefusal| matches!(refusal, ClientRefusal::Document(DocumentRefusal::Fault(_)));
        let fetch = |refusal: &ClientRefusal| matches!(refusal, ClientRefusal::Fetch(_));
        let html = Reply::json("<!doctype html>").header("content-type: text/html");
        let mislabelled = Reply::json(document()).header("content-type: text/html");
        type Judge<'a> = &'a (dyn Fn(&ClientRefusal) -> bool + Sync);
        let cases: [(Reply, Judge<'_>); 12] = [
            (Reply::json(document_with("client_id", json!("https://other.example/c"))), &other),
            (Reply::json(document_with("client_id", json!(format!("{ID}/")))), &other),
            (Reply::json(document_with("client_id", Value::Null)), &other),
            (Reply::json(document_with("client_secret", json!("hunter2"))), &fault),
            (Reply::json(document_with("token_endpoint_auth_method", json!("client_secret_post"))), &fault),
            (Reply::json(document_with("redirect_uris", json!(["javascript:alert(1)"]))), &fault),
            (Reply::json("[]"), &fault),
            (Reply::json("not json"), &fault),
            (html, &fetch),
            (mislabelled, &fetch),
            (Reply::json(document()).status(201), &fetch),
            (Reply::json(document_with("x", json!("y".repeat(limits::DOCUMENT_BYTES_MAX)))), &fetch),
        ];
        for (place, (reply, expected)) in cases.into_iter().enumerate() {
            host.say(reply);
            let refusal = resolve(&world.app, ID).await.unwrap_err();
            assert!(expected(&refusal), "case {place}: {refusal:?}");
            assert!(!refusal.to_string().contains("hunter2"));
            world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
        }
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
    }

    async fn a_json_type_with_a_suffix_and_a_size_at_the_limit_are_fine(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let room = limits::DOCUMENT_BYTES_MAX - document_with("x", json!("")).len();
        let full = document_with("x", json!("y".repeat(room)));
        assert_eq!(full.len(), limits::DOCUMENT_BYTES_MAX);
        host.say(Reply::json(full).header("content-type: application/client+json; charset=utf-8"));
        assert!(resolve(&world.app, ID).await.is_ok());
    }

    async fn described_clients_can_be_switched_off(world) {
        let world = world.restarted(&[("clients.described", "off")]).await;
        assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::DescribedOff));
        assert_eq!(resolve(&world.app, "nobody").await, Err(ClientRefusal::Unknown));
    }

    async fn a_suspended_or_revoked_client_stays_so_whatever_its_document_says(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        resolve(&world.app, ID).await.unwrap();
        let mut tx = world.app.store.begin().await.unwrap();
        store::clients::suspend(&mut tx, &world.app.store, ID, true, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        world.clock.advance(limits::DOCUMENT_FRESH_SECONDS);
        assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::Inactive));
        assert_eq!(host.count(), 1, "nothing is fetched for it");
    }
}
