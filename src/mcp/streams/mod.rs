//! The event streams that are open on this node: who holds each, what it is told, and when it has to end.
//!
//! Owns: the count of streams per caller and per node, delivery of changes, the end of a stream whose grant ended.
//! [`news`] is how they hear of changes and of ends. What waits for a slow reader is a set, not a queue: a list that changed a thousand times has changed.

mod news;
mod rights;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;

use crate::access::roles::Rights;
use crate::actions::Caller;
use crate::clock::{Clock, Time};
use crate::limits;
use crate::mcp::authority::{Authority, Verified};
use crate::mcp::changes::{Change, Wants, What};
use crate::mcp::live;
use crate::store::events::Event;

/// Why no more streams can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// This caller holds all it may.
    Caller,
    /// This node holds all it can.
    Node,
}

/// What comes next on a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// These may have changed.
    Changed(BTreeSet<What>),
    /// The stream has to end.
    End,
}

/// Every open stream of this node.
pub struct Streams {
    inner: Mutex<Inner>,
    authority: Authority,
    clock: Clock,
}

#[derive(Default)]
struct Inner {
    last: u64,
    open: HashMap<u64, Arc<Open>>,
    /// How many each holds: a subject alone, and with each of its clients.
    held: HashMap<Holder, usize>,
    /// What changed of late, for streams that come back after a cut.
    recent: VecDeque<(Time, Change)>,
    /// From when on `recent` is complete.
    complete_since: Option<Time>,
    closing: bool,
}

struct Open {
    verified: Verified,
    session: Option<String>,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    /// What the policy said of the caller when it was last compared.
    rights: Option<Arc<Rights>>,
    wants: Wants,
    changed: BTreeSet<What>,
    ended: bool,
}

/// One open stream. Dropping it gives its place back.
pub struct Stream {
    id: u64,
    open: Arc<Open>,
    streams: Arc<Streams>,
    /// Whether something was told just now.
    told: AtomicBool,
}

impl Streams {
    /// No stream yet; `news` says what changes and whose access ends. Follows them until the store is gone, or these
    /// streams are.
    pub fn new(authority: Authority, clock: Clock, news: Receiver<Event>) -> Arc<Self> {
        let inner = Inner { complete_since: Some(clock.now()), ..Inner::default() };
        let streams = Arc::new(Self { inner: Mutex::new(inner), authority, clock });
        tokio::spawn(news::follow(Arc::downgrade(&streams), news));
        streams
    }

    /// Opens a stream for `verified`, of the legacy session with this digest where it is one of a session.
    ///
    /// # Errors
    /// [`Full`] says whose limit is reached.
    pub fn open(
        self: &Arc<Self>,
        verified: Verified,
        wants: Wants,
        session: Option<&str>,
    ) -> Result<Stream, Full> {
        let mut inner = self.lock();
        if inner.open.len() >= limits::MCP_STREAMS_MAX {
            return Err(Full::Node);
        }
        let holders = holders(&verified);
        let most = [limits::MCP_STREAMS_PER_SUBJECT_MAX, limits::MCP_STREAMS_PER_CALLER_MAX];
        let is_full = |(holder, most)| inner.held.get(holder).is_some_and(|held| *held >= most);
        if holders.iter().zip(most).any(is_full) {
            return Err(Full::Caller);
        }
        for holder in holders {
            *inner.held.entry(holder).or_default() += 1;
        }
        inner.last += 1;
        let id = inner.last;
        let rights = verified.caller.rights.clone();
        let state = State { rights, wants, ended: inner.closing, ..State::default() };
        let open = Arc::new(Open {
            verified,
            session: session.map(str::to_owned),
            state: Mutex::new(state),
            wake: Notify::new(),
        });
        inner.open.insert(id, Arc::clone(&open));
        Ok(Stream { id, open, streams: Arc::clone(self), told: AtomicBool::new(false) })
    }

    /// Tells every stream that `change` concerns.
    pub fn tell(&self, change: &Change) {
        let mut inner = self.lock();
        inner.remember(self.clock.now(), change.clone());
        for open in inner.speaking().filter(|open| change.whose.concerns(&open.verified.caller)) {
            open.change(|state| {
                let wanted = state.wants.includes(&change.what);
                wanted && state.changed.insert(change.what.clone())
            });
        }
    }

    /// Tells everyone whom it concerns that these resources changed, `count` of them at most; `is_one` knows them by
    /// their URIs. However many changed, a stream costs no more than what it follows.
    pub fn tell_of_resources(
        &self,
        uris: impl Iterator<Item = String>,
        count: usize,
        is_one: impl Fn(&Caller, &str) -> bool,
    ) {
        let (mut inner, now) = (self.lock(), self.clock.now());
        if count < limits::MCP_CHANGES_KEPT {
            uris.for_each(|uri| inner.remember(now, Change::of(What::Resource(uri))));
        } else {
            // More than is remembered: whoever comes back asks for all it follows.
            inner.recent.clear();
            inner.complete_since = Some(now);
        }
        for open in inner.speaking() {
            let caller = self.current(open);
            open.change(|state| {
                let State { wants, changed, .. } = state;
                let of = |uri: &&String| is_one(&caller, uri);
                let news = wants.resources.iter().filter(of).cloned().map(What::Resource);
                let before = changed.len();
                changed.extend(news);
                changed.len() > before
            });
        }
    }

