//! Templates run to a repository that git reads; tasks are cancelled, retried, and taken up where a node died.

use postern::scaffolder::worker;
use postern::store::scaffolder_runs as runs;
use serde_json::{Value, json};

use crate::support::scaffolder::{add_template, begin, call, log, person, run_all, task, with_catalog};

/// What `git clone` finds in a repository.
pub fn cloned(url: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let done = std::process::Command::new("git")
        .args(["clone", "--quiet", url, "made"])
        .current_dir(folder.path())
        .output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let root = folder.path().join("made");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if entry.file_name() == ".git" => {}
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(&root).unwrap().display().to_string();
                    found.push((name, std::fs::read_to_string(path).unwrap()));
                }
            }
        }
    }
    found.sort();
    found
}

fn everything() -> Value {
    json!({
        "owner": "user:a", "type": "service",
        "parameters": [{"required": ["name"], "properties": {
            "name": {"type": "string", "pattern": "^[a-z-]+$"}, "port": {"type": "integer", "default": 8080},
            "tags": {"type": "array", "default": ["a", "b"]}, "skip": {"type": "boolean", "default": false}}}],
        "steps": [
            {"id": "fetch", "name": "Fetch", "action": "fetch:template", "input": {
                "url": "./skeleton", "copyWithoutTemplating": ["raw/**"],
                "values": {"name": "${{ parameters.name }}", "port": "${{ parameters.port }}", "tags": "${{ parameters.tags }}"}}},
            {"id": "plain", "action": "fetch:plain", "input": {"url": "./plain", "targetPath": "docs"}},
            {"id": "rename", "action": "fs:rename", "input": {"files": [{"from": "docs/a.md", "to": "docs/${{ parameters.name }}.md"}]}},
            {"id": "delete", "action": "fs:delete", "input": {"files": ["docs/*.tmp"]}},
            {"id": "entity", "action": "catalog:write", "input": {"entity": {"kind": "Component", "metadata": {"name": "${{ parameters.name }}"}}}},
            {"id": "each", "each": "${{ parameters.tags }}", "action": "debug:log", "input": {"message": "tag ${{ each.value }} ${{ each.key }}"}},
            {"id": "never", "if": "${{ parameters.skip }}", "action": "debug:log", "input": {"message": "never said"}},
            {"id": "who", "action": "auth:who-am-i"},
            {"id": "publish", "name": "Publish", "action": "publish:local", "input": {"repo": "${{ parameters.name }}"}},
            {"id": "tell", "action": "debug:log", "input": {"message": "for ${{ user.ref }} at ${{ steps.publish.output.remoteUrl }}", "listWorkspace": true}},
        ],
        "output": {"remoteUrl": "${{ steps.publish.output.remoteUrl }}", "who": "${{ steps.who.output.userInfo.userEntityRef }}",
            "links": [{"title": "yes", "url": "${{ steps.publish.output.remoteUrl }}"}, {"title": "no", "if": "${{ parameters.skip }}"}]},
    })
}

const FILES: &[(&str, &str)] = &[
    (
        "skeleton/README.md",
        "# ${{ values.name }} on ${{ values.port }}: {{ plain }} {% for t in values.tags %}[${{ t }}]{% endfor %}\n",
    ),
    ("skeleton/src/${{ values.name }}.rs", "fn main() {}\n"),
    ("skeleton/raw/${{ values.name }}.txt", "${{ values.name }} stays\n"),
    ("skeleton/${{ 'x.txt' if values.port > 9000 }}", "left out\n"),
    ("skeleton/.github/ci.yml", "on: push\n"),
    ("plain/a.md", "${{ values.name }} is not touched\n"),
    ("plain/b.tmp", "gone\n"),
];

