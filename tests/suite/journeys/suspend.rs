//! An administrator suspends a client or a person from the command line, beside a server that runs.

use std::process::{Command, Output};

use http::Request;
use postern::store::subjects::{self, Subject};

use crate::support::postgres;
use crate::support::real::Real;
use crate::support::token::{seed, signed_in};

/// What the guard says to a token.
async fn status(real: &Real, token: &str) -> u16 {
    let request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"))
        .body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#.into());
    real.world.send(request.unwrap()).await.status().as_u16()
}

async fn journey(database: Option<String>) {
    let real = Real::start(database.clone(), &[]).await;
    seed(&real.world).await;
    let (first, _) = signed_in(&real.world, "catalog:read").await;
    let token = first.text("access_token");
    let dir = real.world.dir.path().to_owned();
    let postern = async |arguments: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command.args(arguments).current_dir(&dir).env("POSTERN_DATA_DIR", &dir);
        command.env("POSTERN_TRUSTED_ISSUERS", r#"[{"issuer":"https://idp.example"}]"#);
        command.envs(database.as_ref().map(|url| ("POSTERN_DATABASE_URL", url)));
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        // The news travel to the server that runs: at most a few looks at the file.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        done
    };
    for (what, name) in [("client", "app"), ("user", "ada@example.com")] {
        assert_eq!(status(&real, &token).await, 200, "{what}");
        assert!(postern(&[what, "suspend", name]).await.status.success(), "{what}");
        assert_eq!(status(&real, &token).await, 401, "{what}");
        let again = postern(&[what, "suspend", name]).await;
        assert!(
            !again.status.success() && String::from_utf8_lossy(&again.stderr).contains("postern"),
            "{again:?}"
        );
        assert!(postern(&[what, "resume", name]).await.status.success(), "{what}");
        assert!(!postern(&[what, "resume", name]).await.status.success(), "{what}");
        assert!(!postern(&[what, "suspend", "nobody@example.com"]).await.status.success(), "{what}");
    }
    assert_eq!(status(&real, &token).await, 200);
    let told =
        "select event from audit where event like '%.suspended' or event like '%.resumed' order by event";
    let told = sqlx::query_scalar::<_, String>(told).fetch_all(real.world.app.store.write()).await.unwrap();
    let once = ["client.resumed", "client.suspended", "user.resumed", "user.suspended"];
    assert_eq!(told, once, "what happened is on record, and nothing else");
    let link = ["--issuer", "https://idp.example", "--subject", "00u1"];
    let with = |first: &[&'static str]| [first, &link[..]].concat();
    let found = async || {
        let who = Subject { issuer: "https://idp.example", tenant: "", subject: "00u1" };
        subjects::find(&real.world.app.store, who).await.unwrap()
    };
    assert!(postern(&with(&["user", "link", "ada@example.com"])).await.status.success());
    assert_eq!(found().await.as_deref(), Some("ada"));
    assert!(!postern(&with(&["user", "link", "ada@example.com"])).await.status.success(), "linked already");
    let stranger = ["user", "link", "ada@example.com", "--issuer", "https://other.example", "--subject", "x"];
    assert!(!postern(&stranger).await.status.success(), "an issuer that nobody trusts");
    assert!(postern(&with(&["user", "unlink", "ada@example.com"])).await.status.success());
    assert_eq!(found().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_from_the_command_line_bites_at_the_next_call_sqlite() {
    journey(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_from_the_command_line_bites_at_the_next_call_postgres() {
    journey(Some(postgres::database().await)).await;
}
