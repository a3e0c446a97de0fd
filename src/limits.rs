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
/// Failed sign-ins of one address before it has to wait, whatever the door (attack C08).
pub const SIGN_IN_FAILURES_MAX: i64 = 10;
/// How long those failures count, in seconds.
pub const SIGN_IN_WINDOW_SECONDS: i64 = 900;
/// A session that nobody used for this long has ended, in seconds: a working day and the night after it.
pub const SESSION_IDLE_SECONDS: i64 = 86_400;
/// A session has ended after this long, however much it was used, in seconds: a week.
pub const SESSION_SECONDS: i64 = 604_800;
/// How often a session's use is written down, in seconds: not at each click.
pub const SESSION_SEEN_SECONDS: i64 = 60;
/// How long the first administrator's link works, in seconds.
pub const FIRST_ADMIN_LINK_SECONDS: i64 = 1_800;
