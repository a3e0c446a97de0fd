//! Real templates, which the project reads and does not ship: every one is tried out, and three run for real.

use std::path::Path;
use std::sync::Arc;

use postern::catalog::Catalog;
use postern::catalog::files::resolve;
use postern::scaffolder::dry;
use postern::scaffolder::expression::{Scope, evaluate};
use postern::scaffolder::source::Source;
use postern::scaffolder::template::Template;
use serde_json::{Map, Value, json};

use super::catalog::{meaning, shared};
use crate::support::World;
use crate::support::scaffolder::{call, person};

/// What nobody who has no modules of others installed can run; Backstage refuses it the same way.
const ELSEWHERE: &[&str] = &[
    "argocd:create-resources",
    "catalog:register",
    "fetch:cookiecutter",
    "fetch:rails",
    "github:actions:dispatch",
    "github:pages:enable",
    "notification:send",
    "publish:azure",
    "publish:github",
    "publish:github:pull-request",
    "publish:gitlab",
    "publish:gitlab:merge-request",
    "roadiehq:utils:merge",
];

/// A value that fits a property, as a person would find one.
fn example(property: &Value) -> Value {
    if let Some(first) = property["default"]
        .as_str()
        .map(Value::from)
        .or_else(|| property["enum"].as_array()?.first().cloned())
    {
        return first;
    }
    match (property["type"].as_str(), property["ui:field"].as_str()) {
        (_, Some("RepoUrlPicker")) => json!("github.com?owner=acme&repo=shop"),
        (_, Some("OwnerPicker")) => json!("group:default/a"),
        (Some("boolean"), _) => json!(false),
        (Some("integer" | "number"), _) => json!(8080),
        (Some("array"), _) => json!([]),
        (Some("object"), _) => json!({}),
        _ => json!("com-acme"),
    }
}

fn values(template: &Template) -> Map<String, Value> {
    let mut values = Map::new();
    for page in &template.pages {
        for (name, property) in page["properties"].as_object().into_iter().flatten() {
            values.insert(name.clone(), example(property));
        }
    }
    values
}

/// Something where each relative URL of a template leads, which the data does not hold.
fn put_skeletons(root: &Path, template: &Template, file: &str) {
    let scope = Scope::default().with("parameters", Value::Object(values(template)));
    let urls = template.steps.iter().filter_map(|step| step.input["url"].as_str());
    for url in urls.filter(|url| !url.contains("://")) {
        let Some(Value::String(url)) = evaluate(url, &scope).unwrap() else { continue };
        let place = root.join(resolve(file, &url).unwrap());
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("SKELETON.md"), "# ${{ values.name }}\n").unwrap();
    }
}

#[tokio::test]
async fn every_real_template_is_tried_out_and_what_is_not_installed_is_named() {
    let Some(folder) = shared("descriptors") else { return };
    let world = World::sqlite().await;
    let ada = person(&world, "ada@acme.dev").await;
    let own = tempfile::tempdir().unwrap();
    copy(&folder, own.path());
    let index = Catalog::open(&[own.path().to_owned()], false).0.index();
    let (mut tried, mut sound) = (0, 0);
    for (at, reference) in index.references().iter().enumerate().filter(|(_, it)| it.kind() == "template") {
        let name = reference.as_str();
        let template = Template::read(&index.entities()[at]).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        put_skeletons(own.path(), &template, index.source(name).unwrap().1);
        let source = Source::of(&index, name);
        let done = dry::run(&world.app.scaffolder, &ada, &template, source, &values(&template)).await;
        tried += 1;
        sound += usize::from(done.errors.is_empty());
        for error in &done.errors {
            let named = ELSEWHERE
                .iter()
                .any(|id| error.contains(&format!("action with ID '{id}' is not registered")));
            assert!(named, "{name}: {error}\n{:#?}", done.log);
        }
        // Each step that reaches out says so.
        let remote =
            template.steps.iter().filter(|s| s.input["url"].as_str().is_some_and(|u| u.contains("://")));
        for step in remote.filter(|step| step.condition.is_none() && step.action.starts_with("fetch:")) {
            let said = done
                .log
                .iter()
                .any(|l| l.step_id.as_ref() == Some(&step.id) && l.message.starts_with("Not run: "));
            assert!(said || !done.errors.is_empty(), "{name}: {}", step.id);
        }
    }
    assert!(tried >= 27, "{tried}");
    println!("{tried} templates, {sound} of them whole");
}

