//! Passwords: argon2id, on as many cores as there are and no more at once.

use std::num::NonZero;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, Params};
use tokio::sync::Semaphore;

use crate::{limits, secret};

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short to be one.
    #[error("the password needs at least {} characters", limits::PASSWORD_CHARS_MIN)]
    TooShort,
    /// Longer than anything a person or a manager makes.
    #[error("the password may have at most {} bytes", limits::PASSWORD_BYTES_MAX)]
    TooLong,
    /// Too many others are waiting: come back later (attack C08).
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
}

// A property of this machine's cores, not of a server: two servers in one process share them too.
static CORES: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Semaphore::new(cores)
});
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Whether a new password could be used, by its form alone: costs nothing.
///
/// # Errors
/// [`PasswordError::TooShort`], [`PasswordError::TooLong`].
pub fn check(password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < limits::PASSWORD_CHARS_MIN {
        return Err(PasswordError::TooShort);
    }
    if password.len() > limits::PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

/// A new password's hash in PHC form.
///
/// # Errors
/// [`PasswordError`].
pub async fn hash(password: &str) -> Result<String, PasswordError> {
    check(password)?;
    let password = password.to_owned();
    on_a_core(move || hash_now(&password)).await
}

/// Whether `password` is the one behind `stored`. Where there is nothing stored it costs the same and says no, so
/// that the time of an answer does not tell who has an account (attack C08).
///
/// # Errors
/// [`PasswordError::Busy`].
pub async fn verify(password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
    if password.len() > limits::PASSWORD_BYTES_MAX {
        return Ok(false);
    }
    let (password, stored) = (password.to_owned(), stored.map(str::to_owned));
    on_a_core(move || {
        // Made at the first use; a password of random bytes that nobody can present.
        static NOBODY: LazyLock<String> =
            LazyLock::new(|| hash_now(secret::Secret::<secret::Link>::mint().reveal()));
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| NOBODY.clone());
        let Ok(hash) = PasswordHash::new(&phc) else { return false };
        Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known
    })
    .await
}

#[expect(
    clippy::expect_used,
    reason = "the parameters are constants that argon2 accepts, and the length was judged"
)]
fn hash_now(password: &str) -> String {
    let params = Params::new(limits::ARGON2_MEMORY_KIB, limits::ARGON2_PASSES, limits::ARGON2_LANES, None)
        .expect("argon2 parameters in range");
    let hashed: PasswordHash = Argon2::default()
        .hash_password_with_params(password.as_bytes(), &secret::random::<16>(), params)
        .expect("a password hash");
    hashed.to_string()
}

async fn on_a_core<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
    let _place = Place::take().ok_or(PasswordError::Busy)?;
    let _core = CORES.acquire().await.map_err(|_| PasswordError::Busy)?;
    tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Busy)
}

/// A place in the queue, given back when dropped: also when the browser went away.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let place = Self;
        (WAITING.fetch_add(1, Ordering::SeqCst) < limits::PASSWORD_QUEUE_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of these takes every place in the queue.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    #[tokio::test]
    async fn a_password_opens_its_own_hash_only() {
        let _alone = ALONE.lock().await;
        let stored = hash("correct horse battery").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(verify("correct horse battery", Some(&stored)).await, Ok(true));
        assert_eq!(verify("correct horse batterz", Some(&stored)).await, Ok(false));
        assert_eq!(verify("correct horse battery", None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_short_password_and_an_endless_one_are_refused() {
        let _alone = ALONE.lock().await;
        assert_eq!(hash("short").await, Err(PasswordError::TooShort));
        let endless = "x".repeat(limits::PASSWORD_BYTES_MAX + 1);
        assert_eq!(hash(&endless).await, Err(PasswordError::TooLong));
        assert_eq!(verify(&endless, None).await, Ok(false));
    }

    #[test]
    fn more_than_can_wait_are_told_to_come_back() {
        let _alone = ALONE.blocking_lock();
        let places: Vec<_> = (0..limits::PASSWORD_QUEUE_MAX * 2).map(|_| Place::take()).collect();
        assert!(places.iter().flatten().count() <= limits::PASSWORD_QUEUE_MAX);
        assert!(Place::take().is_none());
        drop(places);
        assert!(Place::take().is_some(), "given back");
    }

    /// Attack C08: the time of the answer tells who has an account.
    #[tokio::test]
    async fn an_unknown_user_costs_what_a_known_one_does() {
        let _alone = ALONE.lock().await;
        use std::time::{Duration, Instant};
        let stored = hash("correct horse battery").await.unwrap();
        let mut times: [Vec<Duration>; 2] = Default::default();
        for _ in 0..15 {
            for (times, stored) in times.iter_mut().zip([Some(stored.as_str()), None]) {
                let began = Instant::now();
                assert_eq!(verify("wrong wrong wrong", stored).await, Ok(false));
                times.push(began.elapsed());
            }
        }
        // The quickest of many: what else the machine does only adds to it.
        let [known, unknown] = times.map(|times| times.into_iter().min().unwrap().as_secs_f64());
        assert!((0.5..2.0).contains(&(known / unknown)), "{known} and {unknown}");
    }
}
