//! Authorization codes.

use sqlx::Row as _;

use super::grants::{self, grant_columns};
use super::{Result, Tx};
use crate::clock::Time;
use crate::oauth::code::Code;
use crate::secret::Digest;

/// A code to be recorded, by its digest.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// The grant it gives.
    pub grant_id: String,
    /// The client it is for.
    pub client_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// S256 challenge.
    pub code_challenge: String,
    /// What was allowed.
    pub scope: String,
    /// The protected resource.
    pub resource: String,
    /// OpenID Connect nonce.
    pub nonce: Option<String>,
    /// When the user last proved who they are.
    pub authenticated_at: Time,
    /// The key that must redeem it, if any.
    pub key: Option<String>,
    /// When it dies unredeemed.
    pub expires_at: Time,
}

/// Records a code.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(tx: &mut Tx, code: &NewCode, now: Time) -> Result<()> {
    sqlx::query(
        "insert into codes (digest, grant_id, client_id, redirect_uri, code_challenge, scope, resource, nonce, \
         authenticated_at, issued_at, expires_at, key_thumbprint) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(code.digest.as_str())
    .bind(&code.grant_id)
    .bind(&code.client_id)
    .bind(&code.redirect_uri)
    .bind(&code.code_challenge)
    .bind(&code.scope)
    .bind(&code.resource)
    .bind(&code.nonce)
    .bind(code.authenticated_at.micros())
    .bind(now.micros())
    .bind(code.expires_at.micros())
    .bind(&code.key)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Locks a code by marking it redeemed, which one of many at once can do, and gives it as it was before. The caller
/// commits where [`crate::oauth::code::redeem`] grants, and lets the transaction go where it refuses: the code is then
/// as it was.
///
/// # Errors
/// [`super::Error::Database`], or [`super::Error::Row`] where a row was altered.
pub async fn lock(tx: &mut Tx, digest: &Digest, now: Time) -> Result<Option<Code>> {
    // Another node's clock may be a little ahead of this one's.
    let locked = sqlx::query(
        "update codes set redeemed_at = case when issued_at > $2 then issued_at else $2 end \
         where digest = $1 and redeemed_at is null returning digest",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .fetch_optional(&mut **tx)
    .await?;
    let row = sqlx::query(concat!(
        "select k.client_id, k.redirect_uri, k.code_challenge, k.nonce, k.authenticated_at, k.expires_at, k.key_thumbprint, ",
        grant_columns!(),
        " from codes k join grants g on g.id = k.grant_id \
         left join users u on u.id = g.user_id and u.suspended_at is null where k.digest = $1"
    ))
    .bind(digest.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Code {
        client_id: row.try_get("client_id")?,
        redirect_uri: row.try_get("redirect_uri")?,
        challenge: row.try_get("code_challenge")?,
        nonce: row.try_get("nonce")?,
        authenticated_at: Time::from_micros(row.try_get("authenticated_at")?),
        expires_at: Time::from_micros(row.try_get("expires_at")?),
        key: row.try_get("key_thumbprint")?,
        redeemed: locked.is_none(),
        grant: grants::read(&row)?,
    }))
}
