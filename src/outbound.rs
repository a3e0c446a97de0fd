//! The one HTTP client. It goes to public hosts only, whatever a stranger's URL says.
//!
//! A name is resolved once, and the address that was checked is the address that is dialled; a name with *any* answer
//! that is not public is refused (attacks A01 to A03). https only, no redirects, no proxy from the environment, a time
//! limit, and a cap on what is read.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::config::Config;
use crate::limits;

/// The way out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    resolver: Arc<Resolver>,
    at_once: Arc<Semaphore>,
    /// Calls to each host within the last minute.
    pace: moka::sync::Cache<String, Arc<AtomicU32>>,
}

/// The client cannot be made: a sentence that says why.
#[derive(Debug, thiserror::Error)]
#[error("outbound calls cannot be set up: {0}")]
pub struct SetupError(String);

/// What a host answered with 200 and JSON.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The body, within the cap.
    pub body: Bytes,
    /// Its headers, for how long it may be kept.
    pub headers: HeaderMap,
}

/// Why nothing was fetched. [`Refusal::NotPublic`] and [`Refusal::Unreachable`] read the same, so that nobody learns
/// from here which private names exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not https, or not a URL.
    #[error("only https URLs are fetched")]
    NotHttps,
    /// Its host is not public, or one of its addresses is not.
    #[error("its host could not be reached")]
    NotPublic,
    /// No answer in time, no such name, no valid certificate.
    #[error("its host could not be reached")]
    Unreachable,
    /// Another status than 200, a redirect among them.
    #[error("its host answered with status {0}")]
    Status(u16),
    /// Not `application/json` nor `application/…+json`.
    #[error("its host answered with something else than JSON")]
    NotJson,
    /// Over the cap; reading stopped there.
    #[error("its host answered with more than {0} bytes")]
    TooLarge(usize),
    /// Too many calls at once, or to one host.
    #[error("too many documents are being fetched; try again in a minute")]
    Busy,
}

impl Refusal {
    /// Whether the host may well be there again later, so that what it said last still stands.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable | Self::Busy => true,
            Self::Status(status) => *status >= 500 || *status == 429,
            Self::NotHttps | Self::NotPublic | Self::NotJson | Self::TooLarge(_) => false,
        }
    }
}

