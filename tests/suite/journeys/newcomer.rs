//! What a newcomer meets on the first day: commands before there is anything, faults in the configuration, and links that
//! outlive a sign-in.

use std::path::Path;
use std::process::Command;

use http::StatusCode;
use postern::oauth::client::ClientKind;

use crate::support::browser::Browser;
use crate::support::people::{LOOPBACK, PASSWORD, admin};

/// What a command says, on both streams, and whether it succeeded.
fn postern(dir: &Path, arguments: &[&str], env: &[(&str, &str)]) -> (String, bool) {
    let out = Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(arguments)
        .current_dir(dir)
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let text = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (text, out.status.success())
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn a_command_that_only_looks_leaves_nothing_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        "user list",
        "user suspend dana@acme.dev",
        "client list",
        "client token list",
        "client suspend x",
        "client revoke x",
        "token list",
        "keys list",
        "keys rotate",
        "audit verify",
        "audit export",
        "sweep --dry-run",
        "catalog refresh",
        "tools list --as dana@acme.dev --client x",
    ] {
        let words: Vec<&str> = arguments.split(' ').collect();
        let (text, success) = postern(dir.path(), &words, &[]);
        assert!(!success && text.contains("postern serve"), "{arguments}: {text}");
        assert!(is_empty(dir.path()), "{arguments} left something");
    }
    // These need no database at all.
    for arguments in ["tools list", "tools list --json", "config check", "config print"] {
        let words: Vec<&str> = arguments.split(' ').collect();
        let (text, success) = postern(dir.path(), &words, &[]);
        assert!(success, "{arguments}: {text}");
        assert!(is_empty(dir.path()), "{arguments} left something");
    }
    let check = ["client", "check", "https://vscode.dev/oauth/client-metadata.json"];
    assert!(postern(dir.path(), &check, &[]).0.contains("welcome"));
    postern(dir.path(), &["doctor"], &[]);
    assert!(is_empty(dir.path()));
}

#[test]
fn config_check_refuses_what_a_start_refuses() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value, why) in [
        ("POSTERN_ENCRYPTION_KEY", "short", "key"),
        ("POSTERN_OUTBOUND_EXTRA_CA", "/nowhere/ca.pem", "/nowhere/ca.pem"),
        ("POSTERN_LOG_FILTER", "postern=loud", "log.filter"),
        ("POSTERN_ACCESS_POLICY_FILE", "/nowhere/policy.yaml", "/nowhere/policy.yaml"),
    ] {
        let env = [(name, value), ("POSTERN_LISTEN", "127.0.0.1:0")];
        let (text, success) = postern(dir.path(), &["config", "check"], &env);
        assert!(!success && text.contains(why), "{name}: {text}");
        let (refused, success) = postern(dir.path(), &["serve"], &env);
        assert!(!success && refused == text, "{name}: {refused}");
    }
    let lost = dir.path().join("postern.toml");
    std::fs::write(&lost, "[exchange.resources]\ngateway = \"http://localhost:8787/mcp/none\"\n").unwrap();
    let (text, success) = postern(dir.path(), &["config", "check"], &[]);
    assert!(!success && text.contains("none of this server's"), "{text}");
}

#[test]
fn a_catalog_path_that_leads_nowhere_is_named_by_check_and_doctor() {
    let dir = tempfile::tempdir().unwrap();
    let env = [("POSTERN_CATALOG_PATHS", "/nowhere/catalog")];
    let (text, success) = postern(dir.path(), &["config", "check"], &env);
    assert!(success && text.contains("catalog.paths has /nowhere/catalog"), "{text}");
    let (text, success) = postern(dir.path(), &["doctor"], &env);
    assert!(!success && text.contains("✗ catalog: catalog.paths has /nowhere/catalog"), "{text}");
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let env = [("POSTERN_DATABASE_URL", "postgres://postern:hunter2@127.0.0.1:1/rows")];
    let (text, success) = postern(dir.path(), &["user", "list"], &env);
    assert!(
        !success && text.contains("rows at 127.0.0.1:1") && text.contains("POSTERN_DATABASE_URL"),
        "{text}"
    );
    assert!(!text.contains("hunter2") && !text.contains("pool"), "{text}");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (text, success) = postern(dir.path(), &["migrate", "--data-dir", "file"], &[]);
    assert!(!success && text.contains("file"), "{text}");
}

#[test]
fn a_scope_that_does_not_exist_and_the_examples_of_help() {
    let dir = tempfile::tempdir().unwrap();
    let add = ["client", "add", "--name", "x", "--redirect-uri", LOOPBACK, "--scope", "catalog:reed"];
    let (text, success) = postern(dir.path(), &add, &[]);
    assert!(!success && text.contains("catalog:reed") && text.contains("catalog:read"), "{text}");
    // As docs/tokens.md has it.
    let guards = "client add --name Gateway --confidential --grant client_credentials --guards http://localhost:8787/mcp";
    let words: Vec<&str> = guards.split(' ').collect();
    let (text, success) = postern(dir.path(), &words, &[]);
    assert!(success && text.contains("client_secret"), "{text}");
    let run = ["tools", "run", "catalog:get", "{\"name\": \"arrivals\"}", "--as", "dana@example.com"];
    let (help, _) = postern(dir.path(), &["tools", "run", "--help"], &[]);
    assert!(help.contains(run[3]), "{help}");
    let (text, success) = postern(dir.path(), &run, &[]);
    assert!(success && text.contains("arrivals"), "{text}");
}

on_both_engines! {
    async fn a_link_outlives_the_sign_in_and_never_leads_elsewhere(world) {
        admin(&world, "root@acme.dev").await;
        let client = world.client(ClientKind::PreRegistered, "Docs bot", &[LOOPBACK]).await;
        let plain = format!("/admin/clients/{}", client.id);
        for place in ["/account", "/account/tokens", "/admin/audit?event=client.added", &plain] {
            let mut browser = Browser::default();
            let page = browser.open(&world, place).await;
            assert!(page.wants_sign_in() && page.at.starts_with("/login?next="), "{}", page.at);
            // A typing error on the way loses nothing.
            let page = browser.sign_in(&world, &page, "root@acme.dev", "a wrong password").await;
            assert!(page.wants_sign_in(), "{}", page.text);
            let page = browser.sign_in(&world, &page, "root@acme.dev", PASSWORD).await;
            assert_eq!((page.at.as_str(), page.status), (place, StatusCode::OK));
        }
        for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "/account/..//evil.example"] {
            let mut browser = Browser::default();
            let query: String = url::form_urlencoded::byte_serialize(elsewhere.as_bytes()).collect();
            let page = browser.open(&world, &format!("/login?next={query}")).await;
            assert!(!page.text.contains("evil"), "{}", page.text);
            let page = browser.sign_in(&world, &page, "root@acme.dev", PASSWORD).await;
            assert_eq!(page.at, "/account");
        }
    }

    async fn an_error_has_a_way_on(world) {
        let mut browser = Browser::default();
        let page = browser.open(&world, "/nowhere").await;
        assert!(page.text.contains("href=\"/account\""), "{}", page.text);
    }
}
