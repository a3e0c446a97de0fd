//! Attacks on templates, their steps and their tasks.

use std::sync::Arc;

use postern::actions::Caller;
use postern::store::scaffolder_tasks;
use serde_json::{Value, json};

use crate::support::scaffolder::{add_template, begin, call, log, person, run_all, task, with_catalog};

fn steps(steps: Value) -> Value {
    json!({"owner": "user:a", "type": "t", "steps": steps, "parameters": {"properties": {"p": {"type": "string"}}}})
}

/// Every step with a path in what it is given, which is the parameter `p`.
fn steps_that_take_a_path() -> Vec<(&'static str, Value)> {
    vec![
        ("delete", json!({"action": "fs:delete", "input": {"files": ["${{ parameters.p }}"]}})),
        (
            "from",
            json!({"action": "fs:rename", "input": {"files": [{"from": "${{ parameters.p }}", "to": "x"}]}}),
        ),
        (
            "to",
            json!({"action": "fs:rename", "input": {"files": [{"from": "a.txt", "to": "${{ parameters.p }}"}]}}),
        ),
        ("readdir", json!({"action": "fs:readdir", "input": {"paths": ["${{ parameters.p }}"]}})),
        (
            "target",
            json!({"action": "fetch:plain", "input": {"url": "./skeleton", "targetPath": "${{ parameters.p }}"}}),
        ),
        (
            "file",
            json!({"action": "fetch:plain:file", "input": {"url": "./skeleton/a.txt", "targetPath": "${{ parameters.p }}"}}),
        ),
        (
            "source",
            json!({"action": "fetch:plain:file", "input": {"url": "${{ parameters.p }}", "targetPath": "x"}}),
        ),
        (
            "folder",
            json!({"action": "fetch:template", "input": {"url": "${{ parameters.p }}", "values": {}}}),
        ),
        (
            "named",
            json!({"action": "fetch:template", "input": {"url": "./named", "values": {"p": "${{ parameters.p }}"}}}),
        ),
        (
            "write",
            json!({"action": "catalog:write", "input": {"entity": {"kind": "X"}, "filePath": "${{ parameters.p }}"}}),
        ),
        ("publish", json!({"action": "publish:local", "input": {"repo": "${{ parameters.p }}"}})),
        (
            "branch",
            json!({"action": "publish:local", "input": {"repo": "r", "defaultBranch": "${{ parameters.p }}"}}),
        ),
    ]
}

/// A path that a person typed, or that a template names, leads out of the workspace, or through a link.
#[tokio::test]
async fn attack_a_path_leads_out_of_no_step() {
    let world = crate::support::World::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s3cret").unwrap();
    let catalog = folder.path().join("catalog");
    std::fs::create_dir(&catalog).unwrap();
    let world = with_catalog(world, &catalog).await;
    let ada = person(&world, "ada@acme.dev").await;
    for (name, step) in steps_that_take_a_path() {
        let first = json!({"id": "first", "action": "fetch:plain", "input": {"url": "./skeleton"}});
        let files = [("skeleton/a.txt", "a"), ("named/${{ values.p }}", "x")];
        add_template(&world, &catalog, name, &steps(json!([first, step])), &files);
        for path in ["../secret", "../../catalog", "/etc/passwd", "a/../../../secret", "..", "..\\secret"] {
            let id = begin(&world, &ada, name, json!({ "p": path }), json!({})).await;
            run_all(&world).await;
            let done = task(&world, &ada, &id).await;
            let absent = (name == "named" && path.starts_with('/')) || (name == "folder" && path == "..");
            // A file whose name comes out absolute is left out, as in Backstage; and the folder above the template is
            // the catalog's own, whose skeletons templates share.
            assert_eq!(
                done["status"],
                if absent { "completed" } else { "failed" },
                "{name} {path}: {done:#}"
            );
            assert!(!log(&world, &ada, &id).await.contains("s3cret"));
        }
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("secret")).unwrap(), "s3cret");
    let left: Vec<_> =
        std::fs::read_dir(world.dir.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| name != "secret"), "{left:?}");
}

/// A template calls into this machine, or into the network behind it.
#[tokio::test]
async fn attack_a_step_dials_no_private_address() {
    let world = crate::support::World::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let world = with_catalog(world, folder.path()).await;
    let ada = person(&world, "ada@acme.dev").await;
    let request = json!({"action": "http:request", "input": {"url": "${{ parameters.p }}"}});
    let fetch =
        json!({"action": "fetch:plain:file", "input": {"url": "${{ parameters.p }}", "targetPath": "x"}});
    for (name, step) in [("request", request), ("fetch", fetch)] {
        add_template(&world, folder.path(), name, &steps(json!([step])), &[]);
        for url in [
            "http://127.0.0.1:1/",
            "https://127.0.0.1/",
            "https://169.254.169.254/latest/",
            "https://localhost/",
            "https://0x7f.1/",
            "https://[::1]/",
            "file:///etc/passwd",
            "https://user:pw@example.com/",
        ] {
            let id = begin(&world, &ada, name, json!({ "p": url }), json!({})).await;
            run_all(&world).await;
            let done = task(&world, &ada, &id).await;
            assert_eq!(done["status"], "failed", "{name} {url}");
            let why = done["error"].as_str().unwrap();
            assert!(why.contains("could not be reached") || why.contains("only https"), "{url}: {why}");
        }
    }
}

