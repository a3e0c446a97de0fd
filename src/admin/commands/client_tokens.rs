//! `postern client token`: who may register a client where not everybody may.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use crate::app::App;
use crate::audit::Fact;
use crate::oauth::members::clean;
use crate::secret::{self, InitialAccess, Secret};
use crate::store::registration_tokens::{self, RegistrationToken};
use crate::{config::SelfRegistered, limits};

/// What can be done with initial access tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes an initial access token, and shows it this once
    #[command(after_help = "Example: postern client token add --uses 20 --days 14 --note 'Payments team'")]
    Add {
        /// How many clients may register with it
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=limits::INITIAL_ACCESS_USES_MAX))]
        uses: i64,
        /// For how many days it works
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=limits::INITIAL_ACCESS_DAYS_MAX))]
        days: i64,
        /// What it is for, to recognise it in the list
        #[arg(long, default_value = "")]
        note: String,
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Lists initial access tokens, newest first; never the tokens themselves
    #[command(after_help = "Example: postern client token list --json")]
    List {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Ends an initial access token; what was registered with it stays
    #[command(after_help = "Example: postern client token revoke 01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55")]
    Revoke {
        /// Its id, from the list
        id: String,
    },
}

pub(super) async fn run(command: Command, app: &App) -> Outcome {
    match command {
        Command::Add { uses, days, note, json } => add(app, uses, days, &note, json).await,
        Command::List { json } => list(app, json).await,
        Command::Revoke { id } => revoke(app, &id).await,
    }
}

async fn add(app: &App, uses: i64, days: i64, note: &str, as_json: bool) -> Outcome {
    let now = app.clock.now();
    let minted = Secret::<InitialAccess>::mint();
    let token = RegistrationToken {
        id: secret::id(now),
        note: clean(note, limits::CLIENT_NAME_CHARS_MAX),
        uses_left: uses,
        created_at: now,
        expires_at: now.plus_seconds(days * 86_400),
    };
    let detail = json!({"token": token.id, "uses": uses, "expires_at": token.expires_at.rfc3339()});
    app.audit.record(fact("client.token.added", detail)).await?;
    registration_tokens::add(&app.store, &token, &minted.digest()).await?;
    if as_json {
        let mut shown = shown(&token);
        shown["token"] = json!(minted.reveal());
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("id       {}", token.id);
    println!("token    {}   (shown this once)", minted.reveal());
    println!(
        "allows   {uses} registration{} until {}",
        if uses == 1 { "" } else { "s" },
        token.expires_at.rfc3339()
    );
    if app.config.clients.self_registered == SelfRegistered::Off {
        println!("\nNobody can use it yet: clients.self_registered is off.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(app: &App, as_json: bool) -> Outcome {
    let tokens = registration_tokens::list(&app.store).await?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&tokens.iter().map(shown).collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<37} {:<10} {:<21} NOTE", "ID", "USES LEFT", "EXPIRES");
    for token in &tokens {
        println!(
            "{:<37} {:<10} {:<21} {}",
            token.id,
            token.uses_left,
            token.expires_at.rfc3339(),
            token.note
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn revoke(app: &App, id: &str) -> Outcome {
    // What ends nothing is not on record as done.
    if !registration_tokens::remove(&app.store, id).await? {
        return Err(format!("no initial access token {id}; see `postern client token list`").into());
    }
    app.audit.record(fact("client.token.revoked", json!({"token": id}))).await?;
    println!("Revoked. What was registered with it stays; see `postern client list`.");
    Ok(ExitCode::SUCCESS)
}

fn shown(token: &RegistrationToken) -> serde_json::Value {
    json!({
        "id": token.id, "note": token.note, "uses_left": token.uses_left,
        "created_at": token.created_at.rfc3339(), "expires_at": token.expires_at.rfc3339(),
    })
}

fn fact(event: &'static str, detail: serde_json::Value) -> Fact {
    Fact { event, actor: Some("system".to_owned()), outcome: "ok", detail, ..Fact::default() }
}