on_both_engines! {
    async fn a_template_runs_to_a_repository_that_git_clones(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        add_template(&world, folder.path(), "everything", &everything(), FILES);
        let ada = person(&world, "ada@acme.dev").await;
        let id = begin(&world, &ada, "everything", json!({"name": "shop"}), json!({})).await;
        assert_eq!(task(&world, &ada, &id).await["status"], "open");
        run_all(&world).await;
        let done = task(&world, &ada, &id).await;
        let said = log(&world, &ada, &id).await;
        assert_eq!(done["status"], "completed", "{done:#}\n{said}");
        assert_eq!(done["output"]["links"].as_array().unwrap().len(), 1);
        assert_eq!(done["output"]["who"], "user:default/ada");
        assert_eq!(done["steps"][6]["status"], "skipped");
        let files = cloned(done["output"]["remoteUrl"].as_str().unwrap());
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [".github/ci.yml", "README.md", "catalog-info.yaml", "docs/shop.md", "raw/shop.txt", "src/shop.rs"]);
        let text = |name: &str| files.iter().find(|(n, _)| n == name).unwrap().1.as_str();
        assert_eq!(text("README.md"), "# shop on 8080: {{ plain }} [a][b]\n");
        assert_eq!(text("raw/shop.txt"), "${{ values.name }} stays\n");
        assert_eq!(text("docs/shop.md"), "${{ values.name }} is not touched\n");
        assert!(text("catalog-info.yaml").contains("name: shop"));
        for part in ["Starting up task with 10 steps", "Beginning step Fetch", "tag b 1", "completion Run completed with status: completed"] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        assert!(!said.contains("never said"));
        assert_eq!(std::fs::read_dir(world.dir.path().join("workspaces")).unwrap().count(), 0, "the workspace is gone");
    }

    /// Three that come with the sample and the demo run for real; their forms' defaults are enough.
    async fn the_sample_templates_run(world) {
        let ada = person(&world, "ada@acme.dev").await;
        for (name, values) in [
            ("quay-service", json!({"name": "lane-counter", "owner": "fleet", "withDatabase": true})),
            ("harbour-page", json!({"code": "BGO", "harbour": "Bergen"})),
            ("runbook", json!({"component": "component:default/arrivals-service", "severity": "wakes-somebody"})),
        ] {
            let id = begin(&world, &ada, name, values, json!({})).await;
            run_all(&world).await;
            let done = task(&world, &ada, &id).await;
            assert_eq!(done["status"], "completed", "{done:#}");
            assert!(!done["output"]["text"][0]["content"].as_str().unwrap().is_empty());
        }
    }

    async fn what_fails_stops_the_rest_but_what_asks_for_failure(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        let say = |id: &str, condition: &str| json!({"id": id, "if": condition, "action": "debug:log", "input": {"message": format!("said {id}")}});
        let spec = json!({"owner": "user:a", "type": "t", "steps": [
            say("first", "${{ not failure() }}"),
            {"id": "breaks", "name": "Breaks", "action": "fs:rename", "input": {"files": [{"from": "nosuch", "to": "b"}]}},
            {"id": "after", "action": "debug:log", "input": {"message": "said after"}},
            say("on-failure", "${{ failure() }}"), say("always", "${{ always() }}"), say("not-so", "${{ failure() and false }}"),
            {"id": "breaks-too", "if": "${{ always() }}", "action": "fs:rename", "input": {"files": [{"from": "other", "to": "b"}]}},
        ]});
        add_template(&world, folder.path(), "breaks", &spec, &[]);
        let ada = person(&world, "ada@acme.dev").await;
        let id = begin(&world, &ada, "breaks", json!({}), json!({})).await;
        run_all(&world).await;
        let (done, said) = (task(&world, &ada, &id).await, log(&world, &ada, &id).await);
        assert_eq!(done["status"], "failed");
        assert!(done["error"].as_str().unwrap().contains("nosuch"), "the first error is the task's: {done:#}");
        for (part, expected) in [("said first", true), ("said after", false), ("said on-failure", true), ("said always", true), ("said not-so", false)] {
            assert_eq!(said.contains(part), expected, "{part}\n{said}");
        }
    }

    async fn a_failed_task_is_retried_from_where_it_stopped_and_a_repository_is_made_once(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        let spec = json!({"owner": "user:a", "type": "t", "steps": [
            {"id": "fetch", "action": "fetch:plain", "input": {"url": "./skeleton"}},
            {"id": "publish", "action": "publish:local", "input": {"repo": "once"}},
            {"id": "look", "action": "fs:rename", "input": {"files": [{"from": "late.txt", "to": "b"}]}},
            {"id": "last", "action": "debug:log", "input": {"message": "${{ steps.publish.output.commitHash }}"}},
        ], "output": {"hash": "${{ steps.publish.output.commitHash }}"}});
        add_template(&world, folder.path(), "once", &spec, &[("skeleton/a.txt", "a")]);
        let ada = person(&world, "ada@acme.dev").await;
        let id = begin(&world, &ada, "once", json!({}), json!({})).await;
        run_all(&world).await;
        assert_eq!(task(&world, &ada, &id).await["status"], "failed");
        std::fs::write(folder.path().join("once/skeleton/late.txt"), "late").unwrap();
        call(&world, &ada, "scaffolder:retry-task", json!({ "taskId": id })).await.unwrap();
        run_all(&world).await;
        let (done, said) = (task(&world, &ada, &id).await, log(&world, &ada, &id).await);
        assert_eq!(done["status"], "completed", "{said}");
        assert_eq!(done["output"]["hash"].as_str().unwrap().len(), 40);
        assert_eq!(said.matches("Made once.git").count(), 1, "{said}");
        let refused = call(&world, &ada, "scaffolder:retry-task", json!({ "taskId": id })).await.unwrap_err();
        assert!(refused.to_string().starts_with("ConflictError"), "{refused}");
        // Another task does not touch what is there.
        let other = begin(&world, &ada, "once", json!({}), json!({})).await;
        run_all(&world).await;
        assert!(task(&world, &ada, &other).await["error"].as_str().unwrap().contains("already"));
    }

    async fn a_task_is_cancelled_before_it_begins_and_while_it_runs(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        let spec = json!({"owner": "user:a", "type": "t", "steps": [
            {"id": "wait", "action": "debug:wait", "input": {"seconds": 60}},
            {"id": "after", "action": "publish:local", "input": {"repo": "never"}},
        ]});
        add_template(&world, folder.path(), "slow", &spec, &[]);
        let ada = person(&world, "ada@acme.dev").await;
        let first = begin(&world, &ada, "slow", json!({}), json!({})).await;
        call(&world, &ada, "scaffolder:cancel-task", json!({ "taskId": first })).await.unwrap();
        assert_eq!(task(&world, &ada, &first).await["status"], "cancelled");
        let second = begin(&world, &ada, "slow", json!({}), json!({})).await;
        let house = world.app.scaffolder.clone();
        let running = tokio::spawn(async move { worker::run_one(&house).await.unwrap() });
        while !log(&world, &ada, &second).await.contains("Waiting for") {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        call(&world, &ada, "scaffolder:cancel-task", json!({ "taskId": second })).await.unwrap();
        assert!(running.await.unwrap());
        let done = task(&world, &ada, &second).await;
        assert_eq!((done["status"].as_str(), done["steps"][1]["status"].as_str()), (Some("cancelled"), Some("open")));
        assert!(!world.dir.path().join("repositories").exists());
        let again = call(&world, &ada, "scaffolder:cancel-task", json!({ "taskId": second })).await.unwrap_err();
        assert!(again.to_string().starts_with("ConflictError"), "{again}");
    }

    async fn two_nodes_never_have_one_task_at_once_and_one_that_died_is_followed(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        let spec = json!({"owner": "user:a", "type": "t", "steps": [{"id": "a", "action": "debug:log", "input": {"message": "a"}}]});
        add_template(&world, folder.path(), "short", &spec, &[]);
        let ada = person(&world, "ada@acme.dev").await;
        for _ in 0..5 {
            begin(&world, &ada, "short", json!({}), json!({})).await;
        }
        let store = &world.app.store;
        let now = world.clock.now();
        let claims = (0..20).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { runs::claim(&store, &format!("lease-{n}"), now).await.unwrap() })
        });
        let mut claimed: Vec<String> = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            claimed.extend(claim.await.unwrap().map(|task| task.asked.id));
        }
        claimed.sort();
        let all = claimed.len();
        claimed.dedup();
        assert_eq!((claimed.len(), all <= 5), (all, true), "no task was claimed twice");
        // Some may have met at one row; the rest are free still, and then none is.
        while let Some(task) = runs::claim(store, "late", now).await.unwrap() {
            assert!(!claimed.contains(&task.asked.id));
            claimed.push(task.asked.id);
        }
        assert_eq!(claimed.len(), 5);
        // A lease that has run out is another's, and who had it writes nothing any more.
        world.clock.advance(postern::limits::SCAFFOLDER_LEASE_SECONDS + 1);
        let now = world.clock.now();
        let taken = runs::claim(store, "second", now).await.unwrap().unwrap();
        assert_eq!(taken.recoveries, 1);
        let id = taken.asked.id.as_str();
        for lease in ["lease-0", "late", "nobody"] {
            assert_eq!(runs::heartbeat(store, (id, lease), &[], now).await.unwrap(), None, "{lease}");
            assert!(!runs::step(store, (id, lease), (0, true), None, &[], now).await.unwrap());
        }
        assert_eq!(runs::heartbeat(store, (id, "second"), &[], now).await.unwrap(), Some(false));
    }

    /// A node dies between the effect of a step and the row that says so; or right in the middle of one.
    async fn what_a_dead_node_left_is_finished_without_a_second_effect_or_said_to_be_unknown(world) {
        let folder = tempfile::tempdir().unwrap();
        let world = with_catalog(world, folder.path()).await;
        let spec = json!({"owner": "user:a", "type": "t", "steps": [
            {"id": "fetch", "action": "fetch:plain", "input": {"url": "./skeleton"}},
            {"id": "publish", "action": "publish:local", "input": {"repo": "found"}},
            {"id": "call", "name": "Call", "action": "http:request", "input": {"url": "https://nobody.invalid/"}},
        ]});
        add_template(&world, folder.path(), "dies", &spec, &[("skeleton/a.txt", "a")]);
        let ada = person(&world, "ada@acme.dev").await;
        let id = begin(&world, &ada, "dies", json!({}), json!({})).await;
        let (store, now) = (&world.app.store, world.clock.now());
        runs::claim(store, "dead", now).await.unwrap().unwrap();
        // It was at the call when it died.
        assert!(runs::step(store, (&id, "dead"), (2, true), None, &[], now).await.unwrap());
        assert!(!worker::run_one(&world.app.scaffolder).await.unwrap(), "it still counts as running");
        world.clock.advance(postern::limits::SCAFFOLDER_LEASE_SECONDS + 1);
        run_all(&world).await;
        let (done, said) = (task(&world, &ada, &id).await, log(&world, &ada, &id).await);
        assert_eq!(done["status"], "failed");
        assert!(done["error"].as_str().unwrap().contains("nobody can know whether it happened"), "{done:#}");
        assert!(said.contains("recovered The node that ran this task stopped"), "{said}");
        assert!(!said.contains("GET nobody.invalid"), "it was not called again: {said}");
        assert!(said.contains("Made found.git"));
    }
}

