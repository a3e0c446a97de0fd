//! RFC 7521, RFC 7523 and draft-ietf-oauth-rfc7523bis: clients that sign who they are.

use postern::oauth::client::ClientKind;
use postern::store;
use serde_json::{Value, json};

use crate::support::documents::{Documents, Reply};
use crate::support::registration::{good_with, registered};
use crate::support::signer::{ISSUER, Signer, claims, own_token, post_signed, signing_client};
use crate::support::token::{code, redemption, refreshing, seed};
use crate::support::world::json as body_of;

on_both_engines! {
    /// RFC 8414 section 2: "token_endpoint_auth_signing_alg_values_supported … This metadata entry MUST be present if either of
    /// these authentication methods are specified … The value "none" MUST NOT be used."
    async fn the_metadata_lists_the_methods_and_algorithms_that_exist(world) {
        let metadata = body_of(world.get("/.well-known/oauth-authorization-server").await).await;
        for endpoint in ["token", "revocation", "introspection"] {
            let methods = metadata[format!("{endpoint}_endpoint_auth_methods_supported")].as_array().unwrap().clone();
            assert!(methods.contains(&json!("private_key_jwt")), "{endpoint}");
            assert_eq!(methods.contains(&json!("none")), endpoint != "introspection", "{endpoint}");
            let algorithms = &metadata[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
            assert_eq!(algorithms, &json!(["ES256", "EdDSA", "PS256", "RS256"]), "{endpoint}");
        }
        for (at, algorithm) in ["ES256", "EdDSA", "PS256", "RS256"].into_iter().enumerate() {
            let (signer, id) = (Signer::new(algorithm), format!("signs-{at}"));
            signing_client(&world, &id, ClientKind::PreRegistered, Some(signer.keys()), None).await;
            assert_eq!(own_token(&world, &signer.assertion(&world, &id)).await.status, 200, "{algorithm}");
        }
    }

    /// RFC 7521 section 4.2: "client_id OPTIONAL … The client_id is unnecessary for client assertion authentication because the
    /// client is identified by the subject within the assertion. If present, the value of the client_id parameter MUST identify
    /// the same client". Section 4.2.1: "invalid_client".
    async fn the_subject_says_who_the_client_is_and_client_id_may_only_repeat_it(world) {
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let grant = ("grant_type", "client_credentials");
        for (named, status) in [(None, 200), (Some("signs"), 200), (Some("SIGNS"), 401), (Some("other"), 401)] {
            let mut fields = vec![grant];
            fields.extend(named.map(|id| ("client_id", id)));
            let answer = post_signed(&world, "/token", &fields, &signer.assertion(&world, "signs")).await;
            assert_eq!(answer.status, status, "{named:?}");
            assert!(status == 200 || answer.json["error"] == "invalid_client");
        }
    }

    /// One way in for every endpoint: a code, its refresh, a token of its own, revocation, introspection.
    async fn every_endpoint_takes_a_signature(world) {
        seed(&world).await;
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let sign = || signer.assertion(&world, "signs");
        let (text, _) = code(&world, "signs", "catalog:read offline_access").await;
        let mut fields = redemption(&text);
        fields[1].1 = "signs";
        let first = post_signed(&world, "/token", &fields, &sign()).await;
        assert_eq!(first.status, 200, "{first:?}");
        let refresh = first.text("refresh_token");
        let mut fields = refreshing(&refresh);
        fields[1].1 = "signs";
        let second = post_signed(&world, "/token", &fields, &sign()).await;
        assert_eq!(second.status, 200, "{second:?}");
        // The same refresh again, within the grace, with a new signature: the same answer.
        let again = post_signed(&world, "/token", &fields, &sign()).await;
        assert_eq!(again.json, second.json);
        let known = post_signed(&world, "/introspect", &[("token", &second.text("access_token"))], &sign()).await;
        assert_eq!((known.status, &known.json["active"]), (200, &json!(true)));
        let refresh = second.text("refresh_token");
        assert_eq!(post_signed(&world, "/revoke", &[("token", &refresh)], &sign()).await.status, 200);
        let known = post_signed(&world, "/introspect", &[("token", &refresh)], &sign()).await;
        assert_eq!(known.json, json!({"active": false}));
    }

    /// rfc7523bis: "typ … client-authentication+jwt"; older programs say JWT, or nothing, and are let in.
    async fn the_type_is_its_own_or_that_of_older_programs(world) {
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        for (typ, status) in [
            (json!("client-authentication+jwt"), 200), (json!("application/client-authentication+jwt"), 200), (json!("JWT"), 200),
            (Value::Null, 200), (json!("at+jwt"), 401), (json!("oauth-id-jag+jwt"), 401), (json!("dpop+jwt"), 401), (json!(1), 401),
        ] {
            let mut header = signer.header();
            match &typ {
                Value::Null => drop(header.as_object_mut().unwrap().remove("typ")),
                typ => header["typ"] = typ.clone(),
            }
            assert_eq!(own_token(&world, &signer.sign(&header, &claims(&world, "signs"))).await.status, status, "{typ}");
        }
    }

    /// rfc7523bis: the issuer identifier as the sole audience. Programs that name the token endpoint are let in where the
    /// operator says so, and then too for this server alone.
    async fn the_token_endpoint_is_an_audience_only_where_the_operator_says_so(world) {
        let signer = Signer::new("ES256");
        signing_client(&world, "signs", ClientKind::PreRegistered, Some(signer.keys()), None).await;
        let token_endpoint = "http://localhost:8787/token";
        let cases = [
            (json!(ISSUER), 200, 200), (json!([ISSUER]), 200, 200), (json!(token_endpoint), 401, 200), (json!([token_endpoint]), 401, 200),
            (json!([ISSUER, token_endpoint]), 401, 401), (json!("https://other.example/token"), 401, 401), (json!("http://localhost:8787/authorize"), 401, 401),
        ];
        for (aud, strict, _) in &cases {
            let assertion = signer.assertion_with(&world, "signs", "aud", aud.clone());
            assert_eq!(own_token(&world, &assertion).await.status, *strict, "{aud}");
        }
        let world = world.restarted(&[("clients.assertion_audience", "token-endpoint")]).await;
        for (aud, _, lenient) in &cases {
            let assertion = signer.assertion_with(&world, "signs", "aud", aud.clone());
            assert_eq!(own_token(&world, &assertion).await.status, *lenient, "{aud}");
        }
    }

    /// A client that registered itself with keys, in each place where they can be, signs a person in with them.
    async fn a_client_that_registers_with_keys_must_use_them(world) {
        seed(&world).await;
        let host = Documents::start().await;
        let world = host.known_to(world).await;
        let signer = Signer::new("ES256");
        host.say(Reply::json(signer.keys().to_string()));
        for (name, value) in [("jwks", signer.keys()), ("jwks_uri", json!("https://client.example/jwks"))] {
            let mut body = good_with("token_endpoint_auth_method", json!("private_key_jwt"));
            body[name] = value.clone();
            let (id, _, _) = registered(&world, &body).await;
            let stored = store::clients::find(&world.app.store, &id).await.unwrap().unwrap();
            assert!(stored.secret_digest.is_none() && stored.is_confidential());
            let (text, _) = code(&world, &id, "catalog:read").await;
            let mut fields = redemption(&text);
            fields[1].1 = &id;
            assert_eq!(crate::support::token::post(&world, "/token", &fields).await.error(), (401, "invalid_client"), "{name}");
            let signed = post_signed(&world, "/token", &fields, &signer.assertion(&world, &id)).await;
            assert_eq!(signed.status, 200, "{name} {signed:?}");
        }
    }

    /// OpenID Connect Registration section 2: token_endpoint_auth_signing_alg.
    async fn an_algorithm_that_was_registered_is_the_only_one(world) {
        seed(&world).await;
        let (signer, other) = (Signer::new("RS256"), Signer::new("ES256"));
        let mut body = good_with("token_endpoint_auth_method", json!("private_key_jwt"));
        body["jwks"] = json!({"keys": [signer.jwk, other.jwk]});
        for bad in [json!("none"), json!("HS256"), json!(1)] {
            body["token_endpoint_auth_signing_alg"] = bad;
            assert_eq!(crate::support::registration::register(&world, &body).await.error(), (400, "invalid_client_metadata"));
        }
        body["token_endpoint_auth_signing_alg"] = json!("RS256");
        let (id, _, _) = registered(&world, &body).await;
        let revoke = [("token", "x")];
        assert_eq!(post_signed(&world, "/revoke", &revoke, &other.assertion(&world, &id)).await.error(), (401, "invalid_client"));
        assert_eq!(post_signed(&world, "/revoke", &revoke, &signer.assertion(&world, &id)).await.status, 200);
    }
}
