//! `postern user`: who may sign in.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Outcome, finish, open};
use crate::app::App;
use crate::audit::Fact;
use crate::config::Config;
use crate::identity::password;
use crate::identity::user::{Email, User, parse_name};
use crate::store::events::Event;
use crate::store::subjects::{self, Subject};
use crate::store::users::NewUser;
use crate::{limits, secret, store};

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Adds a person who signs in with a password, which is read from standard input
    #[command(
        after_help = "Example: printf %s \"$PASSWORD\" | postern user add --email dana@example.com --name 'Dana Ruiz' --password-stdin --admin"
    )]
    Add(Add),
    /// Lists the people who may sign in
    #[command(after_help = "Example: postern user list --json")]
    List {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Refuses a person and every client that acts for them, on every node, until they are resumed
    #[command(after_help = "Example: postern user suspend dana@example.com")]
    Suspend {
        /// The address they sign in with
        email: String,
    },
    /// Says who of a trusted identity provider this person is
    #[command(
        after_help = "Example: postern user link dana@example.com --issuer https://idp.example.com --subject 00u1a2b3"
    )]
    Link(Link),
    /// Takes such a word back
    #[command(
        after_help = "Example: postern user unlink dana@example.com --issuer https://idp.example.com --subject 00u1a2b3"
    )]
    Unlink(Link),
    /// Lets a suspended person go on
    #[command(after_help = "Example: postern user resume dana@example.com")]
    Resume {
        /// The address they sign in with
        email: String,
    },
}

/// A person, here and at an identity provider.
#[derive(Args, Debug)]
pub struct Link {
    /// The address they sign in with here
    email: String,
    /// The provider's issuer, to the letter
    #[arg(long)]
    issuer: String,
    /// The provider's name for them
    #[arg(long)]
    subject: String,
    /// The provider's tenant, where it has several
    #[arg(long, default_value = "")]
    tenant: String,
}

/// The person to add.
#[derive(Args, Debug)]
pub struct Add {
    /// The address they sign in with
    #[arg(long)]
    email: String,
    /// What they are called
    #[arg(long)]
    name: String,
    /// Reads the password from standard input; an argument would stand in the shell's history
    #[arg(long, required = true)]
    password_stdin: bool,
    /// They administer this server
    #[arg(long)]
    admin: bool,
}

/// Adds or lists.
///
/// # Errors
/// What is wrong with the request, or with the database.
pub async fn run(command: Command, config: Config) -> Outcome {
    let (app, writer) = open(config).await?;
    let code = match command {
        Command::Add(asked) => add(&app, asked).await?,
        Command::Suspend { email } => suspend(&app, &email, true).await?,
        Command::Link(asked) => link(&app, &asked, true).await?,
        Command::Unlink(asked) => link(&app, &asked, false).await?,
        Command::Resume { email } => suspend(&app, &email, false).await?,
        Command::List { json } => list(&store::users::list(&app.store).await?, json)?,
    };
    finish(app, writer).await;
    Ok(code)
}

async fn add(app: &App, asked: Add) -> Outcome {
    let email = Email::parse(&asked.email).map_err(|e| format!("--email {}: {e}", asked.email))?;
    let name = parse_name(&asked.name).map_err(|e| format!("--name: {e}"))?;
    let password = password_from_stdin()?;
    // Before the transaction: it costs tens of milliseconds.
    let password_hash = Some(password::hash(&password).await?);
    let now = app.clock.now();
    let user = NewUser { id: secret::id(now), email, name, password_hash, admin: asked.admin };
    let fact = Fact {
        event: "user.added",
        actor: Some("system".to_owned()),
        outcome: "ok",
        detail: json!({"user": user.id, "email": user.email.as_str(), "admin": user.admin}),
        ..Fact::default()
    };
    let mut tx = app.store.begin().await?;
    if !store::users::add(&mut tx, &user, now).await? {
        return Err(format!("{} has an account already; see `postern user list`", user.email.as_str()).into());
    }
    tx.commit().await?;
    app.audit.record(fact).await?;
    println!(
        "Added {}{}.",
        user.email.as_str(),
        if user.admin { ", who administers this server" } else { "" }
    );
    Ok(ExitCode::SUCCESS)
}

