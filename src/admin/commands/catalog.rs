//! `postern catalog`: are the descriptors sound?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::Outcome;
use crate::catalog;

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
}

/// Checks.
///
/// # Errors
/// Where the report cannot be printed.
pub fn run(command: Command) -> Outcome {
    let Command::Check { path, json } = command;
    let report = catalog::check(&path);
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
