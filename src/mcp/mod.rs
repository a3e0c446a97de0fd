//! The resource server: the guard, the two eras of the protocol, and calls of tools.
//!
//! Owns: `/mcp` and `/mcp/{server}`, each a protected resource, and whatever path beside them is given for the same. A
//! request goes straight down: `guard` (who, from where, may they) → `envelope` (which era, are the headers true) →
//! `rmcp`, or `direct` for a tool that only reads → `server` → `call` (arguments, audit, the action) → the answer.
//!
//! What a handler may say before it answers goes through `rmcp`'s own `context.peer`: a notification in either era; a
//! request, which the client answers, where `context.peer.peer_info()` says that it can. The first such message turns
//! the answer into an event stream. That a list or a resource changed is told through [`changes`].
//! Does not own: how tokens are made; it knows the authorization server as `authority` says, and could run elsewhere.

pub mod answer;
pub mod approval;
pub mod authority;
pub mod bound;
pub mod call;
pub mod changes;
pub mod direct;
pub mod dispatch;
pub mod envelope;
pub mod features;
pub mod fixtures;
pub mod gate;
pub mod guard;
pub mod headers;
pub mod icons;
pub mod listen;
pub mod live;
pub mod old;
pub mod opaque;
pub mod origin;
pub mod rounds;
pub mod server;
pub mod session;
pub mod sse;
pub mod streams;
pub mod talk;
pub mod tasks;
pub mod tools;
pub mod trace;
pub mod turned;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::any;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::access::servers;
use crate::app::App;
use crate::audit::Audit;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::{McpSessions, PublicUrl, ToolNames};
use crate::oauth::dpop;
use crate::secret::Vault;
use crate::store::{Store, grants, replays};
use approval::Approvals;
use authority::{Authority, Unavailable};
use bound::{Proofs, Unusable};
use call::Calls;
use features::Features;
use guard::Endpoint;
use live::LiveCallers;
use old::Connections;
use origin::Origins;
use rounds::Rounds;
use server::Server;
use session::Sessions;
use session::door::Door;
use session::run::Runs;
use streams::Streams;
use tasks::Tasks;
use tokio_util::sync::CancellationToken;
use tools::Tools;

/// What the endpoints are built from.
#[derive(Clone)]
pub struct McpState {
    /// Fixes every URL that is published and every place that requests may come from.
    pub public_url: PublicUrl,
    /// What each endpoint shows, and where it is. The first shows everything. Each path is a resource of its own, so
    /// the authorization server must know it too: publish its metadata and issue tokens for it.
    pub servers: Vec<servers::Server>,
    /// How tools are named in lists.
    pub tool_names: ToolNames,
    /// Whether clients from before 2026-07-28 get sessions.
    pub sessions: McpSessions,
    /// Origins of other sites whose scripts may call.
    pub allowed_origins: Vec<String>,
    /// Who issues the tokens.
    pub authority: Authority,
    /// Who is known already.
    pub live: Arc<LiveCallers>,
    /// Which calls wait for their person's yes.
    pub approvals: Approvals,
    /// What makes a proof of a key count once.
    pub proofs: Proofs,
    /// Where sessions are kept, and where the news come from.
    pub store: Store,
    /// Cancelled when the server stops: streams end in order then, and nobody waits for them.
    pub stopping: CancellationToken,
    /// How long the body of a request may take.
    pub patience: Duration,
    /// Where calls are recorded.
    pub audit: Audit,
    /// What time it is.
    pub clock: Clock,
    /// What resources and prompts tell of.
    pub catalog: Catalog,
    /// Seals what clients carry between the rounds of a call.
    pub vault: Arc<Vault>,
    /// Whether the fixtures of the official conformance suite are served as well.
    pub conformance: bool,
}

