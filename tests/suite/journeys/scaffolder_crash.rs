//! kill -9 in the middle of a task of the real binary, and another process that goes on.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::real::Real;
use crate::support::scaffolder::{begin, log, person, task, write_template};

async fn until(
    real: &Real,
    caller: &std::sync::Arc<postern::actions::Caller>,
    id: &str,
    said: &str,
    seconds: u64,
) -> String {
    let began = std::time::Instant::now();
    loop {
        let text = log(&real.world, caller, id).await;
        if text.contains(said) {
            return text;
        }
        assert!(began.elapsed() < Duration::from_secs(seconds), "{said:?} is not in\n{text}\n{}", real.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The node dies after a repository was made and while a later step runs. The next one makes the files again, leaves the
/// repository as it is, runs the interrupted step once more since it is harmless, and comes to the end.
async fn a_task_outlives_its_node(database: Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = folder.path().display().to_string();
    let env = [("POSTERN_CATALOG_PATHS", paths.as_str())];
    let spec = json!({"owner": "user:a", "type": "t", "steps": [
        {"id": "fetch", "action": "fetch:plain", "input": {"url": "./skeleton"}},
        {"id": "publish", "action": "publish:local", "input": {"repo": "outlives"}},
        {"id": "wait", "action": "debug:wait", "input": {"seconds": 4}},
        {"id": "list", "action": "debug:log", "input": {"message": "${{ steps.publish.output.commitHash }}", "listWorkspace": true}},
    ], "output": {"hash": "${{ steps.publish.output.commitHash }}"}});
    write_template(folder.path(), "outlives", &spec, &[("skeleton/a.txt", "a")]);
    let mut real = Real::start(database.clone(), &env).await;
    // The world over the same rows knows the template too.
    let world = std::mem::replace(&mut real.world, crate::support::World::sqlite().await);
    let place = world.dir.path().to_owned();
    real.world = crate::support::scaffolder::with_catalog(world, folder.path()).await;
    let ada = person(&real.world, "ada@acme.dev").await;
    let id = begin(&real.world, &ada, "outlives", json!({}), json!({})).await;
    until(&real, &ada, &id, "Waiting for 4 seconds", 20).await;
    assert!(Command::new("kill").args(["-9", &real.id().to_string()]).status().unwrap().success());
    assert!(place.join("repositories/outlives.git/HEAD").exists());
    let left = std::fs::read_dir(place.join("workspaces")).unwrap().count();
    assert_eq!(left, 1, "the dead node's workspace lies there");
    real.again(database, &env).await;
    let text = until(&real, &ada, &id, "completion Run completed", 60).await;
    let done = task(&real.world, &ada, &id).await;
    assert_eq!(done["status"], "completed", "{text}\n{}", real.log());
    assert_eq!(text.matches("Made outlives.git").count(), 1, "{text}");
    assert_eq!(text.matches("Waiting for 4 seconds").count(), 2, "once more, and said: {text}");
    for part in [
        "recovered The node that ran this task stopped",
        "It was interrupted, and is run once more",
        "Making its files again",
        "  - a.txt",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(done["output"]["hash"].as_str().unwrap().len(), 40);
    let left = std::fs::read_dir(place.join("workspaces")).unwrap().count();
    assert_eq!(left, 0, "what a dead node left goes too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_its_node_sqlite() {
    a_task_outlives_its_node(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_its_node_postgres() {
    a_task_outlives_its_node(Some(crate::support::postgres::database().await)).await;
}
