//! An identity provider whose word is taken, and what may be taken for its word (attacks C02, C03, C11).

use postern::limits;
use serde_json::{Value, json};

use crate::conformance::oauth21_token::claims as claims_of;
use crate::support::World;
use crate::support::documents::Reply;
use crate::support::identity::{IDP, Provider, claims, present};
use crate::support::people::PASSWORD;

const OTHER: &str = "https://other.example";

/// Whom an assertion is taken to be about.
async fn who(world: &World, assertion: &str) -> Option<String> {
    let answer = present(world, assertion, &[]).await;
    let token = answer.json["access_token"].as_str()?;
    Some(claims_of(token)["preferred_username"].as_str().unwrap().to_owned())
}

on_both_engines! {
    async fn attack_c02_an_address_that_its_provider_did_not_verify_links_nobody(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        for said in [json!(false), Value::Null, json!("false"), json!("true"), json!(1), json!("1"), json!([true]), json!({})] {
            let assertion = idp.assertion(&world, &[("email_verified", said.clone())]);
            assert_eq!(who(&world, &assertion).await, None, "{said}");
        }
        for address in ["dana+x@acme.dev", "dana@acme.dev@evil.example", "d\u{430}na@acme.dev", "dana@acme.dev\u{0}", ""] {
            let assertion = idp.assertion(&world, &[("email", json!(address))]);
            assert_eq!(who(&world, &assertion).await, None, "{address:?}");
        }
        assert_eq!(who(&world, &idp.assertion(&world, &[])).await.as_deref(), Some("dana@acme.dev"));
    }

    async fn attack_c02_another_provider_with_the_same_address_or_subject_is_nobody(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let both = json!([
            {"issuer": IDP, "clients": ["agent"], "link_by_email": true},
            {"issuer": OTHER, "clients": ["agent"], "jwks_uri": format!("{OTHER}/keys")},
        ]);
        let world = idp.host.known_to_with(world, &[("trusted_issuers", &both.to_string())]).await;
        assert_eq!(who(&world, &idp.assertion(&world, &[])).await.as_deref(), Some("dana@acme.dev"));
        for changed in [[("iss", json!(OTHER))].as_slice(), &[("iss", json!(OTHER)), ("sub", json!("00u-other"))]] {
            assert_eq!(who(&world, &idp.assertion(&world, changed)).await, None, "{changed:?}");
        }
        let dana = postern::store::users::list(&world.app.store).await.unwrap().pop().unwrap();
        world.user("eve@acme.dev", PASSWORD).await;
        let subject = postern::store::subjects::Subject { issuer: OTHER, tenant: "", subject: "00u-other" };
        let mut tx = world.app.store.begin().await.unwrap();
        assert!(postern::store::subjects::link(&mut tx, subject, &dana.id, world.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
        let linked = idp.assertion(&world, &[("iss", json!(OTHER)), ("sub", json!("00u-other")), ("email", json!("eve@acme.dev"))]);
        assert_eq!(who(&world, &linked).await.as_deref(), Some("dana@acme.dev"), "whom an administrator linked, whatever the address");
    }

    async fn attack_c11_a_provider_that_points_elsewhere_or_inside_is_not_followed(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let good = json!({"issuer": IDP, "jwks_uri": format!("{IDP}/keys"), "keys": idp.signer.keys()["keys"]});
        let with = |name: &str, value: &str| { let mut all = good.clone(); all[name] = json!(value); Reply::json(all.to_string()) };
        let refused = async |why: &str| {
            // With the pause that a host gets after a failure, so that each of them is asked for anew.
            world.clock.advance(limits::DOCUMENT_FAILURE_SECONDS.max(61));
            assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.error(), (400, "invalid_grant"), "{why}");
        };
        for issuer in ["https://evil.example", "https://client.example/", "https://client.example.evil.example", ""] {
            idp.host.say(with("issuer", issuer));
            refused(issuer).await;
        }
        for keys in ["http://client.example/keys", "file:///etc/passwd", "https://127.0.0.1/keys", "https://169.254.169.254/keys", "https://localhost/keys", "$(id)", ""] {
            idp.host.say(with("jwks_uri", keys));
            refused(keys).await;
        }
        assert_eq!(idp.host.count_at("/keys"), 0, "nobody was sent for keys");
        idp.host.say(Reply::json(good.to_string()).status(302).header("location: https://other.example/moved"));
        refused("the metadata has moved").await;
        idp.host.say(Reply::json(good.to_string()));
        idp.host.say_at("/keys", Reply::json(good.to_string()).status(307).header("location: https://other.example/moved"));
        refused("the keys have moved").await;
        assert_eq!(idp.host.count_at("/moved"), 0);
        idp.host.say_at("/keys", Reply::json(good.to_string()));
        world.clock.advance(3_600);
        // What a token says goes into no URL.
        for kid in ["../../admin", "https://other.example/x", "?x=1", "x\ny"] {
            let mut header = idp.header();
            header["kid"] = json!(kid);
            let forged = idp.signer.sign(&header, &claims(&world, &[]));
            assert_eq!(present(&world, &forged, &[]).await.error(), (400, "invalid_grant"), "{kid}");
        }
        world.clock.advance(3_600);
        let before = idp.host.count();
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.status, 200);
        let asked = idp.host.count_at("/keys") + idp.host.count_at("/.well-known/openid-configuration");
        assert_eq!(asked, idp.host.count(), "{before}: only the two places that there are");
    }
}
