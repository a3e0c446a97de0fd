//! What an identity provider's word must not open, and what a refusal must not use up (attacks.md C09, E08).

use futures_util::future::join_all;
use postern::oauth::client::ClientKind;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::support::World;
use crate::support::exchange::{ACCESS_TOKEN, RESOURCE};
use crate::support::identity::{IDP, Provider, present};
use crate::support::people::LOOPBACK;
use crate::support::proof::{Signer, TOKEN, basic, post_with};
use crate::support::token::{self, SECRET, post_as, signed_in};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:";

async fn count(world: &World, statement: &'static str) -> i64 {
    sqlx::query(statement).fetch_one(world.app.store.write()).await.unwrap().get(0)
}

async fn linked(world: &World) -> i64 {
    count(world, "select count(*) from issuer_subjects").await
}

on_both_engines! {
    /// A company gives the address of somebody who left to somebody new: they are not the one who left.
    async fn attack_c09_an_address_that_is_given_again_does_not_open_the_account_of_whoever_had_it(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.status, 200);
        let grants = count(&world, "select count(*) from grants").await;
        let next = present(&world, &idp.assertion(&world, &[("sub", json!("00u-next"))]), &[]).await;
        assert_eq!(next.error(), (400, "invalid_grant"), "{next:?}");
        assert_eq!((linked(&world).await, count(&world, "select count(*) from grants").await), (1, grants));
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.status, 200, "the one who was linked");
    }

    async fn attack_c09_of_many_new_subjects_with_one_address_one_is_linked(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let all: Vec<String> = (0..20).map(|n| idp.assertion(&world, &[("sub", json!(format!("00u-{n}")))])).collect();
        let answers = join_all(all.iter().map(|one| present(&world, one, &[]))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert!(answers.iter().all(|answer| answer.status == 200 || answer.error() == (400, "invalid_grant")));
        assert_eq!((linked(&world).await, count(&world, "select count(*) from grants").await), (1, 1));
    }

    async fn the_first_assertions_about_one_person_may_come_at_once(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let all: Vec<String> = (0..10).map(|_| idp.assertion(&world, &[])).collect();
        let answers = join_all(all.iter().map(|one| present(&world, one, &[]))).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        assert_eq!(linked(&world).await, 1);
    }

    /// Whoever rents a tenant at the same provider says what addresses its people have.
    async fn attack_c09_a_tenant_that_is_not_listed_names_nobody_by_address(world) {
        let (idp, world) = Provider::start(world, &json!({"tenants": ["ours"]})).await;
        let of = |tenant: Value| idp.assertion(&world, &[("tenant", tenant)]);
        for other in [json!("theirs"), json!("Ours"), Value::Null] {
            assert_eq!(present(&world, &of(other.clone()), &[]).await.error(), (400, "invalid_grant"), "{other}");
            assert_eq!(linked(&world).await, 0, "{other}");
        }
        assert_eq!(present(&world, &of(json!("ours")), &[]).await.status, 200);
        let unlisted = json!([{"issuer": IDP, "clients": ["agent"], "link_by_email": true}]).to_string();
        let world = idp.host.known_to_with(world, &[("trusted_issuers", unlisted.as_str())]).await;
        let eve = world.user("eve@acme.dev", "correct horse battery").await;
        let about_eve = [("tenant", json!("theirs")), ("sub", json!("e")), ("email", json!("eve@acme.dev"))];
        assert_eq!(present(&world, &idp.assertion(&world, &about_eve), &[]).await.error(), (400, "invalid_grant"), "no list");
        let who = postern::store::subjects::Subject { issuer: IDP, tenant: "theirs", subject: "e" };
        let mut tx = world.app.store.begin().await.unwrap();
        assert!(postern::store::subjects::link(&mut tx, who, &eve.id, world.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(present(&world, &idp.assertion(&world, &about_eve), &[]).await.status, 200, "by an administrator's word");
    }

    /// What strangers have fetched until nothing more is takes no keys from whoever the operator trusts.
    async fn attack_a09_what_strangers_use_up_keeps_nobody_from_trusted_keys(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let place = format!("{IDP}/keys");
        while world.app.outbound.json(&place, 65_536).await.is_ok() {}
        assert_eq!(present(&world, &idp.assertion(&world, &[]), &[]).await.status, 200);
        for (kind, is_had) in [(ClientKind::PreRegistered, true), (ClientKind::SelfRegistered, false)] {
            let mut client = world.client(kind, "CI", &[LOOPBACK]).await;
            client.metadata.jwks_uri = Some(place.clone());
            let keys = postern::web::key_sets::of_client(&world.app, &client, None).await;
            assert_eq!(keys.is_some(), is_had, "{kind:?}");
        }
    }

    /// Whoever knows a client's id must not be able to fill the log with it.
    async fn attack_a12_refusals_of_one_kind_are_a_row_a_minute(world) {
        let (_, world) = Provider::start(world, &json!({})).await;
        let fields = [("grant_type", "client_credentials"), ("scope", "catalog:read")];
        let refused = async |world: &World| {
            let answer = post_as(world, "/token", &fields, Some("agent:wrong")).await;
            assert_eq!(answer.error(), (401, "invalid_client"));
        };
        for _ in 0..10 {
            refused(&world).await;
        }
        world.clock.advance(postern::limits::REFUSALS_NOTED_SECONDS);
        refused(&world).await;
        let last = "select count(*) from audit where event = 'token.refused' and detail like '%more_since_the_last\":9%'";
        for _ in 0..200 {
            if count(&world, last).await == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        assert_eq!(count(&world, last).await, 1);
        assert_eq!(count(&world, "select count(*) from audit where event = 'token.refused'").await, 2);
    }

    /// RFC 9449 section 5.2: without the proof there is no token, and what was brought is as good as before.
    async fn attack_e08_a_client_that_owes_a_proof_uses_nothing_up_without_it(world) {
        let (idp, world) = Provider::start(world, &json!({})).await;
        let trusted = json!([{"issuer": IDP, "clients": ["agent"], "link_by_email": true}]).to_string();
        let set = [("trusted_issuers", trusted.as_str()), ("exchange.resources", &format!("agent={RESOURCE}"))];
        let world = idp.host.known_to_with(world, &set).await;
        token::seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        sqlx::query("update clients set metadata = replace(metadata, '\"grant_types\"', '\"dpop_bound_access_tokens\":true,\"grant_types\"') where id = 'agent'")
            .execute(world.app.store.write()).await.unwrap();
        let (jag, exchanged) = (format!("{GRANT}jwt-bearer"), format!("{GRANT}token-exchange"));
        let (assertion, access) = (idp.assertion(&world, &[]), first.text("access_token"));
        let before = (count(&world, "select count(*) from grants").await, linked(&world).await, token::rows(&world).await);
        for fields in [
            vec![("grant_type", jag.as_str()), ("assertion", assertion.as_str())],
            vec![("grant_type", "client_credentials")],
            vec![("grant_type", exchanged.as_str()), ("subject_token", access.as_str()), ("subject_token_type", ACCESS_TOKEN)],
        ] {
            let bare = post_as(&world, "/token", &fields, Some(&format!("agent:{SECRET}"))).await;
            assert_eq!(bare.error(), (400, "invalid_dpop_proof"), "{fields:?}");
            let after = (count(&world, "select count(*) from grants").await, linked(&world).await, token::rows(&world).await);
            assert_eq!(after, before, "{fields:?}");
        }
        let signer = Signer::new();
        let headers = [("authorization", basic("agent", SECRET)), ("dpop", signer.proof(&world, TOKEN))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let good = post_with(&world, "/token", &[("grant_type", &jag), ("assertion", &assertion)], &headers).await;
        assert_eq!(good.status, 200, "{good:?}");
    }
}
