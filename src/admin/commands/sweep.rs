//! `postern sweep`: housekeeping by hand. A running server does it by itself.

use std::process::ExitCode;

use clap::Args;

use super::{Outcome, finish, open};
use crate::config::Config;
use crate::store::events::Event;
use crate::store::sweep::CHORES;

/// How to sweep.
#[derive(Debug, Args)]
pub struct Options {
    /// Counts what would go, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON array instead of a table
    #[arg(long)]
    json: bool,
}

/// Sweeps, or counts.
///
/// # Errors
/// Where the database cannot be used.
pub async fn run(options: Options, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    let (mut rows, now) = (Vec::new(), app.clock.now());
    for chore in CHORES {
        let count = if options.dry_run {
            chore.count(&app.store, now).await?
        } else {
            chore.sweep(&app.store, now).await?
        };
        rows.push((chore, count));
    }
    if !options.dry_run {
        app.store.tell(Event::KeysChanged);
    }
    if options.json {
        let rows: Vec<_> = rows
            .iter()
            .map(
                |(chore, count)| serde_json::json!({"what": chore.name, "table": chore.table, "rows": count}),
            )
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("{:<26} {}", "WHAT", if options.dry_run { "WOULD GO" } else { "GONE" });
        for (chore, count) in rows {
            println!("{:<26} {count}", chore.name);
        }
    }
    finish(app, writer).await;
    Ok(ExitCode::SUCCESS)
}