/// What is missing is asked for in a form, before anything happens; what is wrong otherwise is the model's to mend.
#[tokio::test]
async fn missing_values_are_asked_for_where_the_client_can_show_a_form() {
    use postern::actions::ActionError;
    use postern::actions::question::{Ability, Asks};
    use postern::actions::turn::{Listener, Talk, Turn};
    let world = crate::support::World::sqlite().await;
    let ada = person(&world, "ada@acme.dev").await;
    let run = async |can: bool, values: Value, answers: Value| {
        let answers = serde_json::from_value(answers).unwrap();
        let can = if can { [Ability::Form].into() } else { [].into() };
        let talk = Talk::new(Listener { can, answers, ..Listener::default() }).0;
        let turn = Turn::talking(std::sync::Arc::clone(&ada), std::sync::Arc::new(talk));
        let action = world.app.actions.find("scaffolder:execute-template").unwrap();
        (action.run)(turn, json!({"templateRef": "harbour-page", "values": values})).await
    };
    let Err(ActionError::Waits(asked)) = run(true, json!({"code": "BGO"}), json!({})).await else {
        panic!("not asked")
    };
    let Asks::Form { message, schema } = &asked[0].asks else { panic!("no form: {asked:?}") };
    assert!(message.contains("Page for a harbour"), "{message}");
    assert_eq!(schema["required"], json!(["harbour"]));
    assert_eq!(schema["properties"]["harbour"]["title"], "Name");
    let yes = json!({"values": {"action": "accept", "content": {"harbour": "Bergen"}}});
    assert!(run(true, json!({"code": "BGO"}), yes).await.unwrap()["taskId"].is_string());
    let no = json!({"values": {"action": "decline"}});
    assert!(matches!(run(true, json!({"code": "BGO"}), no).await, Err(ActionError::NotAllowed(_))));
    // A fault that no form mends, and a client that shows none.
    for (can, values) in [(true, json!({"code": "bgo"})), (false, json!({"code": "BGO"}))] {
        let refused = run(can, values, json!({})).await.unwrap_err().to_string();
        assert!(refused.contains("harbour: is required"), "{refused}");
    }
    let listed = call(&world, &ada, "scaffolder:list-scaffolder-tasks", json!({})).await.unwrap();
    assert_eq!(listed["totalTasks"], 1);
}

