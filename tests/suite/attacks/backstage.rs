//! What was found wrong, live, in the server whose place this one takes: one test a defect, numbered as they were found,
//! and its two published vulnerabilities.

use axum::body::Body;
use futures_util::future::join_all;
use http::Request;
use postern::limits::REFRESH_GRACE_SECONDS;
use postern::oauth::client::ClientKind;
use postern::outbound::Refusal;
use postern::store::events::Event;
use postern::web::clients::{ClientRefusal, resolve};
use serde_json::json;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::documents::{Documents, ID, Reply, document};
use crate::support::mcp::rpc;
use crate::support::people::{LOOPBACK, PASSWORD};
use crate::support::registration;
use crate::support::token::{
    Answer, SECRET, VERIFIER, code, is_live, post, post_as, redemption, refreshing, rows, seed, signed_in,
};

const CALLBACK: &str = "https://app.example/cb";

/// A request with an access token, and what kind of body it brings.
async fn bearing(
    world: &World,
    method: &str,
    path: &str,
    token: &str,
    (kind, body): (&str, String),
) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:8787")
        .header("content-type", kind);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = world.send(request.body(Body::from(body)).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = crate::support::world::text(response).await;
    Answer { status, headers, json: serde_json::from_str(&text).unwrap_or_else(|_| json!(text)) }
}

fn list() -> (&'static str, String) {
    ("application/json", rpc("tools/list", ""))
}

fn form(fields: &[(&str, &str)]) -> (&'static str, String) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    ("application/x-www-form-urlencoded", body)
}

fn without<'a>(fields: &[(&'a str, &'a str)], name: &str) -> Vec<(&'a str, &'a str)> {
    fields.iter().copied().filter(|(known, _)| *known != name).collect()
}

