//! Every SQL statement of the house, one file a table family, free functions.
//!
//! Owns: the pools, the migrations, and what a row looks like. Does not own: any decision about what it reads.
//! The same text runs on Postgres and SQLite; what only one engine has is in [`events`] and in this file alone: how the
//! pools are opened, and what nodes that migrate together wait for.
//! A transaction opens with its guarded write: on SQLite a read that turns into a write fails under load.

pub mod approvals;
pub mod audit;
pub mod audit_pages;
pub mod client_pages;
pub mod clients;
pub mod codes;
pub mod connected;
pub mod consents;
pub mod devices;
pub mod documents;
pub mod events;
pub mod grants;
pub mod guesses;
pub mod keys;
pub mod links;
pub mod locations;
pub mod logos;
pub mod mcp_sessions;
pub mod mcp_tasks;
pub mod password_links;
pub mod personal_tokens;
pub mod policies;
pub mod pushed;
pub mod refresh_tokens;
pub mod registration_tokens;
pub mod registrations;
pub mod replays;
pub mod requests;
pub mod revoked_tokens;
pub mod rulings;
pub mod scaffolder_runs;
pub mod scaffolder_tasks;
pub mod sealed;
pub mod sessions;
pub mod subjects;
pub mod sweep;
pub mod users;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection as _, Executor, Row as _};
use tokio::sync::broadcast;

use crate::config::Config;
use crate::limits;
use events::{Board, Event, Listener};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// A transaction on either engine.
pub type Tx = sqlx::Transaction<'static, sqlx::Any>;

/// Which database is behind the pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Any number of nodes.
    Postgres,
    /// One process, one file.
    Sqlite,
}

/// Why the store could not answer. Callers fail closed: an unknown answer is never a yes (attack I04).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or could not be reached.
    #[error("database: {}", words(.0))]
    Database(#[from] sqlx::Error),
    /// It was never reached.
    #[error("cannot reach the database {place}: {}. {check}", words(.source))]
    Unreachable {
        /// Which, without its password.
        place: String,
        /// What the driver said.
        source: sqlx::Error,
        /// What to check.
        check: &'static str,
    },
    /// The schema could not be brought up to date.
    #[error("migrations: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The file or its folder cannot be used.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row that this version cannot read: altered by hand, or written by a newer version.
    #[error("a row of {table} cannot be read: {why}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// What the store's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// The pools, and the news of what changed.
#[derive(Clone, Debug)]
pub struct Store {
    write: AnyPool,
    read: AnyPool,
    engine: Engine,
    news: Board,
}

impl Store {
    /// Opens the database that `config` names, without touching its schema.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::File`] where it cannot be reached.
    pub async fn open(config: &Config) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let news = Board::new(limits::EVENTS_QUEUED_MAX);
        match &config.database.url {
            Some(url) => {
                let options = AnyConnectOptions::from_str(url.reveal())?.disable_statement_logging();
                let pool = AnyPoolOptions::new()
                    .max_connections(config.database.connections_max)
                    .acquire_timeout(Duration::from_secs(limits::DATABASE_WAIT_SECONDS))
                    .test_before_acquire(false)
                    .before_acquire(|connection, meta| Box::pin(still_answers(connection, meta.idle_for)))
                    .connect_with(options)
                    .await
                    .map_err(|source| Error::Unreachable {
                        place: place(url.reveal()),
                        source,
                        check: POSTGRES,
                    })?;
                Ok(Self { write: pool.clone(), read: pool, engine: Engine::Postgres, news })
            }
            None => {
                make_private_folder(&config.data_dir)?;
                let file = config.data_dir.join("postern.db");
                let write = sqlite_pool(&file, 1).await?;
                let read = sqlite_pool(&file, limits::SQLITE_READERS).await?;
                Ok(Self { write, read, engine: Engine::Sqlite, news })
            }
        }
    }

    /// Brings the schema up to date. Nodes that start together wait for each other: on Postgres under a lock that
    /// ends with its transaction, so that a pooler in transaction mode works; on SQLite under a locked file.
    ///
    /// # Errors
    /// [`Error::Migrate`], among others where the schema is newer than this version.
    pub async fn migrate(&self, data_dir: &Path) -> Result<()> {
        let mut migrator = sqlx::migrate::Migrator {
            migrations: MIGRATOR.migrations.clone(),
            ..sqlx::migrate::Migrator::DEFAULT
        };
        migrator.set_locking(false);
        match self.engine {
            Engine::Postgres => {
                let mut lock = self.write.begin().await?;
                lock.execute(sqlx::query(
                    "select 1 from (select pg_advisory_xact_lock(7077117074)) as locked",
                ))
                .await?;
                migrator.run(&self.write).await?;
                lock.commit().await?;
            }
            Engine::Sqlite => {
                let path = data_dir.join("migrate.lock");
                let in_file = |source| Error::File { path: path.clone(), source };
                let file = std::fs::File::create(&path).map_err(in_file)?;
                file.lock().map_err(in_file)?;
                migrator.run(&self.write).await?;
            }
        }
        Ok(())
    }

    /// How many migrations of this version are not applied yet.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn unapplied(&self) -> Result<usize> {
        let query = sqlx::query("select version from _sqlx_migrations where success = true");
        // Without the table there is no schema at all: none is applied.
        let rows = query.fetch_all(&self.read).await.unwrap_or_default();
        let applied: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?;
        Ok(MIGRATOR.iter().filter(|known| !applied.contains(&known.version)).count())
    }

    /// Which engine this is, for the banner and for [`events`].
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Opens a transaction. Its first statement must be the guarded write.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn begin(&self) -> Result<Tx> {
        Ok(self.write.begin().await?)
    }

    /// Where single statements that write go.
    pub fn write(&self) -> &AnyPool {
        &self.write
    }

    /// Where single statements that only read go.
    pub fn read(&self) -> &AnyPool {
        &self.read
    }

    /// Asks the database for nothing, to see whether it answers.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("select 1").execute(&self.read).await?;
        Ok(())
    }

    /// What changes from now on, on this node and on the others.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.news.subscribe()
    }

    /// The same for a path that only looks, at every call.
    pub fn listener(&self) -> Listener {
        self.news.listener()
    }
}

