//! `postern keys`: what tokens are signed with.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Outcome, finish, open};
use crate::app;
use crate::audit::Fact;
use crate::config::Config;
use crate::store;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the keys that sign or still verify
    #[command(after_help = "Example: postern keys list --json")]
    List {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Makes a new key that signs from now on; the one before it keeps verifying what it signed
    #[command(after_help = "Example: postern keys rotate")]
    Rotate,
}

/// Lists or rotates.
///
/// # Errors
/// Where the database or the encryption key cannot be used.
pub async fn run(command: Command, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    match command {
        Command::List { json } => list(&store::keys::all(&app.store).await?, json)?,
        Command::Rotate => {
            let kid = app::add_key(&app.store, &app.vault, &app.config, &app.clock).await?;
            app.audit
                .record(Fact {
                    event: "key.rotated",
                    actor: Some("system".into()),
                    outcome: "ok",
                    detail: serde_json::json!({"kid": kid}),
                    ..Fact::default()
                })
                .await?;
            println!("New key {kid} signs from now on. Running servers use it within a second.");
        }
    }
    finish(app, writer).await;
    Ok(ExitCode::SUCCESS)
}

fn list(keys: &[store::keys::KeyRow], json: bool) -> Result<(), serde_json::Error> {
    let state = |key: &store::keys::KeyRow| if key.superseded_at.is_some() { "previous" } else { "current" };
    if json {
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                serde_json::json!({
                    "kid": key.kid, "alg": key.algorithm.as_str(), "state": state(key),
                    "created_at": key.created_at.rfc3339(),
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("{:<44} {:<6} {:<9} CREATED", "KID", "ALG", "STATE");
        for key in keys {
            let (alg, created) = (key.algorithm.as_str(), key.created_at.rfc3339());
            println!("{:<44} {alg:<6} {:<9} {created}", key.kid, state(key));
        }
    }
    Ok(())
}
