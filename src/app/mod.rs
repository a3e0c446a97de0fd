//! What every handler gets: built once at start, shared by all, cheap to clone.

pub mod keys;

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access::scopes;
use crate::actions::Registry;
use crate::audit::Audit;
use crate::catalog::{self, Catalog};
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::key::KeyRing;
use crate::oauth::request::Offer;
use crate::oauth::scope::ScopeSet;
use crate::outbound::Outbound;
use crate::secret::Vault;
use crate::store::{self, Store};
use crate::web::described::Memory;
use crate::web::endpoints::register::Hour;
use crate::web::issuers::Discovered;
use crate::web::key_sets::KeySets;
use crate::web::rates::Rates;

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
    pub vault: Arc<Vault>,
    /// The signing keys, swapped whole when they change.
    pub keys: Arc<ArcSwap<KeyRing>>,
    /// The audit log.
    pub audit: Audit,
    /// What the platform consists of.
    pub catalog: Catalog,
    /// Everything that can be called.
    pub actions: Arc<Registry>,
    /// Every scope that can be asked for.
    pub scopes: ScopeSet,
    /// What resource metadata lists: the scopes that only read.
    pub baseline: ScopeSet,
    /// Every protected resource that tokens are issued for (RFC 8707); the first is meant where a request names none.
    pub resources: Vec<String>,
    /// The one way out.
    pub outbound: Outbound,
    /// What this node knows of documents being fetched.
    pub described: Memory,
    /// How often one address and one client asked.
    pub rates: Rates,
    /// Where identity providers have their keys.
    pub discovered: Discovered,
    /// What this node knows of others' keys.
    pub key_sets: KeySets,
    /// Registrations within this hour.
    pub registrations: Hour,
    /// Cancelled once, when the process is told to stop.
    pub stopping: CancellationToken,
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
    /// Opens the database, brings it up to date, and loads or makes the keys. The second value is the audit writer:
    /// it ends, with everything written, once the last [`App`] is dropped.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(config: Config, clock: Clock) -> Result<(Self, JoinHandle<()>), StartError> {
        let outbound = Outbound::new(&config)?;
        let store = Store::open(&config).await?;
        store.migrate(&config.data_dir).await?;
        let vault = keys::open_vault(&config, &store).await?;
        let ring = keys::open_ring(&store, &vault, &config, &clock).await?;
        let catalog = open_catalog(&config);
        let actions = Registry::new(catalog::actions::actions(catalog.clone()))
            .map_err(|e| StartError::Actions(e.to_string()))?;
        let silent = scopes::undescribed(actions.all().iter().map(AsRef::as_ref));
        if !silent.is_empty() {
            let which = silent.join(", ");
            return Err(StartError::Actions(format!("these scopes have no sentence for people: {which}")));
        }
        let (audit, writer) = Audit::start(store.clone(), clock.clone());
        let resources = vec![config.resource()];
        unknown_targets(&config, &resources)?;
        let parts = Parts {
            scopes: scopes::supported(actions.all().iter().map(AsRef::as_ref)),
            baseline: scopes::baseline(actions.all().iter().map(AsRef::as_ref)),
            keys: Arc::new(ArcSwap::from_pointee(ring)),
            actions: Arc::new(actions),
            rates: Rates::new(&config),
            resources,
            config,
            clock,
            store,
            vault: Arc::new(vault),
            audit,
            outbound,
            described: Memory::default(),
            discovered: Discovered::default(),
            key_sets: KeySets::default(),
            registrations: Hour::default(),
            stopping: CancellationToken::new(),
            catalog,
        };
        Ok((Self(Arc::new(parts)), writer))
    }
}

impl Parts {
    /// What there is to ask for.
    pub fn offer(&self) -> Offer<'_> {
        Offer { scopes: &self.scopes, baseline: &self.baseline, resources: &self.resources }
    }
}

/// A target of an exchange that is no resource here would never be given, and nobody would know why.
fn unknown_targets(config: &Config, resources: &[String]) -> Result<(), StartError> {
    for (client, target) in config.exchange.iter().flat_map(|(c, all)| all.iter().map(move |t| (c, t))) {
        if !resources.contains(target) {
            let ours = resources.join(", ");
            let why = format!("exchange.resources: {target} of {client} is none of this server's: {ours}");
            return Err(StartError::Actions(why));
        }
    }
    Ok(())
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
