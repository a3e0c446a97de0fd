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
use postern::config::{Config, Flags, Raw};
use serde_json::Value;

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn compose_starts_the_database_and_postern_in_order_and_holds_no_secret() {
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

/// The code blocks of README: what follows the fence, and what is inside.
fn snippets() -> Vec<(String, String)> {
    snippets_of("README.md")
}

/// The same of any page.
fn snippets_of(page: &str) -> Vec<(String, String)> {
    let text = file(page);
    let mut blocks = text.split("```").skip(1).step_by(2);
    let one = |block: &str| block.split_once('\n').map(|(head, body)| (head.to_owned(), body.to_owned()));
    std::iter::from_fn(|| blocks.next()).filter_map(one).collect()
}

fn snippet(file: &str) -> String {
    let head = format!("file={file}");
    snippets().into_iter().find(|(found, _)| found.ends_with(&head)).expect(file).1
}

const MCP_URL: &str = "http://localhost:8787/mcp";

#[test]
fn each_client_would_read_its_file_in_readme() {
    let parsed = |name: &str| serde_json::from_str::<Value>(&snippet(name)).unwrap();
    let code = parsed(".vscode/mcp.json");
    assert_eq!(code["servers"]["postern"], serde_json::json!({"type": "http", "url": MCP_URL}));
    let copilot = parsed(".copilot/mcp-config.json");
    let expected = serde_json::json!({"type": "http", "url": MCP_URL, "tools": ["*"]});
    assert_eq!(copilot["mcpServers"]["postern"], expected);
    assert_eq!(parsed(".cursor/mcp.json")["mcpServers"]["postern"]["url"], MCP_URL);
}

#[test]
fn each_install_link_in_readme_says_what_its_client_reads() {
    let text = file("README.md");
    let link = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("[{name}]: "))).unwrap();
        url::Url::parse(line.split_once(": ").unwrap().1).unwrap()
    };
    // vscode.dev forwards `url`; VS Code then reads the whole query as JSON.
    let forwarded = link("vscode").query_pairs().find(|(key, _)| key == "url").unwrap().1.into_owned();
    let query = forwarded.strip_prefix("vscode:mcp/install?").unwrap();
    let decoded =
        url::form_urlencoded::parse(format!("json={query}").as_bytes()).next().unwrap().1.into_owned();
    let install: Value = serde_json::from_str(&decoded).unwrap();
    assert_eq!(install, serde_json::json!({"name": "postern", "type": "http", "url": MCP_URL}));
    let config = link("cursor").query_pairs().find(|(key, _)| key == "config").unwrap().1.into_owned();
    let decoded = base64::engine::general_purpose::STANDARD.decode(config).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap()["url"], MCP_URL);
}

#[test]
fn the_production_file_in_readme_is_one_that_starts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("postern.toml");
    std::fs::write(&path, snippet("postern.toml")).unwrap();
    let flags = postern::config::Flags { file: Some(path), set: Vec::new() };
    let raw = postern::config::Raw::read(&flags, |_| None).unwrap();
    let config = postern::config::Config::from_raw(&raw).unwrap();
    assert_eq!(config.issuer(), "https://mcp.example.com");
}

#[test]
fn each_configuration_in_the_page_on_servers_is_one_that_starts() {
    let dir = tempfile::tempdir().unwrap();
    let (path, secret) = (dir.path().join("postern.toml"), dir.path().join("nightly"));
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
    let text = file("docs/servers.md").replace("/run/secrets/nightly", &secret.display().to_string());
    let blocks: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        std::fs::write(&path, block).unwrap();
        let flags = postern::config::Flags { file: Some(path.clone()), set: Vec::new() };
        let env = |name: &str| (name == "CICD_TOKEN").then(|| "fedcba9876543210fedcba9876543210".to_owned());
        let raw = postern::config::Raw::read(&flags, env).unwrap_or_else(|e| panic!("{e}: {block}"));
        let config = postern::config::Config::from_raw(&raw).unwrap_or_else(|e| panic!("{e}: {block}"));
        let says = [
            config.servers.iter().any(|server| !server.is_built_in),
            !config.static_tokens.is_empty(),
            !config.approval.is_empty(),
        ];
        assert_eq!(says.iter().filter(|said| **said).count(), 1, "{block}");
    }
}

#[test]
fn the_policy_on_the_page_about_access_is_one_that_counts() {
    let (head, policy) = snippets_of("docs/access.md").swap_remove(0);
    assert_eq!(head, "yaml");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    let policy = postern::app::policy::read(&path, None).unwrap();
    assert_eq!(policy.roles.len(), 2);
    assert_eq!(policy.roles[1].members.len(), 4);
}

