//! Tokens that say nothing themselves: personal ones, which the store knows, and those that the configuration names.
//! They pass through the same cache as every other token and end by the same news.

use futures_util::future::BoxFuture;

use super::authority::Unavailable;
use crate::access::personal::{self, PersonalToken};
use crate::actions::Caller;
use crate::app::App;
use crate::clock::Time;
use crate::config::tokens::{self, StaticToken};
use crate::secret::{Digest, Personal, Secret};
use crate::store::personal_tokens;

/// What stands behind such a token.
#[derive(Clone, Debug)]
pub struct OpaqueToken {
    /// Who calls. The resource is filled in with the one that is called, which `opens` allows.
    pub caller: Caller,
    /// The one resource it opens; `None` for every one.
    pub opens: Option<String>,
    /// The first moment at which it is worth nothing.
    pub expires_at: Time,
    /// Whether it, its owner and its kind are in good standing.
    pub is_live: bool,
    /// Whether its uses are to be noted.
    pub is_noted: bool,
}

/// The answer, on its way; nothing where no such token exists.
pub type Found = BoxFuture<'static, Result<Option<OpaqueToken>, Unavailable>>;

/// How the tokens of `app` are found.
pub fn finder(app: &App) -> impl Fn(&str) -> Found + Send + Sync + 'static {
    let (store, named) = (app.store.clone(), app.config.static_tokens.clone());
    let scopes = app.scopes.clone();
    let baseline = app.servers.first().map(crate::access::servers::Server::baseline).unwrap_or_default();
    move |token| {
        let digest = Digest::of(token);
        if let Some(known) = named.iter().find(|known| known.digest.matches(&digest)) {
            let scopes = known.scopes.clone().unwrap_or_else(|| {
                if known.restrictions.is_some() { scopes.clone() } else { baseline.clone() }
            });
            let standing = of_config(known, scopes);
            return Box::pin(async move { Ok(Some(standing)) });
        }
        let Some(digest) = Secret::<Personal>::presented(token).map(|secret| secret.digest()) else {
            return Box::pin(async { Ok(None) });
        };
        let store = store.clone();
        Box::pin(async move {
            let found = personal_tokens::find(&store, &digest).await;
            Ok(found.map_err(|error| Unavailable(error.into()))?.map(of_person))
        })
    }
}

/// How a use is noted: nobody waits for it.
pub fn noter(app: &App) -> impl Fn(&str, Time) + Send + Sync + 'static {
    let store = app.store.clone();
    move |id, now| {
        let (store, id) = (store.clone(), id.to_owned());
        tokio::spawn(async move {
            if let Err(error) = personal_tokens::touch(&store, &id, now).await {
                tracing::warn!(%error, "a use of a personal token could not be noted");
            }
        });
    }
}

fn of_person(token: PersonalToken) -> OpaqueToken {
    let is_live = token.ended_at.is_none() && token.person.is_some();
    OpaqueToken {
        is_live,
        is_noted: true,
        expires_at: token.expires_at,
        opens: (token.resource != personal::EVERY).then_some(token.resource),
        caller: Caller {
            subject: token.user_id,
            username: token.person.map(|person| person.email).unwrap_or_default(),
            is_user: true,
            client_id: personal::CLIENT_ID.to_owned(),
            grant_id: token.id,
            scopes: token.scope,
            resource: String::new(),
            restrictions: token.kept.rules(),
        },
    }
}

fn of_config(token: &StaticToken, scopes: crate::oauth::scope::ScopeSet) -> OpaqueToken {
    OpaqueToken {
        is_live: true,
        is_noted: false,
        expires_at: Time::from_micros(i64::MAX),
        opens: token.resource.clone(),
        caller: Caller {
            subject: token.subject.clone(),
            username: token.subject.clone(),
            is_user: false,
            client_id: tokens::CLIENT_ID.to_owned(),
            grant_id: format!("{}/{}", tokens::CLIENT_ID, token.subject),
            scopes,
            resource: String::new(),
            restrictions: token.restrictions.clone(),
        },
    }
}
