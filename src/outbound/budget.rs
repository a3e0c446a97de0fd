//! How much is called at all: at once, and of each host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Refusal;
use crate::limits;

/// What is left of it, for one kind of calls. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    at_once: Arc<Semaphore>,
    /// Calls to each host within the last minute.
    pace: moka::sync::Cache<String, Arc<AtomicU32>>,
}

impl Budget {
    /// For so many calls at once.
    pub(super) fn of(at_once: usize) -> Self {
        let pace = moka::sync::Cache::builder()
            .max_capacity(limits::OUTBOUND_HOSTS_MAX)
            .time_to_live(Duration::from_secs(60))
            .build();
        Self { at_once: Arc::new(Semaphore::new(at_once)), pace }
    }

    /// Takes one call to `host` out of it; its place is free again once the answer is dropped.
    ///
    /// # Errors
    /// [`Refusal::Busy`]; nobody waits here.
    pub(super) fn spend(&self, host: String) -> Result<OwnedSemaphorePermit, Refusal> {
        let calls = self.pace.get_with(host, Arc::default);
        if calls.fetch_add(1, Ordering::Relaxed) >= limits::OUTBOUND_HOST_PER_MINUTE_MAX {
            return Err(Refusal::Busy);
        }
        Arc::clone(&self.at_once).try_acquire_owned().map_err(|_| Refusal::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outbound;
    use super::*;
    use crate::config::{Config, Flags, Raw};

    /// Attack A09: strangers' documents until nothing more is fetched, from everywhere or from one host.
    #[test]
    fn attack_a09_what_strangers_use_up_is_not_what_trusted_keys_need() {
        let config = Config::from_raw(&Raw::read(&Flags::default(), |_| None).unwrap()).unwrap();
        let outbound = Outbound::new(&config).unwrap();
        let places: Vec<_> = (0..limits::OUTBOUND_AT_ONCE_MAX)
            .map(|n| outbound.budget.spend(format!("h{n}.example")).unwrap())
            .collect();
        assert!(outbound.budget.spend("idp.example".to_owned()).is_err());
        let trusted = outbound.trusted();
        assert!(trusted.budget.spend("idp.example".to_owned()).is_ok());
        drop(places);
        while outbound.budget.spend("idp.example".to_owned()).is_ok() {}
        assert!(trusted.budget.spend("idp.example".to_owned()).is_ok());
        assert!(outbound.trusted().trusted().budget.spend("idp.example".to_owned()).is_ok());
        let most: Vec<_> = (0..limits::OUTBOUND_TRUSTED_AT_ONCE_MAX)
            .map(|n| trusted.budget.spend(format!("h{n}.example")).unwrap())
            .collect();
        assert!(outbound.trusted().budget.spend("other.example".to_owned()).is_err(), "{}", most.len());
    }
}
