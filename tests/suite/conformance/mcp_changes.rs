//! MCP, list_changed and resources/updated: what clients that listen hear when the catalog turns to another index.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::World;
use crate::support::events::{Events, Legacy};
use crate::support::mcp::granted;
use crate::support::modern::{able, ask, request};

const SYSTEM: &str = "catalog://system/default/fleet";

fn write(folder: &Path, descriptors: &[&str]) {
    std::fs::write(folder.join("catalog-info.yaml"), descriptors.join("---\n")).unwrap();
}

fn system(name: &str, title: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {{name: {name}, title: {title}}}\nspec: {{owner: user:a}}\n"
    )
}

/// The catalog of `world` turns to what stands in `folder`.
fn turn(world: &World, folder: &Path) {
    world.app.catalog.replace(postern::catalog::load(&[folder.to_owned()]).entities);
}

async fn listen(world: &World, token: &str) -> Events {
    let filter = json!({"resourcesListChanged": true, "promptsListChanged": true, "toolsListChanged": true,
        "resourceSubscriptions": [SYSTEM, "catalog://system/default/other"]});
    let request =
        request(token, "subscriptions/listen", json!({"notifications": filter}), &able(), &Value::Null);
    let mut events = Events::open(&world.router, request).await;
    assert_eq!(events.expect().await.method(), "notifications/subscriptions/acknowledged");
    events
}

/// Everything that is told until nothing more comes for a moment.
async fn told(events: &mut Events) -> Vec<String> {
    let first = events.expect().await;
    let mut all = vec![first];
    while let Ok(Some(event)) =
        tokio::time::timeout(std::time::Duration::from_millis(400), events.next()).await
    {
        all.push(event);
    }
    let mut all: Vec<_> = all
        .iter()
        .map(|event| match event.json()["params"]["uri"].as_str() {
            Some(uri) => format!("{} {uri}", event.method()),
            None => event.method(),
        })
        .collect();
    all.sort();
    all
}

on_both_engines! {
    async fn a_catalog_that_turns_tells_who_listens_what_changed_for_them(world) {
        let folder = tempfile::tempdir().unwrap();
        let (fleet, other) = (system("fleet", "Fleet"), system("other", "Other"));
        write(folder.path(), &[&fleet, &other]);
        turn(&world, folder.path());
        let token = granted(&world.app, "ada", "catalog:read").await;
        let mut events = listen(&world, &token).await;
        // Who comes in the very moment after a turn may still hear of it.
        while !events.is_silent().await {}
        // Read again and found the same: nobody is told anything.
        turn(&world, folder.path());
        assert!(events.is_silent().await);
        write(folder.path(), &[&system("fleet", "Ships"), &other]);
        turn(&world, folder.path());
        let updated = format!("notifications/resources/updated {SYSTEM}");
        assert_eq!(told(&mut events).await, ["notifications/resources/list_changed".to_owned(), updated.clone()]);
        let read = ask(&world.router, &token, "resources/read", json!({"uri": SYSTEM})).await.result();
        assert!(read.to_string().contains("Ships"), "{read}");
        // What goes is told too, and a template is a prompt.
        let template = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: t}\nspec: {type: service, owner: user:a, parameters: [], steps: []}\n";
        write(folder.path(), &[&other, template]);
        turn(&world, folder.path());
        assert!(world.app.catalog.index().get("template:default/t").is_some());
        assert_eq!(told(&mut events).await, ["notifications/prompts/list_changed".to_owned(), "notifications/resources/list_changed".to_owned(), updated]);
    }

    async fn a_session_that_subscribed_hears_of_its_resource_and_one_that_comes_back_hears_what_it_missed(world) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[&system("fleet", "Fleet")]);
        turn(&world, folder.path());
        let token = granted(&world.app, "ada", "catalog:read").await;
        let client = Legacy::connect(&world.router, &token, "2025-11-25").await;
        client.ask("resources/subscribe", &format!("\"uri\":\"{SYSTEM}\"")).await.result();
        let mut events = client.get("").await;
        let opened = events.expect().await;
        world.clock.advance(1);
        write(folder.path(), &[&system("fleet", "Ships")]);
        turn(&world, folder.path());
        let updated = format!("notifications/resources/updated {SYSTEM}");
        assert!(told(&mut events).await.contains(&updated));
        drop(events);
        let mut again = client.get(&opened.id).await;
        again.expect().await;
        assert!(told(&mut again).await.contains(&updated), "since the id that it came back with");
    }
}
