//! Questions that a handler puts to a client, and the way of their answers to the node that waits.
//!
//! A question goes out on the stream of the request that it belongs to, under an id that is unique everywhere. Its
//! answer comes as a request of its own, to any node: to this one, straight into the handler; to another, through the
//! database, sealed under the session's id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use rmcp::ErrorData;
use rmcp::model::{
    ClientJsonRpcMessage, ErrorCode, JsonRpcError, JsonRpcRequest, RequestId, ServerJsonRpcMessage,
    ServerRequest,
};
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::Session;
use crate::clock::Clock;
use crate::limits;
use crate::secret;
use crate::store::mcp_sessions;
use crate::store::{self, Store};

/// The questions that wait on this node.
#[derive(Debug)]
pub struct Questions {
    store: Store,
    clock: Clock,
    waiting: Arc<Mutex<HashMap<String, Question>>>,
}

#[derive(Debug)]
struct Question {
    session: Arc<Session>,
    /// What the handler calls it.
    id: RequestId,
    inbox: Sender<ClientJsonRpcMessage>,
}

impl Questions {
    /// None yet.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, waiting: Arc::default() }
    }

    /// Gives `request` an id of its own, and remembers where its answer goes. `None` where the store did not take it:
    /// the handler has its refusal then.
    pub async fn put(
        &self,
        session: &Arc<Session>,
        mut request: JsonRpcRequest<ServerRequest>,
        inbox: &Sender<ClientJsonRpcMessage>,
    ) -> Option<String> {
        let name = format!("q{}", BASE64URL.encode(secret::random::<18>()));
        if let Err(error) = mcp_sessions::ask(&self.store, &session.digest, &name, self.clock.now()).await {
            tracing::warn!(%error, "a question to an MCP client could not be written down");
            let _ = inbox.send(unanswered(request.id, "the question could not be asked")).await;
            return None;
        }
        let id = std::mem::replace(&mut request.id, RequestId::String(name.as_str().into()));
        let question = Question { session: Arc::clone(session), id, inbox: inbox.clone() };
        self.lock().insert(name.clone(), question);
        self.give_up_in_time(name);
        serde_json::to_string(&ServerJsonRpcMessage::Request(request)).ok()
    }

    fn give_up_in_time(&self, name: String) {
        let waiting = Arc::clone(&self.waiting);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(limits::MCP_ANSWER_SECONDS)).await;
            let question = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            if let Some(question) = question {
                let _ =
                    question.inbox.send(unanswered(question.id, "the client did not answer in time")).await;
            }
        });
    }

    /// Brings the client's `answer` to whoever waits for it, here or on another node. Says whether anybody does.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn answer(&self, session: &Session, answer: &[u8]) -> Result<bool, store::Error> {
        let Ok(value) = serde_json::from_slice::<Value>(answer) else { return Ok(false) };
        let Some(name) = value["id"].as_str().map(str::to_owned) else { return Ok(false) };
        if let Some(question) = self.take(&name, session) {
            question.hear(value).await;
            return Ok(true);
        }
        let sealed = secret::seal_under(&session.id, &name, answer);
        mcp_sessions::answer(&self.store, &session.digest, &name, &sealed, self.clock.now()).await
    }

    /// An answer lies ready in the database; takes it where it is for this node.
    pub async fn fetch(&self, name: &str) {
        let Some(session) = self.lock().get(name).map(|question| Arc::clone(&question.session)) else {
            return;
        };
        let sealed = match mcp_sessions::take_answer(&self.store, name).await {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "the answer of an MCP client could not be read"),
        };
        let plain = secret::open_under(&session.id, name, &sealed).ok();
        let value = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        if let (Some(value), Some(question)) = (value, self.take(name, &session)) {
            question.hear(value).await;
        }
    }

    /// The same for every question that waits here.
    pub async fn fetch_all(&self) {
        let names: Vec<String> = self.lock().keys().cloned().collect();
        for name in names {
            self.fetch(&name).await;
        }
    }

    /// Takes a question out, where it was put to this session (another one's answer is nobody's).
    fn take(&self, name: &str, session: &Session) -> Option<Question> {
        let mut waiting = self.lock();
        waiting.get(name).filter(|question| question.session.digest.matches(&session.digest))?;
        waiting.remove(name)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Question>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    async fn hear(self, mut answer: Value) {
        answer["id"] = serde_json::to_value(&self.id).unwrap_or_default();
        let message = serde_json::from_value(answer)
            .unwrap_or_else(|_| unanswered(self.id, "the client's answer cannot be read"));
        // Whoever asked may be gone by now.
        let _ = self.inbox.send(message).await;
    }
}

/// What a handler hears where no client can be asked.
pub fn unanswered(id: RequestId, why: &'static str) -> ClientJsonRpcMessage {
    let error = ErrorData::new(ErrorCode::INTERNAL_ERROR, why, None);
    ClientJsonRpcMessage::Error(JsonRpcError::new(Some(id), error))
}
