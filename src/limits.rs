//! Every lifetime, size and count of the house, unit last in the name, reason beside it.

/// Longest `scope` parameter, in bytes. Real clients send under 200.
pub const SCOPE_BYTES_MAX: usize = 2_048;
/// Most scope tokens in one request.
pub const SCOPES_MAX: usize = 64;
/// Nonce of AES-GCM, in bytes (NIST SP 800-38D).
pub const AEAD_NONCE_BYTES: usize = 12;
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
/// Most `filter` parameters, and most sort fields, and most projected fields of one query.
pub const QUERY_FIELDS_MAX: usize = 100;
/// Longest full-text term, in bytes.
pub const FULL_TEXT_BYTES_MAX: usize = 512;
/// Most words of a full-text term; each costs one pass over the texts.
pub const FULL_TEXT_WORDS_MAX: usize = 8;
/// Most names that a did-you-mean compares; beyond, a missing name would cost more than a found one.
pub const SUGGESTION_NAMES_MAX: usize = 5_000;
/// Most groups between a user and the top that ownership follows, against cycles and absurd depth.
pub const OWNERSHIP_GROUPS_MAX: usize = 1_000;
