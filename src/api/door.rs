//! Who asks, whether they may, and how an answer and a refusal look.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::{Asked, invalid};
use crate::access::{self, Decision};
use crate::actions::{ActionError, Caller};
use crate::app::App;
use crate::audit::Call;
use crate::catalog::index::Index;
use crate::catalog::seen::sees_all;
use crate::limits;
use crate::mcp::gate::Gate;
use crate::mcp::guard;
use crate::mcp::headers::is_json;
use crate::secret;

/// The door of every URL here.
pub struct Door {
    /// Who is let in.
    pub gate: Gate,
    /// How long a body may take.
    pub patience: Duration,
    /// The rest of the server.
    pub app: App,
}

/// What an answer is made of.
pub struct Answer {
    /// The body, as JSON.
    pub body: Vec<u8>,
    /// Where the next page is (RFC 8288), where there is one.
    pub next: Option<String>,
}

impl Answer {
    /// `body` as JSON, written once and no further than an answer may go.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`], where it is longer than [`limits::REST_ANSWER_BYTES_MAX`].
    pub fn of(body: &impl Serialize) -> Result<Self, ActionError> {
        let mut written = Bounded(Vec::new());
        match serde_json::to_writer(&mut written, body) {
            Ok(()) => Ok(Self { body: written.0, next: None }),
            Err(error) if error.is_io() => Err(invalid(format!(
                "The answer would be longer than {} bytes: ask for fewer entities, or for parts of them with fields",
                limits::REST_ANSWER_BYTES_MAX
            ))),
            Err(error) => Err(ActionError::Fault(error.into())),
        }
    }
}

/// Takes as many bytes as an answer may have.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > limits::REST_ANSWER_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a refusal tells of the request.
struct Place {
    method: String,
    url: String,
}

