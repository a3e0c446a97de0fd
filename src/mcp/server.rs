//! What `rmcp` asks of us: who we are, which tools this caller sees, and a call.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
    CompleteResult, ContentBlock, CustomRequest, CustomResult, DiscoverResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, Implementation, InitializeResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, MetaObject, PaginatedRequestParams,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResultType,
    ServerCapabilities, Tool,
};
#[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
use rmcp::model::{SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value};

use super::call::{Answer, Calls};
use super::features::{self, Features, completion, page, prompts, resources};
use super::fixtures;
use super::rounds::About;
use super::session::wishes;
use super::talk;
use super::tools::Offered;
use crate::actions::Caller;
use crate::actions::question::Ability;
use crate::actions::turn::{Talk, Turn};
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
    features: Arc<Features>,
    info: Arc<InitializeResult>,
    meta: Arc<MetaObject>,
}

impl Server {
    /// A server that shows and calls the tools of `calls` and has `features` besides, under the name `title`.
    pub fn new(calls: Arc<Calls>, features: Arc<Features>, title: &str) -> Self {
        let name = Implementation::new("postern", env!("CARGO_PKG_VERSION")).with_title(title);
        let mut meta = MetaObject::default();
        let of_us = serde_json::json!({ "name": name.name, "version": name.version, "title": name.title });
        meta.insert("io.modelcontextprotocol/serverInfo".to_owned(), of_us);
        let info = InitializeResult::new(features::capabilities())
            .with_server_info(name)
            .with_instructions(INSTRUCTIONS);
        Self { calls, features, info: Arc::new(info), meta: Arc::new(meta) }
    }

