use super::*;

fn config(set: &[(&str, &str)]) -> Result<Config, String> {
    let flags =
        Flags { file: None, set: set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect() };
    let raw = Raw::read(&flags, |_| None).map_err(|e| e.to_string())?;
    Config::from_raw(&raw).map_err(|e| e.to_string())
}

#[test]
fn nothing_at_all_is_a_safe_configuration() {
    let config = config(&[]).unwrap();
    assert_eq!(config.issuer(), "http://localhost:8787");
    assert_eq!(config.resource(), "http://localhost:8787/mcp");
    assert!(config.listen.ip().is_loopback() && config.catalog.demo && config.database.url.is_none());
}

#[test]
fn a_public_address_is_refused_on_http_without_tls_in_front_and_with_demo_data() {
    let url = ("public_url", "https://mcp.example.com");
    let tls = ("tls.in_front", "true");
    let paths = ("catalog.paths", "/srv/catalog");
    assert!(
        config(&[("public_url", "http://mcp.example.com"), tls, paths])
            .unwrap_err()
            .contains("must be https")
    );
    assert!(config(&[url, paths]).unwrap_err().contains("tls.in_front"));
    assert!(config(&[url, tls]).unwrap_err().contains("sample"));
    assert!(config(&[url, tls, paths, ("catalog.demo", "true")]).unwrap_err().contains("sample"));
    assert!(
        config(&[url, tls, paths, ("outbound.resolve", "a=127.0.0.1:1")]).unwrap_err().contains("outbound")
    );
    assert_eq!(config(&[url, tls, paths]).unwrap().issuer(), "https://mcp.example.com");
}

#[test]
fn a_public_url_is_an_origin_and_nothing_more() {
    for bad in ["ftp://x", "https://x/y", "https://x?y", "https://x#y", "https://u@x", "x", ""] {
        assert!(config(&[("public_url", bad)]).is_err(), "{bad:?}");
    }
    assert_eq!(config(&[("public_url", "http://LOCALHOST:80/")]).unwrap().issuer(), "http://localhost");
}

#[test]
fn a_mistyped_key_is_an_error_that_names_the_one_that_was_meant() {
    let wrong = config(&[("publik_url", "x")]).unwrap_err();
    assert!(wrong.contains("publik_url") && wrong.contains("did you mean `public_url`"), "{wrong}");
}

#[test]
fn an_access_token_that_makes_vs_code_loop_is_refused() {
    assert!(config(&[("tokens.access_seconds", "300")]).unwrap_err().contains("VS Code"));
    assert!(config(&[("tokens.access_seconds", "900")]).is_ok());
}

#[test]
fn a_file_is_read_below_the_environment_and_secrets_come_from_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let (file, key) = (dir.path().join("p.toml"), dir.path().join("key"));
    std::fs::write(&file, "title = \"From file\"\nlisten = \"127.0.0.1:1\"\n[outbound.resolve]\n\"a.example\" = \"127.0.0.1:9\"\n").unwrap();
    std::fs::write(&key, "sealed\n").unwrap();
    let env = |name: &str| match name {
        "POSTERN_LISTEN" => Some("127.0.0.1:2".to_owned()),
        "POSTERN_ENCRYPTION_KEY_FILE" => Some(key.display().to_string()),
        _ => None,
    };
    let raw = Raw::read(&Flags { file: Some(file.clone()), set: vec![] }, env).unwrap();
    let config = Config::from_raw(&raw).unwrap();
    assert_eq!((config.title.as_str(), config.listen.port()), ("From file", 2));
    assert_eq!(config.encryption_key, Some(Hidden::new("sealed")));
    assert_eq!(config.outbound.resolve["a.example"].port(), 9);
    let shown = raw.explain().into_iter().find(|(k, ..)| k.path == "encryption_key").unwrap();
    assert_eq!(shown.1, "(hidden)");
    assert_eq!(raw.origin("title"), Origin::File(file));
}

#[test]
fn every_key_has_one_environment_name() {
    let mut names: Vec<_> = KEYS.iter().map(|k| k.env).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KEYS.len());
    for key in KEYS {
        assert_eq!(key.env, format!("POSTERN_{}", key.path.replace('.', "_").to_uppercase()));
    }
}
