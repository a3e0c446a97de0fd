//! The store on both engines.

use postern::audit::Fact;
use postern::clock::Time;
use postern::secret::{Digest, Refresh, Secret};
use postern::store;
use postern::store::events::Event;
use postern::store::refresh_tokens::{First, Successor};

async fn first(tx: &mut store::Tx, digest: &Digest, grant_id: &str, expires_at: Time, now: Time) {
    let first = First { digest, grant_id, key: None, expires_at };
    store::refresh_tokens::add(tx, &first, now).await.unwrap();
}

on_both_engines! {
    async fn a_store_answers_and_a_second_start_finds_its_keys(world) {
        world.app.store.ping().await.unwrap();
        let before = world.app.keys.load().signing().kid.clone();
        let (again, _) = postern::app::App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
        assert_eq!(again.keys.load().signing().kid, before);
    }

    async fn a_lost_encryption_key_stops_the_start_and_says_what_to_restore(world) {
        std::fs::remove_file(world.dir.path().join("encryption.key")).unwrap();
        let refused = postern::app::App::open(world.app.config.clone(), world.clock.clone()).await;
        let message = refused.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains("Restore it from your backup"), "{message}");
        assert!(!world.dir.path().join("encryption.key").exists(), "nothing is made in its place");
    }

    async fn the_audit_chain_holds_and_an_altered_row_breaks_it(world) {
        for outcome in ["ok", "refused"] {
            world.app.audit.record(Fact { event: "test.fact", outcome, ..Fact::default() }).await.unwrap();
        }
        assert_eq!(store::audit::verify(&world.app.store).await.unwrap(), Ok(2));
        sqlx::query("update audit set outcome = 'ok' where sequence = 2").execute(world.app.store.write()).await.unwrap();
        let broken = store::audit::verify(&world.app.store).await.unwrap().unwrap_err();
        assert!(broken.contains("row 2"), "{broken}");
    }

    /// Attack: an export's reader follows `previous_hash`, and so could be led past a row that this server counts.
    async fn a_row_that_names_another_before_it_breaks_the_chain(world) {
        for outcome in ["ok", "refused"] {
            world.app.audit.record(Fact { event: "test.fact", outcome, ..Fact::default() }).await.unwrap();
        }
        for (sequence, alter) in [
            (2, "update audit set previous_hash = hash where sequence = 2"),
            (1, "update audit set previous_hash = '' where sequence = 1"),
        ] {
            sqlx::query(alter).execute(world.app.store.write()).await.unwrap();
            let broken = store::audit::verify(&world.app.store).await.unwrap().unwrap_err();
            assert!(broken.contains(&format!("row {sequence}")), "{broken}");
        }
    }

    async fn a_busy_moment_is_chained_like_a_quiet_one(world) {
        for _ in 0..100 {
            world.app.audit.note(Fact { event: "test.fact", outcome: "ok", ..Fact::default() }).await;
        }
        world.app.audit.record(Fact { event: "test.last", outcome: "ok", ..Fact::default() }).await.unwrap();
        let written = async {
            while store::audit::verify(&world.app.store).await.unwrap() != Ok(101) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), written).await.unwrap();
    }

    /// Attack: the operator shortens the idle life, the living token ends and is swept, and the stolen one it replaced
    /// would pass for unspent.
    async fn a_spent_refresh_token_is_never_swept_back_to_life(world) {
        let (store, now) = (&world.app.store, world.clock.now());
        let (spent, living) = (Secret::<Refresh>::mint(), Secret::<Refresh>::mint());
        crate::support::mcp::granted(&world.app, "g1", "catalog:read").await;
        let mut tx = store.begin().await.unwrap();
        first(&mut tx, &spent.digest(), "g1", now.plus_seconds(1_000), now).await;
        tx.commit().await.unwrap();
        let (replaces, digest) = (spent.digest(), living.digest());
        let expires_at = now.plus_seconds(10);
        let next = Successor { replaces: &replaces, digest: &digest, answer: "", key: None, expires_at };
        assert!(store::refresh_tokens::rotate(store, &next, now).await.unwrap());
        let rows = async || {
            let row = sqlx::query("select count(*) from refresh_tokens").fetch_one(store.read()).await.unwrap();
            sqlx::Row::get::<i64, _>(&row, 0)
        };
        store::sweep::all(store, now.plus_seconds(500)).await.unwrap();
        assert_eq!(rows().await, 2, "the successor stays while what it replaced could be shown");
        store::sweep::all(store, now.plus_seconds(2_000)).await.unwrap();
        assert_eq!(rows().await, 0);
    }

    /// What was decided on a moment ago may have changed: the write itself repeats the conditions.
    async fn the_store_rotates_nothing_whose_grant_client_or_user_ended_meanwhile(world) {
        let (store, now) = (&world.app.store, world.clock.now());
        for (name, statement) in [
            ("g1", "update grants set revoked_at = 1 where id = $1"),
            ("g2", "update clients set suspended_at = 1 where id = $1"),
            ("g3", "update clients set revoked_at = 1 where id = $1"),
            ("g4", "update users set suspended_at = 1 where id = $1"),
            ("g5", "update grants set used_at = 1 where id = $1"),
        ] {
            crate::support::mcp::granted(&world.app, name, "catalog:read").await;
            let (spent, living) = (Secret::<Refresh>::mint().digest(), Secret::<Refresh>::mint().digest());
            let expires_at = now.plus_seconds(1_000);
            let mut tx = store.begin().await.unwrap();
            first(&mut tx, &spent, name, expires_at, now).await;
            tx.commit().await.unwrap();
            sqlx::query(statement).bind(name).execute(store.write()).await.unwrap();
            let next = Successor { replaces: &spent, digest: &living, answer: "", key: None, expires_at };
            assert_eq!(store::refresh_tokens::rotate(store, &next, now).await.unwrap(), name == "g5", "{name}");
        }
    }

    async fn news_of_another_process_arrives(world) {
        let stop = tokio_util::sync::CancellationToken::new();
        let mut news = world.app.store.subscribe();
        let listening = world.app.store.clone().listen(world.app.config.clone(), world.clock.clone(), stop.clone());
        let listening = tokio::spawn(listening);
        assert_eq!(next(&mut news).await, Event::Trusted);
        let elsewhere = store::Store::open(&world.app.config).await.unwrap();
        let mut tx = elsewhere.begin().await.unwrap();
        let event = Event::GrantRevoked("g1".into());
        store::events::record(&mut tx, elsewhere.engine(), &event, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        // What was told before may be told again; acting twice is harmless.
        while next(&mut news).await != event {}
        stop.cancel();
        listening.await.unwrap();
    }
}

async fn next(news: &mut tokio::sync::broadcast::Receiver<Event>) -> Event {
    tokio::time::timeout(std::time::Duration::from_secs(5), news.recv()).await.unwrap().unwrap()
}
