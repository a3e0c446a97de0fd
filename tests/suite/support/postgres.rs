//! A private Postgres for this test process: made in a temporary directory, ended when the process ends.
//!
//! `POSTERN_TEST_POSTGRES=postgres://…` names a running one to use instead.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

static TEMPLATE: OnceCell<()> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The URL of a fresh database whose schema is up to date.
pub async fn database() -> String {
    let server = server();
    TEMPLATE.get_or_init(|| make_template(server)).await;
    let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let mut admin = connect(server, "postgres").await;
    // A template may have no other session while it is copied; the copies queue here.
    for attempt in 0.. {
        let made = admin
            .execute(sqlx::AssertSqlSafe(format!("create database {name} template {}", template())))
            .await;
        match made {
            Ok(_) => break,
            Err(error) if attempt > 100 => panic!("no database for the test: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    format!("{server}/{name}")
}

fn template() -> String {
    format!("template_{}", std::process::id())
}

async fn make_template(server: &'static str) {
    let mut admin = connect(server, "postgres").await;
    admin.execute(sqlx::AssertSqlSafe(format!("create database {}", template()))).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = super::world::config(dir.path(), Some(&format!("{server}/{}", template())));
    let store = postern::store::Store::open(&config).await.unwrap();
    store.migrate(dir.path()).await.unwrap();
    store.write().close().await;
}

async fn connect(server: &str, database: &str) -> PgConnection {
    PgConnection::connect(&format!("{server}/{database}")).await.expect("the private Postgres answers")
}

/// `postgres://…` without a database name.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("POSTERN_TEST_POSTGRES") {
        Ok(url) => url.trim_end_matches('/').to_owned(),
        Err(_) => start(),
    })
}

fn start() -> String {
    let bin = binaries();
    let home = PathBuf::from(format!("/tmp/postern-pg-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let owner = owner();
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
    }
    let run = |program: &str| {
        let mut command = Command::new(bin.join(program));
        if let Some((uid, gid)) = owner {
            command.uid(uid).gid(gid);
        }
        command.current_dir(&home).env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
        command
    };
    let made = run("initdb").args(["-N", "-U", "postern", "-A", "trust", "-D", "data"]).output().unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    let port = free_port();
    // The shell ends the server when its standard input closes: when this process ends, however it ends.
    let script = format!(
        "{bin}/postgres -D data -p {port} -k '' -h 127.0.0.1 -c fsync=off -c synchronous_commit=off \
         -c max_connections=400 -c shared_buffers=64MB >log 2>&1 & pid=$!; read -r _; kill -INT $pid; wait $pid; rm -rf {home}",
        bin = bin.display(),
        home = home.display(),
    );
    let mut shell = Command::new("/bin/sh");
    if let Some((uid, gid)) = owner {
        shell.uid(uid).gid(gid);
    }
    let child = shell.args(["-c", &script]).current_dir(&home).stdin(Stdio::piped()).spawn().unwrap();
    std::mem::forget(child);
    wait_until_ready(&home.join("data/postmaster.pid"));
    format!("postgres://postern@127.0.0.1:{port}")
}

fn wait_until_ready(pid_file: &Path) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(30) {
        let text = std::fs::read_to_string(pid_file).unwrap_or_default();
        if text.lines().last().is_some_and(|line| line.trim() == "ready") {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("Postgres did not become ready; see {}", pid_file.display());
}

fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect(
        "Postgres is installed (scripts/test does that); without it, run `cargo test -- --skip postgres`",
    )
}

/// Postgres refuses to run as root: the ids to run it under instead.
fn owner() -> Option<(u32, u32)> {
    let id = |flag: &str, name: &str| {
        let out = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(out.stdout).ok()?.trim().parse::<u32>().ok()
    };
    let me = Command::new("id").arg("-u").output().ok()?;
    if me.stdout.trim_ascii() != b"0" {
        return None;
    }
    Some((id("-u", "postgres")?, id("-g", "postgres")?))
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
