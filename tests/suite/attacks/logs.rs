//! No secret in a log line, however much is logged: the real binary, at the finest level, in both formats.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use postern::oauth::client::{AuthMethod, ClientKind};
use postern::store::Engine;
use serde_json::json;
use sqlx::Row as _;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::mcp::rpc;
use crate::support::people::PASSWORD;
use crate::support::postgres;
use crate::support::real::Real;
use crate::support::token::{Answer, SECRET, VERIFIER, client, post, post_as};

/// Everything that must not be found again, by name.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, name: &str, value: impl Into<String>) -> String {
        let value = value.into();
        assert!(value.len() >= 8, "{name} is too short to be looked for: {value:?}");
        self.0.push((name.to_owned(), value.clone()));
        value
    }

    fn add_cookies(&mut self, browser: &Browser) {
        for (name, value) in &browser.cookies {
            self.add(name, value);
        }
    }

    /// The names of those that `text` holds, as they are, percent-encoded, or in the Basic form.
    fn found_in(&self, text: &str) -> Vec<&str> {
        let is_in = |value: &str| {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            text.contains(value) || text.contains(&encoded) || text.contains(&STANDARD.encode(value))
        };
        self.0.iter().filter(|(_, value)| is_in(value)).map(|(name, _)| name.as_str()).collect()
    }
}

/// Every way in and out, the wrong ones too.
async fn live(real: &Real) -> Secrets {
    let (world, mut secrets) = (&real.world, Secrets::default());
    secrets.add("encryption key", std::fs::read_to_string(world.dir.path().join("encryption.key")).unwrap());
    become_administrator(real, &mut secrets).await;
    world.user("dana@acme.dev", secrets.add("password", PASSWORD).as_str()).await;
    client(&world.app, "rs", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
    secrets.add("client secret", SECRET);
    secrets.add("basic credential", STANDARD.encode(format!("rs:{SECRET}")));
    let answer = sign_in(world, &mut secrets).await;
    call(world, &answer, &mut secrets).await;
    token_side(world, &answer, &mut secrets).await;
    misplaced(world, &mut secrets).await;
    secrets
}

async fn become_administrator(real: &Real, secrets: &mut Secrets) {
    let console = real.console();
    let link = console.split("/admin/first/").nth(1).unwrap().split_whitespace().next().unwrap();
    secrets.add("first-admin link", link);
    let mut browser = Browser::default();
    let page = browser.open(&real.world, &format!("/admin/first/{link}")).await;
    let password = secrets.add("administrator's password", "tr0ub4dor and three");
    let fields = [("name", "Ada"), ("email", "ada@acme.dev"), ("password", password.as_str())];
    let page = browser.submit(&real.world, &page, "/admin/first/", &fields).await;
    assert_eq!(page.at, "/account");
    secrets.add_cookies(&browser);
}

/// Registers, fails to sign in, signs in, allows, and gets tokens.
async fn sign_in(world: &World, secrets: &mut Secrets) -> Answer {
    let body = json!({"client_name": "VS Code", "redirect_uris": ["http://127.0.0.1:33418/"], "token_endpoint_auth_method": "client_secret_post"});
    let made = crate::support::world::json(world.post_json("/register", &body.to_string()).await).await;
    let secret = secrets.add("registered secret", made["client_secret"].as_str().unwrap());
    for name in ["registration_access_token"] {
        if let Some(value) = made[name].as_str() {
            secrets.add(name, value);
        }
    }
    let id = made["client_id"].as_str().unwrap();
    let known = postern::store::clients::find(&world.app.store, id).await.unwrap().unwrap();
    let mut browser = Browser::default();
    let state = secrets.add("state", "a-state-of-the-client-0123456789");
    let page = browser
        .authorize(
            world,
            &known,
            &[
                ("state", &state),
                ("nonce", "n-of-the-client"),
                ("scope", "openid email catalog:read offline_access"),
            ],
        )
        .await;
    secrets.add("request", page.at.split("request=").nth(1).unwrap());
    for (_, proof) in page.form("/login").1.iter().filter(|(name, _)| name == "csrf") {
        secrets.add("form's proof", proof);
    }
    let wrong = secrets.add("wrong password", "wrong but still a password");
    let page = browser.sign_in(world, &page, "dana@acme.dev", &wrong).await;
    let page = browser.sign_in(world, &page, "dana@acme.dev", PASSWORD).await;
    secrets.add_cookies(&browser);
    let end = browser.decide(world, &page, "allow").await;
    let code = secrets.add("code", end.parameter("code").unwrap());
    let verifier = secrets.add("verifier", VERIFIER);
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("client_secret", &secret),
        ("code", &code),
        ("code_verifier", &verifier),
        ("redirect_uri", "http://127.0.0.1:33418/"),
    ];
    let answer = post(world, "/token", &fields).await;
    for name in ["access_token", "refresh_token", "id_token"] {
        secrets.add(name, answer.text(name));
        secrets.add(name, answer.text(name).rsplit('.').next().unwrap());
    }
    let again = [
        ("grant_type", "refresh_token"),
        ("client_id", id),
        ("client_secret", &secret),
        ("refresh_token", &answer.text("refresh_token")),
    ];
    let next = post(world, "/token", &again).await;
    secrets.add("second refresh token", next.text("refresh_token"));
    secrets.add("second access token", next.text("access_token"));
    next
}

