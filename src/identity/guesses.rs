//! Guesses at an account's password: one counter for sign-in and for the page that changes it, kept in the store so that
//! all nodes count together (attack C08).
//!
//! The codes of devices have a counter of their own, [`crate::store::devices::count_guess`]: who types one guesses at
//! whatever device waits and at no account, so it must not slow down anybody's sign-in.
//!
//! A few guesses are free, then each makes the next one wait longer, up to five minutes: some 300 a day, against
//! passwords of twelve characters. Nothing is locked. A stranger who guesses on and on would still make the owner wait,
//! so a browser in which the account was signed in to before has a counter of its own that no stranger can reach.

use super::user::Email;
use crate::clock::Time;
use crate::secret::{Browser, Digest, Secret};
use crate::store::{self, Store, Tx};

/// The counter that a guess belongs to.
#[derive(Clone, Debug)]
pub struct Counter {
    key: String,
    browser: Digest,
}

/// Whether a guess may be judged now.
#[derive(Debug)]
pub enum Turn {
    /// Yes, and it is counted until [`Counter::right`] says that it was right.
    Taken(Counter),
    /// Not before so many seconds have passed.
    Wait(i64),
}

/// Takes a turn for a guess at the account of `email`, typed in `browser`. It need not have an account: who guesses
/// must not learn that from waiting.
///
/// # Errors
/// [`store::Error::Database`].
pub async fn take_turn(
    store: &Store,
    email: &Email,
    browser: &Secret<Browser>,
    now: Time,
) -> store::Result<Turn> {
    let browser = browser.digest();
    let is_known = store::guesses::knows_browser(store, email, &browser).await?;
    let key = if is_known { format!("{} {}", email.key(), browser.as_str()) } else { email.key().to_owned() };
    if store::guesses::take_turn(store, &key, now).await?.is_some() {
        return Ok(Turn::Taken(Counter { key, browser }));
    }
    let free_at = store::guesses::free_at(store, &key).await?.unwrap_or(now);
    Ok(Turn::Wait((free_at.micros_since(now) - 1).div_euclid(1_000_000).max(0) + 1))
}

impl Counter {
    /// The guess was right: forgets the others, and remembers the browser.
    ///
    /// # Errors
    /// [`store::Error::Database`].
    pub async fn right(&self, tx: &mut Tx, user_id: &str, now: Time) -> store::Result<()> {
        store::guesses::forget(tx, &self.key).await?;
        store::guesses::remember_browser(tx, user_id, &self.browser, now).await
    }
}
