//! draft-ietf-oauth-client-id-metadata-document: clients that their own https document describes.

use postern::oauth::described::DocumentRefusal;
use postern::outbound::Refusal;
use postern::web::clients::{ClientRefusal, resolve};
use postern::{limits, store};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::documents::{Documents, ID, Reply, allow, document, document_with, eventually};
use crate::support::people::PASSWORD;
use crate::support::world::json as read_json;

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
        allow(&world, &first).await;
        world.clock.advance(599);
        host.say(Reply::json(document_with("client_name", json!("Renamed"))));
        assert_eq!(resolve(&world.app, ID).await.unwrap(), first);
        world.clock.advance(1);
        let second = resolve(&world.app, ID).await.unwrap();
        assert_eq!((second.name.as_str(), host.count()), ("Renamed", 2));
        let kept = store::documents::versions(&world.app.store, ID).await.unwrap();
        let hashes: Vec<&str> = kept.iter().map(|version| version.hash.as_str()).collect();
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
        allow(&world, &client).await;
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
        allow(&world, &resolve(&world.app, ID).await.unwrap()).await;
        let mut tx = world.app.store.begin().await.unwrap();
        store::clients::suspend(&mut tx, &world.app.store, ID, true, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        world.clock.advance(limits::DOCUMENT_FRESH_SECONDS);
        assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::Inactive));
        assert_eq!(host.count(), 1, "nothing is fetched for it");
    }

    async fn an_unchanged_document_is_asked_for_by_its_tag_and_not_read_again(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        for stored in [false, true] {
            host.say(Reply::json(document()).header("etag: \"v1\"").header("cache-control: max-age=600"));
            let first = resolve(&world.app, ID).await.unwrap();
            if stored {
                allow(&world, &first).await;
            }
            let before = host.count();
            host.say(Reply::json("").status(304).header("cache-control: max-age=900"));
            world.clock.advance(600);
            assert_eq!(resolve(&world.app, ID).await.unwrap(), first);
            assert!(host.last().contains("if-none-match: \"v1\""), "{}", host.last());
            world.clock.advance(899);
            assert_eq!(resolve(&world.app, ID).await.unwrap(), first);
            assert_eq!(host.count(), before + 1, "fresh for as long as the 304 says");
            world.clock.advance(1);
        }
        let kept = store::documents::versions(&world.app.store, ID).await.unwrap();
        assert_eq!(kept.len(), 1);
        assert!(kept[0].first_seen_at < kept[0].last_seen_at);
    }

    async fn a_304_that_nobody_asked_for_is_an_error(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()).status(304));
        assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::Fetch(Refusal::Status(304))));
    }

    async fn neither_an_error_nor_a_spoilt_document_is_cached_however_long_its_host_says(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        for spoilt in [Reply::json("{}").status(500), Reply::json("{}").status(404), Reply::json("[]"), Reply::json("{}").header("content-type: text/html")] {
            host.say(spoilt.header("cache-control: max-age=86400").header("etag: \"e\""));
            assert!(resolve(&world.app, ID).await.is_err());
            world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
        }
        host.say(Reply::json(document()));
        assert!(resolve(&world.app, ID).await.is_ok());
        assert!(!host.last().contains("if-none-match"));
    }

    async fn a_host_that_says_something_else_each_time_fills_no_table(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let most = usize::try_from(limits::DOCUMENT_VERSIONS_MAX).unwrap();
        let mut last = None;
        for n in 0..most + 5 {
            host.say(Reply::json(document_with("client_name", json!(format!("Version {n}")))));
            let client = resolve(&world.app, ID).await.unwrap();
            allow(&world, &client).await;
            last = client.document_hash;
            world.clock.advance(limits::DOCUMENT_FRESH_SECONDS);
        }
        let kept = store::documents::versions(&world.app.store, ID).await.unwrap();
        assert_eq!(kept.len(), most);
        assert_eq!(kept.last().map(|version| version.hash.clone()), last);
        assert!(kept.iter().all(|version| !version.text.contains("Version 4\"")), "the oldest went");
    }

    async fn the_flag_is_published_exactly_where_documents_are_accepted(world) {
        let mut world = world;
        for (mode, published) in [("open", json!(true)), ("ask", json!(true)), ("allow-list", json!(true)), ("off", Value::Null)] {
            world = world.restarted(&[("clients.described", mode)]).await;
            for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
                let metadata = read_json(world.get(path).await).await;
                assert_eq!(metadata["client_id_metadata_document_supported"], published, "{mode} {path}");
            }
        }
    }

    async fn an_id_or_document_that_breaks_a_rule_ends_at_a_page_and_is_sent_nowhere(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let page = async |id: &str| {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("client_id", id), ("redirect_uri", "https://client.example/cb"), ("response_type", "code")]).finish();
            Browser::default().open(&world, &format!("/authorize?{query}")).await
        };
        for id in ["https://client.example", "https://client.example/", "https://client.example/a/../c", "https://client.example/./c", "https://u@client.example/c",
            "https://client.example/c#f", "https://client.example:443/c", "https://Client.example/c"] {
            let seen = page(id).await;
            assert!(seen.status == 400 && seen.at.starts_with("/authorize?") && seen.text.contains("invalid_client"), "{id}: {}", seen.text);
        }
        assert_eq!(host.count(), 0);
        host.say(Reply::json(document_with("client_id", json!("https://other.example/c"))));
        let seen = page(ID).await;
        assert!(seen.status == 400 && seen.text.contains("names another client_id"), "{}", seen.text);
        assert!(!seen.text.contains("href=\"https://client.example"), "no link to where nobody checked");
    }

    async fn a_redirect_is_one_that_the_document_lists_but_for_a_loopback_port(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        for good in ["http://127.0.0.1:35933/", "http://127.0.0.1:1/", "http://127.0.0.1/", "http://127.0.0.1:33418", "https://client.example/cb"] {
            let code = browser.connect(&world, &client, &[("redirect_uri", good)]).await.parameter("code");
            assert!(code.is_some(), "{good}");
        }
        for bad in ["http://localhost:33418/", "http://[::1]:33418/", "http://127.0.0.2:33418/", "http://127.0.0.1:33418/x", "https://127.0.0.1:33418/",
            "https://client.example:8443/cb", "https://client.example/cb/", "https://client.example/CB", "https://client.example/cb?x=1", "https://sub.client.example/cb"] {
            let seen = browser.authorize(&world, &client, &[("redirect_uri", bad)]).await;
            assert!(seen.status == 400 && seen.at.starts_with("/authorize?"), "{bad}: {} {}", seen.at, seen.text);
        }
    }

    async fn the_page_shows_who_vouches_and_where_the_answer_goes_and_warns_of_programs_on_this_computer(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[("redirect_uri", "https://client.example/cb")]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let unfolded = |text: &str| text.split("<details class=\"technical\">").next().unwrap().to_owned();
        let main = unfolded(&page.text);
        assert!(main.contains("Self-declared by <strong>client.example</strong>") && main.contains("<dd>client.example</dd>"), "{main}");
        assert!(!main.contains("a program on this computer"));
        let local = browser.authorize(&world, &client, &[]).await;
        let main = unfolded(&local.text);
        assert!(main.contains("127.0.0.1:33418") && main.contains("a program on this computer"), "{main}");
    }

    async fn a_picture_is_fetched_once_made_anew_and_served_from_here(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        let pixels = image::RgbImage::from_pixel(200, 100, image::Rgb([200, 30, 30]));
        let mut png = std::io::Cursor::new(Vec::new());
        image::DynamicImage::from(pixels).write_to(&mut png, image::ImageFormat::Png).unwrap();
        host.say(Reply::json(document_with("logo_uri", json!("https://other.example/logo.png"))));
        host.say_at("/logo.png", Reply::png(png.into_inner()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut place = None;
        for _ in 0..250 {
            place = postern::web::logos::place(&world.app, &client).await.unwrap();
            if place.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let place = place.expect("made within five seconds");
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.text.contains(&format!("src=\"{place}\" alt=\"\"")) && !page.text.contains("other.example"), "{}", page.text);
        let served = world.get(&place).await;
        for (name, value) in [("content-type", "image/png"), ("x-content-type-options", "nosniff"), ("cache-control", "public, max-age=31536000, immutable")] {
            assert_eq!(served.headers()[name], value);
        }
        assert!(served.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"));
        let bytes = axum::body::to_bytes(served.into_body(), 1 << 20).await.unwrap();
        let read = image::load_from_memory(&bytes).unwrap();
        assert_eq!((read.width(), read.height()), (96, 48));
        browser.decide(&world, &page, "allow").await;
        let world = world.and(&[]).await;
        assert_eq!(postern::web::logos::place(&world.app, &client).await.unwrap(), Some(place.clone()), "stored with the yes");
        assert_eq!(world.get(&place).await.status(), 200);
        assert_eq!(world.get("/static/logos/nothing").await.status(), 404);
        assert_eq!(host.count_at("/logo.png"), 1);
    }

    async fn a_picture_that_is_none_leaves_the_first_letter(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document_with("logo_uri", json!("https://other.example/logo.svg"))));
        host.say_at("/logo.svg", Reply::png(b"<svg onload='alert(1)'/>".to_vec()).header("content-type: image/svg+xml"));
        let client = resolve(&world.app, ID).await.unwrap();
        eventually(|| host.count_at("/logo.svg") == 1).await;
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.asks() && page.text.contains("aria-hidden=\"true\">E</span>") && !page.text.contains("<img"), "{}", page.text);
    }

    async fn a_sign_in_goes_on_at_a_node_that_has_not_seen_the_document_and_says_so_where_its_host_is_down(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let world = world.and(&[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.asks() && host.count() == 2, "{}", page.text);
        let world = world.and(&[]).await;
        host.go_down();
        let told = browser.decide(&world, &page, "allow").await;
        assert!(told.status == 400 && told.text.contains("document could not be read"), "{}", told.text);
        world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
        host.say(Reply::json(document()));
        let page = browser.open(&world, &page.at).await;
        assert!(browser.decide(&world, &page, "allow").await.parameter("code").is_some());
    }
}
