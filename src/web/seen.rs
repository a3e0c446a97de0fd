//! What a signed-in person may read and call: the one way in which pages come to the catalog.

use std::sync::Arc;

use crate::access;
use crate::actions::{Action, Caller};
use crate::app::App;
use crate::catalog::index::Index;
use crate::identity::session::Session;

/// A person who reads pages of the catalog.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The person, as an action would see them if they let an assistant do all that they may.
    pub caller: Arc<Caller>,
    /// What they may read. What is not in it does not exist for them.
    pub index: Arc<Index>,
}

impl Reader {
    /// Whoever is signed in with `session`.
    pub async fn of(app: &App, session: &Session) -> Self {
        let caller = Arc::new(Caller {
            subject: session.user.id.clone(),
            username: session.user.email.clone(),
            is_user: true,
            client_id: String::new(),
            grant_id: String::new(),
            scopes: app.scopes.clone(),
            resource: app.config.resource(),
            restrictions: None,
        });
        Self { caller, index: app.catalog.index() }
    }

    /// Whether an assistant of theirs could call `action`, once they allow it.
    pub fn may_call(&self, action: &Action) -> bool {
        access::decide(&self.caller, action).allows()
    }
}
