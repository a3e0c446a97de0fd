//! It resists: one test per attack, named after it.
//!
//! The suite must bite. These mutants, made by hand, are each caught; make them again when what they touch changes:
//!
//! - `mcp::live`: a known caller's audience, or expiry, is not compared; the generation is not; lost news are not
//!   minded; the news are not heard; the key ring is not compared.
//! - `mcp::guard`: `Host` and `Origin` are not checked; any content type is read; a lacking scope goes through.
//! - `mcp::envelope`: `Mcp-Name` need only be there. `mcp::tools`: a list shows every tool.
//! - `mcp::call`: an effect runs though the audit log could not be written.

mod authorize;
mod codes;
mod described;
mod mcp;
mod registration;
mod token_clients;
