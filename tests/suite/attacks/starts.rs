//! How a server must not start, what it must not rest on, and what it does when the database is gone: G07, I04, J03.

use std::process::Command;

use axum::body::Body;
use http::{Request, Response, StatusCode};

use crate::support::World;
use crate::support::browser::{Browser, ORIGIN};
use crate::support::mcp::rpc;
use crate::support::people::PASSWORD;
use crate::support::token::{SECRET, code, post, post_as, redemption, refreshing, rows, seed, signed_in};

/// Runs the real binary with these arguments in an empty folder: whether it succeeded, and what it said.
fn start(arguments: &[&str]) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let run =
        Command::new(env!("CARGO_BIN_EXE_postern")).args(arguments).current_dir(dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(
        run.status.success() || !dir.path().join("postern-data").exists(),
        "a refused start leaves nothing behind"
    );
    (run.status.success(), said)
}

#[test]
fn g07_what_is_safe_on_one_machine_only_does_not_start_on_a_network() {
    for (arguments, why) in [
        (vec!["--public-url", "http://mcp.example.com"], "https"),
        (vec!["--public-url", "https://mcp.example.com"], "tls.in_front"),
        (vec!["--public-url", "https://mcp.example.com", "--set", "tls.in_front=true"], "sample"),
        (
            vec![
                "--public-url",
                "https://mcp.example.com",
                "--set",
                "tls.in_front=true",
                "--set",
                "catalog.demo=true",
            ],
            "sample",
        ),
        (vec!["--set", "encryption_key=changeme"], "32 bytes"),
        (vec!["--set", "proxies=everyone"], "proxies"),
    ] {
        let (started, said) = start(&[&["serve", "--listen", "127.0.0.1:0"], arguments.as_slice()].concat());
        assert!(!started && said.contains(why), "{arguments:?}: {said}");
        assert!(!said.contains("changeme"), "{said}");
    }
}

#[tokio::test]
async fn g07_no_two_servers_share_a_secret_and_none_has_an_account_nobody_made() {
    let (one, other) = (World::sqlite().await, World::sqlite().await);
    let key = |world: &World| std::fs::read_to_string(world.dir.path().join("encryption.key")).unwrap();
    assert_ne!(key(&one), key(&other));
    assert_ne!(one.app.keys.load().signing().kid, other.app.keys.load().signing().kid);
    let link = |world: &World| {
        let app = world.app.clone();
        async move { postern::identity::first_admin_link(&app).await.unwrap().unwrap() }
    };
    assert_ne!(link(&one).await, link(&other).await);
    for world in [&one, &other] {
        assert!(postern::store::users::list(&world.app.store).await.unwrap().is_empty());
        assert!(postern::store::clients::list(&world.app.store).await.unwrap().is_empty());
    }
    let mut browser = Browser::default();
    let page = browser.open(&one, "/login").await;
    for (name, password) in [
        ("admin@localhost", "admin"),
        ("admin@postern", "password1234"),
        ("root@localhost", "changemechangeme"),
    ] {
        assert_eq!(
            browser.sign_in(&one, &page, name, password).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}

#[test]
fn g07_nothing_listens_to_the_network_unless_told_to() {
    let raw = postern::config::Raw::read(&postern::config::Flags::default(), |_| None).unwrap();
    let config = postern::config::Config::from_raw(&raw).unwrap();
    assert!(config.listen.ip().is_loopback() && config.public_url.is_loopback());
    assert!(config.encryption_key.is_none() && config.proxies == postern::config::Proxies::default());
}

#[test]
fn j03_a_known_hole_in_a_dependency_stops_the_build() {
    let read = |name: &str| {
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
    };
    let deny: toml::Table = read("deny.toml").parse().unwrap();
    let advisories = deny["advisories"].as_table().unwrap();
    assert_eq!(advisories["yanked"].as_str(), Some("deny"));
    assert!(
        advisories["ignore"].as_array().unwrap().is_empty(),
        "an exception needs a reason that still holds"
    );
    assert!(deny["bans"].to_string().contains("openssl"), "one implementation of TLS");
    let script = read("scripts/test");
    assert!(
        script.lines().any(|line| line.starts_with("ALL=(") && line.contains(" deny ")),
        "part of every run"
    );
    assert!(script.contains("check --disable-fetch advisories"));
    let lock = read("Cargo.lock");
    for banned in ["openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{banned}\"")), "{banned}");
    }
}

