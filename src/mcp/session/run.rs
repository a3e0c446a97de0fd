//! The requests of sessions that run on this node.
//!
//! `rmcp` serves each by a service of its own, as it serves stateless ones, but over a transport that stays open: what
//! the handler says before it answers goes onto a tape, and what the client says back finds the way in. A client that
//! hangs up has not taken its request back (MCP 2025-11-25, transports), so a request runs on until it is done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, InitializeRequestParams, JsonRpcRequest, ServerJsonRpcMessage,
};
use rmcp::service::serve_directly_with_ct;
use rmcp::transport::Transport;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use super::Session;
use super::ask::Questions;
use super::tape::{self, Tape};
use crate::clock::Clock;
use crate::limits;
use crate::mcp::server::Server;
use crate::secret;
use crate::store::events::Event;
use crate::store::mcp_sessions::{self, Sent};
use crate::store::{self, Store};

/// What runs here for sessions.
#[derive(Debug)]
pub struct Runs {
    store: Store,
    clock: Clock,
    /// By the session's digest, then by the request's id as JSON.
    running: Mutex<HashMap<String, HashMap<String, CancellationToken>>>,
    tapes: Cache<String, Arc<Tape>>,
    /// What waits for its answer.
    pub questions: Questions,
}

/// Why a request cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotRun {
    /// The session has as many as it may.
    TooMany,
    /// One with this id runs already.
    SameId,
}

/// A place among the running, given back when it is dropped.
struct Running {
    runs: Arc<Runs>,
    session: String,
    id: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.runs.lock();
        if let Some(of_session) = running.get_mut(&self.session) {
            of_session.remove(&self.id);
            if of_session.is_empty() {
                running.remove(&self.session);
            }
        }
    }
}

impl Runs {
    /// None yet.
    pub fn new(store: Store, clock: Clock) -> Self {
        let kept = Duration::from_secs(limits::MCP_TAPE_KEPT_SECONDS);
        let tapes = Cache::builder().max_capacity(limits::MCP_TAPES_MAX).time_to_idle(kept).build();
        let questions = Questions::new(store.clone(), clock.clone());
        Self { store, clock, running: Mutex::default(), tapes, questions }
    }

    /// Runs `request` for `session`, and writes on `tape` what is said.
    ///
    /// # Errors
    /// [`CannotRun`].
    pub fn start(
        self: &Arc<Self>,
        server: Server,
        session: &Arc<Session>,
        request: JsonRpcRequest<ClientRequest>,
        tape: Arc<Tape>,
    ) -> Result<(), CannotRun> {
        let stop = CancellationToken::new();
        let id = serde_json::to_string(&request.id).unwrap_or_default();
        let digest = session.digest.as_str().to_owned();
        {
            let mut running = self.lock();
            let of_session = running.entry(digest.clone()).or_default();
            if of_session.contains_key(&id) {
                return Err(CannotRun::SameId);
            }
            if of_session.len() >= limits::MCP_RUNNING_PER_SESSION_MAX {
                return Err(CannotRun::TooMany);
            }
            of_session.insert(id.clone(), stop.clone());
        }
        let running = Running { runs: Arc::clone(self), session: digest, id };
        let (said, inbox) = serve(server, request, session.client.clone(), &stop);
        let session = Arc::clone(session);
        tokio::spawn(async move {
            let runs = Arc::clone(&running.runs);
            runs.record(running, &session, &tape, said, &inbox, &stop).await;
            stop.cancel();
        });
        Ok(())
    }

    /// Writes down what is said until the answer, for readers here and elsewhere.
    async fn record(
        &self,
        running: Running,
        session: &Arc<Session>,
        tape: &Arc<Tape>,
        mut said: Receiver<ServerJsonRpcMessage>,
        inbox: &Sender<ClientJsonRpcMessage>,
        stop: &CancellationToken,
    ) {
        let mut running = Some(running);
        let mut unkept = Vec::new();
        loop {
            let message = tokio::select! {
                biased;
                message = said.recv() => message,
                () = stop.cancelled() => None,
            };
            let Some(message) = message else { break };
            let last = is_answer(&message);
            let text = match message {
                ServerJsonRpcMessage::Request(request) => {
                    match self.questions.put(session, request, inbox).await {
                        Some(text) => text,
                        None => continue,
                    }
                }
                other => serde_json::to_string(&other).unwrap_or_default(),
            };
            let text: Arc<str> = text.into();
            if last {
                // Before the client hears it: its next request must find the place free.
                drop(running.take());
            }
            unkept.push((tape.say(Arc::clone(&text), last), Some(text)));
            if last {
                break;
            }
            if tape.len() == 1 {
                self.tapes.insert(tape_key(session, &tape.name), Arc::clone(tape));
            }
            if said.is_empty() {
                self.keep(session, tape, &mut unkept).await;
            }
        }
        tape.end();
        // A plain answer goes with its own request, and nobody can ask for it again.
        if tape.len() > 1 || unkept.is_empty() && !tape.is_empty() {
            unkept.push((tape.len() + 1, None));
            self.keep(session, tape, &mut unkept).await;
        }
    }

