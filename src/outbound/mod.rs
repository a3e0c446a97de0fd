//! The one HTTP client. It goes to public hosts only, whatever a stranger's URL says.
//!
//! A name is resolved once, and the address that was checked is the address that is dialled; a name with *any* answer
//! that is not public is refused (attacks A01 to A03). https only, no redirects, no proxy from the environment, a time
//! limit, and a cap on what is read.

mod address;
mod budget;
mod files;
mod own;
mod send;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::{Host, Url};

use crate::config::Config;
use crate::limits;
pub use address::is_public;
use address::is_public_name;
use budget::Budget;
pub use files::{FileAsk, GitAsk};
pub use own::Own;
pub use send::{Reply, Request};

/// The way out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    resolver: Arc<Resolver>,
    /// Of this way out: strangers' at first.
    budget: Budget,
    trusted: Budget,
    /// For the catalog's files and repositories: neither takes the others' place.
    files: Budget,
}

/// The client cannot be made: a sentence that says why.
#[derive(Debug, thiserror::Error)]
#[error("outbound calls cannot be set up: {0}")]
pub struct SetupError(String);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The https URL.
    pub url: &'a str,
    /// What it should be.
    pub kind: Kind,
    /// Most bytes that are read.
    pub bytes_max: usize,
    /// The entity tag of what is held already (RFC 9110 section 13.1.2).
    pub etag: Option<&'a str>,
}

/// What an answer should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/json` or `application/…+json`.
    Json,
    /// `image/…`.
    Image,
    /// Whatever it is.
    Anything,
}

/// What a host answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 and what was asked for.
    New(Fetched),
    /// 304: what is held is still what it says. Its headers say for how long.
    Same(HeaderMap),
}

/// What a host answered with 200.
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
    /// Not `image/…`.
    #[error("its host answered with something else than a picture")]
    NotAnImage,
    /// A page for people, such as one to sign in at, or something packed.
    #[error("its host answered with a page or an archive and not with a file")]
    NotAFile,
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
            Self::NotHttps | Self::NotPublic | Self::TooLarge(_) => false,
            Self::NotJson | Self::NotAnImage | Self::NotAFile => false,
        }
    }
}

impl Outbound {
    /// The client, strict but for the test hosts that the configuration names.
    ///
    /// # Errors
    /// [`SetupError`] where the extra authorities cannot be read.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let resolver = Arc::new(Resolver { fixed: config.outbound.resolve.clone(), names: Names::System });
        let client = client(config, Arc::clone(&resolver))?;
        let budget = Budget::of(limits::OUTBOUND_AT_ONCE_MAX, limits::OUTBOUND_HOST_PER_MINUTE_MAX);
        let trusted = Budget::of(limits::OUTBOUND_TRUSTED_AT_ONCE_MAX, limits::OUTBOUND_HOST_PER_MINUTE_MAX);
        let files = Budget::of(limits::SOURCE_AT_ONCE_MAX, limits::SOURCE_HOST_PER_MINUTE_MAX);
        Ok(Self { client, resolver, budget, trusted, files })
    }

    /// The same way out for addresses that the configuration's word leads to: as strict, counted apart. Whoever makes this
    /// server fetch documents until nothing more is fetched keeps nobody's keys away.
    #[must_use]
    pub fn trusted(&self) -> Self {
        Self { budget: self.trusted.clone(), ..self.clone() }
    }

    /// Fetches a JSON document of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn json(&self, url: &str, bytes_max: usize) -> Result<Fetched, Refusal> {
        match self.get(Ask { url, kind: Kind::Json, bytes_max, etag: None }).await? {
            Answer::New(fetched) => Ok(fetched),
            Answer::Same(_) => Err(Refusal::Status(StatusCode::NOT_MODIFIED.as_u16())),
        }
    }

    /// Fetches what `ask` says.
    ///
    /// # Errors
    /// [`Refusal`]. A 304 that was not asked for is one.
    pub async fn get(&self, ask: Ask<'_>) -> Result<Answer, Refusal> {
        let url = Url::parse(ask.url).map_err(|_| Refusal::NotHttps)?;
        let host = self.resolver.judge_host(&url)?;
        let _turn = self.budget.spend(host)?;
        let (accept, wrong_kind) = match ask.kind {
            Kind::Json => ("application/json", Refusal::NotJson),
            Kind::Image => ("image/png, image/jpeg, image/webp", Refusal::NotAnImage),
            Kind::Anything => ("*/*", Refusal::NotJson),
        };
        let mut request = self.client.get(url).header(header::ACCEPT, accept);
        if let Some(etag) = ask.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let mut answer = request.send().await.map_err(|error| explain(&error))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if ask.etag.is_some() => {
                return Ok(Answer::Same(answer.headers().clone()));
            }
            other => return Err(Refusal::Status(other.as_u16())),
        }
        if !ask.kind.is_kind_of(answer.headers()) {
            return Err(wrong_kind);
        }
        let headers = answer.headers().clone();
        // Content-Length is the host's word; what arrives is what counts.
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > ask.bytes_max {
                return Err(Refusal::TooLarge(ask.bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer::New(Fetched { body: body.into(), headers }))
    }
}

