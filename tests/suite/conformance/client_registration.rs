//! RFC 7591, and the registrations that real clients send, to the letter.

use http::StatusCode;
use postern::store;
use serde_json::{Value, json};

use crate::support::world::json as body_of;

const VS_CODE: &str = r#"{"client_name":"code-server","client_uri":"https://code.visualstudio.com","grant_types":["authorization_code","refresh_token"],"response_types":["code"],
 "redirect_uris":["https://insiders.vscode.dev/redirect","https://vscode.dev/redirect","http://127.0.0.1/","http://127.0.0.1:33418/"],
 "scope":"mcp:read","token_endpoint_auth_method":"none","application_type":"native"}"#;
const COPILOT: &str = r#"{"client_name":"GitHub Copilot CLI","redirect_uris":["http://127.0.0.1:41233/"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none"}"#;
const TYPESCRIPT: &str = r#"{"redirect_uris":["http://localhost:8090/callback"],"client_name":"Simple OAuth MCP Client","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"catalog:read","application_type":"native"}"#;
const PYTHON: &str = r#"{"redirect_uris":["http://localhost:3030/callback"],"token_endpoint_auth_method":null,"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"catalog:read offline_access","client_name":"Simple Auth Client","client_uri":null,"logo_uri":null,"contacts":null,"tos_uri":null,"policy_uri":null,"jwks_uri":null,"jwks":null,"software_id":null,"software_version":null,"application_type":"native"}"#;

