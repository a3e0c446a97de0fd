//! The walls of the house: who may import whom, what may be said where, how large a file may be.
//! Needs no database; each failure names the file and the line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should stop loudly"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A source file, without its unit tests and comments.
struct Source {
    path: String,
    code: Vec<(usize, String)>,
    lines: usize,
}

impl Source {
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside
            .split_once('/')
            .map_or(inside.trim_end_matches(".rs").trim_end_matches("_tests"), |(room, _)| room)
    }

    fn says(&self, word: &str) -> Vec<String> {
        self.code
            .iter()
            .filter(|(_, line)| line.contains(word))
            .map(|(number, line)| format!("{}:{number} says `{word}`: {}", self.path, line.trim()))
            .collect()
    }

    /// The rooms of this crate that it names: `crate::room`, also inside `use crate::{…}`.
    fn imports(&self) -> BTreeSet<String> {
        let mut rooms = self.names_after("crate::");
        rooms.remove(self.room());
        rooms
    }

    /// What stands behind `path`, alone or in braces.
    fn names_after(&self, path: &str) -> BTreeSet<String> {
        let lines: Vec<&str> = self.code.iter().map(|(_, line)| line.trim()).collect();
        let text = lines.join("\n").replace("\n.", ".");
        let mut found = BTreeSet::new();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        for (at, _) in text.match_indices(path).filter(|(at, _)| !text[..*at].ends_with(is_word)) {
            let rest = &text[at + path.len()..];
            let (mut depth, listed) = (0_i32, rest.starts_with('{'));
            let ends = |c: char| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                if listed { depth == 0 } else { !is_word(c) }
            };
            let list = &rest[..rest.find(ends).unwrap_or(rest.len())];
            // In braces within the braces stands what is behind a name.
            let mut depth = 0_i32;
            let outer = |c: &char| {
                depth += i32::from(*c == '{') - i32::from(*c == '}');
                depth == i32::from(listed)
            };
            let names: String = list.chars().filter(outer).collect();
            for name in names.trim_start_matches('{').split(',') {
                found.insert(name.trim().chars().take_while(|c| is_word(*c)).collect());
            }
        }
        found.remove("");
        found
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    files("src", "rs").into_iter().map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let relative = path.strip_prefix(root()).unwrap().display().to_string();
    let tests = relative.ends_with("tests.rs");
    let code = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| !tests && !line.starts_with("#[cfg(test)]"))
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    Source { path: relative, code, lines: text.lines().count() }
}

fn nothing(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Who may import whom. The hall (small files at the top of `src`) may be used by all.
fn doors(room: &str) -> Option<&'static [&'static str]> {
    Some(match room {
        "main" => &["admin", "ops"],
        "ops" => &["web", "api", "mcp", "identity", "catalog", "scaffolder", "store"],
        "api" => &["web", "mcp", "access", "actions", "catalog"],
        "web" => &["identity", "access", "actions", "catalog", "scaffolder", "store", "oauth"],
        "admin" => &["identity", "access", "actions", "catalog", "store", "oauth"],
        "mcp" => &["access", "actions", "catalog", "store", "oauth"],
        "catalog" => &["actions"],
        "scaffolder" => &["actions", "access", "catalog", "store"],
        "store" => &["oauth", "identity", "access"],
        "identity" => &["store"],
        "actions" => &["oauth"],
        "access" => &["actions", "oauth"],
        "oauth" => &[],
        _ => return None,
    })
}

/// The hall. `app` and `audit` stand at its far end: they know the rooms they are built from.
const HALL: [&str; 7] = ["app", "audit", "clock", "config", "limits", "outbound", "secret"];
const PURE_HALL: [&str; 4] = ["clock", "config", "limits", "secret"];
/// `admin` for the doctor alone, who asks the operator's own public URL.
const DIALS_OUT: [&str; 5] = ["app", "web", "identity", "admin", "scaffolder"];

