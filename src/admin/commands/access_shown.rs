//! How the console shows policies, what they would change, and what somebody may do.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Outcome;
use crate::access::roles::difference;
use crate::app::policy::{Source, WouldChange};
use crate::app::{App, effective};
use crate::limits;
use crate::store::policies::{self, Stored};

/// Prints what a draft would change.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn changes(id: &str, changes: &WouldChange, json: bool) -> Outcome {
    if json {
        let people = changes.people.iter().map(|one| {
            json!({"who": one.who, "permission": one.what, "change": one.word(),
                "before": one.before.as_str(), "after": one.after.as_str()})
        });
        let all = json!({"draft": id, "text": changes.text, "people": people.collect::<Vec<_>>(), "unknown": changes.unknown});
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    let part = |title: &str, lines: Vec<String>, none: &str| {
        println!("{title}");
        for line in lines.iter().take(limits::POLICY_CHANGES_SHOWN) {
            println!("  {line}");
        }
        match lines.len().saturating_sub(limits::POLICY_CHANGES_SHOWN) {
            0 if lines.is_empty() => println!("  {none}"),
            0 => {}
            more => println!("  and {more} more; see all with --json"),
        }
    };
    part("What is written differently:", changes.text.clone(), "nothing");
    let line = |one: &difference::Change| {
        let (before, after) = (one.before.as_str(), one.after.as_str());
        format!("{} {} {} ({before} → {after})", one.who, one.word(), one.what)
    };
    part("Who gains or loses what:", changes.people.iter().map(line).collect(), "nobody");
    if !changes.unknown.is_empty() {
        part("What means nothing here:", changes.unknown.clone(), "");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what counts, the drafts, and the last versions.
///
/// # Errors
/// Where the database does not answer.
pub async fn list(app: &App, json: bool) -> Outcome {
    let counts = app.policies.published();
    let drafts = policies::drafts(&app.store).await?;
    let versions = policies::versions(&app.store, limits::LISTED_ROWS).await?;
    if json {
        let one = |it: &Stored| {
            json!({"id": it.id, "version": it.version, "hash": it.hash, "note": it.note, "basedOn": it.based_on,
                "createdBy": it.created_by, "roles": it.policy.roles.len()})
        };
        let source = counts.as_ref().map(|it| match &it.source {
            Source::File(path) => json!({ "file": path }),
            Source::Version(version) => json!({ "version": version }),
        });
        let all = json!({"counts": source, "drafts": drafts.iter().map(one).collect::<Vec<_>>(),
            "versions": versions.iter().map(one).collect::<Vec<_>>()});
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    match counts.as_ref().map(|it| &it.source) {
        None => println!("No policy is published: scopes alone decide."),
        Some(Source::File(path)) => println!("The policy of {} counts.", path.display()),
        Some(Source::Version(version)) => println!("Version {version} counts."),
    }
    println!("\n{:<38} {:<9} {:>5}  NOTE", "ID", "VERSION", "ROLES");
    for it in drafts.iter().chain(&versions) {
        let version = it.version.map_or_else(|| "draft".to_owned(), |version| version.to_string());
        println!("{:<38} {version:<9} {:>5}  {}", it.id, it.policy.roles.len(), it.note);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what somebody may do.
///
/// # Errors
/// Where it is nobody that a policy could name, or there is none.
pub fn may(app: &App, member: &str, json: bool) -> Outcome {
    let found = effective::of(app, member)?;
    if json {
        let one = |it: &effective::Answer| json!({"permission": it.permission, "may": it.level.as_str(), "because": it.because});
        let answers: Vec<Value> = found.answers.iter().map(one).collect();
        let all = json!({"member": member, "roles": found.roles, "may": answers});
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    let roles = if found.roles.is_empty() { "no role".to_owned() } else { found.roles.join(", ") };
    println!("{member} has {roles}\n\n{:<36} {:<5} WHY", "PERMISSION", "MAY");
    for it in found.answers {
        let because =
            if it.because.is_empty() { "nothing speaks of it".to_owned() } else { it.because.join("; ") };
        println!("{:<36} {:<5} {because}", it.permission, it.level.as_str());
    }
    Ok(ExitCode::SUCCESS)
}
