//! Attacks through the document of a described client (attacks A01 to A09).

use postern::outbound::Refusal;
use postern::web::clients::{ClientRefusal, resolve};
use postern::{limits, store};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::documents::{Documents, ID, Reply, allow, document, document_with, eventually};
use crate::support::people::PASSWORD;

on_both_engines! {
    async fn a01_a_document_that_redirects_is_refused_without_a_second_request(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        for status in [301, 302, 303, 307, 308] {
            for place in ["https://other.example/oauth/client.json", "http://169.254.169.254/latest/meta-data", "https://10.0.0.1/"] {
                let before = host.count();
                host.say(Reply::json(document()).status(status).header(&format!("location: {place}")));
                assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::Fetch(Refusal::Status(status))));
                assert_eq!(host.count(), before + 1, "{status} {place}");
                world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
            }
        }
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
    }

    async fn a03_hosts_that_are_not_public_are_refused_in_every_disguise(world) {
        for host in [
            "0x7f.1", "127.1", "0", "2130706433", "017700000001", "0x7f000001", "127.0.0.1", "127.0.0.1.", "0.0.0.0", "[::]", "[::1]",
            "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]",
            "[2001:0:7f00:1::]", "[fe80::5efe:7f00:1]", "169.254.169.254", "169.254.169.254.", "168.63.129.16", "100.100.100.200",
            "[fd00:ec2::254]", "[fc00::1]", "[fe80::1]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "localhost", "LOCALHOST", "localhost.",
            "foo.localhost", "foo.localhost.", "printer.local", "metadata.google.internal", "router.home.arpa", "intranet",
            "①②⑦.⓪.⓪.①", "127。0。0。1", "%31%32%37.0.0.1",
        ] {
            let url = format!("https://{host}/client.json");
            let refused = world.app.outbound.json(&url, 5_120).await.unwrap_err();
            assert!(matches!(refused, Refusal::NotPublic | Refusal::NotHttps), "{url}: {refused:?}");
            let refused = resolve(&world.app, &url).await.unwrap_err();
            assert!(matches!(refused, ClientRefusal::Url(_) | ClientRefusal::Fetch(Refusal::NotPublic)), "{url}: {refused:?}");
        }
    }

    async fn a03_only_https_is_spoken_and_no_user_name_is_sent(world) {
        for url in ["http://client.example/c", "ftp://client.example/c", "file:///etc/passwd", "https://u:p@client.example/c", "//client.example/c", ""] {
            assert_eq!(world.app.outbound.json(url, 5_120).await.unwrap_err(), Refusal::NotHttps, "{url}");
        }
    }

    async fn a02_a_test_host_is_the_only_exception_and_a_name_like_it_is_not(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        for like in ["https://client.example./oauth/client.json", "https://client.example.localhost/oauth/client.json"] {
            assert!(resolve(&world.app, like).await.is_err(), "{like}");
        }
        assert_eq!(host.count(), 0);
    }

    async fn a04_of_all_addresses_in_a_document_only_its_picture_is_fetched_and_of_a_registration_none(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let mut body: serde_json::Value = serde_json::from_str(&document()).unwrap();
        for name in ["client_uri", "tos_uri", "policy_uri", "jwks_uri", "sector_identifier_uri"] {
            body[name] = json!("https://other.example/bait");
        }
        body["logo_uri"] = json!("https://other.example/logo.png");
        host.say(Reply::json(body.to_string()));
        host.say_at("/logo.png", Reply::png(vec![]).status(302).header("location: https://other.example/bait"));
        resolve(&world.app, ID).await.unwrap();
        eventually(|| host.count_at("/logo.png") == 1).await;
        assert_eq!((host.count(), host.count_at("/bait")), (2, 0), "a redirect is not followed");
        resolve(&world.app, ID).await.unwrap();
        let bait = "https://other.example/bait";
        let registration = json!({"redirect_uris": ["http://127.0.0.1/"], "logo_uri": bait, "client_uri": bait, "tos_uri": bait,
            "policy_uri": bait, "sector_identifier_uri": bait, "request_uris": [bait]});
        world.post_json("/register", &registration.to_string()).await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert_eq!(host.count(), 2);
    }

    async fn a04_a_picture_at_an_address_that_is_not_public_is_not_fetched(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        for (place, uri) in ["https://127.0.0.1/x", "https://169.254.169.254/x", "https://localhost/x", "http://other.example/x"].iter().enumerate() {
            let id = format!("https://client.example/{place}");
            let mut body: serde_json::Value = serde_json::from_str(&document_with("client_id", json!(id))).unwrap();
            body["logo_uri"] = json!(uri);
            host.say(Reply::json(body.to_string()));
            let client = resolve(&world.app, &id).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            assert_eq!(postern::web::logos::place(&world.app, &client).await.unwrap(), None, "{uri}");
        }
        assert_eq!(host.count(), 4);
    }

    async fn a06_another_spelling_of_an_id_is_refused_or_another_client_and_never_merged(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        allow(&world, &resolve(&world.app, ID).await.unwrap()).await;
        let long = format!("{ID}?{}", "x".repeat(2_048 - ID.len()));
        for other in [
            "https://client.example/oauth/client.json#x", "https://u@client.example/oauth/client.json", "https://client.example/oauth/x/../client.json",
            "https://client.example//oauth/client.json", "https://CLIENT.example/oauth/client.json", "https://client.example:443/oauth/client.json",
            "https://client.example/oauth/client.json/", "https://client.example/oauth/client.json?", "https://client.example/oauth/%63lient.json",
            "https://clıent.example/oauth/client.json", "HTTPS://client.example/oauth/client.json", "https://client.example./oauth/client.json",
            " https://client.example/oauth/client.json", "https://client.example/oauth/client.json ", &long,
        ] {
            let refused = resolve(&world.app, other).await;
            assert!(refused.is_err(), "{other}: {refused:?}");
        }
        assert_eq!(store::clients::list(&world.app.store).await.unwrap().len(), 1);
    }

    async fn a06_a_document_cannot_take_the_id_of_a_client_that_an_administrator_made(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document_with("redirect_uris", json!(["https://evil.example/cb"]))));
        let asked = postern::oauth::registration::PreRegistration {
            name: "Ours".into(),
            redirect_uris: vec!["https://ours.example/cb".into()],
            ..Default::default()
        };
        let ours = postern::oauth::registration::pre_registered(&asked, ID.into(), None).unwrap();
        store::clients::add(&world.app.store, &ours, world.clock.now()).await.unwrap();
        assert_eq!(resolve(&world.app, ID).await.unwrap().name, "Ours");
        assert_eq!(host.count(), 0);
    }

    async fn a09_a_hundred_at_once_are_one_fetch_whether_it_succeeds_or_fails(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        for (reply, good) in [(Reply::json("{}").status(404), false), (Reply::json(document()), true)] {
            world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS);
            let before = host.count();
            host.say(reply);
            let all = (0..100).map(|_| { let app = world.app.clone(); tokio::spawn(async move { resolve(&app, ID).await.is_ok() }) });
            for one in all.collect::<Vec<_>>() {
                assert_eq!(one.await.unwrap(), good);
            }
            assert_eq!(host.count(), before + 1);
        }
    }

    async fn a09_ten_thousand_ids_on_one_host_are_fetched_at_a_measured_pace_and_leave_no_rows(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        let mut busy = 0;
        for hundred in 0..100 {
            let all = (0..100).map(|n| { let app = world.app.clone(); tokio::spawn(async move {
                resolve(&app, &format!("https://client.example/{hundred}/{n}")).await
            }) });
            for one in all.collect::<Vec<_>>() {
                busy += usize::from(one.await.unwrap() == Err(ClientRefusal::Fetch(Refusal::Busy)));
            }
        }
        let most = usize::try_from(limits::OUTBOUND_HOST_PER_MINUTE_MAX).unwrap();
        assert!(host.count() <= 2 * most && busy >= 10_000 - 2 * most, "{} fetched, {busy} put off", host.count());
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
    }

    async fn a09_good_documents_leave_no_row_before_somebody_signed_in_says_yes(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        let rows = async |world: &World| {
            let clients = store::clients::list(&world.app.store).await.unwrap().len();
            (clients, store::documents::versions(&world.app.store, ID).await.unwrap().len())
        };
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.asks() && rows(&world).await == (0, 0));
        browser.decide(&world, &page, "cancel").await;
        assert_eq!(rows(&world).await, (0, 0), "a no leaves nothing");
        let page = browser.authorize(&world, &client, &[]).await;
        let code = browser.decide(&world, &page, "allow").await.parameter("code");
        assert!(code.is_some());
        assert_eq!((rows(&world).await, host.count()), ((1, 1), 1), "from one fetch");
    }

    async fn a14_a_document_that_changed_is_asked_about_again_for_old_and_new_places(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await.and(&[("clients.allow", "client.example")]).await;
        world.user("dana@acme.dev", PASSWORD).await;
        let (old, new) = ("https://client.example/cb", "https://client.example/new");
        host.say(Reply::json(document()));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        let to = |uri: &'static str| [("redirect_uri", uri)];
        assert!(browser.connect(&world, &client, &to(old)).await.parameter("code").is_some());
        let again = browser.authorize(&world, &client, &to(old)).await;
        assert!(again.parameter("code").is_some(), "remembered: an administrator vouches for it, and nothing changed");
        assert!(browser.authorize(&world, &client, &to("http://127.0.0.1:1/")).await.asks(), "never on this computer");
        world.clock.advance(limits::DOCUMENT_FRESH_SECONDS);
        host.say(Reply::json(document_with("redirect_uris", json!([old, new]))));
        for uri in [new, old] {
            let page = browser.authorize(&world, &client, &to(uri)).await;
            assert!(page.asks(), "{uri}");
            assert_eq!(page.text.contains("changed since you last allowed it"), uri == old, "{uri}");
        }
        let kept = store::documents::versions(&world.app.store, ID).await.unwrap();
        assert_eq!(kept.len(), 2, "what was allowed then can still be read");
    }

    async fn a14_a_yes_to_one_document_is_no_yes_to_the_one_that_came_while_they_read(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        host.say(Reply::json(document().replace("Example Editor", "Harmless")).header("cache-control: max-age=300"));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.asks() && page.text.contains("Harmless"));
        world.clock.advance(400);
        host.say(Reply::json(document_with("client_name", json!("Harmful"))));
        let after = browser.decide(&world, &page, "allow").await;
        assert!(after.asks() && after.text.contains("Harmful"), "asked again: {}", after.text);
        let forged = browser.submit(&world, &page, "/consent/", &[("decision", "allow"), ("document", "x")]).await;
        assert_eq!(forged.status, http::StatusCode::FORBIDDEN, "the proof is for one document");
        assert!(browser.decide(&world, &after, "allow").await.parameter("code").is_some());
    }

    async fn d03_a_name_cannot_stand_for_the_host_that_says_it(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        let name = "VS Code (verified)\u{202e}\u{200b}</title><script>alert(1)</script>";
        host.say(Reply::json(document_with("client_name", json!(name))));
        let client = resolve(&world.app, ID).await.unwrap();
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.asks());
        let main = page.text.split("<details class=\"technical\">").next().unwrap();
        for shown in ["Self-declared by", "<strong>client.example</strong> (unverified)", "127.0.0.1:33418"] {
            assert!(main.contains(shown), "{shown}: {main}");
        }
        for hidden in ["<script", "\u{202e}", "\u{200b}", "</title><"] {
            assert!(!page.text.contains(hidden), "{hidden}");
        }
    }

    async fn a_certificate_for_another_host_or_from_nobody_is_not_trusted(world) {
        let host = Documents::start().await;
        let known = host.known_to(world).await;
        host.say(Reply::json(document()));
        let resolve_it = known.app.config.outbound.resolve.iter().map(|(h, a)| format!("{h}={a},wrong.example={a}")).next().unwrap();
        let authority = known.app.config.outbound.extra_ca.clone().unwrap().display().to_string();
        let wrong = known.restarted(&[("outbound.resolve", &resolve_it), ("outbound.extra_ca", &authority)]).await;
        assert_eq!(resolve(&wrong.app, "https://wrong.example/c").await, Err(ClientRefusal::Fetch(Refusal::Unreachable)));
        let stranger = wrong.restarted(&[("outbound.resolve", &resolve_it)]).await;
        assert_eq!(resolve(&stranger.app, ID).await, Err(ClientRefusal::Fetch(Refusal::Unreachable)));
        assert_eq!(host.count(), 0);
    }
}
