//! An MCP endpoint with tools that do nothing much, and tokens for it at will.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, Response};
use postern::access::servers;
use postern::actions::{Action, ActionError, Effect, Registry};
use postern::app::App;
use postern::clock::Time;
use postern::mcp::authority::{Authority, Unavailable};
use postern::mcp::{self, McpState};
use postern::oauth::claims::{AccessClaims, sign_access};
use postern::oauth::scope::ScopeSet;
use postern::store::grants::{self, NewGrant};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::World;
use super::world::NOON;

/// Modern metadata, complete.
pub const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"}}"#;

/// A world with the endpoint mounted alone.
pub struct McpWorld {
    /// The server around it.
    pub world: World,
    /// Both endpoints.
    pub router: Router,
    /// Where they say they are: `http://localhost:8787`, or the socket of [`McpWorld::listening`].
    pub url: String,
    /// What the authorization server answers.
    pub server: Arc<Server>,
}

/// What tests change about the authorization server and the tools.
#[derive(Default)]
pub struct Server {
    /// Grants that were taken back.
    pub revoked: Mutex<Vec<String>>,
    /// Whether the store answers.
    pub down: AtomicBool,
    /// How often `demo:write-note` ran.
    pub written: AtomicU64,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Answer {
    /// Reads `response`.
    pub async fn of(response: Response<Body>) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: super::world::text(response).await }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The `result` of a JSON-RPC answer.
    pub fn result(&self) -> Value {
        let mut body = self.json();
        assert!(body.get("error").is_none(), "{body}");
        body["result"].take()
    }

    /// The HTTP status and the JSON-RPC error code.
    pub fn code(&self) -> (u16, i64) {
        (
            self.status,
            self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {}", self.text)),
        )
    }