async fn mcp(world: &World, token: &str) -> Response<Body> {
    let request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap()).await
}

on_both_engines! {
    async fn i04_without_a_database_nothing_is_granted_and_nobody_is_told_to_sign_in_again(world) {
        seed(&world).await;
        world.user("dana@acme.dev", PASSWORD).await;
        let (first, _) = signed_in(&world, "catalog:read offline_access").await;
        let (spare, _) = code(&world, "app", "catalog:read").await;
        let mut browser = Browser::default();
        let page = browser.open(&world, "/login").await;
        world.app.store.write().close().await;
        world.app.store.read().close().await;
        let basic = format!("rs:{SECRET}");
        let machine = [("grant_type", "client_credentials"), ("scope", "catalog:read")];
        for answer in [
            post(&world, "/token", &redemption(&spare)).await,
            post(&world, "/token", &refreshing(&first.text("refresh_token"))).await,
            post_as(&world, "/token", &machine, Some(&basic)).await,
            post_as(&world, "/introspect", &[("token", &first.text("access_token"))], Some(&basic)).await,
            post_as(&world, "/revoke", &[("token", &first.text("refresh_token"))], Some(&basic)).await,
        ] {
            assert_eq!(answer.error(), (503, "temporarily_unavailable"), "{answer:?}");
            assert!(answer.headers.contains_key("retry-after") && answer.json.get("active").is_none());
        }
        let answer = mcp(&world, &first.text("access_token")).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "not 401: the client would throw its registration away");
        let registered = world.post_json("/register", r#"{"redirect_uris":["http://127.0.0.1/"]}"#).await;
        assert_eq!(registered.status(), StatusCode::SERVICE_UNAVAILABLE);
        let (path, mut fields) = page.form("/login");
        fields.extend([("email".to_owned(), "dana@acme.dev".to_owned()), ("password".to_owned(), PASSWORD.to_owned())]);
        let signed = browser.post(&world, &path, &fields, &[("origin", ORIGIN)]).await;
        assert!(signed.status().is_server_error() && !signed.headers().contains_key("set-cookie"), "{}", signed.status());
        assert!(browser.open(&world, "/authorize?client_id=app").await.status.is_server_error());
        assert_eq!(world.get("/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(world.get("/healthz").await.status(), StatusCode::OK, "the process lives: restarting it would not help");
    }

    async fn i04_what_is_too_large_or_odd_for_a_column_is_refused_before_it_gets_there(world) {
        seed(&world).await;
        let before = rows(&world).await;
        let large = "a".repeat(postern::limits::TOKEN_PARAMETER_BYTES_MAX);
        for odd in [large.as_str(), "a\0b", "\u{fffd}", "\u{10ffff}", "'; drop table grants; --", "$1", "%s%n", "9223372036854775808"] {
            for name in ["client_id", "code", "refresh_token", "scope", "redirect_uri", "code_verifier", "resource"] {
                for grant in ["authorization_code", "refresh_token"] {
                    let mut fields = vec![("grant_type", grant), ("client_id", "app"), ("code", "poc_x"), ("refresh_token", "por_x"), ("code_verifier", "x")];
                    fields.retain(|(known, _)| *known != name);
                    fields.push((name, odd));
                    let answer = post(&world, "/token", &fields).await;
                    assert!((400..500).contains(&answer.status), "{name} {odd:.20}: {answer:?}");
                }
            }
        }
        assert_eq!(rows(&world).await, before, "nothing was changed");
    }
}