impl Door {
    /// Answers `request` with what `answer` makes of it, as a use of the action `id`.
    pub async fn serve<F>(&self, request: Request, id: &'static str, answer: F) -> Response<Body>
    where
        F: FnOnce(&Index, &Asked) -> Result<Answer, ActionError> + Send + 'static,
    {
        let url = request.uri().path_and_query().map_or("/", |it| it.as_str());
        let url = url.strip_prefix("/api/catalog").unwrap_or(url).to_owned();
        let place = Place { method: request.method().to_string(), url };
        let at = self.app.clock.now();
        let (parts, body) = request.into_parts();
        let target = self.app.config.public_url.at(parts.uri.path());
        let heard = self.gate.live.heard();
        let verified = match self.gate.admit(&parts.headers, &parts.method, &target, at).await {
            Ok(verified) => verified,
            Err(refused) => return translated(*refused, &place).await,
        };
        let caller = Arc::clone(&verified.caller);
        if let Some(refused) = self.may(&caller, id, parts.uri.path()) {
            self.note(caller, id, "refused", at).await;
            return translated(refused, &place).await;
        }
        let bytes = match guard::whole(body, self.patience).await {
            Ok(bytes) => bytes,
            Err(refused) => {
                self.note(caller, id, "refused", at).await;
                return translated(*refused, &place).await;
            }
        };
        // The body may have been long on its way.
        if let Err(refused) = self.gate.still(&verified, heard, self.app.clock.now()).await {
            return translated(*refused, &place).await;
        }
        let caller = self.gate.authority.renewed(verified).caller;
        if let Some(refused) = self.may(&caller, id, parts.uri.path()) {
            self.note(caller, id, "refused", at).await;
            return translated(refused, &place).await;
        }
        let outcome = match read(&parts.headers, parts.uri.query(), &bytes) {
            Ok(asked) => self.run(Arc::clone(&caller), asked, answer).await,
            Err(error) => Err(error),
        };
        self.note(caller, id, if outcome.is_ok() { "ok" } else { "refused" }, at).await;
        match outcome {
            Ok(answer) => answered(answer),
            Err(error) => self.failed(&error, &place),
        }
    }

    /// The refusal of a caller who may not use the action that answers this.
    fn may(&self, caller: &Caller, id: &str, path: &str) -> Option<Response<Body>> {
        let decision = self.app.actions.find(id).map(|action| access::decide(caller, action));
        match decision {
            Some(Decision::OpenToAll | Decision::ScopeHeld(_)) => None,
            Some(Decision::NeedsScope(scope)) => {
                Some(self.gate.challenge.insufficient_scope(&caller.scopes, scope, path))
            }
            Some(Decision::Forbidden) => Some(crate::mcp::answer::refusal(
                StatusCode::FORBIDDEN,
                "access_denied",
                "The policy of this platform does not give you this",
            )),
            Some(Decision::Hidden) | None => Some(crate::mcp::answer::refusal(
                StatusCode::FORBIDDEN,
                "access_denied",
                "This token is kept to other plugins or permissions",
            )),
        }
    }

    async fn run<F>(&self, caller: Arc<Caller>, mut asked: Asked, answer: F) -> Result<Answer, ActionError>
    where
        F: FnOnce(&Index, &Asked) -> Result<Answer, ActionError> + Send + 'static,
    {
        let catalog = self.app.catalog.clone();
        asked.sees_all = sees_all(&caller);
        // Some of these read every entity: not on the threads that answer others.
        let answered = tokio::task::spawn_blocking(move || answer(&catalog.seen(&caller), &asked)).await;
        answered.unwrap_or_else(|error| Err(ActionError::Fault(error.into())))
    }

    async fn note(
        &self,
        caller: Arc<Caller>,
        id: &'static str,
        outcome: &'static str,
        at: crate::clock::Time,
    ) {
        let micros = u32::try_from(self.app.clock.now().micros_since(at)).unwrap_or_default();
        self.app.audit.call(Call { caller, action: id.into(), outcome, at, micros }).await;
    }

    fn failed(&self, error: &ActionError, place: &Place) -> Response<Body> {
        let (status, name, why) = match error {
            ActionError::NotFound(why) => (StatusCode::NOT_FOUND, "NotFoundError", why.clone()),
            ActionError::InvalidInput(why) => (StatusCode::BAD_REQUEST, "InputError", why.clone()),
            ActionError::NotAllowed(why) => (StatusCode::FORBIDDEN, "NotAllowedError", why.clone()),
            ActionError::Conflict(why) => (StatusCode::CONFLICT, "ConflictError", why.clone()),
            other => {
                let request_id = secret::id(self.app.clock.now());
                tracing::error!(error = %other, %request_id, "a catalog request failed");
                let why = format!("The server failed; its log says why under {request_id}");
                (StatusCode::INTERNAL_SERVER_ERROR, "Error", why)
            }
        };
        refused(status, name, &why, place)
    }
}

/// Reads parameters and body.
fn read(headers: &HeaderMap, query: Option<&str>, bytes: &[u8]) -> Result<Asked, ActionError> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let parameters = pairs.take(limits::QUERY_FIELDS_MAX).map(|(k, v)| (k.into_owned(), v.into_owned()));
    let parameters = parameters.collect();
    if bytes.is_empty() {
        return Ok(Asked { parameters, body: json!({}), sees_all: false });
    }
    if !is_json(headers) {
        return Err(invalid("The body must be JSON: send Content-Type: application/json".to_owned()));
    }
    match serde_json::from_slice(bytes) {
        Ok(body @ Value::Object(_)) => Ok(Asked { parameters, body, sees_all: false }),
        _ => Err(invalid("The body must be a JSON object".to_owned())),
    }
}

fn answered(answer: Answer) -> Response<Body> {
    let mut response = json_of(StatusCode::OK, answer.body);
    if let Some(next) = answer.next.and_then(|next| HeaderValue::try_from(next).ok()) {
        response.headers_mut().insert(LINK, next);
    }
    response
}

/// A refusal of the door, in the shape that Backstage gives errors, with what the door says in headers.
async fn translated(refusal: Response<Body>, place: &Place) -> Response<Body> {
    let (parts, body) = refusal.into_parts();
    let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let name = match parts.status {
        StatusCode::UNAUTHORIZED => "AuthenticationError",
        StatusCode::FORBIDDEN => "NotAllowedError",
        StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE => "InputError",
        _ => "ServiceUnavailableError",
    };
    let mut response = refused(
        parts.status,
        name,
        said["error_description"].as_str().unwrap_or("Missing credentials"),
        place,
    );
    for (name, value) in &parts.headers {
        if ![CONTENT_TYPE, axum::http::header::CONTENT_LENGTH].contains(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn refused(status: StatusCode, name: &str, message: &str, place: &Place) -> Response<Body> {
    let body = json!({
        "error": {"name": name, "message": message},
        "request": {"method": place.method, "url": place.url},
        "response": {"statusCode": status.as_u16()},
    });
    json_of(status, body.to_string())
}

fn json_of(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
