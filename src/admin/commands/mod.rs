//! The command line: one enum, one act a file.

mod access;
mod access_shown;
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
    #[command(subcommand, after_help = "Example: postern config check")]
    Config(config::Command),
    /// Adds or lists the people who may sign in
    #[command(subcommand, after_help = "Example: postern user list")]
    User(users::Command),
    /// Adds, lists or revokes clients
    #[command(subcommand, after_help = "Example: postern client list --json")]
    Client(clients::Command),
    /// Makes, lists or ends personal access tokens
    #[command(subcommand, after_help = "Example: postern token list --user dana@example.com")]
    Token(tokens::Command),
    /// Lists or runs the tools
    #[command(subcommand, after_help = "Example: postern tools list")]
    Tools(tools::Command),
    /// Lists or rotates the keys that tokens are signed with
    #[command(subcommand, after_help = "Example: postern keys list")]
    Keys(keys::Command),
    /// Drafts, compares and publishes who may do what
    #[command(subcommand, after_help = "Example: postern access check rbac.csv")]
    Access(access::Command),
    /// Exports or verifies the audit log
    #[command(subcommand, after_help = "Example: postern audit verify")]
    Audit(audit::Command),
    /// Looks for what is wrong with this server and its surroundings; exits with 1 where something is
    #[command(after_help = "Example: postern doctor --json")]
    Doctor(doctor::Options),
    /// Removes what has ended; a running server does it by itself
    #[command(after_help = "Example: postern sweep --dry-run")]
    Sweep(sweep::Options),
    /// Checks catalog descriptors, or has a running server read its own again
    #[command(subcommand, after_help = "Example: postern catalog check catalog")]
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
        Some(Command::Access(access::Command::Check { file, conditions })) => {
            return access::check(&file, conditions.as_deref());
        }
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
        Command::Access(command) => access::run(command, config).await,
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
            Self::Access(command) => matches!(command, access::Command::Check { .. }),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The words of a line as a shell reads it, without settings before the program's name.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in line.chars() {
            match c {
                c if quote == Some(c) => quote = None,
                '\'' | '"' if quote.is_none() => quote = Some(c),
                ' ' if quote.is_none() => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        words.into_iter().skip_while(|word| word != "postern").collect()
    }

    /// Every command and every group of commands, with the words that lead to it.
    fn each(command: &clap::Command, path: &str, visit: &mut impl FnMut(&clap::Command, &str)) {
        visit(command, path);
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            each(below, &format!("{path} {}", below.get_name()), visit);
        }
    }

    #[test]
    fn every_command_and_every_group_has_an_example_that_is_one_of_it() {
        let mut seen = 0;
        each(&Cli::command(), "postern", &mut |command, path| {
            let told = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let lines = told.strip_prefix("Examples:").or_else(|| told.strip_prefix("Example: "));
            let lines = lines.unwrap_or_else(|| panic!("{path}: {told}"));
            for line in lines.lines().filter(|line| !line.is_empty()) {
                assert!(line.contains(path), "{path}: {line}");
                let mut parts = line.split(['|', '<', '>']).map(str::trim);
                let read = Cli::try_parse_from(words(parts.find(|part| part.contains("postern ")).unwrap()));
                assert!(read.is_ok(), "{path}: {}", read.unwrap_err());
            }
            seen += 1;
        });
        assert!(seen > 40, "{seen}");
    }

    #[test]
    fn a_group_without_a_command_or_with_a_wrong_one_says_what_there_is() {
        each(&Cli::command(), "postern", &mut |command, path| {
            let own: Vec<&str> = path.split(' ').collect();
            if own.len() == 1 || !command.has_subcommands() {
                return;
            }
            let said = Cli::try_parse_from(&own).unwrap_err();
            assert_eq!(said.exit_code(), 2, "{path}");
            let said = said.to_string();
            for below in command.get_subcommands() {
                assert!(said.contains(below.get_name()), "{path}: {said}");
            }
            assert!(said.contains("Example: postern"), "{path}: {said}");
            let wrong = Cli::try_parse_from(own.iter().copied().chain(["nonsense"])).unwrap_err().to_string();
            assert!(wrong.contains("'nonsense'") && wrong.contains("--help"), "{path}: {wrong}");
        });
    }
}
