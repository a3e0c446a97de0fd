//! `postern doctor`: what is wrong with this server and its surroundings, and what to do about it. Looks, changes nothing.

use std::process::ExitCode;

use clap::Args;
use http::{Method, header};
use serde_json::{Value, json};

use super::Outcome;
use crate::app::keys;
use crate::catalog::load::Severity;
use crate::catalog::{Catalog, missing_paths};
use crate::clock::{Clock, Time};
use crate::config::{Config, Flags};
use crate::limits;
use crate::outbound::{Outbound, Own};
use crate::store::{self, Store};

/// How the findings are printed.
#[derive(Args, Debug)]
pub struct Options {
    /// One JSON array instead of lines
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What is so.
    what: String,
    /// What to do; empty where nothing is to be done.
    fix: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// Works, and should be otherwise.
    Doubtful,
    Bad,
}

impl Finding {
    fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, what: what.into(), fix: String::new() }
    }

    fn doubtful(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Doubtful, what: what.into(), fix: fix.into() }
    }

    fn bad(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Bad, what: what.into(), fix: fix.into() }
    }
}

/// Looks at everything that can be looked at; a check whose ground is missing is left out.
///
/// # Errors
/// Where the findings cannot be printed.
pub async fn run(options: &Options, flags: &Flags) -> Outcome {
    let mut found = Vec::new();
    match Config::load(flags) {
        Err(error) => found.push(Finding::bad(
            "configuration",
            error.to_string(),
            "Mend it, and try `postern config check`; `postern config print` says where each value comes from.",
        )),
        Ok((config, _)) => {
            found.push(Finding::good("configuration", "reads, and nothing in it contradicts itself"));
            found.push(catalog(&config));
            let mut kid = None;
            found.extend(database(&config, &mut kid).await);
            found.extend(outside(&config, kid.as_deref()).await);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&found.iter().map(Finding::json).collect::<Vec<_>>())?);
    } else {
        for finding in &found {
            println!("{finding}");
        }
    }
    let is_bad = found.iter().any(|finding| finding.verdict == Verdict::Bad);
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The rows: reached, up to date, with keys that open and somebody who administers.
async fn database(config: &Config, kid: &mut Option<String>) -> Vec<Finding> {
    let file = config.data_dir.join("postern.db");
    if config.database.url.is_none() && !file.exists() {
        let what = format!("there is none yet at {}", file.display());
        return vec![Finding::bad(
            "database",
            what,
            "Run `postern serve` or `postern migrate`: it is made then.",
        )];
    }
    let reached = async {
        let store = Store::open(config).await?;
        store.ping().await?;
        store::Result::Ok((store.unapplied().await?, store))
    };
    let (unapplied, store) = match reached.await {
        Ok(reached) => reached,
        Err(error) => {
            let fix = "Check database.url (POSTERN_DATABASE_URL), or data_dir and who owns it.";
            return vec![Finding::bad("database", error.to_string(), fix)];
        }
    };
    let mut found = vec![Finding::good("database", format!("answers ({:?})", store.engine()))];
    if unapplied > 0 {
        let what = format!("{unapplied} are not applied yet");
        found.push(Finding::bad(
            "migrations",
            what,
            "Run `postern migrate`, or start the server: it does it too.",
        ));
        return found;
    }
    found.push(Finding::good("migrations", "the schema is that of this version"));
    found.push(signing(config, &store, kid).await);
    found.push(administrators(&store).await);
    found
}

