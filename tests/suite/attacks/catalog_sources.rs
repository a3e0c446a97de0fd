//! Whoever can register a location, or write a descriptor that is fetched, gets nothing but their own entities.

use postern::config::{Config, Flags, Raw};
use serde_json::json;

use crate::support::World;
use crate::support::descriptors::{component, location, url};
use crate::support::documents::{Documents, Reply};

async fn host(world: World, set: &[(&str, &str)]) -> (World, Documents) {
    let host = Documents::start().await;
    let world = host.known_to_with(world, set).await;
    (world, host)
}

async fn refusal(world: &World, target: &str) -> String {
    let refused = world.act("catalog:register-entity", json!({"locationUrl": target})).await.unwrap_err();
    assert!(world.app.sources.registered().await.unwrap().is_empty(), "{target}");
    refused
}

#[tokio::test]
async fn attack_a03_a_target_on_this_network_or_this_disk_is_refused_unread() {
    let (world, host) = host(World::sqlite().await, &[]).await;
    for target in [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://0x7f.1/x",
        "https://2130706433/x",
        "https://10.0.0.1/x",
        "https://intranet/x",
        "https://db.internal/x",
    ] {
        let why = refusal(&world, target).await;
        assert!(why.contains("could not be reached"), "{target}: {why}");
    }
    for target in [
        "file:///etc/passwd",
        "file:../../etc/passwd",
        "../../etc/passwd",
        "/etc/passwd",
        "http://client.example/x",
        "ext::sh -c id",
        "-oProxyCommand=id",
        "--upload-pack=id",
        "git@client.example:a/b",
        "ssh://client.example/x",
        "https://ada:secret@client.example/x",
        "https://client.example/x?access_token=secret",
    ] {
        let why = refusal(&world, target).await;
        assert!(why.starts_with("InputError: ") && !why.contains("ada:secret"), "{target}: {why}");
    }
    assert_eq!(host.count(), 0);
}

#[tokio::test]
async fn attack_a01_a_redirect_is_not_followed_and_what_is_packed_or_a_page_is_not_read() {
    let (world, host) = host(World::sqlite().await, &[]).await;
    let reply = |reply: Reply| host.say_at("/x.yaml", reply);
    reply(Reply::text("").status(302).header("location: https://other.example/y.yaml"));
    assert!(refusal(&world, &url("/x.yaml")).await.contains("status 302"));
    assert_eq!(host.count(), 1);
    reply(Reply::text("xxxxxxxx").header("content-encoding: gzip"));
    assert!(refusal(&world, &url("/x.yaml")).await.contains("not with a file"));
    reply(Reply::text("<html>").header("content-type: text/html"));
    assert!(refusal(&world, &url("/x.yaml")).await.contains("not with a file"));
    reply(Reply::text("x".repeat(5 << 20)));
    assert!(refusal(&world, &url("/x.yaml")).await.contains("more than 4194304 bytes"));
    reply(Reply::text("a: &a [x]\nb: [*a, *a]\n---\nkind: [\n"));
    assert!(refusal(&world, &url("/x.yaml")).await.contains("YAML parsing error"));
}

#[tokio::test]
async fn attack_a_location_that_leads_in_circles_or_on_and_on_ends() {
    let set = [("catalog.urls", "https://client.example/loop.yaml,https://client.example/chain/0.yaml")];
    let (world, host) = host(World::sqlite().await, &set).await;
    host.say_at("/loop.yaml", Reply::text(location("loop", &["./loop.yaml", "./back.yaml"])));
    host.say_at("/back.yaml", Reply::text(location("back", &["./loop.yaml"])));
    for step in 0..20 {
        let next = format!("./{}.yaml", step + 1);
        host.say_at(
            &format!("/chain/{step}.yaml"),
            Reply::text(location(&format!("chain-{step}"), &[&next])),
        );
    }
    world.look().await;
    assert!(world.has("location:default/loop") && world.has("location:default/back"));
    assert_eq!(host.count_at("/loop.yaml"), 1);
    world.look().await;
    assert!(world.has("location:default/chain-8") && !world.has("location:default/chain-9"));
    assert!(world.problems().contains("more than 8 steps away"), "{}", world.problems());
}

