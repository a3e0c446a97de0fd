//! Authorization codes.

use super::{Result, Tx};
use crate::clock::Time;
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
         authenticated_at, issued_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
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
    .execute(&mut **tx)
    .await?;
    Ok(())
}
