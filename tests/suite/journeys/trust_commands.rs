//! `postern client check`, `approve` and `refuse`, as an operator types them.

use std::path::Path;
use std::process::Command;

const PRESET: &str = "https://vscode.dev/oauth/client-metadata.json";
const OTHER: &str = "https://client.example/oauth/client.json";

/// What a command prints, and whether it succeeded.
fn postern(dir: &Path, mode: &str, arguments: &[&str]) -> (String, bool) {
    let deny = ["--set", "clients.deny=denied.example"];
    let deny = deny.iter().filter(|_| !arguments.contains(&"--set"));
    let out = Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(arguments)
        .args(["--set", &format!("clients.described={mode}")])
        .args(deny)
        .arg("--data-dir")
        .arg(dir)
        .env_clear()
        .current_dir(dir)
        .output()
        .unwrap();
    let text = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (text, out.status.success())
}

#[test]
fn check_names_the_rule_and_approve_and_refuse_change_the_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let check = |mode: &str, url: &str| postern(dir.path(), mode, &["client", "check", url]);
    for (mode, url, says, may_come) in [
        ("open", PRESET, "welcome: preset vscode has", true),
        ("open", OTHER, "welcome, with the scopes of strangers: no rule matches", true),
        ("ask", OTHER, "waits for an administrator: no rule matches", false),
        ("allow-list", OTHER, "refused: clients.described is allow-list", false),
        ("off", PRESET, "refused: clients.described is off", false),
        ("open", "https://denied.example/c", "refused: clients.deny has denied.example", false),
        ("open", "https://client.example/../c", "is not written in its plain form", false),
        ("open", "vscode", "not the URL of a client's document", false),
    ] {
        let (text, success) = check(mode, url);
        assert!(text.contains(says) && success == may_come, "{mode} {url}: {text}");
    }
    let (text, success) = postern(dir.path(), "ask", &["client", "approve", OTHER]);
    assert!(success && text.contains("Approved"), "{text}");
    assert_eq!(check("ask", OTHER), ("welcome: an administrator approved it\n".to_owned(), true));
    let (text, _) = postern(dir.path(), "ask", &["client", "check", "--json", OTHER]);
    assert!(text.contains("\"known\": true"), "{text}");
    let (text, success) = postern(dir.path(), "ask", &["client", "refuse", OTHER]);
    assert!(success && text.contains("Refused"), "{text}");
    assert_eq!(check("open", OTHER), ("refused: an administrator refused it\n".to_owned(), false));
    let (text, success) = postern(dir.path(), "open", &["client", "approve", "https://denied.example/c"]);
    assert!(!success && text.contains("stays out all the same: clients.deny"), "{text}");
}

#[test]
fn a_rule_that_cannot_be_read_is_an_error_that_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (text, success) = postern(dir.path(), "maybe", &["client", "list"]);
    assert!(!success && text.contains("`maybe` is not one of off, allow-list, ask, open"), "{text}");
    for (set, why) in [
        ("clients.allow=*.com", "before a domain of its own"),
        ("clients.deny=http://a.example", "must be https"),
        ("clients.presets=vscode,emacs", "`emacs` is not one of"),
        ("clients.unknown_scopes=a\"b", "scope must be"),
    ] {
        let (text, success) = postern(dir.path(), "ask", &["client", "list", "--set", set]);
        let key = set.split('=').next().unwrap();
        assert!(!success && text.contains(why) && text.contains(key), "{set}: {text}");
    }
}
