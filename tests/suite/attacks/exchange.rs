//! Tokens passed on by those who should not (attacks.md E08).

use http::Request;
use postern::store;

use crate::support::World;
use crate::support::exchange::{exchange, exchange_as, world_with_agent};
use crate::support::token::{SECRET, post, post_as, rows, signed_in};

/// Whether the guard lets a token call, which remembers it.
async fn admits(world: &World, token: &str) -> bool {
    let request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"))
        .body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#.into());
    world.send(request.unwrap()).await.status() == 200
}

on_both_engines! {
    async fn attack_e08_a_token_that_is_not_one_or_is_no_more_is_not_exchanged(world) {
        let world = world_with_agent(world).await;
        let (first, grant) = signed_in(&world, "catalog:read openid offline_access").await;
        let access = first.text("access_token");
        let before = rows(&world).await;
        let stripped = access.rsplit_once('.').unwrap().0.to_owned();
        let id_token = first.text("id_token");
        for bad in ["", "x", &stripped, &format!("{stripped}."), &id_token, &first.text("refresh_token")] {
            assert_eq!(exchange(&world, bad, &[]).await.error(), (400, "invalid_request"), "{bad}");
        }
        assert_eq!(rows(&world).await, before);
        assert_eq!(exchange(&world, &access, &[]).await.status, 200);
        let mut tx = world.app.store.begin().await.unwrap();
        store::grants::revoke(&mut tx, &world.app.store, &grant, "user", world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(exchange(&world, &access, &[]).await.error(), (400, "invalid_request"), "revoked");
        let (second, _) = signed_in(&world, "catalog:read").await;
        world.clock.advance(900);
        assert_eq!(exchange(&world, &second.text("access_token"), &[]).await.error(), (400, "invalid_request"), "expired");
    }

    /// A program's own token stands for nobody: exchanged, it would become another program's own.
    async fn attack_e08_a_token_without_a_person_is_not_exchanged(world) {
        let world = world_with_agent(world).await;
        let own = post_as(&world, "/token", &[("grant_type", "client_credentials")], Some(&format!("rs:{SECRET}"))).await;
        let before = rows(&world).await;
        assert_eq!(exchange(&world, &own.text("access_token"), &[]).await.error(), (400, "invalid_request"));
        assert_eq!(rows(&world).await, before);
    }

    async fn attack_e08_whoever_is_not_on_the_list_gets_nothing(world) {
        let world = world_with_agent(world).await;
        let (first, _) = signed_in(&world, "catalog:read").await;
        let access = first.text("access_token");
        assert_eq!(exchange_as(&world, "self", &access, &[]).await.error(), (400, "invalid_target"), "no list");
    }

    async fn attack_e08_what_was_exchanged_ends_with_everything_behind_it(world) {
        let world = world_with_agent(world).await;
        let store = &world.app.store;
        for what in ["grant", "token", "person", "first client", "acting client"] {
            let (first, grant) = signed_in(&world, "catalog:read").await;
            let access = first.text("access_token");
            let once = exchange(&world, &access, &[]).await.text("access_token");
            let twice = exchange(&world, &once, &[]).await.text("access_token");
            assert!(admits(&world, &once).await && admits(&world, &twice).await, "{what}");
            let now = world.clock.now();
            let (mut tx, event) = (store.begin().await.unwrap(), postern::store::events::Event::GrantRevoked(String::new()));
            let event = match what {
                "grant" => {
                    store::grants::revoke(&mut tx, store, &grant, "user", now).await.unwrap();
                    store::events::Event::GrantRevoked(grant)
                }
                "person" => {
                    store::users::suspend(&mut tx, store, "ada", true, now).await.unwrap();
                    store::events::Event::UserSuspended("ada".into())
                }
                "first client" => {
                    store::clients::suspend(&mut tx, store, "app", true, now).await.unwrap();
                    store::events::Event::ClientRevoked("app".into())
                }
                "acting client" => {
                    store::clients::suspend(&mut tx, store, "agent", true, now).await.unwrap();
                    store::events::Event::ClientRevoked("agent".into())
                }
                _ => event,
            };
            tx.commit().await.unwrap();
            if what == "token" {
                assert_eq!(post(&world, "/revoke", &[("token", &access), ("client_id", "app")]).await.status, 200);
            } else {
                store.tell(event);
            }
            for token in [&once, &twice] {
                assert!(!admits(&world, token).await, "{what}");
                let asked = post_as(&world, "/introspect", &[("token", token)], Some(&format!("rs:{SECRET}"))).await;
                assert_eq!(asked.json["active"], false, "{what}");
            }
            let mut tx = store.begin().await.unwrap();
            store::users::suspend(&mut tx, store, "ada", false, now).await.unwrap();
            store::clients::suspend(&mut tx, store, "app", false, now).await.unwrap();
            store::clients::suspend(&mut tx, store, "agent", false, now).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn what_was_exchanged_is_swept_and_its_source_stays(world) {
        let world = world_with_agent(world).await;
        let (first, grant) = signed_in(&world, "catalog:read").await;
        exchange(&world, &first.text("access_token"), &[]).await;
        let count = async || {
            let row: (i64,) = sqlx::query_as("select count(*) from grants").fetch_one(world.app.store.read()).await.unwrap();
            row.0
        };
        assert_eq!(count().await, 2);
        world.clock.advance(2 * 86_400);
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(count().await, 1);
        assert!(store::grants::find(&world.app.store, &grant).await.unwrap().is_some());
    }
}
