//! What a client that listens is told of: a list that may have changed, a resource that did.
//!
//! A change is told to whoever it concerns and nobody else, as the streams of this node know their callers. Over
//! [`Event::Changed`] it reaches the other nodes. What is told holds no data, so it can always be told twice.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::actions::Caller;
use crate::clock::Time;
use crate::limits;
use crate::store::events::{self, Event};
use crate::store::{Result, Store};

/// What may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources.
    Resources,
    /// One resource, by its URI.
    Resource(String),
}

/// What a stream is told of.
#[derive(Clone, Debug, Default)]
pub struct Wants {
    /// Lists, out of [`What::Tools`], [`What::Prompts`] and [`What::Resources`].
    pub lists: BTreeSet<What>,
    /// Resources, by URI.
    pub resources: BTreeSet<String>,
    /// Whether it is told of no resource and no prompt, whatever its session follows: its caller may not read them.
    pub is_narrow: bool,
}

impl Wants {
    /// Whether it is told anything at all.
    pub fn is_some(&self) -> bool {
        !self.lists.is_empty() || !self.resources.is_empty()
    }

    /// The same for a caller who is kept out of the entities that are there: what changes in the catalog, and when, is
    /// news of what is in it.
    #[must_use]
    pub fn without_entities(mut self, is_kept_out: bool) -> Self {
        if is_kept_out {
            self.lists.retain(|what| *what == What::Tools);
            self.resources.clear();
            self.is_narrow = true;
        }
        self
    }

    /// Whether it is told of `what`.
    pub fn includes(&self, what: &What) -> bool {
        match what {
            What::Resource(uri) => self.resources.contains(uri),
            list => self.lists.contains(list),
        }
    }
}

/// Whose list it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everyone's: the registry, the catalog or the templates were loaded again.
    Everyone,
    /// A user's: a role was given or taken.
    User(String),
    /// A client's: its ceiling moved.
    Client(String),
    /// A grant's: it was widened or narrowed.
    Grant(String),
}

impl Whose {
    /// Whether `caller` is among them.
    pub fn concerns(&self, caller: &Caller) -> bool {
        match self {
            Self::Everyone => true,
            Self::User(id) => caller.is_user && caller.subject == *id,
            Self::Client(id) => caller.client_id == *id,
            Self::Grant(id) => caller.grant_id == *id,
        }
    }
}

/// A change, and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What may have changed.
    pub what: What,
    /// For whom.
    pub whose: Whose,
}

impl Change {
    /// A change that concerns everyone.
    pub fn of(what: What) -> Self {
        Self { what, whose: Whose::Everyone }
    }

    /// The event that carries it.
    pub fn event(&self) -> Event {
        Event::Changed(self.to_string())
    }
}

/// Tells every node of `change`. Never on the way of a call: it writes where SQLite keeps the news.
///
/// # Errors
/// [`crate::store::Error::Database`]. This node is told all the same.
pub async fn tell(store: &Store, change: &Change, now: Time) -> Result<()> {
    events::announce(store, &change.event(), now).await
}

/// `tools everyone`, `resource grant:0198… catalog://…`: what an event carries.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.what {
            What::Tools => "tools",
            What::Prompts => "prompts",
            What::Resources => "resources",
            What::Resource(_) => "resource",
        };
        write!(f, "{what} ")?;
        match &self.whose {
            Whose::Everyone => f.write_str("everyone")?,
            Whose::User(id) => write!(f, "user:{id}")?,
            Whose::Client(id) => write!(f, "client:{id}")?,
            Whose::Grant(id) => write!(f, "grant:{id}")?,
        }
        match &self.what {
            What::Resource(uri) => write!(f, " {uri}"),
            _ => Ok(()),
        }
    }
}

/// An event that this version cannot read, from a newer one: nothing that anyone here listens for.
#[derive(Debug, thiserror::Error)]
#[error("no change is written like this")]
pub struct NotAChange;

impl FromStr for Change {
    type Err = NotAChange;

    fn from_str(text: &str) -> std::result::Result<Self, NotAChange> {
        let mut words = text.splitn(3, ' ');
        let (what, whose, uri) = (words.next(), words.next().ok_or(NotAChange)?, words.next());
        let what = match (what, uri) {
            (Some("tools"), None) => What::Tools,
            (Some("prompts"), None) => What::Prompts,
            (Some("resources"), None) => What::Resources,
            (Some("resource"), Some(uri)) if uri.len() <= limits::MCP_URI_BYTES_MAX => {
                What::Resource(uri.to_owned())
            }
            _ => return Err(NotAChange),
        };
        let whose = match whose.split_once(':') {
            None if whose == "everyone" => Whose::Everyone,
            Some(("user", id)) => Whose::User(id.to_owned()),
            Some(("client", id)) => Whose::Client(id.to_owned()),
            Some(("grant", id)) => Whose::Grant(id.to_owned()),
            _ => return Err(NotAChange),
        };
        Ok(Self { what, whose })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let whats = [What::Tools, What::Prompts, What::Resources, What::Resource("catalog://a/b c".into())];
        for what in whats {
            for whose in [
                Whose::Everyone,
                Whose::User("u".into()),
                Whose::Client("https://app.example/client.json".into()),
                Whose::Grant("g".into()),
            ] {
                let change = Change { what: what.clone(), whose };
                assert_eq!(change.to_string().parse::<Change>().unwrap(), change);
            }
        }
        for bad in ["", "tools", "tools nobody", "tools everyone x", "resource everyone", "other everyone"] {
            assert!(bad.parse::<Change>().is_err(), "{bad}");
        }
    }
}