impl Outbound {
    /// The client, strict but for the test hosts that the configuration names.
    ///
    /// # Errors
    /// [`SetupError`] where the extra authorities cannot be read.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let wrong = |e: &dyn std::fmt::Display| SetupError(e.to_string());
        let resolver = Arc::new(Resolver { fixed: config.outbound.resolve.clone() });
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(config)?)
            .dns_resolver(Arc::clone(&resolver))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .https_only(true)
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(Duration::from_secs(limits::OUTBOUND_CONNECT_SECONDS))
            .timeout(Duration::from_secs(limits::OUTBOUND_SECONDS))
            .user_agent(concat!("postern/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| wrong(&e))?;
        let pace = moka::sync::Cache::builder()
            .max_capacity(limits::OUTBOUND_HOSTS_MAX)
            .time_to_live(Duration::from_secs(60))
            .build();
        Ok(Self { client, resolver, at_once: Arc::new(Semaphore::new(limits::OUTBOUND_AT_ONCE_MAX)), pace })
    }

    /// Fetches a JSON document of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn json(&self, url: &str, bytes_max: usize) -> Result<Fetched, Refusal> {
        let url = Url::parse(url).map_err(|_| Refusal::NotHttps)?;
        let host = self.resolver.judge_host(&url)?;
        let calls = self.pace.get_with(host, Arc::default);
        if calls.fetch_add(1, Ordering::Relaxed) >= limits::OUTBOUND_HOST_PER_MINUTE_MAX {
            return Err(Refusal::Busy);
        }
        let _turn = self.at_once.try_acquire().map_err(|_| Refusal::Busy)?;
        let mut answer = self
            .client
            .get(url)
            .header(header::ACCEPT, "application/json")
            .send()
            .await
            .map_err(|error| explain(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(Refusal::Status(answer.status().as_u16()));
        }
        if !is_json(answer.headers()) {
            return Err(Refusal::NotJson);
        }
        let headers = answer.headers().clone();
        // Content-Length is the host's word; what arrives is what counts.
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > bytes_max {
                return Err(Refusal::TooLarge(bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { body: body.into(), headers })
    }
}

/// TLS with the roots that are built in. The verifier that reqwest brings would read the system's store: slower to
/// start, and nothing to trust in an empty container.
fn tls(config: &Config) -> Result<rustls::ClientConfig, SetupError> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = &config.outbound.extra_ca {
        let wrong = |e: String| SetupError(format!("outbound.extra_ca {}: {e}", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| wrong(e.to_string()))? {
            roots.add(certificate.map_err(|e| wrong(e.to_string()))?).map_err(|e| wrong(e.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| SetupError(e.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Which refusal it was, found in the chain of causes; the log learns the rest.
fn explain(error: &reqwest::Error) -> Refusal {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<NotPublic>() {
            return Refusal::NotPublic;
        }
        cause = inner.source();
    }
    tracing::debug!(error = ?error, "an outbound call failed");
    Refusal::Unreachable
}

/// A name has an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
struct NotPublic;

/// Resolves names and lets only public addresses through.
#[derive(Debug)]
struct Resolver {
    /// Test hosts; the configuration refuses them unless this server itself is on loopback.
    fixed: BTreeMap<String, SocketAddr>,
}

impl Resolver {
    /// Judges what can be judged without asking anybody, and gives the host. Literal addresses never come to a
    /// resolver, and the parser has already read `0x7f.1` and `2130706433` for what they are.
    fn judge_host(&self, url: &Url) -> Result<String, Refusal> {
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::NotHttps);
        }
        let public = match url.host().ok_or(Refusal::NotHttps)? {
            Host::Domain(name) if self.fixed.contains_key(name) => true,
            Host::Domain(name) => is_public_name(name),
            Host::Ipv4(ip) => is_public(IpAddr::V4(ip)),
            Host::Ipv6(ip) => is_public(IpAddr::V6(ip)),
        };
        if !public {
            return Err(Refusal::NotPublic);
        }
        Ok(url.host_str().unwrap_or_default().to_owned())
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let fixed = self.fixed.get(name.as_str()).copied();
        Box::pin(async move {
            if let Some(address) = fixed {
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            let answers = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(judge_answers(answers)?.into_iter()) as Addrs)
        })
    }
}

/// All answers, if all are public. One that is not spoils the rest: which of them would be dialled is the host's
/// choice, not ours (attack A02).
fn judge_answers(answers: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    let fine = !answers.is_empty() && answers.iter().all(|answer| is_public(answer.ip()));
    if fine { Ok(answers) } else { Err(NotPublic) }
}

/// Names that never leave a machine or a house (RFC 6761, RFC 6762, RFC 8375), and names without a dot, to which
/// the system's resolver would add the domain of this network.
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let private = ["localhost", "local", "internal", "home.arpa", "localdomain", "lan", "intranet", "corp"];
    name.contains('.')
        && !private
            .iter()
            .any(|last| name.strip_suffix(last).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Whether an address is on the public internet: none of the special-purpose ranges (RFC 6890 and IANA's registries).
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// Network and prefix length of what is not public.
const SPECIAL_V4: [([u8; 4], u32); 18] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Not special by IANA: the platform address that every machine on Azure reaches.
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, reserved and broadcast.
    ([224, 0, 0, 0], 3),
];

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let inside = |(network, bits): &([u8; 4], u32)| {
        let mask = u32::MAX << (32 - bits);
        ip.to_bits() & mask == u32::from_be_bytes(*network) & mask
    };
    !SPECIAL_V4.iter().any(inside)
}

/// Only global unicast, without the parts that carry an IPv4 address or lead nowhere. Everything outside 2000::/3 is
/// refused as a whole: loopback, link-local, unique local, IPv4-mapped and -compatible, NAT64 (attack A03).
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let global_unicast = s[0] & 0xe000 == 0x2000;
    // 2001::/23: Teredo, benchmarking, ORCHID and other assignments of protocols.
    let protocol_assignments = s[0] == 0x2001 && s[1] < 0x0200;
    let documentation = (s[0] == 0x2001 && s[1] == 0x0db8) || (s[0] == 0x3fff && s[1] < 0x1000);
    let six_to_four = s[0] == 0x2002;
    let as112 = s[0] == 0x2620 && s[1] == 0x004f && s[2] == 0x8000;
    let isatap = s[5] == 0x5efe && s[4] & 0xfdff == 0;
    global_unicast && !(protocol_assignments || documentation || six_to_four || as112 || isatap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_known_in_every_disguise() {
        for bad in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2a00:1450::5efe:7f00:1",
            "2a00:1450::200:5efe:a00:1",
        ] {
            assert!(!is_public(bad.parse().unwrap()), "{bad}");
        }
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450:4001::200e",
            "2001:200::1",
        ] {
            assert!(is_public(good.parse().unwrap()), "{good}");
        }
    }

    #[test]
    fn one_private_answer_spoils_the_rest() {
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
        assert!(judge_answers(vec![at("1.1.1.1"), at("2606:4700::1111")]).is_ok());
        assert!(judge_answers(vec![at("1.1.1.1"), at("10.0.0.1")]).is_err());
        assert!(judge_answers(vec![at("2606:4700::1111"), at("::1"), at("1.1.1.1")]).is_err());
        assert!(judge_answers(vec![]).is_err());
    }
}
