//! The real binary on a socket of this machine, behind a world whose requests all go there.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use postern::clock::Clock;

use super::World;

/// A running process and a world over the same database.
pub struct Real {
    /// Its requests go over the socket; its `app` reads and writes the rows beside the process.
    pub world: World,
    child: Child,
    log: PathBuf,
    console: PathBuf,
}

impl Real {
    /// Starts it with these environment variables, and waits until it is ready.
    pub async fn start(database: Option<String>, env: &[(&str, &str)]) -> Self {
        let world = World::at(Clock::System, database.clone(), &[]).await;
        let (log, console) = (world.dir.path().join("stderr"), world.dir.path().join("stdout"));
        let (child, address) = spawn(&world, database, env, (&log, &console));
        let mut real = Self { world, child, log, console };
        real.world.router = forwarding(address);
        real.until_ready().await;
        real
    }

    /// Starts another process over the same rows, once the first one is gone.
    pub async fn again(&mut self, database: Option<String>, env: &[(&str, &str)]) {
        let _ = self.child.wait();
        let (child, address) = spawn(&self.world, database, env, (&self.log, &self.console));
        self.child = child;
        self.world.router = forwarding(address);
        self.until_ready().await;
    }

    async fn until_ready(&self) {
        let began = Instant::now();
        while self.world.get("/readyz").await.status() != 200 {
            assert!(began.elapsed() < Duration::from_secs(30), "not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// What it has printed.
    pub fn console(&self) -> String {
        std::fs::read_to_string(&self.console).unwrap()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let told = Command::new("kill").arg(self.id().to_string()).status().unwrap();
        assert!(told.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    world: &World,
    database: Option<String>,
    env: &[(&str, &str)],
    (log, console): (&PathBuf, &PathBuf),
) -> (Child, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command
        .arg("serve")
        .current_dir(world.dir.path())
        .env("POSTERN_DATA_DIR", world.dir.path())
        .env("POSTERN_LISTEN", &address)
        .envs(database.map(|url| ("POSTERN_DATABASE_URL", url)))
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(File::create(console).unwrap())
        .stderr(File::create(log).unwrap());
    (command.spawn().unwrap(), address)
}

/// Sends everything on, each request on a connection of its own.
fn forwarding(address: String) -> Router {
    Router::new().fallback(move |request: Request<Body>| send(address.clone(), request))
}

async fn send(address: String, request: Request<Body>) -> Response<Body> {
    let fault = |_| Response::builder().status(502).body(Body::empty()).unwrap();
    let Ok(stream) = tokio::net::TcpStream::connect(&address).await else { return fault(()) };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    parts.headers.entry("host").or_insert("localhost:8787".parse().unwrap());
    match sender.send_request(Request::from_parts(parts, body)).await {
        Ok(response) => response.map(Body::new),
        Err(_) => fault(()),
    }
}
