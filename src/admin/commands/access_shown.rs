//! How the console shows policies, what they would change, and what somebody may do.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Outcome;
use crate::access::roles::policy::Member;
use crate::access::roles::{Level, Person, difference};
use crate::app::App;
use crate::app::policy::{Source, WouldChange};
use crate::catalog::people;
use crate::catalog::relation::Ref;
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
    let person = person(app, member)?;
    let rights = app.policies.rights_of(person).ok_or("no policy is published; scopes alone decide")?;
    let actions = app.actions.all();
    let roles: Vec<&str> = rights.roles().map(|role| role.name.as_str()).collect();
    let mut answers: Vec<(String, Level, Vec<String>)> = difference::permissions(actions)
        .into_iter()
        .map(|name| (name.to_owned(), rights.level(name), rights.speaking_of(name)))
        .collect();
    answers.extend(actions.iter().filter(|it| it.permission.is_none() || rights.denies_use(it)).map(
        |action| {
            let judged = rights.judge_action(action);
            let level = if judged.allows() { Level::All } else { Level::None };
            (format!("action:{}", action.id), level, vec![judged.because.to_string()])
        },
    ));
    if json {
        let one = |(name, level, because): &(String, Level, Vec<String>)| json!({"permission": name, "may": level.as_str(), "because": because});
        let answers: Vec<Value> = answers.iter().map(one).collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({"member": member, "roles": roles, "may": answers}))?
        );
        return Ok(ExitCode::SUCCESS);
    }
    let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    println!("{member} has {roles}\n\n{:<36} {:<5} WHY", "PERMISSION", "MAY");
    for (name, level, because) in answers {
        let because = if because.is_empty() { "nothing speaks of it".to_owned() } else { because.join("; ") };
        println!("{name:<36} {:<5} {because}", level.as_str());
    }
    Ok(ExitCode::SUCCESS)
}

fn person(app: &App, member: &str) -> Result<Person, String> {
    let index = app.catalog.index();
    if let Some(client) = member.strip_prefix("client:") {
        return Ok(people::of_client(client));
    }
    if member.contains('@') {
        return Ok(people::of_address(&index, member.trim_start_matches("user:")));
    }
    let parsed = Member::parse(member)?;
    let reference = Ref::parse(parsed.as_str(), None, "default")?;
    if index.get(reference.as_str()).is_none() {
        return Err(format!("the catalog has no {reference}"));
    }
    Ok(people::of_reference(&index, &reference))
}
