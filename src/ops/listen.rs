//! The socket. A connection gets so long to say what it wants and so much room to say it in; whoever holds one open
//! with a byte now and then, or with endless headers, is hung up on (attack J01).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::limits;

/// How long a connection is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For its first bytes.
    pub first_bytes: Duration,
    /// For the next request, headers complete.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_bytes: Duration::from_secs(limits::FIRST_BYTES_SECONDS),
            idle: Duration::from_secs(limits::IDLE_SECONDS),
        }
    }
}

/// Answers connections until `stop`, then lets those that are open finish what is under way.
pub async fn serve(listener: TcpListener, router: Router, patience: Patience, stop: CancellationToken) {
    let (open, builder) = (TaskTracker::new(), Arc::new(builder(patience)));
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    loop {
        // Whoever comes when all places are taken waits in the system's queue.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: some will come free.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(limits::ACCEPT_RETRY_MILLIS)).await;
                continue;
            }
        };
        let (builder, router, stop) = (Arc::clone(&builder), router.clone(), stop.clone());
        open.spawn(async move {
            let _place = place;
            let spoken = async {
                // Without TCP_NODELAY an event stream's answers wait for the other side's acknowledgement, up to 44 ms.
                stream.set_nodelay(true)?;
                tokio::time::timeout(patience.first_bytes, first_bytes(&stream)).await??;
                converse(&builder, stream, peer, router, stop).await
            };
            if let Err(error) = spoken.await {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        });
    }
    open.close();
    open.wait().await;
}

fn builder(patience: Patience) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.idle)
        .max_headers(limits::HEADERS_MAX)
        .max_buf_size(limits::HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(patience.idle)
        .keep_alive_timeout(patience.first_bytes)
        .max_concurrent_streams(limits::STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits::HEADER_BYTES_MAX).unwrap_or(u32::MAX));
    builder
}

async fn converse(
    builder: &Builder<TokioExecutor>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Waits until it is clear which protocol is spoken. The library that looks for HTTP/2's preface has no clock, so a
/// stranger who sends its first letters could sit there for ever.
async fn first_bytes(stream: &TcpStream) -> std::io::Result<()> {
    const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut seen = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut seen).await?;
        if length == 0 || length == PREFACE.len() || !PREFACE.starts_with(&seen[..length]) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(limits::PREFACE_POLL_MILLIS)).await;
    }
}