/// Whether `error` says that a unique or foreign key stood in the way.
pub fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| e.is_unique_violation() || e.is_foreign_key_violation())
}

/// The pattern of `like … escape '!'` for what holds `text`, in lower case, to the letter.
fn holding(text: &str) -> String {
    let escaped = text.trim().to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

/// Asks a connection whether it is still there, but not one that was used a moment ago: asking before every statement
/// would double the round trips of the busiest paths.
async fn still_answers(connection: &mut AnyConnection, idle_for: Duration) -> sqlx::Result<bool> {
    if idle_for >= Duration::from_millis(limits::DATABASE_IDLE_TRUSTED_MILLIS) {
        connection.ping().await?;
    }
    Ok(true)
}

async fn sqlite_pool(file: &Path, connections: u32) -> Result<AnyPool> {
    let mut url = url::Url::parse("sqlite:///").map_err(|e| sqlx::Error::Configuration(e.into()))?;
    let absolute =
        std::path::absolute(file).map_err(|source| Error::File { path: file.to_owned(), source })?;
    url.set_path(&absolute.to_string_lossy());
    url.set_query(Some("mode=rwc"));
    let options = AnyConnectOptions::from_str(url.as_str())?.disable_statement_logging();
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(limits::DATABASE_WAIT_SECONDS))
        .after_connect(|connection, _| {
            Box::pin(async move {
                // synchronous=full: a revocation that was answered must survive a power cut, not only a crash.
                for pragma in [
                    "pragma busy_timeout = 5000",
                    "pragma journal_mode = wal",
                    "pragma synchronous = full",
                    "pragma foreign_keys = on",
                ] {
                    connection.execute(pragma).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .map_err(|source| Error::Unreachable { place: file.display().to_string(), source, check: SQLITE })?;
    Ok(pool)
}

const POSTGRES: &str = "Is it running, and does database.url (POSTERN_DATABASE_URL) name it, with a user and a password \
    that it knows?";
const SQLITE: &str = "Does data_dir (POSTERN_DATA_DIR) name the right folder, may this user write there, and is the disk full?";

/// Where a Postgres is, for people: no user, no password.
fn place(url: &str) -> String {
    let Ok(url) = url::Url::parse(url) else { return "of database.url".to_owned() };
    let port = url.port().unwrap_or(5432);
    format!("{} at {}:{port}", url.path().trim_start_matches('/'), url.host_str().unwrap_or("localhost"))
}

/// What the driver says, where its own words would leave everybody guessing.
fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::PoolTimedOut => {
            format!("no connection within {} s", limits::DATABASE_WAIT_SECONDS)
        }
        other => other.to_string(),
    }
}

/// The data directory, for its owner only: it holds the database and the encryption key.
fn make_private_folder(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| Error::File { path: path.to_owned(), source })
}
