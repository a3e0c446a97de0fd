//! Attacks through registration, and on the comparison of redirects (attacks A08, A10 to A12, B01).

use http::StatusCode;
use postern::oauth::client::{AuthMethod, Client, ClientKind, GrantType, Metadata};
use postern::{limits, store};
use serde_json::{Value, json};

use crate::support::world::{NOON, json as body_of};

fn client(redirects: &[&str]) -> Client {
    Client {
        id: "c".into(),
        kind: ClientKind::SelfRegistered,
        name: "C".into(),
        metadata: Metadata::plain(
            redirects.iter().map(|r| (*r).to_owned()).collect(),
            vec![GrantType::AuthorizationCode],
            AuthMethod::None,
        ),
        secret_digest: None,
        document_hash: None,
        registered_at: NOON,
        suspended_at: None,
        revoked_at: None,
    }
}

const HOSTILE: [&str; 22] = [
    "https://good.example@evil.example/cb",
    "https://good.example:pw@evil.example/cb",
    "https://evil.example/cb",
    "https://good.example.evil.example/cb",
    "https://evil-good.example/cb",
    "https://good.example/cb/",
    "https://good.example/cb/../evil",
    "https://good.example/..;/cb",
    "https://good.example/%2e%2e/cb",
    "https://good.example/c%62",
    "https://good.example%2fcb",
    "https://good.example\\cb",
    "https://good.example/cb\t",
    "https://good.example/cb\n",
    " https://good.example/cb",
    "https://good.example:443/cb",
    "https://good.example:8443/cb",
    "https://good.example/cb?x=1",
    "https://good.example/cb#f",
    "https://good.example/CB",
    "HTTPS://good.example/cb",
    "http://good.example/cb",
];

#[test]
fn b01_a_redirect_that_differs_in_anything_is_another_place() {
    let client = client(&["https://good.example/cb"]);
    assert!(client.redirect("https://good.example/cb").is_some());
    for uri in HOSTILE {
        assert!(client.redirect(uri).is_none(), "{uri:?}");
    }
}

#[test]
fn b01_only_the_port_of_a_loopback_address_is_free() {
    let client = client(&["http://127.0.0.1/cb", "http://localhost:1/", "https://127.0.0.1/tls"]);
    for good in [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:65535/cb",
        "http://localhost:33418",
    ] {
        assert!(client.redirect(good).is_some(), "{good}");
    }
    for bad in [
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:+1/cb",
        "http://127.0.0.1:1:2/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1:80\\@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.2/cb",
        "http://127.1/cb",
        "http://[::1]/cb",
        "http://localhost/cb",
        "http://localhost.evil.example/",
        "http://localhost:1//",
        "http://localhost:1/?x",
        "http://localhost:1?x",
        "http://localhost:1/#f",
        "http://LOCALHOST:1/",
        "http://127.0.0.1/cb/",
        "http://127.0.0.1//cb",
        "https://127.0.0.1:5/cb",
        "https://127.0.0.1:5/tls",
        "https://localhost:1/",
    ] {
        assert!(client.redirect(bad).is_none(), "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn b01_whatever_is_accepted_leads_to_the_host_and_path_that_were_registered(
        uri in "https?://(127\\.0\\.0\\.1|localhost|good\\.example|evil\\.example)([:@/\\\\?#;.%a-c0-9]{0,12})(/cb)?"
    ) {
        let client = client(&["https://good.example/cb", "http://127.0.0.1/cb", "http://localhost/"]);
        if client.redirect(&uri).is_some() {
            let url = url::Url::parse(&uri).unwrap();
            let place = (url.scheme(), url.host_str().unwrap(), url.path());
            let registered = [("https", "good.example", "/cb"), ("http", "127.0.0.1", "/cb"), ("http", "localhost", "/")];
            proptest::prop_assert!(registered.contains(&place), "{uri}");
            proptest::prop_assert!(url.username().is_empty() && url.query().is_none() && url.fragment().is_none());
        }
    }
}

fn good() -> Value {
    json!({"client_name": "X", "redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "none"})
}

on_both_engines! {
    async fn a08_a_name_that_only_looks_like_this_machine_is_not_registered(world) {
        for uri in ["http://localhost.evil.io/", "http://evil-localhost/", "http://127.0.0.1.evil.io/", "http://127.0.0.1x/", "http://localhostx/", "http://notlocalhost/"] {
            let mut body = good();
            body["redirect_uris"] = json!([uri]);
            assert_eq!(world.post_json("/register", &body.to_string()).await.status(), StatusCode::BAD_REQUEST, "{uri}");
        }
    }

    async fn a10_no_uri_that_a_browser_runs_or_reads_from_disk_is_registered(world) {
        for scheme in ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "data:text/html,x",
            "vbscript:x", "file:///etc/passwd", "blob:https://a/b", "view-source:https://a/", "about:blank", "filesystem:https://a/x"] {
            for name in ["redirect_uris", "client_uri", "logo_uri", "tos_uri", "policy_uri", "initiate_login_uri"] {
                let mut body = good();
                body[name] = if name == "redirect_uris" { json!([scheme]) } else { json!(scheme) };
                let response = world.post_json("/register", &body.to_string()).await;
                assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name} {scheme}");
                assert!(!crate::support::world::text(response).await.contains("alert"), "never echoed");
            }
        }
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
    }

    async fn a11_what_a_client_may_not_give_itself_is_cut_or_ignored(world) {
        let mut body = good();
        for (name, value) in [
            ("grant_types", json!(["authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange", "password"])),
            ("scope", json!("catalog:read rbac:write admin")),
            ("client_id", json!("https://vscode.dev/oauth/client-metadata.json")),
            ("client_secret", json!("chosen")),
            ("require_pkce", json!(false)),
            ("skip_consent", json!(true)),
            ("trusted", json!(true)),
            ("kind", json!("pre-registered")),
            ("resource", json!("https://elsewhere.example")),
        ] {
            body[name] = value;
        }
        let answer = body_of(world.post_json("/register", &body.to_string()).await).await;
        assert_eq!(answer["grant_types"], json!(["authorization_code"]));
        for ignored in ["client_secret", "require_pkce", "skip_consent", "trusted", "kind", "resource"] {
            assert!(answer.get(ignored).is_none(), "{ignored}");
        }
        let id = answer["client_id"].as_str().unwrap();
        assert!(!id.starts_with("https://"));
        let stored = store::clients::find(&world.app.store, id).await.unwrap().unwrap();
        assert_eq!(stored.kind, ClientKind::SelfRegistered);
        assert!(!stored.may(GrantType::ClientCredentials));
    }

    async fn a12_bodies_and_lists_are_bounded_and_a_flood_ends_within_the_hour_and_not_for_ever(world) {
        let mut large = good();
        large["x"] = json!("y".repeat(1 << 20));
        assert_eq!(world.post_json("/register", &large.to_string()).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let mut many = good();
        many["redirect_uris"] = json!((0..1_000).map(|n| format!("http://127.0.0.1/{n}")).collect::<Vec<_>>());
        assert!(world.post_json("/register", &many.to_string()).await.status().is_client_error());
        for _ in 0..limits::REGISTRATIONS_PER_HOUR_MAX {
            world.app.registrations.admits(world.clock.now());
        }
        let refused = world.post_json("/register", &good().to_string()).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key("retry-after"));
        world.clock.advance(3_600);
        assert_eq!(world.post_json("/register", &good().to_string()).await.status(), StatusCode::CREATED);
    }
}