impl Kind {
    fn is_kind_of(self, headers: &HeaderMap) -> bool {
        let value =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match self {
            Self::Json => {
                essence == "application/json"
                    || (essence.starts_with("application/") && essence.ends_with("+json"))
            }
            Self::Image => essence.starts_with("image/"),
            Self::Anything => true,
        }
    }
}

fn client(config: &Config, resolver: Arc<Resolver>) -> Result<reqwest::Client, SetupError> {
    let strict = builder(config)?.dns_resolver(resolver).https_only(true);
    strict.build().map_err(|e| SetupError(e.to_string()))
}

fn builder(config: &Config) -> Result<reqwest::ClientBuilder, SetupError> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(config)?)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .http1_only()
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(limits::OUTBOUND_CONNECT_SECONDS))
        .timeout(Duration::from_secs(limits::OUTBOUND_SECONDS))
        .user_agent(concat!("postern/", env!("CARGO_PKG_VERSION"))))
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
    names: Names,
}

/// Who answers for names.
#[derive(Debug)]
enum Names {
    /// The system's resolver.
    System,
    /// A test: each look-up takes the next answer.
    #[cfg(test)]
    Scripted(std::sync::Mutex<std::collections::VecDeque<Vec<SocketAddr>>>),
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
        if let Some(address) = self.fixed.get(name.as_str()).copied() {
            return Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) });
        }
        match &self.names {
            Names::System => Box::pin(async move {
                let answers = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
                Ok(Box::new(judge_answers(answers)?.into_iter()) as Addrs)
            }),
            #[cfg(test)]
            Names::Scripted(answers) => {
                let next = answers.lock().ok().and_then(|mut all| all.pop_front()).unwrap_or_default();
                Box::pin(async move { Ok(Box::new(judge_answers(next)?.into_iter()) as Addrs) })
            }
        }
    }
}

/// All answers, if all are public. One that is not spoils the rest: which of them would be dialled is the host's
/// choice, not ours (attack A02).
fn judge_answers(answers: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    let fine = !answers.is_empty() && answers.iter().all(|answer| is_public(answer.ip()));
    if fine { Ok(answers) } else { Err(NotPublic) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Raw};

    const PUBLIC: &str = "1.1.1.1";

    fn at(ips: &[&str]) -> Vec<SocketAddr> {
        ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    }

    /// Attack A02: a name that answers with a public address first and a private one later, or with both at once.
    #[tokio::test]
    async fn a02_a_name_is_looked_up_once_and_one_private_answer_spoils_the_rest() {
        let script = [
            at(&[PUBLIC]),
            at(&["10.0.0.1"]),
            at(&[PUBLIC, "::1"]),
            at(&["2606:4700::1111", PUBLIC]),
            vec![],
        ];
        let names = Names::Scripted(std::sync::Mutex::new(script.into_iter().collect()));
        let resolver = Resolver { fixed: BTreeMap::new(), names };
        let mut seen = Vec::new();
        for _ in 0..5 {
            let answer = resolver.resolve("client.example".parse().unwrap()).await;
            seen.push(answer.ok().map(|all| all.map(|a| a.ip().to_string()).collect::<Vec<_>>()));
        }
        let both = vec!["2606:4700::1111".to_owned(), PUBLIC.to_owned()];
        assert_eq!(seen, [Some(vec![PUBLIC.to_owned()]), None, None, Some(both), None]);
    }

    /// What the connector gets is what was judged: a private answer never becomes a connection, and the reason is known.
    #[tokio::test]
    async fn a_call_asks_for_the_name_once_and_dials_nothing_else() {
        let mut outbound = Outbound::new(&outbound_config()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let script = [vec![listener.local_addr().unwrap()], at(&[PUBLIC])];
        let names = Names::Scripted(std::sync::Mutex::new(script.into_iter().collect()));
        let resolver = Arc::new(Resolver { fixed: BTreeMap::new(), names });
        outbound.client = client(&outbound_config(), Arc::clone(&resolver)).unwrap();
        outbound.resolver = Arc::clone(&resolver);
        let refused = outbound.json("https://client.example/c", 100).await.unwrap_err();
        assert_eq!(refused, Refusal::NotPublic);
        let Names::Scripted(left) = &resolver.names else { panic!("not scripted") };
        assert_eq!(left.lock().unwrap().len(), 1, "looked up once, and not again after the refusal");
        assert!(listener.accept().is_err(), "nothing was dialled");
    }

    fn outbound_config() -> Config {
        Config::from_raw(&Raw::read(&Flags::default(), |_| None).unwrap()).unwrap()
    }
}
