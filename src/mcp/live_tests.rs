//! What is remembered, and that it is forgotten in time.

use std::collections::HashMap;

use std::sync::{Arc, Mutex};

use super::*;
use crate::actions::Caller;
use crate::config::Algorithm;
use crate::mcp::authority::Authority;
use crate::oauth::claims::{AccessClaims, sign_access};
use crate::oauth::exchange::Actor;
use crate::oauth::key::{KeyRing, SigningKey};
use crate::store::events::Board;

const ISSUER: &str = "http://localhost:8787";
const RESOURCE: &str = "http://localhost:8787/mcp";
const NOW: Time = Time::from_seconds(100);
const ADA: &str = "ada/vscode/g1";

/// An authorization server that counts how often it is asked.
struct Server {
    keys: Mutex<Arc<KeyRing>>,
    asked: AtomicU64,
    revoked: Mutex<Vec<String>>,
    down: AtomicBool,
    /// Told while the store is being asked, before its answer is known.
    meanwhile: Mutex<Option<Event>>,
}

fn ring() -> Arc<KeyRing> {
    let pkcs8 = secret::private_key(Algorithm::Es256);
    let signing = SigningKey::from_pkcs8(&pkcs8, Algorithm::Es256, Time::from_seconds(0)).unwrap();
    Arc::new(KeyRing::new(signing, vec![]).unwrap())
}

struct World {
    server: Arc<Server>,
    authority: Authority,
    news: Board,
    live: Arc<LiveCallers>,
    tokens: Mutex<HashMap<String, String>>,
}

impl World {
    fn new() -> Self {
        let server = Arc::new(Server {
            keys: Mutex::new(ring()),
            asked: AtomicU64::default(),
            revoked: Mutex::default(),
            down: AtomicBool::default(),
            meanwhile: Mutex::default(),
        });
        let news = Board::new(4);
        let live = Arc::new(LiveCallers::with_capacity(10, news.listener()));
        live.forget(&Event::Trusted);
        let (keys, store) = (Arc::clone(&server), Arc::clone(&server));
        let (told, elsewhere) = (news.clone(), Arc::clone(&live));
        let authority = Authority::new(
            ISSUER,
            move || Arc::clone(&keys.keys.lock().unwrap()),
            move |verified| {
                store.asked.fetch_add(1, Ordering::SeqCst);
                let down = store.down.load(Ordering::SeqCst);
                let live = !store.revoked.lock().unwrap().contains(&verified.caller.grant_id);
                if let Some(event) = store.meanwhile.lock().unwrap().take() {
                    told.tell(event);
                    // Another call hears of it before this one is answered.
                    elsewhere.hear_news();
                }
                Box::pin(async move { if down { Err(Unavailable("down".into())) } else { Ok(live) } })
            },
        );
        Self { server, authority, news, live, tokens: Mutex::default() }
    }

    /// A token until second 1,000, from "user/client/grant"; its own name is that text too.
    fn token(&self, who: &str) -> String {
        let mint = || {
            let mut parts = who.split('/').map(str::to_owned);
            let (subject, client_id, grant_id) = (parts.next(), parts.next(), parts.next());
            let claims = AccessClaims {
                issuer: ISSUER.into(),
                subject: subject.unwrap(),
                audience: RESOURCE.into(),
                client_id: client_id.unwrap(),
                scope: "catalog:read".parse().unwrap(),
                token_id: who.into(),
                grant_id: grant_id.unwrap(),
                username: String::new(),
                is_user: true,
                key: None,
                actor: parts.next().map(|sub| Actor { sub, act: None }),
                issued_at: Time::from_seconds(0),
                expires_at: Time::from_seconds(1_000),
            };
            sign_access(&claims, self.server.keys.lock().unwrap().signing()).unwrap()
        };
        self.tokens.lock().unwrap().entry(who.to_owned()).or_insert_with(mint).clone()
    }

    async fn admit(&self, who: &str, at: Time) -> Result<Arc<Caller>, Refused> {
        let admitted = self.live.admit(&self.authority, &self.token(who), RESOURCE, at).await;
        admitted.map(|verified| verified.caller)
    }

