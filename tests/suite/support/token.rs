//! Users, clients and codes as the pages leave them, and requests to the token side.

use base64::Engine as _;
use http::{HeaderMap, Request};
use postern::app::App;
use postern::oauth::client::{AuthMethod, ClientKind, GrantType, Metadata, NewClient};
use postern::secret::{self, Code, Digest, Secret};
use postern::store::{self, codes::NewCode, grants::NewGrant};
use serde_json::Value;
use sqlx::Row as _;

use super::World;

/// The example of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its challenge.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where codes were sent.
pub const REDIRECT: &str = "http://127.0.0.1:33418/";
/// The secret of every confidential client here.
pub const SECRET: &str = "pok_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
}

impl Answer {
    pub fn text(&self, name: &str) -> String {
        self.json[name].as_str().unwrap_or_else(|| panic!("{name} in {self:?}")).to_owned()
    }

    /// Status and error code.
    pub fn error(&self) -> (u16, &str) {
        (self.status, self.json["error"].as_str().unwrap_or_default())
    }
}

/// Posts a form.
pub async fn post(world: &World, path: &str, fields: &[(&str, &str)]) -> Answer {
    post_as(world, path, fields, None).await
}

/// Posts a form with a Basic credential, written as `id:secret`.
pub async fn post_as(world: &World, path: &str, fields: &[(&str, &str)], basic: Option<&str>) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = Request::post(path)
        .header("host", "localhost:8787")
        .header("content-type", "application/x-www-form-urlencoded");
    if let Some(basic) = basic {
        let text = base64::engine::general_purpose::STANDARD.encode(basic);
        request = request.header("authorization", format!("Basic {text}"));
    }
    let response = world.send(request.body(body.into()).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = super::world::text(response).await;
    Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null) }
}

/// A client with every grant; a confidential one has [`SECRET`].
pub async fn client(app: &App, id: &str, kind: ClientKind, method: AuthMethod) {
    let confidential = method != AuthMethod::None;
    let plain = Metadata::plain(vec![REDIRECT.into()], GrantType::ALL.to_vec(), method);
    // Only an administrator says so; `self` asks for it in vain.
    let metadata = Metadata { guards: vec![app.config.resource()], ..plain };
    let secret_digest = confidential.then(|| Digest::of(SECRET));
    let new = NewClient { id: id.into(), kind, name: id.into(), metadata, secret_digest };
    store::clients::add(&app.store, &new, app.clock.now()).await.unwrap();
}

/// The user `ada`, the public client `app`, and two confidential ones: `rs`, made by an administrator, and `self`.
pub async fn seed(world: &World) {
    let app = &world.app;
    client(app, "app", ClientKind::SelfRegistered, AuthMethod::None).await;
    client(app, "rs", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
    client(app, "self", ClientKind::SelfRegistered, AuthMethod::ClientSecretBasic).await;
    sqlx::query("insert into users (id, email, email_key, name, created_at) values ('ada', 'Ada@example.com', 'ada@example.com', 'Ada', 0)")
        .execute(app.store.write())
        .await
        .unwrap();
}

/// A grant of `ada` to `client_id` and its code, as the hub makes them.
pub async fn code(world: &World, client_id: &str, scope: &str) -> (String, String) {
    let (app, now) = (&world.app, world.clock.now());
    let code = Secret::<Code>::mint();
    let grant = NewGrant {
        id: secret::id(now),
        client_id: client_id.into(),
        user_id: Some("ada".into()),
        scope: scope.into(),
        resource: app.config.resource(),
        redirect_uri: Some(REDIRECT.into()),
        authenticated_at: Some(now),
        expires_at: now.plus_seconds(app.config.tokens.refresh_absolute_seconds),
    };
    let new = NewCode {
        digest: code.digest(),
        grant_id: grant.id.clone(),
        client_id: client_id.into(),
        redirect_uri: REDIRECT.into(),
        code_challenge: CHALLENGE.into(),
        scope: scope.into(),
        resource: grant.resource.clone(),
        nonce: Some("n-1".into()),
        key: None,
        authenticated_at: now,
        expires_at: now.plus_seconds(postern::limits::CODE_SECONDS),
    };
    let mut tx = app.store.begin().await.unwrap();
    store::grants::add(&mut tx, &grant, now).await.unwrap();
    store::codes::add(&mut tx, &new, now).await.unwrap();
    tx.commit().await.unwrap();
    (code.reveal().to_owned(), grant.id)
}

/// The fields of a good redemption by the public client.
pub fn redemption(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT),
        ("resource", "http://localhost:8787/mcp"),
    ]
}

/// The fields of a good refresh by the public client.
pub fn refreshing(token: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", "app"),
        ("refresh_token", token),
        ("scope", "catalog:read"),
        ("resource", "http://localhost:8787/mcp"),
    ]
}

/// Signs in once: the answer of the token endpoint, and the grant.
pub async fn signed_in(world: &World, scope: &str) -> (Answer, String) {
    let (code, grant) = code(world, "app", scope).await;
    let answer = post(world, "/token", &redemption(&code)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer, grant)
}

/// Every row that the token side could change, as text.
pub async fn rows(world: &World) -> String {
    let mut all = String::new();
    for statement in [
        "select digest, redeemed_at from codes order by digest",
        "select id, revoked_at from grants order by id",
        "select digest, expires_at from refresh_tokens order by digest",
        "select jti, expires_at from revoked_tokens order by jti",
        "select id, used_at from clients order by id",
    ] {
        for row in sqlx::query(statement).fetch_all(world.app.store.write()).await.unwrap() {
            let (key, at): (String, Option<i64>) = (row.get(0), row.get(1));
            all.push_str(&format!("{key} {at:?}\n"));
        }
        all.push('\n');
    }
    all
}

/// Whether the grant's tokens are still accepted.
pub async fn is_live(world: &World, grant: &str) -> bool {
    store::grants::is_live(&world.app.store, grant, "none").await.unwrap()
}
