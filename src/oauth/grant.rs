//! A grant as the token side reads it: what was allowed, by whom, and whether it still stands.

use super::error::Refusal;
use super::scope::ScopeSet;
use crate::clock::Time;

/// What one user allowed one installation of one client on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// UUIDv7.
    pub id: String,
    /// The client it is for.
    pub client_id: String,
    /// The user's id; `None` for client_credentials.
    pub user_id: Option<String>,
    /// The person, if the account is there and active.
    pub person: Option<Person>,
    /// What was allowed.
    pub scope: ScopeSet,
    /// The protected resource.
    pub resource: String,
    /// When the person last proved who they are.
    pub authenticated_at: Option<Time>,
    /// The absolute end of refreshing.
    pub expires_at: Time,
    /// When it was last used, to the hour.
    pub used_at: Time,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// Who stands behind a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// As they write it.
    pub email: String,
    /// What they are called.
    pub name: String,
}

impl Grant {
    /// Whether anything may still be issued under it.
    ///
    /// # Errors
    /// [`Refusal`], each answered `invalid_grant`.
    pub fn stands(&self, now: Time) -> Result<(), Refusal> {
        if self.revoked_at.is_some() {
            return Err(Refusal::GrantRevoked);
        }
        if self.user_id.is_some() && self.person.is_none() {
            return Err(Refusal::UserInactive);
        }
        if self.expires_at <= now { Err(Refusal::Expired) } else { Ok(()) }
    }
}
