//! An administrator lets clients in from the console.

use std::process::{Command, Output};

use http::Method;
use postern::oauth::client::ClientKind;
use postern::store;
use serde_json::{Value, json};

use super::personal_tokens::made;
use crate::support::World;
use crate::support::people::{LOOPBACK, PASSWORD};
use crate::support::registration::{ask, good};
use crate::support::signer::{Signer, own_token};

/// `postern …` on the database of `world`.
fn postern(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(arguments).current_dir(world.dir.path()).env("POSTERN_DATA_DIR", world.dir.path());
    if let Some(url) = &world.app.config.database.url {
        command.env("POSTERN_DATABASE_URL", url.reveal());
    }
    command.output().unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_both_engines! {
    async fn an_initial_access_token_is_made_used_counted_and_ended(world) {
        let world = world.restarted(&[("clients.self_registered", "token")]).await;
        let made = json_of(&postern(&world, &["client", "token", "add", "--uses", "2", "--days", "3", "--note", "Payments", "--json"]));
        let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
        // The command reads the system's clock, and the test's stands elsewhere; what it made is the length of its life.
        assert!(token.starts_with("poi_"));
        let until = world.clock.now().plus_seconds(60).micros();
        sqlx::query("update registration_tokens set expires_at = $1").bind(until).execute(world.app.store.write()).await.unwrap();
        assert_eq!(ask(&world, Method::POST, "/register", Some(token), &good()).await.status, 201);
        let listed = json_of(&postern(&world, &["client", "token", "list", "--json"]));
        assert_eq!((&listed[0]["id"], &listed[0]["uses_left"], &listed[0]["note"]), (&json!(id), &json!(1), &json!("Payments")));
        let table = postern(&world, &["client", "token", "list"]);
        for shown in [&table.stdout, &serde_json::to_vec(&listed).unwrap()] {
            let shown = String::from_utf8_lossy(shown);
            assert!(shown.contains("Payments") && !shown.contains(token) && !shown.contains("digest"), "{shown}");
        }
        assert!(postern(&world, &["client", "token", "revoke", id]).status.success());
        assert_eq!(ask(&world, Method::POST, "/register", Some(token), &good()).await.error(), (401, "invalid_token"));
        assert!(refusal(&postern(&world, &["client", "token", "revoke", id])).contains("client token list"));
        for bad in [["--uses", "0"], ["--uses", "10001"], ["--days", "0"], ["--days", "366"], ["--uses", "many"]] {
            let arguments = [&["client", "token", "add"][..], &bad].concat();
            refusal(&postern(&world, &arguments));
        }
    }

    async fn a_client_with_keys_is_added_and_proves_itself_by_them(world) {
        let signer = Signer::new("ES256");
        let file = world.dir.path().join("keys.json");
        let write = |keys: &Value| std::fs::write(&file, keys.to_string()).unwrap();
        let path = file.to_str().unwrap();
        let add = |more: &[&str]| {
            let base = ["client", "add", "--name", "CI", "--grant", "client_credentials", "--scope", "catalog:read", "--json"];
            postern(&world, &[&base[..], more].concat())
        };
        write(&signer.keys());
        let added = json_of(&add(&["--jwks", path]));
        assert_eq!((&added["token_endpoint_auth_method"], added.get("client_secret")), (&json!("private_key_jwt"), None));
        let id = added["client_id"].as_str().unwrap();
        let answer = own_token(&world, &signer.assertion(&world, id)).await;
        assert_eq!((answer.status, &answer.json["scope"]), (200, &json!("catalog:read")));
        let by_uri = json_of(&add(&["--jwks-uri", "https://ci.example/jwks"]));
        assert_eq!(by_uri["jwks_uri"], "https://ci.example/jwks");
        let mut private = signer.jwk.clone();
        private["d"] = json!("AAAA");
        write(&json!({"keys": [private]}));
        assert!(refusal(&add(&["--jwks", path])).contains("must hold public keys only"));
        write(&json!([]));
        assert!(refusal(&add(&["--jwks", path])).contains("must be a JWK set"));
        assert!(refusal(&add(&["--jwks", "nowhere.json"])).contains("nowhere.json"));
        assert!(refusal(&add(&["--jwks-uri", "http://ci.example/jwks"])).contains("https"));
        refusal(&add(&["--jwks", path, "--jwks-uri", "https://ci.example/jwks"]));
        refusal(&add(&["--jwks", path, "--confidential"]));
    }

    async fn what_changes_nothing_is_refused_and_not_on_record_as_done(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let client = world.client(ClientKind::PreRegistered, "Docs bot", &[LOOPBACK]).await;
        let (_, token) = made(&world.app, |_| {}).await;
        let id = client.id.as_str();
        assert!(refusal(&postern(&world, &["client", "resume", id])).contains("is not suspended"));
        assert!(postern(&world, &["client", "revoke", id]).status.success());
        assert!(postern(&world, &["token", "revoke", &token]).status.success());
        let before = recorded(&world).await;
        for (arguments, word) in [
            (["client", "revoke", "nope"], "no client nope"),
            (["client", "suspend", "nope"], "no client nope"),
            (["client", "resume", "nope"], "no client nope"),
            (["client", "revoke", id], "revoked before"),
            (["client", "suspend", id], "revoked before"),
            (["client", "resume", id], "for good"),
            (["token", "revoke", "nope"], "no token nope"),
            (["token", "revoke", id], "no token"),
            (["token", "revoke", &token], "ended before"),
        ] {
            let said = refusal(&postern(&world, &arguments));
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
        refusal(&postern(&world, &["client", "token", "revoke", "nope"]));
        assert_eq!(recorded(&world).await, before);
        // One that was suspended before its end is not good again either.
        sqlx::query("update clients set suspended_at = 1").execute(world.app.store.write()).await.unwrap();
        assert!(refusal(&postern(&world, &["client", "resume", id])).contains("for good"));
        let mut tx = world.app.store.begin().await.unwrap();
        let now = world.clock.now();
        assert!(!store::clients::suspend(&mut tx, &world.app.store, id, false, now).await.unwrap());
    }

    /// However many do it at once: one did, and one is on record.
    async fn of_many_who_end_one_token_at_once_one_is_on_record(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let (_, token) = made(&world.app, |_| {}).await;
        let add = json_of(&postern(&world, &["client", "token", "add", "--uses", "2", "--json"]));
        for (arguments, event) in [
            (vec!["token", "revoke", token.as_str()], "token.ended"),
            (vec!["client", "token", "revoke", add["id"].as_str().unwrap()], "client.token.revoked"),
        ] {
            let all: Vec<Output> = std::thread::scope(|scope| {
                let running: Vec<_> = (0..4).map(|_| scope.spawn(|| postern(&world, &arguments))).collect();
                running.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert_eq!(all.iter().filter(|output| output.status.success()).count(), 1, "{all:?}");
            let rows = sqlx::query_scalar("select count(*) from audit where event = $1 and outcome = 'ok'").bind(event);
            let rows: i64 = rows.fetch_one(world.app.store.read()).await.unwrap();
            assert_eq!(rows, 1, "{event}");
        }
    }

    async fn a_token_that_was_not_made_is_not_on_record(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        made(&world.app, |_| {}).await;
        assert!(postern(&world, &["client", "suspend", "personal-access-tokens"]).status.success());
        let before = recorded(&world).await;
        let add = ["token", "add", "--user", "dana@acme.dev", "--name", "Nightly", "--scope", "catalog:read"];
        assert!(refusal(&postern(&world, &add)).contains("switched off"));
        assert_eq!(recorded(&world).await, before);
    }

    async fn the_switch_for_personal_tokens_is_suspended_and_resumed_and_never_ended(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        made(&world.app, |_| {}).await;
        let switch = |act: &str| postern(&world, &["client", act, "personal-access-tokens"]);
        let add = ["token", "add", "--user", "dana@acme.dev", "--name", "Nightly", "--scope", "catalog:read"];
        let said = refusal(&switch("revoke"));
        assert!(said.contains("could not be taken back") && said.contains("client suspend"), "{said}");
        assert!(switch("suspend").status.success());
        let said = refusal(&postern(&world, &add));
        assert!(said.contains("client resume personal-access-tokens"), "the way back: {said}");
        assert!(switch("resume").status.success());
        assert!(postern(&world, &add).status.success());
    }
}

/// How many acts are on record.
async fn recorded(world: &World) -> i64 {
    let statement = "select count(*) from audit where event like 'client.%' or event like 'token.%'";
    sqlx::query_scalar(statement).fetch_one(world.app.store.read()).await.unwrap()
}