on_both_engines! {
    /// A secret is where the step needs it, and in no row, log, output or error.
    async fn attack_a_secret_is_in_no_row_and_no_log(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        let spec = json!({"owner": "user:a", "type": "t",
            "parameters": {"properties": {"pin": {"type": "string", "ui:field": "Secret"}, "note": {"type": "string"}}},
            "steps": [
                {"id": "say", "action": "debug:log", "input": {"message": "token ${{ secrets.TOKEN }} pin ${{ parameters.pin }}"}},
                {"id": "write", "action": "catalog:write", "input": {"entity": {"t": "${{ secrets.TOKEN }}"}}},
                {"id": "list", "action": "catalog:fetch", "input": {"entityRef": "x:${{ secrets.TOKEN }}", "optional": true}},
                {"id": "each", "each": ["${{ parameters.pin }}"], "action": "debug:log", "input": {"message": "${{ each.value }}"}},
                {"id": "fail", "action": "fs:rename", "input": {"files": [{"from": "${{ secrets.TOKEN }}", "to": "b"}]}},
            ],
            "output": {"t": "${{ parameters.pin }}"}});
        add_template(&world, folder.path(), "secret", &spec, &[]);
        let ada = person(&world, "ada@acme.dev").await;
        let values = json!({"pin": "pin-8765", "note": "pasted tok-hunter2 here"});
        let id = begin(&world, &ada, "secret", values, json!({"TOKEN": "tok-hunter2"})).await;
        let whole = async || {
            let rows = sqlx::query("select * from scaffolder_tasks").fetch_all(world.app.store.read()).await.unwrap();
            let lines = sqlx::query("select * from scaffolder_events").fetch_all(world.app.store.read()).await.unwrap();
            let text = |row: &sqlx::any::AnyRow| {
                use sqlx::Row as _;
                (0..row.len()).filter_map(|at| row.try_get::<Option<String>, _>(at).ok().flatten()).collect::<Vec<_>>().join("\n")
            };
            rows.iter().chain(&lines).map(text).collect::<Vec<_>>().join("\n")
        };
        let check = |text: &str| assert!(!text.contains("hunter2") && !text.contains("8765"), "{text}");
        check(&whole().await);
        run_all(&world).await;
        let (done, said) = (task(&world, &ada, &id).await, log(&world, &ada, &id).await);
        assert_eq!(done["status"], "failed", "{said}");
        assert!(said.contains("token *** pin ***"), "{said}");
        for text in [whole().await, said, done.to_string()] {
            check(&text);
        }
        // Forgotten once it has ended: a retry needs it again.
        let refused = call(&world, &ada, "scaffolder:retry-task", json!({ "taskId": id })).await.unwrap_err();
        assert!(refused.to_string().contains("give them again"), "{refused}");
        let again = json!({"taskId": id, "secrets": {"TOKEN": "tok-other"}});
        call(&world, &ada, "scaffolder:retry-task", again).await.unwrap();
        run_all(&world).await;
        assert!(!whole().await.contains("tok-other"));
    }

    /// To somebody else a task is not there, whatever they ask.
    async fn attack_a_task_of_somebody_else_is_not_found(world) {
        let (ada, eve) = (person(&world, "ada@acme.dev").await, person(&world, "eve@acme.dev").await);
        let id = begin(&world, &ada, "harbour-page", json!({"code": "BGO", "harbour": "Bergen"}), json!({})).await;
        for action in ["get-task", "get-scaffolder-task-logs", "cancel-task", "retry-task", "wait-for-task"] {
            let theirs = call(&world, &eve, &format!("scaffolder:{action}"), json!({ "taskId": id })).await.unwrap_err();
            let none = call(&world, &eve, &format!("scaffolder:{action}"), json!({"taskId": "nosuch"})).await.unwrap_err();
            assert_eq!(theirs.to_string().replace(&id, "nosuch"), none.to_string(), "{action}");
            assert!(theirs.to_string().starts_with("NotFoundError"), "{theirs}");
        }
        let listed = call(&world, &eve, "scaffolder:list-scaffolder-tasks", json!({})).await.unwrap();
        assert_eq!(listed["totalTasks"], 0);
        assert_eq!(task(&world, &ada, &id).await["status"], "open", "nothing was done to it");
    }

    /// A step can do no more than the token that asked for the task; and nothing once its owner is kept out.
    async fn attack_a_step_has_the_rights_of_its_caller_and_no_others(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        let refresh = json!({"id": "r", "action": "catalog:refresh-catalog-entity", "input": {"kind": "template", "name": "refresh"}});
        add_template(&world, folder.path(), "refresh", &steps(json!([refresh])), &[]);
        let again = json!({"id": "r", "action": "scaffolder:execute-template", "input": {"templateRef": "template:default/again", "values": {}}});
        add_template(&world, folder.path(), "again", &steps(json!([again])), &[]);
        let ada = person(&world, "ada@acme.dev").await;
        let reader = Arc::new(Caller { scopes: "catalog:read scaffolder:run".parse().unwrap(), ..Caller::clone(&ada) });
        let rules = Arc::from([postern::actions::filter::Rule::word("plugin:scaffolder").unwrap()]);
        let kept = Arc::new(Caller { restrictions: Some(rules), ..Caller::clone(&ada) });
        for (caller, expected) in [(&ada, "completed"), (&reader, "failed"), (&kept, "failed")] {
            let id = begin(&world, caller, "refresh", json!({}), json!({})).await;
            run_all(&world).await;
            let done = task(&world, &ada, &id).await;
            assert_eq!(done["status"], expected, "{done:#}");
        }
        // Nor does a template of their own read what they may not.
        let text = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: a}\nspec:\n  type: t\n  owner: user:a\n  steps:\n    - {id: a, action: 'catalog:fetch', input: {entityRef: 'template:default/refresh'}}\n  output: {e: '${{ steps.a.output.entity }}'}\n";
        for (scopes, reads) in [("scaffolder:read catalog:read", true), ("scaffolder:read", false)] {
            let caller = Arc::new(Caller { scopes: scopes.parse().unwrap(), ..Caller::clone(&ada) });
            let tried = call(&world, &caller, "scaffolder:dry-run-template", json!({"templateYaml": text})).await.unwrap();
            assert_eq!(tried["valid"], reads, "{tried}");
        }
        // A task that begins tasks would never end.
        let id = begin(&world, &ada, "again", json!({}), json!({})).await;
        run_all(&world).await;
        assert!(task(&world, &ada, &id).await["error"].as_str().unwrap().contains("not registered"));
        let id = begin(&world, &ada, "refresh", json!({}), json!({})).await;
        sqlx::query("update users set suspended_at = 1 where id = $1").bind(&ada.subject).execute(world.app.store.write()).await.unwrap();
        run_all(&world).await;
        assert!(task(&world, &ada, &id).await["error"].as_str().unwrap().contains("suspended"));
        let ended = Arc::new(Caller { grant_id: "0199-gone".into(), ..Caller::clone(&ada) });
        let id = begin(&world, &ended, "refresh", json!({}), json!({})).await;
        run_all(&world).await;
        assert!(task(&world, &ada, &id).await["error"].as_str().unwrap().contains("has ended"));
    }

    /// One person's tasks are bounded, and so is what one says.
    async fn attack_one_person_fills_neither_the_queue_nor_the_log(world) {
        let ada = person(&world, "ada@acme.dev").await;
        let values = json!({"code": "BGO", "harbour": "Bergen"});
        for _ in 0..postern::limits::SCAFFOLDER_OPEN_PER_OWNER_MAX {
            begin(&world, &ada, "harbour-page", values.clone(), json!({})).await;
        }
        let more = json!({"templateRef": "harbour-page", "values": values});
        let refused = call(&world, &ada, "scaffolder:execute-template", more.clone()).await.unwrap_err();
        assert!(refused.to_string().starts_with("ConflictError"), "{refused}");
        let eve = person(&world, "eve@acme.dev").await;
        call(&world, &eve, "scaffolder:execute-template", more).await.unwrap();
        let (all, total) = scaffolder_tasks::page(&world.app.store, &ada.subject, &[], (5, 0)).await.unwrap();
        assert_eq!((all.len(), total), (5, postern::limits::SCAFFOLDER_OPEN_PER_OWNER_MAX));
    }
}

/// What Backstage answers with a bare 500 is a reason here.
#[tokio::test]
async fn a_call_that_cannot_be_done_says_why() {
    let world = crate::support::World::sqlite().await;
    let ada = person(&world, "ada@acme.dev").await;
    for (arguments, parts) in [
        (
            json!({"templateRef": "template:default/quay-servce", "values": {}}),
            vec!["NotFoundError", "quay-service"],
        ),
        (
            json!({"templateRef": "quay-service", "values": {}}),
            vec!["InputError", "name: is required", "owner: is required"],
        ),
        (
            json!({"templateRef": "quay-service", "values": {"name": "A", "owner": "x", "port": 1}}),
            vec!["name:", "port:"],
        ),
        (json!({"templateRef": "component:default/arrivals-service", "values": {}}), vec!["NotFoundError"]),
    ] {
        let refused =
            call(&world, &ada, "scaffolder:execute-template", arguments).await.unwrap_err().to_string();
        for part in parts {
            assert!(refused.contains(part), "{part}: {refused}");
        }
    }
    assert_eq!(
        call(&world, &ada, "scaffolder:list-scaffolder-tasks", json!({})).await.unwrap()["totalTasks"],
        0
    );
}
