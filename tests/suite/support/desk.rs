//! A server whose policy holds every change, and the person who may say yes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use http::Request;
use postern::actions::filter::Rule;
use postern::actions::{Action, Effect, Registry};
use postern::mcp::{self, McpState};
use postern::oauth::claims::{AccessClaims, sign_access};
use postern::oauth::client::{AuthMethod, ClientKind};
use postern::store::grants::{self, NewGrant};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::World;
use super::browser::{Browser, Seen};
use super::mcp::{Answer, Server, actions, rpc};
use super::people::PASSWORD;
use super::token;

/// A server whose policy holds every change, and the person who may say yes.
pub struct Desk {
    /// What it is part of.
    pub world: World,
    /// The endpoint.
    pub router: Router,
    /// What its tools do.
    pub server: Arc<Server>,
}

impl Desk {
    pub async fn new(world: World) -> Self {
        Self::with(world, |_, action| action).await
    }

    pub async fn with(world: World, change: impl FnOnce(&Arc<Server>, Action) -> Action) -> Self {
        let server = Arc::new(Server::default());
        let mut state = McpState::of(&world.app);
        state.servers.truncate(1);
        let write = actions(&server).into_iter().find(|action| action.id == "demo:write-note").unwrap();
        let schema = json!({"type": "object", "additionalProperties": false, "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}});
        let held = Action { input: Arc::new(schema), effect: Effect::Change, ..write };
        let echo = actions(&server).into_iter().find(|action| action.id == "demo:echo").unwrap();
        let held = change(&server, held);
        state.servers[0].actions = Arc::new(Registry::new(vec![held, echo]).unwrap());
        state.approvals = state.approvals.with(vec![Rule::word("effect:change").unwrap()]);
        let router = mcp::routes(state).unwrap();
        world.user("dana@acme.dev", PASSWORD).await;
        Self { world, router, server }
    }

    /// A token of `email`'s through a client of its own.
    pub async fn token(&self, email: &str, client: &str) -> String {
        let (app, now) = (&self.world.app, self.world.clock.now());
        let users = postern::store::users::list(&app.store).await.unwrap();
        let user = users.into_iter().find(|user| user.email == email).unwrap();
        token::client(app, client, ClientKind::SelfRegistered, AuthMethod::None).await;
        let grant = NewGrant {
            id: format!("grant-{client}"),
            client_id: client.into(),
            user_id: Some(user.id.clone()),
            scope: "demo:write demo:read".into(),
            resource: app.config.resource(),
            redirect_uri: None,
            authenticated_at: None,
            expires_at: now.plus_seconds(86_400),
        };
        let mut tx = app.store.begin().await.unwrap();
        grants::add(&mut tx, &grant, now).await.unwrap();
        tx.commit().await.unwrap();
        let claims = AccessClaims {
            subject: user.id,
            is_user: true,
            username: user.email,
            client_id: client.into(),
            grant_id: grant.id,
            ..self.claims()
        };
        sign_access(&claims, app.keys.load().signing()).unwrap()
    }

    pub fn claims(&self) -> AccessClaims {
        let (app, now) = (&self.world.app, self.world.clock.now());
        AccessClaims {
            issuer: app.config.issuer().into(),
            subject: "program".into(),
            audience: app.config.resource(),
            client_id: "program".into(),
            scope: "demo:write demo:read".parse().unwrap(),
            token_id: postern::secret::id(now),
            grant_id: "program".into(),
            username: "program".into(),
            is_user: false,
            actor: None,
            key: None,
            issued_at: now,
            expires_at: now.plus_seconds(3_600),
        }
    }

    /// A modern call of the held tool by a client that opens pages, with more parameters where there are any.
    pub async fn call(&self, token: &str, arguments: &str, more: &str) -> Value {
        self.call_as(r#"{"elicitation": {"url": {}}}"#, token, arguments, more).await
    }

    pub async fn call_as(&self, capabilities: &str, token: &str, arguments: &str, more: &str) -> Value {
        self.answer(capabilities, token, arguments, more).await.result()
    }

    pub async fn answer(&self, capabilities: &str, token: &str, arguments: &str, more: &str) -> Answer {
        let meta = format!(
            r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{capabilities}}}"#
        );
        let params = format!(r#""name":"demo_write-note","arguments":{arguments}{more},{meta}"#);
        let request = Request::post("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "demo_write-note")
            .header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::from(rpc("tools/call", &params))).unwrap();
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn legacy(&self, token: &str, session: Option<&str>, method: &str, params: &str) -> Answer {
        let mut request = Request::post("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2025-11-25")
            .header("authorization", format!("Bearer {token}"));
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        let request = request.body(Body::from(rpc(method, params))).unwrap();
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub fn runs(&self) -> u64 {
        self.server.written.load(Ordering::SeqCst)
    }

    pub async fn signed_in(&self, email: &str) -> Browser {
        let mut browser = Browser::default();
        let page = browser.open(&self.world, "/login").await;
        browser.sign_in(&self.world, &page, email, PASSWORD).await;
        browser
    }

    pub async fn decide(&self, browser: &mut Browser, path: &str, decision: &str) -> Seen {
        let page = browser.open(&self.world, path).await;
        browser.submit(&self.world, &page, "/approvals/", &[("decision", decision)]).await
    }
}
