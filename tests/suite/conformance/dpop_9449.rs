//! RFC 9449, DPoP: at the token endpoint, at the MCP endpoint, and wherever a token is looked at.

use axum::body::Body;
use http::Request;
use serde_json::json;

use super::oauth21_token::claims;
use crate::support::World;
use crate::support::browser::Browser;
use crate::support::mcp::rpc;
use crate::support::people::good_request;
use crate::support::proof::{Signer, TOKEN, basic, post_with};
use crate::support::token::{
    Answer, SECRET, VERIFIER, code, post, post_as, redemption, refreshing, rows, seed, signed_in,
};

const MCP: &str = "http://localhost:8787/mcp";

/// A sign-in of the public client `app` with a proof of `signer`.
async fn bound(world: &World, signer: &Signer, scope: &str) -> Answer {
    let (code, _) = code(world, "app", scope).await;
    let proof = signer.proof(world, TOKEN);
    let answer = post_with(world, "/token", &redemption(&code), &[("dpop", &proof)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// A request to the MCP endpoint with these headers.
async fn mcp(world: &World, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let json = serde_json::from_str(&crate::support::world::text(response).await).unwrap();
    Answer { status, headers, json }
}

fn challenge(answer: &Answer) -> &str {
    answer.headers["www-authenticate"].to_str().unwrap()
}

on_both_engines! {
    /// "The htu claim matches the HTTP URI value for the HTTP request" (section 4.3), which may be Backstage's path for it.
    async fn a_proof_names_the_address_that_was_asked(world) {
        seed(&world).await;
        let (signer, alias) = (Signer::new(), "http://localhost:8787/api/auth/v1");
        let (code, _) = code(&world, "app", "openid").await;
        let at = format!("{alias}/token");
        let wrong = post_with(&world, "/api/auth/v1/token", &redemption(&code), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        assert_eq!(wrong.error(), (400, "invalid_dpop_proof"));
        let wrong = post_with(&world, "/token", &redemption(&code), &[("dpop", &signer.proof(&world, &at))]).await;
        assert_eq!(wrong.error(), (400, "invalid_dpop_proof"));
        let first = post_with(&world, "/api/auth/v1/token", &redemption(&code), &[("dpop", &signer.proof(&world, &at))]).await;
        assert_eq!((first.status, first.text("token_type").as_str()), (200, "DPoP"), "{first:?}");
        let token = first.text("access_token");
        let credential = format!("DPoP {token}");
        for (path, htu, status) in [("/api/auth/v1/userinfo", "/api/auth/v1/userinfo", 200), ("/api/auth/v1/userinfo", "/userinfo", 401), ("/userinfo", "/userinfo", 200)] {
            let proof = signer.proof_with(&world, &format!("http://localhost:8787{htu}"), &token);
            let request = Request::post(path).header("host", "localhost:8787").header("authorization", &credential).header("dpop", proof);
            assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status(), status, "{path} {htu}");
        }
    }

    /// "the authorization server … issues … token_type: DPoP" (section 5), "cnf … jkt" (section 6.1), also where it is
    /// introspected (section 6.2).
    async fn a_token_asked_for_with_a_proof_is_bound_to_its_key_everywhere(world) {
        seed(&world).await;
        let signer = Signer::new();
        let first = bound(&world, &signer, "openid catalog:read").await;
        assert_eq!(first.text("token_type"), "DPoP");
        assert_eq!(claims(&first.text("access_token"))["cnf"], json!({"jkt": signer.thumbprint}));
        let asked = post_as(&world, "/introspect", &[("token", &first.text("access_token"))], Some(&format!("rs:{SECRET}"))).await;
        assert_eq!((asked.text("token_type").as_str(), &asked.json["cnf"]), ("DPoP", &json!({"jkt": signer.thumbprint})));
        let unbound = signed_in(&world, "catalog:read").await.0;
        assert_eq!(unbound.text("token_type"), "Bearer");
        assert!(claims(&unbound.text("access_token")).get("cnf").is_none());
        let credential = basic("rs", SECRET);
        let headers = [("authorization", credential.as_str()), ("dpop", &signer.proof(&world, TOKEN))];
        let own = post_with(&world, "/token", &[("grant_type", "client_credentials")], &headers).await;
        assert_eq!((own.status, own.text("token_type").as_str()), (200, "DPoP"), "{own:?}");
    }

    /// "Refresh tokens issued to … public clients … MUST be bound" (section 5), and "confidential clients … not bound".
    async fn a_public_clients_refresh_token_wants_its_key_and_a_confidential_ones_does_not(world) {
        seed(&world).await;
        let (signer, thief) = (Signer::new(), Signer::new());
        let first = bound(&world, &signer, "catalog:read").await;
        let token = first.text("refresh_token");
        let before = rows(&world).await;
        let without = post(&world, "/token", &refreshing(&token)).await;
        assert_eq!(without.error(), (400, "invalid_grant"));
        let other = post_with(&world, "/token", &refreshing(&token), &[("dpop", &thief.proof(&world, TOKEN))]).await;
        assert_eq!(other.error(), (400, "invalid_grant"));
        assert_eq!(rows(&world).await, before, "a refusal changed something");
        let next = post_with(&world, "/token", &refreshing(&token), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        assert_eq!((next.status, next.text("token_type").as_str()), (200, "DPoP"), "{next:?}");
        // The next one is bound too, and whoever has the replaced one without the key cannot end the sign-in.
        world.clock.advance(postern::limits::REFRESH_GRACE_SECONDS + 1);
        assert_eq!(post(&world, "/token", &refreshing(&token)).await.error(), (400, "invalid_grant"));
        let next = next.text("refresh_token");
        assert_eq!(post(&world, "/token", &refreshing(&next)).await.error(), (400, "invalid_grant"));
        let third = post_with(&world, "/token", &refreshing(&next), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        assert_eq!(third.status, 200, "{third:?}");

        let (code, _) = code(&world, "rs", "catalog:read").await;
        let credential = basic("rs", SECRET);
        let mut fields = redemption(&code);
        fields.retain(|(name, _)| *name != "client_id");
        let headers = [("authorization", credential.as_str()), ("dpop", &signer.proof(&world, TOKEN))];
        let confidential = post_with(&world, "/token", &fields, &headers).await;
        let token = confidential.text("refresh_token");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let headers = [("authorization", credential.as_str()), ("dpop", &thief.proof(&world, TOKEN))];
        let changed = post_with(&world, "/token", &fields, &headers).await;
        assert_eq!(claims(&changed.text("access_token"))["cnf"], json!({"jkt": thief.thumbprint}));
    }

    /// A sign-in that began without a key is bound from the first proof on.
    async fn a_refresh_token_that_was_for_anybody_is_bound_by_the_first_proof(world) {
        seed(&world).await;
        let signer = Signer::new();
        let token = signed_in(&world, "catalog:read").await.0.text("refresh_token");
        let next = post_with(&world, "/token", &refreshing(&token), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        let next = next.text("refresh_token");
        assert_eq!(post(&world, "/token", &refreshing(&next)).await.error(), (400, "invalid_grant"));
    }

    /// "If the DPoP proof is invalid, the authorization server issues an error response … invalid_dpop_proof" (section 5),
    /// by every check of section 4.3.
    async fn a_proof_that_proves_nothing_is_refused_and_changes_nothing(world) {
        seed(&world).await;
        let signer = Signer::new();
        let (code, _) = code(&world, "app", "catalog:read").await;
        let before = rows(&world).await;
        let with = |name: &str, value: serde_json::Value| {
            let mut claims = signer.claims(&world, TOKEN);
            claims[name] = value;
            signer.sign(&claims)
        };
        let now = world.clock.now().seconds();
        let none = signer.sign_with(&json!({"typ": "dpop+jwt", "alg": "none", "jwk": {}}), &signer.claims(&world, TOKEN));
        let plain = signer.sign_with(&json!({"typ": "JWT", "alg": "ES256"}), &signer.claims(&world, TOKEN));
        for bad in [
            "x".to_owned(), "a.b.c".to_owned(), none, plain,
            with("htm", json!("GET")), with("htu", json!(MCP)), with("htu", json!("https://localhost:8787/token")),
            with("iat", json!(now - 301)), with("iat", json!(now + 301)), with("jti", json!("")), with("jti", json!(null)),
        ] {
            let answer = post_with(&world, "/token", &redemption(&code), &[("dpop", &bad)]).await;
            assert_eq!(answer.error(), (400, "invalid_dpop_proof"), "{bad}");
        }
        let (one, two) = (signer.proof(&world, TOKEN), signer.proof(&world, TOKEN));
        let twice = post_with(&world, "/token", &redemption(&code), &[("dpop", &one), ("dpop", &two)]).await;
        assert_eq!(twice.error(), (400, "invalid_dpop_proof"));
        assert_eq!(rows(&world).await, before, "a refusal changed something");
        assert_eq!(post_with(&world, "/token", &redemption(&code), &[("dpop", &one)]).await.status, 200);
    }

    /// "the authorization server MUST reject … jti" seen before (section 11.1); of many at once one is the first.
    async fn a_proof_counts_once_however_many_send_it_and_however_often_the_server_starts(world) {
        seed(&world).await;
        let signer = Signer::new();
        let proof = signer.proof(&world, TOKEN);
        let credential = basic("rs", SECRET);
        let headers = [("authorization", credential.as_str()), ("dpop", proof.as_str())];
        let fields = [("grant_type", "client_credentials")];
        let all = futures_util::future::join_all((0..8).map(|_| post_with(&world, "/token", &fields, &headers))).await;
        assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1);
        assert!(all.iter().filter(|answer| answer.status != 200).all(|answer| answer.error() == (400, "invalid_dpop_proof")));
        let world = world.restarted(&[]).await;
        world.clock.advance(299);
        assert_eq!(post_with(&world, "/token", &fields, &headers).await.error(), (400, "invalid_dpop_proof"));
        // The store forgets it only once its age refuses it.
        world.clock.advance(1);
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(post_with(&world, "/token", &fields, &headers).await.error(), (400, "invalid_dpop_proof"));
    }

    /// "dpop_jkt" (section 10): the code is worth nothing without the key that began the flow.
    async fn a_code_can_be_bound_to_a_key_from_the_first_request_on(world) {
        let client = world.dana_and_client().await;
        let (signer, thief) = (Signer::new(), Signer::new());
        let mut browser = Browser::default();
        let mut fields = vec![("grant_type", "authorization_code"), ("client_id", client.id.as_str()), ("code_verifier", VERIFIER)];
        let done = browser.connect(&world, &client, &[("dpop_jkt", &signer.thumbprint)]).await;
        let code = done.parameter("code").unwrap();
        fields.push(("code", &code));
        for headers in [vec![], vec![("dpop", thief.proof(&world, TOKEN))]] {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(post_with(&world, "/token", &fields, &headers).await.error(), (400, "invalid_grant"));
        }
        let good = post_with(&world, "/token", &fields, &[("dpop", &signer.proof(&world, TOKEN))]).await;
        assert_eq!((good.status, good.text("token_type").as_str()), (200, "DPoP"), "{good:?}");
        for bad in ["short", &"=".repeat(43), &"A".repeat(44)] {
            let refused = Browser::default().authorize(&world, &client, &[("dpop_jkt", bad)]).await;
            assert_eq!(refused.parameter("error").as_deref(), Some("invalid_request"), "{bad}");
        }
        assert_eq!(good_request(&client).len(), 8);
    }

    /// "both mechanisms … MUST be supported" for pushed requests (section 10.1): the parameter, and a proof at `/par`.
    async fn a_pushed_request_is_bound_by_its_parameter_or_by_its_proof(world) {
        let client = world.dana_and_client().await;
        let (signer, thief) = (Signer::new(), Signer::new());
        let par = "http://localhost:8787/par";
        let good = good_request(&client);
        let push = async |more: &[(&str, &str)], proof: Option<String>| {
            let mut fields: Vec<_> = good.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            fields.extend(more);
            let headers: Vec<_> = proof.iter().map(|proof| ("dpop", proof.as_str())).collect();
            post_with(&world, "/par", &fields, &headers).await
        };
        let both = push(&[("dpop_jkt", &thief.thumbprint)], Some(signer.proof(&world, par))).await;
        assert_eq!(both.error(), (400, "invalid_request"));
        assert_eq!(push(&[], Some(signer.proof(&world, TOKEN))).await.error(), (400, "invalid_dpop_proof"));
        for (more, proof) in [
            (vec![("dpop_jkt", signer.thumbprint.as_str())], None),
            (vec![], Some(signer.proof(&world, par))),
            (vec![("dpop_jkt", signer.thumbprint.as_str())], Some(signer.proof(&world, par))),
        ] {
            let pushed = push(&more, proof).await;
            assert_eq!(pushed.status, 201, "{pushed:?}");
            let name = pushed.text("request_uri");
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("client_id", client.id.as_str()), ("request_uri", name.as_str())]).finish();
            let mut browser = Browser::default();
            let mut page = browser.open(&world, &format!("/authorize?{query}")).await;
            if page.wants_sign_in() {
                page = browser.sign_in(&world, &page, "dana@acme.dev", crate::support::people::PASSWORD).await;
            }
            let code = browser.decide(&world, &page, "allow").await.parameter("code").unwrap();
            let fields = [("grant_type", "authorization_code"), ("client_id", client.id.as_str()), ("code_verifier", VERIFIER), ("code", &code)];
            assert_eq!(post(&world, "/token", &fields).await.error(), (400, "invalid_grant"));
            let answer = post_with(&world, "/token", &fields, &[("dpop", &signer.proof(&world, TOKEN))]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }

    /// "use_dpop_nonce" (sections 8 and 9): fresh, not remembered, and the same on every node.
    async fn nonces_are_asked_for_where_the_operator_wants_them(world) {
        let world = world.restarted(&[("tokens.dpop_nonces", "true")]).await;
        seed(&world).await;
        let signer = Signer::new();
        let (code, _) = code(&world, "app", "catalog:read").await;
        let first = post_with(&world, "/token", &redemption(&code), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        assert_eq!(first.error(), (400, "use_dpop_nonce"));
        assert_eq!(first.headers["access-control-expose-headers"], "DPoP-Nonce, WWW-Authenticate");
        let nonce = first.headers["dpop-nonce"].to_str().unwrap().to_owned();
        let answering = |nonce: &str, url: &str, token: Option<&str>| {
            let mut claims = signer.claims(&world, url);
            claims["nonce"] = json!(nonce);
            if let Some(token) = token {
                claims["ath"] = json!(postern::secret::sha256_base64url(token.as_bytes()));
            }
            signer.sign(&claims)
        };
        let stale = post_with(&world, "/token", &redemption(&code), &[("dpop", &answering("x", TOKEN, None))]).await;
        assert_eq!(stale.error(), (400, "use_dpop_nonce"));
        let good = post_with(&world, "/token", &redemption(&code), &[("dpop", &answering(&nonce, TOKEN, None))]).await;
        assert_eq!(good.status, 200, "{good:?}");
        let token = good.text("access_token");
        let credential = format!("DPoP {token}");
        let asked = mcp(&world, &[("authorization", &credential), ("dpop", &signer.proof_with(&world, MCP, &token))]).await;
        assert_eq!(asked.error(), (401, "use_dpop_nonce"));
        assert!(challenge(&asked).starts_with("DPoP error=\"use_dpop_nonce\""), "{}", challenge(&asked));
        assert_eq!(asked.headers["dpop-nonce"], nonce.as_str());
        let answered = answering(&nonce, MCP, Some(&token));
        assert_eq!(mcp(&world, &[("authorization", &credential), ("dpop", &answered)]).await.status, 200);
        world.clock.advance(2 * postern::limits::DPOP_NONCE_SECONDS);
        let old = answering(&nonce, MCP, Some(&token));
        assert_eq!(mcp(&world, &[("authorization", &credential), ("dpop", &old)]).await.error(), (401, "use_dpop_nonce"));
    }

    /// "the authorization server MUST reject token requests from the client that do not contain the DPoP header" (section 5.2).
    async fn a_client_that_promised_proofs_gets_nothing_without(world) {
        seed(&world).await;
        let body = json!({"client_name": "Bound", "redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "none", "dpop_bound_access_tokens": true});
        let registered = crate::support::world::json(world.post_json("/register", &body.to_string()).await).await;
        assert_eq!(registered["dpop_bound_access_tokens"], true);
        let wrong = json!({"redirect_uris": ["http://127.0.0.1/"], "dpop_bound_access_tokens": "yes"});
        assert_eq!(world.post_json("/register", &wrong.to_string()).await.status(), 400);
        sqlx::query("update clients set metadata = replace(metadata, '\"grant_types\"', '\"dpop_bound_access_tokens\":true,\"grant_types\"') where id = 'app'")
            .execute(world.app.store.write()).await.unwrap();
        let signer = Signer::new();
        let (code, _) = code(&world, "app", "catalog:read").await;
        let before = rows(&world).await;
        assert_eq!(post(&world, "/token", &redemption(&code)).await.error(), (400, "invalid_dpop_proof"));
        assert_eq!(rows(&world).await, before);
        let good = post_with(&world, "/token", &redemption(&code), &[("dpop", &signer.proof(&world, TOKEN))]).await;
        assert_eq!(good.status, 200, "{good:?}");
    }

    /// Section 7.1: "the protected resource MUST check" the proof, and section 7.2: "MUST reject … as a bearer token".
    async fn a_bound_token_opens_the_resource_with_its_key_only(world) {
        seed(&world).await;
        let (signer, thief) = (Signer::new(), Signer::new());
        let token = bound(&world, &signer, "openid catalog:read").await.text("access_token");
        let unbound = signed_in(&world, "catalog:read").await.0.text("access_token");
        let (as_bearer, as_bound) = (format!("Bearer {token}"), format!("DPoP {token}"));
        let good = || signer.proof_with(&world, MCP, &token);
        let algs = "algs=\"ES256 EdDSA RS256\", resource_metadata=\"http://localhost:8787/.well-known/oauth-protected-resource/mcp\"";
        let with = |name: &str, value: &str| {
            let mut claims = signer.claims(&world, MCP);
            claims["ath"] = json!(postern::secret::sha256_base64url(token.as_bytes()));
            claims[name] = json!(value);
            signer.sign(&claims)
        };
        for round in 0..2 {
            for (authorization, proof, expected) in [
                (as_bearer.clone(), None, "invalid_token"),
                (as_bearer.clone(), Some(good()), "invalid_token"),
                (as_bound.clone(), None, "invalid_dpop_proof"),
                (as_bound.clone(), Some(thief.proof_with(&world, MCP, &token)), "invalid_token"),
                (as_bound.clone(), Some(signer.proof(&world, MCP)), "invalid_dpop_proof"),
                (as_bound.clone(), Some(signer.proof_with(&world, MCP, &unbound)), "invalid_dpop_proof"),
                (as_bound.clone(), Some(signer.proof_with(&world, TOKEN, &token)), "invalid_dpop_proof"),
                (as_bound.clone(), Some(with("htm", "GET")), "invalid_dpop_proof"),
                (as_bound.clone(), Some("x".into()), "invalid_dpop_proof"),
                (format!("DPoP {unbound}"), Some(signer.proof_with(&world, MCP, &unbound)), "invalid_token"),
            ] {
                let mut headers = vec![("authorization", authorization.as_str())];
                headers.extend(proof.as_deref().map(|proof| ("dpop", proof)));
                let answer = mcp(&world, &headers).await;
                assert_eq!(answer.error(), (401, expected), "round {round}: {authorization} {proof:?}");
                assert!(challenge(&answer).starts_with(&format!("DPoP error=\"{expected}\"")), "{}", challenge(&answer));
                assert!(challenge(&answer).contains(algs), "{}", challenge(&answer));
            }
            // Known callers are judged as strictly as new ones: the second round finds them remembered.
            let proof = good();
            let answer = mcp(&world, &[("authorization", &as_bound), ("dpop", &proof)]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let again = mcp(&world, &[("authorization", &as_bound), ("dpop", &proof)]).await;
            assert_eq!(again.error(), (401, "invalid_dpop_proof"), "a proof counted twice");
            let two = mcp(&world, &[("authorization", &as_bound), ("dpop", &good()), ("dpop", &good())]).await;
            assert_eq!(two.error(), (401, "invalid_dpop_proof"));
        }
        let revoke = [("token", token.as_str()), ("client_id", "app")];
        assert_eq!(post(&world, "/revoke", &revoke).await.status, 200);
        assert_eq!(mcp(&world, &[("authorization", &as_bound), ("dpop", &good())]).await.error(), (401, "invalid_token"));
    }

    async fn user_info_asks_for_the_key_too(world) {
        seed(&world).await;
        let signer = Signer::new();
        let token = bound(&world, &signer, "openid").await.text("access_token");
        let url = "http://localhost:8787/userinfo";
        let as_bound = format!("DPoP {token}");
        let ask = async |headers: &[(&str, &str)]| post_with(&world, "/userinfo", &[], headers).await;
        assert_eq!(ask(&[("authorization", &format!("Bearer {token}"))]).await.status, 401);
        assert_eq!(ask(&[("authorization", &as_bound)]).await.status, 401);
        let proof = signer.proof_with(&world, url, &token);
        let good = ask(&[("authorization", &as_bound), ("dpop", &proof)]).await;
        assert_eq!((good.status, good.text("sub").as_str()), (200, "ada"));
        let again = ask(&[("authorization", &as_bound), ("dpop", &proof)]).await;
        assert_eq!(again.error(), (401, "invalid_dpop_proof"));
        assert!(challenge(&again).starts_with("DPoP error=\"invalid_dpop_proof\""), "{}", challenge(&again));
    }

    /// Section 5.1, and RFC 9728 section 2.
    async fn the_metadata_lists_what_a_proof_may_be_signed_with(world) {
        for path in ["/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp"] {
            let document = crate::support::world::json(world.get(path).await).await;
            assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256", "EdDSA", "RS256"]), "{path}");
        }
    }
}
