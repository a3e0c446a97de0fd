//! The doctor finds what is wrong, one fault at a time, and nothing where all is well; the audit log is exported and
//! verified from the console.

use std::process::{Command, Output};

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use postern::audit::Fact;
use serde_json::Value;

use crate::support::World;
use crate::support::people::admin;
use crate::support::postgres;

/// A world behind a socket of this machine, and its public URL.
async fn listening(database: Option<String>) -> (World, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let world = World::with(database, &[("public_url", &url)]).await;
    serve(listener, world.router.clone());
    admin(&world, "root@acme.dev").await;
    admin(&world, "second@acme.dev").await;
    (world, url)
}

fn serve(listener: tokio::net::TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}

async fn postern(world: &World, url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(arguments).current_dir(world.dir.path()).env("POSTERN_DATA_DIR", world.dir.path());
    command.env("POSTERN_PUBLIC_URL", url);
    command.envs(world.app.config.database.url.as_ref().map(|url| ("POSTERN_DATABASE_URL", url.reveal())));
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The checks that do not say ok, with what they say.
async fn faults(world: &World, url: &str) -> Vec<(String, String)> {
    let output = postern(world, url, &["doctor", "--json"]).await;
    let findings: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let is_bad = findings.iter().any(|finding| finding["verdict"] == "failed");
    assert_eq!(output.status.success(), !is_bad, "{findings:?}");
    let not_ok = findings.iter().filter(|finding| finding["verdict"] != "ok");
    not_ok
        .map(|finding| {
            assert!(!text(finding, "fix").is_empty(), "{finding}");
            (text(finding, "check"), text(finding, "verdict"))
        })
        .collect()
}

fn failed(check: &str) -> Vec<(String, String)> {
    vec![(check.to_owned(), "failed".to_owned())]
}

async fn execute(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(world.app.store.write()).await.unwrap();
}

async fn journey(database: Option<String>) {
    let (world, url) = listening(database).await;
    assert_eq!(faults(&world, &url).await, [], "all is well");
    let said = postern(&world, &url, &["doctor"]).await;
    assert!(
        said.status.success() && String::from_utf8_lossy(&said.stdout).contains("✓ challenge"),
        "{said:?}"
    );

    let other = url.replace("127.0.0.1", "localhost");
    let names: Vec<String> = faults(&world, &other).await.into_iter().map(|(check, _)| check).collect();
    assert_eq!(names, ["authorization server metadata", "resource metadata"], "it calls itself otherwise");

    // What a careless proxy does.
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = format!("http://127.0.0.1:{}", proxy.local_addr().unwrap().port());
    let behind = World::with(None, &[("public_url", &through)]).await;
    admin(&behind, "root@acme.dev").await;
    admin(&behind, "second@acme.dev").await;
    let strip = map_response(async |mut response: Response| {
        response.headers_mut().remove("www-authenticate");
        response
    });
    serve(proxy, behind.router.clone().layer(strip));
    assert_eq!(faults(&behind, &through).await, failed("challenge"));

    execute(&world, "update users set suspended_at = 1 where email = 'second@acme.dev'").await;
    assert_eq!(faults(&world, &url).await, [("administrators".to_owned(), "warning".to_owned())]);
    execute(&world, "update users set suspended_at = 1").await;
    assert_eq!(faults(&world, &url).await, failed("administrators"));
    execute(&world, "update users set suspended_at = null").await;

    let key = world.dir.path().join("encryption.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert_eq!(faults(&world, &url).await, failed("keys"));
    assert!(!key.exists(), "it looks, and makes nothing");
    std::fs::write(&key, kept).unwrap();

    execute(&world, "delete from _sqlx_migrations where version = 18").await;
    assert_eq!(faults(&world, &url).await, failed("migrations"));
    assert_eq!(faults(&world, "http://127.0.0.1:9").await.last().unwrap().0, "public URL", "nobody is there");
    assert_eq!(faults(&world, "nonsense").await, failed("configuration"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_each_fault_and_no_other_sqlite() {
    journey(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_each_fault_and_no_other_postgres() {
    journey(Some(postgres::database().await)).await;
}

on_both_engines! {
    async fn the_audit_log_is_exported_and_verified_from_the_console(world) {
        for event in ["user.sign-in", "user.sign-out"] {
            let fact = Fact { event, actor: Some("somebody".into()), outcome: "ok", ..Fact::default() };
            world.app.audit.record(fact).await.unwrap();
        }
        let url = "http://localhost:8787";
        let output = postern(&world, url, &["audit", "export", "--event", "user.sign-in"]).await;
        let lines: Vec<Value> =
            output.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect();
        assert!(lines.len() == 1 && lines[0]["event"] == "user.sign-in" && lines[0]["actor"] == "somebody", "{output:?}");
        let noted = postern(&world, url, &["audit", "export", "--event", "audit.exported"]).await;
        assert_eq!(noted.stdout.iter().filter(|b| **b == b'\n').count(), 2, "each export is on record: {noted:?}");
        let nobody = postern(&world, url, &["audit", "export", "--user", "nobody@acme.dev"]).await;
        assert!(!nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("nobody signs in as"), "{nobody:?}");

        let sound = postern(&world, url, &["audit", "verify"]).await;
        assert!(sound.status.success() && String::from_utf8_lossy(&sound.stdout).starts_with("Sound"), "{sound:?}");
        execute(&world, "update audit set outcome = 'denied' where event = 'user.sign-in'").await;
        let changed = postern(&world, url, &["audit", "verify", "--json"]).await;
        let said: Value = serde_json::from_slice(&changed.stdout).unwrap();
        assert!(!changed.status.success() && said["sound"] == false && said["problem"].is_string(), "{said}");
    }
}
