//! `postern token`: personal access tokens, made and ended by the operator.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Outcome, finish, open};
use crate::access::personal::{CLIENT_ID, EVERY, Kept, PersonalToken, Wish};
use crate::access::servers::Server;
use crate::app::App;
use crate::audit::Fact;
use crate::clock::Time;
use crate::config::Config;
use crate::identity::user::{Email, User, parse_name};
use crate::oauth::resource::Resources;
use crate::secret::{self, Personal, Secret};
use crate::store;
use crate::store::events::Event;
use crate::store::personal_tokens::Added;

/// What can be done with personal access tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a token that acts as a person; it is shown this once
    #[command(
        after_help = "Example: postern token add --user dana@example.com --name 'Nightly report' --scope catalog:read --server catalog"
    )]
    Add(Add),
    /// Lists the tokens with what each may do, newest first
    #[command(after_help = "Example: postern token list --user dana@example.com --json")]
    List {
        /// Only this person's, by e-mail address
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Ends a token, on every node
    #[command(after_help = "Example: postern token revoke 01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55")]
    Revoke {
        /// Its id, as `postern token list` shows it
        id: String,
    },
}

/// The token to make.
#[derive(Args, Debug)]
pub struct Add {
    /// Whom it acts as, by e-mail address
    #[arg(long, value_name = "EMAIL")]
    user: String,
    /// What it is for
    #[arg(long)]
    name: String,
    /// What it may be used for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// The one MCP server it opens, such as catalog for /mcp/catalog or mcp for /mcp [default: every one]
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Only actions of this plugin; may be repeated
    #[arg(long = "plugin", value_name = "PLUGIN")]
    plugins: Vec<String>,
    /// Only actions that ask for this permission; may be repeated
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// How long it lives
    #[arg(long, default_value_t = 90)]
    days: i64,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Makes, lists or ends.
///
/// # Errors
/// What is wrong with the request, or with the database.
pub async fn run(command: Command, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    let code = match command {
        Command::Add(asked) => add(&app, asked).await?,
        Command::List { user, json } => list(&app, user.as_deref(), json).await?,
        Command::Revoke { id } => revoke(&app, &id).await?,
    };
    finish(app, writer).await;
    Ok(code)
}

async fn person(app: &App, email: &str) -> Result<User, Box<dyn std::error::Error>> {
    let found = store::users::find_by_email(&app.store, &Email::parse(email)?).await?;
    found.ok_or_else(|| format!("nobody has the address {email}; see `postern user list`").into())
}

/// The identifier of the server that goes by `name`.
pub(super) fn resource(app: &App, name: Option<&str>) -> Result<String, String> {
    resource_of(&app.resources, &app.servers, name)
}

/// The same, before there is a database.
pub(super) fn resource_of(
    resources: &Resources,
    servers: &[Server],
    name: Option<&str>,
) -> Result<String, String> {
    let path = match name {
        None => return Ok(EVERY.to_owned()),
        Some("mcp" | "") => "/mcp".to_owned(),
        Some(name) => format!("/mcp/{name}"),
    };
    resources.at(&path).map(|found| found.identifier.clone()).ok_or_else(|| {
        let known: Vec<&str> = servers.iter().filter_map(|server| server.name.as_deref()).collect();
        format!("there is no MCP server {}; there is mcp, {}", name.unwrap_or_default(), known.join(", "))
    })
}

async fn add(app: &App, asked: Add) -> Outcome {
    let now = app.clock.now();
    let user = person(app, &asked.user).await?;
    let wish = Wish {
        name: parse_name(&asked.name)?,
        scope: asked.scopes.join(" "),
        resource: resource(app, asked.server.as_deref())?,
        kept: Kept { plugins: asked.plugins, permissions: asked.permissions },
        days: asked.days,
    };
    let new = wish.judged(&app.resources, &app.actions)?;
    let (secret, id) = (Secret::<Personal>::mint(), secret::id(now));
    let detail = json!({"name": new.name(), "scope": new.scope().to_string(), "resource": new.resource(), "kept": new.kept(), "for": user.id});
    let mut tx = app.store.begin().await?;
    match store::personal_tokens::add(&mut tx, (&id, &secret.digest()), &user.id, &new, now).await? {
        Added::Yes => tx.commit().await?,
        Added::TooMany => return Err("this person has as many tokens as one may have; end one first".into()),
        Added::Ended => {
            return Err(format!(
                "personal access tokens are switched off here; `postern client resume {CLIENT_ID}` switches them on"
            )
            .into());
        }
    }
    app.audit.record(fact("token.made", &id, detail)).await?;
    let until = new.expires_at(now).rfc3339();
    if asked.json {
        let answer = json!({"id": id, "token": secret.reveal(), "expires_at": until, "scope": new.scope().to_string(), "resource": new.resource()});
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        println!("id       {id}\ntoken    {}   (shown this once)\nexpires  {until}", secret.reveal());
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(app: &App, user: Option<&str>, as_json: bool) -> Outcome {
    let now = app.clock.now();
    let tokens = match user {
        Some(email) => store::personal_tokens::of_user(&app.store, &person(app, email).await?.id).await?,
        None => store::personal_tokens::all(&app.store).await?,
    };
    if as_json {
        let all: Vec<Value> = tokens.iter().map(|token| shown(token, now)).collect();
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<37} {:<8} {:<21} {:<21} {:<24} NAME", "ID", "STATE", "EXPIRES", "LAST USED", "USER");
    for token in &tokens {
        let used = token.used_at.map_or("never".to_owned(), Time::rfc3339);
        let email = token.person.as_ref().map_or("-", |person| person.email.as_str());
        let (id, expires) = (&token.id, token.expires_at.rfc3339());
        println!("{id:<37} {:<8} {expires:<21} {used:<21} {email:<24} {}", state(token, now), token.name);
    }
    Ok(ExitCode::SUCCESS)
}

fn state(token: &PersonalToken, now: Time) -> &'static str {
    match token.ended_at {
        Some(_) => "ended",
        None if token.expires_at <= now => "expired",
        None if token.person.is_none() => "asleep",
        None => "live",
    }
}

fn shown(token: &PersonalToken, now: Time) -> Value {
    json!({
        "id": token.id, "name": token.name, "state": state(token, now), "user": token.user_id,
        "email": token.person.as_ref().map(|person| &person.email), "scope": token.scope.to_string(),
        "resource": token.resource, "plugins": token.kept.plugins, "permissions": token.kept.permissions,
        "created_at": token.created_at.rfc3339(), "expires_at": token.expires_at.rfc3339(),
        "used_at": token.used_at.map(Time::rfc3339),
    })
}

async fn revoke(app: &App, id: &str) -> Outcome {
    let now = app.clock.now();
    // What ends nothing is not on record as done.
    let known = store::grants::find(&app.store, id).await?.filter(|grant| grant.client_id == CLIENT_ID);
    match known.map(|grant| grant.revoked_at) {
        None => return Err(format!("there is no token {id}; see `postern token list`").into()),
        Some(Some(_)) => return Err(format!("token {id} was ended before; see `postern token list`").into()),
        Some(None) => {}
    }
    let mut tx = app.store.begin().await?;
    let ended = store::personal_tokens::revoke(&mut tx, &app.store, (id, None), "admin", now).await?;
    tx.commit().await?;
    if !ended {
        return Err(format!("token {id} was ended by somebody else meanwhile").into());
    }
    app.store.tell(Event::GrantRevoked(id.to_owned()));
    app.audit.record(fact("token.ended", id, json!({}))).await?;
    println!("Ended. Its next call is refused, on every node.");
    Ok(ExitCode::SUCCESS)
}

fn fact(event: &'static str, id: &str, detail: Value) -> Fact {
    Fact {
        event,
        actor: Some("system".to_owned()),
        client_id: Some(CLIENT_ID.to_owned()),
        grant_id: Some(id.to_owned()),
        outcome: "ok",
        detail,
        ..Fact::default()
    }
}
