//! What every handler gets: built once at start, shared by all, cheap to clone.

pub mod effective;
pub mod keys;
pub mod policy;
pub mod policy_actions;

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access::{scopes, servers};
use crate::actions::{Plugin, Registry};
use crate::audit::Audit;
use crate::catalog::sources::Sources;
use crate::catalog::{self, Catalog};
use crate::clock::Clock;
use crate::config::Config;
use crate::insights::{self, Insights};
use crate::oauth::key::KeyRing;
use crate::oauth::request::Offer;
use crate::oauth::resource::Resources;
use crate::oauth::scope::ScopeSet;
use crate::outbound::Outbound;
use crate::scaffolder;
use crate::secret::Vault;
use crate::store::{self, Store};
use crate::web::described::Memory;
use crate::web::endpoints::register::Hour;
use crate::web::endpoints::token::Refused;
use crate::web::issuers::Discovered;
use crate::web::key_sets::KeySets;
use crate::web::logos::Logos;
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
    /// Who may do what.
    pub policies: Arc<policy::Policies>,
    /// Where it comes from besides this machine's disk, and the way to register more.
    pub sources: Sources,
    /// How it stands.
    pub insights: Insights,
    /// What runs templates.
    pub scaffolder: scaffolder::House,
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
    /// What this node knows of clients' pictures.
    pub logos: Logos,
    /// How often one address and one client asked.
    pub rates: Rates,
    /// Where identity providers have their keys.
    pub discovered: Discovered,
    /// What this node knows of others' keys.
    pub key_sets: KeySets,
    /// Registrations within this hour.
    pub registrations: Hour,
    /// Refusals of tokens that are on record already.
    pub refused: Refused,
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
    /// The policy.
    #[error(transparent)]
    Policy(#[from] policy::LoadError),
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
        Self::open_with(config, clock, Plugin::default()).await
    }

    /// The same, with actions that somebody adds.
    ///
    /// # Errors
    /// [`StartError`], also where a name is taken, or a scope has no sentence for people.
    pub async fn open_with(
        config: Config,
        clock: Clock,
        plugin: Plugin,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        keys::check_configured(&config)?;
        let outbound = Outbound::new(&config)?;
        let offered = offered(&config, &outbound, plugin)?;
        let Offered { catalog, sources, insights, scaffolder, actions, servers, resources, late } = offered;
        let store = Store::open(&config).await?;
        store.migrate(&config.data_dir).await?;
        let vault = keys::open_vault(&config, &store).await?;
        let ring = keys::open_ring(&store, &vault, &config, &clock).await?;
        let published = policy::load(&config, &store).await?;
        let policies = Arc::new(policy::Policies::new(catalog.clone(), published));
        sources.attach(store.clone(), clock.clone());
        log_problems(&sources.open().await?.problems);
        let (vault, (audit, writer)) = (Arc::new(vault), Audit::start(store.clone(), clock.clone()));
        scaffolder.furnish(scaffolder::Parts {
            store: store.clone(),
            clock: clock.clone(),
            vault: Arc::clone(&vault),
            catalog: catalog.clone(),
            policies: Arc::clone(&policies),
            outbound: outbound.clone(),
            audit: audit.clone(),
            data_dir: config.data_dir.clone(),
            held: config.approval.clone(),
            registry: Arc::downgrade(&actions),
            wake: Notify::new(),
        });
        let parts = Parts {
            scopes: scopes::supported(actions.all().iter().map(AsRef::as_ref)),
            rates: Rates::new(&config),
            resources,
            servers,
            keys: Arc::new(ArcSwap::from_pointee(ring)),
            actions,
            config,
            clock,
            store,
            vault,
            scaffolder,
            audit,
            outbound,
            described: Memory::default(),
            logos: Logos::default(),
            discovered: Discovered::default(),
            key_sets: KeySets::default(),
            registrations: Hour::default(),
            policies,
            refused: Refused::default(),
            stopping: CancellationToken::new(),
            catalog,
            sources,
            insights,
        };
        let app = Self(Arc::new(parts));
        late.is(&app);
        Ok((app, writer))
    }
}

impl Parts {
    /// What there is to ask for.
    pub fn offer(&self) -> Offer<'_> {
        Offer { resources: &self.resources }
    }
}

