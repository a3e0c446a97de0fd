//! What Postern is measured against, and its own endpoint beside it, all in one process on loopback:
//!
//! 1. the SDK's stateless server with one empty tool behind a fixed token,
//! 2. a bare axum handler that parses a `tools/call` and answers a constant,
//! 3. Postern's guarded endpoint with one empty tool: verify, decide, run, audit.
//!
//! `bench_baseline SDK_PORT AXUM_PORT GUARDED_PORT` serves the three until it is stopped, and prints the token that
//! the third one takes as `token=…`. `scripts/bench` starts it and measures with wrk.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any_service, post};
use axum::serve::ListenerExt as _;
use axum::{Router, serve};
use postern::actions::{Action, Effect, Registry};
use postern::app::App;
use postern::clock::Clock;
use postern::config::{Config, Flags, Raw};
use postern::mcp::authority::Authority;
use postern::mcp::{self, McpState};
use postern::oauth::claims::{AccessClaims, sign_access};
use postern::store::events::Event;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, InitializeResult, ServerCapabilities,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The token that the SDK's server takes.
const FIXED: &str = "Bearer fixed";

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut ports = std::env::args().skip(1).map(|port| port.parse::<u16>());
    let mut port = || ports.next().ok_or("usage: bench_baseline SDK_PORT AXUM_PORT GUARDED_PORT");
    let (sdk_port, axum_port, guarded_port) = (port()??, port()??, port()??);
    let dir = std::env::temp_dir().join(format!("postern-bench-{}", std::process::id()));
    let (guarded, token) = guarded(&dir, guarded_port).await?;
    println!("token={token}");
    let served = tokio::try_join!(
        listen(sdk_port, sdk()),
        listen(axum_port, Router::new().route("/mcp", post(bare))),
        listen(guarded_port, guarded),
        async { tokio::signal::ctrl_c().await.and(Err::<(), _>(std::io::ErrorKind::Interrupted.into())) },
    );
    std::fs::remove_dir_all(&dir)?;
    match served {
        Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Err(error.into()),
        _ => Ok(()),
    }
}

async fn listen(port: u16, router: Router) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    serve(listener, router).await
}

/// The SDK as its documentation mounts it, at its fastest: stateless, JSON answers.
fn sdk() -> Router {
    #[derive(Clone)]
    struct Empty;
    impl ServerHandler for Empty {
        fn get_info(&self) -> InitializeResult {
            InitializeResult::new(ServerCapabilities::builder().enable_tools().build())
        }

        async fn call_tool(
            &self,
            _: CallToolRequestParams,
            _: RequestContext<RoleServer>,
        ) -> Result<CallToolResponse, ErrorData> {
            Ok(CallToolResult::success(vec![]).into())
        }
    }
    async fn fixed_token(request: Request, next: Next) -> Response {
        if request.headers().get(header::AUTHORIZATION).is_some_and(|value| value == FIXED) {
            next.run(request).await
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    }
    let options =
        StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let service = StreamableHttpService::new(|| Ok(Empty), Arc::new(NeverSessionManager::default()), options);
    Router::new().route("/mcp", any_service(service)).layer(from_fn(fixed_token))
}

/// The least that anything behind axum costs: one JSON body in, one out.
async fn bare(body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let result = json!({ "content": [], "isError": false, "resultType": "complete" });
    axum::Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).into_response()
}

async fn guarded(dir: &std::path::Path, port: u16) -> Result<(Router, String), Error> {
    let public_url = format!("http://localhost:{port}");
    let set = [("data_dir", dir.display().to_string()), ("public_url", public_url.clone())];
    let set = set.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let config = Config::from_raw(&Raw::read(&Flags { file: None, set }, |_| None)?)?;
    let (app, _writer) = App::open(config, Clock::System).await?;
    let empty = Action {
        id: "bench:empty".into(),
        title: "Empty".into(),
        description: "Does nothing.".into(),
        input: Arc::new(json!({ "type": "object", "properties": {}, "additionalProperties": false })),
        output: Arc::new(json!({ "type": "object" })),
        effect: Effect::Read,
        idempotent: true,
        scope: Some("bench:read".into()),
        permission: None,
        aliases: Vec::new(),
        run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
    };
    let mut state = McpState::of(&app);
    state.servers.truncate(1);
    state.servers[0].actions = Arc::new(Registry::new(vec![empty])?);
    let keys = Arc::clone(&app.keys);
    // No grant is stored here; a live one is asked for once, so the answer costs nothing either way.
    state.authority = Authority::new(&public_url, move || keys.load_full(), |_| Box::pin(async { Ok(true) }));
    state.live.forget(&Event::Trusted);
    let now = app.clock.now();
    let claims = AccessClaims {
        issuer: public_url.clone(),
        subject: postern::secret::id(now),
        audience: format!("{public_url}/mcp"),
        client_id: postern::secret::id(now),
        scope: "bench:read openid".parse()?,
        token_id: postern::secret::id(now),
        grant_id: postern::secret::id(now),
        username: "bench@example.com".into(),
        is_user: true,
        actor: None,
        key: None,
        issued_at: now,
        expires_at: now.plus_seconds(86_400),
    };
    let token = sign_access(&claims, app.keys.load().signing())?;
    Ok((mcp::routes(state)?, token))
}
