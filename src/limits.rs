//! Every lifetime, size and count of the house, unit last in the name, reason beside it.

/// Longest `scope` parameter, in bytes. Real clients send under 200.
pub const SCOPE_BYTES_MAX: usize = 2_048;
/// Most scope tokens in one request.
pub const SCOPES_MAX: usize = 64;
/// Nonce of AES-GCM, in bytes (NIST SP 800-38D).
pub const AEAD_NONCE_BYTES: usize = 12;
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
