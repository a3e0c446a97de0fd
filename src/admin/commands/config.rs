//! `postern config`: is it right, and where does each value come from?

use std::process::ExitCode;

use clap::Subcommand;

use super::Outcome;
use crate::app;
use crate::catalog::{Catalog, missing_paths};
use crate::config::{Config, Flags};
use crate::insights::Insights;

/// What can be asked about the configuration.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says whether the server would start with it
    #[command(after_help = "Example: postern config check --config /etc/postern.toml")]
    Check,
    /// Prints every key with its value and where that came from; secrets stay hidden
    #[command(after_help = "Example: postern config print --json")]
    Print {
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
    },
}

/// Checks or prints.
///
/// # Errors
/// What is wrong with the configuration.
pub fn run(command: Command, flags: &Flags) -> Outcome {
    let (config, raw) = Config::load(flags)?;
    match command {
        Command::Check => {
            app::check(&config)?;
            println!("The configuration is good. Issuer: {}", config.issuer());
            for why in missing_paths(&config.catalog.paths) {
                println!("But {why}");
            }
            let (catalog, path) = (Catalog::default(), config.insights.as_deref());
            for why in Insights::open(catalog, path, config.catalog.demo).1 {
                println!("But a scorecard cannot be used: {why}");
            }
        }
        Command::Print { json: true } => {
            let object: serde_json::Map<_, _> = raw
                .explain()
                .into_iter()
                .map(|(key, value, origin)| {
                    let entry =
                        serde_json::json!({"value": value, "origin": origin.to_string(), "env": key.env});
                    (key.path.to_owned(), entry)
                })
                .collect();
            println!("{}", serde_json::to_string_pretty(&object)?);
        }
        Command::Print { json: false } => {
            for (key, value, origin) in raw.explain() {
                println!("# {} Environment: {}", key.help, key.env);
                println!("{} = {:?}  # {origin}\n", key.path, value);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