impl McpState {
    /// As the running server has it. Follows the news from here on, so it must come before
    /// [`crate::store::Store::listen`] starts.
    pub fn of(app: &App) -> Self {
        let (keys, store) = (Arc::clone(&app.keys), app.store.clone());
        let is_live = move |verified: &authority::Verified| -> authority::Answered {
            let (store, verified) = (store.clone(), verified.clone());
            // What the configuration names lives as long as this process does.
            if verified.caller.client_id == crate::config::tokens::CLIENT_ID {
                return Box::pin(async { Ok(true) });
            }
            Box::pin(async move {
                let answer = grants::is_live(&store, &verified.caller.grant_id, &verified.token_id).await;
                answer.map_err(|error| Unavailable(error.into()))
            })
        };
        Self {
            public_url: app.config.public_url.clone(),
            servers: app.servers.clone(),
            tool_names: app.config.tool_names,
            sessions: app.config.mcp_sessions,
            allowed_origins: Vec::new(),
            authority: Authority::new(app.config.issuer(), move || keys.load_full(), is_live)
                .with_opaque(opaque::finder(app), opaque::noter(app)),
            live: Arc::new(LiveCallers::new(app.store.listener())),
            approvals: Approvals::of(app),
            proofs: proofs(app),
            store: app.store.clone(),
            stopping: app.stopping.clone(),
            patience: Duration::from_secs(crate::limits::REQUEST_TIME_SECONDS),
            audit: app.audit.clone(),
            clock: app.clock.clone(),
            catalog: app.catalog.clone(),
            vault: Arc::clone(&app.vault),
            conformance: app.config.conformance,
        }
    }
}

/// A proof counts if it answers our nonce, where one is wanted, and nobody used it on any node.
fn proofs(app: &App) -> Proofs {
    let app = app.clone();
    Proofs::new(move |proof, now| {
        let app = app.clone();
        Box::pin(async move {
            if !dpop::nonce_fits(&app.vault, proof.nonce.as_deref(), app.config.tokens.dpop_nonces, now) {
                return Err(Unusable::WantsNonce(dpop::nonce(&app.vault, now)));
            }
            let kind = replays::Kind::DpopProof;
            let used = replays::use_once(&app.store, kind, &proof.key, &proof.id, proof.ends_at).await;
            let is_first = used.map_err(|error| Unusable::Unavailable(Unavailable(error.into())))?;
            if is_first { Ok(()) } else { Err(Unusable::Used) }
        })
    })
}

/// Why the endpoints cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum CannotServe {
    /// An action cannot be shown.
    #[error(transparent)]
    Tool(#[from] tools::NotATool),
    /// A fixture has the name of something real.
    #[error(transparent)]
    Name(#[from] crate::actions::RegistryError),
    /// A rule of `mcp.approval` fits an action that only reads.
    #[error(
        "mcp.approval would hold {0}, which only reads: what it reads is there as a resource too, without anybody's yes. \
         Let the rule fit less, such as \"effect:change\" or {{ plugin = \"…\", effect = \"delete\" }}"
    )]
    HeldRead(String),
    /// A scope or URL cannot stand in a header.
    #[error("a challenge cannot hold {0:?}")]
    Challenge(String),
}

/// The routes of every MCP endpoint. Each path is a route of its own: which server answers is found with the path, and
/// costs nothing more.
///
/// # Errors
/// [`CannotServe`].
pub fn routes(state: McpState) -> Result<Router, CannotServe> {
    let mut state = state;
    let Some(whole) = state.servers.first_mut() else { return Ok(Router::new()) };
    if state.conformance {
        whole.actions = Arc::new(fixtures::added_to(&whole.actions)?);
    }
    state.approvals = state.approvals.over(&whole.actions).map_err(CannotServe::HeldRead)?;
    let (paths, every) = (whole.paths.clone(), Tools::new(Arc::clone(&whole.actions), state.tool_names)?);
    let door = door(&state);
    let mut router = Router::new();
    for server in &state.servers {
        let tools = Arc::new(every.part(Arc::clone(&server.actions)));
        let calls = Arc::new(Calls {
            tools,
            approvals: state.approvals.clone(),
            audit: state.audit.clone(),
            clock: state.clock.clone(),
        });
        for path in &server.paths {
            let endpoint = Arc::new(endpoint(&state, server, (&calls, &door), path)?);
            let resource = endpoint.resource.clone();
            router = router
                .route(path, any(move |request: Request| Arc::clone(&endpoint).serve(request)))
                .route(&format!("{path}/"), any(move || with_a_slash(resource.clone())));
        }
    }
    let known: Arc<str> = known(&state).into();
    for path in paths.iter().filter(|path| *path != servers::SSE_PATH) {
        let known = Arc::clone(&known);
        router = router.route(&format!("{path}/{{*name}}"), any(move || no_such_server(Arc::clone(&known))));
    }
    Ok(router)
}

