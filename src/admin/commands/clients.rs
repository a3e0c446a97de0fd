//! `postern client`: who may ask for tokens.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Outcome, client_tokens, finish, is_begun, open, trust};
use crate::access::personal;
use crate::app::App;
use crate::audit::Fact;
use crate::config::Config;
use crate::oauth::client::{Client, ClientState, GrantType};
use crate::oauth::key_set::KeySet;
use crate::oauth::registration::{self, Credentials, PreRegistration};
use crate::oauth::resource;
use crate::oauth::trust::Ruling;
use crate::secret::{self, ClientSecret, Secret};
use crate::store::clients::ClientRow;
use crate::store::events::Event;
use crate::{limits, store};

/// What can be done with clients.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Registers a client; a confidential one is shown its secret this once
    #[command(
        after_help = "Examples:\n  postern client add --name 'Docs bot' --redirect-uri http://127.0.0.1:7777/callback --json\n  \
        postern client add --name Nightly --confidential --grant client_credentials --scope catalog:read\n  \
        postern client add --name CI --jwks ci-keys.json --grant client_credentials --scope catalog:read"
    )]
    Add(Add),
    /// Lists clients of every kind, newest first
    #[command(after_help = "Example: postern client list --json")]
    List {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Says which rule lets a described client in, or keeps it out; exits with 1 where it may not come
    #[command(after_help = "Example: postern client check https://vscode.dev/oauth/client-metadata.json")]
    Check(trust::Check),
    /// Lets a described client in for everybody, whether it waits already or has yet to come
    #[command(after_help = "Example: postern client approve https://client.example/oauth/client.json")]
    Approve {
        /// Its client_id: the URL of its document
        id: String,
    },
    /// Keeps a described client out for everybody; what it was granted before stays until it is revoked
    #[command(after_help = "Example: postern client refuse https://client.example/oauth/client.json")]
    Refuse {
        /// Its client_id: the URL of its document
        id: String,
    },
    /// Lets others register a client of their own: initial access tokens (RFC 7591)
    #[command(
        subcommand,
        after_help = "Example: postern client token add --uses 20 --days 30 --note 'Payments team'"
    )]
    Token(client_tokens::Command),
    /// Refuses everything of a client, on every node, until it is resumed; its grants stay
    #[command(after_help = "Example: postern client suspend 01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55")]
    Suspend {
        /// Its client_id
        id: String,
    },
    /// Lets a suspended client go on
    #[command(after_help = "Example: postern client resume 01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55")]
    Resume {
        /// Its client_id
        id: String,
    },
    /// Ends a client for good, with every grant and token it has, on every node
    #[command(after_help = "Example: postern client revoke 01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55")]
    Revoke {
        /// Its client_id
        id: String,
    },
}

/// The client to register.
#[derive(Args, Debug)]
pub struct Add {
    /// What people will see on the consent page
    #[arg(long)]
    name: String,
    /// Where answers may go; may be repeated. On 127.0.0.1, [::1] and localhost any port will do
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// It can keep a secret, and gets one
    #[arg(long)]
    confidential: bool,
    /// authorization_code, refresh_token, client_credentials, device_code, token-exchange or jwt-bearer; may be repeated
    /// [default: the first two and device_code]
    #[arg(long = "grant", value_name = "GRANT", value_parser = grant_type)]
    grants: Vec<GrantType>,
    /// A file with the public keys it signs with, as a JWK set: it proves itself by them and has no secret
    #[arg(long, value_name = "FILE", conflicts_with_all = ["confidential", "jwks_uri"])]
    jwks: Option<PathBuf>,
    /// Where those keys are instead; fetched when they are needed
    #[arg(long, value_name = "URL", conflicts_with = "confidential")]
    jwks_uri: Option<String>,
    /// A scope it will ask for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The URL of an MCP endpoint here that it guards: it may introspect that endpoint's tokens. Needs --confidential
    #[arg(long = "guards", value_name = "URL")]
    guards: Vec<String>,
    /// Where a browser may go after signing out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Its authorization requests must be pushed (RFC 9126)
    #[arg(long)]
    require_pushed: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Whether it makes sense where nothing was installed yet.
    pub(super) fn may_begin(&self) -> bool {
        match self {
            Self::Add(_) | Self::Check(_) | Self::Approve { .. } | Self::Refuse { .. } => true,
            Self::Token(command) => matches!(command, client_tokens::Command::Add { .. }),
            Self::List { .. } | Self::Suspend { .. } | Self::Resume { .. } | Self::Revoke { .. } => false,
        }
    }
}

