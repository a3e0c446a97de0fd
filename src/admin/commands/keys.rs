//! `postern keys`: what tokens are signed with, and what those keys are sealed under.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Outcome, finish, open};
use crate::app::{App, keys};
use crate::clock::Time;
use crate::config::Config;
use crate::store::{self, keys::KeyRow};

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the keys that sign, will sign, or still verify
    #[command(after_help = "Example: postern keys list --json")]
    List {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Publishes a new key, which signs an hour later; what older ones signed stays good
    #[command(after_help = "Example: postern keys rotate\n\
                      In an emergency: postern keys rotate --now")]
    Rotate {
        /// A private key may be known to others: withdraws all keys at once and refuses what they signed
        #[arg(long)]
        now: bool,
    },
    /// Seals everything again that encryption_key_previous sealed, under encryption_key
    #[command(
        after_help = "Example: POSTERN_ENCRYPTION_KEY_FILE=new POSTERN_ENCRYPTION_KEY_PREVIOUS_FILE=old postern keys reseal"
    )]
    Reseal,
}

/// Lists, rotates or seals again.
///
/// # Errors
/// Where the database or the encryption key cannot be used.
pub async fn run(command: Command, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    match command {
        Command::List { json } => list(&app, json).await?,
        Command::Rotate { now: false } => {
            let next = keys::rotate(&app).await?;
            let what = if next.is_new { "is published from now on" } else { "was published before" };
            println!("Key {} {what} and signs from {}.", next.kid, next.active_at.rfc3339());
        }
        Command::Rotate { now: true } => {
            let (kid, withdrawn) = keys::replace_all(&app).await?;
            println!(
                "Key {kid} signs from now on; {withdrawn} withdrawn. Every access token is refused from now on:"
            );
            println!("clients that hold a refresh token get a new one by themselves.");
        }
        Command::Reseal => {
            let sealed = store::sealed::again(&app.store, &app.vault).await?;
            println!("{sealed} sealed again. encryption_key_previous is not needed any more.");
        }
    }
    finish(app, writer).await;
    Ok(ExitCode::SUCCESS)
}

async fn list(app: &App, json: bool) -> Result<(), Box<dyn std::error::Error>> {
    let (rows, now) = (store::keys::all(&app.store).await?, app.clock.now());
    if json {
        let rows: Vec<_> = rows.iter().map(|row| as_json(app, row, now)).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("{:<44} {:<6} {:<9} {:<8} CHANGES", "KID", "ALG", "STATE", "AGE");
    for KeyRow { life, .. } in rows {
        let changes = match (life.active_at > now, life.superseded_at) {
            (true, _) => format!("signs from {}", life.active_at.rfc3339()),
            (_, Some(at)) if at > now => format!("signs until {}", at.rfc3339()),
            _ => life.done_at().map_or(String::new(), |at| format!("verifies until {}", at.rfc3339())),
        };
        let (alg, state) = (life.algorithm.as_str(), life.state(now).as_str());
        println!("{:<44} {alg:<6} {state:<9} {:<8} {changes}", life.kid, age(life.created_at, now));
    }
    Ok(())
}

fn as_json(app: &App, KeyRow { life, sealed_private, .. }: &KeyRow, now: Time) -> serde_json::Value {
    serde_json::json!({
        "kid": life.kid, "alg": life.algorithm.as_str(), "state": life.state(now).as_str(),
        "created_at": life.created_at.rfc3339(), "signs_from": life.active_at.rfc3339(),
        "signs_until": life.superseded_at.map(Time::rfc3339), "verifies_until": life.done_at().map(Time::rfc3339),
        "sealed_under_current_key": app.vault.is_current(sealed_private),
    })
}

fn age(since: Time, now: Time) -> String {
    match now.micros_since(since) / 1_000_000 {
        seconds if seconds < 3_600 => format!("{} min", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
