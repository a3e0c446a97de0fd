//! Keys at work: the one that seals is found or made, those that sign are made in time, loaded, and changed.

use std::path::Path;

use super::{App, StartError};
use crate::audit::Fact;
use crate::clock::{Clock, Time};
use crate::config::{Algorithm, Config};
use crate::limits;
use crate::oauth::key::{KeyRing, SigningKey};
use crate::oauth::rotation::{self, Life, State};
use crate::secret::{self, Vault};
use crate::store::{self, Store, events::Event, keys::NewKey};

/// The key-encryption key: from the configuration, or from the data directory, where it is made on first start. A lost
/// one is never replaced in silence: what it sealed would be lost with it.
///
/// # Errors
/// [`StartError::EncryptionKey`].
pub async fn open_vault(config: &Config, store: &Store) -> Result<Vault, StartError> {
    let text = match &config.encryption_key {
        Some(key) => key.reveal().to_owned(),
        None => {
            let is_new = !store::sealed::any(store).await?;
            key_file(&config.data_dir, is_new).map_err(StartError::EncryptionKey)?
        }
    };
    let wrong = |e: secret::SealError| StartError::EncryptionKey(e.to_string());
    let vault = Vault::from_base64url(&text).map_err(wrong)?;
    match &config.encryption_key_previous {
        Some(previous) => vault.with_previous(previous.reveal()).map_err(wrong),
        None => Ok(vault),
    }
}

fn key_file(data_dir: &Path, may_make: bool) -> Result<String, String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = data_dir.join("encryption.key");
    let wrong = |what: &str, e: std::io::Error| format!("{what} {}: {e}", path.display());
    if !may_make {
        return std::fs::read_to_string(&path).map_err(|e| {
            format!(
                "{}, and the database holds private keys that only it opens. Restore it from your backup, or give the \
                 key as encryption_key (POSTERN_ENCRYPTION_KEY_FILE). docs/keys.md says what to do if it is lost for good",
                wrong("cannot read the encryption key", e)
            )
        });
    }
    std::fs::create_dir_all(data_dir).map_err(|e| wrong("cannot make the folder of", e))?;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let text = Vault::mint();
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(|e| wrong("cannot write", e))?;
            Ok(text)
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::read_to_string(&path).map_err(|e| wrong("cannot read", e))
        }
        Err(e) => Err(wrong("cannot make", e)),
    }
}

/// The ring, and a first key where there is none. Two nodes that start together may both make one: one of them signs,
/// on every node the same, and both verify.
pub(super) async fn open_ring(
    store: &Store,
    vault: &Vault,
    config: &Config,
    clock: &Clock,
) -> Result<KeyRing, StartError> {
    store::keys::note_token_life(store, config.tokens.access_seconds).await?;
    if let Some(ring) = store::keys::ring(store, vault, clock.now()).await? {
        return Ok(ring);
    }
    let new = make(vault, config, clock.now()).await?;
    store::keys::add_first(store, &new, clock.now()).await?;
    store::keys::ring(store, vault, clock.now())
        .await?
        .ok_or_else(|| StartError::EncryptionKey("no signing key could be made".into()))
}

/// A new key that signs from `active_at`. An RSA key may take a second to find, so it is not looked for on a thread that
/// answers requests.
async fn make(vault: &Vault, config: &Config, active_at: Time) -> Result<NewKey, StartError> {
    let algorithm: Algorithm = config.keys.algorithm;
    let broken = |e: &dyn std::fmt::Display| StartError::EncryptionKey(format!("no signing key: {e}"));
    let pkcs8 =
        tokio::task::spawn_blocking(move || secret::private_key(algorithm)).await.map_err(|e| broken(&e))?;
    let key = SigningKey::from_pkcs8(&pkcs8, algorithm, active_at).map_err(|e| broken(&e))?;
    let sealed = vault.seal(&key.kid, &pkcs8);
    Ok(NewKey { key, sealed, token_seconds: config.tokens.access_seconds })
}

