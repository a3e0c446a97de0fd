//! `postern catalog`: are the descriptors sound, have they changed, and where else do they come from?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use serde_json::{Value, json};

use super::{Outcome, finish, open};
use crate::app::App;
use crate::audit::Fact;
use crate::catalog;
use crate::catalog::load::Severity;
use crate::catalog::sources::register::Which;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;
use crate::store::events::{self, Event};
use crate::store::locations::LocationRow;

/// What can be asked about descriptors.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads a file or a folder as the server would, and exits with 1 where a descriptor would be left out
    #[command(after_help = "Example: postern catalog check ./catalog")]
    Check {
        /// A descriptor, or a folder of them
        path: PathBuf,
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Has every running server on this database look at its descriptors now, as a SIGHUP does for one
    #[command(after_help = "Example: postern catalog refresh")]
    Refresh,
    /// Registers the descriptor at an https URL, which every server on this database reads from then on
    #[command(
        after_help = "Example: postern catalog register https://github.com/acme/shop/blob/main/catalog-info.yaml"
    )]
    Register {
        /// The descriptor
        url: String,
        /// Only looks at it
        #[arg(long)]
        dry_run: bool,
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Takes a registered location back, and with it what only it describes
    #[command(after_help = "Example: postern catalog unregister component:default/shop")]
    Unregister {
        /// Its id, its URL, or an entity that it describes
        which: String,
    },
    /// Lists registered locations, how many entities each describes, and why one cannot be read
    #[command(after_help = "Example: postern catalog locations --json")]
    Locations {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Tells what is wrong with the descriptors that a server with this configuration reads; exits with 1 where one is not used
    #[command(after_help = "Example: postern catalog problems --json")]
    Problems {
        /// One JSON array instead of lines
        #[arg(long)]
        json: bool,
    },
}

/// Does what is asked.
///
/// # Errors
/// Where the report cannot be printed, or the database cannot be used.
pub async fn run(command: Command, config: Config) -> Outcome {
    match command {
        Command::Check { path, json } => check(&path, json),
        Command::Refresh => {
            let store = Store::open(&config).await?;
            events::announce(&store, &Event::CatalogRefresh, Clock::System.now()).await?;
            println!(
                "Every running server looks at its descriptors now. Its log says what is wrong with them."
            );
            Ok(ExitCode::SUCCESS)
        }
        sourcing => {
            let (app, writer) = open(config).await?;
            let outcome = on_sources(sourcing, &app).await;
            finish(app, writer).await;
            outcome
        }
    }
}

async fn on_sources(command: Command, app: &App) -> Outcome {
    match command {
        Command::Register { url, dry_run, json } => register(app, &url, dry_run, json).await,
        Command::Unregister { which } => unregister(app, &which).await,
        Command::Locations { json } => locations(app, json).await,
        Command::Problems { json } => problems(app, json),
        Command::Check { .. } | Command::Refresh => Ok(ExitCode::SUCCESS),
    }
}

async fn register(app: &App, url: &str, is_dry: bool, as_json: bool) -> Outcome {
    let made = match is_dry {
        true => app.sources.check(url).await?,
        false => {
            let made = app.sources.register(url, "system").await?;
            let detail = json!({"location": made.id, "target": made.target});
            app.audit.record(fact("catalog.location.registered", detail)).await?;
            made
        }
    };
    let entities: Vec<&str> = made.entities.iter().map(|reference| reference.as_str()).collect();
    if as_json {
        let shown = json!({"locationId": made.id, "target": made.target, "entities": entities});
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", if is_dry { "It could be registered. Nothing was." } else { "Registered." });
    println!("id       {}", made.id);
    println!("target   {}", made.target);
    for entity in entities {
        println!("entity   {entity}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn unregister(app: &App, which: &str) -> Outcome {
    let meant = if which.contains("://") {
        Which::Target(which)
    } else if which.contains('/') {
        Which::Entity(which)
    } else {
        Which::Id(which)
    };
    let row = app.sources.unregister(meant).await?;
    let detail = json!({"location": row.id, "target": row.target});
    app.audit.record(fact("catalog.location.unregistered", detail)).await?;
    println!("Taken back: {}", row.target);
    Ok(ExitCode::SUCCESS)
}

async fn locations(app: &App, as_json: bool) -> Outcome {
    let rows = app.sources.registered().await?;
    if as_json {
        let shown = |row: &LocationRow| {
            json!({
                "locationId": row.id,
                "target": row.target,
                "registeredBy": row.added_by,
                "registeredAt": row.added_at.rfc3339(),
                "entities": row.state.as_ref().map(|state| state.entities),
                "problem": row.state.as_ref().and_then(|state| state.failure.clone()),
            })
        };
        println!("{}", serde_json::to_string_pretty(&rows.iter().map(shown).collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<37} {:>8}  TARGET", "ID", "ENTITIES");
    for row in &rows {
        let state = row.state.as_ref();
        let entities = state.map_or_else(|| "-".to_owned(), |state| state.entities.to_string());
        println!("{:<37} {entities:>8}  {}", row.id, row.target);
        if let Some(why) = state.and_then(|state| state.failure.as_ref()) {
            println!("{:<37} {:>8}  could not be fetched: {why}", "", "");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn problems(app: &App, as_json: bool) -> Outcome {
    let all = app.catalog.problems();
    let told: Vec<_> = all.iter().filter(|problem| problem.severity != Severity::Note).collect();
    if as_json {
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        for problem in &told {
            let entity = problem.entity.as_ref().map(|entity| format!("{entity}: ")).unwrap_or_default();
            let (word, place) = (problem.severity.word(), &problem.place);
            println!("{word}: {}:{}: {entity}{}", place.file, place.line, problem.message);
        }
        println!("{} problems in {} entities", told.len(), app.catalog.index().len());
    }
    let is_bad = told.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn fact(event: &'static str, detail: Value) -> Fact {
    Fact { event, actor: Some("system".to_owned()), outcome: "ok", detail, ..Fact::default() }
}

/// Checks. No configuration is needed.
///
/// # Errors
/// Where the report cannot be printed.
pub fn check(path: &Path, json: bool) -> Outcome {
    let report = catalog::check(path);
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