#[tokio::test]
async fn templates_are_found_asked_and_checked() {
    let world = crate::support::World::sqlite().await;
    let ada = person(&world, "ada@acme.dev").await;
    let listed = call(&world, &ada, "scaffolder:list-templates", json!({})).await.unwrap();
    assert_eq!(listed["totalTemplates"], 3);
    let found =
        call(&world, &ada, "scaffolder:list-templates", json!({"query": "RUST service"})).await.unwrap();
    assert_eq!(found["templates"][0]["entityRef"], "template:default/quay-service");
    assert_eq!(found["totalTemplates"], 1);
    let asked = json!({"templateRef": "quay-service"});
    let needs = call(&world, &ada, "scaffolder:get-template-parameters", asked).await.unwrap();
    assert_eq!(needs["required"], json!(["name", "owner"]));
    assert_eq!(needs["steps"][1]["schema"]["properties"]["port"]["default"], 8080);
    let values = json!({"templateRef": "quay-service", "values": {"name": "a-b", "owner": "fleet"}});
    let checked = call(&world, &ada, "scaffolder:validate-template-values", values).await.unwrap();
    assert_eq!((&checked["valid"], &checked["values"]["port"]), (&json!(true), &json!(8080)));
    let values = json!({"templateRef": "quay-service", "values": {"name": "A", "port": 1}});
    let checked = call(&world, &ada, "scaffolder:validate-template-values", values).await.unwrap();
    let fields: Vec<_> =
        checked["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["owner", "name", "port"]);
    let actions = call(&world, &ada, "scaffolder:list-scaffolder-actions", json!({})).await.unwrap();
    let ids: Vec<_> =
        actions["actions"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"fetch:template") && ids.contains(&"catalog:get-catalog-entity"), "{ids:?}");
    assert!(ids.iter().all(|id| !id.starts_with("scaffolder:")));
    for alias in
        ["scaffolder:execute", "scaffolder:get-actions", "scaffolder_list-templates", "scaffolder.get-task"]
    {
        assert!(world.app.actions.find(alias).is_some(), "{alias}");
    }
}