    /// The text of a failed tool call.
    pub fn failure(&self) -> String {
        let result = self.result();
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

impl McpWorld {
    /// At `http://localhost:8787`, in process.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut McpState)) -> Self {
        Self::on(World::sqlite().await, "http://localhost:8787", change)
    }

    /// With the sample catalog's tools, resources and prompts instead, and the official suite's fixtures where asked.
    pub async fn with_catalog(fixtures: bool) -> Self {
        Self::with(|state| {
            let actions = postern::catalog::actions::actions(state.catalog.clone());
            state.servers.truncate(1);
            state.servers[0].actions = Arc::new(Registry::new(actions).unwrap());
            state.conformance = fixtures;
        })
        .await
    }

    /// On a real socket of this machine.
    pub async fn listening() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let world = World::with(None, &[("public_url", &url)]).await;
        let this = Self::on(world, &url, |_| {});
        let router = this.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    fn on(world: World, url: &str, change: impl FnOnce(&mut McpState)) -> Self {
        let server = Arc::new(Server::default());
        let mut state = McpState::of(&world.app);
        let (keys, store) = (Arc::clone(&world.app.keys), Arc::clone(&server));
        state.authority = Authority::new(
            world.app.config.issuer(),
            move || keys.load_full(),
            move |verified| {
                let down = store.down.load(Ordering::SeqCst);
                let live = !store.revoked.lock().unwrap().contains(&verified.caller.grant_id);
                Box::pin(async move { if down { Err(Unavailable("down".into())) } else { Ok(live) } })
            },
        );
        let registry = Arc::new(Registry::new(actions(&server)).unwrap());
        state.servers = servers::servers(&world.app.config, &registry);
        change(&mut state);
        let router = mcp::routes(state).unwrap();
        Self { world, router, url: url.to_owned(), server }
    }

    /// The URL of the main endpoint.
    pub fn resource(&self) -> String {
        format!("{}/mcp", self.url)
    }

    /// The claims of a good token: ada, through grant `g1`, for fifteen minutes.
    pub fn claims(&self, scope: &str) -> AccessClaims {
        AccessClaims {
            issuer: self.url.clone(),
            subject: "ada".into(),
            audience: self.resource(),
            client_id: "client-1".into(),
            scope: scope.parse::<ScopeSet>().unwrap(),
            token_id: postern::secret::id(NOON),
            grant_id: "g1".into(),
            username: "ada@example.com".into(),
            is_user: true,
            key: None,
            actor: None,
            issued_at: self.world.clock.now(),
            expires_at: self.world.clock.now().plus_seconds(900),
        }
    }

    /// A good token.
    pub fn token(&self, scope: &str) -> String {
        self.signed(&self.claims(scope))
    }

    /// These claims, signed with the server's key.
    pub fn signed(&self, claims: &AccessClaims) -> String {
        sign_access(claims, self.world.app.keys.load().signing()).unwrap()
    }

    /// Sends any request through the router.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A POST as a legacy client makes it, without a revision, as VS Code does.
    pub async fn legacy(&self, token: &str, method: &str, params: &str) -> Answer {
        self.post(token, &[], &rpc(method, params)).await
    }

    /// A POST as a modern client makes it.
    pub async fn modern(&self, token: &str, method: &str, params: &str) -> Answer {
        let given = serde_json::from_str::<Value>(&format!("{{{params}}}")).unwrap();
        let name = if method == "resources/read" { given["uri"].clone() } else { given["name"].clone() };
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        if let Some(name) = name.as_str() {
            headers.push(("mcp-name", name));
        }
        let params = if params.is_empty() { META.to_owned() } else { format!("{params},{META}") };
        self.post(token, &headers, &rpc(method, &params)).await
    }

    /// A call of a tool in either era.
    pub async fn call(&self, era: Era, token: &str, tool: &str, arguments: &str) -> Answer {
        let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
        match era {
            Era::Modern => self.modern(token, "tools/call", &params).await,
            Era::Legacy => self.legacy(token, "tools/call", &params).await,
        }
    }

    /// A POST of `body` with what every client sends, and `headers` besides.
    pub async fn post(&self, token: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let host = self.url.split_once("//").unwrap().1;
        let mut request = Request::post("/mcp")
            .header("host", host)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// Which protocol a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2026-07-28.
    Modern,
    /// What came before.
    Legacy,
}

/// Both.
pub const ERAS: [Era; 2] = [Era::Modern, Era::Legacy];

/// A user, a client, a grant between them, and a token of it; all named after `what`.
pub async fn granted(app: &App, what: &str, scope: &str) -> String {
    granted_at(app, what, scope, &app.config.resource()).await
}

/// The same for another resource.
pub async fn granted_at(app: &App, what: &str, scope: &str, resource: &str) -> String {
    let now = app.clock.now();
    for statement in [
        "insert into users (id, email, email_key, name, created_at) values ($1, $1, $1, $1, 0)",
        "insert into clients (id, kind, name, metadata, registered_at) values ($1, 'self-registered', $1, '{}', 0)",
    ] {
        sqlx::query(statement).bind(what).execute(app.store.write()).await.unwrap();
    }
    let mut tx = app.store.begin().await.unwrap();
    let grant = NewGrant {
        id: what.into(),
        client_id: what.into(),
        user_id: Some(what.into()),
        scope: scope.into(),
        resource: resource.to_owned(),
        redirect_uri: None,
        authenticated_at: None,
        expires_at: now.plus_seconds(86_400),
    };
    grants::add(&mut tx, &grant, now).await.unwrap();
    tx.commit().await.unwrap();
    let claims = AccessClaims {
        issuer: app.config.issuer().into(),
        subject: what.into(),
        audience: resource.to_owned(),
        client_id: what.into(),
        scope: scope.parse().unwrap(),
        token_id: what.into(),
        grant_id: what.into(),
        username: what.into(),
        is_user: true,
        key: None,
        actor: None,
        issued_at: now,
        expires_at: now.plus_seconds(900),
    };
    sign_access(&claims, app.keys.load().signing()).unwrap()
}

/// One request with id 1.
pub fn rpc(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#)
}

/// `tools/list` at the main endpoint of a whole server.
pub async fn list(world: &World, token: &str) -> Answer {
    let request = Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"));
    Answer::of(world.send(request.body(Body::from(rpc("tools/list", ""))).unwrap()).await).await
}

/// Moves a world's clock.
pub fn later(world: &McpWorld, seconds: i64) -> Time {
    world.world.clock.advance(seconds);
    world.world.clock.now()
}

/// Tools that do nothing much.
pub fn actions(server: &Arc<Server>) -> Vec<Action> {
    let make = |id: &str, effect, scope: Option<&str>, input: Value| Action {
        id: id.into(),
        title: format!("Title of {id}"),
        description: format!("What {id} does."),
        input: Arc::new(input),
        output: Arc::new(json!({"type": "object"})),
        effect,
        idempotent: effect == Effect::Read,
        scope: scope.map(str::to_owned),
        permission: None,
        aliases: Vec::new(),
        run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
    };
    let nothing = || json!({"type": "object", "properties": {}, "additionalProperties": false});
    let mut echo = make(
        "demo:echo",
        Effect::Read,
        Some("demo:read"),
        json!({"type": "object", "additionalProperties": false, "required": ["text"], "properties": {
            "text": {"type": "string", "minLength": 1}, "limit": {"type": "integer", "exclusiveMinimum": 0}}}),
    );
    echo.aliases = vec!["demo:say".into()];
    echo.run = Arc::new(|caller, arguments| {
        Box::pin(
            async move { Ok(json!({"said": arguments, "by": caller.username, "through": caller.client_id})) },
        )
    });
    let mut fail = make(
        "demo:fail",
        Effect::Read,
        None,
        json!({"type": "object", "additionalProperties": false, "properties": {"how": {"type": "string"}}}),
    );
    fail.run = Arc::new(|_, arguments| {
        Box::pin(async move {
            Err(match arguments["how"].as_str().unwrap_or_default() {
                "not_found" => ActionError::NotFound("no such thing".into()),
                "not_allowed" => ActionError::NotAllowed("not yours".into()),
                "invalid" => ActionError::InvalidInput("not that way".into()),
                "conflict" => ActionError::Conflict("already there".into()),
                "panic" => panic!("a bug with secret-in-a-panic"),
                _ => ActionError::Fault("a fault with secret-in-a-fault".into()),
            })
        })
    });
    let mut write = make("demo:write-note", Effect::Change, Some("demo:write"), nothing());
    let server = Arc::clone(server);
    write.run = Arc::new(move |_, _| {
        let count = server.written.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move { Ok(json!({"written": count})) })
    });
    let erase = make("demo:erase", Effect::Delete, Some("other:write"), nothing());
    vec![erase, write, make("demo:open", Effect::Read, None, nothing()), fail, echo]
}
