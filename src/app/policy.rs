//! The policy of this node: which one counts, what each person has of it, and how another takes its place.
//!
//! Whoever asks on the way of a call compares two numbers. Only where the policy or the catalog turned since is it found
//! out again who somebody is, in memory; the database is read when a policy is published.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use moka::sync::Cache;
use serde_json::{Value, json};

use super::App;
use crate::access::roles::{Person, Policy, Rights, difference, rbac};
use crate::actions::Caller;
use crate::audit::{Fact, NotRecorded};
use crate::catalog::{Catalog, people, yaml};
use crate::config::Config;
use crate::identity::user::User;
use crate::store::events::Event;
use crate::store::policies::{self, NewDraft, Publishing};
use crate::store::{self, Store};
use crate::{limits, secret};

/// A policy that counts.
#[derive(Clone, Debug)]
pub struct Published {
    /// What it says.
    pub policy: Arc<Policy>,
    /// Where it is from.
    pub source: Source,
}

/// Where a policy is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file that the configuration names.
    File(PathBuf),
    /// A version that was published.
    Version(i64),
}

impl Published {
    /// The version; 0 where it is a file's.
    pub fn version(&self) -> i64 {
        match self.source {
            Source::Version(version) => version,
            Source::File(_) => 0,
        }
    }
}

/// The policy of this node.
#[derive(Debug)]
pub struct Policies {
    current: ArcSwapOption<Published>,
    turns: AtomicU64,
    ids: AtomicU64,
    catalog: Catalog,
    people: Cache<(bool, String, String), Arc<Rights>>,
}

impl Policies {
    /// None yet.
    pub fn new(catalog: Catalog, published: Option<Published>) -> Self {
        let (turns, ids) = (AtomicU64::new(0), AtomicU64::new(0));
        let people = Cache::new(limits::RIGHTS_REMEMBERED_MAX);
        Self { current: ArcSwapOption::from_pointee(published), turns, ids, catalog, people }
    }

    /// The policy that counts.
    pub fn published(&self) -> Option<Arc<Published>> {
        self.current.load_full()
    }

    /// Turns to another policy; `false` where a later version counts already. From the next question on, it is the one that
    /// answers. Of two that were read at once the older may come last: it brings back nothing that was taken away since.
    pub fn turn(&self, published: Option<Published>) -> bool {
        let published = published.map(Arc::new);
        let version = published.as_ref().map_or(0, |it| it.version());
        let is_late = |now: &Option<Arc<Published>>| now.as_ref().is_some_and(|now| now.version() > version);
        let before =
            self.current.rcu(|now| if is_late(now) { Option::clone(now) } else { published.clone() });
        self.turns.fetch_add(1, Ordering::SeqCst);
        !is_late(&before)
    }

    /// What the policy says of `caller`, where that is other than what they carry.
    pub fn fresh(&self, caller: &Caller) -> Option<Option<Arc<Rights>>> {
        let stamp = self.stamp();
        let current = self.current.load();
        match (&*current, &caller.rights) {
            (None, None) => None,
            (None, Some(_)) => Some(None),
            (Some(_), Some(rights)) if rights.stamp == stamp => None,
            (Some(published), _) => Some(Some(self.of(published, caller, stamp))),
        }
    }

    /// What the policy says of somebody, where there is one.
    pub fn rights_of(&self, person: Person) -> Option<Rights> {
        let stamp = self.stamp();
        let published = self.published()?;
        Some(Rights::of(&published.policy, person, (self.next_id(), stamp)))
    }

    fn of(&self, published: &Published, caller: &Caller, stamp: u64) -> Arc<Rights> {
        let who = (caller.is_user, caller.subject.clone(), caller.username.clone());
        if let Some(known) = self.people.get(&who).filter(|known| known.stamp == stamp) {
            return known;
        }
        let person = people::person(&self.catalog.index(), caller);
        let rights = Arc::new(Rights::of(&published.policy, person, (self.next_id(), stamp)));
        self.people.insert(who, Arc::clone(&rights));
        rights
    }

    /// Both numbers in one. Read before what they count: then what follows from an older state is found out again.
    fn stamp(&self) -> u64 {
        self.turns.load(Ordering::SeqCst) << 32 | self.catalog.turns() & u64::from(u32::MAX)
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }
}

/// Why there is no policy that could count.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file that the configuration names.
    #[error("access.policy_file = {path}: {why}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The policy of the file that the configuration names, where it names one.
