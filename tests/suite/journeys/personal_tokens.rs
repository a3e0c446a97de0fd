//! Personal access tokens and those that the configuration names: made, used, kept to less, ended everywhere.

use std::process::Command;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, StatusCode};
use postern::access::personal::{EVERY, Kept, Wish};
use postern::app::App;
use postern::oauth::client::{AuthMethod, ClientKind};
use postern::secret::{self, Personal, Secret};
use postern::store::personal_tokens::{self, Added};
use postern::store::{self, events::Event};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::browser::{Browser, Seen};
use crate::support::mcp::rpc;
use crate::support::people::PASSWORD;
use crate::support::token::{SECRET, client, post_as};
use crate::support::{World, world};

const CATALOG: &str = "http://localhost:8787/mcp/catalog";

async fn send(world: &World, path: &str, token: &str, body: &str) -> (u16, Value) {
    let request = Request::post(path)
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    let response = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
    let status = response.status().as_u16();
    (status, serde_json::from_str(&world::text(response).await).unwrap_or_default())
}

async fn listed(world: &World, path: &str, token: &str) -> (u16, Vec<String>) {
    let (status, body) = send(world, path, token, &rpc("tools/list", "")).await;
    let tools = body["result"]["tools"].as_array().cloned().unwrap_or_default();
    (status, tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect())
}

/// A token of Dana's, as the page and the command line make them.
pub async fn made(app: &App, change: impl FnOnce(&mut Wish)) -> (String, String) {
    let now = app.clock.now();
    let user = store::users::list(&app.store).await.unwrap().into_iter().next().unwrap();
    let mut wish = Wish {
        name: "Nightly".into(),
        scope: "catalog:read".into(),
        resource: EVERY.into(),
        kept: Kept::default(),
        days: 30,
    };
    change(&mut wish);
    let new = wish.judged(&app.resources, &app.actions).unwrap();
    let (secret, id) = (Secret::<Personal>::mint(), secret::id(now));
    let mut tx = app.store.begin().await.unwrap();
    let added = personal_tokens::add(&mut tx, (&id, &secret.digest()), &user.id, &new, now).await.unwrap();
    assert_eq!(added, Added::Yes);
    tx.commit().await.unwrap();
    (secret.reveal().to_owned(), id)
}

async fn signed_in(world: &World, email: &str) -> Browser {
    let mut browser = Browser::default();
    let page = browser.open(world, "/login").await;
    browser.sign_in(world, &page, email, PASSWORD).await;
    browser
}

fn shown_secret(page: &Seen) -> String {
    let at = page.text.find("pot_").unwrap_or_else(|| panic!("no token: {}", page.text));
    page.text[at..at + 47].to_owned()
}