#[tokio::test]
async fn attack_a_million_targets_or_entities_are_cut_off() {
    let (world, host) = host(World::sqlite().await, &[]).await;
    let many: String = (0..10_001)
        .map(|number| format!("kind: Resource\napiVersion: backstage.io/v1alpha1\nmetadata: {{name: r{number}}}\nspec: {{type: a, owner: b}}\n---\n"))
        .collect();
    let (half, rest) = many.split_at(many.find("r6000}").unwrap() - 70);
    let rest = &rest[rest.find("---\n").unwrap()..];
    host.say_at("/all.yaml", Reply::text(location("all", &["./one.yaml", "./two.yaml"])));
    host.say_at("/one.yaml", Reply::text(half.rsplit_once("---\n").unwrap().0));
    host.say_at("/two.yaml", Reply::text(format!("{rest}{}", component("last"))));
    world.act("catalog:register-entity", json!({"locationUrl": url("/all.yaml")})).await.unwrap();
    world.look().await;
    let index = world.app.catalog.index();
    let resources =
        index.references().iter().filter(|it| it.kind() == "resource" && it.name().starts_with('r')).count();
    assert!(resources < 10_000 && resources > 9_900, "{resources}");
    assert!(world.problems().contains("more than 10000 entities"));
}

#[tokio::test]
async fn attack_a_token_is_sent_to_its_host_alone() {
    let set = [
        ("catalog.tokens", "client.example=t0psecret"),
        ("catalog.urls", "https://client.example/a.yaml,https://other.example/b.yaml"),
    ];
    let (world, host) = host(World::sqlite().await, &set).await;
    host.say_at("/a.yaml", Reply::text(location("a", &["./own.yaml", "https://other.example/c.yaml"])));
    host.say_at("/b.yaml", Reply::text(location("b", &["https://client.example/private.yaml"])));
    for path in ["/own.yaml", "/c.yaml", "/private.yaml"] {
        host.say_at(path, Reply::text(component(&path[1..2])));
    }
    world.look().await;
    for (path, is_sent) in [
        ("/a.yaml", true),
        ("/own.yaml", true),
        ("/b.yaml", false),
        ("/c.yaml", false),
        ("/private.yaml", false),
    ] {
        let heads = host.heads_at(path);
        assert_eq!(heads.len(), 1, "{path}: {}", world.problems());
        assert_eq!(heads[0].contains("t0psecret"), is_sent, "{path}");
    }
    assert!(!format!("{:?}", world.app.config).contains("t0psecret"));
    assert!(!world.problems().contains("t0psecret"));
}

#[tokio::test]
async fn attack_a_registered_descriptor_brings_in_nothing_of_a_neighbour_by_our_token() {
    let (world, host) = host(World::sqlite().await, &[("catalog.tokens", "client.example=t0psecret")]).await;
    let there = "https://client.example/ada/private/raw/branch/main/env";
    let own = url("/eve/shop/raw/branch/main/a.yaml");
    let targets = ["../../tag/v1/b.yaml", there];
    host.say_at("/eve/shop/raw/branch/main/a.yaml", Reply::text(location("a", &targets)));
    host.say_at("/eve/shop/raw/tag/v1/b.yaml", Reply::text(component("b")));
    host.say_at("/ada/private/raw/branch/main/env", Reply::text("SECRET=1"));
    world.act("catalog:register-entity", json!({"locationUrl": own})).await.unwrap();
    world.look().await;
    for (path, is_sent) in [
        ("/eve/shop/raw/branch/main/a.yaml", true),
        ("/eve/shop/raw/tag/v1/b.yaml", true),
        ("/ada/private/raw/branch/main/env", false),
    ] {
        let heads = host.heads_at(path);
        assert!(!heads.is_empty(), "{path}: {}", world.problems());
        assert!(heads.iter().all(|head| head.contains("t0psecret") == is_sent), "{path}");
    }
}

