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
        let text: String = self.code.iter().map(|(_, line)| format!("{line}\n")).collect();
        let mut rooms = BTreeSet::new();
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            let listed = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
            let names = if rest.starts_with('{') { listed.split(',').collect() } else { vec![listed] };
            for name in names {
                let name: String =
                    name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                rooms.insert(name);
            }
        }
        rooms.remove(self.room());
        rooms
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
        "ops" => &[
            "web",
            "api",
            "mcp",
            "admin",
            "store",
            "oauth",
            "identity",
            "access",
            "actions",
            "catalog",
            "scaffolder",
        ],
        "api" => &["web", "mcp", "access", "actions", "catalog"],
        "web" | "admin" | "mcp" => {
            &["identity", "access", "actions", "catalog", "scaffolder", "store", "oauth"]
        }
        "catalog" => &["actions", "access", "store", "oauth"],
        "scaffolder" => &["actions", "access", "catalog", "store", "oauth"],
        "store" => &["oauth", "identity", "access", "catalog", "actions"],
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

#[test]
fn the_resource_server_could_run_elsewhere() {
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|s| s.room() == "mcp") {
        for (number, line) in &source.code {
            let asks_the_store = line.contains("store::") && !line.contains("store::grants::is_live");
            // Whether a grant is live, and who stands behind a personal token: both are asked through `authority`.
            let names_it =
                ["use crate::store", "store::events", "store::Store", "store::Error", "store::Result"];
            if asks_the_store && !names_it.iter().any(|name| line.contains(name)) {
                found.push(format!(
                    "{}:{number} asks the store more than whether a grant is live",
                    source.path
                ));
            }
        }
    }
    nothing(found);
}

#[test]
fn no_secret_can_be_printed_or_serialised() {
    let secret = read(&root().join("src/secret.rs"));
    nothing(["Display", "Serialize", "ToString"].iter().flat_map(|word| secret.says(word)).collect());
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
