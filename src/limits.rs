//! Every lifetime, size and count of the house, unit last in the name, reason beside it.

/// Longest `scope` parameter, in bytes. Real clients send under 200.
pub const SCOPE_BYTES_MAX: usize = 2_048;
/// Most scope tokens in one request.
pub const SCOPES_MAX: usize = 64;
/// Nonce of AES-GCM, in bytes (NIST SP 800-38D).
pub const AEAD_NONCE_BYTES: usize = 12;
/// Shortest life of an access token, in seconds. VS Code refreshes without end at 300 or less.
pub const ACCESS_TOKEN_SECONDS_MIN: i64 = 900;
/// Longest life of an access token, in seconds: a resource server elsewhere trusts it this long unasked.
pub const ACCESS_TOKEN_SECONDS_MAX: i64 = 86_400;
/// Largest configuration or secret file, in bytes.
pub const CONFIG_FILE_BYTES_MAX: u64 = 262_144;
/// How many events wait for a slow listener before it is told that it missed some.
pub const EVENTS_QUEUED_MAX: usize = 4_096;
/// How often an SQLite server looks whether the file changed, in milliseconds: the delay of a command line's revocation.
pub const EVENTS_POLL_MILLIS: u64 = 50;
/// How long to wait before listening again after notifications were lost, in milliseconds.
pub const EVENTS_RECONNECT_MILLIS: u64 = 500;
/// How far back the news table is read again, in seconds: two processes' clocks and commits are not in one order.
pub const EVENTS_OVERLAP_SECONDS: i64 = 5;
/// Longest wait for a database connection, in seconds; a request that waited longer is answered 503.
pub const DATABASE_WAIT_SECONDS: u64 = 5;
/// Read connections to SQLite; more readers than cores only wait for each other.
pub const SQLITE_READERS: u32 = 4;
/// How many audit entries wait for the writer before callers wait too.
pub const AUDIT_QUEUED_MAX: usize = 65_536;
/// Most audit entries in one transaction: large enough for the rate of calls, small enough for one row of reads.
pub const AUDIT_BATCH_MAX: usize = 4_096;
/// How long the writer lets entries gather that nobody waits for, in milliseconds.
pub const AUDIT_GATHER_MILLIS: u64 = 50;
/// First pause before what already happened is written again, in milliseconds; doubled each time.
pub const AUDIT_RETRY_MILLIS: u64 = 100;
/// Last pause; after it the entries are given up and the log says how many.
pub const AUDIT_RETRY_MILLIS_MAX: u64 = 25_600;
/// Longest query of an authorization request, in bytes: room for the 1 to 2 KB state of real clients, several times.
pub const AUTHORIZE_BYTES_MAX: usize = 16_384;
/// Longest `state`, in bytes. VS Code for the web sends a URL of up to 2 KB.
pub const STATE_BYTES_MAX: usize = 4_096;
/// Longest parameter of an authorization request that has no limit of its own, in bytes.
pub const PARAMETER_BYTES_MAX: usize = 2_048;
/// How long an authorization request waits for its answer, in seconds: sign-in and a moment's thought.
pub const REQUEST_SECONDS: i64 = 600;
/// How long an authorization code waits for its redemption, in seconds (RFC 6749 section 4.1.2 allows 600).
pub const CODE_SECONDS: i64 = 60;
/// How long a yes is remembered, in seconds: thirty days.
pub const CONSENT_SECONDS: i64 = 2_592_000;
/// Longest form of a page, in bytes: a password, a name, an address and their proofs.
pub const PAGE_FORM_BYTES_MAX: usize = 16_384;
/// Longest e-mail address, in bytes (RFC 5321 section 4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest name of a person, in characters.
pub const PERSON_NAME_CHARS_MAX: usize = 100;
/// Longest name of a client on a page, in characters; what is longer is cut (attack D03).
pub const SHOWN_NAME_CHARS_MAX: usize = 60;
/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in bytes: enough for any passphrase, too little to keep a core busy with hashing.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Memory of one password hash, in KiB (OWASP's argon2id setting).
pub const ARGON2_MEMORY_KIB: u32 = 19_456;
/// Passes over that memory.
pub const ARGON2_PASSES: u32 = 2;
/// Lanes of that memory.
pub const ARGON2_LANES: u32 = 1;
/// How many sign-ins may wait for a core; more than that are told to come back (attack C08).
pub const PASSWORD_QUEUE_MAX: usize = 64;
/// Guesses at one account that cost no wait, whatever the door (attack C08): what a person needs to remember.
pub const GUESSES_FREE_MAX: i64 = 5;
/// The wait after the first guess that costs one, in seconds; doubled at each.
pub const GUESS_WAIT_SECONDS: i64 = 2;
/// The longest wait, in seconds: under 300 guesses a day, and not long for an owner at a new desk.
pub const GUESS_WAIT_SECONDS_MAX: i64 = 300;
/// How long guesses count after the last one, in seconds: a day.
pub const GUESSES_KEPT_SECONDS: i64 = 86_400;
/// How long a browser that was signed in to is remembered, in seconds: half a year.
pub const KNOWN_BROWSER_SECONDS: i64 = 180 * 86_400;
/// Buckets of requests that a node remembers, at some 100 bytes each: more addresses than ask within two minutes.
pub const RATES_REMEMBERED_MAX: u64 = 100_000;
/// A session that nobody used for this long has ended, in seconds: a working day and the night after it.
pub const SESSION_IDLE_SECONDS: i64 = 86_400;
/// A session has ended after this long, however much it was used, in seconds: a week.
pub const SESSION_SECONDS: i64 = 604_800;
/// How often a session's use is written down, in seconds: not at each click.
pub const SESSION_SEEN_SECONDS: i64 = 60;
/// How long `healthcheck` waits, in seconds; under the 5 s that images usually allow.
pub const HEALTHCHECK_SECONDS: u64 = 3;
/// How much of an answer `healthcheck` reads, in bytes.
pub const HEALTHCHECK_BYTES_MAX: u64 = 4_096;
/// How often what has ended is removed, in seconds.
pub const SWEEP_SECONDS: u64 = 600;
/// Most rows of one statement of the sweeper: some milliseconds, so that nobody waits for it.
pub const SWEEP_BATCH_ROWS: u32 = 1_000;
/// Most batches of one kind in one sweep; the next sweep goes on.
pub const SWEEP_BATCHES_MAX: usize = 1_000;
/// How long a grant is kept after its end, in seconds: a month, for whoever asks what there was.
pub const GRANTS_KEPT_SECONDS: i64 = 30 * 86_400;
/// How long an ended code or request is kept, in seconds, so that its replay is recognised.
pub const ENDED_KEPT_SECONDS: i64 = 86_400;
/// How long a key is published before it signs, in seconds: twelve times what published keys may be cached.
pub const KEY_LEAD_SECONDS: i64 = 3_600;
/// Longest time that one key may be told to sign, in days: ten years.
pub const KEY_ROTATE_DAYS_MAX: i64 = 3_650;
/// How much longer than a token's life a superseded key verifies, in seconds: clocks differ.
pub const KEY_OVERLAP_SECONDS: i64 = 600;
/// Connections at once on one node; each holds a file descriptor and some 20 KB.
pub const CONNECTIONS_MAX: usize = 8_192;
/// How long a connection may say nothing, or take to say what it wants, in seconds: longer than proxies keep their idle
/// connections (60), or they would send requests into closed ones.
pub const IDLE_SECONDS: u64 = 75;
/// How long a new connection has for its first bytes, in seconds.
pub const FIRST_BYTES_SECONDS: u64 = 10;
/// How often to look for the rest of HTTP/2's first bytes, in milliseconds; hardly anybody sends them in pieces.
pub const PREFACE_POLL_MILLIS: u64 = 10;
/// How long to wait before accepting again after the system refused, in milliseconds.
pub const ACCEPT_RETRY_MILLIS: u64 = 100;
/// Headers of one request; browsers send under 30.
pub const HEADERS_MAX: usize = 100;
/// All headers of one request, in bytes: the longest token, the longest address, and cookies.
pub const HEADER_BYTES_MAX: usize = 65_536;
/// Requests at once on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 128;
/// How long a request of a page or an endpoint may take, its body included, in seconds: two outbound calls and a queue.
pub const REQUEST_TIME_SECONDS: u64 = 30;
/// How long a stopping server lets requests finish, in seconds.
pub const DRAIN_SECONDS: u64 = 10;
/// How long the link that makes the first administrator works, in seconds.
pub const FIRST_ADMIN_LINK_SECONDS: i64 = 1_800;
/// How long an outbound call may take from the look-up of the name to the last byte, in seconds.
pub const OUTBOUND_SECONDS: u64 = 5;
/// How long an outbound call may take to connect, in seconds.
pub const OUTBOUND_CONNECT_SECONDS: u64 = 3;
/// Most outbound calls at once: each may hold a socket for five seconds on a stranger's word.
pub const OUTBOUND_AT_ONCE_MAX: usize = 64;
/// Most outbound calls to one host in a minute: nobody makes this server a flood (attack A09).
pub const OUTBOUND_HOST_PER_MINUTE_MAX: u32 = 60;
/// Hosts whose pace is remembered.
pub const OUTBOUND_HOSTS_MAX: u64 = 10_000;
/// Largest document of a client, in bytes (draft-ietf-oauth-client-id-metadata-document section 8.7 says 5 KB).
pub const DOCUMENT_BYTES_MAX: usize = 5_120;
/// Longest client_id, in bytes (attack A06).
pub const CLIENT_ID_BYTES_MAX: usize = 2_048;
/// A document is fresh this long where its host says nothing, in seconds.
pub const DOCUMENT_FRESH_SECONDS: i64 = 3_600;
/// Shortest freshness whatever its host says, in seconds: fetch times tell the host who signs in when.
pub const DOCUMENT_FRESH_SECONDS_MIN: i64 = 300;
/// Longest freshness whatever its host says, in seconds: a change must be seen.
pub const DOCUMENT_FRESH_SECONDS_MAX: i64 = 86_400;
/// How long the last good document serves while its host is down, in seconds past its freshness.
pub const DOCUMENT_STALE_SECONDS_MAX: i64 = 604_800;
/// How long a document that could not be had is not asked for again, in seconds (attack A09). In memory only.
pub const DOCUMENT_FAILURE_SECONDS: i64 = 15;
/// How many failures, and how many turns to fetch, are remembered.
pub const DOCUMENTS_REMEMBERED_MAX: u64 = 10_000;
/// Largest body of a registration, in bytes. Real ones are under 1 KB.
pub const REGISTRATION_BYTES_MAX: usize = 16_384;
/// Most registrations an hour on one node: room for a company's first morning, an end for a flood (attack A12).
pub const REGISTRATIONS_PER_HOUR_MAX: u32 = 3_600;
/// Most redirect URIs of one client. VS Code registers four.
pub const CLIENT_REDIRECTS_MAX: usize = 20;
/// Longest URI that a client says of itself, in bytes.
pub const CLIENT_URI_BYTES_MAX: usize = 2_048;
/// Longest name of a client, in characters: it must fit on the consent page.
pub const CLIENT_NAME_CHARS_MAX: usize = 80;
/// Longest `software_id` and `software_version`, in characters.
pub const CLIENT_SOFTWARE_CHARS_MAX: usize = 128;
/// Most registrations that one initial access token allows.
pub const INITIAL_ACCESS_USES_MAX: i64 = 10_000;
/// Longest life of an initial access token, in days.
pub const INITIAL_ACCESS_DAYS_MAX: i64 = 365;
/// Most `contacts` of a client that are kept.
pub const CLIENT_CONTACTS_MAX: usize = 5;
/// Longest life of a client assertion, in seconds: SDKs sign for five minutes, a few for an hour. Its `jti` is remembered
/// for as long.
pub const ASSERTION_SECONDS_MAX: i64 = 3_600;
/// How far a client's clock may be from ours, in seconds.
pub const ASSERTION_SKEW_SECONDS: i64 = 60;
/// Most keys of one JWK set. A rotation needs three or four; each costs a signature check where none is named.
pub const KEY_SET_KEYS_MAX: usize = 16;
/// Largest JWK set that is fetched, in bytes: all of those keys, of RSA, with their certificates.
pub const KEY_SET_BYTES_MAX: usize = 65_536;
/// Longest `kid`, in bytes.
pub const KEY_ID_BYTES_MAX: usize = 256;
/// Shortest RSA modulus, in bytes: 2048 bits (RFC 7518 section 3.3).
pub const RSA_BYTES_MIN: usize = 256;
/// Longest RSA modulus, in bytes: 4096 bits. What is longer costs time and nothing else.
pub const RSA_BYTES_MAX: usize = 512;
/// How long a fetched JWK set is used unasked, in seconds: a key that was withdrawn is refused after it.
pub const KEY_SET_FRESH_SECONDS: i64 = 900;
/// How often a JWK set may be fetched before that, because it does not hold the key that is named, in seconds (attack F04).
pub const KEY_SET_REFETCH_SECONDS: i64 = 60;
/// How long the last good JWK set serves while its host is down, in seconds past its freshness.
pub const KEY_SET_STALE_SECONDS_MAX: i64 = 86_400;
/// JWK sets that a node remembers, by whose they are.
pub const KEY_SETS_REMEMBERED_MAX: u64 = 10_000;
/// How coarse a client's last use is recorded, in seconds: a write per call would be a hot row.
pub const CLIENT_USED_SECONDS: i64 = 3_600;
/// A client that made itself known and was never used goes after this, in seconds: VS Code registers before it asks.
pub const CLIENT_NEVER_USED_SECONDS: i64 = 7 * 86_400;
/// Most self-registered clients that were never used. A flood beyond it goes within the hour, oldest first, and what a
/// person is about to use stays.
pub const CLIENTS_NEVER_USED_MAX: i64 = 10_000;
/// How long every self-registered client has for its first use, however many there are, in seconds: people leave the
/// sign-in page open over lunch.
pub const CLIENT_FIRST_USE_SECONDS: i64 = 3_600;
/// A client that made itself known and is no longer used goes after this, in seconds: editors keep their id for ever.
pub const CLIENT_UNUSED_SECONDS: i64 = 180 * 86_400;
/// How long published metadata and keys may be cached, in seconds: a new key is seen within it.
pub const METADATA_FRESH_SECONDS: u32 = 300;
/// Most verified callers a node remembers: one entry is about 500 bytes, so at most some 16 MB.
pub const LIVE_CALLERS_MAX: u64 = 32_768;
/// Longest bearer token that is looked at, in bytes. Ours are under 1,000; the rest is not worth a digest.
pub const BEARER_BYTES_MAX: usize = 8_192;
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
/// Seconds a client should wait before it asks again while the store does not answer.
pub const UNAVAILABLE_RETRY_SECONDS: u32 = 2;
/// Seconds a browser may remember the answer to a preflight.
pub const PREFLIGHT_SECONDS: u32 = 600;
/// Largest descriptor file, in bytes. The largest real ones (bundled OpenAPI documents) stay under 1 MiB.
pub const DESCRIPTOR_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most YAML documents in one descriptor file. Generated organisation files reach a few thousand.
pub const DESCRIPTOR_DOCUMENTS_MAX: usize = 10_000;
/// Deepest nesting of a descriptor. Template forms reach 15; what is deeper is an attack on the stack.
pub const DESCRIPTOR_DEPTH_MAX: usize = 64;
/// Most YAML nodes one document may have once its aliases are expanded, against "billion laughs".
pub const DESCRIPTOR_NODES_MAX: usize = 100_000;
/// Largest file that a `$text`, `$json`, `$yaml` or `$openapi` placeholder may bring in, in bytes.
pub const PLACEHOLDER_BYTES_MAX: u64 = 1024 * 1024;
/// Most placeholders in one entity, so that one descriptor cannot multiply a large file.
pub const PLACEHOLDERS_PER_ENTITY_MAX: usize = 16;
/// Most entities of a catalog. The bars of the design are for 100,000; above this the index is not measured.
pub const ENTITIES_MAX: usize = 250_000;
/// Most files that one walk of a directory opens.
pub const DESCRIPTOR_FILES_MAX: usize = 100_000;
/// Most folders that one walk enters, so that a catalog at the root of a large disk still starts.
pub const DESCRIPTOR_FOLDERS_MAX: usize = 100_000;
/// Deepest chain of folders that a walk follows.
pub const DESCRIPTOR_FOLDERS_DEEP_MAX: usize = 32;
/// Longest key and longest value of the search index, in characters, as Backstage has it.
pub const SEARCH_CHARS_MAX: usize = 200;
/// Most of a long text that full-text search reads, in bytes: a description, never a whole API definition.
pub const SEARCH_TEXT_BYTES_MAX: usize = 4_096;
/// Entities on a page that names no limit: what a model can read without losing its thread.
pub const ENTITIES_PAGE: usize = 25;
/// Most entities on one page.
pub const ENTITIES_PAGE_MAX: usize = 500;
/// Most nodes of a predicate; real queries have under 30.
pub const PREDICATE_NODES_MAX: usize = 1_000;
/// Deepest nesting of a predicate, so that a hostile one cannot exhaust the stack.
pub const PREDICATE_DEPTH_MAX: usize = 32;
/// Longest text of a predicate or filter as JSON, in bytes; a cursor carries it back and forth.
pub const PREDICATE_BYTES_MAX: usize = 16 * 1024;
/// Longest cursor that is read, in bytes: the longest predicate in base64, with its position.
pub const CURSOR_BYTES_MAX: usize = 64 * 1024;
/// Most `filter` parameters, and most projected fields, of one query.
pub const QUERY_FIELDS_MAX: usize = 100;
/// Longest full-text term, in bytes.
pub const FULL_TEXT_BYTES_MAX: usize = 512;
/// Most words of a full-text term; each costs one pass over the texts.
pub const FULL_TEXT_WORDS_MAX: usize = 8;
/// Most fields that one full-text search reads; each costs a pass for each word.
pub const FULL_TEXT_FIELDS_MAX: usize = 16;
/// Most texts too long for the index that one search reads, at some 6 µs each: the rest must be narrowed away.
pub const FULL_TEXT_LONG_MAX: usize = 20_000;
/// Most fields that one answer is sorted by; each costs a number for every entity.
pub const ORDER_FIELDS_MAX: usize = 16;
/// Most names that a did-you-mean compares; beyond, a missing name would cost more than a found one.
pub const SUGGESTION_NAMES_MAX: usize = 5_000;
/// Most groups between a user and the top that ownership follows, against cycles and absurd depth.
pub const OWNERSHIP_GROUPS_MAX: usize = 1_000;
/// How long a refresh token that was just replaced still gets the same answer, in seconds: a lost answer, or windows of
/// one program that share a token.
pub const REFRESH_GRACE_SECONDS: i64 = 30;
/// How coarse a grant's last use is recorded, in seconds: a refresh stays one written row.
pub const GRANT_USED_SECONDS: i64 = 3_600;
/// Largest form at the token side, in bytes: the longest token and the longest document URL fit twice.
pub const TOKEN_FORM_BYTES_MAX: usize = 32_768;
/// Longest parameter at the token side, in bytes: an access token with every scope.
pub const TOKEN_PARAMETER_BYTES_MAX: usize = 8_192;
/// Most parameters of one form at the token side; the longest real one has twelve.
pub const TOKEN_PARAMETERS_MAX: usize = 32;
/// Times a rotation is decided again because another one came first; twice is once more than can be needed.
pub const ROTATION_ATTEMPTS_MAX: usize = 3;
/// How long a database connection may rest and still be used unasked, in milliseconds.
pub const DATABASE_IDLE_TRUSTED_MILLIS: u64 = 1_000;
/// Audit rows in one statement: most of a batch goes in few statements, and the rest one by one.
pub const AUDIT_ROWS_A_STATEMENT: usize = 32;

// Streams of the MCP endpoint, and the sessions of clients from before 2026-07-28.

/// Most open event streams of one client of one user on one node: a window of an editor holds one, and nobody has
/// this many windows.
pub const MCP_STREAMS_PER_CALLER_MAX: usize = 64;
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
// What a tool may say and ask before it answers.

/// Most messages of one call that wait for a slow client; progress and log lines beyond are left out.
pub const ACTION_SAID_MAX: usize = 64;
/// How long a person has to answer a question of a tool, in seconds. The sealed state of the call is good this long.
pub const MCP_ROUND_SECONDS: i64 = 900;
/// Longest run of a tool that somebody waits for, in seconds; a person who is asked something is part of it.
pub const MCP_CALL_SECONDS_MAX: u64 = 900;
/// Largest state of a call between two rounds, in bytes: what clients send back must fit a request with the answers.
pub const MCP_ROUND_BYTES_MAX: usize = 65_536;

// Resources, prompts and completion.

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
/// How long a device's code waits for a person, in seconds: to fetch a phone, sign in and read (RFC 8628 section 6.1).
pub const DEVICE_SECONDS: i64 = 600;
/// How long a device waits between two polls at first, in seconds (RFC 8628 section 3.5).
pub const DEVICE_INTERVAL_SECONDS: i64 = 5;
/// How much longer after a poll that came too early, in seconds (RFC 8628 section 3.5).
pub const DEVICE_HURRY_SECONDS: i64 = 5;
/// How much too early is forgiven, in seconds: networks are not even.
pub const DEVICE_EARLY_SECONDS: i64 = 1;
/// Letters of a user code: 20 to the 8th are 34 bits, against a few guesses a minute (RFC 8628 section 5.1).
pub const USER_CODE_CHARS: usize = 8;
/// Most codes typed by one account in a window: nobody has ten devices in a quarter of an hour (attack E09).
pub const DEVICE_GUESSES_ACCOUNT_MAX: i64 = 10;
/// Most codes typed from one address in a window: a company behind one address on its first morning.
pub const DEVICE_GUESSES_ADDRESS_MAX: i64 = 60;
/// The window of both, in seconds.
pub const DEVICE_GUESSES_SECONDS: i64 = 900;
/// Longest `User-Agent` of a device that is kept for the page, in characters.
pub const DEVICE_AGENT_CHARS_MAX: usize = 120;
/// How long a pushed request waits for its browser, in seconds (RFC 9126 section 2.2 suggests 5 to 600).
pub const PUSHED_SECONDS: i64 = 60;
/// Longest DPoP proof, in bytes: an RSA key of 4,096 bits and its signature take under 2,000.
pub const DPOP_PROOF_BYTES_MAX: usize = 4_096;
/// Longest `jti` of a DPoP proof, in bytes. A UUID has 36.
pub const DPOP_JTI_BYTES_MAX: usize = 256;
/// How far the `iat` of a DPoP proof may be from our clock, in seconds, either way: MCP's DPoP extension allows five minutes.
pub const DPOP_PROOF_SECONDS: i64 = 300;
/// How long one DPoP nonce is given out, in seconds; it is good for twice as long.
pub const DPOP_NONCE_SECONDS: i64 = 300;
/// Smallest RSA modulus of a DPoP key, in bytes: 2,048 bits.
pub const DPOP_RSA_BYTES_MIN: usize = 256;
/// Largest RSA modulus of a DPoP key, in bytes: a stranger's key must not cost more than a stranger may.
pub const DPOP_RSA_BYTES_MAX: usize = 512;
/// Most programs in a row that act for one another (RFC 8693 section 4.1); each makes the token longer.
pub const ACTORS_MAX: usize = 5;
/// Most identity providers whose assertions are taken.
pub const TRUSTED_ISSUERS_MAX: usize = 32;
/// Longest subject and tenant of an identity provider, in bytes (OpenID Connect Core section 2 says 255 for `sub`).
pub const ISSUER_SUBJECT_BYTES_MAX: usize = 255;
/// Largest metadata document of an identity provider, in bytes; real ones are under 8 KB.
pub const ISSUER_METADATA_BYTES_MAX: usize = 65_536;
/// How long an identity provider's metadata is used unasked, in seconds: its keys are renewed more often, by themselves.
pub const ISSUER_METADATA_SECONDS: i64 = 3_600;
