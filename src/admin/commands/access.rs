//! `postern access`: who may do what. Drafts come from files, show what they would change, and are published.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::access_shown as shown;
use super::{Outcome, finish, open};
use crate::access::roles::{Policy, rbac};
use crate::app::App;
use crate::app::policy;
use crate::config::Config;
use crate::store::policies;

/// Who acts, where nobody is signed in.
const CONSOLE: &str = "system";

/// What can be asked about roles and permissions.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks a policy as the server would read it, and exits with 1 where it has faults; needs no database
    #[command(after_help = "Example: postern access check rbac.csv --conditions conditions.yaml")]
    Check {
        /// RBAC CSV, or a document in YAML or JSON
        file: PathBuf,
        /// Conditional policies of the community's RBAC, in YAML
        #[arg(long, value_name = "FILE")]
        conditions: Option<PathBuf>,
    },
    /// Makes a draft of a file and says what it would change; nothing counts before `publish`
    #[command(after_help = "Example: postern access import rbac.csv --note \"From Backstage\"")]
    Import {
        /// RBAC CSV, or a document in YAML or JSON
        file: PathBuf,
        /// Conditional policies of the community's RBAC, in YAML
        #[arg(long, value_name = "FILE")]
        conditions: Option<PathBuf>,
        /// Why, for whoever publishes it
        #[arg(long, default_value = "")]
        note: String,
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Lists what counts, what waits and what counted before
    #[command(after_help = "Example: postern access list --json")]
    List {
        /// One JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Prints a policy: what counts, or a draft or version by id
    #[command(after_help = "Example: postern access export --rbac --conditions conditions.yaml > rbac.csv")]
    Export {
        /// A draft or version; left out, what counts
        id: Option<String>,
        /// As RBAC CSV instead of a document
        #[arg(long)]
        rbac: bool,
        /// Where the conditional policies go, with --rbac
        #[arg(long, value_name = "FILE", requires = "rbac")]
        conditions: Option<PathBuf>,
    },
    /// Says who would gain and lose what if a draft were published
    #[command(after_help = "Example: postern access diff 0199…")]
    Diff {
        /// The draft
        id: String,
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Publishes a draft; it counts on every node at the next call
    #[command(after_help = "Example: postern access publish 0199… --over 3")]
    Publish {
        /// The draft
        id: String,
        /// The version that you compared it with; left out, the one that it was written against
        #[arg(long, value_name = "VERSION")]
        over: Option<i64>,
    },
    /// Throws a draft away
    #[command(after_help = "Example: postern access discard 0199…")]
    Discard {
        /// The draft
        id: String,
    },
    /// Says what somebody may do, and the statement behind each answer
    #[command(after_help = "Example: postern access may group:default/team-frontend")]
    May {
        /// user:…, group:…, client:… or an e-mail address
        member: String,
        /// One JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
}

/// Does what is asked.
///
/// # Errors
/// A sentence for the person at the console.
pub async fn run(command: Command, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    let outcome = with(&app, command).await;
    finish(app, writer).await;
    outcome
}

async fn with(app: &App, command: Command) -> Outcome {
    match command {
        Command::Check { file, conditions } => check(&file, conditions.as_deref()),
        Command::Import { file, conditions, note, json } => {
            let policy = policy::read(&file, conditions.as_deref()).map_err(|faults| faults.join("\n"))?;
            let id = policy::draft(app, &policy, &note, CONSOLE).await?;
            let changes = policy::would_change(app, &policy).await?;
            if !json {
                println!("Draft {id}. Nothing counts yet: postern access publish {id}\n");
            }
            shown::changes(&id, &changes, json)
        }
        Command::List { json } => shown::list(app, json).await,
        Command::Export { id, rbac, conditions } => {
            let policy = named(app, id.as_deref()).await?;
            export(&policy, rbac, conditions.as_deref())
        }
        Command::Diff { id, json } => {
            let policy = named(app, Some(&id)).await?;
            shown::changes(&id, &policy::would_change(app, &policy).await?, json)
        }
        Command::Publish { id, over } => {
            let draft = policies::find(&app.store, &id).await?.ok_or(policy::NotDone::Gone)?;
            let version = policy::publish(app, &id, over.unwrap_or(draft.based_on), CONSOLE).await?;
            println!("Published as version {version}. It counts on every node at the next call.");
            Ok(ExitCode::SUCCESS)
        }
        Command::Discard { id } => {
            policy::discard(app, &id, CONSOLE).await?;
            println!("Discarded.");
            Ok(ExitCode::SUCCESS)
        }
        Command::May { member, json } => shown::may(app, &member, json),
    }
}

/// Checks a file. No configuration is needed.
///
/// # Errors
/// Every fault of it, a line each.
pub fn check(file: &Path, conditions: Option<&Path>) -> Outcome {
    let policy = policy::read(file, conditions).map_err(|faults| faults.join("\n"))?;
    let statements: usize = policy.roles.iter().map(|role| role.statements.len()).sum();
    let members: usize = policy.roles.iter().map(|role| role.members.len()).sum();
    println!("Sound: {} roles, {members} members, {statements} statements.", policy.roles.len());
    Ok(ExitCode::SUCCESS)
}

async fn named(app: &App, id: Option<&str>) -> Result<Policy, Box<dyn std::error::Error>> {
    match id {
        Some(id) => Ok(policies::find(&app.store, id).await?.ok_or(policy::NotDone::Gone)?.policy),
        None => {
            let counts = app.policies.published().ok_or("no policy is published; scopes alone decide")?;
            Ok(Policy::clone(&counts.policy))
        }
    }
}

fn export(policy: &Policy, as_rbac: bool, conditions: Option<&Path>) -> Outcome {
    if !as_rbac {
        println!("{}", serde_json::to_string_pretty(&policy.to_value())?);
        return Ok(ExitCode::SUCCESS);
    }
    let lost = |faults: Vec<String>| format!("this form cannot say:\n{}", faults.join("\n"));
    let written = rbac::write(policy).map_err(lost)?;
    match conditions {
        // JSON is YAML.
        Some(path) => {
            let one = |value: &serde_json::Value| format!("---\n{}\n", json!(value));
            std::fs::write(path, written.conditional.iter().map(one).collect::<String>())
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        None if !written.conditional.is_empty() => {
            return Err("some statements have conditions: say where they go with --conditions FILE".into());
        }
        None => {}
    }
    print!("{}", written.csv);
    Ok(ExitCode::SUCCESS)
}
