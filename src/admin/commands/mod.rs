//! The command line: one enum, one act a file.

mod audit;
mod catalog;
mod client_tokens;
mod clients;
mod config;
mod doctor;
mod explain;
mod health;
mod keys;
mod sweep;
mod tokens;
mod tools;
mod trust;
mod users;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::{Config, Flags};
use crate::store::Store;

/// What an act answers: an exit status, or a sentence that says what went wrong and what to do.
pub type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

/// The front door to a platform's MCP tools: an OAuth 2.1 authorization server and a guarded tool router.
#[derive(Debug, Parser)]
#[command(
    name = "postern",
    version,
    propagate_version = true,
    after_help = "Example: postern serve --listen 127.0.0.1:8787"
)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Settings {
    /// The configuration file [default: postern.toml, where it exists]
    #[arg(long, global = true, value_name = "FILE", env = "POSTERN_CONFIG")]
    config: Option<PathBuf>,
    /// Where people and clients reach this server
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// The address and port to bind
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where the embedded database and the encryption key live
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Any other configuration key, by its dotted path; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server; this is what `postern` alone does
    #[command(after_help = "Example: POSTERN_DATABASE_URL=postgres://postern@db/postern postern serve")]
    Serve,
    /// Brings the database up to date; `serve` does it too
    #[command(after_help = "Example: postern migrate")]
    Migrate,
    /// Checks or explains the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Adds or lists the people who may sign in
    #[command(subcommand)]
    User(users::Command),
    /// Adds, lists or revokes clients
    #[command(subcommand)]
    Client(clients::Command),
    /// Makes, lists or ends personal access tokens
    #[command(subcommand)]
    Token(tokens::Command),
    /// Lists or runs the tools
    #[command(subcommand)]
    Tools(tools::Command),
    /// Lists or rotates the keys that tokens are signed with
    #[command(subcommand)]
    Keys(keys::Command),
    /// Exports or verifies the audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// Looks for what is wrong with this server and its surroundings; exits with 1 where something is
    #[command(after_help = "Example: postern doctor --json")]
    Doctor(doctor::Options),
    /// Removes what has ended; a running server does it by itself
    #[command(after_help = "Example: postern sweep --dry-run")]
    Sweep(sweep::Options),
    /// Checks catalog descriptors, or has a running server read its own again
    #[command(subcommand)]
    Catalog(catalog::Command),
    /// Asks a running server whether it is ready; exits with 1 where it is not
    #[command(after_help = "Example: postern healthcheck")]
    Healthcheck,
}

/// Does what the command line asks. `serve` is handed in, since serving is not an act of the operator's room.
///
/// # Errors
/// A sentence for the person at the console.
pub async fn run<F, S>(cli: Cli, serve: F) -> Outcome
where
    F: FnOnce(Config) -> S,
    S: Future<Output = Outcome>,
{
    let flags = cli.settings.flags()?;
    // Neither of these needs a configuration that would start.
    match cli.command {
        Some(Command::Config(command)) => return config::run(command, &flags),
        Some(Command::Catalog(catalog::Command::Check { path, json })) => return catalog::check(&path, json),
        Some(Command::Doctor(options)) => return doctor::run(&options, &flags).await,
        _ => {}
    }
    let (config, _) = Config::load(&flags)?;
    let command = cli.command.unwrap_or(Command::Serve);
    if !command.may_begin() && !is_begun(&config) {
        return Err(format!(
            "there is nothing in {} yet, and this command makes nothing there. Run `postern serve` or `postern migrate` \
             first; or name the right folder with --data-dir, or the database with POSTERN_DATABASE_URL",
            config.data_dir.display()
        )
        .into());
    }
    match command {
        Command::Serve => serve(config).await,
        Command::Migrate => migrate(&config).await,
        Command::Config(command) => config::run(command, &flags),
        Command::Catalog(command) => catalog::run(command, config).await,
        Command::User(command) => users::run(command, config).await,
        Command::Client(command) => clients::run(command, config).await,
        Command::Token(command) => tokens::run(command, config).await,
        Command::Tools(command) => tools::run(command, config).await,
        Command::Keys(command) => keys::run(command, config).await,
        Command::Audit(command) => audit::run(command, config).await,
        Command::Doctor(options) => doctor::run(&options, &flags).await,
        Command::Sweep(options) => sweep::run(options, config).await,
        Command::Healthcheck => health::run(&config).await,
    }
}

impl Command {
    /// Whether it makes sense where nothing was installed yet: it makes what it needs, or needs nothing. Every other
    /// would find nothing there, and must leave nothing behind.
    fn may_begin(&self) -> bool {
        match self {
            Self::Serve | Self::Migrate | Self::Config(_) | Self::Doctor(_) | Self::Healthcheck => true,
            Self::User(command) => matches!(command, users::Command::Add(_)),
            Self::Client(command) => command.may_begin(),
            Self::Tools(command) => matches!(command, tools::Command::List { username: None, .. }),
            Self::Keys(_) | Self::Token(_) | Self::Audit(_) | Self::Sweep(_) => false,
            Self::Catalog(command) => matches!(command, catalog::Command::Check { .. }),
        }
    }
}

/// Whether there is a database to look into. Another machine's is taken to be there.
fn is_begun(config: &Config) -> bool {
    config.database.url.is_some() || config.data_dir.join("postern.db").exists()
}

impl Settings {
    fn flags(&self) -> Result<Flags, String> {
        let mut set = Vec::new();
        let named =
            [("public_url", &self.public_url), ("listen", &self.listen), ("data_dir", &self.data_dir)];
        for (path, value) in named {
            set.extend(value.clone().map(|value| (path.to_owned(), value)));
        }
        for pair in &self.set {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("--set {pair}: expected KEY=VALUE, such as title=Acme"))?;
            set.push((key.to_owned(), value.to_owned()));
        }
        Ok(Flags { file: self.config.clone(), set })
    }
}

async fn migrate(config: &Config) -> Outcome {
    let store = Store::open(config).await?;
    store.migrate(&config.data_dir).await?;
    println!("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// The parts of a server, for an act that needs them. The act must call [`finish`] with what this gives.
async fn open(config: Config) -> Result<(App, tokio::task::JoinHandle<()>), app::StartError> {
    App::open(config, Clock::System).await
}

/// Waits until what the act recorded is stored.
async fn finish(app: App, writer: tokio::task::JoinHandle<()>) {
    drop(app);
    let _ = writer.await;
}
