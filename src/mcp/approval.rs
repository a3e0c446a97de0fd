//! Calls that are held until their person says yes: which ones, and how the question is asked.
//!
//! The answer is looked up anew at each call of the same thing, so a client need not keep anything, and any node will do.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rmcp::model::{
    CallToolResult, ClientCapabilities, ContentBlock, ElicitRequest, ElicitRequestParams, ErrorCode,
    InputRequest, InputRequiredResult, InputResponses,
};
use rmcp::{ErrorData, RoleServer, service::RequestContext};
use serde_json::{Value, json};

use super::authority::Unavailable;
use crate::access::approval::{self, Held, Verdict};
use crate::actions::filter::Rule;
use crate::actions::{Action, Caller, Registry};
use crate::app::App;
use crate::limits;
use crate::store::approvals;

/// The name of the question within a result of 2026-07-28.
const QUESTION: &str = "approval";
/// `URLElicitationRequiredError` (MCP 2025-11-25, elicitation).
const URL_ELICITATION_REQUIRED: i32 = -32042;

/// How things stand with a held call, on the way.
pub type Asked = BoxFuture<'static, Result<Verdict, Unavailable>>;

/// Asks how things stand with a call with these arguments.
pub type Ask = dyn Fn(Held, String) -> Asked + Send + Sync;

/// Which calls are held, and whom to ask.
#[derive(Clone)]
pub struct Approvals {
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
    /// Those of `app`.
    pub fn of(app: &App) -> Self {
        let app = app.clone();
        let place = app.config.public_url.at("/approvals/");
        Self::new(&app.config.approval.clone(), &app.actions.clone(), &place, move |held, arguments| {
            let app = app.clone();
            Box::pin(async move {
                let seal = |id: &str| app.vault.seal(&approval::row(id), arguments.as_bytes());
                let verdict = approvals::take(&app.store, &held, seal, app.clock.now()).await;
                verdict.map_err(|error| Unavailable(error.into()))
            })
        })
    }

    /// Holds the calls of the actions that fit one of `rules`; the question is asked at `place` and its id.
    pub fn new(
        rules: &[Rule],
        registry: &Registry,
        place: &str,
        ask: impl Fn(Held, String) -> Asked + Send + Sync + 'static,
    ) -> Self {
        let held = registry.all().iter().filter(|action| rules.iter().any(|rule| rule.fits(action)));
        let held = held.map(|action| action.id.clone()).collect();
        Self { held: Arc::new(held), place: place.into(), ask: Arc::new(ask) }
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

/// The ways to say that a call waits.
#[derive(Debug)]
pub enum Said {
    /// In the revision without a handshake, to a client that opens pages.
    Modern(InputRequiredResult),
    /// Before, to a client that opens pages.
    Legacy(ErrorData),
    /// To every other: a failed call whose text has the link.
    Plain(CallToolResult),
}

impl Waiting {
    /// As a failed call whose text has the link.
    pub fn plain(&self) -> CallToolResult {
        let Self { url, message, .. } = self;
        let text = format!(
            "NotAllowedError: {message} Ask the person to open {url}, and call this tool again with the same arguments \
             once they approved."
        );
        CallToolResult::error(vec![ContentBlock::text(text)])
    }

    /// The way that fits the era and what the client declared.
    pub fn say(self, modern: bool, opens_pages: bool) -> Said {
        if !opens_pages {
            return Said::Plain(self.plain());
        }
        let Self { id, url, message } = self;
        if modern {
            // 2026-07-28 has no id for a question.
            let params = ElicitRequestParams::UrlElicitationParams {
                meta: None,
                message,
                url,
                elicitation_id: String::new(),
            };
            let question = InputRequest::Elicitation(ElicitRequest::new(params));
            return Said::Modern(InputRequiredResult::from_input_requests(BTreeMap::from([(
                QUESTION.to_owned(),
                question,
            )])));
        }
        let question = json!({"mode": "url", "elicitationId": id, "url": url, "message": message});
        Said::Legacy(ErrorData::new(
            ErrorCode(URL_ELICITATION_REQUIRED),
            "This call needs the person's approval.",
            Some(json!({"elicitations": [question]})),
        ))
    }
}

/// Whether the client declared that it opens pages for its person.
pub fn opens_pages(context: &RequestContext<RoleServer>) -> bool {
    let declared = context.meta.client_capabilities();
    let declared = declared.or_else(|| context.peer.peer_info().map(|info| info.capabilities.clone()));
    declared
        .as_ref()
        .and_then(|all: &ClientCapabilities| all.elicitation.as_ref())
        .is_some_and(|e| e.url.is_some())
}

/// What a client says its person did with the question: nothing was asked, went there, or would not.
pub fn went(responses: Option<&InputResponses>) -> Option<bool> {
    let answer = responses?.get(QUESTION)?;
    Some(answer.get("action").and_then(Value::as_str) == Some("accept"))
}

impl fmt::Debug for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Approvals({:?})", self.held)
    }
}
