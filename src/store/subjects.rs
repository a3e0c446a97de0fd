//! Who of an identity provider is which account here.

use sqlx::Row as _;

use super::{Result, Store, Tx};
use crate::clock::Time;

/// A person as a provider names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The provider's issuer, to the letter.
    pub issuer: &'a str,
    /// Its tenant; empty where it has none.
    pub tenant: &'a str,
    /// Its name for the person.
    pub subject: &'a str,
}

/// The account that was linked to a subject.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, who: Subject<'_>) -> Result<Option<String>> {
    let row =
        sqlx::query("select user_id from issuer_subjects where issuer = $1 and tenant = $2 and subject = $3")
            .bind(who.issuer)
            .bind(who.tenant)
            .bind(who.subject)
            .fetch_optional(store.write())
            .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Links an account to a subject; `false` where the subject has one already, which stays.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn link(tx: &mut Tx, who: Subject<'_>, user_id: &str, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "insert into issuer_subjects (issuer, tenant, subject, user_id, linked_at) values ($1, $2, $3, $4, $5) \
         on conflict (issuer, tenant, subject) do nothing",
    )
    .bind(who.issuer)
    .bind(who.tenant)
    .bind(who.subject)
    .bind(user_id)
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Links an account to a subject because of its address; `false` where the account is somebody else's already, by this
/// provider's word, or the subject has another account. An address is given to another person one day, who must not find
/// the account of whoever had it before. The account's row is locked first, so that of two at once one is linked.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn link_by_address(tx: &mut Tx, who: Subject<'_>, user_id: &str, now: Time) -> Result<bool> {
    sqlx::query("update users set email_key = email_key where id = $1 returning id")
        .bind(user_id)
        .fetch_optional(&mut **tx)
        .await?;
    let known = sqlx::query("select tenant, subject from issuer_subjects where issuer = $1 and user_id = $2")
        .bind(who.issuer)
        .bind(user_id)
        .fetch_all(&mut **tx)
        .await?;
    if known.is_empty() {
        return link(tx, who, user_id, now).await;
    }
    // The first two assertions about one person may come at once: the second finds what the first did.
    for row in &known {
        if row.try_get::<String, _>(0)? == who.tenant && row.try_get::<String, _>(1)? == who.subject {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes a link to this account back; `false` where there is none.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn unlink(tx: &mut Tx, who: Subject<'_>, user_id: &str) -> Result<bool> {
    let done = sqlx::query(
        "delete from issuer_subjects where issuer = $1 and tenant = $2 and subject = $3 and user_id = $4",
    )
    .bind(who.issuer)
    .bind(who.tenant)
    .bind(who.subject)
    .bind(user_id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
