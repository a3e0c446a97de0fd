//! The one clock of the house. Decisions take a [`Time`] as an argument; a handler asks [`Clock::now`] once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// A moment in microseconds since 1970-01-01T00:00:00Z, as every `_at` column stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// From microseconds since 1970, the form a column holds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since 1970, the form a JWT's NumericDate holds (RFC 7519 section 2).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment moved by `seconds`, which may be negative.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Microseconds from `earlier` to this moment; negative if `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `Tue, 24 Nov 2026 12:00:00 GMT`, as servers write it (RFC 9110 section 5.6.7); `None` where it is not that.
    pub fn from_http_date(text: &str) -> Option<Self> {
        let format = time::macros::format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        let read = time::PrimitiveDateTime::parse(text, &format).ok()?;
        Some(Self::from_seconds(read.assume_utc().unix_timestamp()))
    }

    /// RFC 3339 in UTC with whole seconds, for people and for documents.
    pub fn rfc3339(self) -> String {
        time::OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .and_then(|t| t.format(&time::format_description::well_known::Rfc3339).ok())
            .unwrap_or_else(|| format!("@{}", self.seconds()))
    }
}

/// Where `now` comes from: the machine, or a test.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that a test moves by hand.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at` until it is advanced.
    pub fn fixed(at: Time) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.micros())))
    }

    /// The present moment. The only reading of the machine's clock in the house.
    #[expect(clippy::disallowed_methods, reason = "the one place that may")]
    pub fn now(&self) -> Time {
        match self {
            Self::System => {
                let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
            Self::Fixed(at) => Time(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock forward; a system clock stays as it is.
    pub fn advance(&self, seconds: i64) {
        if let Self::Fixed(at) = self {
            at.fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(Time::from_seconds(1_000));
        assert_eq!(clock.now(), clock.now());
        clock.advance(60);
        assert_eq!(clock.now().seconds(), 1_060);
    }

    #[test]
    fn the_date_of_an_answer_is_read_and_nothing_else_is() {
        let noon = Time::from_http_date("Tue, 24 Nov 2026 12:00:00 GMT");
        assert_eq!(noon, Some(Time::from_seconds(1_795_521_600)));
        assert_eq!(Time::from_http_date("yesterday"), None);
    }

    #[test]
    fn moments_before_1970_round_down() {
        assert_eq!(Time::from_micros(-1).seconds(), -1);
        assert_eq!(Time::from_seconds(0).rfc3339(), "1970-01-01T00:00:00Z");
    }
}
