//! The registry of actions: what can be done here, by whom it is offered, and what it costs in trust.
//!
//! Owns: an action's id, schemas, effect, scope and the one way to run it. Does not own: who may run it
//! (`access`), how MCP shows it (`mcp`), or what any action does (the room that registers it).

pub mod arguments;
pub mod filter;
pub mod question;
pub mod turn;
pub mod typed;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::access::roles::Rights;
use crate::oauth::scope::ScopeSet;
use question::{Ability, Question};
use turn::Turn;
pub use typed::Plugin;

/// Who is calling: what the guard read from a verified access token, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's id (`sub`), or the client's id where no user stands behind the token.
    pub subject: String,
    /// What a person would recognise the subject by: an e-mail address or a client's name.
    pub username: String,
    /// `false` for client_credentials tokens: no person stands behind them (RFC 9068 section 5).
    pub is_user: bool,
    /// The client that presents the token.
    pub client_id: String,
    /// The grant that the token was issued under; revoking it ends the token.
    pub grant_id: String,
    /// What the token may be used for.
    pub scopes: ScopeSet,
    /// The protected resource the token is for (RFC 8707), equal to the audience it was verified against.
    pub resource: String,
    /// What the token is kept to besides its scopes: an action that fits none of these rules does not exist for it.
    /// `None` where nothing but the scopes counts, as with every token of a sign-in.
    pub restrictions: Option<Arc<[filter::Rule]>>,
    /// What the published policy says of whoever stands behind the token; `None` while none is published. Whatever the
    /// scopes are, nothing goes beyond it.
    pub rights: Option<Arc<Rights>>,
}

/// What an action does to the world. An action that says nothing is a [`Effect::Delete`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Leaves everything as it was.
    Read,
    /// Adds or alters, and can be undone by altering again.
    Change,
    /// May destroy.
    #[default]
    Delete,
}

/// Why an action did not do what was asked. The first four are for the model to act on: they become `isError`
/// results whose text begins with the name that Backstage uses. The last four are not refusals; see [`turn`].
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The thing named does not exist, or the caller may not know that it does.
    #[error("NotFoundError: {0}")]
    NotFound(String),
    /// The caller is known and may not.
    #[error("NotAllowedError: {0}")]
    NotAllowed(String),
    /// The arguments cannot be used; the text says which and why.
    #[error("InputError: {0}")]
    InvalidInput(String),
    /// The arguments are fine and the world disagrees.
    #[error("ConflictError: {0}")]
    Conflict(String),
    /// Ours to mend. Logged once where it is answered; the caller learns a request id only.
    #[error("internal fault")]
    Fault(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It cannot go on before these are answered.
    #[error("NotAllowedError: this waits for an answer of the user")]
    Waits(Vec<Question>),
    /// The client cannot be asked what the action must know.
    #[error("NotAllowedError: this needs a client that can {}", .0.words())]
    Cannot(Ability),
    /// It takes longer than somebody should wait: it is run again as a task, which its client follows.
    #[error("NotAllowedError: this takes longer than a call may")]
    Long,
    /// It needs a way to speak before it answers.
    #[error("NotAllowedError: this needs a client that listens")]
    Speechless,
}

/// What running an action gives: a JSON value that fits its output schema.
pub type Outcome = Result<Value, ActionError>;

/// The future of one run.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// How an action is run: by whom, with a way to speak where it wants one, and with arguments already checked against
/// the input schema.
pub type Run = Arc<dyn Fn(Turn, Value) -> Running + Send + Sync>;

/// A capability in the registry.
#[derive(Clone)]
pub struct Action {
    /// `plugin:name`, as Backstage writes it: `catalog:get-catalog-entity`.
    pub id: String,
    /// A few words for a person.
    pub title: String,
    /// What a model reads to decide whether to call it.
    pub description: String,
    /// JSON Schema 2020-12 of the arguments; the root is an object that allows nothing unknown.
    pub input: Arc<Value>,
    /// JSON Schema 2020-12 of the outcome.
    pub output: Arc<Value>,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether a second run with the same arguments changes nothing more.
    pub idempotent: bool,
    /// The scope a token must hold, or `None` where any caller may.
    pub scope: Option<String>,
    /// The permission that `access` asks about, by Backstage's name: `catalog.entity.read`.
    pub permission: Option<String>,
    /// Other names it answers to in a call, such as the guide's `catalog:query`.
    pub aliases: Vec<String>,
    /// Runs it.
    pub run: Run,
}