#[test]
fn a_room_imports_through_its_doors_only() {
    let mut found = Vec::new();
    for source in sources() {
        let Some(open) = doors(source.room()) else { continue };
        let pure = matches!(source.room(), "oauth" | "access");
        for room in source.imports() {
            let hall = if pure { PURE_HALL.contains(&room.as_str()) } else { HALL.contains(&room.as_str()) };
            let name = room.chars().next().is_some_and(char::is_lowercase);
            if name && !hall && !open.contains(&room.as_str()) {
                found.push(format!("{} may not import {room}", source.path));
            }
        }
    }
    nothing(found);
}

#[test]
fn every_room_has_its_doors_written_down() {
    let known: BTreeSet<String> = sources().iter().map(|s| s.room().to_owned()).collect();
    let hall_or_room =
        |room: &String| doors(room).is_some() || HALL.contains(&room.as_str()) || room == "lib";
    nothing(
        known.into_iter().filter(|room| !hall_or_room(room)).map(|r| format!("{r} has no doors")).collect(),
    );
}

#[test]
fn only_rooms_that_must_dial_out_can() {
    let dials = |s: &Source| s.imports().contains("outbound") && !DIALS_OUT.contains(&s.room());
    nothing(sources().iter().filter(|s| dials(s)).map(|s| format!("{} imports outbound", s.path)).collect());
}

#[test]
fn the_pure_rooms_are_pure() {
    let words =
        ["sqlx", "axum", "tokio", "async fn", "async move", "now(", "rand", "std::fs", "std::net", "reqwest"];
    let pure = sources().into_iter().filter(|s| matches!(s.room(), "oauth" | "access"));
    nothing(pure.flat_map(|s| words.iter().flat_map(|w| s.says(w)).collect::<Vec<_>>()).collect());
}

#[test]
fn sql_is_said_in_the_store_only() {
    let elsewhere = sources().into_iter().filter(|s| s.room() != "store");
    nothing(elsewhere.flat_map(|s| [s.says("sqlx::query"), s.says("QueryBuilder")].concat()).collect());
}

#[test]
fn one_clock_one_source_of_chance_one_client() {
    let mut found = Vec::new();
    for source in sources() {
        let mut only = |file: &str, words: &[&str]| {
            if source.path != file {
                found.extend(words.iter().flat_map(|word| source.says(word)));
            }
        };
        only("src/clock.rs", &["SystemTime::now", "OffsetDateTime::now", "Utc::now", "now_v7", "now_utc"]);
        only("src/secret.rs", &["rand::fill", "SystemRandom", "getrandom", "thread_rng", "new_v4"]);
        only("src/outbound/mod.rs", &["reqwest::Client", "Client::builder()", "ClientBuilder"]);
    }
    nothing(found);
}

/// Its own rows: what it would take along.
const ROWS_OF_MCP: [&str; 5] = ["approvals", "events", "mcp_sessions", "mcp_tasks", "replays"];
/// What it asks about access: the one module that it asks, the one function, and the one file that hands the question to
/// `mcp::authority`.
const QUESTIONS_OF_MCP: [(&str, &[&str], &str); 2] = [
    ("grants", &["is_live"], "src/mcp/mod.rs"),
    ("personal_tokens", &["find", "touch"], "src/mcp/opaque.rs"),
];

/// What it knows of the protocol: to read a token and a proof, to judge them by public keys, and to say what is wrong.
const PROTOCOL_OF_MCP: [(&str, &[&str]); 6] = [
    ("bearer", &["Bearer"]),
    ("claims", &["AccessClaims", "TokenRefusal", "verify_access"]),
    ("dpop", &["ALGORITHMS", "Proof", "ProofRefusal", "Target", "nonce", "nonce_fits", "verify"]),
    ("error", &["printable"]),
    ("key", &["KeyRing"]),
    ("scope", &["ScopeSet"]),
];
/// What it takes of the process that it runs in: nothing of clients, people, pages or outbound calls.
const HANDED_TO_MCP: [&str; 10] =
    ["audit", "catalog", "clock", "config", "keys", "scopes", "servers", "stopping", "store", "vault"];