/// What a configuration offers, before there is a database.
pub struct Offered {
    /// What the platform consists of.
    pub catalog: Catalog,
    /// Where it comes from besides this machine's disk.
    pub sources: Sources,
    /// How it stands.
    pub insights: Insights,
    /// What runs templates, once it is furnished.
    pub scaffolder: scaffolder::House,
    /// Everything that can be called.
    pub actions: Arc<Registry>,
    /// The MCP servers, the one that shows everything first.
    pub servers: Vec<servers::Server>,
    /// The protected resources that they are.
    pub resources: Resources,
    /// To be told of the server, once it is there.
    pub late: policy_actions::Late,
}

/// Reads the catalog and builds what is offered. Touches no database.
///
/// # Errors
/// [`StartError`].
pub fn offered(config: &Config, outbound: &Outbound, plugin: Plugin) -> Result<Offered, StartError> {
    let catalog = open_catalog(config);
    let sources = Sources::new(catalog.clone(), outbound.clone(), config);
    let (insights, problems) =
        Insights::open(catalog.clone(), config.insights.as_deref(), config.catalog.demo);
    problems.iter().for_each(|why| tracing::warn!("a scorecard cannot be used: {why}"));
    let late = policy_actions::Late::default();
    let mut all = catalog::actions::actions(catalog.clone());
    all.extend(catalog::actions::locations(&sources));
    all.extend(policy_actions::actions(&late));
    all.extend(insights::actions::actions(&insights));
    let scaffolder = scaffolder::House::default();
    all.extend(scaffolder::actions::actions(&scaffolder));
    all.extend(plugin.actions);
    let actions = Registry::new(all).map_err(|e| StartError::Actions(e.to_string()))?;
    let actions = actions.with_scopes(plugin.scopes);
    let silent = scopes::undescribed(&actions);
    if !silent.is_empty() {
        let which = silent.join(", ");
        return Err(StartError::Actions(format!("these scopes have no sentence for people: {which}")));
    }
    let actions = Arc::new(actions);
    let servers = servers::servers(config, &actions);
    let resources = servers::resources(&config.public_url, &servers);
    unknown_targets(config, &resources)?;
    Ok(Offered { catalog, sources, insights, scaffolder, actions, servers, resources, late })
}

/// Whether a server would start with `config`, as far as that is the configuration's doing. Writes nothing, and asks
/// nobody.
///
/// # Errors
/// [`StartError`].
pub fn check(config: &Config) -> Result<(), StartError> {
    keys::check_configured(config)?;
    policy::of_file(config)?;
    offered(config, &Outbound::new(config)?, Plugin::default()).map(drop)
}

/// A resource in the configuration that is none of this server's would never be opened, and nobody would know why.
fn unknown_targets(config: &Config, resources: &Resources) -> Result<(), StartError> {
    let lost = |resource: &&String| resources.find(resource).is_none();
    if let Some(lost) = config.static_tokens.iter().filter_map(|token| token.resource.as_ref()).find(lost) {
        return Err(StartError::Actions(format!(
            "tokens.static: a token is for {lost}, which is no MCP server here"
        )));
    }
    for (client, target) in config.exchange.iter().flat_map(|(c, all)| all.iter().map(move |t| (c, t))) {
        if resources.find(target).is_none() {
            let ours = resources.identifiers().join(", ");
            let why = format!("exchange.resources: {target} of {client} is none of this server's: {ours}");
            return Err(StartError::Actions(why));
        }
    }
    Ok(())
}

/// The catalog that the configuration names, the sample one, or both.
fn open_catalog(config: &Config) -> Catalog {
    let (catalog, refreshed) = Catalog::open(&config.catalog.paths, config.catalog.demo);
    log_problems(&refreshed.problems);
    catalog
}

/// A descriptor with faults is named in the log and left out, or keeps its last good version; the others are there.
pub fn log_problems(problems: &[catalog::load::Problem]) {
    for problem in problems.iter().filter(|problem| problem.severity == catalog::load::Severity::Error) {
        let (file, line) = (&problem.place.file, problem.place.line);
        tracing::warn!(file, line, entity = problem.entity, "{}", problem.message);
    }
}
