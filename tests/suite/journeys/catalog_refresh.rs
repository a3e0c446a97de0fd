//! The catalog of a running server follows its files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use postern::ops::refresh;
use postern::store::events::{self, Event};

use crate::support::World;

fn describe(folder: &Path, name: &str) {
    let text = format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {{name: {name}}}\nspec: {{type: team, children: []}}\n"
    );
    fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
}

/// Waits for the entity, at most five seconds.
async fn appears(world: &World, name: &str) -> bool {
    for _ in 0..500 {
        if world.app.catalog.index().get(&format!("group:default/{name}")).is_some() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

on_both_engines! {
    async fn a_server_looks_again_when_any_node_is_asked_and_whoever_follows_hears_of_it(world) {
        let folder = tempfile::tempdir().unwrap();
        describe(folder.path(), "first");
        let paths = folder.path().display().to_string();
        let world = world.restarted(&[("catalog.paths", &paths), ("catalog.refresh_seconds", "0")]).await;
        assert!(appears(&world, "first").await);
        let stop = world.app.stopping.clone();
        let running = tokio::spawn(refresh::run(world.app.clone(), stop.clone()));
        let mut turns = world.app.catalog.follow();
        turns.mark_unchanged();
        tokio::time::sleep(Duration::from_millis(50)).await;
        describe(folder.path(), "second");
        events::announce(&world.app.store, &Event::CatalogRefresh, world.clock.now()).await.unwrap();
        assert!(appears(&world, "second").await);
        assert!(turns.has_changed().unwrap(), "whoever follows the catalog hears of it");
        // An action that asks does not wait for the disk.
        describe(folder.path(), "third");
        world.app.catalog.want_refresh();
        assert!(appears(&world, "third").await);
        stop.cancel();
        running.await.unwrap();
    }
}

#[tokio::test]
async fn a_catalog_that_is_read_too_often_is_refused_with_the_least() {
    use postern::config::{Config, Flags, Raw};
    let refused = |seconds: &str| {
        let set = vec![("catalog.refresh_seconds".to_owned(), seconds.to_owned())];
        Config::from_raw(&Raw::read(&Flags { file: None, set }, |_| None).unwrap())
            .err()
            .map(|e| e.to_string())
    };
    assert!(refused("1").unwrap().contains("less than 5"));
    assert!(refused("often").is_some());
    assert_eq!((refused("0"), refused("5")), (None, None));
}