async fn ended(world: &World, id: &str) {
    let mut tx = world.app.store.begin().await.unwrap();
    assert!(
        personal_tokens::revoke(&mut tx, &world.app.store, (id, None), "test", world.clock.now())
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    world.app.store.tell(Event::GrantRevoked(id.to_owned()));
}

on_both_engines! {
    async fn a_person_makes_a_token_uses_it_and_ends_it(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut browser = signed_in(&world, "dana@acme.dev").await;
        let page = browser.open(&world, "/account/tokens").await;
        assert!(page.text.contains("You have none"), "{}", page.text);
        let wish = [("name", "Nightly report"), ("days", "30"), ("server", EVERY), ("scope", "catalog:read")];
        let page = browser.submit(&world, &page, "/account/tokens", &wish).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let token = shown_secret(&page);
        let page = browser.open(&world, "/account/tokens").await;
        assert!(page.text.contains("Nightly report") && page.text.contains("last used never"), "{}", page.text);
        assert!(!page.text.contains("pot_"), "shown once");
        let rows: Vec<(String, String)> =
            sqlx::query_as("select digest, name || kept from personal_tokens").fetch_all(world.app.store.write()).await.unwrap();
        assert!(rows.len() == 1 && !format!("{rows:?}").contains(&token), "only the digest is kept");

        for path in ["/mcp", "/mcp/catalog", "/api/mcp-actions/v1"] {
            for _ in 0..2 {
                assert_eq!(listed(&world, path, &token).await.0, 200, "{path}");
            }
        }
        let call = rpc("tools/call", r#""name":"catalog:query","arguments":{}"#);
        assert_eq!(send(&world, "/mcp", &token, &call).await.1["result"]["isError"], false);
        let began = Instant::now();
        while browser.open(&world, "/account/tokens").await.text.contains("last used never") {
            assert!(began.elapsed() < Duration::from_secs(5), "a use is noted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let page = browser.open(&world, "/account/tokens").await;
        let gone = browser.submit(&world, &page, "/account/tokens/revoke", &[]).await;
        assert!(gone.text.contains("Ended"), "{}", gone.text);
        for path in ["/mcp", "/mcp/catalog"] {
            assert_eq!(listed(&world, path, &token).await.0, 401, "refused on the next call, at {path}");
        }
    }

    async fn attack_i01_nobody_ends_or_sees_the_token_of_another(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let (token, id) = made(&world.app, |_| {}).await;
        world.user("eve@acme.dev", PASSWORD).await;
        let mut eve = signed_in(&world, "eve@acme.dev").await;
        let page = eve.open(&world, "/account/tokens").await;
        assert!(page.text.contains("You have none"), "{}", page.text);
        // Her own form, another's id.
        let (_, fields) = page.form("/account/tokens");
        let csrf = fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
        let fields = [("csrf".to_owned(), csrf), ("id".to_owned(), id.clone())];
        let refused = eve.post(&world, "/account/tokens/revoke", &fields, &[]).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND);
        assert_eq!(listed(&world, "/mcp", &token).await.0, 200);
        // Nor does a form from elsewhere.
        let forged = [("csrf".to_owned(), "pof_x".to_owned()), ("id".to_owned(), id)];
        let refused = signed_in(&world, "dana@acme.dev").await.post(&world, "/account/tokens/revoke", &forged, &[]).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(listed(&world, "/mcp", &token).await.0, 200);
        let stranger = Browser::default().open(&world, "/account/tokens").await;
        assert!(stranger.wants_sign_in());
    }

    async fn a_wish_that_cannot_be_granted_says_why_and_makes_nothing(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut browser = signed_in(&world, "dana@acme.dev").await;
        for (changed, word) in [
            (("name", ""), "what the token is for"),
            (("days", "1000"), "days"),
            (("days", "x"), "days"),
            (("scope", "admin:all"), "no scope admin:all"),
            (("server", "http://localhost:8787/mcp/none"), "no MCP server"),
            (("plugin", "catalogue"), "no plugin"),
        ] {
            let page = browser.open(&world, "/account/tokens").await;
            let mut wish = vec![("name", "A <b>name</b>"), ("days", "30"), ("server", EVERY), ("scope", "catalog:read")];
            wish.retain(|(name, _)| *name != changed.0);
            wish.push(changed);
            let refused = browser.submit(&world, &page, "/account/tokens", &wish).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(refused.text.contains(word) && !refused.text.contains("<b>name"), "{}", refused.text);
        }
        assert!(personal_tokens::all(&world.app.store).await.unwrap().is_empty());
    }

    async fn a_token_opens_what_it_is_for_and_nothing_else(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let (one, _) = made(&world.app, |wish| wish.resource = CATALOG.into()).await;
        for _ in 0..2 {
            assert_eq!(listed(&world, "/mcp/catalog", &one).await.0, 200);
            assert_eq!(listed(&world, "/mcp", &one).await.0, 401, "for one server only");
            assert_eq!(listed(&world, "/api/mcp-actions/v1/catalog", &one).await.0, 401);
        }
        let (kept, _) = made(&world.app, |wish| wish.kept.plugins = vec!["auth".into()]).await;
        assert_eq!(listed(&world, "/mcp", &kept).await, (200, vec!["auth_who-am-i".to_owned()]));
        let call = |name: &str| rpc("tools/call", &format!(r#""name":"{name}","arguments":{{}}"#));
        let (status, hidden) = send(&world, "/mcp", &kept, &call("catalog:query")).await;
        let (_, unknown) = send(&world, "/mcp", &kept, &call("no-such")).await;
        assert_eq!((status, hidden.to_string().replace("catalog:query", "no-such")), (200, unknown.to_string()));
        // Its owner may do more than it: what it holds decides.
        let (status, _) = send(&world, "/mcp", &one.replace("pot_", "poq_"), &call("catalog:query")).await;
        assert_eq!(status, 401);
        let expires = 30 * 86_400;
        world.clock.advance(expires - 1);
        assert_eq!(listed(&world, "/mcp", &kept).await.0, 200);
        world.clock.advance(1);
        assert_eq!(listed(&world, "/mcp", &kept).await.0, 401, "known, and over all the same");
        assert_eq!(listed(&world, "/mcp/catalog", &one).await.0, 401);
    }

    async fn whoever_may_know_learns_what_a_token_is_good_for(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        client(&world.app, "rs", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
        client(&world.app, "self", ClientKind::SelfRegistered, AuthMethod::ClientSecretBasic).await;
        client(&world.app, "elsewhere", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
        sqlx::query("update clients set metadata = replace(metadata, '[\"http://localhost:8787/mcp\"]', '[\"http://localhost:8787/mcp/catalog\"]') where id = 'rs'")
            .execute(world.app.store.write()).await.unwrap();
        let (token, id) = made(&world.app, |wish| wish.resource = CATALOG.into()).await;
        let ask = |who: &'static str| {
            let (world, token) = (&world, token.clone());
            async move { post_as(world, "/introspect", &[("token", &token)], Some(&format!("{who}:{SECRET}"))).await.json }
        };
        let known = ask("rs").await;
        assert_eq!((&known["active"], &known["aud"], &known["scope"]), (&true.into(), &CATALOG.into(), &"catalog:read".into()));
        assert_eq!(known["username"], "dana@acme.dev");
        assert_eq!(ask("self").await, serde_json::json!({"active": false}));
        assert_eq!(ask("elsewhere").await, serde_json::json!({"active": false}), "it guards another resource");
        ended(&world, &id).await;
        assert_eq!(ask("rs").await, serde_json::json!({"active": false}));
    }

    async fn what_ends_a_token_on_one_node_ends_it_on_every_node(world) {
        let dana = world.user("dana@acme.dev", PASSWORD).await;
        let (app, _writer) = App::open(world.app.config.clone(), world.clock.clone()).await.unwrap();
        let other = World { router: postern::ops::serve::router(&app).unwrap(), app: app.clone(), clock: world.clock.clone(), dir: tempfile::tempdir().unwrap() };
        let stop = CancellationToken::new();
        for app in [&world.app, &app] {
            tokio::spawn(app.store.clone().listen(app.config.clone(), app.clock.clone(), stop.clone()));
        }
        for end in ["token", "user", "kind"] {
            let (token, id) = made(&world.app, |_| {}).await;
            for _ in 0..2 {
                assert_eq!((listed(&world, "/mcp", &token).await.0, listed(&other, "/mcp", &token).await.0), (200, 200));
            }
            let mut tx = world.app.store.begin().await.unwrap();
            let (store, now) = (&world.app.store, world.clock.now());
            let event = match end {
                "token" => {
                    personal_tokens::revoke(&mut tx, store, (&id, Some(&dana.id)), "user", now).await.unwrap();
                    Event::GrantRevoked(id.clone())
                }
                "user" => {
                    store::users::suspend(&mut tx, store, &dana.id, true, now).await.unwrap();
                    Event::UserSuspended(dana.id.clone())
                }
                _ => {
                    store::clients::revoke(&mut tx, store, "personal-access-tokens", "admin", now).await.unwrap();
                    Event::ClientRevoked("personal-access-tokens".into())
                }
            };
            tx.commit().await.unwrap();
            store.tell(event);
            assert_eq!(listed(&world, "/mcp", &token).await.0, 401, "{end}");
            let began = Instant::now();
            while listed(&other, "/mcp", &token).await.0 != 401 {
                assert!(began.elapsed() < Duration::from_secs(5), "{end} still opens the other node");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            if end == "user" {
                let mut tx = world.app.store.begin().await.unwrap();
                store::users::suspend(&mut tx, store, &dana.id, false, now).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
        stop.cancel();
        let mut tx = world.app.store.begin().await.unwrap();
        let wish = Wish { name: "n".into(), scope: "catalog:read".into(), resource: EVERY.into(), kept: Kept::default(), days: 1 };
        let new = wish.judged(&world.app.resources, &world.app.actions).unwrap();
        let digest = Secret::<Personal>::mint().digest();
        let added = personal_tokens::add(&mut tx, ("x", &digest), &dana.id, &new, world.clock.now()).await.unwrap();
        assert_eq!(added, Added::Ended, "an administrator who ended them all has ended them");
    }

    async fn one_person_has_only_so_many(world) {
        let dana = world.user("dana@acme.dev", PASSWORD).await;
        for _ in 0..postern::limits::PERSONAL_TOKENS_MAX {
            made(&world.app, |_| {}).await;
        }
        let wish = Wish { name: "n".into(), scope: "catalog:read".into(), resource: EVERY.into(), kept: Kept::default(), days: 1 };
        let new = wish.judged(&world.app.resources, &world.app.actions).unwrap();
        let mut tx = world.app.store.begin().await.unwrap();
        let digest = Secret::<Personal>::mint().digest();
        let added = personal_tokens::add(&mut tx, ("x", &digest), &dana.id, &new, world.clock.now()).await.unwrap();
        assert_eq!(added, Added::TooMany);
    }
}

const STATIC: &str = r#"[
    {"type": "static", "options": {"token": "0123456789abcdef0123456789abcdef", "subject": "cicd"},
     "accessRestrictions": [{"plugin": "catalog", "permissionAttribute": {"action": "read"}}]},
    {"subject": "nightly", "token": "fedcba9876543210fedcba9876543210", "server": "catalog"}]"#;

#[tokio::test]
async fn a_token_of_the_configuration_is_a_program_kept_to_what_it_was_given() {
    let world = World::with(None, &[("backend.auth.externalAccess", STATIC)]).await;
    let (cicd, nightly) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
    for _ in 0..2 {
        let (status, names) = listed(&world, "/mcp", cicd).await;
        assert!(
            status == 200 && names.contains(&"catalog_get-catalog-entity".to_owned()),
            "{status} {names:?}"
        );
        assert!(
            names.iter().all(|name| name.starts_with("catalog_")),
            "who-am-i is another plugin's: {names:?}"
        );
        assert_eq!(listed(&world, "/mcp", nightly).await.0, 401, "for one server only");
        assert_eq!(listed(&world, "/mcp/catalog", nightly).await.0, 200);
        assert_eq!(listed(&world, "/mcp", "0123456789abcdef0123456789abcdeg").await.0, 401);
    }
    world.app.store.tell(Event::Distrusted);
    assert_eq!(listed(&world, "/mcp", cicd).await.0, 200, "no row says that it lives, and it does");
    let call = rpc("tools/call", r#""name":"catalog:query","arguments":{}"#);
    assert_eq!(send(&world, "/mcp", cicd, &call).await.1["result"]["isError"], false);
}

/// Runs the program itself on the data of `folder`.
fn postern(folder: &std::path::Path, arguments: &[&str], input: &str) -> (bool, String) {
    use std::io::Write as _;
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(["--data-dir", folder.to_str().unwrap()]).args(arguments).current_dir(folder).env_clear();
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[tokio::test]
async fn an_operator_makes_tokens_and_asks_why_a_tool_is_or_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| postern(dir.path(), arguments, PASSWORD);
    let json = |arguments: &[&str]| -> Value {
        let (ok, said) = run(arguments);
        assert!(ok, "{arguments:?}: {said}");
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
    };
    assert!(run(&["user", "add", "--email", "dana@acme.dev", "--name", "Dana", "--password-stdin"]).0);
    let made = json(&[
        "token",
        "add",
        "--user",
        "dana@acme.dev",
        "--name",
        "Nightly",
        "--scope",
        "catalog:read",
        "--plugin",
        "catalog",
        "--json",
    ]);
    assert!(made["token"].as_str().unwrap().starts_with("pot_"));
    let id = made["id"].as_str().unwrap();
    let listed = json(&["token", "list", "--user", "dana@acme.dev", "--json"]);
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&made["id"], &"live".into()));
    assert!(!listed.to_string().contains("pot_"));
    let why = ["tools", "list", "--as", "dana@acme.dev", "--client", "personal-access-tokens", "--json"];
    let rules = |answer: &Value| -> Vec<(String, bool, String)> {
        let one = |tool: &Value| {
            let text = |name: &str| tool[name].as_str().unwrap().to_owned();
            (text("id"), tool["allowed"].as_bool().unwrap(), text("rule"))
        };
        answer["tools"].as_array().unwrap().iter().map(one).collect()
    };
    let explained = json(&why);
    assert_eq!(explained["grant"], made["id"]);
    let expected = [
        ("auth:who-am-i", false, "outside-restrictions"),
        ("catalog:get-catalog-entity", true, "scope-held"),
    ];
    for (tool, (id, allowed, rule)) in rules(&explained).iter().zip(expected) {
        assert_eq!((tool.0.as_str(), tool.1, tool.2.as_str()), (id, allowed, rule));
    }
    let catalog = json(&[&why[..], &["--server", "catalog"]].concat());
    assert_eq!(catalog["resource"], CATALOG);
    let nobody = json(&["tools", "list", "--as", "dana@acme.dev", "--client", "nobody", "--json"]);
    assert!(
        nobody["grant"].is_null()
            && rules(&nobody).iter().all(|(_, allowed, rule)| !allowed && rule == "no-grant")
    );
    assert!(run(&["token", "revoke", id]).0);
    assert_eq!(json(&["token", "list", "--json"])[0]["state"], "ended");
    assert!(json(&why)["grant"].is_null());
}

#[tokio::test]
async fn an_act_of_the_console_that_cannot_be_done_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| postern(dir.path(), arguments, PASSWORD);
    assert!(run(&["user", "add", "--email", "dana@acme.dev", "--name", "Dana", "--password-stdin"]).0);
    let add = |user, scope| vec!["token", "add", "--user", user, "--name", "x", "--scope", scope];
    for (bad, word) in [
        (add("eve@acme.dev", "catalog:read"), "nobody has"),
        (add("dana@acme.dev", "none:read"), "no scope"),
        ([add("dana@acme.dev", "catalog:read"), vec!["--server", "x"]].concat(), "no MCP server"),
        ([add("dana@acme.dev", "catalog:read"), vec!["--plugin", "x"]].concat(), "no plugin"),
        (vec!["token", "revoke", "x"], "no token x"),
        (vec!["tools", "list", "--as", "dana@acme.dev"], "--client"),
    ] {
        let (ok, said) = run(&bad);
        assert!(!ok && said.contains(word), "{bad:?}: {said}");
    }
}
