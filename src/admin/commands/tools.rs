//! `postern tools`: what can be called, and calling it from the console.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::{Outcome, finish, open};
use crate::actions::arguments::Arguments;
use crate::actions::turn::Turn;
use crate::actions::{Action, ActionError, Caller, Effect, safe_name};
use crate::app::App;
use crate::audit::Fact;
use crate::config::Config;

/// What can be done with tools.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the tools with what they do and the scope they need
    #[command(after_help = "Example: postern tools list --json")]
    List {
        /// One JSON array with the schemas, instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Runs a tool with the operator's rights and prints its outcome as JSON
    #[command(
        after_help = "Example: postern tools run catalog:get '{\"name\": \"checkout\"}' --as dana@example.com"
    )]
    Run {
        /// Any of its names
        name: String,
        /// Its arguments as a JSON object
        #[arg(default_value = "{}")]
        arguments: String,
        /// Run it as this person, by e-mail address
        #[arg(long = "as", value_name = "EMAIL", default_value = "operator@localhost")]
        username: String,
    },
}

/// Lists or runs.
///
/// # Errors
/// What the tool answers, or why it cannot be run.
pub async fn run(command: Command, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    let code = match command {
        Command::List { json } => list(app.actions.all(), json)?,
        Command::Run { name, arguments, username } => call(&app, &name, &arguments, username).await?,
    };
    finish(app, writer).await;
    Ok(code)
}

fn list(actions: &[Arc<Action>], as_json: bool) -> Outcome {
    if as_json {
        let one = |action: &Arc<Action>| {
            json!({
                "id": action.id, "name": safe_name(&action.id), "aliases": action.aliases, "title": action.title,
                "description": action.description, "effect": effect(action), "scope": action.scope,
                "input": action.input, "output": action.output,
            })
        };
        println!("{}", serde_json::to_string_pretty(&actions.iter().map(one).collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<36} {:<8} {:<16} TITLE", "NAME", "EFFECT", "SCOPE");
    for action in actions {
        let scope = action.scope.as_deref().unwrap_or("-");
        println!("{:<36} {:<8} {scope:<16} {}", safe_name(&action.id), effect(action), action.title);
    }
    Ok(ExitCode::SUCCESS)
}

fn effect(action: &Action) -> &'static str {
    match action.effect {
        Effect::Read => "reads",
        Effect::Change => "changes",
        Effect::Delete => "deletes",
    }
}

async fn call(app: &App, name: &str, arguments: &str, username: String) -> Outcome {
    let action = app.actions.find(name).ok_or_else(|| format!("no tool {name}; see `postern tools list`"))?;
    let arguments: Map<String, Value> =
        serde_json::from_str(arguments).map_err(|e| format!("the arguments are not a JSON object: {e}"))?;
    let arguments = Arguments::compile(action)?.accept(arguments)?;
    let caller = Arc::new(Caller {
        subject: "system".to_owned(),
        username,
        is_user: true,
        client_id: "console".to_owned(),
        grant_id: "console".to_owned(),
        scopes: app.scopes.clone(),
        resource: app.config.resource(),
    });
    // Whoever has this console may do anything; it is on record all the same.
    let detail = json!({"action": action.id, "as": caller.username});
    let actor = Some("system".to_owned());
    app.audit.record(Fact { event: "tool.call", actor, outcome: "begun", detail, ..Fact::default() }).await?;
    match (action.run)(Turn::unheard(caller), arguments).await {
        Ok(outcome) => {
            println!("{}", serde_json::to_string_pretty(&outcome)?);
            Ok(ExitCode::SUCCESS)
        }
        Err(ActionError::Fault(fault)) => Err(fault),
        Err(refusal) => Err(refusal.into()),
    }
}