async fn signing(config: &Config, store: &Store, kid: &mut Option<String>) -> Finding {
    let now = Clock::System.now();
    let opened = async {
        if store::keys::all(store).await.map_err(|e| e.to_string())?.is_empty() {
            return Ok(None);
        }
        let vault = keys::open_vault(config, store).await.map_err(|e| e.to_string())?;
        store::keys::ring(store, &vault, now).await.map_err(|e| e.to_string())
    };
    match opened.await {
        Ok(Some(ring)) => {
            let key = ring.signing();
            *kid = Some(key.kid.clone());
            Finding::good("keys", format!("{} signs with {}, and opens", key.kid, key.algorithm.as_str()))
        }
        Ok(None) => {
            Finding::bad("keys", "there is no signing key yet", "Start the server once: it makes one.")
        }
        Err(why) => Finding::bad("keys", why, "docs/keys.md says what to do about a key that does not open."),
    }
}

async fn administrators(store: &Store) -> Finding {
    let add =
        "Add one: printf %s \"$PASSWORD\" | postern user add --email … --name … --password-stdin --admin";
    match store::users::list(store).await {
        Err(error) => Finding::bad("administrators", error.to_string(), "Look at the database."),
        Ok(users) => match users.iter().filter(|user| user.is_admin() && user.is_active()).count() {
            0 => Finding::bad("administrators", "nobody who may sign in administers this server", add),
            1 => Finding::doubtful("administrators", "there is one; nobody can let them in again", add),
            many => Finding::good("administrators", format!("there are {many}")),
        },
    }
}

/// What clients see through the public URL, whatever stands before this server.
async fn outside(config: &Config, kid: Option<&str>) -> Vec<Finding> {
    let get = async |path: &str| Outbound::own(config, Method::GET, path).await;
    let metadata = "/.well-known/oauth-authorization-server";
    let answer = match get(metadata).await {
        Ok(answer) => answer,
        Err(why) => {
            let fix =
                "Is the server running, and does public_url lead to it? A proxy must pass every path on.";
            return vec![Finding::bad("public URL", why, fix)];
        }
    };
    let mut found = vec![Finding::good("public URL", format!("{} answers", config.public_url.as_str()))];
    found.extend(skew(&answer));
    found.push(says(&answer, "authorization server metadata", metadata, ("issuer", config.issuer())));
    let path = "/.well-known/oauth-protected-resource/mcp";
    if let Some(answer) = kept(&mut found, "resource metadata", get(path).await) {
        found.push(says(&answer, "resource metadata", path, ("resource", &config.resource())));
    }
    if let Some(answer) = kept(&mut found, "signing keys", get("/jwks.json").await) {
        found.push(published(&answer, kid));
    }
    let asked = Outbound::own(config, Method::POST, "/mcp").await;
    if let Some(answer) = kept(&mut found, "challenge", asked) {
        found.push(challenge(&answer));
    }
    if let Some(answer) = kept(&mut found, "pages", get("/login").await) {
        found.push(page(&answer));
    }
    found
}

/// The keys that everybody verifies with. The one that this database signs with must be among them: otherwise another
/// server answers there, or one that has not heard of a rotation.
fn published(answer: &Own, kid: Option<&str>) -> Finding {
    let check = "signing keys";
    let set = body(answer);
    let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    if answer.status != 200 || keys.is_empty() {
        let what = format!("/jwks.json answers {} and holds no keys", answer.status);
        return Finding::bad(check, what, "Is that this server? Something before it may answer instead.");
    }
    match kid {
        Some(kid) if !keys.iter().any(|key| key["kid"] == kid) => {
            let what = format!("/jwks.json holds no {kid}, which is what this database signs with");
            let fix = "Is that a server on this database? A cache before it must not keep /jwks.json for longer than it says.";
            Finding::bad(check, what, fix)
        }
        Some(kid) => Finding::good(check, format!("are published, with {kid}")),
        None => Finding::good(check, "are published"),
    }
}

