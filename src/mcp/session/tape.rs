//! What was said on one request's stream, in order, for a reader that may be cut off and come back.
//!
//! A tape has one reader at a time: each message goes over one connection (MCP 2025-11-25, transports), so whoever
//! comes back takes over from whoever was there. What is read here is also written to the database by
//! [`super::run`], for a reader that comes back to another node.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::limits;

/// One stream.
#[derive(Debug)]
pub struct Tape {
    /// Its name: the first part of its events' ids.
    pub name: String,
    inner: Mutex<Inner>,
    moved: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    said: VecDeque<(i64, Arc<str>)>,
    bytes: usize,
    last: i64,
    ended: bool,
    /// The reader that may read on; a newer one ends it.
    reader: u64,
}

/// What a reader finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A message.
    Said {
        /// Its place.
        place: i64,
        /// The JSON of it.
        text: Arc<str>,
        /// Whether nothing comes after it.
        last: bool,
    },
    /// Nothing more will come.
    End,
    /// Somebody else reads now, or the connection is to be closed: what follows is read after coming back.
    HungUp,
}

/// Reads a tape from one place on.
#[derive(Debug)]
pub struct Reader {
    tape: Arc<Tape>,
    number: u64,
    after: i64,
    moved: watch::Receiver<()>,
}

impl Tape {
    /// An empty one.
    pub fn new(name: String) -> Arc<Self> {
        Arc::new(Self { name, inner: Mutex::default(), moved: watch::channel(()).0 })
    }

    /// Adds a message, the last one or not, and gives its place. The oldest go where too many wait.
    pub fn say(&self, message: Arc<str>, last: bool) -> i64 {
        let mut inner = self.lock();
        inner.ended |= last;
        inner.last += 1;
        inner.bytes += message.len();
        let place = inner.last;
        inner.said.push_back((place, message));
        while inner.said.len() > limits::MCP_TAPE_EVENTS_MAX
            || inner.bytes > limits::MCP_TAPE_BYTES_MAX && inner.said.len() > 1
        {
            let gone = inner.said.pop_front().map_or(0, |(_, message)| message.len());
            inner.bytes -= gone;
        }
        drop(inner);
        self.moved.send_replace(());
        place
    }

    /// Marks the end, where no last message came.
    pub fn end(&self) {
        self.lock().ended = true;
        self.moved.send_replace(());
    }

    /// How many messages there were.
    pub fn len(&self) -> i64 {
        self.lock().last
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes the connection of whoever reads now; they come back for the rest.
    pub fn hang_up(&self) {
        self.lock().reader += 1;
        self.moved.send_replace(());
    }

    /// Reads what follows `after`, in place of whoever read until now.
    pub fn read(self: &Arc<Self>, after: i64) -> Reader {
        let mut inner = self.lock();
        inner.reader += 1;
        let number = inner.reader;
        drop(inner);
        let moved = self.moved.subscribe();
        self.moved.send_replace(());
        Reader { tape: Arc::clone(self), number, after, moved }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// The next thing there is.
    pub async fn next(&mut self) -> Read {
        loop {
            self.moved.mark_unchanged();
            if let Some(found) = self.look() {
                return found;
            }
            if self.moved.changed().await.is_err() {
                return Read::End;
            }
        }
    }

    fn look(&mut self) -> Option<Read> {
        let inner = self.tape.lock();
        if inner.reader != self.number {
            return Some(Read::HungUp);
        }
        let found = inner.said.iter().find(|(place, _)| *place > self.after);
        if let Some((place, message)) = found {
            self.after = *place;
            let last = inner.ended && *place == inner.last;
            return Some(Read::Said { place: *place, text: Arc::clone(message), last });
        }
        inner.ended.then_some(Read::End)
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.tape.name
    }
}

/// The id of an event: its stream, and its place there.
pub fn event_id(stream: &str, place: i64) -> String {
    format!("{stream}.{place}")
}

/// The stream and the place that an event id names.
pub fn parse_event_id(id: &str) -> Option<(&str, i64)> {
    let (stream, place) = id.rsplit_once('.')?;
    let fits = (1..=64).contains(&stream.len()) && stream.bytes().all(|b| b.is_ascii_graphic());
    Some((stream, place.parse().ok().filter(|place| fits && *place >= 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(place: i64, text: &str) -> Read {
        Read::Said { place, text: text.into(), last: false }
    }

    #[tokio::test]
    async fn whoever_comes_back_reads_on_and_whoever_was_there_ends() {
        let tape = Tape::new("r1".into());
        let mut first = tape.read(0);
        tape.say("a".into(), false);
        assert_eq!(first.next().await, said(1, "a"));
        tape.say("b".into(), false);
        let mut second = tape.read(1);
        assert_eq!(first.next().await, Read::HungUp);
        assert_eq!(second.next().await, said(2, "b"));
        tape.end();
        assert_eq!(second.next().await, Read::End);
    }

    #[tokio::test]
    async fn a_tape_keeps_the_latest_and_no_more_than_it_may() {
        let tape = Tape::new("r1".into());
        for n in 0..2 * limits::MCP_TAPE_EVENTS_MAX {
            tape.say(n.to_string().into(), false);
        }
        let oldest = i64::try_from(limits::MCP_TAPE_EVENTS_MAX).unwrap() + 1;
        assert!(matches!(tape.read(0).next().await, Read::Said { place, .. } if place == oldest));
        let large = "x".repeat(limits::MCP_TAPE_BYTES_MAX);
        tape.say(large.as_str().into(), false);
        assert_eq!(tape.lock().said.len(), 1);
    }

    #[test]
    fn an_event_id_names_its_stream_and_place() {
        assert_eq!(parse_event_id(&event_id("rAb-_1", 7)), Some(("rAb-_1", 7)));
        for bad in ["", "7", ".7", "r1.", "r1.x", "r1.-1", "r 1.7", &format!("{}.1", "r".repeat(65))] {
            assert_eq!(parse_event_id(bad), None, "{bad}");
        }
    }
}