fn grant_type(text: &str) -> Result<GrantType, String> {
    let ends = |grant: &GrantType| grant.as_str().rsplit(':').next() == Some(text);
    GrantType::parse(text).or_else(|| GrantType::ALL.into_iter().find(ends)).ok_or_else(|| {
        let names = GrantType::ALL.map(|grant| grant.as_str().rsplit(':').next().unwrap_or_default());
        format!("one of {}", names.join(", "))
    })
}

/// Adds, lists or revokes.
///
/// # Errors
/// What is wrong with the request, or with the database.
pub async fn run(command: Command, config: Config) -> Outcome {
    if let (Command::Check(asked), false) = (&command, is_begun(&config)) {
        return trust::check(&config, None, asked).await;
    }
    let (app, writer) = open(config).await?;
    let code = match command {
        Command::Add(asked) => add(&app, asked).await?,
        Command::List { json } => list(&store::clients::list(&app.store).await?, json)?,
        Command::Check(asked) => trust::check(&app.config, Some(&app.store), &asked).await?,
        Command::Approve { id } => trust::rule(&app, &id, Ruling::Approved).await?,
        Command::Refuse { id } => trust::rule(&app, &id, Ruling::Refused).await?,
        Command::Token(command) => client_tokens::run(command, &app).await?,
        Command::Suspend { id } => suspend(&app, &id, true).await?,
        Command::Resume { id } => suspend(&app, &id, false).await?,
        Command::Revoke { id } => revoke(&app, &id).await?,
    };
    finish(app, writer).await;
    Ok(code)
}

/// The resources it is to guard, in our own spelling.
fn guarded(app: &App, asked: &Add) -> Result<Vec<String>, String> {
    if !asked.guards.is_empty() && !asked.confidential {
        return Err("a client that guards a resource must prove who it is: add --confidential".to_owned());
    }
    let known = |url: &String| {
        let found = resource::resolve(std::slice::from_ref(url), app.resources.identifiers());
        let all = app.resources.identifiers().join(", ");
        found.cloned().ok_or_else(|| format!("--guards {url}: no such MCP endpoint here; there are: {all}"))
    };
    asked.guards.iter().map(known).collect()
}

async fn add(app: &App, asked: Add) -> Outcome {
    let now = app.clock.now();
    let minted = asked.confidential.then(Secret::<ClientSecret>::mint);
    let guards = guarded(app, &asked)?;
    if let Some(unknown) = asked.scopes.iter().find(|scope| !app.scopes.contains(scope)) {
        return Err(
            format!("--scope {unknown}: there is no such scope here; there are: {}", app.scopes).into()
        );
    }
    let registration = PreRegistration {
        name: asked.name,
        redirect_uris: asked.redirect_uris,
        grant_types: asked.grants,
        guards,
        post_logout_redirect_uris: asked.post_logout_redirect_uris,
        scope: (!asked.scopes.is_empty()).then(|| asked.scopes.join(" ")),
        confidential: asked.confidential,
        require_pushed: asked.require_pushed,
        jwks: asked.jwks.as_deref().map(key_set).transpose()?,
        jwks_uri: asked.jwks_uri,
    };
    let digest = minted.as_ref().map(Secret::digest);
    let client =
        registration::pre_registered(&registration, secret::id(now), digest).map_err(|fault| fault.why)?;
    let detail = json!({"name": client.name, "redirect_uris": client.metadata.redirect_uris});
    app.audit.record(fact("client.registered", &client.id, detail)).await?;
    store::clients::add(&app.store, &client, now).await?;
    let credentials = Credentials { secret: minted.as_ref().map(Secret::reveal), registration: None };
    let named = (client.id.as_str(), client.name.as_str(), &client.metadata);
    let answer = registration::response(named, credentials, now);
    if asked.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("client_id      {}", client.id);
    if let Some(secret) = &minted {
        println!("client_secret  {}   (shown this once)", secret.reveal());
    }
    Ok(ExitCode::SUCCESS)
}

fn key_set(path: &Path) -> Result<KeySet, String> {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let size = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?.len();
    if size > limits::KEY_SET_BYTES_MAX as u64 {
        return Err(wrong(format!("{size} bytes, at most {} are", limits::KEY_SET_BYTES_MAX)));
    }
    let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let set = serde_json::from_str(&text).map_err(|e| wrong(format!("it is not JSON: {e}")))?;
    KeySet::read(&set).map_err(|fault| wrong(format!("it {fault}")))
}

