//! What an identity provider's word must not open (attacks.md C09).

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::support::World;
use crate::support::identity::{IDP, Provider, present};

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
        assert_eq!(present(&world, &of(json!("theirs")), &[]).await.error(), (400, "invalid_grant"));
        assert_eq!(linked(&world).await, 0);
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
}
