//! RFC 9126, OAuth 2.0 Pushed Authorization Requests.

use http::StatusCode;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::people::{LOOPBACK, PASSWORD, good_request};
use crate::support::token::{Answer, SECRET, client, post, post_as};
use futures_util::future::join_all;
use postern::oauth::client::{AuthMethod, Client, ClientKind};
use postern::{limits, store};

async fn push(world: &World, known: &Client, changed: &[(&str, &str)]) -> Answer {
    let mut fields = good_request(known);
    for (name, value) in changed {
        fields.retain(|(known, _)| known != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    post(world, "/par", &fields).await
}

fn link(known: &Client, request_uri: &str) -> String {
    let query = [("client_id", known.id.as_str()), ("request_uri", request_uri)];
    format!(
        "/authorize?{}",
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish()
    )
}

on_both_engines! {
    /// "HTTP status code 201 … request_uri … expires_in" (section 2.2), and the whole way with it (section 4).
    async fn what_was_pushed_is_what_is_asked(world) {
        let known = world.dana_and_client().await;
        let pushed = push(&world, &known, &[]).await;
        assert_eq!((pushed.status, pushed.json["expires_in"].as_i64()), (201, Some(limits::PUSHED_SECONDS)));
        assert_eq!(pushed.headers["cache-control"], "no-store");
        let request_uri = pushed.text("request_uri");
        assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:"));
        let mut browser = Browser::default();
        // Whatever else the browser brings counts for nothing.
        let page = browser.open(&world, &(link(&known, &request_uri) + "&scope=catalog%3Awrite&redirect_uri=https%3A%2F%2Fevil.example&state=x")).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.asks() && !page.text.contains("catalog:write"), "{}", page.text);
        let back = browser.decide(&world, &page, "allow").await;
        assert!(back.at.starts_with(LOOPBACK), "{}", back.at);
        assert_eq!(back.parameter("state").as_deref(), Some("a+b/c=="));
        assert!(back.parameter("code").is_some());
    }

    /// "The request URI MUST be bound to the client", "one-time use", "expires" (sections 2.2 and 4).
    async fn attack_b05_a_request_uri_works_once_for_its_client_and_not_for_long(world) {
        let known = world.dana_and_client().await;
        let other = world.client(ClientKind::SelfRegistered, "Other", &[LOOPBACK]).await;
        let request_uri = push(&world, &known, &[]).await.text("request_uri");
        let open = async |path: String| Browser::default().open(&world, &path).await;
        assert_eq!(open(link(&other, &request_uri)).await.status, StatusCode::BAD_REQUEST, "another client's");
        let tries: Vec<_> = join_all((0..8).map(|_| open(link(&known, &request_uri)))).await;
        assert_eq!(tries.iter().filter(|seen| seen.wants_sign_in()).count(), 1);
        assert!(tries.iter().all(|seen| seen.wants_sign_in() || seen.text.contains("This link was used")));
        let late = push(&world, &known, &[]).await.text("request_uri");
        world.clock.advance(limits::PUSHED_SECONDS);
        assert_eq!(open(link(&known, &late)).await.status, StatusCode::BAD_REQUEST);
        for foreign in ["https://evil.example/request", "urn:ietf:params:oauth:request_uri:x", "urn:other:x", "x"] {
            let seen = open(format!("{}&redirect_uri={LOOPBACK}", link(&known, foreign))).await;
            let refused = seen.status == StatusCode::BAD_REQUEST || seen.at.contains("error=request_uri_not_supported");
            assert!(refused, "{foreign}: {} {}", seen.status, seen.at);
        }
        let left: (i64,) = sqlx::query_as("select count(*) from authorization_requests").fetch_one(world.app.store.read()).await.unwrap();
        assert_eq!(left.0, 1, "only the one good link began anything");
    }

    /// "The authorization server MUST … authenticate the client … reject the request if the request_uri parameter is
    /// provided … validate the pushed request as it would an authorization request" (section 2.1).
    async fn a_push_is_judged_like_a_request_and_like_a_client(world) {
        let known = world.dana_and_client().await;
        for (name, value, error) in [
            ("request_uri", "urn:ietf:params:oauth:request_uri:x", "invalid_request"),
            ("redirect_uri", "https://evil.example/", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("resource", "https://evil.example/mcp", "invalid_target"),
            ("scope", "nothing:here", "invalid_scope"),
            ("request", "eyJ", "request_not_supported"),
            ("redirect_uri", "", "invalid_request"),
        ] {
            let answer = push(&world, &known, &[(name, value)]).await;
            let expected = if (name, value) == ("redirect_uri", "") { (201, "") } else { (400, error) };
            assert_eq!(answer.error(), expected, "{name} {value} {answer:?}");
        }
        client(&world.app, "box", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
        let boxed = store::clients::find(&world.app.store, "box").await.unwrap().unwrap();
        assert_eq!(push(&world, &boxed, &[]).await.error(), (401, "invalid_client"));
        let fields = good_request(&boxed);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(post_as(&world, "/par", &fields, Some(&format!("box:{SECRET}"))).await.status, 201);
        assert_eq!(push(&world, &Client { id: "nobody".into(), ..known.clone() }, &[]).await.error(), (401, "invalid_client"));
        // Section 2.3: 405 and 413.
        assert_eq!(world.get("/par").await.status(), StatusCode::METHOD_NOT_ALLOWED);
        let long = "x".repeat(limits::TOKEN_FORM_BYTES_MAX + 1);
        assert_eq!(push(&world, &known, &[("state", &long)]).await.status, 413);
    }

    /// "require_pushed_authorization_requests" of the server and of a client (sections 5 and 6).
    async fn who_must_push_is_refused_at_the_door_of_browsers(world) {
        let known = world.dana_and_client().await;
        let mut browser = Browser::default();
        assert!(browser.authorize(&world, &known, &[]).await.wants_sign_in());
        let strict = world.restarted(&[("clients.require_pushed", "true")]).await;
        let seen = browser.authorize(&strict, &known, &[]).await;
        assert_eq!(seen.parameter("error").as_deref(), Some("invalid_request"));
        let metadata = crate::support::world::json(strict.get("/.well-known/oauth-authorization-server").await).await;
        assert_eq!(metadata["require_pushed_authorization_requests"], true);
        let request_uri = push(&strict, &known, &[]).await.text("request_uri");
        assert!(browser.open(&strict, &link(&known, &request_uri)).await.wants_sign_in());
        let lax = strict.restarted(&[]).await;
        sqlx::query("update clients set metadata = replace(metadata, '\"redirect_uris\"', '\"require_pushed_authorization_requests\":true,\"redirect_uris\"')")
            .execute(lax.app.store.write()).await.unwrap();
        assert_eq!(browser.authorize(&lax, &known, &[]).await.parameter("error").as_deref(), Some("invalid_request"));
    }
}