#[test]
fn the_resource_server_knows_little_of_the_protocol_and_of_the_process() {
    let (mut used, mut found) = (BTreeSet::new(), Vec::new());
    for source in sources().into_iter().filter(|s| s.room() == "mcp") {
        for module in source.names_after("oauth::") {
            let Some((_, known)) = PROTOCOL_OF_MCP.iter().find(|(name, _)| *name == module) else {
                found.push(format!("{} knows oauth::{module}", source.path));
                continue;
            };
            let mut names = source.names_after(&format!("oauth::{module}::"));
            // The module itself is imported: then its name stands before whatever is used of it.
            if names.is_empty() || names.remove("self") {
                names.extend(source.names_after(&format!("{module}::")));
                names.remove("self");
            }
            let foreign = names.iter().filter(|name| !known.contains(&name.as_str()));
            found.extend(foreign.map(|name| format!("{} knows oauth::{module}::{name}", source.path)));
            used.extend(names.into_iter().map(|name| format!("{module}::{name}")));
        }
        let taken: Vec<String> =
            source.names_after("app.").into_iter().filter(|name| name != "clone").collect();
        let foreign = taken.iter().filter(|name| !HANDED_TO_MCP.contains(&name.as_str()));
        found.extend(foreign.map(|name| format!("{} takes {name} of the process", source.path)));
        used.extend(taken);
        // The ring holds the private keys too.
        found.extend([".signing(", "sign_access", "SigningKey"].iter().flat_map(|word| source.says(word)));
    }
    nothing(found);
    let known = PROTOCOL_OF_MCP.iter().flat_map(|(m, names)| names.iter().map(move |n| format!("{m}::{n}")));
    let unused: Vec<String> =
        known.chain(HANDED_TO_MCP.map(str::to_owned)).filter(|name| !used.contains(name)).collect();
    nothing(unused.into_iter().map(|name| format!("nothing uses {name}: it needs no door")).collect());
}

/// The walls above stand on this: an import that is not seen is a door that is not watched.
#[test]
fn an_import_is_seen_however_it_is_written() {
    let text = "use crate::oauth::{claims::{self, sign_access}, key};\nuse crate::store;\nlet x = crate::web::page();\nrestore::all();";
    let code = text.lines().enumerate().map(|(index, line)| (index, line.to_owned())).collect();
    let source = Source { path: "src/mcp/x.rs".into(), code, lines: 4 };
    let names = |path: &str| source.names_after(path).into_iter().collect::<Vec<_>>();
    assert_eq!(names("crate::"), ["oauth", "store", "web"]);
    assert_eq!(names("oauth::"), ["claims", "key"]);
    assert_eq!(names("claims::"), ["self", "sign_access"]);
    assert!(names("store::").is_empty());
}

#[test]
fn the_resource_server_could_run_elsewhere() {
    let (mut used, mut found) = (BTreeSet::new(), Vec::new());
    for source in sources().into_iter().filter(|s| s.room() == "mcp") {
        let modules = source.names_after("store::");
        // `Store`, `Result`, `Error` and `self` are how any of them is named.
        for module in
            modules.into_iter().filter(|name| name != "self" && name.starts_with(char::is_lowercase))
        {
            if let Some((_, functions, home)) = QUESTIONS_OF_MCP.iter().find(|(name, ..)| *name == module) {
                let asked = source.names_after(&format!("{module}::"));
                if source.path != *home || asked.iter().any(|asked| !functions.contains(&asked.as_str())) {
                    found.push(format!("{} asks store::{module} for {asked:?}", source.path));
                }
            } else if !ROWS_OF_MCP.contains(&module.as_str()) {
                found.push(format!("{} knows store::{module}, which is not its own", source.path));
            }
            used.insert(module);
        }
    }
    nothing(found);
    let known: Vec<&str> = ROWS_OF_MCP.into_iter().chain(QUESTIONS_OF_MCP.map(|(name, ..)| name)).collect();
    assert!(known.iter().all(|name| used.contains(*name)), "a room that is not used needs no door: {used:?}");
}

