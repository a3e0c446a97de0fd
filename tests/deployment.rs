//! What stands beside the code: the compose file, the image, the secrets they are given, and README's snippets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should stop loudly"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::Value;

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn compose_starts_postgres_17_and_postern_in_order_and_holds_no_secret() {
    let text = file("docker-compose.yml");
    let compose: Value = serde_saphyr::from_str(&text).unwrap();
    let service = |name: &str| &compose["services"][name];
    assert!(service("database")["image"].as_str().unwrap().starts_with("postgres:17"));
    for name in ["database", "postern"] {
        assert!(service(name)["healthcheck"]["test"].is_array(), "{name} has a health check");
    }
    assert_eq!(service("postern")["depends_on"]["database"]["condition"], "service_healthy");
    assert_eq!(service("database")["depends_on"]["secrets"]["condition"], "service_completed_successfully");
    for name in ["database", "postern"] {
        for (key, value) in service(name)["environment"].as_object().unwrap() {
            let secret =
                ["PASSWORD", "SECRET", "ENCRYPTION_KEY", "DATABASE_URL"].iter().any(|s| key.contains(s));
            assert!(!secret || key.ends_with("_FILE"), "{key} is a secret in clear: {value}");
        }
    }
    let published = service("postern")["ports"][0].as_str().unwrap();
    assert!(published.starts_with("127.0.0.1:"), "published to this machine only, not {published}");
}

#[test]
fn secrets_are_made_once_each_for_its_reader_and_differ_each_time() {
    let make = |folder: &Path| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/make-secrets");
        assert!(Command::new("/bin/sh").arg(script).arg(folder).status().unwrap().success());
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        (read("database/password"), read("postern/database_url"), read("postern/encryption_key"))
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = make(one.path());
    assert_eq!(make(one.path()), first, "a second start keeps them");
    assert_ne!(make(other.path()).0, first.0);
    assert_eq!(first.1, format!("postgres://postern:{}@database:5432/postern", first.0));
    postern::secret::Vault::from_base64url(&first.2).unwrap();
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&first.0).unwrap();
    assert_eq!(decoded.len(), 32);
    let mode = std::fs::metadata(one.path().join("postern/encryption_key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "for its owner only");
}

#[test]
fn the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well() {
    let text = file("Dockerfile");
    for line in ["USER postern", "HEALTHCHECK", "[\"postern\", \"healthcheck\"]", "--locked"] {
        assert!(text.contains(line), "{line}");
    }
    // Whatever the build embeds must be in the image that builds it.
    for folder in ["src", "migrations", "templates", "static", "examples"] {
        assert!(text.contains(&format!("COPY {folder} {folder}")), "{folder}");
        assert!(file(".dockerignore").contains(&format!("!{folder}")), "{folder}");
    }
}