    /// How often the store was asked; a token that is remembered asks nobody.
    fn asked(&self) -> u64 {
        self.server.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_known_token_is_verified_and_asked_for_once() {
    let world = World::new();
    for _ in 0..5 {
        let caller = world.admit(ADA, NOW).await.unwrap();
        assert_eq!((caller.subject.as_str(), caller.grant_id.as_str()), ("ada", "g1"));
    }
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn a_known_token_is_refused_from_the_moment_it_expires() {
    let world = World::new();
    world.admit(ADA, Time::from_micros(999_999_999)).await.unwrap();
    for at in [Time::from_seconds(1_000), Time::from_seconds(2_000)] {
        assert!(matches!(world.admit(ADA, at).await, Err(Refused::Invalid(TokenRefusal::Expired))));
    }
}

#[tokio::test]
async fn a_known_token_opens_no_other_resource() {
    let world = World::new();
    world.admit(ADA, NOW).await.unwrap();
    let other = "http://localhost:8787/api/mcp-actions/v1";
    let refused = world.live.admit(&world.authority, &world.token(ADA), other, NOW).await;
    assert!(matches!(refused, Err(Refused::Invalid(TokenRefusal::WrongAudience))));
}

#[tokio::test]
async fn news_forget_whom_they_concern_and_nobody_else() {
    let everyone = [ADA, "ada/cursor/g2", "bob/vscode/g3"];
    let cases = [
        (Event::GrantRevoked("g1".into()), vec![ADA]),
        (Event::ClientRevoked("vscode".into()), vec![ADA, "bob/vscode/g3"]),
        (Event::UserSuspended("ada".into()), vec![ADA, "ada/cursor/g2"]),
        (Event::TokenRevoked("ada/cursor/g2".into()), vec!["ada/cursor/g2"]),
        (Event::GrantRevoked("unknown".into()), vec![]),
        (Event::KeysChanged, everyone.to_vec()),
        (Event::Trusted, everyone.to_vec()),
    ];
    for (event, gone) in cases {
        let world = World::new();
        for who in everyone {
            world.admit(who, NOW).await.unwrap();
        }
        world.news.tell(event.clone());
        for who in everyone {
            let before = world.asked();
            world.admit(who, NOW).await.unwrap();
            assert_eq!(world.asked() != before, gone.contains(&who), "{event:?} {who}");
        }
    }
}

/// What it was exchanged from has another grant, client and token, which the token does not name.
#[tokio::test]
async fn an_exchanged_token_is_asked_for_again_whoever_it_was_that_ended() {
    let who = "ada/agent/g2/agent";
    for event in [
        Event::GrantRevoked("g1".into()),
        Event::ClientRevoked("vscode".into()),
        Event::TokenRevoked(ADA.into()),
        Event::UserSuspended("ada".into()),
    ] {
        let world = World::new();
        world.admit(who, NOW).await.unwrap();
        world.news.tell(event.clone());
        world.server.revoked.lock().unwrap().push("g2".into());
        assert!(matches!(world.admit(who, NOW).await, Err(Refused::Revoked)), "{event:?}");
    }
}

/// The announcement comes before the new ring is loaded; a token that comes between the two is remembered again.
#[tokio::test]
async fn a_token_of_a_retired_key_ends_when_the_new_keys_are_at_hand() {
    let world = World::new();
    world.admit(ADA, NOW).await.unwrap();
    world.news.tell(Event::KeysChanged);
    world.admit(ADA, NOW).await.unwrap();
    *world.server.keys.lock().unwrap() = ring();
    assert!(matches!(world.admit(ADA, NOW).await, Err(Refused::Invalid(TokenRefusal::UnknownKey))));
}

#[tokio::test]
async fn more_news_than_are_kept_forget_everyone() {
    let world = World::new();
    world.admit(ADA, NOW).await.unwrap();
    for n in 0..50 {
        world.news.tell(Event::GrantRevoked(format!("other-{n}")));
    }
    world.admit(ADA, NOW).await.unwrap();
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn a_revocation_between_the_question_and_the_answer_is_not_remembered_as_live() {
    let world = World::new();
    *world.server.meanwhile.lock().unwrap() = Some(Event::GrantRevoked("g1".into()));
    world.admit(ADA, NOW).await.unwrap();
    world.server.revoked.lock().unwrap().push("g1".into());
    assert!(matches!(world.admit(ADA, NOW).await, Err(Refused::Revoked)));
}

#[tokio::test]
async fn a_node_that_lost_its_news_asks_at_every_call_and_stops_when_they_are_back() {
    let world = World::new();
    world.admit(ADA, NOW).await.unwrap();
    world.news.tell(Event::Distrusted);
    world.admit(ADA, NOW).await.unwrap();
    assert_eq!(world.asked(), 2);
    world.server.revoked.lock().unwrap().push("g1".into());
    assert!(matches!(world.admit(ADA, NOW).await, Err(Refused::Revoked)));
    world.server.revoked.lock().unwrap().clear();
    world.news.tell(Event::Trusted);
    world.admit(ADA, NOW).await.unwrap();
    let settled = world.asked();
    world.admit(ADA, NOW).await.unwrap();
    assert_eq!(world.asked(), settled);
}

#[tokio::test]
async fn until_the_news_are_heard_for_the_first_time_nobody_is_believed() {
    let world = World::new();
    let live = LiveCallers::new(world.news.listener());
    for asked in 1..4 {
        live.admit(&world.authority, &world.token(ADA), RESOURCE, NOW).await.unwrap();
        assert_eq!(world.asked(), asked);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_neither_yes_nor_no() {
    let world = World::new();
    world.server.down.store(true, Ordering::SeqCst);
    assert!(matches!(world.admit(ADA, NOW).await, Err(Refused::Unavailable(_))));
    assert!(world.live.is_empty());
    world.server.down.store(false, Ordering::SeqCst);
    world.admit(ADA, NOW).await.unwrap();
    world.server.down.store(true, Ordering::SeqCst);
    // Known and trusted: the store is not needed.
    world.admit(ADA, NOW).await.unwrap();
    world.live.distrust(true);
    assert!(matches!(world.admit(ADA, NOW).await, Err(Refused::Unavailable(_))));
}

#[tokio::test]
async fn memory_is_bounded_however_many_tokens_come() {
    let world = World::new();
    for n in 0..50 {
        world.admit(&format!("ada/vscode/g{n}"), NOW).await.unwrap();
    }
    assert!(world.live.len() <= 10, "{}", world.live.len());
}
