//! `postern healthcheck`: for images without a shell, and for people.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Outcome;
use crate::config::Config;
use crate::limits;

/// Asks the server that this configuration runs whether it is ready.
///
/// # Errors
/// Where nothing answers.
pub async fn run(config: &Config) -> Outcome {
    let address = reachable(config.listen);
    let wait = Duration::from_secs(limits::HEALTHCHECK_SECONDS);
    let answer = tokio::time::timeout(wait, ask(address))
        .await
        .map_err(|_| format!("{address} did not answer within {} s", limits::HEALTHCHECK_SECONDS))?
        .map_err(|e| format!("{address} does not answer: {e}"))?;
    if answer.starts_with("HTTP/1.1 200") {
        println!("ready");
        return Ok(ExitCode::SUCCESS);
    }
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    println!("not ready: {body}");
    Ok(ExitCode::FAILURE)
}

/// One plain request, so that no HTTP client is built outside `outbound`.
async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(limits::HEALTHCHECK_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A server bound to every address is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