/// Sessions and streams, the same for every endpoint: each session remembers at which it began.
fn door(state: &McpState) -> Arc<Door> {
    let streams = Streams::new(state.authority.clone(), state.clock.clone(), state.store.subscribe());
    let stop = state.stopping.clone();
    let closing = Arc::clone(&streams);
    tokio::spawn(async move {
        stop.cancelled().await;
        closing.close();
    });
    turned::follow(&state.catalog, &streams);
    let sessions = Arc::new(Sessions::new(state.store.clone(), state.clock.clone()));
    let runs = Arc::new(Runs::new(state.store.clone(), state.clock.clone()));
    Door::new(state.sessions, &state.store, sessions, runs, streams)
}

fn endpoint(
    state: &McpState,
    server: &servers::Server,
    (calls, door): (&Arc<Calls>, &Arc<Door>),
    path: &str,
) -> Result<Endpoint, CannotServe> {
    let features = Features {
        rounds: Rounds::new(Arc::clone(&state.vault), state.clock.clone()).with(state.store.clone()),
        catalog: state.catalog.clone(),
        tools: Arc::clone(&calls.tools),
        fixtures: state.conformance && server.name.is_none(),
        tasks: Tasks::new(state.store.clone(), state.clock.clone(), state.authority.clone()),
    };
    let gate = state.gate(server, path)?;
    let server =
        Server::new(Arc::clone(calls), Arc::new(features), (&server.title, server.instructions.as_deref()));
    Ok(Endpoint {
        gate,
        door: Arc::clone(door),
        old: (path == servers::SSE_PATH).then(|| Connections::new(path, Arc::clone(&door.streams))),
        patience: state.patience,
        origins: Origins::new(state.public_url.url(), &state.allowed_origins),
        calls: Arc::clone(calls),
        server: server.clone(),
        protocol: StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::new(NeverSessionManager::default()),
            protocol_options(),
        ),
    })
}

/// Every option of `rmcp`'s transport that matters here.
fn protocol_options() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        // Sessions are ours (`session`), bound to their caller and kept in the store; `rmcp` serves one request.
        .with_legacy_session_mode(false)
        // The answer of a tool that says nothing before it is JSON; the first thing that one says opens a stream.
        .with_json_response(true)
        // Host and Origin are compared with the public URL in `origin`, with reasons a person can read.
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(crate::limits::MCP_BODY_BYTES_MAX)
        // The guard has decided the era; legacy clients send no metadata.
        .with_stateless_protocol_metadata_required(false)
}

/// With a slash behind it the URL is another one, and so another resource: clients would drop its metadata in silence.
async fn with_a_slash(resource: String) -> axum::http::Response<axum::body::Body> {
    answer::refusal(
        StatusCode::NOT_FOUND,
        "not_found",
        &format!("The MCP endpoint is {resource}, without a slash behind it."),
    )
}

/// Every endpoint, for whoever misses one. They are public: metadata lists them.
fn known(state: &McpState) -> String {
    let main = state.servers.iter().filter_map(|server| server.paths.first());
    main.map(|path| state.public_url.at(path)).collect::<Vec<_>>().join(", ")
}

async fn no_such_server(known: Arc<str>) -> axum::http::Response<axum::body::Body> {
    answer::refusal(
        StatusCode::NOT_FOUND,
        "not_found",
        &format!("No MCP server has this name. There is {known}."),
    )
}