/// Three real ones, with their publishing pointed at this server, to repositories that git reads.
#[tokio::test]
async fn three_real_templates_run_to_a_repository() {
    let Some(folder) = shared("descriptors") else { return };
    let own = tempfile::tempdir().unwrap();
    for (name, from) in [
        ("create-app", "create-app/template"),
        ("pull-request", "software-templates/scaffolder-templates/pull-request"),
        ("define-ansible-job", "rhdh-templates/templates/github/define-ansible-job"),
    ] {
        copy(&folder.join(from), &own.path().join(name));
        let path = own.path().join(name).join("template.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut entity = postern::catalog::yaml::single(&text).unwrap();
        entity["metadata"]["name"] = name.into();
        let steps = entity["spec"]["steps"].as_array_mut().unwrap();
        // What lies elsewhere, or is not among the data, is left out.
        steps.retain(|step| step["input"]["url"].as_str().is_none_or(|url| url.starts_with("./")));
        let publishes = |step: &Value| step["action"].as_str().unwrap().starts_with("publish:");
        let at = steps.iter().position(publishes);
        steps.truncate(at.unwrap_or(steps.len()));
        steps.push(json!({"id": "publish", "action": "publish:local", "input": {"repo": name}}));
        entity["spec"]["output"] = json!({"remoteUrl": "${{ steps.publish.output.remoteUrl }}"});
        let members = ["kind", "metadata", "spec"].map(|name| format!("{name}: {}\n", entity[name])).concat();
        std::fs::write(path, format!("apiVersion: scaffolder.backstage.io/v1beta3\n{members}")).unwrap();
    }
    let world = crate::support::scaffolder::with_catalog(World::sqlite().await, own.path()).await;
    let ada = person(&world, "ada@acme.dev").await;
    for (name, file) in [
        ("create-app", "catalog-info.yaml"),
        ("pull-request", "catalog-info.yaml"),
        ("define-ansible-job", "-job-template.yaml"),
    ] {
        let index = world.app.catalog.index();
        let entity = index.get(&format!("template:default/{name}")).unwrap();
        let values = values(&Template::read(entity).unwrap());
        let id =
            crate::support::scaffolder::begin(&world, &ada, name, Value::Object(values), json!({})).await;
        crate::support::scaffolder::run_all(&world).await;
        let done = crate::support::scaffolder::task(&world, &ada, &id).await;
        assert_eq!(done["status"], "completed", "{name}: {done:#}");
        let files = super::scaffolder::cloned(done["output"]["remoteUrl"].as_str().unwrap());
        let made = files.iter().find(|(path, _)| path.ends_with(file));
        let (_, text) = made.unwrap_or_else(|| panic!("{name}: {files:?}"));
        assert!(!text.contains("${{"), "{name}: {text}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn the_actions_that_backstage_has_take_and_give_what_its_own_do() {
    let Some(file) = shared("backstage/scaffolder.json") else { return };
    let world = World::sqlite().await;
    let theirs: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let all = theirs["actions"].as_array().unwrap();
    assert_eq!(all.len(), 5);
    for their in all {
        let id = their["id"].as_str().unwrap();
        let our = world.app.actions.find(id).unwrap_or_else(|| panic!("no {id}"));
        assert_eq!(meaning(&our.input), meaning(&their["schema"]["input"]), "{id} input");
        assert_eq!(meaning(&our.output), meaning(&their["schema"]["output"]), "{id} output");
        let reads = our.effect == postern::actions::Effect::Read;
        assert_eq!(json!(reads), their["attributes"]["readOnly"], "{id}");
        assert_eq!(json!(our.idempotent), their["attributes"]["idempotent"], "{id}");
    }
}

#[tokio::test]
async fn a_dry_run_answers_as_backstage_does() {
    let world = World::sqlite().await;
    let ada: Arc<_> = person(&world, "ada@acme.dev").await;
    let yaml = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: a}\nspec:\n  type: t\n  owner: user:a\n  steps:\n    - {id: a, name: A, action: 'debug:log', input: {message: hi}}\n    - {id: p, action: 'publish:local', input: {repo: a}}\n";
    let answer =
        call(&world, &ada, "scaffolder:dry-run-template", json!({"templateYaml": yaml})).await.unwrap();
    assert_eq!(
        (&answer["valid"], &answer["message"]),
        (&json!(true), &json!("Template validation successful"))
    );
    assert_eq!(answer["steps"][0], json!({"id": "a", "name": "A", "action": "debug:log"}));
    assert_eq!(answer["log"][0], json!({"message": "Starting up task with 2 steps"}));
    assert_eq!(
        answer["log"][1],
        json!({"message": "Beginning step A", "stepId": "a", "status": "processing"})
    );
    let log = answer["log"].to_string();
    assert!(log.contains("Not run: publish:local reaches outside"), "{log}");
    assert!(!world.dir.path().join("repositories").exists(), "nothing was made");
    for (bad, part) in [("a: [", "YAML parsing error"), ("a: 1", "metadata.name is missing")] {
        let answer =
            call(&world, &ada, "scaffolder:dry-run-template", json!({"templateYaml": bad})).await.unwrap();
        assert_eq!(answer["valid"], false);
        assert!(answer["errors"].to_string().contains(part), "{answer}");
    }
    let leads_out = json!({"templateYaml": yaml, "files": [{"path": "../x", "content": "x"}]});
    assert!(call(&world, &ada, "scaffolder:dry-run-template", leads_out).await.is_err());
}
