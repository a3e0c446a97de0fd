//! The catalog reads from elsewhere: registered locations, https URLs and git repositories.

use serde_json::{Value, json};

use crate::support::World;
use crate::support::descriptors::{component, location, url};
use crate::support::documents::{Documents, Reply, eventually};
use crate::support::git;
use crate::support::mcp::granted;
use crate::support::modern;
use crate::support::world::json as body_of;

async fn host(world: World, set: &[(&str, &str)]) -> (World, Documents) {
    let host = Documents::start().await;
    let world = host.known_to_with(world, set).await;
    (world, host)
}

on_both_engines! {
    async fn a_location_is_registered_read_listed_and_taken_back(world) {
        let (world, host) = host(world, &[]).await;
        host.say_at("/shop/catalog-info.yaml", Reply::text(component("shop")));
        let target = url("/shop/catalog-info.yaml");
        let dry = world.act("catalog:register-entity", json!({"locationUrl": target, "dryRun": true})).await.unwrap();
        assert_eq!(dry, json!({"locationId": format!("url:{target}")}));
        assert!(world.app.sources.registered().await.unwrap().is_empty());
        let made = world.act("catalog:register-entity", json!({"locationUrl": target})).await.unwrap();
        let id = made["locationId"].as_str().unwrap();
        world.look().await;
        let entity = world.app.catalog.index().get("component:default/shop").unwrap().clone();
        assert_eq!(entity["metadata"]["annotations"]["backstage.io/managed-by-location"], json!(format!("url:{target}")));
        let again = world.act("catalog:register-entity", json!({"locationUrl": target})).await.unwrap_err();
        assert_eq!(again, format!("ConflictError: Location url:{target} already exists"));
        let listed = world.act("catalog:list-locations", json!({})).await.unwrap();
        let ours = listed["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&ours["locationId"], &ours["entities"], &ours["registeredBy"]), (&json!(id), &json!(1), &json!("ada")));
        // Another node, started later, has it from the database, and what was fetched from its own disk.
        host.go_down();
        let world = world.and(&[]).await;
        assert!(world.has("component:default/shop"));
        assert_eq!(world.act("catalog:unregister-entity", json!({"type": {"locationId": id}})).await.unwrap(), json!({}));
        world.look().await;
        assert!(!world.has("component:default/shop"));
        let gone = world.act("catalog:unregister-entity", json!({"type": {"locationId": id}})).await.unwrap_err();
        assert_eq!(gone, format!("NotFoundError: Found no location with ID {id}"));
    }

    async fn a_location_is_taken_back_by_its_url_or_by_an_entity_of_it_and_the_configured_never(world) {
        let (world, host) = host(world, &[("catalog.urls", &url("/own.yaml"))]).await;
        host.say_at("/own.yaml", Reply::text(component("own")));
        host.say_at("/a.yaml", Reply::text(component("a")));
        host.say_at("/B.yaml", Reply::text(component("b")));
        world.look().await;
        assert!(world.has("component:default/own"));
        for path in ["/a.yaml", "/B.yaml"] {
            world.act("catalog:register-entity", json!({"locationUrl": url(path)})).await.unwrap();
        }
        world.look().await;
        world.act("catalog:unregister-entity", json!({"type": {"locationUrl": url("/b.yaml")}})).await.unwrap();
        world.act("catalog:unregister-entity", json!({"type": {"entityRef": "component:default/a"}})).await.unwrap();
        world.look().await;
        assert!(!world.has("component:default/a") && !world.has("component:default/b"));
        for which in [json!({"entityRef": "component:default/own"}), json!({"locationUrl": url("/own.yaml")})] {
            let why = world.act("catalog:unregister-entity", json!({"type": which})).await.unwrap_err();
            assert!(why.starts_with("NotAllowedError: ") && why.contains("catalog.urls"), "{why}");
        }
        let why = world.act("catalog:register-entity", json!({"locationUrl": url("/own.yaml")})).await.unwrap_err();
        assert!(why.contains("in the configuration"), "{why}");
        assert!(world.has("component:default/own"));
    }

    async fn a_running_server_reads_what_was_registered_as_soon_as_it_hears_of_it(world) {
        let (world, host) = host(world, &[("catalog.refresh_seconds", "0")]).await;
        host.say_at("/a.yaml", Reply::text(component("a")));
        let stop = world.app.stopping.clone();
        let running = tokio::spawn(postern::ops::refresh::run(world.app.clone(), stop.clone()));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        world.act("catalog:register-entity", json!({"locationUrl": url("/a.yaml")})).await.unwrap();
        eventually(|| world.has("component:default/a")).await;
        world.act("catalog:unregister-entity", json!({"type": {"entityRef": "component:default/a"}})).await.unwrap();
        eventually(|| !world.has("component:default/a")).await;
        stop.cancel();
        running.await.unwrap();
    }

    async fn a_client_registers_with_the_scope_for_it_only_and_it_is_on_record(world) {
        let (world, host) = host(world, &[]).await;
        host.say_at("/c.yaml", Reply::text(component("c")));
        let call = json!({"name": "catalog_register-entity", "arguments": {"locationUrl": url("/c.yaml")}});
        let token = granted(&world.app, "ada", "catalog:read").await;
        let refused = modern::ask(&world.router, &token, "tools/call", call.clone(), ).await;
        assert_eq!(refused.status, 403);
        let token = granted(&world.app, "bea", "catalog:read catalog:write").await;
        let made = modern::ask(&world.router, &token, "tools/call", call).await.result();
        assert!(made["structuredContent"]["locationId"].is_string(), "{made}");
        // Before it ran, and after.
        for outcome in ["begun", "ok"] {
            let query = "select count(*) from audit where event = 'tool.call' and outcome = $1";
            for attempt in 0.. {
                let rows: i64 = sqlx::query_scalar(query).bind(outcome).fetch_one(world.app.store.read()).await.unwrap();
                if rows == 1 {
                    break;
                }
                assert!(attempt < 250, "{outcome}");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_location_leads_on_relative_to_its_url_and_brings_texts_of_its_own_host() {
    let (world, host) = host(World::sqlite().await, &[("catalog.urls", &url("/org/all.yaml"))]).await;
    host.say_at(
        "/org/all.yaml",
        Reply::text(location("all", &["./a.yaml", "../b/b.yaml", "https://other.example/c.yaml"])),
    );
    host.say_at("/org/a.yaml", Reply::text(component("a")));
    host.say_at("/b/b.yaml", Reply::text("apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: b}\nspec: {type: openapi, lifecycle: x, owner: y, definition: {$text: ./openapi.yaml}}\n"));
    host.say_at("/b/openapi.yaml", Reply::text("openapi: 3.1.0"));
    host.say_at("/c.yaml", Reply::text(component("c")));
    world.look().await;
    let index = world.app.catalog.index();
    for reference in ["location:default/all", "component:default/a", "component:default/c"] {
        assert!(world.has(reference), "{reference}: {}", world.problems());
    }
    assert_eq!(index.get("api:default/b").unwrap()["spec"]["definition"], "openapi: 3.1.0");
    let annotations = &index.get("component:default/a").unwrap()["metadata"]["annotations"];
    assert_eq!(
        annotations["backstage.io/managed-by-origin-location"],
        json!(format!("url:{}", url("/org/all.yaml")))
    );
    let ancestry =
        world.act("catalog:get-entity-ancestry", json!({"entityRef": "component:default/a"})).await.unwrap();
    assert_eq!(ancestry["items"][0]["parentEntityRefs"], json!(["location:default/all"]));
    // What a host says no longer goes, and what it cannot say stays.
    host.say_at("/org/all.yaml", Reply::text(location("all", &["./a.yaml"])));
    host.say_at("/org/a.yaml", Reply::text("").status(503));
    world.look().await;
    assert!(
        world.has("component:default/a") && !world.has("component:default/c") && !world.has("api:default/b")
    );
    let told = world.act("catalog:get-entity-problems", json!({})).await.unwrap().to_string();
    assert!(told.contains("status 503") && told.contains("stays"), "{told}");
}

#[tokio::test]
async fn a_host_is_asked_with_the_entity_tag_and_not_more_often_than_it_must() {
    let (world, host) = host(World::sqlite().await, &[("catalog.urls", &url("/a.yaml"))]).await;
    host.say_at("/a.yaml", Reply::text(component("a")).header("etag: \"one\""));
    world.look().await;
    assert_eq!(host.count_at("/a.yaml"), 1);
    postern::ops::refresh::once(&world.app).await;
    assert_eq!(host.count_at("/a.yaml"), 1, "it was asked a moment ago");
    host.say_at("/a.yaml", Reply::text("").status(304));
    world.look().await;
    assert!(host.heads_at("/a.yaml")[1].contains("if-none-match: \"one\""));
    assert!(world.has("component:default/a"));
    // One that was never there is not asked for at every look either.
    host.say_at("/a.yaml", Reply::text(location("a", &["./none.yaml"])));
    world.look().await;
    postern::ops::refresh::once(&world.app).await;
    assert_eq!(host.count_at("/none.yaml"), 1);
    assert!(world.problems().contains("status 404"), "{}", world.problems());
}

#[tokio::test]
async fn a_broken_descriptor_keeps_its_last_good_version_and_says_so() {
    let (world, host) = host(World::sqlite().await, &[("catalog.urls", &url("/a.yaml"))]).await;
    host.say_at("/a.yaml", Reply::text(component("a")));
    world.look().await;
    host.say_at("/a.yaml", Reply::text(component("a").replace("owner: team", "owner: 5")));
    world.look().await;
    let index = world.app.catalog.index();
    assert_eq!(index.get("component:default/a").unwrap()["status"]["items"][0]["level"], "error");
    let told =
        world.act("catalog:get-entity-problems", json!({"entityRef": "component:default/a"})).await.unwrap();
    assert_eq!(told["items"][0]["severity"], "error");
    assert_eq!(told["items"][0]["file"], json!(url("/a.yaml")));
    assert!(told["items"][0]["message"].as_str().unwrap().contains("owner"), "{told}");
}

#[tokio::test]
async fn what_a_host_says_is_gone_is_marked_and_goes_after_a_week() {
    let (world, host) = host(World::sqlite().await, &[("catalog.urls", &url("/all.yaml"))]).await;
    host.say_at("/all.yaml", Reply::text(location("all", &["./a.yaml"])));
    host.say_at("/a.yaml", Reply::text(component("a")));
    world.look().await;
    let orphan = |world: &World| {
        let index = world.app.catalog.index();
        index
            .get("component:default/a")
            .map(|it| it["metadata"]["annotations"]["backstage.io/orphan"].clone())
    };
    assert_eq!(orphan(&world), Some(Value::Null));
    host.say_at("/a.yaml", Reply::text("").status(404));
    world.look().await;
    assert_eq!(orphan(&world), Some(json!("true")));
    host.say_at("/a.yaml", Reply::text(component("a")));
    world.look().await;
    assert_eq!(orphan(&world), Some(Value::Null));
    host.say_at("/a.yaml", Reply::text("").status(410));
    world.look().await;
    world.clock.advance(8 * 86_400);
    world.look().await;
    assert_eq!(orphan(&world), None);
}

#[tokio::test]
async fn a_repository_is_read_at_its_newest_commit_and_again_when_it_moves() {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("platform");
    let api = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: d}\nspec: {type: x, lifecycle: y, owner: z, definition: {$text: ./d.txt}}\n";
    // Enough that git packs some as differences of others.
    let long: String = (0..4_000).map(|number| format!("line {number}\n")).collect();
    let (first, second) = (format!("{long}first"), format!("{long}second"));
    let files = [
        ("catalog-info.yaml", component("a")),
        ("services/b/catalog-info.yaml", component("b")),
        ("services/b/docs/index.md", "# B".to_owned()),
        ("services/other.yaml", component("other")),
        (".hidden/catalog-info.yaml", component("hidden")),
        ("d/catalog-info.yaml", api.to_owned()),
        ("d/d.txt", first),
        ("d/e.txt", second),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let commit = git::commit(&repository, &files);
    git::git(&repository, &["gc", "-q"]);
    let source = json!([{"url": url("/git/platform")}]).to_string();
    let (world, host) = host(World::sqlite().await, &[("catalog.git", &source)]).await;
    host.serve_git(folder.path());
    world.look().await;
    for (name, is) in [("a", true), ("b", true), ("other", false), ("hidden", false)] {
        assert_eq!(world.has(&format!("component:default/{name}")), is, "{name}: {}", world.problems());
    }
    let index = world.app.catalog.index();
    assert!(index.get("api:default/d").unwrap()["spec"]["definition"].as_str().unwrap().ends_with("first"));
    let at = &index.get("component:default/b").unwrap()["metadata"]["annotations"]["backstage.io/managed-by-location"];
    assert_eq!(at, &json!(format!("url:{}?path=/services/b/catalog-info.yaml", url("/git/platform"))));
    let place = |listed: &Value| {
        listed["items"].as_array().unwrap().iter().find(|it| it["type"] == "git").cloned().unwrap()
    };
    let listed = place(&world.act("catalog:list-locations", json!({})).await.unwrap());
    assert_eq!(listed["revision"], json!(commit));
    let asked = host.count();
    world.look().await;
    assert_eq!(host.count() - asked, 2, "the same commit is not fetched again");
    let next = git::commit(&repository, &[("catalog-info.yaml", &component("a2"))]);
    world.look().await;
    assert!(world.has("component:default/a2") && !world.has("component:default/b"));
    assert_eq!(
        place(&world.act("catalog:list-locations", json!({})).await.unwrap())["revision"],
        json!(next)
    );
    // Down, and started again: what was brought is there.
    host.go_down();
    let world = world.and(&[("catalog.git", &source)]).await;
    assert!(world.has("component:default/a2"));
    world.look().await;
    assert!(world.has("component:default/a2") && world.problems().contains("could not be reached"));
}

#[tokio::test]
async fn a_branch_and_patterns_choose_what_is_read_of_a_repository() {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("r.git");
    git::commit(&repository, &[("a/one.yaml", &component("one")), ("catalog-info.yaml", &component("two"))]);
    git::git(&repository, &["checkout", "-qb", "next"]);
    git::commit(
        &repository,
        &[("a/three.yaml", &component("three")), ("catalog-info.yaml", &component("four"))],
    );
    git::git(&repository, &["checkout", "-q", "main"]);
    let source = |branch: &str| {
        json!([{"url": url("/git/r.git"), "branch": branch, "paths": ["a/*.yaml"]}]).to_string()
    };
    let (world, host) = host(World::sqlite().await, &[("catalog.git", &source("next"))]).await;
    host.serve_git(folder.path());
    world.look().await;
    assert!(world.has("component:default/three") && !world.has("component:default/four"));
    let world = world.and(&[("catalog.git", &source("none"))]).await;
    world.look().await;
    assert!(world.problems().contains("no branch none"), "{}", world.problems());
}

on_both_engines! {
    async fn the_console_registers_lists_and_takes_back_and_rest_tells_of_it(world) {
        let (world, host) = host(world, &[]).await;
        host.say_at("/c.yaml", Reply::text(component("c")));
        let made = world.act("catalog:register-entity", json!({"locationUrl": url("/c.yaml")})).await.unwrap();
        world.look().await;
        let token = granted(&world.app, "ada", "catalog:read").await;
        let get = async |path: &str| {
            let request = http::Request::get(path).header("host", "localhost:8787").header("authorization", format!("Bearer {token}"));
            body_of(world.send(request.body(axum::body::Body::empty()).unwrap()).await).await
        };
        let listed = get("/api/catalog/locations").await;
        assert_eq!(listed, json!([{"data": {"id": made["locationId"], "target": url("/c.yaml"), "type": "url"}}]));
        let told = get("/api/catalog/entity-problems?entityRef=component:default/c").await;
        assert_eq!(told["items"][0]["severity"], "warning", "{told}");
        let run = |arguments: &[&str]| command(&world, arguments);
        let (done, listed) = run(&["catalog", "locations", "--json"]);
        assert!(done && listed.contains("/c.yaml") && listed.contains("\"entities\": 1"), "{listed}");
        let (done, why) = run(&["catalog", "register", "file:///etc/passwd"]);
        assert!(!done && why.contains("not an https URL"), "{why}");
        assert!(run(&["catalog", "problems"]).1.contains("problems in"));
        let (done, said) = run(&["catalog", "unregister", "component:default/c"]);
        assert!(done && said.contains("/c.yaml"), "{said}");
        world.look().await;
        assert!(!world.has("component:default/c"));
        let events = sqlx::query("select event from audit where event = 'catalog.location.unregistered'");
        assert_eq!(events.fetch_all(world.app.store.read()).await.unwrap().len(), 1);
    }

    async fn what_a_command_did_not_do_is_not_on_record(world) {
        for refused in [&["catalog", "register", "file:///etc/passwd"][..], &["catalog", "unregister", "nothing"]] {
            assert!(!command(&world, refused).0, "{refused:?}");
        }
        let events = sqlx::query("select event from audit where event like 'catalog.location.%'");
        assert!(events.fetch_all(world.app.store.read()).await.unwrap().is_empty());
    }
}

/// Whether a command of the console did what it was told, and what it said.
fn command(world: &World, arguments: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(arguments).current_dir(world.dir.path()).env("POSTERN_DATA_DIR", world.dir.path());
    if let Some(url) = &world.app.config.database.url {
        command.env("POSTERN_DATABASE_URL", url.reveal());
    }
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
