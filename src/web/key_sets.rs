//! JWK sets that others publish: fetched through the one way out, remembered by whose they are.
//!
//! A set belongs to one client or issuer and one address, never to a `kid` alone (attack F04). A key that is not in the set
//! may be new, so that it is fetched again, but not more often than the limit says: whoever invents ids makes this
//! server call nobody.

use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::clock::Time;
use crate::limits;
use crate::oauth::client::{Client, ClientKind};
use crate::oauth::key_set::KeySet;
use crate::outbound::Outbound;

/// What this node knows of others' keys.
#[derive(Clone, Debug)]
pub struct KeySets {
    turns: moka::sync::Cache<String, Arc<tokio::sync::Mutex<()>>>,
    sets: moka::sync::Cache<String, (Arc<KeySet>, Time)>,
    /// Until when an address is not asked again.
    rests: moka::sync::Cache<String, Time>,
}

impl Default for KeySets {
    fn default() -> Self {
        let most = limits::KEY_SETS_REMEMBERED_MAX;
        let idle = std::time::Duration::from_secs(60);
        Self {
            turns: moka::sync::Cache::builder().max_capacity(most).time_to_idle(idle).build(),
            sets: moka::sync::Cache::new(most),
            rests: moka::sync::Cache::new(most),
        }
    }
}

impl KeySets {
    /// What is known, if it is young enough and holds a key that may be `kid`.
    fn good(&self, place: &str, kid: Option<&str>, now: Time) -> Option<Arc<KeySet>> {
        let (set, fetched_at) = self.sets.get(place)?;
        let fresh = now < fetched_at.plus_seconds(limits::KEY_SET_FRESH_SECONDS);
        (fresh && set.candidates(kid).next().is_some()).then_some(set)
    }

    /// What is known, though its host does not answer, for a while.
    fn last_good(&self, place: &str, now: Time) -> Option<Arc<KeySet>> {
        let (set, fetched_at) = self.sets.get(place)?;
        let oldest = limits::KEY_SET_FRESH_SECONDS + limits::KEY_SET_STALE_SECONDS_MAX;
        (now < fetched_at.plus_seconds(oldest)).then_some(set)
    }
}

/// The keys that `owner` publishes at `uri`, of which one may be `kid`, fetched `by` the way out for such owners. `None` where they cannot be had: whoever asks
/// refuses then.
pub async fn published(
    app: &App,
    by: &Outbound,
    (owner, uri): (&str, &str),
    kid: Option<&str>,
) -> Option<Arc<KeySet>> {
    let known = &app.key_sets;
    let place = format!("{owner}\n{uri}");
    if let Some(set) = known.good(&place, kid, app.clock.now()) {
        return Some(set);
    }
    let turn = known.turns.get_with(place.clone(), Arc::default);
    let _turn = turn.lock().await;
    let now = app.clock.now();
    // Whoever waited for the turn finds what the one before fetched, or that nothing came.
    if let Some(set) = known.good(&place, kid, now) {
        return Some(set);
    }
    if known.rests.get(&place).is_some_and(|until| now < until) {
        return known.last_good(&place, now);
    }
    let (rest, set) = match fetch(by, uri).await {
        Ok(set) => {
            let set = Arc::new(set);
            known.sets.insert(place.clone(), (Arc::clone(&set), now));
            (limits::KEY_SET_REFETCH_SECONDS, Some(set))
        }
        Err(passing) => {
            // A host that answers and has no good keys any more has withdrawn them.
            if !passing {
                known.sets.invalidate(&place);
            }
            (limits::DOCUMENT_FAILURE_SECONDS, known.last_good(&place, now))
        }
    };
    known.rests.insert(place, now.plus_seconds(rest));
    set
}

/// The set at `uri`, or whether the failure may well pass.
async fn fetch(by: &Outbound, uri: &str) -> Result<KeySet, bool> {
    let fetched = by.json(uri, limits::KEY_SET_BYTES_MAX).await.map_err(|refusal| {
        tracing::info!(uri, reason = ?refusal, "keys could not be fetched");
        refusal.is_passing()
    })?;
    let set = serde_json::from_slice::<Value>(&fetched.body).ok();
    set.as_ref().map(KeySet::read).and_then(Result::ok).ok_or_else(|| {
        tracing::info!(uri, "what was fetched is no set of usable public keys");
        false
    })
}

/// The keys of a client, of which one may be `kid`: those it registered, or those it publishes.
pub async fn of_client(app: &App, client: &Client, kid: Option<&str>) -> Option<Arc<KeySet>> {
    if let Some(uri) = &client.metadata.jwks_uri {
        // What an administrator registered is no stranger's word.
        let vouched = client.kind == ClientKind::PreRegistered;
        let by = if vouched { app.outbound.trusted() } else { app.outbound.clone() };
        return published(app, &by, (&client.id, uri), kid).await;
    }
    let known = client.metadata.jwks.as_ref()?;
    // A described client changes its keys in its document, which is read again once it is no longer fresh.
    if client.kind == ClientKind::Described && known.candidates(kid).next().is_none() {
        let now = super::clients::resolve(app, &client.id).await.ok()?;
        return now.metadata.jwks.map(Arc::new);
    }
    Some(Arc::new(known.clone()))
}
