//! How often one address, and one client that proved who it is, may ask: a token bucket each, in memory, so that no
//! request waits for it. A minute's worth may come at once: behind one address may sit a whole company, whose
//! editors all refresh when its people open their lids.
//!
//! A client that did not prove who it is has no bucket: anybody could empty that of a public client for everybody.
//! What guards an account against guesses is counted elsewhere, by all nodes together: `identity::guesses`.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, StatusCode, header};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde_json::json;

use super::error::{Failure, NEVER_KEPT};
use super::page::{Problem, Told};
use super::peer::Peer;
use crate::app::App;
use crate::clock::Time;
use crate::config::{self, Config, subscriber};
use crate::limits;
use crate::oauth::client::{AuthMethod, Client};

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// `POST /token`.
    Token,
    /// `POST /revoke`.
    Revoke,
    /// `POST /par`.
    Par,
    /// `POST /device_authorization`.
    DeviceAuthorization,
    /// `POST /introspect`.
    Introspect,
    /// `/register` and what is under it.
    Register,
    /// `/authorize` itself; the hub behind it has its own unguessable name.
    Authorize,
    /// Where something is typed or opened that signs in: a password, a device's code, a link.
    SignIn,
}

impl Door {
    /// The door at `path`, also under the paths of a Backstage; `None` where nothing is counted.
    pub fn at(method: &Method, path: &str) -> Option<Self> {
        match path.strip_prefix("/api/auth/v1").unwrap_or(path) {
            "/token" => Some(Self::Token),
            "/revoke" => Some(Self::Revoke),
            "/par" => Some(Self::Par),
            "/device_authorization" => Some(Self::DeviceAuthorization),
            "/introspect" => Some(Self::Introspect),
            "/authorize" => Some(Self::Authorize),
            "/login" | "/device" | "/account/password" if method == Method::POST => Some(Self::SignIn),
            "/register" => Some(Self::Register),
            path if path.starts_with("/register/") => Some(Self::Register),
            path if method == Method::POST && path.starts_with("/password/") => Some(Self::SignIn),
            path if path.starts_with("/admin/first/") => Some(Self::SignIn),
            _ => None,
        }
    }

    fn a_minute(self, rates: &config::Rates) -> u32 {
        match self {
            Self::Token | Self::Revoke | Self::Par | Self::DeviceAuthorization => rates.token,
            Self::Introspect => rates.introspect,
            Self::Register => rates.register,
            Self::Authorize => rates.authorize,
            Self::SignIn => rates.sign_in,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    /// A client's id, hashed under a key of this process: short, and nobody can make two collide.
    Client(u64),
}

/// The buckets of this node.
#[derive(Debug)]
pub struct Rates {
    a_minute: config::Rates,
    /// When each bucket will be full again, in microseconds.
    full_at: Cache<(Door, Who), Arc<AtomicI64>>,
    hash: RandomState,
}

impl Rates {
    /// Full buckets.
    pub fn new(config: &Config) -> Self {
        let full_at = Cache::builder()
            .max_capacity(limits::RATES_REMEMBERED_MAX)
            // Full again by then, whatever it was.
            .time_to_idle(Duration::from_secs(120))
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { a_minute: config.rates.clone(), full_at, hash: RandomState::new() }
    }

    /// Takes one request of `address` out of its bucket.
    ///
    /// # Errors
    /// The seconds to wait, where it is empty.
    pub fn spend_address(&self, door: Door, address: IpAddr, now: Time) -> Result<(), i64> {
        self.spend(door, Who::Address(subscriber(address)), now)
    }

    /// Takes one request of a client that proved who it is out of its bucket.
    ///
    /// # Errors
    /// The seconds to wait, where it is empty.
    pub fn spend_client(&self, door: Door, client_id: &str, now: Time) -> Result<(), i64> {
        self.spend(door, Who::Client(self.hash.hash_one(client_id)), now)
    }

    fn spend(&self, door: Door, who: Who, now: Time) -> Result<(), i64> {
        let a_minute = i64::from(door.a_minute(&self.a_minute));
        if a_minute == 0 {
            return Ok(());
        }
        let (one, now) = (MINUTE / a_minute, now.micros());
        let bucket = self.full_at.get_with((door, who), Arc::default);
        let spent = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            Some(full_at.max(now) + one).filter(|next| next - now <= MINUTE)
        });
        spent.map(drop).map_err(|full_at| (full_at + one - now - MINUTE - 1).div_euclid(1_000_000) + 1)
    }
}

