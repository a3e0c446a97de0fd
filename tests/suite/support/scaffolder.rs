//! A world with templates of its own, and the scaffolder's actions called as a person's client would.

use std::path::Path;
use std::sync::Arc;

use postern::actions::turn::Turn;
use postern::actions::{Caller, Outcome};
use postern::scaffolder::worker;
use serde_json::{Value, json};

use super::World;
use super::people::PASSWORD;

/// Writes a template as [`write_template`] does, and has it read.
pub fn add_template(world: &World, folder: &Path, name: &str, spec: &Value, files: &[(&str, &str)]) {
    write_template(folder, name, spec, files);
    let problems = world.app.catalog.refresh().problems;
    assert!(problems.iter().all(|p| p.severity != postern::catalog::load::Severity::Error), "{problems:#?}");
}

/// Writes a template, with its files beside it, into the catalog's folder `folder`.
pub fn write_template(folder: &Path, name: &str, spec: &Value, files: &[(&str, &str)]) {
    let entity = json!({
        "apiVersion": "scaffolder.backstage.io/v1beta3", "kind": "Template", "metadata": {"name": name, "title": name},
        "spec": spec,
    });
    let place = folder.join(name);
    for (path, text) in files {
        let path = place.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(
        place.join("template.yaml"),
        format!("apiVersion: {}\n{}", "scaffolder.backstage.io/v1beta3", yaml_of(&entity)),
    )
    .unwrap();
}

/// The rest of an entity: JSON members are YAML.
fn yaml_of(entity: &Value) -> String {
    ["kind", "metadata", "spec"].map(|name| format!("{name}: {}\n", entity[name])).concat()
}

/// A world whose catalog is `folder`.
pub async fn with_catalog(world: World, folder: &Path) -> World {
    world.restarted(&[("catalog.paths", &folder.display().to_string())]).await
}

/// Somebody with an account, signed in at this server.
pub async fn person(world: &World, email: &str) -> Arc<Caller> {
    let user = world.user(email, PASSWORD).await;
    Arc::new(Caller {
        subject: user.id,
        username: email.to_owned(),
        is_user: true,
        client_id: String::new(),
        grant_id: String::new(),
        scopes: "catalog:read catalog:write scaffolder:read scaffolder:run".parse().unwrap(),
        resource: "http://localhost:8787/mcp".to_owned(),
        restrictions: None,
        rights: None,
    })
}

/// Calls an action.
pub async fn call(world: &World, caller: &Arc<Caller>, id: &str, arguments: Value) -> Outcome {
    let action = world.app.actions.find(id).unwrap_or_else(|| panic!("no {id}"));
    (action.run)(Turn::unheard(Arc::clone(caller)), arguments).await
}

/// Begins a task, and gives its id.
pub async fn begin(world: &World, caller: &Arc<Caller>, name: &str, values: Value, secrets: Value) -> String {
    let arguments =
        json!({"templateRef": format!("template:default/{name}"), "values": values, "secrets": secrets});
    let begun = call(world, caller, "scaffolder:execute-template", arguments).await.unwrap();
    begun["taskId"].as_str().unwrap().to_owned()
}

/// Runs whatever waits, here.
pub async fn run_all(world: &World) {
    while worker::run_one(&world.app.scaffolder).await.unwrap() {}
}

/// How a task stands.
pub async fn task(world: &World, caller: &Arc<Caller>, id: &str) -> Value {
    call(world, caller, "scaffolder:get-task", json!({ "taskId": id })).await.unwrap()
}

/// What it said.
pub async fn log(world: &World, caller: &Arc<Caller>, id: &str) -> String {
    let events =
        call(world, caller, "scaffolder:get-scaffolder-task-logs", json!({ "taskId": id })).await.unwrap();
    let lines = events["events"].as_array().unwrap().iter();
    lines
        .map(|e| format!("{} {}\n", e["type"].as_str().unwrap(), e["body"]["message"].as_str().unwrap()))
        .collect()
}
