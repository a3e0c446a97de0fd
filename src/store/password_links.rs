//! Links with which a person sets a password of their own choice, by digest. One open link a person. A link is no better
//! than the administrator who made it: it ends with their suspension and works only while they are one. It ends with
//! every change of the password too ([`super::users::set_password`]).

use sqlx::Row as _;

use super::{Result, Store, Tx};
use crate::clock::Time;
use crate::secret::Digest;

/// Records a link for `user_id`, made by the administrator `made_by`; an earlier one works no more.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn add(
    tx: &mut Tx,
    digest: &Digest,
    (user_id, made_by): (&str, &str),
    expires_at: Time,
    now: Time,
) -> Result<()> {
    sqlx::query("update password_links set used_at = $2 where user_id = $1 and used_at is null")
        .bind(user_id)
        .bind(now.micros())
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into password_links (digest, user_id, made_by, created_at, expires_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(digest.as_str())
    .bind(user_id)
    .bind(made_by)
    .bind(now.micros())
    .bind(expires_at.micros())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whose link it is, if it would work now. Looking does not use it up: scanners of mail and previews look too.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn find(store: &Store, digest: &Digest, now: Time) -> Result<Option<String>> {
    let row = sqlx::query(
        "select l.user_id from password_links l join users u on u.id = l.user_id and u.suspended_at is null \
         join users m on m.id = l.made_by and m.suspended_at is null and m.admin_at is not null \
         where l.digest = $1 and l.used_at is null and l.expires_at > $2",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .fetch_optional(store.read())
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Uses it up where it still works, and says whether this call did it.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn use_up(tx: &mut Tx, digest: &Digest, now: Time) -> Result<bool> {
    let done = sqlx::query(
        "update password_links set used_at = $2 where digest = $1 and used_at is null and expires_at > $2 \
         and exists (select 1 from users u where u.id = password_links.user_id and u.suspended_at is null) \
         and exists (select 1 from users m where m.id = password_links.made_by and m.suspended_at is null \
         and m.admin_at is not null)",
    )
    .bind(digest.as_str())
    .bind(now.micros())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