const MINUTE: i64 = 60_000_000;

/// Before the endpoints of machines: a refusal is JSON.
pub async fn machines(State(app): State<App>, request: Request, next: Next) -> Response {
    match by_address(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(seconds) => too_many(seconds),
    }
}

/// Before the pages of people: a refusal is a page.
pub async fn people(State(app): State<App>, request: Request, next: Next) -> Response {
    let Err(seconds) = by_address(&app, &request) else { return next.run(request).await };
    let what =
        "More requests came from your network than this server takes in a minute. Nothing was changed.";
    let next = format!("Wait {seconds} seconds, then go back and try again.");
    let told =
        Told::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests", what, &next);
    let mut response = Problem::from(told).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn by_address(app: &App, request: &Request) -> Result<(), i64> {
    let Some(door) = Door::at(request.method(), request.uri().path()) else { return Ok(()) };
    let Peer(address) = request.extensions().get().copied().unwrap_or(Peer(Ipv4Addr::LOCALHOST.into()));
    app.rates.spend_address(door, address, app.clock.now()).inspect_err(|_| {
        tracing::info!(?door, %address, "too many requests from one address");
    })
}

/// Counts a request of a client that has proved who it is.
///
/// # Errors
/// [`Failure::TooMany`].
pub fn by_client(app: &App, door: Door, client: &Client) -> Result<(), Failure> {
    if client.metadata.token_endpoint_auth_method == AuthMethod::None {
        return Ok(());
    }
    app.rates.spend_client(door, &client.id, app.clock.now()).map_err(Failure::TooMany)
}

/// 429 as the token side says it. No RFC names a code for it; this is the one that the MCP SDKs know.
pub fn too_many(seconds: i64) -> Response {
    let what = format!("too many requests; try again in {seconds} seconds");
    let body = json!({"error": "too_many_requests", "error_description": what});
    let retry = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
    (StatusCode::TOO_MANY_REQUESTS, NEVER_KEPT, retry, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Raw};

    fn rates(a_minute: &str) -> Rates {
        let set = vec![("rates.token".to_owned(), a_minute.to_owned())];
        let raw = Raw::read(&Flags { file: None, set }, |_| None).unwrap();
        Rates::new(&Config::from_raw(&raw).unwrap())
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_as_many_as_the_minute_brings() {
        let (rates, now) = (rates("60"), Time::from_seconds(1_000_000));
        let ask = |now| rates.spend_client(Door::Token, "c", now);
        assert_eq!((0..60).filter(|_| ask(now).is_ok()).count(), 60);
        assert_eq!(ask(now), Err(1));
        assert!(ask(now.plus_seconds(1)).is_ok() && ask(now.plus_seconds(1)).is_err());
        assert_eq!(
            (0..90).filter(|_| ask(now.plus_seconds(3_600)).is_ok()).count(),
            60,
            "never more than full"
        );
    }

    #[test]
    fn nobody_empties_the_bucket_of_another() {
        let (rates, now) = (rates("1"), Time::from_seconds(1_000_000));
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(rates.spend_address(Door::Token, address("192.0.2.1"), now).is_ok());
        assert_eq!(rates.spend_address(Door::Token, address("192.0.2.1"), now), Err(60));
        assert!(rates.spend_address(Door::Token, address("192.0.2.2"), now).is_ok());
        assert!(rates.spend_address(Door::Revoke, address("192.0.2.1"), now).is_ok(), "another door");
        assert!(rates.spend_client(Door::Token, "192.0.2.1", now).is_ok());
        assert!(rates.spend_address(Door::Token, address("2001:db8::1"), now).is_ok());
        assert!(rates.spend_address(Door::Token, address("2001:db8::2"), now).is_err(), "one subscriber");
    }

    #[test]
    fn zero_is_no_limit() {
        let (rates, now) = (rates("0"), Time::from_seconds(1_000_000));
        assert!((0..100_000).all(|_| rates.spend_client(Door::Token, "c", now).is_ok()));
    }
}
