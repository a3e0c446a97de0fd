//! Refresh tokens. A rotation is one statement: a row that names the one it replaces.

use sqlx::Row as _;

use super::grants::{self, grant_columns};
use super::{Result, Store, Tx, clients};
use crate::clock::Time;
use crate::oauth::client::Client;
use crate::oauth::refresh::{RefreshToken, State};
use crate::secret::Digest;

/// The token that takes the place of another.
pub struct Successor<'a> {
    /// The digest of the token it replaces.
    pub replaces: &'a Digest,
    /// Its own digest.
    pub digest: &'a Digest,
    /// The answer that carries it, sealed under the token it replaces.
    pub answer: &'a str,
    /// The key that it is bound to, if any.
    pub key: Option<&'a str>,
    /// Dead if unused until then.
    pub expires_at: Time,
}

/// The first token of a family.
pub struct First<'a> {
    /// Its digest.
    pub digest: &'a Digest,
    /// What it continues.
    pub grant_id: &'a str,
    /// The key that it is bound to, if any.
    pub key: Option<&'a str>,
    /// Dead if unused until then.
    pub expires_at: Time,
}

/// Records the first of a family.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, first: &First<'_>, now: Time) -> Result<()> {
    sqlx::query(
        "insert into refresh_tokens (digest, grant_id, issued_at, expires_at, key_thumbprint) values ($1, $2, $3, $4, $5)",
    )
    .bind(first.digest.as_str())
    .bind(first.grant_id)
    .bind(now.micros())
    .bind(first.expires_at.micros())
    .bind(first.key)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The client that goes by `client_id` and the token with this digest, with its grant, its person and whatever replaced
/// it: all that a refresh is judged by, in one statement.
///
/// # Errors
/// [`super::Error::Database`], or [`super::Error::Row`] where a row was altered.
pub async fn find(
    store: &Store,
    client_id: &str,
    digest: &Digest,
) -> Result<(Option<Client>, Option<RefreshToken>)> {
    let row = sqlx::query(concat!(
        "select c.id, c.kind, c.name, c.metadata, c.secret_digest, c.document_hash, c.document_fresh_until_at, \
         c.registered_at, c.used_at, c.suspended_at, c.revoked_at, t.issued_at as token_issued_at, \
         t.expires_at as token_expires_at, t.key_thumbprint, n.issued_at as next_issued_at, n.answer as next_answer, ",
        grant_columns!(),
        " from clients c left join refresh_tokens t on t.digest = $2 left join grants g on g.id = t.grant_id \
         left join users u on u.id = g.user_id and u.suspended_at is null \
         left join refresh_tokens n on n.replaces = t.digest where c.id = $1"
    ))
    .bind(client_id)
    .bind(digest.as_str())
    .fetch_optional(store.read())
    .await?;
    let Some(row) = row else { return Ok((None, None)) };
    let client = clients::read(&row)?.client;
    let Some(expires_at) = row.try_get::<Option<i64>, _>("token_expires_at")? else {
        return Ok((Some(client), None));
    };
    let state = match row.try_get::<Option<i64>, _>("next_issued_at")? {
        None => State::Live,
        Some(at) => State::Rotated {
            at: Time::from_micros(at),
            answer: row.try_get::<Option<String>, _>("next_answer")?.unwrap_or_default(),
        },
    };
    let token = RefreshToken {
        expires_at: Time::from_micros(expires_at),
        issued_at: Time::from_micros(row.try_get("token_issued_at")?),
        state,
        key: row.try_get("key_thumbprint")?,
        grant: grants::read(&row)?,
    };
    Ok((Some(client), Some(token)))
}

/// Replaces a token, and says whether this call did it: of many at once one does, and none once the grant, its client or
/// its person is no longer in good standing. One statement that commits itself: no transaction to open and close, no row
/// rewritten. What is decided before it is decided again here by the same conditions.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn rotate(store: &Store, next: &Successor<'_>, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "insert into refresh_tokens (digest, grant_id, issued_at, expires_at, replaces, answer, key_thumbprint) \
         select $1, g.id, $2, $3, t.digest, $5, $6 from refresh_tokens t join grants g on g.id = t.grant_id \
         join clients c on c.id = g.client_id left join users u on u.id = g.user_id \
         where t.digest = $4 and g.revoked_at is null and c.suspended_at is null and c.revoked_at is null \
         and (g.user_id is null or (u.id is not null and u.suspended_at is null)) \
         on conflict (replaces) do nothing",
    )
    .bind(next.digest.as_str())
    .bind(now.micros())
    .bind(next.expires_at.micros())
    .bind(next.replaces.as_str())
    .bind(next.answer)
    .bind(next.key)
    .execute(store.write())
    .await?;
    Ok(done.rows_affected() == 1)
}
