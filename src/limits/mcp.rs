//! Limits of the MCP endpoint: callers, streams, sessions, rounds, servers, personal tokens, approvals.

/// Most verified callers a node remembers: one entry is about 500 bytes, so at most some 16 MB.
pub const LIVE_CALLERS_MAX: u64 = 32_768;
/// Largest body of one MCP request, in bytes: a template with its files fits, a flood does not.
pub const MCP_BODY_BYTES_MAX: usize = 1_048_576;
/// How long a client may keep a list of tools, in milliseconds: it changes with a release or a new consent.
pub const MCP_LIST_TTL_MILLISECONDS: u64 = 300_000;
/// Sets of scopes whose tool list is kept ready.
pub const MCP_LISTS_MAX: u64 = 1_024;
/// Reasons given for arguments that do not fit, and bytes of each: a model needs the first few, not a dump of every
/// branch of a union.
pub const ARGUMENT_REASONS_MAX: usize = 10;
/// Bytes of one such reason.
pub const ARGUMENT_REASON_BYTES_MAX: usize = 300;
/// Most named MCP servers: each is a resource with its own metadata, lists and place on pages.
pub const SERVERS_MAX: usize = 64;
/// Longest name of an MCP server, in bytes: it is one segment of a URL.
pub const SERVER_NAME_BYTES_MAX: usize = 64;
/// Longest title or instructions of an MCP server, in bytes: every model that connects reads them.
pub const SERVER_TEXT_BYTES_MAX: usize = 4_096;
/// Longest pattern for actions, in bytes; an id has at most 64 and a few braces.
pub const GLOB_BYTES_MAX: usize = 256;
/// Most ways through the braces of one pattern.
pub const GLOB_FORMS_MAX: usize = 64;
/// Longest life of a personal access token, in days: whoever still needs it in a year can say so then.
pub const PERSONAL_TOKEN_DAYS_MAX: i64 = 366;
/// Most live personal access tokens of one person.
pub const PERSONAL_TOKENS_MAX: i64 = 50;
/// How coarse the last use of a personal token is recorded, in seconds: a write per call would be a hot row.
pub const PERSONAL_TOKEN_USED_SECONDS: i64 = 3_600;
/// Shortest token that the configuration may name, in bytes: below, it can be guessed.
pub const STATIC_TOKEN_BYTES_MIN: usize = 24;
/// Longest subject that the configuration may give such a token, in bytes: it stands in every row of the audit log.
pub const STATIC_SUBJECT_BYTES_MAX: usize = 128;
/// Most open event streams of one client of one user on one node: a window of an editor holds one, and nobody has
/// this many windows.
pub const MCP_STREAMS_PER_CALLER_MAX: usize = 64;
/// Most open event streams of one user, or of a program that is none, on one node, through however many clients: anyone
/// may register another, and nobody is to fill a node alone.
pub const MCP_STREAMS_PER_SUBJECT_MAX: usize = 256;
/// While the news do not arrive, how often the grants of open streams are asked for, in seconds.
pub const MCP_STREAMS_ASK_SECONDS: u64 = 10;
/// Most open event streams on one node. One costs some 20 KB with its connection.
pub const MCP_STREAMS_MAX: usize = 8_192;
/// How often a silent stream shows that it lives, in seconds: proxies close what is silent for 30 or 60.
pub const MCP_KEEP_ALIVE_SECONDS: u64 = 15;
/// A stream ends, in order, after this long, in seconds: clients reconnect with the token they have by then.
pub const MCP_STREAM_SECONDS_MAX: u64 = 14_400;
/// How long a client waits before it opens a stream again, in milliseconds; sent as `retry`.
pub const MCP_RETRY_MILLIS: u64 = 1_000;
/// Longest URI of a resource, in bytes; an event of the database carries it.
pub const MCP_URI_BYTES_MAX: usize = 2_048;
/// Most resources that one stream or session follows.
pub const MCP_SUBSCRIPTIONS_MAX: usize = 256;
/// How long a stream that was told something gathers what changes next, in milliseconds.
pub const MCP_GATHER_MILLIS: u64 = 100;
/// Changes that a node remembers for streams that were cut.
pub const MCP_CHANGES_KEPT: usize = 1_024;
/// Seconds a client should wait where all streams are taken.
pub const MCP_STREAMS_RETRY_SECONDS: u32 = 30;
/// Most live sessions of one client of one user; the least used one ends for a new one.
pub const MCP_SESSIONS_PER_CALLER_MAX: i64 = 128;
/// A session that nobody used for this long has ended, in seconds: an editor left open over a holiday goes on, since
/// most clients show a lost session as an error.
pub const MCP_SESSION_IDLE_SECONDS: i64 = 14 * 86_400;
/// How often a session's use is written down, in seconds.
pub const MCP_SESSION_SEEN_SECONDS: i64 = 600;
/// Sessions that a node remembers; one is about 1 KB.
pub const MCP_SESSIONS_KNOWN_MAX: u64 = 16_384;
/// Longest that a client may say of itself in `initialize`, in bytes.
pub const MCP_CLIENT_BYTES_MAX: usize = 8_192;
/// Most requests of one session that run at once.
pub const MCP_RUNNING_PER_SESSION_MAX: usize = 64;
/// How long a question to a client waits for its answer, in seconds: a person reads and decides.
pub const MCP_ANSWER_SECONDS: u64 = 600;
/// Most events, and most bytes, of one stream that its node keeps at hand for a client that comes back.
pub const MCP_TAPE_EVENTS_MAX: usize = 256;
/// Bytes of it.
pub const MCP_TAPE_BYTES_MAX: usize = 1_048_576;
/// Most streams whose events a node keeps at hand, and for how many seconds.
pub const MCP_TAPES_MAX: u64 = 1_024;
/// Seconds of it.
pub const MCP_TAPE_KEPT_SECONDS: u64 = 300;
/// How long events wait in the database for a client that was cut off, in seconds.
pub const MCP_EVENTS_KEPT_SECONDS: i64 = 3_600;
/// How often a node looks for events of a request that runs on another, in milliseconds.
pub const MCP_FOLLOW_MILLIS: u64 = 200;
/// Longest id of a request that can be taken back on another node, in bytes.
pub const MCP_REQUEST_ID_BYTES_MAX: usize = 256;
/// Most messages of one batch (MCP 2025-03-26).
pub const MCP_BATCH_MAX: usize = 32;
/// Most messages of one call that wait for a slow client; progress and log lines beyond are left out.
pub const ACTION_SAID_MAX: usize = 64;
/// How long a person has to answer a question of a tool, in seconds. The sealed state of the call is good this long.
pub const MCP_ROUND_SECONDS: i64 = 900;
/// Longest run of a tool that somebody waits for, in seconds; a person who is asked something is part of it.
pub const MCP_CALL_SECONDS_MAX: u64 = 900;
/// Largest state of a call between two rounds, in bytes: what clients send back must fit a request with the answers.
pub const MCP_ROUND_BYTES_MAX: usize = 65_536;
/// Most files of one entity's documentation or one template's skeleton.
pub const ATTACHED_FILES_MAX: usize = 500;
/// Largest of these files, in bytes; a model reads it whole.
pub const ATTACHED_BYTES_MAX: u64 = 512 * 1024;
/// Resources or prompts on one page of a list: some 20 KB.
pub const MCP_PAGE_ITEMS: usize = 100;
/// Most completions of one answer (MCP 2026-07-28, completion).
pub const MCP_COMPLETIONS_MAX: usize = 100;
/// Longest argument of a prompt, in bytes: a person types it.
pub const MCP_PROMPT_ARGUMENT_BYTES_MAX: usize = 4_096;
/// Longest URI of a resource that is looked at, in bytes.
pub const MCP_RESOURCE_URI_BYTES_MAX: usize = 2_048;
/// How long a held call waits for its person's yes, and a yes for its call, in seconds: a look and a thought.
pub const APPROVAL_SECONDS: i64 = 600;
/// Longest arguments that are shown for approval, in bytes: what nobody reads, nobody approves.
pub const APPROVAL_ARGUMENTS_BYTES_MAX: usize = 65_536;
/// Most calls that wait for one person's yes: beyond, a model asks and nobody reads.
pub const APPROVALS_WAITING_MAX: i64 = 20;
/// How long a call waits for a person who has just opened the page, in seconds: proxies give up at 30.
pub const APPROVAL_WAIT_SECONDS: u32 = 20;
/// How long a task and its outcome are kept, in seconds; clients are told so.
pub const MCP_TASK_SECONDS: i64 = 86_400;
/// Most tasks of one client of one user that are under way.
pub const MCP_TASKS_PER_CALLER_MAX: i64 = 32;
/// How long a node's word that it runs a task is good, in seconds: as long as a task of a node that died looks alive.
pub const MCP_TASK_CLAIM_SECONDS: i64 = 60;
/// How often a running task looks for answers and for its cancellation, and how often clients should, in milliseconds.
pub const MCP_TASK_POLL_MILLIS: u64 = 500;
/// Times that questions and answers of one task are exchanged again because somebody else was quicker.
pub const MCP_TASK_EXCHANGES_MAX: usize = 10;