///
/// # Errors
/// [`LoadError::File`].
pub fn of_file(config: &Config) -> Result<Option<Published>, LoadError> {
    let Some(path) = &config.access.policy_file else { return Ok(None) };
    let policy =
        read(path, None).map_err(|faults| LoadError::File { path: path.clone(), why: faults.join("; ") })?;
    Ok(Some(Published { policy: Arc::new(policy), source: Source::File(path.clone()) }))
}

/// The policy that counts: that of the file, or else what was published last.
///
/// # Errors
/// [`LoadError`]. Never read as "none": whoever starts without a policy that was meant starts open.
pub async fn load(config: &Config, store: &Store) -> Result<Option<Published>, LoadError> {
    if let Some(published) = of_file(config)? {
        return Ok(Some(published));
    }
    let found = policies::current(store).await?;
    Ok(found.map(|stored| Published {
        policy: Arc::new(stored.policy),
        source: Source::Version(stored.version.unwrap_or_default()),
    }))
}

/// Loads the policy again, and turns to it where it is another. Where it cannot be read, the one before goes on.
pub async fn reload(app: &App) -> bool {
    let found = match load(&app.config, &app.store).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "the policy could not be read again; the one before goes on");
            return false;
        }
    };
    let now = app.policies.published();
    let is_same = match (&now, &found) {
        (None, None) => true,
        (Some(now), Some(found)) => now.source == found.source && now.policy == found.policy,
        _ => false,
    };
    if !is_same {
        let source = found.as_ref().map(|it| it.source.clone());
        if app.policies.turn(found) {
            tracing::info!(?source, "another policy counts now");
            app.store.tell(Event::RightsTurned);
        }
    }
    true
}

/// Reads a policy from a file: the community's CSV, with a file of conditional policies beside it, or a document in YAML or
/// JSON.
///
/// # Errors
/// Every fault, a sentence each.
pub fn read(path: &Path, conditions: Option<&Path>) -> Result<Policy, Vec<String>> {
    let text = |path: &Path| -> Result<String, Vec<String>> {
        let here = |why: String| vec![format!("{}: {why}", path.display())];
        let size = std::fs::metadata(path).map_err(|error| here(error.to_string()))?.len();
        if size > limits::POLICY_BYTES_MAX as u64 {
            return Err(here(format!("a policy is at most {} bytes long", limits::POLICY_BYTES_MAX)));
        }
        std::fs::read_to_string(path).map_err(|error| here(error.to_string()))
    };
    let mut documents = Vec::new();
    for document in conditions.map(&text).transpose()?.iter().flat_map(|text| yaml::documents(text)) {
        documents.push(document.content.map_err(|why| vec![why])?);
    }
    parse(&text(path)?, path.extension().is_some_and(|it| it == "csv"), &documents)
}

/// Reads a policy from text.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, is_csv: bool, conditional: &[Value]) -> Result<Policy, Vec<String>> {
    if is_csv {
        return rbac::read(text, conditional);
    }
    if !conditional.is_empty() {
        return Err(vec!["conditional policies stand beside a CSV; a document has its own".to_owned()]);
    }
    Policy::parse(&yaml::single(text).map_err(|why| vec![why])?)
}

/// Why a draft is not kept or published.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// A file says what counts.
    #[error("the policy is that of {path}: change it there", path = .0.display())]
    OfFile(PathBuf),
    /// Too many wait.
    #[error("{} drafts wait already: publish or discard some", limits::POLICY_DRAFTS_MAX)]
    TooMany,
    /// There is no such draft.
    #[error("there is no such draft: it was published or discarded")]
    Gone,
    /// Somebody else published.
    #[error(
        "version {now} was published meanwhile, and you looked at version {seen}: look at what would change now, then publish again"
    )]
    Behind {
        /// What was looked at.
        seen: i64,
        /// What counts.
        now: i64,
    },
    /// It could not be put on record.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Keeps a draft, and gives its id. It changes nothing that counts.
///
/// # Errors
/// [`NotDone`].
pub async fn draft(app: &App, policy: &Policy, note: &str, by: &str) -> Result<String, NotDone> {
    let now = app.clock.now();
    let (id, based_on) = (secret::id(now), version(app).await?);
    let note: String = note.chars().filter(|c| !c.is_control()).take(limits::POLICY_TEXT_BYTES_MAX).collect();
    let detail = json!({"draft": id, "hash": policy.hash(), "note": note, "based_on": based_on});
    app.audit.record(fact("policy.drafted", by, detail)).await?;
    let new = NewDraft { id: &id, policy, note: &note, based_on, by };
    if policies::add(&app.store, &new, now).await? { Ok(id) } else { Err(NotDone::TooMany) }
}

