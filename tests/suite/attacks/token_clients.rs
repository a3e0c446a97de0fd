//! Clients that are not who they say, and tokens that are not theirs (attacks.md E04, E11), and every field of a good
//! request spoilt in every way.

use postern::oauth::client::{AuthMethod, ClientKind};
use serde_json::json;

use crate::support::token::{
    SECRET, client, code, is_live, post, post_as, redemption, refreshing, rows, seed, signed_in,
};

on_both_engines! {
    async fn attack_e04_a_client_proves_itself_in_the_way_it_registered_and_in_no_other(world) {
        seed(&world).await;
        client(&world.app, "poster", ClientKind::SelfRegistered, AuthMethod::ClientSecretPost).await;
        let own = |id: &'static str, secret: Option<&'static str>| {
            let mut fields = vec![("grant_type", "client_credentials"), ("client_id", id)];
            fields.extend(secret.map(|secret| ("client_secret", secret)));
            fields
        };
        let basic = |id: &str, secret: &str| Some(format!("{id}:{secret}"));
        let wrong = SECRET.replace('0', "1");
        for (fields, header, expected) in [
            (own("self", None), basic("self", SECRET), (200, "")),
            (own("self", Some(SECRET)), None, (401, "invalid_client")),
            (own("poster", Some(SECRET)), None, (200, "")),
            (own("poster", None), basic("poster", SECRET), (401, "invalid_client")),
            (own("rs", None), basic("rs", SECRET), (200, "")),
            (own("rs", Some(SECRET)), None, (200, "")),
            (own("rs", None), None, (401, "invalid_client")),
            (own("rs", None), basic("rs", &wrong), (401, "invalid_client")),
            (own("rs", Some("x")), basic("rs", SECRET), (400, "invalid_request")),
            (own("self", None), basic("rs", SECRET), (400, "invalid_request")),
            (own("app", Some(SECRET)), None, (401, "invalid_client")),
            (own("app", None), None, (400, "unauthorized_client")),
            (own("nobody", None), basic("nobody", SECRET), (401, "invalid_client")),
        ] {
            let answer = post_as(&world, "/token", &fields, header.as_deref()).await;
            assert_eq!(answer.error(), expected, "{fields:?} {header:?}");
            let challenged = answer.headers.contains_key("www-authenticate");
            assert_eq!(challenged, answer.status == 401 && header.is_some(), "{fields:?} {header:?}");
        }
    }

    async fn attack_e11_a_token_says_nothing_to_those_it_does_not_concern(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
        let (rs, other) = (format!("rs:{SECRET}"), format!("self:{SECRET}"));
        let ask = async |token: &str, basic: &str| {
            post_as(&world, "/introspect", &[("token", token)], Some(basic)).await.json
        };
        assert_eq!(ask(&access, &rs).await["active"], true);
        let inactive = json!({"active": false});
        let cut = &access[..access.len() - 4];
        for (token, basic) in [(access.as_str(), &other), (&refresh, &other), (&refresh, &rs), (cut, &rs), ("x", &rs)] {
            assert_eq!(ask(token, basic).await, inactive, "{token} {basic}");
        }
        assert_eq!(post(&world, "/introspect", &[("token", &access), ("client_id", "app")]).await.error().0, 401);
        // Who guards another resource, or none, has no business with this one's tokens, also by an administrator's word.
        for guards in ["[]", "[\"http://localhost:8787/other\"]"] {
            let id = format!("rs{guards}");
            client(&world.app, &id, ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
            sqlx::query("update clients set metadata = replace(metadata, '[\"http://localhost:8787/mcp\"]', $2) where id = $1")
                .bind(&id).bind(guards).execute(world.app.store.write()).await.unwrap();
            let fields = [("token", access.as_str()), ("client_id", &id), ("client_secret", SECRET)];
            assert_eq!(post(&world, "/introspect", &fields).await.json, inactive, "{guards}");
        }
        // Nobody ends what is not theirs.
        let before = rows(&world).await;
        for token in [&access, &refresh] {
            let ended = post_as(&world, "/revoke", &[("token", token)], Some(&rs)).await;
            assert_eq!(ended.error(), (400, "invalid_grant"));
        }
        assert_eq!(rows(&world).await, before);
        assert!(is_live(&world, &grant).await);
        assert_eq!(post(&world, "/revoke", &[("token", &refresh), ("client_id", "app")]).await.status, 200);
        assert_eq!(ask(&access, &rs).await, inactive);
    }

    async fn every_field_removed_doubled_emptied_or_oversized_is_refused_and_changes_nothing(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read offline_access").await;
        let (access, refresh) = (first.text("access_token"), first.text("refresh_token"));
        let (code, _) = code(&world, "app", "catalog:read").await;
        let secret = [("client_id", "rs"), ("client_secret", SECRET)];
        let revoke = vec![("token", access.as_str()), ("token_type_hint", "access_token"), ("client_id", "app")];
        let introspect = [&[("token", access.as_str()), ("token_type_hint", "access_token")][..], &secret].concat();
        let own = [&[("grant_type", "client_credentials"), ("scope", "catalog:read")][..], &secret].concat();
        let good = [
            ("/token", redemption(&code)), ("/token", refreshing(&refresh)), ("/revoke", revoke),
            ("/introspect", introspect), ("/token", own),
        ];
        let optional = ["redirect_uri", "resource", "scope", "token_type_hint"];
        let long = "x".repeat(postern::limits::TOKEN_PARAMETER_BYTES_MAX + 1);
        let before = rows(&world).await;
        let mut tried = 0;
        for (path, fields) in &good {
            for (at, (name, value)) in fields.iter().enumerate() {
                let mut removed = fields.clone();
                removed.remove(at);
                let with = |value| { let mut all = fields.clone(); all[at].1 = value; all };
                let doubled = [fields.as_slice(), &[(*name, *value)]].concat();
                let mut spoilt = vec![with(&long), with("\0")];
                // What may be absent may be empty; a repeated `resource` is allowed (RFC 8707 section 2).
                if !optional.contains(name) { spoilt.extend([removed, with("")]); }
                if *name != "resource" { spoilt.push(doubled); }
                for fields in spoilt {
                    let answer = post(&world, path, &fields).await;
                    assert!(matches!(answer.status, 400 | 401), "{path} {name} {answer:?}");
                    assert!(!answer.text("error_description").is_empty() && !answer.text("error").is_empty());
                    tried += 1;
                }
            }
        }
        assert!(tried > 80, "{tried}");
        assert_eq!(rows(&world).await, before);
    }
}
