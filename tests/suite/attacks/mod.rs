//! It resists: one test per attack, named after it.
//!
//! The suite must bite. These mutants, made by hand, are each caught; make them again when what they touch changes:
//!
//! - `mcp::live`: a known caller's audience, or expiry, is not compared; the generation is not; lost news are not
//!   minded; the news are not heard; the key ring is not compared.
//! - `mcp::guard`: `Host` and `Origin` are not checked; any content type is read; a lacking scope goes through.
//! - `mcp::envelope`: `Mcp-Name` need only be there. `mcp::tools`: a list shows every tool.
//! - `mcp::call`: an effect runs though the audit log could not be written.
//! - `store::codes`: the lock does not ask whether the code is redeemed. `oauth::code`, `oauth::refresh`: another client's
//!   will do. `web::endpoints::grants`: a replayed code, or a reused refresh token, revokes nothing.
//! - `store::refresh_tokens`: a rotation does not ask again whether the grant, the client and the user still stand.
//! - `web::pages::authorize`: any browser finishes a request. `web::session`: a form may come from any site; a sign-in
//!   keeps the session it came with.
//! - `store::sweep`: a successor may go before what it replaced.

mod authorize;
mod client_assertions;
mod codes;
mod described;
mod device;
mod exchange;
mod grants;
mod guesses;
mod housekeeping;
mod http;
mod keys;
mod logs;
mod mcp;
mod rates;
mod refresh;
mod registration;
mod self_registered;
mod token_clients;
