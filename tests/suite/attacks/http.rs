//! Slow, huge and many: J01. And what a start or a supply must not be: G07, J03.

use std::time::{Duration, Instant};

use http::StatusCode;
use postern::limits;
use postern::ops::listen::{self, Patience};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::World;

const PATIENCE: Patience =
    Patience { first_bytes: Duration::from_millis(300), idle: Duration::from_millis(600) };

/// A server on a real socket, with little patience.
struct Served {
    address: String,
    stop: CancellationToken,
    _world: World,
}

impl Served {
    async fn start() -> Self {
        let world = World::sqlite().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        tokio::spawn(listen::serve(listener, world.router.clone(), PATIENCE, stop.clone()));
        Self { address, stop, _world: world }
    }

    async fn say(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        stream
    }

    /// Says `bytes` and reads until the server hangs up, which it must soon.
    async fn heard(&self, bytes: &[u8]) -> String {
        let (mut stream, mut answer) = (self.say(bytes).await, Vec::new());
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await.expect("the server hangs up");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j01_whoever_says_nothing_or_says_it_slowly_is_hung_up_on_and_the_others_are_served() {
    let served = Served::start().await;
    let slow: [&[u8]; 6] = [
        b"",
        b"P",
        b"PRI * HTTP/2.0\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost:8787\r\nX-Slow: ",
        b"GET ",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let (began, mut held) = (Instant::now(), Vec::new());
    for bytes in slow {
        for _ in 0..20 {
            held.push(served.say(bytes).await);
        }
    }
    let alive =
        served.heard(b"GET /healthz HTTP/1.1\r\nHost: localhost:8787\r\nConnection: close\r\n\r\n").await;
    assert!(alive.starts_with("HTTP/1.1 200") && alive.ends_with("ok\n"), "{alive}");
    for mut stream in held {
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        assert!(tokio::time::timeout(Duration::from_secs(10), read).await.is_ok(), "still open: {rest:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j01_one_drop_at_a_time_does_not_help() {
    let served = Served::start().await;
    let mut stream = served.say(b"GET /healthz HTTP/1.1\r\nX: ").await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if stream.write_all(b"a").await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "the whole of the headers has one deadline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j01_endless_headers_and_smuggled_requests_are_refused() {
    let served = Served::start().await;
    let status = |answer: &str| answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let huge = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "a".repeat(limits::HEADER_BYTES_MAX * 2)
    );
    assert_eq!(status(&served.heard(huge.as_bytes()).await), "431");
    let many: String = (0..=limits::HEADERS_MAX).map(|n| format!("X-{n}: a\r\n")).collect();
    assert_eq!(status(&served.heard(format!("GET /healthz HTTP/1.1\r\n{many}\r\n").as_bytes()).await), "431");
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(limits::HEADER_BYTES_MAX * 2));
    assert!(["414", "431"].contains(&status(&served.heard(long.as_bytes()).await).as_str()));
    for smuggled in [
        "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde",
        "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        "GET /healthz\r\n\r\n",
    ] {
        let answer = served.heard(smuggled.as_bytes()).await;
        assert!(answer.is_empty() || status(&answer) == "400", "{smuggled:?}: {answer}");
        assert!(answer.matches("HTTP/1.1").count() <= 1, "{smuggled:?}: two answers: {answer}");
    }
    // Both lengths at once: the body is what the chunks say, and what stands behind is no second request.
    let both = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = served.heard(both.as_bytes()).await;
    assert!(!answer.ends_with("ok\n") || answer.matches("HTTP/1.1").count() == 2, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j01_a_stopping_server_lets_a_request_finish_and_hangs_up_on_who_idles() {
    let served = Served::start().await;
    let mut idle = served.say(b"GET /healthz HTTP/1.1\r\nHost: localhost:8787\r\n\r\n").await;
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    served.stop.cancel();
    let mut rest = Vec::new();
    let read = idle.read_to_end(&mut rest);
    assert!(tokio::time::timeout(Duration::from_millis(500), read).await.is_ok(), "hung up on at once");
}

on_both_engines! {
    async fn j01_bodies_and_parameters_have_an_end_everywhere(world) {
        let form = |bytes: usize| vec![("grant_type".to_owned(), "a".repeat(bytes))];
        for (path, most) in [("/token", limits::TOKEN_FORM_BYTES_MAX), ("/revoke", limits::TOKEN_FORM_BYTES_MAX), ("/introspect", limits::TOKEN_FORM_BYTES_MAX),
            ("/login", limits::PAGE_FORM_BYTES_MAX), ("/authorize", limits::PAGE_FORM_BYTES_MAX), ("/consent/x", limits::PAGE_FORM_BYTES_MAX)] {
            let fields = form(most + 1);
            let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let status = world.post_form(path, &fields).await.status();
            assert!([StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE].contains(&status), "{path}: {status}");
        }
        let names: Vec<String> = (0..=limits::TOKEN_PARAMETERS_MAX).map(|n| format!("p{n}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        let refused = crate::support::token::post(&world, "/token", &many).await;
        assert_eq!((refused.error(), refused.text("error_description").as_str()), ((400, "invalid_request"), "too many parameters"));
        let long = "a".repeat(limits::TOKEN_PARAMETER_BYTES_MAX + 1);
        let refused = crate::support::token::post(&world, "/token", &[("code", &long)]).await;
        assert_eq!(refused.text("error_description"), "a parameter is too long");
        let scopes: Vec<String> = (0..=limits::SCOPES_MAX).map(|n| format!("s{n}")).collect();
        for scope in [scopes.join(" "), "a".repeat(limits::SCOPE_BYTES_MAX + 1)] {
            assert!(scope.parse::<postern::oauth::scope::ScopeSet>().is_err(), "{}", scope.len());
        }
    }
}
