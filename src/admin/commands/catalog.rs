//! `postern catalog`: are the descriptors sound, and have they changed?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::Outcome;
use crate::catalog;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;
use crate::store::events::{self, Event};

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
    }
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
