//! Clients in the store: found, used, suspended, revoked, swept.

use postern::oauth::client::{ClientKind, GrantType};
use postern::oauth::registration::{PreRegistration, Registration, pre_registered};
use postern::oauth::scope::ScopeSet;
use postern::secret::{ClientSecret, Secret};
use postern::store::clients;
use postern::store::events::Event;
use postern::store::grants::{self, NewGrant};
use postern::{limits, secret};

use crate::support::World;

async fn self_registered(world: &World, id: &str) {
    let body = br#"{"client_name":"Self","redirect_uris":["http://127.0.0.1/"],"token_endpoint_auth_method":"none"}"#;
    let client = Registration::read(body, &ScopeSet::default()).unwrap().into_client(id.into(), None);
    clients::add(&world.app.store, &client, world.clock.now()).await.unwrap();
}

async fn grant(world: &World, client_id: &str, seconds: i64) -> String {
    let now = world.clock.now();
    let grant = NewGrant {
        id: secret::id(now),
        client_id: client_id.into(),
        user_id: None,
        scope: "catalog:read".into(),
        resource: world.app.config.resource(),
        redirect_uri: None,
        authenticated_at: None,
        expires_at: now.plus_seconds(seconds),
    };
    let mut tx = world.app.store.begin().await.unwrap();
    grants::add(&mut tx, &grant, now).await.unwrap();
    tx.commit().await.unwrap();
    grant.id
}

on_both_engines! {
    async fn a_client_made_by_an_administrator_is_found_as_it_was_made(world) {
        let minted = Secret::<ClientSecret>::mint();
        let asked = PreRegistration {
            name: "Portal".into(),
            redirect_uris: vec!["https://portal.example/cb".into()],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::ClientCredentials],
            scope: Some("catalog:read".into()),
            confidential: true,
            ..Default::default()
        };
        let new = pre_registered(&asked, secret::id(world.clock.now()), Some(minted.digest())).unwrap();
        clients::add(&world.app.store, &new, world.clock.now()).await.unwrap();
        let found = clients::find(&world.app.store, &new.id).await.unwrap().unwrap();
        assert_eq!((found.kind, found.name.as_str()), (ClientKind::PreRegistered, "Portal"));
        assert_eq!(found.metadata, new.metadata);
        assert!(found.secret_digest.unwrap().matches(&minted.digest()));
        assert!(clients::find(&world.app.store, &new.id.to_uppercase()).await.unwrap().is_none(), "to the letter");
        let taken = clients::add(&world.app.store, &new, world.clock.now()).await.unwrap_err();
        assert!(matches!(taken, postern::store::Error::Database(e) if postern::store::is_conflict(&e)));
    }

    async fn use_is_noted_once_an_hour(world) {
        self_registered(&world, "c1").await;
        let used = async || clients::find_row(&world.app.store, "c1").await.unwrap().unwrap().used_at;
        assert_eq!(used().await, None);
        let first = world.clock.now();
        clients::touch(&world.app.store, "c1", first).await.unwrap();
        world.clock.advance(limits::CLIENT_USED_SECONDS);
        clients::touch(&world.app.store, "c1", world.clock.now()).await.unwrap();
        assert_eq!(used().await, Some(first));
        world.clock.advance(1);
        clients::touch(&world.app.store, "c1", world.clock.now()).await.unwrap();
        assert_eq!(used().await, Some(world.clock.now()));
    }

    async fn a_revoked_client_is_revoked_for_good_with_all_its_grants_and_the_news_tells(world) {
        self_registered(&world, "c1").await;
        self_registered(&world, "c2").await;
        let (one, two, other) = (grant(&world, "c1", 60).await, grant(&world, "c1", 60).await, grant(&world, "c2", 60).await);
        let stop = tokio_util::sync::CancellationToken::new();
        let elsewhere = postern::store::Store::open(&world.app.config).await.unwrap();
        let mut news = elsewhere.subscribe();
        let listening = tokio::spawn(elsewhere.clone().listen(world.app.config.clone(), world.clock.clone(), stop.clone()));
        while news.recv().await.unwrap() != Event::Trusted {}
        let now = world.clock.now();
        let mut tx = world.app.store.begin().await.unwrap();
        let mut ended = clients::revoke(&mut tx, &world.app.store, "c1", "admin", now).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        ended.sort_unstable();
        let mut expected = vec![one.clone(), two];
        expected.sort_unstable();
        assert_eq!(ended, expected);
        let told = async { while news.recv().await.unwrap() != Event::ClientRevoked("c1".into()) {} };
        tokio::time::timeout(std::time::Duration::from_secs(5), told).await.unwrap();
        stop.cancel();
        listening.await.unwrap();
        assert!(!clients::find(&world.app.store, "c1").await.unwrap().unwrap().is_active());
        assert!(!grants::is_live(&world.app.store, &one, "t").await.unwrap());
        assert!(grants::is_live(&world.app.store, &other, "t").await.unwrap());
        let mut tx = world.app.store.begin().await.unwrap();
        assert_eq!(clients::revoke(&mut tx, &world.app.store, "c1", "admin", now).await.unwrap(), None);
        assert!(!clients::suspend(&mut tx, &world.app.store, "c1", true, now).await.unwrap());
        assert_eq!(clients::revoke(&mut tx, &world.app.store, "nobody", "admin", now).await.unwrap(), None);
    }

    async fn a_suspended_client_is_refused_until_it_may_go_on(world) {
        self_registered(&world, "c1").await;
        let id = grant(&world, "c1", 60).await;
        for (suspended, live) in [(true, false), (false, true)] {
            let mut tx = world.app.store.begin().await.unwrap();
            assert!(clients::suspend(&mut tx, &world.app.store, "c1", suspended, world.clock.now()).await.unwrap());
            assert!(!clients::suspend(&mut tx, &world.app.store, "c1", suspended, world.clock.now()).await.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(grants::is_live(&world.app.store, &id, "t").await.unwrap(), live);
        }
    }

    async fn clients_that_came_by_themselves_and_are_not_used_go_and_never_while_a_grant_lives(world) {
        for id in ["never", "used", "granted"] {
            self_registered(&world, id).await;
        }
        let asked = PreRegistration { name: "Ours".into(), redirect_uris: vec!["https://ours.example/".into()], ..Default::default() };
        clients::add(&world.app.store, &pre_registered(&asked, "ours".into(), None).unwrap(), world.clock.now()).await.unwrap();
        grant(&world, "granted", limits::CLIENT_UNUSED_SECONDS * 2).await;
        clients::touch(&world.app.store, "used", world.clock.now()).await.unwrap();
        let left = async || {
            let mut ids: Vec<String> = clients::list(&world.app.store).await.unwrap().into_iter().map(|row| row.client.id).collect();
            ids.sort_unstable();
            ids
        };
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(left().await, ["granted", "never", "ours", "used"]);
        world.clock.advance(limits::CLIENT_NEVER_USED_SECONDS + 1);
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(left().await, ["granted", "ours", "used"]);
        world.clock.advance(limits::CLIENT_UNUSED_SECONDS);
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(left().await, ["granted", "ours"]);
        world.clock.advance(limits::CLIENT_UNUSED_SECONDS);
        postern::ops::sweep::once(&world.app).await.unwrap();
        assert_eq!(left().await, ["ours"]);
    }
}