/// What a rotation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The key that will sign.
    pub kid: String,
    /// From when.
    pub active_at: Time,
    /// Whether it was made now; it was waiting already otherwise.
    pub is_new: bool,
}

async fn lives(app: &App) -> store::Result<Vec<Life>> {
    Ok(store::keys::all(&app.store).await?.into_iter().map(|row| row.life).collect())
}

/// Publishes the next key where it is time to, on whichever node sees that first.
///
/// # Errors
/// [`StartError`].
pub async fn rotate_if_due(app: &App) -> Result<Option<Scheduled>, StartError> {
    let (lives, now) = (lives(app).await?, app.clock.now());
    let wanted = &app.config.keys;
    let Some(active_at) = rotation::due(&lives, wanted.algorithm, wanted.rotate_seconds, now) else {
        return Ok(None);
    };
    publish_next(app, &lives, active_at, now).await
}

/// Publishes the next key now, so that it signs as soon as everybody can know it.
///
/// # Errors
/// [`StartError`].
pub async fn rotate(app: &App) -> Result<Scheduled, StartError> {
    let (lives, now) = (lives(app).await?, app.clock.now());
    let waiting = |lives: &[Life]| {
        let next = lives.iter().find(|key| key.state(now) == State::Next)?;
        Some(Scheduled { kid: next.kid.clone(), active_at: next.active_at, is_new: false })
    };
    if let Some(waiting) = waiting(&lives) {
        return Ok(waiting);
    }
    let made = publish_next(app, &lives, now.plus_seconds(limits::KEY_LEAD_SECONDS), now).await?;
    if let Some(made) = made {
        return Ok(made);
    }
    // Another node was quicker.
    waiting(&self::lives(app).await?)
        .ok_or_else(|| StartError::EncryptionKey("the keys changed meanwhile; try again".into()))
}

async fn publish_next(
    app: &App,
    lives: &[Life],
    active_at: Time,
    now: Time,
) -> Result<Option<Scheduled>, StartError> {
    let Some(current) = rotation::current(lives, now) else { return Ok(None) };
    let new = make(&app.vault, &app.config, active_at).await?;
    if !store::keys::add_next(&app.store, &current.kid, &new, now).await? {
        return Ok(None);
    }
    app.store.tell(Event::KeysChanged);
    let detail = serde_json::json!({"kid": new.key.kid, "signs_from": active_at.rfc3339()});
    note(app, "key.published", detail).await;
    Ok(Some(Scheduled { kid: new.key.kid, active_at, is_new: true }))
}

/// Withdraws every key at once, for when one may be known to others, and makes one that signs from now on. Every token
/// that is about is refused on its next call. Gives the new key's id and the number of those withdrawn.
///
/// # Errors
/// [`StartError`].
pub async fn replace_all(app: &App) -> Result<(String, u64), StartError> {
    let now = app.clock.now();
    let new = make(&app.vault, &app.config, now).await?;
    let withdrawn = store::keys::replace_all(&app.store, &new, now).await?;
    app.store.tell(Event::KeysChanged);
    note(app, "key.replaced", serde_json::json!({"kid": new.key.kid, "withdrawn": withdrawn})).await;
    Ok((new.key.kid, withdrawn))
}

async fn note(app: &App, event: &'static str, detail: serde_json::Value) {
    app.audit
        .note(Fact { event, actor: Some("system".into()), outcome: "ok", detail, ..Fact::default() })
        .await;
}

/// Reads the keys again and swaps the ring where it changed. `false` where they cannot be had: the ring in memory stays.
pub async fn reload(app: &App) -> bool {
    match store::keys::ring(&app.store, &app.vault, app.clock.now()).await {
        Ok(Some(ring)) => {
            // A new ring has everybody verified again, so the same one is left where it is.
            if !app.keys.load().is_like(&ring) {
                app.keys.store(ring.into());
            }
            true
        }
        Ok(None) => {
            tracing::error!("the database holds no signing key any more; keeping the one in memory");
            false
        }
        Err(error) => {
            tracing::error!(%error, "the signing keys could not be loaded again");
            false
        }
    }
}