fn list(rows: &[ClientRow], as_json: bool) -> Outcome {
    let state = |row: &ClientRow| match row.client.state() {
        ClientState::Active => "active",
        ClientState::Suspended => "suspended",
        ClientState::Ended => "revoked",
    };
    if as_json {
        let one = |row: &ClientRow| {
            json!({
                "client_id": row.client.id, "client_name": row.client.name, "kind": row.client.kind.as_str(),
                "state": state(row), "registered_at": row.client.registered_at.rfc3339(),
                "used_at": row.used_at.map(|at| at.rfc3339()), "redirect_uris": row.client.metadata.redirect_uris,
            })
        };
        println!("{}", serde_json::to_string_pretty(&rows.iter().map(one).collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<37} {:<16} {:<10} {:<21} NAME", "CLIENT_ID", "KIND", "STATE", "LAST USED");
    for row in rows {
        let used = row.used_at.map_or("never".to_owned(), |at| at.rfc3339());
        let (id, kind) = (&row.client.id, row.client.kind.as_str());
        println!("{id:<37} {kind:<16} {:<10} {used:<21} {}", state(row), row.client.name);
    }
    Ok(ExitCode::SUCCESS)
}

/// The client that an act is about, where the act would change something: what changes nothing is not on record as done.
async fn subject(app: &App, id: &str, act: Act) -> Result<(), Box<dyn std::error::Error>> {
    let found = store::clients::find(&app.store, id).await?;
    Ok(act.judge(id, found.as_ref())?)
}

/// What can be done to a client that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Suspend,
    Resume,
    Revoke,
}

impl Act {
    /// Whether it would change anything.
    fn judge(self, id: &str, client: Option<&Client>) -> Result<(), String> {
        let Some(client) = client else {
            return Err(format!("there is no client {id}; see `postern client list`"));
        };
        match (self, client.revoked_at.is_some(), client.suspended_at.is_some()) {
            (Self::Revoke, false, _) if id == personal::CLIENT_ID => Err(format!(
                "{id} is what every personal access token hangs on, and an end of it could not be taken back: \
                 switch them off with `postern client suspend {id}`, or end one with `postern token revoke`"
            )),
            (Self::Resume, true, _) => {
                Err(format!("client {id} was revoked, which is for good: it has to be registered anew"))
            }
            (_, true, _) => Err(format!("client {id} was revoked before; nothing is left to do")),
            (Self::Suspend, _, true) => Err(format!("client {id} is suspended already")),
            (Self::Resume, _, false) => {
                Err(format!("client {id} is not suspended; see `postern client list`"))
            }
            _ => Ok(()),
        }
    }
}

async fn suspend(app: &App, id: &str, suspended: bool) -> Outcome {
    let now = app.clock.now();
    subject(app, id, if suspended { Act::Suspend } else { Act::Resume }).await?;
    let event = if suspended { "client.suspended" } else { "client.resumed" };
    let mut tx = app.store.begin().await?;
    if !store::clients::suspend(&mut tx, &app.store, id, suspended, now).await? {
        return Err(meanwhile(id).into());
    }
    tx.commit().await?;
    app.store.tell(Event::ClientRevoked(id.to_owned()));
    app.audit.record(fact(event, id, json!({}))).await?;
    println!(
        "{}",
        if suspended {
            "Suspended. Its next call is refused, on every node, until `postern client resume`."
        } else {
            "Resumed: what it was allowed before is good again."
        }
    );
    Ok(ExitCode::SUCCESS)
}

fn meanwhile(id: &str) -> String {
    format!("client {id} was changed by somebody else meanwhile; see `postern client list`")
}

async fn revoke(app: &App, id: &str) -> Outcome {
    let now = app.clock.now();
    subject(app, id, Act::Revoke).await?;
    let mut tx = app.store.begin().await?;
    let Some(grants) = store::clients::revoke(&mut tx, &app.store, id, "admin", now).await? else {
        return Err(meanwhile(id).into());
    };
    tx.commit().await?;
    app.store.tell(Event::ClientRevoked(id.to_owned()));
    app.audit.record(fact("client.revoked", id, json!({}))).await?;
    let count = grants.len();
    println!(
        "Revoked, with {count} grant{}. Its next call is refused, on every node.",
        if count == 1 { "" } else { "s" }
    );
    Ok(ExitCode::SUCCESS)
}

pub(super) fn fact(event: &'static str, client_id: &str, detail: serde_json::Value) -> Fact {
    Fact {
        event,
        actor: Some("system".to_owned()),
        client_id: Some(client_id.to_owned()),
        outcome: "ok",
        detail,
        ..Fact::default()
    }
}
