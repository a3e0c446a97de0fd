//! The scaffolder: templates that make things, and the tasks that run them.
//!
//! Owns: what a template says ([`template`]), the values it is given ([`parameters`]), its expressions ([`expression`]),
//! what steps do ([`steps`]), and tasks: asked for ([`tasks`]), run ([`worker`], step by step in [`run`]), tried out without
//! an effect ([`dry`]). Does not own: where templates come from (`catalog`), who may run them (`access`), where tasks are
//! kept (`store`), how MCP shows it (`mcp`).
//!
//! A task's way: values are checked → a row → some node claims it by a lease → each step is written down before it begins
//! and after it ended → an end. A node that dies leaves the row; another one takes it up: what a step did outside this
//! server is never done twice unless that is harmless, and where nobody can know whether it happened, the task fails and
//! says so.

pub mod actions;
mod carrier;
pub mod dry;
pub mod expression;
mod filters;
pub mod journal;
pub mod parameters;
pub mod run;
pub mod source;
pub mod steps;
pub mod tasks;
pub mod template;
pub mod worker;
pub mod workspace;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::access;
use crate::actions::filter::Rule;
use crate::actions::{Action, Caller, Registry};
use crate::app::policy::Policies;
use crate::audit::Audit;
use crate::catalog::{Catalog, who_am_i};
use crate::clock::Clock;
use crate::outbound::Outbound;
use crate::secret::Vault;
use crate::store::Store;

/// The scope that looking at templates and at one's own tasks needs.
pub const READ_SCOPE: &str = "scaffolder:read";
/// The scope that running templates needs.
pub const RUN_SCOPE: &str = "scaffolder:run";

/// What the scaffolder needs of the house. Cheap to clone. Its actions are there before there is a database; it is
/// furnished before any of them runs.
#[derive(Clone, Default)]
pub struct House(Arc<OnceLock<Parts>>);

/// What a [`House`] is made of.
pub struct Parts {
    /// The rows.
    pub store: Store,
    /// The one clock.
    pub clock: Clock,
    /// Seals secrets.
    pub vault: Arc<Vault>,
    /// Where templates are.
    pub catalog: Catalog,
    /// Who may do what, at the moment of each step.
    pub policies: Arc<Policies>,
    /// The one way out.
    pub outbound: Outbound,
    /// Where steps with an effect are recorded.
    pub audit: Audit,
    /// Where workspaces and repositories are.
    pub data_dir: PathBuf,
    /// Actions whose calls wait for a person's yes: a task cannot ask for it.
    pub held: Vec<Rule>,
    /// Every action of this server. Those of this room hold what holds this, so that it must not hold them.
    pub registry: Weak<Registry>,
    /// Wakes this node's worker.
    pub wake: Notify,
}

impl Deref for House {
    type Target = Parts;

    #[expect(clippy::expect_used, reason = "actions run in a server that is open, and only there")]
    fn deref(&self) -> &Parts {
        self.0.get().expect("a server that is open has furnished it")
    }
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("House")
    }
}

impl House {
    /// Gives it what it needs, once.
    pub fn furnish(&self, parts: Parts) {
        let _ = self.0.set(parts);
    }

    /// The action of this server with this id that a step may use. None of the scaffolder's own: a task that begins tasks
    /// would never end.
    pub fn action(&self, id: &str) -> Option<Arc<Action>> {
        let registry = self.registry.upgrade()?;
        registry.find(id).filter(|action| action.id == id && action.plugin() != "scaffolder").cloned()
    }

    /// `caller` with what the policy says of them now: a task may outlive the policy it began under.
    pub fn fresh(&self, caller: &Arc<Caller>) -> Arc<Caller> {
        match self.policies.fresh(caller) {
            Some(rights) => Arc::new(Caller { rights, ..Caller::clone(caller) }),
            None => Arc::clone(caller),
        }
    }

    /// The ids of the actions that `caller` may use in a step, now.
    pub fn allowed(&self, caller: &Caller) -> Vec<String> {
        let Some(registry) = self.registry.upgrade() else { return Vec::new() };
        let may = |action: &&Arc<Action>| {
            action.plugin() != "scaffolder" && access::decide(caller, action).allows()
        };
        registry.all().iter().filter(may).map(|action| action.id.clone()).collect()
    }

    /// The `user` of expressions: nothing for a program on its own behalf.
    pub fn user(&self, caller: &Caller) -> Value {
        match who_am_i::answer(&self.catalog.index(), caller) {
            Ok(known) => json!({"ref": known["userInfo"]["userEntityRef"], "entity": known["entity"]}),
            Err(_) => json!({}),
        }
    }
}
