//! Roles, from a file of Backstage's to what a running server answers; by the console, the page and the tools.

use std::process::{Command, Output};

use http::Request;
use serde_json::{Value, json};

use crate::attacks::access::{everyone, publish};
use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::mcp::{granted, list};
use crate::support::modern::ask;
use crate::support::people::{PASSWORD, admin};
use crate::support::postgres;
use crate::support::real::Real;
use crate::support::token::{seed, signed_in};

const OWN: [(&str, &str); 2] = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];
const CSV: &str =
    "p, role:default/devs, catalog-entity, read, allow\ng, user:ada@example.com, role:default/devs\n";
const OWNERS: &str = "result: CONDITIONAL\nroleEntityRef: role:default/owners\npluginId: catalog\nresourceType: catalog-entity\n\
    permissionMapping: [update]\nconditions:\n  rule: IS_ENTITY_OWNER\n  resourceType: catalog-entity\n  params: {claims: [$ownerRefs]}\n";

async fn tools(real: &Real, token: &str) -> String {
    let request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"))
        .body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#.into());
    crate::support::world::text(real.world.send(request.unwrap()).await).await
}

/// The command line beside a server that runs.
struct Console {
    dir: std::path::PathBuf,
    database: Option<String>,
}

impl Console {
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command.args(arguments).current_dir(&self.dir).env("POSTERN_DATA_DIR", &self.dir);
        command.envs(self.database.as_ref().map(|url| ("POSTERN_DATABASE_URL", url)));
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        // The news travel to the server that runs: at most a few looks at the file.
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        done
    }

    async fn says(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert!(done.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// What was brought in goes out again, and nothing is left out on the way.
    async fn brings_out_what_it_brought_in(&self) {
        let csv = self.says(&["access", "export", "--rbac", "--conditions", "out.yaml"]).await;
        std::fs::write(self.dir.join("out.csv"), csv).unwrap();
        let again = ["access", "import", "out.csv", "--conditions", "out.yaml", "--json"];
        let again: Value = serde_json::from_str(&self.says(&again).await).unwrap();
        assert_eq!((&again["text"], &again["people"]), (&json!([]), &json!([])));
        let lost = self.run(&["access", "export", "--rbac"]).await;
        assert!(!lost.status.success(), "conditions are not left out");
        assert!(
            self.says(&["access", "discard", again["draft"].as_str().unwrap()]).await.contains("Discarded")
        );
        assert!(self.says(&["access", "list"]).await.contains("Version 2 counts"));
        let check = ["access", "check", "rbac.csv", "--conditions", "conditions.yaml"];
        assert!(self.says(&check).await.contains("2 roles"));
        std::fs::write(self.dir.join("bad.csv"), "p, role:default/devs, catalog-entity, read, alow\n")
            .unwrap();
        for command in ["check", "import"] {
            let bad = self.run(&["access", command, "bad.csv"]).await;
            assert!(
                !bad.status.success() && String::from_utf8_lossy(&bad.stderr).contains("line 1"),
                "{bad:?}"
            );
        }
        assert!(self.says(&["audit", "export"]).await.contains("policy.published"));
    }
}

/// A policy is brought in, compared and published beside a server that runs, and the server obeys at the next call.
async fn from_the_console(database: Option<String>) {
    let real = Real::start(database.clone(), &[]).await;
    seed(&real.world).await;
    let (first, _) = signed_in(&real.world, "catalog:read").await;
    let token = first.text("access_token");
    let dir = real.world.dir.path().to_owned();
    std::fs::write(dir.join("rbac.csv"), CSV).unwrap();
    std::fs::write(dir.join("conditions.yaml"), OWNERS).unwrap();
    std::fs::write(dir.join("none.yaml"), "roles: []").unwrap();
    let console = Console { dir, database };
    let before = tools(&real, &token).await;
    assert!(before.contains("catalog_get-catalog-entity"));
    let csv = [
        "access",
        "import",
        "rbac.csv",
        "--conditions",
        "conditions.yaml",
        "--json",
        "--note",
        "From Backstage",
    ];
    let drafted: Value = serde_json::from_str(&console.says(&csv).await).unwrap();
    let loses = json!({"who": "Ada@example.com", "permission": "scaffolder.task.create", "change": "loses", "before": "all", "after": "no"});
    assert!(drafted["people"].as_array().unwrap().contains(&loses), "{drafted}");
    assert!(drafted["text"].to_string().contains("IS_ENTITY_OWNER"), "{drafted}");
    assert_eq!(tools(&real, &token).await, before, "a draft changes nothing");
    let none = console.says(&["access", "import", "none.yaml", "--json"]).await;
    let none: Value = serde_json::from_str(&none).unwrap();
    let (devs, none) = (drafted["draft"].as_str().unwrap(), none["draft"].as_str().unwrap());
    assert!(console.says(&["access", "publish", none]).await.contains("version 1"));
    assert!(!tools(&real, &token).await.contains("catalog_get"), "whoever has no role has nothing");
    let behind = console.run(&["access", "publish", devs]).await;
    let why = String::from_utf8_lossy(&behind.stderr).into_owned();
    assert!(!behind.status.success() && why.contains("version 1 was published meanwhile"), "{why}");
    assert!(
        console
            .says(&["access", "diff", devs])
            .await
            .contains("Ada@example.com gains catalog.entity.read (no → all)")
    );
    assert!(console.says(&["access", "publish", devs, "--over", "1"]).await.contains("version 2"));
    let after = tools(&real, &token).await;
    assert!(after.contains("catalog_get-catalog-entity") && !after.contains("refresh"), "{after}");
    let may = console.says(&["access", "may", "ada@example.com"]).await;
    assert!(may.contains("role:default/devs says: allow read catalog-entity"), "{may}");
    let why = console.says(&["tools", "list", "--as", "ada@example.com", "--client", "app"]).await;
    assert!(why.contains("role:default/devs says: allow read catalog-entity"), "{why}");
    console.brings_out_what_it_brought_in().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_backstages_becomes_what_a_running_server_obeys_on_sqlite() {
    from_the_console(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_backstages_becomes_what_a_running_server_obeys_on_postgres() {
    from_the_console(Some(postgres::database().await)).await;
}

async fn root(world: &World) -> Browser {
    admin(world, "root@acme.dev").await;
    let mut browser = Browser::default();
    let page = browser.open(world, "/login").await;
    let page = browser.sign_in(world, &page, "root@acme.dev", PASSWORD).await;
    assert_eq!(page.at, "/account", "{}", page.text);
    browser
}

/// Sends the form of `page` that has this `act`.
async fn act(world: &World, browser: &mut Browser, page: &Seen, act: &str, more: &[(&str, &str)]) -> Seen {
    let form = page
        .text
        .split("<form")
        .find(|form| form.contains(&format!("value=\"{act}\"")))
        .unwrap_or_else(|| panic!("{}", page.text));
    let only = Seen { text: format!("<form{form}"), ..page.clone() };
    browser.submit(world, &only, "/admin/access", more).await
}

const POLICY: &str = "roles:\n- name: readers\n  description: <b>All</b>\n  members: ['*']\n  permissions:\n  - permission: catalog.entity.read\n";

on_both_engines! {
    async fn an_administrator_drafts_looks_and_publishes_on_the_page(world) {
        let token = granted(&world.app, "ada@acme.example", "catalog:read catalog:write").await;
        let mut root = root(&world).await;
        let page = root.open(&world, "/admin/access").await;
        assert!(page.text.contains("No policy is published"), "{}", page.text);
        let bad = act(&world, &mut root, &page, "draft", &[("policy", "roles: [{name: a, members: [x]}]"), ("form", "document")]).await;
        assert!(bad.text.contains("is no member") && bad.text.contains("roles: [{name: a, members: [x]}]"), "{}", bad.text);
        let looked = act(&world, &mut root, &page, "draft", &[("policy", POLICY), ("form", "document"), ("note", "First <i>")]).await;
        assert!(looked.at.starts_with("/admin/access?draft="), "{} {}", looked.at, looked.text);
        for words in ["What this draft would change", "root@acme.dev", "loses", "catalog.entity.refresh", "First &#60;i&#62;"] {
            assert!(looked.text.contains(words), "{words}: {}", looked.text);
        }
        assert!(!looked.text.contains("<b>All") && !looked.text.contains("<i>"), "{}", looked.text);
        assert!(list(&world, &token).await.text.contains("refresh"), "a draft changes nothing");
        let published = act(&world, &mut root, &looked, "publish", &[]).await;
        assert!(published.text.contains("Version 1 counts") && published.text.contains("role:default/readers"), "{}", published.text);
        assert!(!list(&world, &token).await.text.contains("refresh"));
        // The page of before is behind now.
        let csv = [("policy", "g, *, role:default/all\n"), ("form", "rbac")];
        let second = act(&world, &mut root, &published, "draft", &csv).await;
        publish(&world, everyone(json!([]))).await;
        let behind = act(&world, &mut root, &second, "publish", &[]).await;
        assert!(behind.text.contains("Somebody was quicker"), "{}", behind.text);
        let again = root.open(&world, &second.at).await;
        assert!(again.text.contains("before version 2 was published"), "{}", again.text);
        let gone = act(&world, &mut root, &again, "discard", &[]).await;
        assert!(gone.text.contains("None waits"), "{}", gone.text);
        let may = root.open(&world, "/admin/access?who=fleet").await;
        assert!(may.text.contains("They have role:default/all"), "{}", may.text);
        let nobody = root.open(&world, "/admin/access?who=%3Cscript%3E").await;
        assert!(nobody.text.contains("That cannot be said") && !nobody.text.contains("<script>"), "{}", nobody.text);
    }

    /// Nobody else sees the page or sends its form; nor does a form without its proof do anything.
    async fn attack_i01_only_administrators_see_and_change_who_may_do_what(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut dana = Browser::default();
        assert!(dana.open(&world, "/admin/access").await.wants_sign_in());
        let page = dana.open(&world, "/login").await;
        dana.sign_in(&world, &page, "dana@acme.dev", PASSWORD).await;
        let seen = dana.open(&world, "/admin/access").await;
        assert!(!seen.text.contains("Write a draft"), "{}", seen.text);
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let fields = [("act", "draft"), ("policy", POLICY), ("form", "document")].map(owned);
        assert_eq!(dana.post(&world, "/admin/access", &fields, &OWN).await.status(), 403);
        let mut root = root(&world).await;
        assert_eq!(root.post(&world, "/admin/access", &fields, &OWN).await.status(), 403, "without a proof");
        assert!(postern::store::policies::drafts(&world.app.store).await.unwrap().is_empty());
    }

    async fn assistants_read_the_policy_and_draft_it_for_whoever_may(world) {
        let both = "catalog:read access:read access:write";
        let (token, other) = (granted(&world.app, "ada@acme.example", both).await, granted(&world.app, "eve@acme.example", both).await);
        let call = async |token: &str, name: &str, arguments: Value| {
            ask(&world.router, token, "tools/call", json!({"name": name, "arguments": arguments})).await
        };
        let refused = call(&token, "policy:read-policy", json!({})).await.failure();
        assert!(refused.contains("only administrators"), "{refused}");
        sqlx::query("update users set admin_at = 1 where id = 'ada@acme.example'").execute(world.app.store.write()).await.unwrap();
        let policy = json!({"roles": [
            {"name": "keepers", "members": ["user:ada@acme.example"], "permissions": [
                {"permission": "policy.entity.read"}, {"permission": "policy.entity.create"}]},
            {"name": "team", "members": ["group:fleet"], "permissions": [{"permission": "catalog.entity.read"}]}]});
        let bad = call(&token, "policy:save-policy-draft", json!({"policy": {"roles": [{"name": "a", "members": ["x"]}]}})).await.failure();
        assert!(bad.starts_with("InputError: ") && bad.contains("no member"), "{bad}");
        let saved = call(&token, "policy:save-policy-draft", json!({"policy": policy, "note": "Keepers"})).await.result();
        let draft = saved["structuredContent"]["draftId"].as_str().unwrap().to_owned();
        assert!(saved["structuredContent"]["people"].to_string().contains("eve@acme.example"), "{saved}");
        assert!(world.app.policies.published().is_none(), "a draft is no policy");
        let read = call(&token, "policy:read-policy", json!({})).await.result();
        assert_eq!(read["structuredContent"]["drafts"][0]["draftId"], draft.as_str(), "{read}");
        postern::app::policy::publish(&world.app, &draft, 0, "system").await.unwrap();
        let may = call(&token, "policy:get-effective-permissions", json!({"member": "fleet"})).await.result();
        let permissions = may["structuredContent"]["permissions"].as_array().unwrap().clone();
        let reads = permissions.iter().find(|it| it["permission"] == "catalog.entity.read").unwrap();
        assert_eq!((&reads["may"], &reads["because"][0]), (&json!("all"), &json!("role:default/team says: allow catalog.entity.read")));
        assert!(call(&token, "policy:get-effective-permissions", json!({"member": "nobody"})).await.failure().contains("no member"));
        assert!(call(&token, "policy:compare-policy-draft", json!({"draftId": draft})).await.result()["structuredContent"]["text"] == json!([]));
        assert!(call(&token, "policy:compare-policy-draft", json!({"draftId": "none"})).await.failure().contains("no draft"));
        let known = call(&token, "policy:list-permissions", json!({})).await.result();
        assert!(known.to_string().contains("IS_ENTITY_OWNER"));
        // Whoever the policy does not give it finds no such tool, whatever their token holds.
        let hidden = call(&other, "policy:read-policy", json!({})).await.text;
        let none = call(&other, "policy:no-policy", json!({})).await.text;
        assert_eq!(hidden.replace("read-policy", "no-policy"), none);
    }
}