#[test]
fn no_secret_can_be_printed_or_serialised() {
    let secret = read(&root().join("src/secret.rs"));
    nothing(["Display", "Serialize", "ToString"].iter().flat_map(|word| secret.says(word)).collect());
}

/// A published name that the pages have no words for would be shown as it is, and words for nothing would mislead.
#[test]
fn every_event_of_the_audit_log_has_words() {
    const WORDS: &str = "src/web/happened.rs";
    /// How the names of files end, which are written like those of events.
    const FILES: [&str; 2] = ["html", "key"];
    // The text between quotes: every second piece of a line.
    let quoted = |s: &Source| -> Vec<String> {
        s.code.iter().flat_map(|(_, line)| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
    };
    let part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || "-_".contains(c));
    let is_event = |text: &String| {
        let parts: Vec<&str> = text.split('.').collect();
        parts.len() > 1 && parts.iter().all(|p| part(p)) && !FILES.contains(parts.last().unwrap())
    };
    let names = |s: &Source| -> BTreeSet<String> { quoted(s).into_iter().filter(is_event).collect() };
    let (words, others): (Vec<Source>, Vec<Source>) = sources().into_iter().partition(|s| s.path == WORDS);
    let tells =
        |s: &&Source| ["Fact {", "note(app", "audit.record("].iter().any(|word| !s.says(word).is_empty());
    let told: BTreeSet<String> = others.iter().filter(tells).flat_map(names).collect();
    assert!(told.len() > 30, "{told:?}");
    assert_eq!(told, words.iter().flat_map(names).collect());
    nothing(told.into_iter().filter(|event| postern::web::happened::words(event) == event).collect());
}

#[test]
fn a_file_fits_in_one_reading() {
    let folders =
        [("src", "rs"), ("tests", "rs"), ("scripts", "sh"), ("templates", "html"), ("examples", "rs")];
    let all = folders.iter().flat_map(|(folder, extension)| files(folder, extension));
    let long = all.map(|path| read(&path)).filter(|s| s.lines > 400);
    nothing(long.map(|s| format!("{} has {} lines, at most 400 are", s.path, s.lines)).collect());
}

#[test]
fn every_room_says_what_it_owns() {
    let mut found = Vec::new();
    for path in files("src", "rs").into_iter().filter(|p| p.ends_with("mod.rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.starts_with("//! ") {
            found.push(format!("{} does not open with what it is", path.display()));
        }
    }
    nothing(found);
}

#[test]
fn each_page_has_its_template_and_each_template_its_page() {
    let names = |folder: &str, extension: &str| -> BTreeSet<String> {
        let stem = |p: &PathBuf| p.file_stem().unwrap().to_string_lossy().into_owned();
        files(folder, extension).iter().map(stem).filter(|n| n != "mod" && n != "base").collect()
    };
    let (pages, templates) = (names("src/web/pages", "rs"), names("templates", "html"));
    // The hub shows nothing itself: it only asks what is next.
    let pages: BTreeSet<String> = pages.into_iter().filter(|name| name != "authorize").collect();
    assert_eq!(pages, templates);
}

/// The table of routes feeds the router, the metadata's test and the OpenAPI document; a route beside it would be in none.
#[test]
fn a_route_is_a_row_of_the_table() {
    let at_home = ["src/web/route.rs", "src/mcp/mod.rs"];
    let beside = |s: &&Source| !at_home.contains(&s.path.as_str());
    nothing(sources().iter().filter(beside).flat_map(|s| s.says(".route(\"")).collect());
}
