//! `postern audit`: the log as lines, and whether anybody changed it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Outcome, finish, open};
use crate::app::App;
use crate::audit::Fact;
use crate::config::Config;
use crate::identity::user::Email;
use crate::store::audit_pages::Filter;
use crate::{limits, store};

/// What can be asked of the audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints the rows that fit, newest first, one JSON object a line; the export is on record itself
    #[command(after_help = "Example: postern audit export --user dana@example.com > dana.jsonl")]
    Export(Asked),
    /// Checks that each row still fits the one before it; exits with 1 where one was changed or is missing
    #[command(after_help = "Example: postern audit verify")]
    Verify {
        /// One JSON object instead of a sentence
        #[arg(long)]
        json: bool,
    },
}

/// Which rows.
#[derive(Args, Debug)]
pub struct Asked {
    /// Only of this event
    #[arg(long, default_value = "")]
    event: String,
    /// Only of the person with this address, or `system`
    #[arg(long, default_value = "")]
    user: String,
    /// Only about this client
    #[arg(long, default_value = "")]
    client: String,
    /// Only of this request
    #[arg(long, default_value = "")]
    request: String,
}

/// Exports or verifies.
///
/// # Errors
/// What is wrong with the request, or with the database.
pub async fn run(command: Command, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    let code = match command {
        Command::Export(asked) => export(&app, asked).await,
        Command::Verify { json } => verify(&app, json).await,
    };
    finish(app, writer).await;
    code
}

async fn export(app: &App, asked: Asked) -> Outcome {
    let mut actor = asked.user;
    if let Ok(email) = Email::parse(&actor) {
        let user = store::users::find_by_email(&app.store, &email).await?;
        actor = user.ok_or_else(|| format!("nobody signs in as {actor}; see `postern user list`"))?.id;
    }
    let filter = Filter {
        event: asked.event,
        actor,
        client_id: asked.client,
        request_id: asked.request,
        ..Filter::default()
    };
    let fact = Fact {
        event: "audit.exported",
        actor: Some("system".to_owned()),
        outcome: "ok",
        detail: json!({"event": filter.event, "actor": filter.actor, "client": filter.client_id,
            "request": filter.request_id}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut out = std::io::stdout().lock();
    let mut after = None;
    loop {
        let rows = store::audit_pages::page(&app.store, &filter, after.as_ref(), limits::EXPORT_ROWS).await?;
        for found in &rows {
            writeln!(out, "{}", found.json())?;
        }
        match rows.last() {
            Some(last) if rows.len() as i64 == limits::EXPORT_ROWS => after = Some(last.after.clone()),
            _ => return Ok(ExitCode::SUCCESS),
        }
    }
}

async fn verify(app: &App, as_json: bool) -> Outcome {
    let found = store::audit::verify(&app.store).await?;
    if as_json {
        let (rows, problem) = (found.as_ref().ok(), found.as_ref().err());
        println!("{}", json!({"sound": found.is_ok(), "rows": rows, "problem": problem}));
    } else {
        match &found {
            Ok(1) => println!("Sound: the one row fits its chain."),
            Ok(rows) => println!("Sound: all {rows} rows fit their chains."),
            Err(problem) => println!(
                "Not sound: {problem}. It, or one before it, was changed or removed after it was written. \
                 Compare with your backups and exports."
            ),
        }
    }
    Ok(if found.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
