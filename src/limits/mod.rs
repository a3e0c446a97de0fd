//! Every lifetime, size and count of the house, unit last in the name, reason beside it.

mod access;
mod account;
mod catalog;
mod clients;
mod grants;
mod guarding;
mod insights;
mod mcp;
mod pages;
mod scaffolder;

pub use access::*;
pub use account::*;
pub use catalog::*;
pub use clients::*;
pub use grants::*;
pub use guarding::*;
pub use insights::*;
pub use mcp::*;
pub use pages::*;
pub use scaffolder::*;

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
/// How long a stopping server lets requests finish, in seconds.
pub const DRAIN_SECONDS: u64 = 10;
/// How long the link that makes the first administrator works, in seconds.
pub const FIRST_ADMIN_LINK_SECONDS: i64 = 1_800;
/// How long published metadata and keys may be cached, in seconds: a new key is seen within it.
pub const METADATA_FRESH_SECONDS: u32 = 300;
/// Longest bearer token that is looked at, in bytes. Ours are under 1,000; the rest is not worth a digest.
pub const BEARER_BYTES_MAX: usize = 8_192;
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
/// Most entities in one ancestry: Locations lead to Locations, and a catalog of real size is five deep.
pub const ANCESTRY_MAX: usize = 100;
/// Most facets that one question counts: each is a pass over the entities.
pub const FACETS_MAX: usize = 20;
/// Most values of one facet: more are names and not kinds of things.
pub const FACET_VALUES_MAX: usize = 1_000;
/// Most people named for one owning group: nobody asks more.
pub const OWNING_PEOPLE_MAX: usize = 50;
/// Most APIs named with their operations in one answer.
pub const APIS_TOLD_MAX: usize = 20;
/// Most operations named of one API; large ones have a thousand, and a model reads the definition then.
pub const OPERATIONS_TOLD_MAX: usize = 200;
/// Length of a description in a summary, in characters.
pub const SUMMARY_TEXT_CHARS: usize = 160;
/// Tokens of a summary where nothing is said, and at most.
pub const SUMMARY_TOKENS: usize = 1_000;
/// Most tokens of a summary.
pub const SUMMARY_TOKENS_MAX: usize = 20_000;
/// Largest catalog that is searched on a thread that answers others too, in entities: some 2 ms at worst.
pub const ENTITIES_SEARCHED_AT_ONCE_MAX: usize = 2_000;
/// Most pages of documentation that one search opens: each is a file.
pub const DOCS_SEARCHED_MAX: usize = 2_000;
/// Pages of documentation that one search names where nothing is said, and at most.
pub const DOCS_FOUND: usize = 10;
/// Most pages of documentation that one search names.
pub const DOCS_FOUND_MAX: usize = 50;
/// Most annotations, labels and tags that the description of the model names.
pub const MODEL_NAMES_MAX: usize = 50;
/// Entities on a page of Backstage's REST API where nothing is said, as Backstage has it.
pub const REST_PAGE: usize = 20;
/// Most entities that one answer of `/api/catalog/entities` has; the next page is named in `Link`.
pub const REST_ENTITIES_MAX: usize = 10_000;
/// Most references in one question for entities by reference.
pub const REST_REFS_MAX: usize = 5_000;
/// Longest answer of it, in bytes: 10,000 entities have some 30 MB, and no small request may take more memory than that
/// by naming a large entity often. Whoever needs more asks for fewer, or for `fields`.
pub const REST_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most changed entities that one refresh names in what it gives back.
pub const CATALOG_CHANGES_TOLD_MAX: usize = 256;
/// Shortest time between two refreshes of the catalog by itself, in seconds: a walk of 100,000 files takes about one.
pub const CATALOG_REFRESH_SECONDS_MIN: u64 = 5;
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
/// Longest DPoP proof, in bytes: an RSA key of 4,096 bits and its signature take under 2,000.
pub const DPOP_PROOF_BYTES_MAX: usize = 4_096;
/// Longest `jti` of a DPoP proof, in bytes. A UUID has 36.
pub const DPOP_JTI_BYTES_MAX: usize = 256;
/// How far the `iat` of a DPoP proof may be from our clock, in seconds, either way: MCP's DPoP extension allows five minutes.
pub const DPOP_PROOF_SECONDS: i64 = 300;
/// How long one DPoP nonce is given out, in seconds; it is good for twice as long.
pub const DPOP_NONCE_SECONDS: i64 = 300;
