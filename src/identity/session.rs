//! A browser in which a person is signed in, and when that has ended.

use super::user::User;
use crate::clock::Time;
use crate::limits;
use crate::secret::Digest;

/// A session and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What the row is found by.
    pub digest: Digest,
    /// Whose.
    pub user: User,
    /// When they last proved who they are.
    pub authenticated_at: Time,
    /// When it was last used, to the minute.
    pub seen_at: Time,
    /// The end that use cannot move.
    pub expires_at: Time,
}

impl Session {
    /// Whether it still counts: used lately, not too old, and the person may still come in (attack C05).
    pub fn is_live(&self, now: Time) -> bool {
        self.user.is_active()
            && now < self.expires_at
            && now < self.seen_at.plus_seconds(limits::SESSION_IDLE_SECONDS)
    }

    /// Whether its use is worth writing down again.
    pub fn is_due(&self, now: Time) -> bool {
        self.seen_at.plus_seconds(limits::SESSION_SEEN_SECONDS) <= now
    }
}