    /// Writes events down for a reader on another node. What was said has left already: this waits for nobody.
    async fn keep(&self, session: &Session, tape: &Tape, events: &mut Vec<(i64, Option<Arc<str>>)>) {
        let seal = |(place, text): (i64, Option<Arc<str>>)| -> Sent {
            let row = event_row(session, &tape.name, place);
            (place, text.map(|text| secret::seal_under(&session.id, &row, text.as_bytes())))
        };
        let events: Vec<Sent> = events.drain(..).map(seal).collect();
        let now = self.clock.now();
        if let Err(error) = mcp_sessions::sent(&self.store, &session.digest, &tape.name, &events, now).await {
            tracing::warn!(%error, "events of an MCP stream could not be kept for a client that is cut off");
        }
    }

    /// The tape with this name, where this node has it.
    pub fn tape(&self, session: &Session, stream: &str) -> Option<Arc<Tape>> {
        self.tapes.get(&tape_key(session, stream))
    }

    /// What another node wrote down of `stream` after `place`: each event with its message, or `None` for the end.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn kept(
        &self,
        session: &Session,
        stream: &str,
        place: i64,
    ) -> Result<Vec<(i64, Option<String>)>, store::Error> {
        let sent = mcp_sessions::sent_after(&self.store, &session.digest, stream, place).await?;
        let open = |(place, sealed): Sent| {
            let Some(sealed) = sealed else { return Some((place, None)) };
            let plain = secret::open_under(&session.id, &event_row(session, stream, place), &sealed).ok()?;
            Some((place, Some(String::from_utf8(plain).ok()?)))
        };
        Ok(sent.into_iter().filter_map(open).collect())
    }

    /// Whether any node wrote something down of `stream`.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn is_kept(&self, session: &Session, stream: &str) -> Result<bool, store::Error> {
        mcp_sessions::was_sent(&self.store, &session.digest, stream).await
    }

    /// Takes the request `id` of `session` back, here or on the node where it runs.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn cancel(&self, session: &Session, id: &str) -> Result<(), store::Error> {
        if self.cancel_here(session.digest.as_str(), id) || id.len() > limits::MCP_REQUEST_ID_BYTES_MAX {
            return Ok(());
        }
        let event = Event::McpCancelled(format!("{} {id}", session.digest.as_str()));
        store::events::announce(&self.store, &event, self.clock.now()).await
    }

    /// The same where it runs here; says whether it did.
    pub fn cancel_here(&self, digest: &str, id: &str) -> bool {
        let stop = self.lock().get(digest).and_then(|of_session| of_session.get(id).cloned());
        stop.inspect(CancellationToken::cancel).is_some()
    }

    /// The sessions for which something runs here.
    pub fn sessions(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Ends all that runs for a session.
    pub fn end(&self, digest: &str) {
        let running = self.lock();
        running.get(digest).into_iter().flat_map(HashMap::values).for_each(CancellationToken::cancel);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, CancellationToken>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `request` where nobody can be told or asked anything before the answer, which is given as JSON.
pub async fn quietly(
    server: Server,
    client: InitializeRequestParams,
    request: JsonRpcRequest<ClientRequest>,
) -> Option<String> {
    let stop = CancellationToken::new();
    let _stop_with_this = stop.clone().drop_guard();
    let (mut said, inbox) = serve(server, request, client, &stop);
    loop {
        match said.recv().await? {
            ServerJsonRpcMessage::Request(question) => {
                let _ = inbox.send(super::ask::unanswered(question.id, "this request has no stream")).await;
            }
            ServerJsonRpcMessage::Notification(_) => {}
            answer => return serde_json::to_string(&answer).ok(),
        }
    }
}

/// Whether nothing comes after it.
pub fn is_answer(message: &ServerJsonRpcMessage) -> bool {
    matches!(message, ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_))
}

fn tape_key(session: &Session, stream: &str) -> String {
    format!("{} {stream}", session.digest.as_str())
}

fn event_row(session: &Session, stream: &str, place: i64) -> String {
    format!("{} {}", session.digest.as_str(), tape::event_id(stream, place))
}

/// Starts a service for one request: what it says, and where to say something back.
pub fn serve(
    server: Server,
    request: JsonRpcRequest<ClientRequest>,
    client: InitializeRequestParams,
    stop: &CancellationToken,
) -> (Receiver<ServerJsonRpcMessage>, Sender<ClientJsonRpcMessage>) {
    let (outbox, said) = channel(16);
    let (inbox, heard) = channel(16);
    let transport = OneRequest {
        request: Some(Box::new(ClientJsonRpcMessage::Request(request))),
        heard,
        outbox,
        answered: CancellationToken::new(),
    };
    // A child: `rmcp` cancels what it is given when it is done, which is no order to stop listening to it.
    let service = serve_directly_with_ct(server, transport, Some(client), stop.child_token());
    tokio::spawn(async move {
        let _ = service.waiting().await;
    });
    (said, inbox)
}

/// A transport for one request and all that belongs to it.
struct OneRequest {
    request: Option<Box<ClientJsonRpcMessage>>,
    heard: Receiver<ClientJsonRpcMessage>,
    outbox: Sender<ServerJsonRpcMessage>,
    answered: CancellationToken,
}

impl Transport<RoleServer> for OneRequest {
    type Error = SendError<ServerJsonRpcMessage>;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (outbox, answered) = (self.outbox.clone(), self.answered.clone());
        async move {
            let last = is_answer(&message);
            outbox.send(message).await?;
            if last {
                answered.cancel();
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        if let Some(request) = self.request.take() {
            return Some(*request);
        }
        tokio::select! {
            message = self.heard.recv() => message,
            () = self.answered.cancelled() => None,
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.request = None;
        Ok(())
    }
}
