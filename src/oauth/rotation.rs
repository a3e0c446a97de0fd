//! When a signing key takes over from another: next, current, previous. Pure: the rows and the time come in, what is to
//! be done goes out.
//!
//! A key is published from the moment it is made and signs only an hour later, so that whoever caches the published
//! keys knows it by then. What it took over from stays published until the last token it signed has expired. So at
//! every moment one key signs, and all verify whose tokens are about.

use crate::clock::Time;
use crate::config::Algorithm;
use crate::limits;

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Published, not yet signing.
    Next,
    /// Signs.
    Current,
    /// Signs no more; what it signed is still good.
    Previous,
}

impl State {
    /// As people and scripts read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }
}

/// The times of a key that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Its id.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Since when it is published.
    pub created_at: Time,
    /// From when it signs.
    pub active_at: Time,
    /// When another takes over, where that is decided; it may lie ahead.
    pub superseded_at: Option<Time>,
    /// The longest life of a token that it signed, in seconds.
    pub token_seconds: i64,
}

impl Life {
    /// Where it is at `now`.
    pub fn state(&self, now: Time) -> State {
        match self.superseded_at {
            Some(at) if at <= now => State::Previous,
            _ if self.active_at > now => State::Next,
            _ => State::Current,
        }
    }

    /// The first moment at which no token can be about that it signed, clocks' differences included; `None` while it
    /// signs.
    pub fn done_at(&self) -> Option<Time> {
        Some(self.superseded_at?.plus_seconds(self.token_seconds + limits::KEY_OVERLAP_SECONDS))
    }
}

/// The key that signs at `now`: the newest that has begun.
pub fn current(keys: &[Life], now: Time) -> Option<&Life> {
    keys.iter().filter(|key| key.active_at <= now).max_by_key(|key| (key.active_at, &key.kid))
}

/// From when on the next key should sign, where it is time to make it; `None` where there is one already, or it is too
/// early.
pub fn due(keys: &[Life], wanted: Algorithm, every: Option<i64>, now: Time) -> Option<Time> {
    let current = current(keys, now)?;
    if keys.iter().any(|key| key.state(now) == State::Next) {
        return None;
    }
    let soonest = now.plus_seconds(limits::KEY_LEAD_SECONDS);
    if current.algorithm != wanted {
        return Some(soonest);
    }
    let planned = current.active_at.plus_seconds(every?);
    (planned <= soonest).then_some(soonest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = limits::KEY_LEAD_SECONDS;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    fn key(kid: &str, active: i64, superseded: Option<i64>) -> Life {
        Life {
            kid: kid.into(),
            algorithm: Algorithm::Es256,
            created_at: at(active - HOUR),
            active_at: at(active),
            superseded_at: superseded.map(at),
            token_seconds: 900,
        }
    }

    #[test]
    fn a_key_is_next_then_current_then_previous() {
        let one = key("a", 10_000, Some(20_000));
        let states = [9_999, 10_000, 19_999, 20_000].map(|now| one.state(at(now)));
        assert_eq!(states, [State::Next, State::Current, State::Current, State::Previous]);
        assert_eq!(one.done_at(), Some(at(20_000 + 900 + limits::KEY_OVERLAP_SECONDS)));
        assert_eq!(key("b", 10_000, None).done_at(), None);
    }

    #[test]
    fn exactly_one_key_signs_at_every_moment() {
        let keys = [key("a", 0, Some(10_000)), key("b", 10_000, Some(20_000)), key("c", 20_000, None)];
        for now in (0..30_000).step_by(500) {
            let signing: Vec<_> = keys.iter().filter(|key| key.state(at(now)) == State::Current).collect();
            assert_eq!(signing.len(), 1, "{now}");
            assert_eq!(current(&keys, at(now)), Some(signing[0]));
        }
        // Two nodes that made the first key at once: one of them signs, on every node the same.
        let twins = [key("a", 0, None), key("b", 0, None)];
        assert_eq!(current(&twins, at(5)).unwrap().kid, "b");
    }

    #[test]
    fn a_next_key_is_made_an_hour_before_it_is_needed_and_only_once() {
        let (keys, month) = ([key("a", 0, None)], Some(30 * 86_400));
        let end = 30 * 86_400;
        assert_eq!(due(&keys, Algorithm::Es256, month, at(end - HOUR - 1)), None);
        assert_eq!(due(&keys, Algorithm::Es256, month, at(end - HOUR)), Some(at(end)));
        // A server that slept through it publishes first all the same.
        assert_eq!(due(&keys, Algorithm::Es256, month, at(end * 3)), Some(at(end * 3 + HOUR)));
        assert_eq!(due(&keys, Algorithm::Es256, None, at(end * 3)), None);
        let made = [key("a", 0, Some(end)), key("b", end, None)];
        assert_eq!(due(&made, Algorithm::Es256, month, at(end - 1)), None);
        assert_eq!(due(&made, Algorithm::Es256, month, at(end)), None);
    }

    #[test]
    fn another_algorithm_in_the_configuration_makes_a_next_key() {
        let keys = [key("a", 0, None)];
        assert_eq!(due(&keys, Algorithm::Rs256, None, at(50)), Some(at(50 + HOUR)));
        assert_eq!(due(&[], Algorithm::Rs256, None, at(50)), None);
    }
}