#[tokio::test]
async fn attack_a_placeholder_brings_nothing_of_another_host_or_of_this_disk() {
    let (world, host) = host(World::sqlite().await, &[("catalog.urls", &url("/a.yaml"))]).await;
    for target in [
        "https://other.example/secret",
        "//other.example/secret",
        "file:///etc/passwd",
        "http://client.example/x",
        "https://client.example:8443/x",
    ] {
        let api = format!(
            "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {{name: a}}\nspec: {{type: x, lifecycle: y, owner: z, definition: {{$text: '{target}'}}}}\n"
        );
        host.say_at("/a.yaml", Reply::text(api));
        world.look().await;
        assert!(!world.has("api:default/a"), "{target}");
    }
    assert_eq!(host.count_at("/secret") + host.count_at("/x"), 0);
}

on_both_engines! {
    async fn attack_nobody_registers_over_anothers_entity_even_while_it_is_broken(world) {
        let (world, host) = host(world, &[("catalog.urls", &url("/own.yaml"))]).await;
        host.say_at("/own.yaml", Reply::text(component("shop")));
        host.say_at("/mine.yaml", Reply::text(component("mine")));
        world.look().await;
        host.say_at("/evil.yaml", Reply::text(component("shop").replace("team", "mallory")));
        let why = refusal(&world, &url("/evil.yaml")).await;
        assert!(why.starts_with("ConflictError: component:default/shop is already described by"), "{why}");
        // Registered for something else, and turned into it later; while the real one is broken for an hour.
        world.act("catalog:register-entity", json!({"locationUrl": url("/mine.yaml")})).await.unwrap();
        world.look().await;
        host.say_at("/mine.yaml", Reply::text(component("shop").replace("team", "mallory")));
        world.look().await;
        let owner = |world: &World| world.app.catalog.index().get("component:default/shop").unwrap()["spec"]["owner"].clone();
        assert_eq!(owner(&world), "team");
        assert!(world.problems().contains("Detected conflicting entityRef component:default/shop"));
        host.say_at("/own.yaml", Reply::text("kind: [\n"));
        world.look().await;
        assert_eq!(owner(&world), "team");
        host.say_at("/own.yaml", Reply::text("").status(500));
        world.look().await;
        assert_eq!(owner(&world), "team");
    }

    async fn attack_nobody_registers_people_or_groups_to_own_things(world) {
        let (world, host) = host(world, &[]).await;
        let group = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: admins}\nspec: {type: team, children: [], members: [mallory]}\n";
        host.say_at("/group.yaml", Reply::text(group));
        assert!(refusal(&world, &url("/group.yaml")).await.contains("not of an allowed kind"));
        host.say_at("/all.yaml", Reply::text(location("all", &["./group.yaml"])));
        world.act("catalog:register-entity", json!({"locationUrl": url("/all.yaml")})).await.unwrap();
        world.look().await;
        assert!(world.has("location:default/all") && !world.has("group:default/admins"));
        assert!(world.problems().contains("not of an allowed kind"));
    }
}

#[test]
fn attack_a_repository_of_another_kind_than_https_is_refused_at_the_start() {
    let read = |git: serde_json::Value| {
        let set = vec![("catalog.git".to_owned(), git.to_string())];
        Config::from_raw(&Raw::read(&Flags { file: None, set }, |_| None).unwrap()).map(|_| ())
    };
    for bad in [
        "ext::sh -c id",
        "file:///srv/git",
        "/srv/git",
        "ssh://git@a.example/b",
        "git@a.example:b",
        "-oProxyCommand=id",
        "--upload-pack=id",
        "http://a.example/b",
        "https://t0k:x@a.example/b",
    ] {
        let why = read(json!([{"url": bad}])).unwrap_err().to_string();
        assert!(why.contains("catalog.git") && !why.contains("t0k"), "{why}");
    }
    for bad in [
        json!({"url": "https://a.example/b"}),
        json!([{"url": "https://a.example/b", "branch": "--upload-pack=id"}]),
        json!([{"url": "https://a.example/b", "ref": "x"}]),
        json!([{}]),
        json!(["x"]),
    ] {
        assert!(read(bad.clone()).is_err(), "{bad}");
    }
    assert!(read(json!([{"url": "https://a.example/b", "branch": "main", "paths": ["**/*.yaml"]}])).is_ok());
}
