//! A host of clients' documents: real TLS on loopback, under an authority made for the test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postern::oauth::client::Client;
use postern::web::described;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::World;

/// What the host answers next.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status line's number.
    pub status: u16,
    /// Header lines, each as `name: value`.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// 200 and JSON.
    pub fn json(body: impl Into<String>) -> Self {
        let body = body.into().into_bytes();
        Self { status: 200, headers: vec!["content-type: application/json".into()], body }
    }

    /// 200 and a picture.
    pub fn png(body: Vec<u8>) -> Self {
        Self { status: 200, headers: vec!["content-type: image/png".into()], body }
    }

    /// 200 and a text.
    pub fn text(body: impl Into<String>) -> Self {
        let body = body.into().into_bytes();
        Self { status: 200, headers: vec!["content-type: text/plain; charset=utf-8".into()], body }
    }

    /// The same with another header line, which replaces one of the same name.
    pub fn header(mut self, line: &str) -> Self {
        let name = line.split(':').next().unwrap_or_default().to_owned();
        self.headers.retain(|l| !l.starts_with(&name));
        self.headers.push(line.into());
        self
    }

    /// The same with another status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// A running host that answers as `client.example` and `other.example`.
pub struct Documents {
    said: Arc<Mutex<Said>>,
    address: String,
    authority: String,
    _dir: TempDir,
}

/// What it answers, and what it was asked.
#[derive(Default)]
struct Said {
    /// Unless the path has an answer of its own; `None` breaks the connection.
    usual: Option<Reply>,
    at: BTreeMap<String, Reply>,
    /// Repositories of git, served below `/git/`.
    repositories: Option<PathBuf>,
    /// The heads of the requests that came.
    heads: Vec<String>,
}

/// The client_id whose document the host has.
pub const ID: &str = "https://client.example/oauth/client.json";

impl Documents {
    /// Starts it. It answers 404 until told otherwise.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["client.example".to_owned(), "other.example".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let pem = dir.path().join("authority.pem");
        std::fs::write(&pem, authority.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let documents = Self {
            said: Arc::new(Mutex::new(Said {
                usual: Some(Reply::json("{}").status(404)),
                ..Said::default()
            })),
            address: listener.local_addr().unwrap().to_string(),
            authority: pem.display().to_string(),
            _dir: dir,
        };
        let said = Arc::clone(&documents.said);
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, acceptor.clone(), Arc::clone(&said)));
            }
        });
        documents
    }

    /// Answers with `reply` from now on.
    pub fn say(&self, reply: Reply) {
        self.said.lock().unwrap().usual = Some(reply);
    }

    /// Answers with `reply` at `path`, whatever it says elsewhere.
    pub fn say_at(&self, path: &str, reply: Reply) {
        self.said.lock().unwrap().at.insert(path.to_owned(), reply);
    }

    /// Serves the git repositories in `folder` below `/git/` with git's own server.
    pub fn serve_git(&self, folder: &Path) {
        self.said.lock().unwrap().repositories = Some(folder.to_owned());
    }

    /// The heads of the requests for `path`.
    pub fn heads_at(&self, path: &str) -> Vec<String> {
        let heads = self.said.lock().unwrap().heads.clone();
        let of = |head: &String| head.split(' ').nth(1) == Some(path);
        heads.into_iter().filter(of).map(|head| head.to_ascii_lowercase()).collect()
    }

    /// Breaks every connection from now on.
    pub fn go_down(&self) {
        self.said.lock().unwrap().usual = None;
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.said.lock().unwrap().heads.len()
    }

    /// How many requests for `path` came.
    pub fn count_at(&self, path: &str) -> usize {
        let line = format!("GET {path} ");
        self.said.lock().unwrap().heads.iter().filter(|head| head.starts_with(&line)).count()
    }

    /// The head of the last request, in lower case.
    pub fn last(&self) -> String {
        self.said.lock().unwrap().heads.last().cloned().unwrap_or_default().to_ascii_lowercase()
    }

    /// `world`, started again so that it finds this host.
    pub async fn known_to(&self, world: World) -> World {
        self.known_to_with(world, &[]).await
    }

    /// The same, with configuration keys changed.
    pub async fn known_to_with(&self, world: World, set: &[(&str, &str)]) -> World {
        let resolve = format!("client.example={0},other.example={0}", self.address);
        let own = [("outbound.resolve", resolve.as_str()), ("outbound.extra_ca", self.authority.as_str())];
        world.restarted(&[&own, set].concat()).await
    }
}

/// Waits until `done`, for what happens in the background; fails after five seconds.
pub async fn eventually(done: impl Fn() -> bool) {
    for _ in 0..250 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within five seconds");
}

/// Stores `client` as a person's yes does.
pub async fn allow(world: &World, client: &Client) {
    let mut tx = world.app.store.begin().await.unwrap();
    described::keep(&world.app, &mut tx, client, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A good document for [`ID`], with `name` replaced by `value`.
pub fn document_with(name: &str, value: serde_json::Value) -> String {
    let mut document = serde_json::json!({
        "client_id": ID,
        "client_name": "Example Editor",
        "redirect_uris": ["http://127.0.0.1:33418/", "https://client.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    });
    document[name] = value;
    document.to_string()
}

/// A good document for [`ID`].
pub fn document() -> String {
    document_with("client_name", "Example Editor".into())
}

async fn answer(stream: TcpStream, acceptor: TlsAcceptor, said: Arc<Mutex<Said>>) {
    if said.lock().unwrap().usual.is_none() {
        return;
    }
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&request).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let repositories = said.lock().unwrap().repositories.clone();
    if let Some(folder) = repositories.filter(|_| path.starts_with("/git/")) {
        said.lock().unwrap().heads.push(head.clone());
        let _ = super::git::answer(&mut stream, &folder, &head).await;
        return;
    }
    let reply = {
        let mut said = said.lock().unwrap();
        said.heads.push(head);
        said.at.get(&path).or(said.usual.as_ref()).cloned()
    };
    let Some(Reply { status, headers, body }) = reply else { return };
    // Long enough that calls which come together meet.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} X\r\n{lines}connection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
    let _ = stream.shutdown().await;
}
