//! `postern tools`: what can be called, and calling it from the console.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::explain::{self, Asked};
use super::tokens::resource_of;
use super::{Outcome, finish, open};
use crate::actions::arguments::Arguments;
use crate::actions::turn::Turn;
use crate::actions::{Action, ActionError, Caller, Effect, safe_name};
use crate::app::{self, App};
use crate::audit::Fact;
use crate::config::Config;

/// What can be done with tools.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the tools with what they do and the scope they need
    #[command(after_help = "Examples:\n  postern tools list --json\n  \
        postern tools list --as dana@example.com --client 01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55 --server catalog")]
    List {
        /// JSON with the schemas, or with the reasons, instead of a table
        #[arg(long)]
        json: bool,
        /// What this person's client may call, and why, by e-mail address
        #[arg(long = "as", value_name = "EMAIL", requires = "client")]
        username: Option<String>,
        /// That client, by client_id; personal-access-tokens for the person's own tokens
        #[arg(long, value_name = "ID", requires = "username")]
        client: Option<String>,
        /// Only the tools of this MCP server, such as catalog for /mcp/catalog
        #[arg(long, value_name = "NAME")]
        server: Option<String>,
    },
    /// Runs a tool with the operator's rights and prints its outcome as JSON
    #[command(
        after_help = "Example: postern tools run catalog:get '{\"name\": \"arrivals\"}' --as dana@example.com"
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
    if let Command::List { json, server, username: None, .. } = &command {
        let offered = app::offered(&config)?;
        let at = resource_of(&offered.resources, &offered.servers, Some(server.as_deref().unwrap_or("mcp")))?;
        let path = offered.resources.find(&at).map(|found| &found.path);
        let server =
            offered.servers.iter().find(|server| path.is_some_and(|path| server.paths.contains(path)));
        return list(server.map(|server| server.actions.all()).unwrap_or_default(), *json);
    }
    let (app, writer) = open(config).await?;
    let code = match command {
        Command::List { json, username: Some(username), client: Some(client_id), server } => {
            let asked = Asked { username: &username, client_id: &client_id, server: server.as_deref(), json };
            explain::run(&app, &asked).await?
        }
        Command::List { .. } => return Err("--as and --client go together".into()),
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
        restrictions: None,
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