on_both_engines! {
    async fn the_registrations_of_real_clients_are_accepted_as_they_are(world) {
        for (body, secret) in [(VS_CODE, false), (COPILOT, false), (TYPESCRIPT, true), (PYTHON, true)] {
            let response = world.post_json("/register", body).await;
            assert_eq!(response.status(), StatusCode::CREATED, "{body}");
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
            let answer = body_of(response).await;
            let asked: Value = serde_json::from_str(body).unwrap();
            for echoed in ["client_name", "redirect_uris", "grant_types", "response_types"] {
                assert_eq!(answer[echoed], asked[echoed], "{echoed} of {body}");
            }
            let id = answer["client_id"].as_str().unwrap();
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{id}");
            assert_eq!(answer["client_id_issued_at"], world.clock.now().seconds());
            assert_eq!(answer.get("client_secret").is_some(), secret, "{body}");
            assert_eq!(answer.get("client_secret_expires_at"), secret.then(|| json!(0)).as_ref());
            let method = if secret { "client_secret_basic" } else { "none" };
            assert_eq!(answer["token_endpoint_auth_method"], method);
            let stored = store::clients::find(&world.app.store, id).await.unwrap().unwrap();
            assert_eq!(stored.secret_digest.is_some(), secret);
            assert_eq!(stored.kind, postern::oauth::client::ClientKind::SelfRegistered);
            if let Some(secret) = answer["client_secret"].as_str() {
                let digest = postern::secret::Digest::of(secret);
                assert!(stored.secret_digest.unwrap().matches(&digest));
            }
        }
    }

    async fn every_port_and_lone_slash_of_vs_codes_loopback_is_one_place(world) {
        let answer = body_of(world.post_json("/register", VS_CODE).await).await;
        let client = store::clients::find(&world.app.store, answer["client_id"].as_str().unwrap()).await.unwrap().unwrap();
        for good in ["http://127.0.0.1:33418/", "http://127.0.0.1:40001/", "http://127.0.0.1:33418", "https://vscode.dev/redirect"] {
            assert!(client.redirect(good).is_some(), "{good}");
        }
    }

    async fn grants_of_programs_are_left_out_of_the_answer_and_unknown_scopes_stop_nothing(world) {
        let mut asked: Value = serde_json::from_str(VS_CODE).unwrap();
        asked["grant_types"] = json!(["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"]);
        let answer = body_of(world.post_json("/register", &asked.to_string()).await).await;
        assert_eq!(answer["grant_types"], json!(["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]));
        assert!(answer.get("scope").is_none(), "{answer}");
    }

    async fn what_cannot_be_registered_is_answered_with_the_code_of_the_rfc_and_changes_nothing(world) {
        for (body, code) in [
            ("", "invalid_client_metadata"),
            ("[]", "invalid_client_metadata"),
            ("{\"a\":", "invalid_client_metadata"),
            ("{}", "invalid_redirect_uri"),
            ("{\"redirect_uris\":[]}", "invalid_redirect_uri"),
            ("{\"redirect_uris\":[\"http://example.com/\"]}", "invalid_redirect_uri"),
            ("{\"redirect_uris\":\"http://127.0.0.1/\"}", "invalid_client_metadata"),
            ("{\"redirect_uris\":[\"http://127.0.0.1/\"],\"grant_types\":[\"implicit\"]}", "invalid_client_metadata"),
            ("{\"redirect_uris\":[\"http://127.0.0.1/\"],\"jwks\":{\"keys\":[]}}", "invalid_client_metadata"),
        ] {
            let response = world.post_json("/register", body).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
            assert_eq!(response.headers()["cache-control"], "no-store");
            let answer = body_of(response).await;
            assert_eq!(answer["error"], code, "{body}");
            assert!(answer["error_description"].as_str().is_some_and(|why| why.is_ascii() && !why.contains('"')));
        }
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
    }

    async fn every_member_of_a_good_registration_removed_emptied_or_of_another_type_is_answered_clearly(world) {
        let good: Value = serde_json::from_str(VS_CODE).unwrap();
        for name in good.as_object().unwrap().keys() {
            let mut removed = good.clone();
            removed.as_object_mut().unwrap().shift_remove(name);
            let changed = [json!(""), json!(0), json!([]), json!({}), json!([{}]), json!("x".repeat(9_000)), json!(true)];
            let bodies = changed.into_iter().map(|value| { let mut body = good.clone(); body[name] = value; body });
            for body in bodies.chain([removed]) {
                let response = world.post_json("/register", &body.to_string()).await;
                let status = response.status();
                assert!(status == StatusCode::CREATED || status == StatusCode::BAD_REQUEST, "{name}: {status}");
                let answer = body_of(response).await;
                assert!(answer.get("client_id").is_some() != answer.get("error").is_some(), "{answer}");
            }
        }
    }

    async fn a_form_or_text_is_no_registration(world) {
        let form = world.post_form("/register", &[("redirect_uris", "http://127.0.0.1/")]).await;
        assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
    }

    async fn where_clients_may_not_register_themselves_they_are_told_and_metadata_does_not_offer_it(world) {
        let world = world.restarted(&[("clients.self_registered", "off")]).await;
        let response = world.post_json("/register", VS_CODE).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(body_of(response).await["error_description"].as_str().unwrap().contains("administrator"));
        let metadata = body_of(world.get("/.well-known/oauth-authorization-server").await).await;
        assert!(metadata.get("registration_endpoint").is_none());
    }

    /// RFC 7591 section 3.2.1: "the authorization server MUST return all registered metadata about this client", and the
    /// credentials that its method needs and no others.
    async fn all_that_is_registered_is_returned_and_no_more(world) {
        let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]});
        for (method, secret) in [("none", false), ("client_secret_basic", true), ("client_secret_post", true), ("private_key_jwt", false)] {
            let asked = json!({"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": method, "jwks": keys,
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "client_name": "App",
                "client_uri": "https://app.example/", "logo_uri": "https://app.example/logo.png", "tos_uri": "https://app.example/tos",
                "policy_uri": "https://app.example/policy", "contacts": ["dana@example.com"], "scope": "catalog:read",
                "application_type": "web", "software_id": "4NRB1-0XZABZI9E6-5SM3R", "software_version": "2.1"});
            let response = world.post_json("/register", &asked.to_string()).await;
            assert_eq!(response.status(), StatusCode::CREATED, "{method}");
            let mut answer = body_of(response).await;
            for ours in ["client_id", "client_id_issued_at", "registration_access_token", "registration_client_uri"] {
                assert!(answer.as_object_mut().unwrap().shift_remove(ours).is_some(), "{ours}");
            }
            for with_secret in ["client_secret", "client_secret_expires_at"] {
                assert_eq!(answer.as_object_mut().unwrap().shift_remove(with_secret).is_some(), secret, "{method}: {with_secret}");
            }
            assert_eq!(answer, asked, "{method}");
        }
    }

    /// Section 2: "The jwks_uri and jwks parameters MUST NOT both be present in the same request or response." What is of no use
    /// is named, and no private key is ever taken in.
    async fn keys_are_in_one_place_public_and_of_use(world) {
        let ec = json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
        let with = |name: &str, value: Value| { let mut key = ec.clone(); key[name] = value; json!({"keys": [key]}) };
        let good = json!({"keys": [ec]});
        for (jwks, uri) in [
            (Some(good.clone()), Some("https://app.example/jwks")), (None, None), (None, Some("http://app.example/jwks")), (None, Some("https://u:p@app.example/jwks")),
            (None, Some("javascript:alert(1)")), (Some(json!({"keys": []})), None), (Some(json!([])), None), (Some(json!("x")), None), (Some(with("d", json!("x"))), None),
            (Some(with("crv", json!("P-521"))), None), (Some(with("use", json!("enc"))), None), (Some(json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]})), None),
            (Some(json!({"keys": vec![ec.clone(); 17]})), None),
        ] {
            let mut asked = json!({"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "private_key_jwt"});
            if let Some(jwks) = &jwks { asked["jwks"] = jwks.clone(); }
            if let Some(uri) = uri { asked["jwks_uri"] = json!(uri); }
            let response = world.post_json("/register", &asked.to_string()).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{asked}");
            assert_eq!(body_of(response).await["error"], "invalid_client_metadata", "{asked}");
        }
        assert!(store::clients::list(&world.app.store).await.unwrap().is_empty());
    }

    /// Section 3.2.2: invalid_software_statement and unapproved_software_statement. Nobody's statements are trusted here, and one
    /// that is presented would have to stand above the rest (section 2.3), so it is not passed over in silence.
    async fn a_software_statement_is_refused_with_the_code_that_fits(world) {
        let signer = crate::support::signer::Signer::new("ES256");
        let statement = signer.sign(&signer.header(), &json!({"software_id": "x", "redirect_uris": ["https://evil.example/"]}));
        for (value, code) in [
            (json!(statement), "unapproved_software_statement"), (json!("x"), "invalid_software_statement"), (json!("a.b.c"), "invalid_software_statement"),
            (json!(""), "invalid_software_statement"), (json!(1), "invalid_client_metadata"),
        ] {
            let asked = json!({"redirect_uris": ["https://app.example/cb"], "software_statement": value});
            let response = world.post_json("/register", &asked.to_string()).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{value}");
            assert_eq!(body_of(response).await["error"], code, "{value}");
        }
    }
}
