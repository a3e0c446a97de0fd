//! Authorization requests that are under way, by the digest of the name in their URL.

use sqlx::Row as _;

use super::{Error, Result, Store, Tx};
use crate::clock::Time;
use crate::oauth::request::AuthorizationRequest;
use crate::oauth::scope::ScopeSet;
use crate::oauth::step::{Decision, Pending};
use crate::secret::Digest;

/// A request and the browser it belongs to.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it is and how far it got.
    pub pending: Pending,
    /// The browser that opened it; `None` until one does.
    pub browser: Option<Digest>,
}

/// Records a request that came now.
///
/// # Errors
/// [`Error::Database`].
pub async fn add(
    store: &Store,
    digest: &Digest,
    request: &AuthorizationRequest,
    expires_at: Time,
    now: Time,
) -> Result<()> {
    sqlx::query(
        "insert into authorization_requests (digest, client_id, request, created_at, expires_at) \
         values ($1, $2, $3, $4, $5)",
    )
    .bind(digest.as_str())
    .bind(&request.client_id)
    .bind(serde_json::to_string(request).unwrap_or_default())
    .bind(now.micros())
    .bind(expires_at.micros())
    .execute(store.write())
    .await?;
    Ok(())
}

/// The request of this name. Read where it is written: the step before this one may have been a moment ago.
///
/// # Errors
/// [`Error::Database`], or [`Error::Row`] where it was altered.
pub async fn find(store: &Store, digest: &Digest) -> Result<Option<Stored>> {
    let row = sqlx::query(
        "select request, browser_digest, created_at, expires_at, decision, user_id, scope, finished_at \
         from authorization_requests where digest = $1",
    )
    .bind(digest.as_str())
    .fetch_optional(store.write())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let broken = |why: String| Error::Row { table: "authorization_requests", why };
    let request: String = row.try_get("request")?;
    let text = |column| row.try_get::<Option<String>, _>(column);
    let decision = match text("decision")?.as_deref() {
        None => Decision::Open,
        Some("cancel") => Decision::Cancelled,
        Some(_) => Decision::Allowed {
            user_id: text("user_id")?.ok_or_else(|| broken("a yes of nobody".to_owned()))?,
            scope: text("scope")?
                .unwrap_or_default()
                .parse()
                .map_err(|_| broken("scope is malformed".to_owned()))?,
        },
    };
    Ok(Some(Stored {
        browser: text("browser_digest")?.map(Digest::from_column),
        pending: Pending {
            request: serde_json::from_str(&request).map_err(|e| broken(e.to_string()))?,
            created_at: Time::from_micros(row.try_get("created_at")?),
            expires_at: Time::from_micros(row.try_get("expires_at")?),
            decision,
            finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(Time::from_micros),
        },
    }))
}

/// Binds a request to the first browser that opens it; `false` where another one was first.
///
/// # Errors
/// [`Error::Database`].
pub async fn bind(store: &Store, digest: &Digest, browser: &Digest) -> Result<bool> {
    let done = sqlx::query(
        "update authorization_requests set browser_digest = $2 where digest = $1 and browser_digest is null",
    )
    .bind(digest.as_str())
    .bind(browser.as_str())
    .execute(store.write())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records what the person said; `false` where something was said before, or the time is up. Exactly one of any
/// number at once wins.
///
/// # Errors
/// [`Error::Database`].
pub async fn decide(tx: &mut Tx, digest: &Digest, decision: &Decision, now: Time) -> Result<bool> {
    let (word, user, scope) = match decision {
        Decision::Open => return Ok(false),
        Decision::Cancelled => ("cancel", None, None),
        Decision::Allowed { user_id, scope } => ("allow", Some(user_id), Some(ScopeSet::to_string(scope))),
    };
    let done = sqlx::query(
        "update authorization_requests set decided_at = $2, decision = $3, user_id = $4, scope = $5 \
         where digest = $1 and decided_at is null and expires_at > $2",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .bind(word)
    .bind(user)
    .bind(scope)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a request that is still open wait until `until`, if that is later.
///
/// # Errors
/// [`Error::Database`].
pub async fn extend(tx: &mut Tx, digest: &Digest, until: Time, now: Time) -> Result<()> {
    sqlx::query(
        "update authorization_requests set expires_at = $2 where digest = $1 and finished_at is null \
         and decided_at is null and expires_at > $3 and expires_at < $2",
    )
    .bind(digest.as_str())
    .bind(until.micros())
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Closes a request whose answer goes out in this transaction; `false` where one went out before.
///
/// # Errors
/// [`Error::Database`].
pub async fn finish(tx: &mut Tx, digest: &Digest, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "update authorization_requests set finished_at = $2 where digest = $1 and finished_at is null",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
