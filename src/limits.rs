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
