//! Identity assertion authorization grants (ID-JAG) and MCP's enterprise-managed authorization.

use serde_json::{Value, json};

use super::oauth21_token::claims as claims_of;
use crate::support::documents::{ID, Reply, document};
use crate::support::identity::{IDP, Provider, claims, present};
use crate::support::signer::{Signer, post_signed, signing_client};
use crate::support::token::{SECRET, post, post_as};
use crate::support::world::json as body_of;
use postern::oauth::client::ClientKind;

on_both_engines! {
    /// "The authorization server … issues an access token" (section 4.4), audience-restricted, with the scope that was
    /// granted, "SHOULD NOT return a refresh token" (section 4.4.3).
    async fn a_client_acts_for_whoever_the_provider_names(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let answer = present(&world, &idp.assertion(&world, &[]), &[("scope", "catalog:read openid")]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json["scope"], "catalog:read");
        assert!(answer.json.get("refresh_token").is_none() && answer.json.get("id_token").is_none());
        let token = claims_of(&answer.text("access_token"));
        assert_eq!((token["aud"].as_str(), token["client_id"].as_str()), (Some("http://localhost:8787/mcp"), Some("agent")));
        assert_eq!((token["preferred_username"].as_str(), token["sub_kind"].as_str()), (Some("dana@acme.dev"), Some("user")));
        let asked = post_as(&world, "/introspect", &[("token", &answer.text("access_token"))], Some(&format!("agent:{SECRET}"))).await;
        assert_eq!(asked.json["active"], true);
    }

    /// A provider whose host is down for a while is still trusted by the keys that it published last, and not for ever.
    async fn what_a_provider_published_last_serves_while_its_host_is_down(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.status, 200);
        idp.host.go_down();
        world.clock.advance(postern::limits::ISSUER_METADATA_SECONDS + 1);
        let answer = present(&world, &idp.assertion(&world, &[]), &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        world.clock.advance(postern::limits::KEY_SET_STALE_SECONDS_MAX + 1);
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.error(), (400, "invalid_grant"));
    }

    /// "grant_types_supported", "authorization_grant_profiles_supported" (section 7.2): where a provider is trusted.
    async fn metadata_names_the_profile_where_there_is_one(world) {
        let path = "/.well-known/oauth-authorization-server";
        let before = body_of(world.get(path).await).await;
        assert!(before.get("authorization_grant_profiles_supported").is_none());
        let (_idp, world) = Provider::start(world, &json!({})).await;
        let after = body_of(world.get(path).await).await;
        assert_eq!(after["authorization_grant_profiles_supported"], json!(["urn:ietf:params:oauth:grant-profile:id-jag"]));
        assert!(after["grant_types_supported"].as_array().unwrap().contains(&json!("urn:ietf:params:oauth:grant-type:jwt-bearer")));
    }

    /// Sections 4.4.1 and 3 of the draft, 7.4.1 of the profile: `typ`, `aud`, `client_id`, `iss`, `sub`, `iat`, `exp`, `jti`.
    async fn attack_c03_an_assertion_that_is_not_for_here_and_now_is_refused(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let now = world.clock.now().seconds();
        for (name, value) in [
            ("aud", json!("http://localhost:8787/token")), ("aud", json!("https://other.example")), ("aud", Value::Null),
            ("aud", json!(["http://localhost:8787", "https://other.example"])), ("aud", json!([])),
            ("client_id", json!("self")), ("client_id", Value::Null), ("client_id", json!(["agent"])),
            ("iss", json!("https://other.example")), ("iss", json!("https://client.example/")), ("iss", Value::Null),
            ("sub", Value::Null), ("sub", json!("")), ("sub", json!("a\nb")), ("sub", json!("x".repeat(256))),
            ("jti", Value::Null), ("jti", json!("")), ("exp", Value::Null), ("exp", json!(now - 60)), ("exp", json!(now + 86_400)),
            ("iat", Value::Null), ("iat", json!(now + 61)), ("nbf", json!(now + 61)), ("exp", json!("soon")),
            ("resource", json!("https://other.example/mcp")), ("resource", json!(["http://localhost:8787/mcp", "https://other.example/mcp"])),
            ("cnf", json!({"jkt": "x"})), ("scope", json!(["catalog:read"])), ("sub", json!("00u-nobody")),
        ] {
            // Nobody else has the address of somebody whom the provider does not know.
            let unknown = (name, value.clone()) == ("sub", json!("00u-nobody"));
            let changed: Vec<(&str, Value)> = if unknown { vec![(name, value.clone()), ("email", Value::Null)] } else { vec![(name, value.clone())] };
            let answer = present(&world, &idp.assertion(&world, &changed), &[]).await;
            assert_eq!(answer.error(), (400, "invalid_grant"), "{name} {value} {answer:?}");
        }
        assert_eq!(present(&world, &idp.assertion(&world, &[("aud", json!(["http://localhost:8787"]))]), &[]).await.status, 200);
        let header = |name: &str, value: Value| { let mut all = idp.header(); all[name] = value; all };
        let stranger = Signer::new("ES256");
        let good = claims(&world, &[]);
        for (assertion, why) in [
            (idp.signer.sign(&header("typ", json!("JWT")), &good), "another type"),
            (idp.signer.sign(&json!({"alg": "ES256", "kid": idp.signer.jwk["kid"]}), &good), "no type"),
            (idp.signer.sign(&header("typ", json!("at+jwt")), &good), "an access token"),
            (idp.signer.sign(&header("alg", json!("none")), &good), "unsigned"),
            (idp.signer.sign(&header("alg", json!("HS256")), &good), "a shared secret"),
            (idp.signer.sign(&header("crit", json!(["x"])), &good), "critical"),
            (stranger.sign(&idp.header(), &good), "another's key under its name"),
            (stranger.sign(&json!({"typ": "oauth-id-jag+jwt", "alg": "ES256", "jwk": stranger.jwk}), &good), "a key that it brings"),
            ("x".to_owned(), "no JWT"),
        ] {
            assert_eq!(present(&world, &assertion, &[]).await.error(), (400, "invalid_grant"), "{why}");
        }
    }

    /// "Resource authorization servers MUST … jti" (7.4.2 of the profile): once, on all nodes; and never by a refused use.
    async fn attack_e08_an_assertion_is_good_once_of_fifty_at_once(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let assertion = idp.assertion(&world, &[]);
        assert_eq!(present(&world, &assertion, &[("scope", "catalog:write")]).await.error(), (400, "invalid_scope"));
        assert_eq!(present(&world, &assertion, &[("resource", "https://other.example/")]).await.error(), (400, "invalid_target"));
        let answers = futures_util::future::join_all((0..50).map(|_| present(&world, &assertion, &[]))).await;
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
        assert!(answers.iter().all(|a| a.status == 200 || a.error() == (400, "invalid_grant")));
    }

    /// The subject is issuer, tenant and subject; the address links once (sections 3.1 and 6 of the draft, attack C09).
    async fn attack_e08_an_address_links_once_and_says_nothing_after(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let eve = world.user("eve@acme.dev", "correct horse battery").await;
        let who = async |changed: &[(&str, Value)]| {
            let answer = present(&world, &idp.assertion(&world, changed), &[]).await;
            answer.json["access_token"].as_str().map(|token| claims_of(token)["preferred_username"].as_str().unwrap().to_owned())
        };
        assert_eq!(who(&[("email_verified", json!(false))]).await, None, "not its owner's, for all we know");
        assert_eq!(who(&[]).await.as_deref(), Some("dana@acme.dev"));
        // The provider gives the address to somebody else, or the person another one.
        assert_eq!(who(&[("email", json!("eve@acme.dev"))]).await.as_deref(), Some("dana@acme.dev"));
        assert_eq!(who(&[("email", Value::Null)]).await.as_deref(), Some("dana@acme.dev"));
        assert_eq!(who(&[("sub", json!("00u-eve")), ("email", json!("eve@acme.dev"))]).await.as_deref(), Some("eve@acme.dev"));
        // The same subject of another tenant is another person.
        assert_eq!(who(&[("tenant", json!("t2")), ("email", Value::Null)]).await, None);
        assert_eq!(who(&[("tenant", json!("t2")), ("email", json!("nobody@acme.dev"))]).await, None);
        let mut tx = world.app.store.begin().await.unwrap();
        postern::store::users::suspend(&mut tx, &world.app.store, &eve.id, true, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(who(&[("sub", json!("00u-eve"))]).await, None, "suspended");
    }

    async fn without_links_by_address_only_linked_subjects_are_known(world) {
        let (idp, world) = Provider::start(world, &json!({"link_by_email": false, "scopes": ["catalog:read"]})).await;
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.error(), (400, "invalid_grant"));
        let dana = postern::store::users::list(&world.app.store).await.unwrap().pop().unwrap();
        let who = postern::store::subjects::Subject { issuer: IDP, tenant: "", subject: "00u-dana" };
        let mut tx = world.app.store.begin().await.unwrap();
        assert!(postern::store::subjects::link(&mut tx, who, &dana.id, world.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
        let broad = idp.assertion(&world, &[("scope", json!("catalog:read catalog:write openid"))]);
        assert_eq!(present(&world, &broad, &[]).await.json["scope"], "catalog:read", "the configuration's ceiling");
    }

    /// Confidential clients, each named by the administrator (section 8.1 of the draft).
    async fn attack_e08_only_a_named_client_that_proved_itself_comes_with_an_assertion(world) {
        let (idp, world) = Provider::start(world, &json!({"clients": ["agent", "signs", "app"]})).await;
        crate::support::token::seed(&world).await;
        let about = |id: &str| idp.assertion(&world, &[("client_id", json!(id))]);
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let as_rs = post_as(&world, "/token", &[grant, ("assertion", &about("rs"))], Some(&format!("rs:{SECRET}"))).await;
        assert_eq!(as_rs.error(), (400, "invalid_grant"), "not named");
        let public = post(&world, "/token", &[grant, ("assertion", &about("app")), ("client_id", "app")]).await;
        assert_eq!(public.error(), (400, "unauthorized_client"), "named, and without a proof");
        let stolen = post_as(&world, "/token", &[grant, ("assertion", &about("signs"))], Some(&format!("agent:{SECRET}"))).await;
        assert_eq!(stolen.error(), (400, "invalid_grant"), "another client's");
        let signer = Signer::new("EdDSA");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let signed = post_signed(&world, "/token", &[grant, ("assertion", &about("signs"))], &signer.assertion(&world, "signs")).await;
        assert_eq!(signed.status, 200, "{signed:?}");
    }

    /// "keys over TLS with safe kid rotation" (7.4.1 of the profile).
    async fn keys_that_are_new_are_fetched_and_keys_that_are_gone_are_refused(world) {
        let (mut idp, world) = Provider::start(world, &json!({})).await;
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.status, 200);
        let old = std::mem::replace(&mut idp.signer, Signer::new("ES256"));
        idp.publish(&idp.signer);
        world.clock.advance(61);
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.status, 200, "a key that is new");
        let late = old.sign(&json!({"typ": "oauth-id-jag+jwt", "alg": "ES256", "kid": old.jwk["kid"]}), &claims(&world, &[]));
        assert_eq!(present(&world, &late, &[]).await.error(), (400, "invalid_grant"), "a key that is gone");
    }

    async fn without_keys_nothing_is_believed(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        idp.host.go_down();
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.error(), (400, "invalid_grant"));
    }

    /// A client that only its document describes may come with an assertion first of all: its token is a live one.
    async fn a_described_client_gets_a_live_token_on_first_contact(world) {
        let (idp, world) = Provider::start(world, &json!({"clients": [ID]})).await;
        let signer = Signer::new("ES256");
        let mut document: Value = serde_json::from_str(&document()).unwrap();
        document["grant_types"] = json!(["authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"]);
        document["token_endpoint_auth_method"] = json!("private_key_jwt");
        document["jwks"] = signer.keys();
        idp.host.say_at("/oauth/client.json", Reply::json(document.to_string()));
        let about = || idp.assertion(&world, &[("client_id", json!(ID))]);
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let refused = post_signed(&world, "/token", &[grant, ("assertion", "x.y.z")], &signer.assertion(&world, ID)).await;
        assert_eq!(refused.error(), (400, "invalid_grant"));
        assert!(postern::store::clients::find(&world.app.store, ID).await.unwrap().is_none(), "a refusal stores nothing");
        let answer = post_signed(&world, "/token", &[grant, ("assertion", &about())], &signer.assertion(&world, ID)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.text("access_token");
        let listed = crate::support::mcp::list(&world, &token).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        assert_eq!(postern::store::clients::find(&world.app.store, ID).await.unwrap().unwrap().name, "Example Editor");
    }
}
