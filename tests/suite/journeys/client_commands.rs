//! An administrator lets clients in from the console.

use std::process::{Command, Output};

use http::Method;
use serde_json::{Value, json};

use crate::support::World;
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
}