impl Action {
    /// One that changes nothing: its id, title and description, the schemas of its arguments and its outcome, the scope and
    /// the permission that it asks for, and what runs it.
    pub fn reading(
        [id, title, description]: [&str; 3],
        (input, output): (Value, Value),
        (scope, permission): (&str, &str),
        run: Run,
    ) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            input: Arc::new(input),
            output: Arc::new(output),
            effect: Effect::Read,
            idempotent: true,
            scope: Some(scope.to_owned()),
            permission: Some(permission.to_owned()),
            aliases: Vec::new(),
            run,
        }
    }

    /// One that answers `{}`, for tests of who may use it.
    #[cfg(test)]
    pub fn named(id: &str, scope: Option<&str>, permission: Option<&str>) -> Self {
        let object = || serde_json::json!({"type": "object"});
        let run: Run = Arc::new(|_, _| Box::pin(async { Ok(serde_json::json!({})) }));
        Self {
            scope: scope.map(str::to_owned),
            permission: permission.map(str::to_owned),
            ..Self::reading([id, "", ""], (object(), object()), ("", ""), run)
        }
    }

    /// The part of the id before the colon.
    pub fn plugin(&self) -> &str {
        self.id.split_once(':').map_or("", |(plugin, _)| plugin)
    }

    /// The part of the id after the colon.
    pub fn name(&self) -> &str {
        self.id.split_once(':').map_or(self.id.as_str(), |(_, name)| name)
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Action").field("id", &self.id).field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// Why a set of actions cannot be one registry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegistryError {
    /// Two actions answer to one name; the second would be unreachable.
    #[error("the name {name:?} belongs to both {first} and {second}")]
    NameTaken {
        /// The contested name.
        name: String,
        /// The action that had it.
        first: String,
        /// The action that wanted it.
        second: String,
    },
}

/// All actions of this server, fixed at start. Listing is in order of id.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    actions: Vec<Arc<Action>>,
    by_name: HashMap<String, usize>,
    scopes: Arc<BTreeMap<String, String>>,
}

impl Registry {
    /// Builds the registry.
    ///
    /// # Errors
    /// [`RegistryError::NameTaken`] where an id, a tool name or an alias is claimed twice.
    pub fn new(mut actions: Vec<Action>) -> Result<Self, RegistryError> {
        actions.sort_by(|a, b| a.id.cmp(&b.id));
        let mut by_name: HashMap<String, usize> = HashMap::new();
        for (index, action) in actions.iter().enumerate() {
            for name in every_name(action) {
                match by_name.insert(name.clone(), index) {
                    Some(other) if other != index => {
                        let (first, second) = (actions[other].id.clone(), action.id.clone());
                        return Err(RegistryError::NameTaken { name, first, second });
                    }
                    _ => {}
                }
            }
        }
        let actions = actions.into_iter().map(Arc::new).collect();
        Ok(Self { actions, by_name, scopes: Arc::default() })
    }

    /// The same, with a sentence for each scope that only actions from outside the house need.
    #[must_use]
    pub fn with_scopes(self, scopes: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { scopes: Arc::new(scopes.into_iter().collect()), ..self }
    }

    /// What was said of a scope beside what the house says.
    pub fn scope(&self, scope: &str) -> Option<&str> {
        self.scopes.get(scope).map(String::as_str)
    }

    /// The part of this registry that `shows` picks: the same actions, under the same names.
    #[must_use]
    pub fn part(&self, shows: impl Fn(&Action) -> bool) -> Self {
        let actions: Vec<Arc<Action>> = self.actions.iter().filter(|action| shows(action)).cloned().collect();
        let names = |(index, action): (usize, &Arc<Action>)| {
            every_name(action).map(move |name| (name, index)).collect::<Vec<_>>()
        };
        let by_name = actions.iter().enumerate().flat_map(names).collect();
        Self { actions, by_name, scopes: Arc::clone(&self.scopes) }
    }

    /// Every action, in order of id.
    pub fn all(&self) -> &[Arc<Action>] {
        &self.actions
    }

    /// The action that answers to `name` in any of its forms: `catalog_get-catalog-entity` (safe),
    /// `catalog.get-catalog-entity` (dotted), `catalog:get-catalog-entity` (id), or an alias.
    pub fn find(&self, name: &str) -> Option<&Arc<Action>> {
        self.by_name.get(name).map(|&index| &self.actions[index])
    }
}

/// `catalog_get-catalog-entity`: what every client and model API accepts, `^[a-zA-Z0-9_-]{1,64}$`.
pub fn safe_name(id: &str) -> String {
    id.replace(':', "_")
}

/// `catalog.get-catalog-entity`: Backstage's own form, which some model APIs refuse.
pub fn dotted_name(id: &str) -> String {
    id.replace(':', ".")
}

fn every_name(action: &Action) -> impl Iterator<Item = String> {
    [action.id.clone(), safe_name(&action.id), dotted_name(&action.id)]
        .into_iter()
        .chain(action.aliases.iter().cloned())
}