    /// Ends every stream, and those that are opened from now on as soon as they are.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closing = true;
        inner.open.values().for_each(|open| open.end());
    }

    /// Ends the streams of a session.
    pub fn end_session(&self, session: &str) {
        self.of_session(session).iter().for_each(|open| open.end());
    }

    /// A session follows other resources from now on.
    pub fn follow(&self, session: &str, resources: &BTreeSet<String>) {
        for open in self.of_session(session) {
            let mut state = open.lock();
            if state.wants.is_some() && !state.wants.is_narrow {
                state.wants.resources.clone_from(resources);
            }
        }
    }

    fn of_session(&self, session: &str) -> Vec<Arc<Open>> {
        let inner = self.lock();
        let of = |open: &&Arc<Open>| open.session.as_deref() == Some(session);
        inner.open.values().filter(of).cloned().collect()
    }

    /// The present moment, as the ids of events say it.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.lock().open.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What `wants` may have missed since `since`. Where that is longer ago than this node remembers, every list may
    /// have changed: it may be another node, or another release.
    fn missed(&self, verified: &Verified, wants: &Wants, since: Time) -> BTreeSet<What> {
        let inner = self.lock();
        // Under a policy what they may see is their own: that something changed would say that it is there.
        if verified.caller.rights.is_some() || inner.complete_since.is_none_or(|complete| since < complete) {
            let resources = wants.resources.iter().cloned().map(What::Resource);
            return wants.lists.iter().cloned().chain(resources).collect();
        }
        let recent = inner.recent.iter().filter(|(at, change)| {
            *at > since && change.whose.concerns(&verified.caller) && wants.includes(&change.what)
        });
        recent.map(|(_, change)| change.what.clone()).collect()
    }

    /// Ends the streams of everyone whom `event` concerns.
    fn forget(&self, event: &Event) {
        for open in self.lock().open.values().filter(|open| live::concerns(event, &open.verified)) {
            open.end();
        }
    }

    /// The sessions that have a stream here.
    pub fn sessions(&self) -> BTreeSet<String> {
        self.lock().open.values().filter_map(|open| open.session.clone()).collect()
    }

    /// Asks for each stream whether its grant still lives: news were lost, so any of them may have ended.
    async fn ask_again(&self) {
        let open: Vec<_> = self.lock().open.values().cloned().collect();
        for open in open {
            // Where nobody can say, the stream ends too: its client is told the reason when it comes back.
            if !matches!(self.authority.is_live(&open.verified).await, Ok(true)) {
                open.end();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remember(&mut self, now: Time, change: Change) {
        if self.recent.len() >= limits::MCP_CHANGES_KEPT {
            self.complete_since = self.recent.pop_front().map(|(at, _)| at);
        }
        self.recent.push_back((now, change));
    }

    /// The streams that are told things. A session hears each thing once (MCP 2025-11-25, transports): on the stream that
    /// it opened last.
    fn speaking(&self) -> impl Iterator<Item = &Arc<Open>> {
        let mut latest = HashMap::<&str, u64>::new();
        for (id, open) in &self.open {
            if let Some(session) = open.session.as_deref().filter(|_| open.lock().wants.is_some()) {
                let latest = latest.entry(session).or_default();
                *latest = (*latest).max(*id);
            }
        }
        let silent = move |id: &u64, open: &Open| {
            open.session.as_deref().is_some_and(|session| latest.get(session) != Some(id))
        };
        self.open.iter().filter(move |(id, open)| !silent(id, open)).map(|(_, open)| open)
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes the reader where `change` says that it has something to read.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let wake = change(&mut self.lock());
        if wake {
            self.wake.notify_one();
        }
    }

    fn end(&self) {
        self.change(|state| !std::mem::replace(&mut state.ended, true));
    }
}

impl Stream {
    /// Waits for something to tell, or for the end. What changes right after something was told waits a moment, so
    /// that a catalog that is loaded in many steps is one change to its readers.
    pub async fn next(&self) -> Next {
        if self.told.swap(false, Ordering::Relaxed) {
            let _ =
                tokio::time::timeout(Duration::from_millis(limits::MCP_GATHER_MILLIS), self.ended()).await;
        }
        loop {
            {
                let mut state = self.open.lock();
                // Looked at here too: whoever is told things without end never waits.
                if state.ended || self.left().is_some_and(|left| left.is_zero()) {
                    return Next::End;
                }
                if !state.changed.is_empty() {
                    self.told.store(true, Ordering::Relaxed);
                    return Next::Changed(std::mem::take(&mut state.changed));
                }
            }
            tokio::select! {
                () = self.open.wake.notified() => {}
                () = self.runs_out() => self.open.end(),
            }
        }
    }

    /// Until its token is over, where nothing of it goes on after that.
    async fn runs_out(&self) {
        match self.left() {
            Some(left) => tokio::time::sleep(left).await,
            None => std::future::pending().await,
        }
    }

    fn left(&self) -> Option<Duration> {
        let micros = self.open.verified.ends_at?.micros_since(self.streams.clock.now());
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or_default()))
    }

    async fn ended(&self) {
        while !self.open.lock().ended {
            self.open.wake.notified().await;
        }
    }

    /// Tells the stream what it may have missed since `since`.
    pub fn catch_up(&self, since: Time) {
        let wants = self.open.lock().wants.clone();
        let missed = self.streams.missed(&self.open.verified, &wants, since);
        self.open.change(|state| {
            state.changed.extend(missed);
            !state.changed.is_empty()
        });
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut inner = self.streams.lock();
        inner.open.remove(&self.id);
        for holder in holders(&self.open.verified) {
            if let Some(held) = inner.held.get_mut(&holder) {
                *held -= 1;
                if *held == 0 {
                    inner.held.remove(&holder);
                }
            }
        }
    }
}

/// A subject, and perhaps one client of theirs.
type Holder = (String, Option<String>);

fn holders(verified: &Verified) -> [Holder; 2] {
    let caller = &verified.caller;
    [(caller.subject.clone(), None), (caller.subject.clone(), Some(caller.client_id.clone()))]
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Streams({})", self.len())
    }
}