on_both_engines! {
    /// A code and its redirect URI were enough.
    async fn backstage_01_a_code_is_worth_nothing_without_its_client_and_that_clients_proof(world) {
        seed(&world).await;
        let (public, _) = code(&world, "app", "catalog:read").await;
        let (confidential, _) = code(&world, "self", "catalog:read").await;
        let before = rows(&world).await;
        let nobody = without(&redemption(&public), "client_id");
        assert_eq!(post(&world, "/token", &nobody).await.error(), (400, "invalid_request"));
        let nobody = without(&redemption(&confidential), "client_id");
        assert_eq!(post(&world, "/token", &nobody).await.error(), (400, "invalid_request"));
        let mut named = redemption(&confidential);
        named[1].1 = "self";
        assert_eq!(post(&world, "/token", &named).await.error(), (401, "invalid_client"));
        assert_eq!(post_as(&world, "/token", &nobody, Some("self:wrong")).await.error(), (401, "invalid_client"));
        assert_eq!(rows(&world).await, before);
        assert_eq!(post_as(&world, "/token", &nobody, Some(&format!("self:{SECRET}"))).await.status, 200);
    }

    /// A client that registered itself needed no PKCE, and `plain` would do.
    async fn backstage_02_a_client_that_registered_itself_proves_its_requests_too(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let (id, _, _) = registration::registered(&world, &registration::good()).await;
        let client = postern::store::clients::find(&world.app.store, &id).await.unwrap().unwrap();
        let mut browser = Browser::default();
        for changed in [
            [("code_challenge", ""), ("code_challenge_method", "")], [("code_challenge", ""), ("code_challenge_method", "S256")],
            [("code_challenge", VERIFIER), ("code_challenge_method", "plain")], [("code_challenge", VERIFIER), ("code_challenge_method", "")],
        ] {
            let end = browser.authorize(&world, &client, &changed).await;
            assert_eq!(end.parameter("error").as_deref(), Some("invalid_request"), "{changed:?}");
        }
        let code = browser.connect(&world, &client, &[]).await.parameter("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("client_id", id.as_str()), ("code", code.as_str()), ("redirect_uri", LOOPBACK)];
        assert_eq!(post(&world, "/token", &fields).await.error(), (400, "invalid_request"), "without a verifier");
        let fields = [fields.as_slice(), &[("code_verifier", VERIFIER)]].concat();
        assert_eq!(post(&world, "/token", &fields).await.status, 200);
    }

    /// Of eight redemptions at once, two succeeded.
    async fn backstage_03_eight_redemptions_at_once_have_one_winner(world) {
        seed(&world).await;
        for _ in 0..4 {
            let (code, _) = code(&world, "app", "catalog:read").await;
            let fields = redemption(&code);
            let answers = join_all((0..8).map(|_| post(&world, "/token", &fields))).await;
            assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        }
    }

    /// Replaying a code left alive what it had been redeemed for.
    async fn backstage_04_a_replayed_code_takes_back_what_it_gave(world) {
        seed(&world).await;
        let (code, grant) = code(&world, "app", "catalog:read offline_access").await;
        let first = post(&world, "/token", &redemption(&code)).await;
        let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
        assert_eq!(bearing(&world, "POST", "/mcp", &access, list()).await.status, 200);
        assert_eq!(post(&world, "/token", &redemption(&code)).await.error(), (400, "invalid_grant"));
        assert!(!is_live(&world, &grant).await);
        assert_eq!(bearing(&world, "POST", "/mcp", &access, list()).await.status, 401);
        assert_eq!(post(&world, "/token", &refreshing(&refresh)).await.error(), (400, "invalid_grant"));
    }

    /// A refresh token that had been rotated away was refused, and its family lived on.
    async fn backstage_05_a_rotated_token_that_comes_back_ends_its_family(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let stolen = first.text("refresh_token");
        let next = post(&world, "/token", &refreshing(&stolen)).await;
        world.clock.advance(REFRESH_GRACE_SECONDS);
        assert_eq!(post(&world, "/token", &refreshing(&stolen)).await.error(), (400, "invalid_grant"));
        assert!(!is_live(&world, &grant).await);
        assert_eq!(post(&world, "/token", &refreshing(&next.text("refresh_token"))).await.error(), (400, "invalid_grant"));
        assert_eq!(bearing(&world, "POST", "/mcp", &next.text("access_token"), list()).await.status, 401);
    }

    /// Whose refresh token it was, was asked only of those who said who they were.
    async fn backstage_06_a_refresh_token_serves_its_own_client_only(world) {
        seed(&world).await;
        let (code, grant) = code(&world, "self", "catalog:read offline_access").await;
        let basic = format!("self:{SECRET}");
        let redeemed = post_as(&world, "/token", &without(&redemption(&code), "client_id"), Some(&basic)).await;
        let token = redeemed.text("refresh_token");
        let before = rows(&world).await;
        let nobody = without(&refreshing(&token), "client_id");
        assert_eq!(post(&world, "/token", &nobody).await.error(), (400, "invalid_request"));
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"), "another client");
        let mut bare = refreshing(&token);
        bare[1].1 = "self";
        assert_eq!(post(&world, "/token", &bare).await.error(), (401, "invalid_client"), "without its secret");
        assert_eq!(rows(&world).await, before);
        assert!(is_live(&world, &grant).await);
        assert_eq!(post_as(&world, "/token", &nobody, Some(&basic)).await.status, 200);
    }

    /// The first part of a token, with any end and from anybody, ended its session.
    async fn backstage_07_a_part_of_a_token_revokes_nothing_and_neither_does_another_client(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
        let unsigned = access.rsplit_once('.').unwrap().0;
        let before = rows(&world).await;
        for forged in [
            format!("{grant}.garbage"), grant.clone(), format!("{}.garbage", &refresh[..refresh.len() / 2]), refresh[..refresh.len() - 1].to_owned(),
            format!("{refresh}x"), format!("{refresh}.garbage"), format!("{unsigned}.garbage"), unsigned.to_owned(), "%".to_owned(),
        ] {
            for client in ["app", "https://client.example/oauth/client.json"] {
                post(&world, "/revoke", &[("token", &forged), ("client_id", client)]).await;
                assert_eq!(rows(&world).await, before, "{client}: {forged}");
            }
        }
        for token in [&access, &refresh] {
            post_as(&world, "/revoke", &[("token", token)], Some(&format!("self:{SECRET}"))).await;
            assert_eq!(rows(&world).await, before, "another client's");
        }
        assert!(is_live(&world, &grant).await);
        assert_eq!(post(&world, "/revoke", &[("token", &refresh), ("client_id", "app")]).await.status, 200);
        assert!(!is_live(&world, &grant).await);
    }

    /// A client's own access token was taken for the person's yes.
    async fn backstage_08_a_token_of_a_client_answers_no_question_that_is_a_persons(world) {
        let client = world.dana_and_client().await;
        let mut browser = Browser::default();
        let code = browser.connect(&world, &client, &[("scope", "catalog:read")]).await.parameter("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("client_id", &client.id), ("code", &code), ("code_verifier", VERIFIER), ("redirect_uri", LOOPBACK)];
        let token = post(&world, "/token", &fields).await.text("access_token");
        // A question that waits for Dana, begun by the client itself in a browser of its own.
        let asked = Browser::default().authorize(&world, &client, &[("scope", "catalog:read offline_access")]).await;
        let id = asked.at.split("request=").nth(1).unwrap().to_owned();
        let before = rows(&world).await;
        let yes = [("decision", "allow"), ("approved", "true"), ("csrf", "x"), ("user_code", "x")];
        for path in [
            format!("/consent/{id}"), format!("/authorize/{id}"), format!("/login?request={id}"), "/device".to_owned(), "/approvals/x".to_owned(),
            "/account/tokens".to_owned(), "/account/tokens/revoke".to_owned(), "/admin/revoke".to_owned(), "/admin/waiting".to_owned(), format!("/v1/sessions/{id}/approve"),
            format!("/api/auth/v1/sessions/{id}/approve"),
        ] {
            for body in [form(&yes), ("application/json", json!({"decision": "allow", "approved": true}).to_string())] {
                let answer = bearing(&world, "POST", &path, &token, body).await;
                let place = answer.headers.get("location").map_or("", |place| place.to_str().unwrap());
                assert!(answer.status >= 300 && !place.contains("code="), "{path}: {answer:?}");
            }
            let seen = bearing(&world, "GET", &path, &token, form(&[])).await;
            assert!(!seen.json.to_string().contains("value=\\\"allow\\\""), "{path}: {seen:?}");
        }
        assert_eq!(rows(&world).await, before);
    }

    /// The token opened every interface of the server, and every scope that was asked for was granted.
    async fn backstage_09_a_token_opens_its_resource_within_its_scope_and_nothing_else(world) {
        seed(&world).await;
        let (code, _) = code(&world, "app", "catalog:read offline_access").await;
        let mut everything = redemption(&code);
        everything.push(("scope", "admin:everything catalog:read"));
        let first = post(&world, "/token", &everything).await;
        let first = if first.status == 200 { first } else { post(&world, "/token", &redemption(&code)).await };
        assert_eq!(first.json["scope"], "catalog:read offline_access");
        let token = first.text("access_token");
        assert_eq!(bearing(&world, "POST", "/mcp", &token, list()).await.status, 200);
        for path in ["/mcp/catalog", "/api/mcp-actions/v1"] {
            assert_eq!(bearing(&world, "POST", path, &token, list()).await.status, 401, "{path}");
        }
        for path in ["/register/app", "/admin", "/account", "/account/tokens"] {
            let answer = bearing(&world, "GET", path, &token, form(&[])).await;
            assert!([303, 401, 404].contains(&answer.status), "{path}: {answer:?}");
        }
        let refresh = first.text("refresh_token");
        for (at, value, error) in [(3, "admin:everything", "invalid_scope"), (4, "http://localhost:8787/api/catalog", "invalid_target")] {
            let mut fields = refreshing(&refresh);
            fields[at].1 = value;
            assert_eq!(post(&world, "/token", &fields).await.error(), (400, error));
        }
        world.user("dana@acme.dev", PASSWORD).await;
        let client = world.client(ClientKind::SelfRegistered, "App", &[LOOPBACK]).await;
        let mut browser = Browser::default();
        browser.connect(&world, &client, &[]).await;
        let end = browser.authorize(&world, &client, &[("resource", "http://localhost:8787/api/catalog")]).await;
        assert_eq!(end.parameter("error").as_deref(), Some("invalid_target"));
    }

    /// No `iss`, no nonce, and an ID token that was the access token.
    async fn backstage_10_answers_name_their_issuer_and_an_id_token_is_its_own(world) {
        let client = world.dana_and_client().await;
        let asked = [("scope", "openid catalog:read"), ("nonce", "n-42")];
        let end = Browser::default().connect(&world, &client, &asked).await;
        assert_eq!(end.parameter("iss").as_deref(), Some("http://localhost:8787"));
        let code = end.parameter("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("client_id", &client.id), ("code", &code), ("code_verifier", VERIFIER), ("redirect_uri", LOOPBACK)];
        let tokens = post(&world, "/token", &fields).await;
        let (id, access) = (tokens.text("id_token"), tokens.text("access_token"));
        let claims = |token: &str| crate::conformance::oauth21_token::claims(token);
        assert_ne!(id, access);
        assert_eq!(claims(&id)["nonce"], "n-42");
        assert_eq!((&claims(&id)["aud"], &claims(&access)["aud"]), (&json!(client.id), &json!("http://localhost:8787/mcp")));
        assert_eq!(bearing(&world, "POST", "/mcp", &id, list()).await.status, 401);
    }

    /// The MCP endpoint's 401 had no challenge, and a stack trace.
    async fn backstage_11_a_refusal_says_where_to_sign_in_and_nothing_of_our_insides(world) {
        for token in ["", "garbage"] {
            for path in ["/mcp", "/mcp/catalog", "/api/mcp-actions/v1"] {
                let answer = bearing(&world, "POST", path, token, list()).await;
                assert_eq!(answer.status, 401);
                let challenge = answer.headers["www-authenticate"].to_str().unwrap();
                let place = format!("resource_metadata=\"http://localhost:8787/.well-known/oauth-protected-resource{path}\"");
                assert!(challenge.starts_with("Bearer ") && challenge.contains(&place) && challenge.contains("scope="), "{challenge}");
                let body = answer.json.to_string();
                assert!(body.len() < 500 && !body.contains(".rs") && !body.contains("stack") && !body.contains("at /"), "{body}");
            }
        }
    }

    /// All installations of a described client were one session: each sign-in put the others out.
    async fn backstage_12_thirty_installations_of_one_client_live_side_by_side(world) {
        seed(&world).await;
        let mut all = Vec::new();
        for _ in 0..30 {
            all.push(signed_in(&world, "catalog:read offline_access").await);
        }
        for (first, grant) in &all {
            assert!(is_live(&world, grant).await);
            assert_eq!(post(&world, "/token", &refreshing(&first.text("refresh_token"))).await.status, 200);
        }
        post(&world, "/revoke", &[("token", &all[0].0.text("refresh_token")), ("client_id", "app")]).await;
        let mut live = 0;
        for (_, grant) in &all {
            live += u32::from(is_live(&world, grant).await);
        }
        assert_eq!(live, 29, "one that signs out signs out alone");
    }

    /// A client whose request was wrong heard nothing and waited for ever.
    async fn backstage_13_a_client_is_told_what_was_wrong_with_its_request(world) {
        let client = world.dana_and_client().await;
        for (name, value, error) in [
            ("response_type", "token", "unsupported_response_type"), ("response_type", "", "invalid_request"), ("code_challenge", "", "invalid_request"),
            ("scope", "\"", "invalid_scope"), ("resource", "https://elsewhere.example/", "invalid_target"), ("prompt", "none", "login_required"),
        ] {
            let end = Browser::default().authorize(&world, &client, &[(name, value)]).await;
            assert!(end.at.starts_with(LOOPBACK), "{name}: {}", end.at);
            assert_eq!(end.parameter("error").as_deref(), Some(error), "{name}");
            assert_eq!(end.parameter("state").as_deref(), Some("a+b/c=="));
            assert_eq!(end.parameter("iss").as_deref(), Some("http://localhost:8787"));
        }
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        let page = browser.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        assert_eq!(browser.decide(&world, &page, "cancel").await.parameter("error").as_deref(), Some("access_denied"));
    }

    /// The access token of somebody who was gone worked until its end, and nobody could ask.
    async fn backstage_14_whoever_is_gone_is_refused_on_the_next_call(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        let token = first.text("access_token");
        let basic = format!("rs:{SECRET}");
        let fields = [("token", token.as_str())];
        let asked = || post_as(&world, "/introspect", &fields, Some(&basic));
        assert_eq!(bearing(&world, "POST", "/mcp", &token, list()).await.status, 200);
        assert_eq!(asked().await.json["active"], true);
        sqlx::query("update users set suspended_at = 1 where id = 'ada'").execute(world.app.store.write()).await.unwrap();
        world.app.store.tell(Event::UserSuspended("ada".into()));
        assert_eq!(bearing(&world, "POST", "/mcp", &token, list()).await.status, 401);
        assert_eq!(asked().await.json, json!({"active": false}));
    }

    /// CVE-2026-32235: a redirect that only looked like an allowed one was followed.
    async fn backstage_cve_2026_32235_no_pattern_lets_a_redirect_in(world) {
        let client = world.client(ClientKind::SelfRegistered, "App", &[CALLBACK]).await;
        for forged in [
            "https://evil.example/?u=https://app.example/cb", "https://evil.example/https://app.example/cb", "https://app.example.evil.example/cb",
            "https://evil-app.example/cb", "https://appxexample/cb", "https://app.example/cb/../../evil", "https://app.example/cb*", "https://*.example/cb", "*",
            "https://evil.example#https://app.example/cb", "https://evil.example\\@app.example/cb", "https://app.example:443@evil.example/cb", "https://APP.example/cb",
        ] {
            for error in [("scope", "catalog:read"), ("response_type", "token")] {
                let page = Browser::default().authorize(&world, &client, &[("redirect_uri", forged), error]).await;
                assert_eq!(page.status, 400, "{forged}");
                assert!(!page.headers.contains_key("location") && !page.text.contains("evil"), "{forged}");
            }
        }
        for pattern in ["*", "https://*", "https://*/cb", "https://*.example/cb", "http://localhost:*/", "http://127.0.0.1*/"] {
            let answer = registration::register(&world, &registration::good_with("redirect_uris", json!([pattern]))).await;
            assert_eq!(answer.error(), (400, "invalid_redirect_uri"), "{pattern}");
        }
        // In a path it is a letter like any other.
        let starred = world.client(ClientKind::SelfRegistered, "App", &["https://app.example/*"]).await;
        let page = Browser::default().authorize(&world, &starred, &[("redirect_uri", CALLBACK)]).await;
        assert!(page.status == 400 && !page.headers.contains_key("location"));
    }

    /// CVE-2026-32236: a document's redirect was followed to an address inside.
    async fn backstage_cve_2026_32236_a_documents_host_sends_us_nowhere(world) {
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        for place in ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:8787/admin", "https://other.example/oauth/client.json", "//10.0.0.1/", "/elsewhere"] {
            let before = host.count();
            host.say(Reply::json(document()).status(302).header(&format!("location: {place}")));
            assert_eq!(resolve(&world.app, ID).await, Err(ClientRefusal::Fetch(Refusal::Status(302))), "{place}");
            assert_eq!(host.count(), before + 1, "{place}");
            world.clock.advance(postern::limits::DOCUMENT_FAILURE_SECONDS);
        }
        assert!(postern::store::clients::list(&world.app.store).await.unwrap().is_empty());
    }
}