#[test]
fn the_document_and_the_rules_on_the_page_about_clients_are_read_as_it_says() {
    use postern::oauth::described::{self, DocumentUrl};
    use postern::oauth::trust::{Standing, Tier};
    let blocks = snippets_of("docs/clients.md");
    let block = |kind: &str| blocks.iter().find(|(head, _)| head == kind).expect(kind).1.clone();
    let document = block("json");
    let id = serde_json::from_str::<Value>(&document).unwrap()["client_id"].as_str().unwrap().to_owned();
    let read = described::read(&DocumentUrl::parse(&id).unwrap(), document.as_bytes()).unwrap();
    assert_eq!(read.name, "Example Editor");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("postern.toml");
    std::fs::write(&path, block("toml")).unwrap();
    let flags = postern::config::Flags { file: Some(path), set: Vec::new() };
    let raw = postern::config::Raw::read(&flags, |_| None).unwrap();
    let rules = postern::config::Config::from_raw(&raw).unwrap().clients.described;
    for (url, standing) in [
        ("https://a.acme.example/client.json", Standing::Welcome(Tier::Known)),
        ("https://partner.example/oauth/client.json", Standing::Welcome(Tier::Known)),
        ("https://vscode.dev/oauth/client-metadata.json", Standing::Welcome(Tier::Known)),
        ("https://old.partner.example/client.json", Standing::Refused),
        ("https://acme.example/client.json", Standing::Waits),
        ("https://partner.example/client.json", Standing::Waits),
    ] {
        assert_eq!(rules.judge(url, None).standing, standing, "{url}");
    }
}

#[test]
fn what_a_page_of_the_documentation_points_at_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/production.md", "docs/clients.md"] {
        let text = file(page);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let code = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| word.starts_with("src/") || word.starts_with("tests/"));
        for target in links.chain(code).filter(|target| !target.contains(':') && !target.starts_with('#')) {
            let at = if target.starts_with("src/") || target.starts_with("tests/") {
                root.join(target)
            } else {
                root.join(page).parent().unwrap().join(target)
            };
            assert!(at.exists(), "{page} points at {target}");
        }
    }
}

#[test]
fn each_shell_line_in_readme_names_a_command_that_exists() {
    let binary = env!("CARGO_BIN_EXE_postern");
    let table = file("README.md");
    let in_table =
        table.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|l| l.split('`').next());
    let in_blocks = snippets().into_iter().filter(|(head, _)| head == "sh");
    let lines: Vec<String> =
        in_blocks.flat_map(|(_, body)| body.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let mut checked = 0;
    for line in in_table.map(str::to_owned).chain(lines) {
        let words: Vec<&str> = line.split_whitespace().skip_while(|word| word.contains('=')).collect();
        if words.first() != Some(&"postern") {
            continue;
        }
        // Everything but the values: clap refuses a command or an option that does not exist before it prints help.
        let known: Vec<&str> =
            words[1..].iter().copied().take_while(|w| w.chars().all(char::is_lowercase)).collect();
        let run = Command::new(binary).args(&known).arg("--help").output().unwrap();
        let help = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{line}: no {option} in its help");
        }
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} lines were checked");
}

#[test]
fn the_scorecard_in_the_page_on_insights_and_those_in_the_examples_are_sound() {
    let blocks = snippets_of("docs/insights.md");
    let written = blocks.iter().find(|(head, _)| head.starts_with("yaml")).unwrap();
    for text in [&written.1, &file("examples/insights/halyard.yaml")] {
        let (cards, wrong) = postern::insights::read::cards(text);
        assert_eq!((wrong, cards.is_empty()), (Vec::new(), false));
    }
    let configured = &blocks.iter().find(|(head, _)| head == "toml").unwrap().1;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("postern.toml");
    std::fs::write(&path, configured).unwrap();
    let raw = Raw::read(&Flags { file: Some(path), set: Vec::new() }, |_| None).unwrap();
    assert_eq!(Config::from_raw(&raw).unwrap().insights.unwrap(), Path::new("./scorecards"));
}

/// What the page on authoring shows is what `examples/authoring.rs` has, line for line.
#[test]
fn the_action_in_the_page_on_authoring_is_the_one_in_the_examples() {
    let example = file("examples/authoring.rs");
    let blocks = snippets_of("docs/authoring.md");
    for (_, code) in blocks.iter().filter(|(head, _)| head.starts_with("rust")) {
        assert!(example.contains(code.trim()), "{code}");
    }
}

#[test]
fn each_block_of_the_page_on_grants_is_a_configuration() {
    let page = file("docs/grants.md");
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("postern.toml");
    std::fs::write(&path, blocks.concat()).unwrap();
    let raw = Raw::read(&Flags { file: Some(path), set: Vec::new() }, |_| None).unwrap();
    let config = Config::from_raw(&raw).unwrap();
    assert_eq!((config.exchange.len(), config.trusted_issuers.len()), (1, 1));
    assert!(config.trusted_issuers[0].link_by_email);
}

#[test]
fn the_block_of_the_page_on_the_catalog_is_a_configuration() {
    let page = file("docs/catalog.md");
    let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("postern.toml");
    std::fs::write(&path, block).unwrap();
    let raw = Raw::read(&Flags { file: Some(path), set: Vec::new() }, |_| None).unwrap();
    let shown = raw.explain().into_iter().find(|(key, ..)| key.path == "catalog.tokens").unwrap().1;
    assert_eq!(shown, "(hidden)");
    let catalog = Config::from_raw(&raw).unwrap().catalog;
    assert_eq!((catalog.paths.len(), catalog.urls.len(), catalog.git.len()), (1, 1, 1));
    assert_eq!(catalog.git[0].branch.as_deref(), Some("main"));
    assert_eq!(catalog.git[0].paths, ["**/catalog-info.yaml"]);
    assert!(catalog.tokens.contains_key("github.com") && !catalog.demo);
}
