//! What every handler gets: built once at start, shared by all, cheap to clone.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;

use crate::access::{scopes, servers};
use crate::actions::Registry;
use crate::audit::Audit;
use crate::catalog::{self, Catalog};
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::key::{KeyRing, SigningKey};
use crate::oauth::request::Offer;
use crate::oauth::resource::Resources;
use crate::oauth::scope::ScopeSet;
use crate::outbound::Outbound;
use crate::secret::{self, Vault};
use crate::store::{self, Store};
use crate::web::described::Memory;
use crate::web::endpoints::register::Hour;

/// The parts of a running server. See [`Parts`].
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// What the operator decided.
    pub config: Config,
    /// The one clock.
    pub clock: Clock,
    /// The rows.
    pub store: Store,
    /// Seals what must be read back.
    pub vault: Vault,
    /// The signing keys, swapped whole when they change.
    pub keys: Arc<ArcSwap<KeyRing>>,
    /// The audit log.
    pub audit: Audit,
    /// What the platform consists of.
    pub catalog: Catalog,
    /// Everything that can be called.
    pub actions: Arc<Registry>,
    /// The MCP servers, the one that shows everything first.
    pub servers: Vec<servers::Server>,
    /// The protected resources that they are.
    pub resources: Resources,
    /// Every scope that can be asked for, at whichever of them.
    pub scopes: ScopeSet,
    /// The one way out.
    pub outbound: Outbound,
    /// What this node knows of documents being fetched.
    pub described: Memory,
    /// Registrations within this hour.
    pub registrations: Hour,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Why a server cannot start: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database, its schema or its keys.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The key-encryption key.
    #[error("{0}")]
    EncryptionKey(String),
    /// The actions.
    #[error("{0}")]
    Actions(String),
    /// The client for outbound calls.
    #[error(transparent)]
    Outbound(#[from] crate::outbound::SetupError),
}

impl App {
    /// The server behind the protected resource with this identifier.
    pub fn server_of(&self, resource: &str) -> Option<&servers::Server> {
        let path = &self.resources.find(resource)?.path;
        self.servers.iter().find(|server| server.paths.contains(path))
    }

    /// Opens the database, brings it up to date, and loads or makes the keys. The second value is the audit writer:
    /// it ends, with everything written, once the last [`App`] is dropped.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(config: Config, clock: Clock) -> Result<(Self, JoinHandle<()>), StartError> {
        let outbound = Outbound::new(&config)?;
        let store = Store::open(&config).await?;
        store.migrate(&config.data_dir).await?;
        let vault = open_vault(&config)?;
        let keys = open_keys(&store, &vault, &config, &clock).await?;
        let catalog = open_catalog(&config);
        let actions = Registry::new(catalog::actions::actions(catalog.clone()))
            .map_err(|e| StartError::Actions(e.to_string()))?;
        let silent = scopes::undescribed(actions.all().iter().map(AsRef::as_ref));
        if !silent.is_empty() {
            let which = silent.join(", ");
            return Err(StartError::Actions(format!("these scopes have no sentence for people: {which}")));
        }
        let (audit, writer) = Audit::start(store.clone(), clock.clone());
        let actions = Arc::new(actions);
        let servers = servers::servers(&config, &actions);
        let resources = servers::resources(&config.public_url, &servers);
        let lost = |resource: &&String| resources.find(resource).is_none();
        if let Some(lost) = config.static_tokens.iter().filter_map(|t| t.resource.as_ref()).find(lost) {
            return Err(StartError::Actions(format!(
                "a token of the configuration is for {lost}, which is no MCP server"
            )));
        }
        let parts = Parts {
            scopes: scopes::supported(actions.all().iter().map(AsRef::as_ref)),
            resources,
            servers,
            keys: Arc::new(ArcSwap::from_pointee(keys)),
            actions,
            config,
            clock,
            store,
            vault,
            audit,
            outbound,
            described: Memory::default(),
            registrations: Hour::default(),
            catalog,
        };
        Ok((Self(Arc::new(parts)), writer))
    }
}

impl Parts {
    /// What there is to ask for.
    pub fn offer(&self) -> Offer<'_> {
        Offer { resources: &self.resources }
    }
}

/// The catalog that the configuration names, the sample one, or both. A descriptor with faults is named in the log and
/// left out; the others are there.
fn open_catalog(config: &Config) -> Catalog {
    let (catalog, loaded) = Catalog::open(&config.catalog.paths, config.catalog.demo);
    for problem in loaded.problems.iter().filter(|problem| problem.severity == catalog::load::Severity::Error)
    {
        let (file, line) = (&problem.place.file, problem.place.line);
        tracing::warn!(file, line, entity = problem.entity, "{}", problem.message);
    }
    catalog
}

/// The key-encryption key: from the configuration, or from the data directory, where it is made on first start.
///
/// # Errors
/// [`StartError::EncryptionKey`].
pub fn open_vault(config: &Config) -> Result<Vault, StartError> {
    let text = match &config.encryption_key {
        Some(key) => key.reveal().to_owned(),
        None => key_file(&config.data_dir).map_err(StartError::EncryptionKey)?,
    };
    Vault::from_base64url(&text).map_err(|e| StartError::EncryptionKey(e.to_string()))
}

fn key_file(data_dir: &Path) -> Result<String, String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = data_dir.join("encryption.key");
    let wrong = |what: &str, e: std::io::Error| format!("{what} {}: {e}", path.display());
    std::fs::create_dir_all(data_dir).map_err(|e| wrong("cannot make the folder of", e))?;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let text = Vault::mint();
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(|e| wrong("cannot write", e))?;
            Ok(text)
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::read_to_string(&path).map_err(|e| wrong("cannot read", e))
        }
        Err(e) => Err(wrong("cannot make", e)),
    }
}

/// The ring, and a first key where there is none. Two nodes that start together may both make one: the newer signs,
/// both verify.
async fn open_keys(
    store: &Store,
    vault: &Vault,
    config: &Config,
    clock: &Clock,
) -> Result<KeyRing, StartError> {
    if let Some(ring) = store::keys::ring(store, vault, clock.now()).await? {
        return Ok(ring);
    }
    add_key(store, vault, config, clock).await?;
    store::keys::ring(store, vault, clock.now())
        .await?
        .ok_or_else(|| StartError::EncryptionKey("no signing key could be made".into()))
}

/// Makes a key that signs from now on. The one before it keeps verifying, so that what it signed stays good.
///
/// # Errors
/// [`StartError::Store`].
pub async fn add_key(
    store: &Store,
    vault: &Vault,
    config: &Config,
    clock: &Clock,
) -> Result<String, StartError> {
    let now = clock.now();
    let pkcs8 = secret::private_key(config.tokens.algorithm);
    let key = SigningKey::from_pkcs8(&pkcs8, config.tokens.algorithm, now)
        .map_err(|e| StartError::EncryptionKey(e.to_string()))?;
    let sealed = vault.seal(&key.kid, &pkcs8);
    let mut tx = store.begin().await?;
    store::keys::add(&mut tx, store, &key, &sealed, now).await?;
    tx.commit().await.map_err(store::Error::from)?;
    store.tell(store::events::Event::KeysChanged);
    Ok(key.kid)
}
