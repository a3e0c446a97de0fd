//! Attacks through the document of a described client (attacks A01 to A09).

use postern::outbound::Refusal;
use postern::web::clients::{ClientRefusal, resolve};
use postern::{limits, store};
use serde_json::json;

use crate::support::documents::{Documents, ID, Reply, allow, document, document_with};

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

    async fn a04_no_address_inside_a_document_or_a_registration_is_ever_fetched(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let bait = "https://other.example/bait";
        let mut body: serde_json::Value = serde_json::from_str(&document()).unwrap();
        for name in ["logo_uri", "client_uri", "tos_uri", "policy_uri", "jwks_uri", "sector_identifier_uri"] {
            body[name] = json!(bait);
        }
        host.say(Reply::json(body.to_string()));
        resolve(&world.app, ID).await.unwrap();
        assert_eq!(host.count(), 1);
        let registration = json!({"redirect_uris": ["http://127.0.0.1/"], "logo_uri": bait, "client_uri": bait, "tos_uri": bait,
            "policy_uri": bait, "sector_identifier_uri": bait, "request_uris": [bait]});
        world.post_json("/register", &registration.to_string()).await;
        assert_eq!(host.count(), 1);
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

    async fn a09_many_ids_on_one_host_are_fetched_at_a_measured_pace_and_leave_no_rows(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        host.say(Reply::json(document()));
        let all = (0..200).map(|n| { let app = world.app.clone(); tokio::spawn(async move {
            resolve(&app, &format!("https://client.example/{n}")).await
        }) });
        let mut busy = 0;
        for one in all.collect::<Vec<_>>() {
            busy += usize::from(one.await.unwrap() == Err(ClientRefusal::Fetch(Refusal::Busy)));
        }
        let most = usize::try_from(limits::OUTBOUND_HOST_PER_MINUTE_MAX).unwrap();
        assert!(host.count() <= most && busy >= 200 - most, "{} fetched, {busy} put off", host.count());
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
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
