//! Calls that are held until their person says yes: which ones, and how the question is asked.
//!
//! The answer is looked up anew at each call of the same thing, so a client need not keep anything, and any node will do.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use serde_json::{Value, json};

use super::authority::Unavailable;
use crate::access::approval::{self, Held, Verdict};
use crate::actions::filter::Rule;
use crate::actions::question::Question;
use crate::actions::{Action, Caller, Effect, Registry};
use crate::app::App;
use crate::limits;
use crate::store::approvals;

/// The name of the question within a result of 2026-07-28.
pub const QUESTION: &str = "approval";
/// What a sealed state says where the call that it goes on with was approved: the yes is used up by then, and was for
/// this very call. No question is called so, so no client can answer it.
pub const PASSED: &str = "postern/approved";
/// `URLElicitationRequiredError` (MCP 2025-11-25, elicitation).
const URL_ELICITATION_REQUIRED: i32 = -32042;

/// How things stand with a held call, on the way.
pub type Asked = BoxFuture<'static, Result<Verdict, Unavailable>>;

/// Asks how things stand with a call with these arguments.
pub type Ask = dyn Fn(Held, String) -> Asked + Send + Sync;

/// Which calls are held, and whom to ask.
#[derive(Clone)]
pub struct Approvals {
    rules: Arc<[Rule]>,
    /// The ids of the actions that fit one of the rules, once it is known which actions there are.
    held: Arc<HashSet<String>>,
    place: Arc<str>,
    ask: Arc<Ask>,
}

/// A call that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    id: String,
    url: String,
    message: String,
}

impl Approvals {
    /// As `app` is configured, its rows kept in its store.
    pub fn of(app: &App) -> Self {
        let place = app.config.public_url.at("/approvals/").into();
        let rules = app.config.approval.clone().into();
        let app = app.clone();
        let ask = move |held: Held, arguments: String| -> Asked {
            let app = app.clone();
            Box::pin(async move {
                let seal = |id: &str| app.vault.seal(&approval::row(id), arguments.as_bytes());
                let verdict = approvals::take(&app.store, &held, seal, app.clock.now()).await;
                verdict.map_err(|error| Unavailable(error.into()))
            })
        };
        Self { rules, held: Arc::default(), place, ask: Arc::new(ask) }
    }

    /// The same with other rules.
    #[must_use]
    pub fn with(self, rules: Vec<Rule>) -> Self {
        Self { rules: rules.into(), ..self }
    }

    /// The same for the actions of `registry`: which of them are held is decided once.
    ///
    /// # Errors
    /// The id of an action that fits and only reads. What it reads is read as a resource and over REST too, where nobody
    /// is asked: a rule that seems to hold it would be a promise that nobody keeps.
    pub fn over(&self, registry: &Registry) -> Result<Self, String> {
        let fits = |action: &&Arc<Action>| self.rules.iter().any(|rule| rule.fits(action));
        let held: Vec<&Arc<Action>> = registry.all().iter().filter(fits).collect();
        if let Some(reads) = held.iter().find(|action| action.effect == Effect::Read) {
            return Err(reads.id.clone());
        }
        let held = held.into_iter().map(|action| action.id.clone()).collect();
        Ok(Self { held: Arc::new(held), ..self.clone() })
    }

    /// Whether calls of `action` are held.
    pub fn hold(&self, action: &Action) -> bool {
        !self.held.is_empty() && self.held.contains(&action.id)
    }

    /// Whether this call may run now, which uses up the yes, or what to say instead. With `patience`, which a client has
    /// that has just opened the page, an answer is waited for.
    ///
    /// # Errors
    /// A sentence for the model, or the call that waits.
    pub async fn admit(
        &self,
        caller: &Caller,
        action: &Action,
        arguments: &Value,
        patience: bool,
    ) -> Result<(), NotYet> {
        if !caller.is_user {
            return Err(NotYet::No(
                "this tool waits for a person's approval, and no person stands behind this token",
            ));
        }
        let text = arguments.to_string();
        if text.len() > limits::APPROVAL_ARGUMENTS_BYTES_MAX {
            return Err(NotYet::No("the arguments are too long to be shown to a person for approval"));
        }
        let held = Held {
            user_id: caller.subject.clone(),
            grant_id: caller.grant_id.clone(),
            client_id: caller.client_id.clone(),
            resource: caller.resource.clone(),
            action: action.id.clone(),
            digest: approval::digest(action, arguments),
        };
        let mut rounds = if patience { limits::APPROVAL_WAIT_SECONDS } else { 0 };
        loop {
            match (self.ask)(held.clone(), text.clone()).await.map_err(NotYet::Unavailable)? {
                Verdict::Approved => return Ok(()),
                Verdict::Refused => {
                    return Err(NotYet::No("the person refused this call; do not try it again"));
                }
                Verdict::TooMany => {
                    return Err(NotYet::No(
                        "too many calls wait for this person's approval; ask them to answer those first",
                    ));
                }
                Verdict::Waiting(id) if rounds == 0 => return Err(NotYet::Waiting(self.waiting(id, action))),
                Verdict::Waiting(_) => {
                    rounds -= 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn waiting(&self, id: String, action: &Action) -> Waiting {
        let url = format!("{}{id}", self.place);
        let message = format!(
            "“{}” needs your approval. See exactly what it would do, then approve or refuse.",
            action.title
        );
        Waiting { id, url, message }
    }
}

/// Why a held call does not run now.
#[derive(Debug)]
pub enum NotYet {
    /// Its person was asked and did not answer yet.
    Waiting(Waiting),
    /// It will not.
    No(&'static str),
    /// The store did not answer.
    Unavailable(Unavailable),
}

impl Waiting {
    /// The question, for a client that opens pages for its person.
    pub fn question(self) -> Question {
        Question::url(QUESTION, self.message, self.url, self.id)
    }

    /// The same as the error of 2025-11-25, after which such a client calls again by itself.
    pub fn required(self) -> ErrorData {
        let question = self.question();
        let asked = json!({ "elicitations": [question.params()] });
        ErrorData::new(
            ErrorCode(URL_ELICITATION_REQUIRED),
            "This call needs the person's approval.",
            Some(asked),
        )
    }

    /// The same for every other client: the text of a failed call.
    pub fn text(&self) -> String {
        let Self { url, message, .. } = self;
        format!(
            "NotAllowedError: {message} Ask the person to open {url}, and call this tool again with the same arguments \
             once they approved."
        )
    }
}

impl fmt::Debug for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Approvals({:?})", self.held)
    }
}
