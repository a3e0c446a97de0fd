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

/// A session as its owner sees it among their others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// What the row is found by. Nobody can make the cookie from it.
    pub digest: Digest,
    /// When they signed in.
    pub authenticated_at: Time,
    /// When it was last used, to the minute.
    pub seen_at: Time,
    /// The end that use cannot move.
    pub expires_at: Time,
    /// What the browser called itself; empty where it said nothing.
    pub agent: String,
}

impl Seat {
    /// `Firefox on Linux`: the browser in words, as far as it says.
    pub fn browser(&self) -> String {
        // Each of these also says the names after it.
        let browsers = [
            ("Edg", "Edge"),
            ("OPR", "Opera"),
            ("Firefox", "Firefox"),
            ("Chrome", "Chrome"),
            ("Safari", "Safari"),
        ];
        let systems = [
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android", "Android"),
            ("Windows", "Windows"),
            ("Mac OS", "macOS"),
            ("Linux", "Linux"),
        ];
        let find = |known: &[(&str, &'static str)]| {
            known.iter().find(|(mark, _)| self.agent.contains(mark)).map(|(_, name)| *name)
        };
        match (find(&browsers), find(&systems)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "A browser that does not say what it is".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_by_what_it_says_first_of_all() {
        let named = |agent: &str| {
            let (at, digest) = (Time::from_seconds(0), Digest::of("x"));
            let agent = agent.to_owned();
            Seat { digest, authenticated_at: at, seen_at: at, expires_at: at, agent }.browser()
        };
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0";
        assert_eq!(named(edge), "Edge on Windows");
        assert_eq!(
            named("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on Linux"
        );
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(named(phone), "Safari on iPhone");
        assert_eq!(named(""), "A browser that does not say what it is");
    }
}