/// Throws a draft away.
///
/// # Errors
/// [`NotDone`].
pub async fn discard(app: &App, id: &str, by: &str) -> Result<(), NotDone> {
    app.audit.record(fact("policy.discarded", by, json!({ "draft": id }))).await?;
    if policies::discard(&app.store, id, app.clock.now()).await? { Ok(()) } else { Err(NotDone::Gone) }
}

/// Publishes a draft over the version `over`, and gives the new one. It counts on this node before this returns.
///
/// # Errors
/// [`NotDone`]. Of two who publish over the same version, one is behind.
pub async fn publish(app: &App, id: &str, over: i64, by: &str) -> Result<i64, NotDone> {
    if let Some(path) = &app.config.access.policy_file {
        return Err(NotDone::OfFile(path.clone()));
    }
    let draft =
        policies::find(&app.store, id).await?.filter(|it| it.version.is_none()).ok_or(NotDone::Gone)?;
    let now = version(app).await?;
    if now != over {
        return Err(NotDone::Behind { seen: over, now });
    }
    let detail = json!({"draft": id, "hash": draft.hash, "over": over, "note": draft.note});
    app.audit.record(fact("policy.published", by, detail)).await?;
    let mut tx = app.store.begin().await?;
    let at = app.clock.now();
    let lost = match policies::publish(&mut tx, &app.store, (id, over), by, at).await? {
        Publishing::Done(version) => {
            tx.commit().await.map_err(store::Error::from)?;
            reload(app).await;
            return Ok(version);
        }
        Publishing::Behind(now) => NotDone::Behind { seen: over, now },
        Publishing::Gone => NotDone::Gone,
    };
    drop(tx);
    let mut fact = fact("policy.published", by, json!({"draft": id, "over": over}));
    fact.outcome = "behind";
    app.audit.note(fact).await;
    Err(lost)
}

/// The version that counts; 0 for none.
///
/// # Errors
/// [`store::Error`].
pub async fn version(app: &App) -> store::Result<i64> {
    Ok(policies::current(&app.store).await?.and_then(|stored| stored.version).unwrap_or(0))
}

/// What would change if `after` were published.
#[derive(Debug)]
pub struct WouldChange {
    /// What is written differently.
    pub text: Vec<String>,
    /// Who gains or loses what, of all accounts.
    pub people: Vec<difference::Change>,
    /// What means nothing here.
    pub unknown: Vec<String>,
}

/// Compares `after` with what counts, for every account.
///
/// # Errors
/// [`store::Error`].
pub async fn would_change(app: &App, after: &Policy) -> store::Result<WouldChange> {
    let before = app.policies.published().map(|it| Arc::clone(&it.policy));
    let after = Arc::new(after.clone());
    let index = app.catalog.index();
    let users = store::users::search(&app.store, "", "", limits::POLICY_PEOPLE_MAX).await?;
    let actions = Arc::clone(&app.actions);
    // Thousands of people are gone through, and others wait for this thread.
    let compared = tokio::task::spawn_blocking(move || {
        let of = |user: User| (user.email.clone(), people::of_address(&index, &user.email));
        let people: Vec<(String, Person)> = users.into_iter().map(of).collect();
        let actions = actions.all();
        let ids: Vec<&str> = actions.iter().map(|action| action.id.as_str()).collect();
        WouldChange {
            text: difference::of_texts(before.as_deref(), Some(&after)),
            people: difference::for_people((before.as_ref(), Some(&after)), &people, actions),
            unknown: after.unknown(&difference::permissions(actions), &ids),
        }
    });
    let lost = |error: tokio::task::JoinError| store::Error::Row {
        table: "policy_versions",
        why: error.to_string(),
    };
    compared.await.map_err(lost)
}

fn fact(event: &'static str, by: &str, detail: Value) -> Fact {
    Fact { event, actor: Some(by.to_owned()), outcome: "ok", detail, ..Fact::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_i01_what_was_read_before_a_publication_and_comes_after_it_does_not_count() {
        let version = |version: i64| Published {
            policy: Arc::new(Policy::parse(&json!({"roles": []})).unwrap()),
            source: Source::Version(version),
        };
        let policies = Policies::new(Catalog::default(), None);
        for (late, counts) in [(Some(1), 1), (Some(3), 3), (Some(2), 3), (None, 3), (Some(4), 4)] {
            policies.turn(late.map(version));
            assert_eq!(policies.published().unwrap().version(), counts, "{late:?}");
        }
    }
}