async fn call(world: &World, answer: &Answer, secrets: &mut Secrets) {
    let forged = secrets.add("forged token", format!("{}x", answer.text("access_token")));
    let good = answer.text("access_token");
    let listed = rpc("tools/list", "");
    let called = rpc("tools/call", r#""name":"catalog:list","arguments":{}"#);
    for (token, body, status) in
        [(&good, &listed, 200), (&good, &called, 200), (&forged, &listed, 401), (&good, &"{".to_owned(), 400)]
    {
        let request = Request::post("/mcp")
            .header("host", "localhost:8787")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("authorization", format!("Bearer {token}"));
        let answer = world.send(request.body(body.clone().into()).unwrap()).await;
        assert_eq!(answer.status(), status, "{body}");
    }
    let who = Request::get("/userinfo")
        .header("host", "localhost:8787")
        .header("authorization", format!("Bearer {good}"));
    world.send(who.body(axum::body::Body::empty()).unwrap()).await;
}

async fn token_side(world: &World, answer: &Answer, secrets: &mut Secrets) {
    let right = format!("rs:{SECRET}");
    let wrong = secrets.add("wrong secret", "rs:pok_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ");
    let fields = [("grant_type", "client_credentials"), ("scope", "catalog:read")];
    let own = post_as(world, "/token", &fields, Some(&right)).await;
    secrets.add("machine's token", own.text("access_token"));
    assert_eq!(post_as(world, "/token", &fields, Some(&wrong)).await.status, 401);
    for token in
        [answer.text("access_token"), answer.text("refresh_token"), "nonsense-that-is-a-token".to_owned()]
    {
        secrets.add("introspected", &token);
        post_as(world, "/introspect", &[("token", &token)], Some(&right)).await;
        post_as(world, "/introspect", &[("token", &token)], Some(&wrong)).await;
        post_as(world, "/revoke", &[("token", &token)], Some(&right)).await;
    }
    let asked = post(
        world,
        "/device_authorization",
        &[("client_id", "rs"), ("client_secret", SECRET), ("scope", "catalog:read")],
    )
    .await;
    if let Some(code) = asked.json["device_code"].as_str() {
        secrets.add("device code", code);
        secrets.add("user code", asked.text("user_code"));
    }
}

/// Secrets where none belong: in an address, a wrong header, a broken body.
async fn misplaced(world: &World, secrets: &mut Secrets) {
    let token = secrets.add("token in an address", "por_misplacedmisplacedmisplacedmisplacedmisplac");
    for path in [
        "/mcp",
        "/token",
        "/authorize",
        "/login",
        "/introspect",
        "/userinfo",
        "/nowhere",
        "/api/auth/v1/token",
    ] {
        for method in ["GET", "POST", "PUT"] {
            let request = Request::builder()
                .method(method)
                .uri(format!("{path}?access_token={token}&password={token}"));
            let request = request
                .header("host", "localhost:8787")
                .header("authorization", format!("Bearer {token}"))
                .header("cookie", format!("postern-session={token}"))
                .header("x-api-key", &token)
                .header("content-type", "application/json");
            let body = json!({"client_secret": token, "password": token}).to_string();
            world.send(request.body(body.into()).unwrap()).await;
        }
    }
    post(world, "/token", &[("grant_type", "password"), ("username", "dana"), ("password", &token)]).await;
    post(world, "/token", &[("grant_type", &token), ("client_id", &token)]).await;
    world.post_json("/register", &json!({"client_name": token, "redirect_uris": [token]}).to_string()).await;
}

async fn nothing_is_logged(database: Option<String>, json: &str) {
    let mut real =
        Real::start(database, &[("POSTERN_LOG_FILTER", "trace,rmcp=trace"), ("POSTERN_LOG_JSON", json)])
            .await;
    let secrets = live(&real).await;
    assert!(secrets.0.len() > 30, "only {} secrets", secrets.0.len());
    let stored: Vec<_> = secrets.found_in(&everything_stored(&real.world).await);
    let stored: Vec<_> =
        stored.into_iter().filter(|name| !["state", "user code"].contains(name)).map(str::to_owned).collect();
    assert!(stored.is_empty(), "in the database: {stored:?}");
    assert!(real.stop().success());
    let log = real.log();
    assert!(log.contains("DEBUG") && log.contains("refused"), "that is no trace: {log}");
    assert_eq!(log.trim_start().starts_with('{'), json == "true");
    let found = secrets.found_in(&log);
    assert!(found.is_empty(), "in the log: {found:?}\n{}", lines_with(&log, &secrets));
    // The one link that is meant for the console stands there, once, and nothing else.
    assert_eq!(secrets.found_in(&real.console()), ["first-admin link"]);
}

/// Every text in every table. A client's own `state` waits there for its way back, and a device's user code for the page
/// on which a person compares it with the device.
async fn everything_stored(world: &World) -> String {
    let columns = match world.app.store.engine() {
        Engine::Sqlite => {
            "select m.name, p.name from sqlite_master m join pragma_table_info(m.name) p where m.type = 'table' and p.type = 'TEXT'"
        }
        Engine::Postgres => {
            "select cast(table_name as text), cast(column_name as text) from information_schema.columns where table_schema = 'public' and data_type = 'text' and table_name not like '\\_%'"
        }
    };
    let mut all = String::new();
    for row in sqlx::query(columns).fetch_all(world.app.store.write()).await.unwrap() {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let select = sqlx::AssertSqlSafe(format!("select {column} from {table} where {column} is not null"));
        for row in sqlx::query(select).fetch_all(world.app.store.write()).await.unwrap() {
            all.push_str(row.get(0));
            all.push('\n');
        }
    }
    assert!(all.contains("dana@acme.dev") && all.contains("VS Code"), "{all}");
    all
}

fn lines_with(log: &str, secrets: &Secrets) -> String {
    log.lines().filter(|line| !secrets.found_in(line).is_empty()).take(10).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_ever_logged_as_text_sqlite() {
    nothing_is_logged(None, "false").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_ever_logged_as_json_postgres() {
    nothing_is_logged(Some(postgres::database().await), "true").await;
}
