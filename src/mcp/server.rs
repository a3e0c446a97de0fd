//! What `rmcp` asks of us: who we are, which tools this caller sees, and a call.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest,
    CustomResult, DiscoverResult, ErrorCode, Implementation, InitializeResult, ListToolsResult, MetaObject,
    PaginatedRequestParams, ProtocolVersion, ResultType, ServerCapabilities,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value};

use super::approval::{self, Said};
use super::call::{Answer, Calls};
use super::tools::Offered;
use crate::actions::Caller;
use crate::limits;

/// Told to every model that connects.
const INSTRUCTIONS: &str = "Tools of your platform: look things up in the software catalog before you answer from memory. \
     An answer that begins with a name such as InputError or NotFoundError says what to change in the call.";

/// Every revision served, oldest first as `rmcp` lists them.
static REVISIONS: [ProtocolVersion; 4] = [
    ProtocolVersion::V_2025_03_26,
    ProtocolVersion::V_2025_06_18,
    ProtocolVersion::V_2025_11_25,
    ProtocolVersion::V_2026_07_28,
];

/// The handler behind every MCP endpoint. One is made for each request; it holds only what is shared.
#[derive(Clone, Debug)]
pub struct Server {
    calls: Arc<Calls>,
    info: Arc<InitializeResult>,
    meta: Arc<MetaObject>,
}

impl Server {
    /// A server that shows and calls the tools of `calls`, under the name `title`, and tells models `instructions` or
    /// what every server says.
    pub fn new(calls: Arc<Calls>, title: &str, instructions: Option<&str>) -> Self {
        let name = Implementation::new("postern", env!("CARGO_PKG_VERSION")).with_title(title);
        let mut meta = MetaObject::default();
        let of_us = serde_json::json!({ "name": name.name, "version": name.version, "title": name.title });
        meta.insert("io.modelcontextprotocol/serverInfo".to_owned(), of_us);
        let info = InitializeResult::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(name)
            .with_instructions(instructions.unwrap_or(INSTRUCTIONS));
        Self { calls, info: Arc::new(info), meta: Arc::new(meta) }
    }

    /// Whether calls of `offered` wait for their person's yes.
    pub fn holds(&self, offered: &Offered) -> bool {
        self.calls.approvals.hold(&offered.action)
    }

    /// Calls `offered`, which is not held, and shows the answer as a client of that era reads it.
    pub async fn call(
        &self,
        caller: &Arc<Caller>,
        offered: &Offered,
        arguments: Option<Map<String, Value>>,
        modern: bool,
    ) -> CallToolResult {
        let answer = self.calls.call(caller, offered, arguments, false).await;
        self.shown(answer, modern)
    }

    fn shown(&self, answer: Answer, modern: bool) -> CallToolResult {
        let result = match answer {
            Answer::Done(value) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
                // Before 2026-07-28 it is an object or nothing.
                result.structured_content = Some(value).filter(|value| modern || value.is_object());
                result
            }
            Answer::Failed(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
            Answer::Waits(waiting) => waiting.plain(),
        };
        self.finished(result, modern)
    }

    fn finished(&self, mut result: CallToolResult, modern: bool) -> CallToolResult {
        result.result_type = modern.then_some(ResultType::COMPLETE);
        result.meta = self.meta(modern);
        result
    }

    /// Ours on every modern result: `_meta` with the server's name. Legacy results say it once, at `initialize`.
    fn meta(&self, modern: bool) -> Option<MetaObject> {
        modern.then(|| (*self.meta).clone())
    }
}

/// The caller whom the guard let in.
fn caller(context: &RequestContext<RoleServer>) -> Result<&Arc<Caller>, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    // No caller means that this handler was mounted without its guard: answer nobody.
    parts.and_then(|parts| parts.extensions.get()).ok_or_else(|| ErrorData::internal_error("no caller", None))
}

/// Whether the request speaks the revision without a handshake: it says so in its own `_meta`.
fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.meta.protocol_version().is_some()
}

impl ServerHandler for Server {
    fn get_info(&self) -> InitializeResult {
        (*self.info).clone()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&REVISIONS)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let mut found =
            DiscoverResult::from_server_info(REVISIONS.iter().rev().cloned().collect(), self.get_info());
        found.ttl_ms = limits::MCP_LIST_TTL_MILLISECONDS;
        found.cache_scope = CacheScope::Private;
        Ok(found)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        // Everything fits one page, so no cursor of ours exists, and any other is not ours.
        if request.is_some_and(|page| page.cursor.is_some()) {
            return Err(ErrorData::invalid_params("unknown cursor: the list of tools has one page", None));
        }
        let tools = self.calls.tools.list(caller(&context)?);
        Ok(ListToolsResult {
            result_type: Some(ResultType::COMPLETE),
            meta: self.meta(is_modern(&context)),
            next_cursor: None,
            ttl_ms: Some(limits::MCP_LIST_TTL_MILLISECONDS),
            // What is listed depends on the token's scopes, so nobody else may be shown it.
            cache_scope: Some(CacheScope::Private),
            tools: (*tools).clone(),
        })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = caller(&context)?;
        let offered = self.calls.tools.find_for(caller, &request.name).ok_or_else(|| {
            let name = &request.name;
            ErrorData::invalid_params(
                format!("Unknown tool: {name}. tools/list names those you may call."),
                None,
            )
        })?;
        let modern = is_modern(&context);
        if !self.holds(offered) {
            return Ok(self.call(caller, offered, request.arguments, modern).await.into());
        }
        let went = approval::went(request.input_responses.as_ref());
        if went == Some(false) {
            let text =
                "NotAllowedError: the person would not look at this call; do not try it again".to_owned();
            return Ok(self.shown(Answer::Failed(text), modern).into());
        }
        match self.calls.call(caller, offered, request.arguments, went == Some(true)).await {
            Answer::Waits(waiting) => match waiting.say(modern, approval::opens_pages(&context)) {
                Said::Modern(required) => Ok(required.with_meta((*self.meta).clone()).into()),
                Said::Legacy(error) => Err(error),
                Said::Plain(result) => Ok(self.finished(result, modern).into()),
            },
            answer => Ok(self.shown(answer, modern).into()),
        }
    }

    /// `rmcp` brings here what fits no request it knows: an unknown method, and a known one with other parameters.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        match request.method.as_str() {
            method @ ("initialize" | "tools/call" | "tools/list" | "server/discover" | "ping") => {
                Err(ErrorData::invalid_params(format!("Invalid params for {method}"), None))
            }
            method => {
                Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method}"), None))
            }
        }
    }
}
