//! What `rmcp` asks of us: who we are, which tools this caller sees, and a call.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
    CompleteResult, CustomRequest, CustomResult, DiscoverResult, ErrorCode, GetPromptRequestParams,
    GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, InitializeRequestParams,
    InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    MetaObject, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, ResultType, ServerCapabilities, Tool, UpdateTaskParams,
};
#[expect(deprecated, reason = "logging is served as long as revisions that have it are")]
use rmcp::model::{SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::authority::Verified;
use super::call::Calls;
use super::features::{self, Features, completion, page, prompts, resources, uri};
use super::fixtures;
use super::icons;
use super::session::wishes;
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
    pub(super) calls: Arc<Calls>,
    pub(super) features: Arc<Features>,
    info: Arc<InitializeResult>,
    meta: Arc<MetaObject>,
}

impl Server {
    /// A server that shows and calls the tools of `calls` and has `features` besides, under the name `title`, and tells
    /// models `instructions` or what every server says.
    pub fn new(
        calls: Arc<Calls>,
        features: Arc<Features>,
        (title, instructions): (&str, Option<&str>),
    ) -> Self {
        let name = Implementation::new("postern", env!("CARGO_PKG_VERSION")).with_title(title);
        let mut meta = MetaObject::default();
        let of_us = serde_json::json!({ "name": name.name, "version": name.version, "title": name.title });
        meta.insert("io.modelcontextprotocol/serverInfo".to_owned(), of_us);
        let info = InitializeResult::new(features::capabilities())
            .with_server_info(name)
            .with_instructions(instructions.unwrap_or(INSTRUCTIONS));
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

    /// Whether calls of `offered` wait for their person's yes.
    pub fn holds(&self, offered: &Offered) -> bool {
        self.calls.approvals.hold(&offered.action)
    }

    /// Ours on every modern result: `_meta` with the server's name. Legacy results say it once, at `initialize`.
    pub(super) fn meta(&self, modern: bool) -> Option<MetaObject> {
        modern.then(|| (*self.meta).clone())
    }
}

/// The caller whom the guard let in.
pub(super) fn caller(context: &RequestContext<RoleServer>) -> Result<&Arc<Caller>, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    // No caller means that this handler was mounted without its guard: answer nobody.
    parts.and_then(|parts| parts.extensions.get()).ok_or_else(|| ErrorData::internal_error("no caller", None))
}

/// The token that the guard let in, for what outlives its answer.
pub(super) fn verified(context: &RequestContext<RoleServer>) -> Result<&Verified, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    parts.and_then(|parts| parts.extensions.get()).ok_or_else(|| ErrorData::internal_error("no caller", None))
}

/// Whether the request speaks the revision without a handshake: it says so in its own `_meta`.
pub(super) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.meta.protocol_version().is_some()
}

/// Whether the client's revision has icons. One that names none is as old as the first revision that need not.
fn knows_icons(context: &RequestContext<RoleServer>) -> bool {
    let header = || {
        let parts = context.extensions.get::<Parts>()?;
        parts.headers.get("mcp-protocol-version")?.to_str().ok().map(|text| text.trim() >= icons::SINCE)
    };
    let agreed = || context.peer.peer_info().map(|info| info.protocol_version.as_str() >= icons::SINCE);
    is_modern(context) || header().or_else(agreed).unwrap_or_default()
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
        let mut tools = (*self.calls.tools.list(caller(&context)?)).clone();
        if !knows_icons(&context) {
            tools.iter_mut().for_each(|tool| tool.icons = None);
        }
        Ok(ListToolsResult {
            result_type: Some(ResultType::COMPLETE),
            meta: self.meta(is_modern(&context)),
            next_cursor: None,
            ttl_ms: Some(limits::MCP_LIST_TTL_MILLISECONDS),
            // What is listed depends on the token's scopes, so nobody else may be shown it.
            cache_scope: Some(CacheScope::Private),
            tools,
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
        if uri::Target::parse(&request.uri).is_some() && self.features.is_kept_out(caller(&context)?) {
            return Err(resources::not_found(&request.uri));
        }
        wishes::follow(&context, &request.uri, true).await
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        wishes::follow(&context, &request.uri, false).await
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut info = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request);
        // Extensions came with the revision that has no handshake.
        info.capabilities.extensions = None;
        Ok(info)
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let mut found =
            GetTaskResult::new(self.features.tasks.get(caller(&context)?, &request.task_id).await?);
        found.meta = self.meta(true);
        Ok(found)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let responses = request.input_responses;
        self.features.tasks.update(caller(&context)?, &request.task_id, responses).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.features.tasks.cancel(caller(&context)?, &request.task_id).await
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
