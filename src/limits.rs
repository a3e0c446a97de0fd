//! Every lifetime, size and count of the house, unit last in the name, reason beside it.

/// Longest `scope` parameter, in bytes. Real clients send under 200.
pub const SCOPE_BYTES_MAX: usize = 2_048;
/// Most scope tokens in one request.
pub const SCOPES_MAX: usize = 64;
/// Nonce of AES-GCM, in bytes (NIST SP 800-38D).
pub const AEAD_NONCE_BYTES: usize = 12;
