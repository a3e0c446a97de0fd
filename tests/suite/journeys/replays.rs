//! What may be used once is used once, however many ask and on whichever node.

use postern::ops::sweep;
use postern::store::Store;
use postern::store::replays::{Kind, use_once};

on_both_engines! {
    async fn of_many_at_once_on_two_nodes_one_is_the_first(world) {
        let elsewhere = Store::open(&world.app.config).await.unwrap();
        let until = world.clock.now().plus_seconds(60);
        for round in 0..5 {
            let all = (0..50).map(|n| {
                let store = if n % 2 == 0 { world.app.store.clone() } else { elsewhere.clone() };
                tokio::spawn(async move {
                    use_once(&store, Kind::ClientAssertion, "client", &round.to_string(), until).await.unwrap()
                })
            });
            let mut first = 0;
            for one in all.collect::<Vec<_>>() {
                first += usize::from(one.await.unwrap());
            }
            assert_eq!(first, 1, "round {round}");
        }
    }

    async fn another_kind_another_issuer_or_another_id_is_another_thing(world) {
        let until = world.clock.now().plus_seconds(60);
        for (kind, issuer, id) in [
            (Kind::ClientAssertion, "a", "1"),
            (Kind::DpopProof, "a", "1"),
            (Kind::IdentityAssertion, "a", "1"),
            (Kind::ClientAssertion, "b", "1"),
            (Kind::ClientAssertion, "a", "2"),
        ] {
            assert!(use_once(&world.app.store, kind, issuer, id, until).await.unwrap(), "{kind:?} {issuer} {id}");
            assert!(!use_once(&world.app.store, kind, issuer, id, until).await.unwrap(), "{kind:?} {issuer} {id}");
        }
    }

    async fn a_use_is_remembered_until_its_end_and_then_swept(world) {
        let until = world.clock.now().plus_seconds(60);
        let again = async || use_once(&world.app.store, Kind::DpopProof, "k", "1", until).await.unwrap();
        assert!(again().await);
        for seconds in [60, postern::limits::ASSERTION_SKEW_SECONDS] {
            world.clock.advance(seconds);
            sweep::once(&world.app).await.unwrap();
            assert!(!again().await, "still there at its end, and while a slow clock could take it for later");
        }
        world.clock.advance(1);
        sweep::once(&world.app).await.unwrap();
        assert!(again().await);
    }
}
