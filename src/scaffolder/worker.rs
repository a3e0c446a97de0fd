//! Runs tasks on this node, as many at once as [`limits::SCAFFOLDER_AT_ONCE_MAX`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::House;
use super::carrier::Carrier;
use crate::limits;
use crate::secret;
use crate::store;
use crate::store::scaffolder_runs as runs;
use crate::store::scaffolder_tasks::Task;

/// Where workspaces are, below the data directory.
pub const FOLDER: &str = "workspaces";

/// Runs tasks until `stop`.
pub async fn run(house: House, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits::SCAFFOLDER_AT_ONCE_MAX));
    let mut under_way = JoinSet::new();
    while !stop.is_cancelled() {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        match claim(&house).await {
            Ok(Some((task, lease))) => {
                let (house, stop) = (house.clone(), stop.clone());
                under_way.spawn(async move {
                    carry_out(house, task, lease, stop).await;
                    drop(place);
                });
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "cannot look for tasks just now"),
        }
        drop(place);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(limits::SCAFFOLDER_POLL_MILLIS)) => {}
            () = house.wake.notified() => {}
            () = stop.cancelled() => {}
            Some(_) = under_way.join_next() => {}
        }
    }
    // What does not end in time is taken up by the next process, as after a crash.
    let all = async { while under_way.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(limits::DRAIN_SECONDS), all).await;
}

/// Removes workspaces that no run of this process has: `is_left` says which, by name.
pub(super) fn forget(folder: &Path, is_left: impl Fn(&str) -> bool) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(&is_left)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, "an old workspace could not be removed");
        }
    }
}

/// Runs the oldest task that nobody has, if there is one, to its end. Says whether there was.
///
/// # Errors
/// [`store::Error::Database`] where none could be claimed.
pub async fn run_one(house: &House) -> store::Result<bool> {
    let Some((task, lease)) = claim(house).await? else { return Ok(false) };
    carry_out(house.clone(), task, lease, CancellationToken::new()).await;
    Ok(true)
}

async fn claim(house: &House) -> store::Result<Option<(Task, String)>> {
    let now = house.clock.now();
    let lease = secret::id(now);
    Ok(runs::claim(&house.store, &lease, now).await?.map(|task| (task, lease)))
}

async fn carry_out(house: House, task: Task, lease: String, stop: CancellationToken) {
    let id = task.asked.id.clone();
    let result = match Carrier::new(house.clone(), task, lease, stop) {
        Ok(mut carrier) => carrier.run().await,
        Err((unfit, why)) => unfit.fail(&why).await,
    };
    match result {
        Ok(()) => {}
        Err(error) => {
            tracing::error!(%error, task = id, "a task could not be written down; another try follows")
        }
    }
}
