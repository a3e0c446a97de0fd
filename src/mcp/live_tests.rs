//! What is remembered, and that it is forgotten in time.

use std::sync::Mutex;

use super::*;
use crate::mcp::authority::Authority;

const RESOURCE: &str = "http://localhost:8787/mcp";

fn caller(token: &str) -> Caller {
    // A token reads "user/client/grant" here; what a real one looks like is the verifier's business.
    let mut parts = token.split('/');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    Caller {
        subject: next(),
        username: String::new(),
        is_user: true,
        client_id: next(),
        grant_id: next(),
        scopes: "catalog:read".parse().unwrap(),
        resource: RESOURCE.into(),
    }
}

#[derive(Default)]
struct World {
    verified: AtomicU64,
    asked: AtomicU64,
    revoked: Mutex<Vec<String>>,
    down: AtomicBool,
}

impl World {
    fn authority(self: &Arc<Self>) -> Authority {
        let (verifier, liveness) = (Arc::clone(self), Arc::clone(self));
        Authority::new(
            move |token, audience, now| {
                verifier.verified.fetch_add(1, Ordering::SeqCst);
                if audience != RESOURCE || now >= Time::from_seconds(1_000) {
                    return Err("no".into());
                }
                Ok(Verified { caller: Arc::new(caller(token)), expires_at: Time::from_seconds(1_000) })
            },
            move |grant| {
                liveness.asked.fetch_add(1, Ordering::SeqCst);
                let down = liveness.down.load(Ordering::SeqCst);
                let live = !liveness.revoked.lock().unwrap().contains(&grant);
                Box::pin(async move { if down { Err(Unavailable("down".into())) } else { Ok(live) } })
            },
        )
    }

    fn counts(&self) -> (u64, u64) {
        (self.verified.load(Ordering::SeqCst), self.asked.load(Ordering::SeqCst))
    }
}

const NOW: Time = Time::from_seconds(100);

#[tokio::test]
async fn a_known_token_is_verified_and_asked_for_once() {
    let (world, live) = (Arc::new(World::default()), LiveCallers::default());
    let authority = world.authority();
    for _ in 0..5 {
        let caller = live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
        assert_eq!((caller.subject.as_str(), caller.grant_id.as_str()), ("ada", "g1"));
    }
    assert_eq!(world.counts(), (1, 1));
}

#[tokio::test]
async fn a_known_token_is_refused_from_the_moment_it_expires() {
    let (world, live) = (Arc::new(World::default()), LiveCallers::default());
    let authority = world.authority();
    live.admit(&authority, "ada/vscode/g1", RESOURCE, Time::from_micros(999_999_999)).await.unwrap();
    for at in [Time::from_seconds(1_000), Time::from_seconds(2_000)] {
        assert!(matches!(live.admit(&authority, "ada/vscode/g1", RESOURCE, at).await, Err(Refused::Invalid(_))));
    }
}

#[tokio::test]
async fn a_known_token_opens_no_other_resource() {
    let (world, live) = (Arc::new(World::default()), LiveCallers::default());
    let authority = world.authority();
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    let other = "http://localhost:8787/api/mcp-actions/v1";
    assert!(matches!(live.admit(&authority, "ada/vscode/g1", other, NOW).await, Err(Refused::Invalid(_))));
}

#[tokio::test]
async fn an_event_forgets_whom_it_concerns_and_nobody_else() {
    let tokens = ["ada/vscode/g1", "ada/cursor/g2", "bob/vscode/g3"];
    let cases = [
        (Event::GrantRevoked("g1".into()), vec!["ada/vscode/g1"]),
        (Event::ClientRevoked("vscode".into()), vec!["ada/vscode/g1", "bob/vscode/g3"]),
        (Event::UserSuspended("ada".into()), vec!["ada/vscode/g1", "ada/cursor/g2"]),
        (Event::GrantRevoked("unknown".into()), vec![]),
        (Event::KeyRetired("k1".into()), tokens.to_vec()),
        (Event::Everything, tokens.to_vec()),
    ];
    for (event, gone) in cases {
        let (world, live) = (Arc::new(World::default()), LiveCallers::default());
        let authority = world.authority();
        for token in tokens {
            live.admit(&authority, token, RESOURCE, NOW).await.unwrap();
        }
        live.forget(&event);
        for token in tokens {
            let before = world.counts();
            live.admit(&authority, token, RESOURCE, NOW).await.unwrap();
            assert_eq!(world.counts() != before, gone.contains(&token), "{event:?} {token}");
        }
    }
}

#[tokio::test]
async fn a_revocation_between_the_question_and_the_answer_is_not_remembered_as_live() {
    let live = Arc::new(LiveCallers::default());
    let during = Arc::clone(&live);
    // The store says "live", and the announcement arrives before the answer is remembered.
    let authority = Authority::new(
        |token, _, _| Ok(Verified { caller: Arc::new(caller(token)), expires_at: Time::from_seconds(1_000) }),
        move |grant| {
            during.forget(&Event::GrantRevoked(grant));
            Box::pin(async { Ok(true) })
        },
    );
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    assert!(live.is_empty());
}

#[tokio::test]
async fn a_node_that_lost_its_notifications_asks_at_every_call_and_stops_when_they_are_back() {
    let (world, live) = (Arc::new(World::default()), LiveCallers::default());
    let authority = world.authority();
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    live.distrust(true);
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    assert_eq!(world.counts(), (1, 2));
    world.revoked.lock().unwrap().push("g1".into());
    assert!(matches!(live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await, Err(Refused::Revoked)));
    world.revoked.lock().unwrap().clear();
    live.distrust(false);
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    let settled = world.counts();
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    assert_eq!(world.counts(), settled);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_neither_yes_nor_no() {
    let (world, live) = (Arc::new(World::default()), LiveCallers::default());
    let authority = world.authority();
    world.down.store(true, Ordering::SeqCst);
    let first = live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await;
    assert!(matches!(first, Err(Refused::Unavailable(_))), "{first:?}");
    assert!(live.is_empty());
    world.down.store(false, Ordering::SeqCst);
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    world.down.store(true, Ordering::SeqCst);
    // Known and trusted: the store is not needed.
    live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await.unwrap();
    live.distrust(true);
    assert!(matches!(live.admit(&authority, "ada/vscode/g1", RESOURCE, NOW).await, Err(Refused::Unavailable(_))));
}

#[tokio::test]
async fn memory_is_bounded_however_many_tokens_come() {
    let (world, live) = (Arc::new(World::default()), LiveCallers::new(10));
    let authority = world.authority();
    for n in 0..200 {
        live.admit(&authority, &format!("ada/vscode/g{n}"), RESOURCE, NOW).await.unwrap();
    }
    assert!(live.len() <= 10, "{}", live.len());
}
