//! RFC 7592: a client reads, replaces and removes its registration.

use http::Method;
use postern::store;
use serde_json::{Value, json};

use crate::support::registration::{ask, good, good_with, register, registered};
use crate::support::token::{code, is_live, post, post_as, redemption, refreshing, seed};

const GET: Method = Method::GET;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

on_both_engines! {
    /// "registration_access_token … registration_client_uri: REQUIRED" (section 3); the URI is fully qualified.
    async fn a_registration_says_where_and_with_what_it_is_managed(world) {
        let answer = register(&world, &good()).await;
        let place = format!("http://localhost:8787/register/{}", answer.text("client_id"));
        assert_eq!(answer.text("registration_client_uri"), place);
        let token = answer.text("registration_access_token");
        assert!(token.starts_with("pon_") && token.len() > 40);
        let rows = sqlx::query_as::<_, (String,)>("select registration_digest from clients").fetch_all(world.app.store.write()).await.unwrap();
        assert_eq!(rows, [(postern::secret::Digest::of(&token).as_str().to_owned(),)], "only its digest is stored");
    }

    /// "the authorization server responds with an HTTP 200 … with the current client metadata" (section 2.1); "Cache-Control:
    /// no-store".
    async fn reading_gives_all_that_is_registered(world) {
        let (id, token, path) = registered(&world, &good_with("policy_uri", json!("https://editor.example/policy"))).await;
        let issued = world.clock.now().seconds();
        world.clock.advance(60);
        let read = ask(&world, GET, &path, Some(&token), &Value::Null).await;
        assert_eq!((read.status, &read.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
        assert_eq!(read.headers["access-control-allow-origin"], "*");
        for (name, value) in [
            ("client_id", json!(id)), ("client_id_issued_at", json!(issued)), ("client_name", json!("Editor")),
            ("redirect_uris", good()["redirect_uris"].clone()), ("grant_types", good()["grant_types"].clone()), ("response_types", json!(["code"])),
            ("token_endpoint_auth_method", json!("none")), ("policy_uri", json!("https://editor.example/policy")),
            ("registration_access_token", json!(token)), ("registration_client_uri", json!(format!("http://localhost:8787{path}"))),
        ] {
            assert_eq!(read.json[name], value, "{name}");
        }
    }

    /// "If the client does not exist on this server, the server MUST respond with HTTP 401 Unauthorized, and the
    /// registration access token … SHOULD be immediately revoked" (section 2.1); a wrong token is no different.
    async fn nobody_without_the_token_of_this_very_client_learns_or_changes_anything(world) {
        let (_, token, path) = registered(&world, &good()).await;
        let (_, other, _) = registered(&world, &good()).await;
        let wrong = format!("pon_{}", "A".repeat(43));
        let unknown = "/register/01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55";
        for method in [GET, PUT, DELETE] {
            for (path, token) in [
                (path.as_str(), None), (&path, Some(other.as_str())), (&path, Some(wrong.as_str())), (&path, Some("x")), (&path, Some("")),
                (unknown, Some(token.as_str())), ("/register/x'%20or%20'1'='1", Some(token.as_str())), ("/register/%00", Some(token.as_str())),
            ] {
                let mut body = good();
                body["client_id"] = json!(path.rsplit('/').next());
                let refused = ask(&world, method.clone(), path, token, &body).await;
                assert_eq!(refused.error(), (401, "invalid_token"), "{method} {path} {token:?}");
                assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
                assert_eq!(refused.headers["cache-control"], "no-store");
            }
        }
        assert_eq!(ask(&world, GET, &path, Some(&token), &Value::Null).await.status, 200);
        assert_eq!(ask(&world, Method::POST, &path, Some(&token), &good()).await.status, 405);
    }

    /// "Valid values of client metadata fields in this request MUST replace, not augment, the values previously
    /// associated"; "Omitted fields MUST be treated as null or empty" (section 2.2). The token is another one afterwards.
    async fn replacing_replaces_everything_and_the_token(world) {
        let before = json!({"client_name": "Editor", "client_uri": "https://editor.example", "redirect_uris": ["http://127.0.0.1/"],
            "token_endpoint_auth_method": "none", "scope": "catalog:read"});
        let (id, token, path) = registered(&world, &before).await;
        let new = json!({"client_id": id, "redirect_uris": ["https://editor.example/cb"], "token_endpoint_auth_method": "none"});
        let replaced = ask(&world, PUT, &path, Some(&token), &new).await;
        assert_eq!(replaced.status, 200, "{replaced:?}");
        assert_eq!(replaced.json["redirect_uris"], json!(["https://editor.example/cb"]));
        assert_eq!(replaced.json["client_name"], "Unnamed client");
        for gone in ["client_uri", "scope", "client_secret"] {
            assert!(replaced.json.get(gone).is_none(), "{gone}");
        }
        let next = replaced.text("registration_access_token");
        assert_ne!(next, token);
        assert_eq!(ask(&world, GET, &path, Some(&token), &Value::Null).await.status, 401, "the old token");
        assert_eq!(ask(&world, GET, &path, Some(&next), &Value::Null).await.json["redirect_uris"], replaced.json["redirect_uris"]);
        let stored = store::clients::find(&world.app.store, &id).await.unwrap().unwrap();
        assert!(stored.redirect("http://127.0.0.1/").is_none());
    }

    /// "The client MUST include its 'client_id' field … and it MUST be the same as its currently issued client identifier";
    /// "The client MUST NOT include" four members of the server's; "If the client includes the client_secret … the value of
    /// this field MUST match the currently issued client secret" (section 2.2).
    async fn a_replacement_that_breaks_a_rule_changes_nothing_and_keeps_the_token(world) {
        let (id, token, path) = registered(&world, &good_with("token_endpoint_auth_method", json!("client_secret_post"))).await;
        let (other, _, _) = registered(&world, &good()).await;
        let base = { let mut body = good_with("token_endpoint_auth_method", json!("client_secret_post")); body["client_id"] = json!(id); body };
        for (name, value, code) in [
            ("client_id", json!(other), "invalid_client_metadata"), ("client_id", Value::Null, "invalid_client_metadata"),
            ("registration_access_token", json!(token), "invalid_client_metadata"), ("registration_client_uri", json!(path), "invalid_client_metadata"),
            ("client_id_issued_at", json!(0), "invalid_client_metadata"), ("client_secret_expires_at", json!(0), "invalid_client_metadata"),
            ("client_secret", json!("chosen by the client"), "invalid_client_metadata"), ("token_endpoint_auth_method", json!("none"), "invalid_client_metadata"),
            ("redirect_uris", json!([]), "invalid_redirect_uri"), ("redirect_uris", json!(["http://evil.example/"]), "invalid_redirect_uri"),
            ("redirect_uris", json!(["javascript:alert(1)"]), "invalid_redirect_uri"), ("jwks", json!({"keys": []}), "invalid_client_metadata"),
            ("grant_types", json!(["client_credentials"]), "invalid_client_metadata"),
        ] {
            let mut body = base.clone();
            body[name] = value.clone();
            let refused = ask(&world, PUT, &path, Some(&token), &body).await;
            assert_eq!(refused.error(), (400, code), "{name} {value}");
        }
        for (kind, body) in [("text/plain", "{}"), ("application/x-www-form-urlencoded", "a=b")] {
            let request = http::Request::put(&path).header("host", "localhost:8787").header("content-type", kind)
                .header("authorization", format!("Bearer {token}")).body(axum::body::Body::from(body)).unwrap();
            assert_eq!(world.send(request).await.status(), 415, "{kind}");
        }
        assert_eq!(ask(&world, GET, &path, Some(&token), &Value::Null).await.json["client_name"], "Editor");
    }

    /// "invalidate all existing authorization grants and currently active access tokens … associated with the deleted
    /// client"; 204 (section 2.3). Its next word at the token endpoint is answered `invalid_client`, which clients act on.
    async fn removing_ends_everything_of_the_client(world) {
        seed(&world).await;
        let (id, token, path) = registered(&world, &good()).await;
        let (text, grant) = code(&world, &id, "catalog:read offline_access").await;
        let mut fields = redemption(&text);
        fields[1].1 = &id;
        let first = post(&world, "/token", &fields).await;
        assert_eq!(first.status, 200, "{first:?}");
        let removed = ask(&world, DELETE, &path, Some(&token), &Value::Null).await;
        assert_eq!((removed.status, &removed.headers["cache-control"]), (204, &"no-store".parse().unwrap()));
        assert!(!is_live(&world, &grant).await);
        let refresh = first.text("refresh_token");
        let mut fields = refreshing(&refresh);
        fields[1].1 = &id;
        assert_eq!(post(&world, "/token", &fields).await.error(), (401, "invalid_client"));
        let access = first.text("access_token");
        let known = post_as(&world, "/introspect", &[("token", &access)], Some(&format!("rs:{}", crate::support::token::SECRET))).await;
        assert_eq!(known.json, json!({"active": false}));
        for method in [GET, PUT, DELETE] {
            assert_eq!(ask(&world, method, &path, Some(&token), &good()).await.status, 401);
        }
        assert!(store::clients::find(&world.app.store, &id).await.unwrap().is_none());
    }

    /// "If the client does not have permission to read its record, the server MUST return an HTTP 403" (section 2.1): what an
    /// administrator has judged is no longer the client's to change.
    async fn a_suspended_client_manages_nothing_and_a_revoked_one_is_gone(world) {
        let (id, token, path) = registered(&world, &good()).await;
        let mut tx = world.app.store.begin().await.unwrap();
        store::clients::suspend(&mut tx, &world.app.store, &id, true, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        for method in [GET, PUT, DELETE] {
            assert_eq!(ask(&world, method, &path, Some(&token), &good()).await.error(), (403, "access_denied"));
        }
        let mut tx = world.app.store.begin().await.unwrap();
        store::clients::revoke(&mut tx, &world.app.store, &id, "admin", world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ask(&world, GET, &path, Some(&token), &Value::Null).await.status, 401);
    }

    async fn of_many_replacements_at_once_one_wins_and_its_token_works(world) {
        let (id, token, path) = registered(&world, &good()).await;
        let mut body = good();
        body["client_id"] = json!(id);
        let all = (0..20).map(|_| {
            let (router, token, path, body) = (world.router.clone(), token.clone(), path.clone(), body.to_string());
            tokio::spawn(async move {
                let request = http::Request::put(&path).header("host", "localhost:8787").header("content-type", "application/json")
                    .header("authorization", format!("Bearer {token}")).body(axum::body::Body::from(body)).unwrap();
                let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
                (response.status().as_u16(), crate::support::world::json(response).await)
            })
        });
        let mut won = Vec::new();
        for one in all.collect::<Vec<_>>() {
            match one.await.unwrap() {
                (200, answer) => won.push(answer["registration_access_token"].as_str().unwrap().to_owned()),
                (status, _) => assert_eq!(status, 401),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(ask(&world, GET, &path, Some(&won[0]), &Value::Null).await.status, 200);
    }
}