    /// What this server says that it can do.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.info.capabilities
    }

    /// What it has besides tools.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Calls `offered`, which only reads, and shows the answer as a client of that era reads it. `None` where it wants
    /// to speak first: nothing was done then.
    pub async fn read(
        &self,
        turn: &Turn,
        offered: &Offered,
        arguments: Option<Map<String, Value>>,
        modern: bool,
    ) -> Option<CallToolResult> {
        match self.calls.call(turn, offered, arguments).await {
            Answer::Done(value) => Some(self.done(value, Vec::new(), modern)),
            Answer::Failed(text) => Some(self.failed(text, modern)),
            Answer::Waits(_) | Answer::Cannot(_) | Answer::Speechless => None,
        }
    }

    /// Calls `offered`, which may speak before it answers.
    async fn call(
        &self,
        context: &RequestContext<RoleServer>,
        offered: &Offered,
        request: CallToolRequestParams,
    ) -> Result<CallToolResponse, ErrorData> {
        let (caller, modern) = (caller(context)?, is_modern(context));
        let name = &offered.action.id;
        let arguments = request.arguments;
        let about = About { caller, method: "tools/call", name, arguments: arguments.as_ref() };
        let answers = if modern {
            self.features.rounds.answers(about, request.input_responses, request.request_state.as_deref())?
        } else {
            BTreeMap::new()
        };
        let listener = talk::listener(context, answers.clone())?;
        let (talk, said) = Talk::new(listener);
        let talk = Arc::new(talk);
        let turn = Turn::talking(Arc::clone(caller), Arc::clone(&talk));
        let work = self.calls.call(&turn, offered, arguments.clone());
        let result = match talk::converse(context, &talk, said, work).await? {
            Answer::Done(value) => self.done(value, talk.take_shown(), modern),
            Answer::Failed(text) => self.failed(text, modern),
            Answer::Waits(questions) => {
                let mut asked = self.features.rounds.ask(about, answers, questions)?;
                asked.meta = self.meta(modern);
                return Ok(asked.into());
            }
            Answer::Cannot(ability) if modern => return Err(cannot(ability)),
            Answer::Cannot(ability) => {
                let text = format!("NotAllowedError: this needs a client that can {}", ability.words());
                self.failed(text, modern)
            }
            Answer::Speechless => return Err(ErrorData::internal_error("no way to speak", None)),
        };
        Ok(result.into())
    }

    fn done(&self, value: Value, shown: Vec<Value>, modern: bool) -> CallToolResult {
        let mut result = if shown.is_empty() {
            CallToolResult::success(vec![ContentBlock::text(value.to_string())])
        } else {
            CallToolResult::success(shown.into_iter().filter_map(block).collect())
        };
        // Before 2026-07-28 it is an object or nothing.
        result.structured_content = Some(value).filter(|v| v.is_object() || modern && !v.is_null());
        self.complete(result, modern)
    }

    fn failed(&self, text: String, modern: bool) -> CallToolResult {
        self.complete(CallToolResult::error(vec![ContentBlock::text(text)]), modern)
    }

    fn complete(&self, mut result: CallToolResult, modern: bool) -> CallToolResult {
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

/// A content block that an action showed. One of another shape is left out: the rest of the answer may still help.
fn block(value: Value) -> Option<ContentBlock> {
    serde_json::from_value(value)
        .inspect_err(|error| tracing::error!(%error, "an action showed what is no content block"))
        .ok()
}

/// The client cannot be asked what it must be (MCP 2026-07-28, -32021).
fn cannot(ability: Ability) -> ErrorData {
    let text = format!("this needs a client that can {}", ability.words());
    let data = serde_json::json!({ "requiredCapabilities": ability.declared_as() });
    ErrorData::new(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY, text, Some(data))
}

/// Whether the request speaks the revision without a handshake: it says so in its own `_meta`.
pub(super) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
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
        let offered = self.calls.tools.find(&request.name).ok_or_else(|| {
            let name = &request.name;
            ErrorData::invalid_params(
                format!("Unknown tool: {name}. tools/list names those you may call."),
                None,
            )
        })?;
        self.call(&context, offered, request).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let (mut resources, next_cursor) =
            resources::list(&self.features, caller(&context)?, page::after(request)?).await;
        if self.features.fixtures && next_cursor.is_none() {
            resources.extend(fixtures::resources::list());
        }
        Ok(ListResourcesResult {
            result_type: Some(ResultType::COMPLETE),
            meta: self.meta(is_modern(&context)),
            next_cursor,
            ttl_ms: Some(limits::MCP_LIST_TTL_MILLISECONDS),
            cache_scope: Some(CacheScope::Private),
            resources,
        })
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        if page::after(request)?.is_some() {
            return Err(ErrorData::invalid_params(
                "unknown cursor: the list of templates has one page",
                None,
            ));
        }
        let mut resource_templates = resources::templates(&self.features, caller(&context)?);
        if self.features.fixtures {
            resource_templates.extend(fixtures::resources::templates());
        }
        Ok(ListResourceTemplatesResult {
            result_type: Some(ResultType::COMPLETE),
            meta: self.meta(is_modern(&context)),
            next_cursor: None,
            ttl_ms: Some(limits::MCP_LIST_TTL_MILLISECONDS),
            cache_scope: Some(CacheScope::Private),
            resource_templates,
        })
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (caller, modern) = (caller(&context)?, is_modern(&context));
        let fixture = fixtures::resources::read(&request.uri).filter(|_| self.features.fixtures);
        let contents = match fixture {
            Some(contents) => contents,
            None => resources::read(&self.features, caller, &request.uri).await?,
        };
        let mut result = ReadResourceResult::new(vec![contents]);
        result.result_type = modern.then_some(ResultType::COMPLETE);
        result.ttl_ms = Some(limits::MCP_LIST_TTL_MILLISECONDS);
        result.cache_scope = Some(CacheScope::Private);
        result.meta = self.meta(modern);
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let (mut prompts, next_cursor) =
            prompts::list(&self.features, caller(&context)?, page::after(request)?.as_deref());
        if self.features.fixtures && next_cursor.is_none() {
            prompts.extend(fixtures::prompts::list());
        }
        Ok(ListPromptsResult {
            result_type: Some(ResultType::COMPLETE),
            meta: self.meta(is_modern(&context)),
            next_cursor,
            ttl_ms: Some(limits::MCP_LIST_TTL_MILLISECONDS),
            cache_scope: Some(CacheScope::Private),
            prompts,
        })
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let (caller, modern) = (caller(&context)?, is_modern(&context));
        let mut result = if self.features.fixtures && fixtures::prompts::is_one(&request.name) {
            match fixtures::prompts::get(&self.features, &context, caller, request)? {
                GetPromptResponse::Complete(result) => result,
                waits => return Ok(waits),
            }
        } else {
            prompts::get(&self.features, caller, &request.name, request.arguments)?
        };
        result.result_type = modern.then_some(ResultType::COMPLETE);
        result.meta = self.meta(modern);
        Ok(result.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let fixture = fixtures::prompts::complete(&request).filter(|_| self.features.fixtures);
        let found = match fixture {
            Some(found) => found,
            None => completion::complete(&self.features, caller(&context)?, request).await?,
        };
        let mut result = CompleteResult::new(found);
        result.meta = self.meta(is_modern(&context));
        Ok(result)
    }

    #[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        wishes::set_level(&context, request.level).await
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        wishes::follow(&context, &request.uri, true).await
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        wishes::follow(&context, &request.uri, false).await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        // Only for headers that repeat arguments; where there are none, a copy of the tool would be for nothing.
        let offered = self.calls.tools.find(name).filter(|offered| offered.repeats_in_headers)?;
        Some(offered.tool().clone())
    }

    /// `rmcp` brings here what fits no request it knows: an unknown method, and a known one with other parameters.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method.as_str();
        if features::has(method) {
            return Err(ErrorData::invalid_params(format!("Invalid params for {method}"), None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method}"), None))
    }
}