fn catalog(config: &Config) -> Finding {
    let missing = missing_paths(&config.catalog.paths);
    if !missing.is_empty() {
        let fix = "Mend catalog.paths (POSTERN_CATALOG_PATHS): each is a descriptor or a folder, from where the server starts.";
        return Finding::bad("catalog", missing.join("; "), fix);
    }
    match config.catalog.paths.len() {
        0 if config.catalog.demo => Finding::good("catalog", "is the sample one"),
        0 => Finding::good("catalog", "is empty, as catalog.demo = false says"),
        _ => {
            let (_, read) = Catalog::open(&config.catalog.paths, config.catalog.demo);
            let wrong = read.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            if wrong == 0 {
                return Finding::good("catalog", "every path of it is there, and every descriptor reads");
            }
            let fix = "`postern catalog check PATH` names each, with the reason.";
            Finding::doubtful("catalog", format!("{wrong} faults in descriptors, which are left out"), fix)
        }
    }
}

fn kept(found: &mut Vec<Finding>, check: &'static str, answer: Result<Own, String>) -> Option<Own> {
    let fix = "A proxy must pass every path on.";
    answer.map_err(|why| found.push(Finding::bad(check, why, fix))).ok()
}

fn body(answer: &Own) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// A document that names this server as it calls itself: clients compare to the letter (RFC 8414 section 3.3, RFC 9728
/// section 3.3).
fn says(answer: &Own, check: &'static str, path: &str, (member, wanted): (&str, &str)) -> Finding {
    let document = body(answer);
    let given = document[member].as_str().unwrap_or_default();
    if answer.status == 200 && given == wanted {
        return Finding::good(check, format!("says {member} {wanted}"));
    }
    let what = format!("{path} answers {} and says {member} {given:?} instead of {wanted:?}", answer.status);
    Finding::bad(check, what, "public_url must be what clients use, and lead to this server and no other.")
}

/// What starts every sign-in. Some proxies take the header away.
fn challenge(answer: &Own) -> Finding {
    let given = answer.headers.get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let leads = given.is_some_and(|given| given.contains("resource_metadata="));
    if answer.status == 401 && leads {
        return Finding::good(
            "challenge",
            "a call without a token is answered 401, and told where to sign in",
        );
    }
    let what = format!(
        "a call of /mcp without a token is answered {} with WWW-Authenticate {given:?}",
        answer.status
    );
    let fix = "A proxy must pass status and WWW-Authenticate on as they are, and not sign people in itself.";
    Finding::bad("challenge", what, fix)
}

fn page(answer: &Own) -> Finding {
    let text = String::from_utf8_lossy(&answer.body);
    let is_ours = text.contains("name=\"password\"") && text.contains("</html>");
    let is_kept = answer.headers.contains_key(header::CONTENT_SECURITY_POLICY);
    if answer.status == 200 && is_ours && is_kept {
        return Finding::good("pages", "the sign-in page comes through whole");
    }
    let what = format!("/login answers {}, and not with the sign-in page as it was sent", answer.status);
    Finding::bad("pages", what, "A proxy must pass pages and their headers on as they are.")
}

fn skew(answer: &Own) -> Option<Finding> {
    let date = answer.headers.get(header::DATE)?.to_str().ok()?;
    let there = Time::from_http_date(date)?;
    let seconds = (there.seconds() - Clock::System.now().seconds()).abs();
    Some(if seconds <= limits::CLOCK_SKEW_SECONDS_MAX {
        Finding::good("clock", "agrees with that behind the public URL")
    } else {
        let what = format!("differs by {seconds} s from that behind the public URL");
        Finding::bad("clock", what, "Keep time with NTP on every machine: tokens are judged by it.")
    })
}

impl Finding {
    fn json(&self) -> Value {
        let verdict = match self.verdict {
            Verdict::Good => "ok",
            Verdict::Doubtful => "warning",
            Verdict::Bad => "failed",
        };
        json!({"check": self.check, "verdict": verdict, "what": self.what, "fix": self.fix})
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = match self.verdict {
            Verdict::Good => '✓',
            Verdict::Doubtful => '!',
            Verdict::Bad => '✗',
        };
        write!(f, "{mark} {}: {}", self.check, self.what)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "\n    {}", self.fix) }
    }
}