async fn find(app: &App, typed: &str) -> Result<User, Box<dyn std::error::Error>> {
    let email = Email::parse(typed).map_err(|e| format!("{typed}: {e}"))?;
    let found = store::users::find_by_email(&app.store, &email).await?;
    Ok(found.ok_or_else(|| format!("nobody signs in as {typed}; see `postern user list`"))?)
}

async fn link(app: &App, asked: &Link, links: bool) -> Outcome {
    let (now, user) = (app.clock.now(), find(app, &asked.email).await?);
    if links && !app.config.trusted_issuers.iter().any(|known| known.issuer == asked.issuer) {
        return Err(format!("--issuer {}: it is none of trusted_issuers", asked.issuer).into());
    }
    let who = Subject { issuer: &asked.issuer, tenant: &asked.tenant, subject: &asked.subject };
    let fact = Fact {
        event: if links { "user.linked" } else { "user.unlinked" },
        actor: Some("system".to_owned()),
        outcome: "ok",
        detail: json!({"user": user.id, "issuer": asked.issuer, "tenant": asked.tenant, "subject": asked.subject}),
        ..Fact::default()
    };
    let mut tx = app.store.begin().await?;
    let done = if links {
        subjects::link(&mut tx, who, &user.id, now).await?
    } else {
        subjects::unlink(&mut tx, who, &user.id).await?
    };
    if !done {
        let state = if links { "is linked already" } else { "is not linked to them" };
        return Err(format!("{} of {} {state}", asked.subject, asked.issuer).into());
    }
    tx.commit().await?;
    app.audit.record(fact).await?;
    println!("{}", if links { "Linked." } else { "Unlinked." });
    Ok(ExitCode::SUCCESS)
}

async fn suspend(app: &App, typed: &str, suspended: bool) -> Outcome {
    let (now, user) = (app.clock.now(), find(app, typed).await?);
    let fact = Fact {
        event: if suspended { "user.suspended" } else { "user.resumed" },
        actor: Some("system".to_owned()),
        outcome: "ok",
        detail: json!({"user": user.id}),
        ..Fact::default()
    };
    let mut tx = app.store.begin().await?;
    if !store::users::suspend(&mut tx, &app.store, &user.id, suspended, now).await? {
        let state = if suspended { "suspended already" } else { "not suspended" };
        return Err(format!("{typed} is {state}; see `postern user list`").into());
    }
    tx.commit().await?;
    app.store.tell(Event::UserSuspended(user.id.clone()));
    app.audit.record(fact).await?;
    println!(
        "{}",
        if suspended {
            "Suspended. Whatever acts for them is refused at its next call, on every node, until `postern user resume`."
        } else {
            "Resumed: what they allowed before is good again."
        }
    );
    Ok(ExitCode::SUCCESS)
}

fn password_from_stdin() -> Result<String, String> {
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        eprintln!("Type the password, then Enter and Ctrl-D. It is shown as you type.");
    }
    let mut text = String::new();
    stdin
        .by_ref()
        .take(limits::CONFIG_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|e| format!("the password cannot be read: {e}"))?;
    // One line end is the shell's; any other character may be meant.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn list(users: &[User], as_json: bool) -> Outcome {
    let role = |user: &User| if user.is_admin() { "admin" } else { "user" };
    let state = |user: &User| if user.is_active() { "active" } else { "suspended" };
    if as_json {
        let one = |user: &User| {
            json!({
                "id": user.id, "email": user.email, "name": user.name, "role": role(user), "state": state(user),
                "created_at": user.created_at.rfc3339(),
            })
        };
        println!("{}", serde_json::to_string_pretty(&users.iter().map(one).collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<36} {:<6} {:<10} {:<21} NAME", "EMAIL", "ROLE", "STATE", "SINCE");
    for user in users {
        let since = user.created_at.rfc3339();
        println!("{:<36} {:<6} {:<10} {since:<21} {}", user.email, role(user), state(user), user.name);
    }
    Ok(ExitCode::SUCCESS)
}
