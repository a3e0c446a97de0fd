//! It resists: one test per attack, named after it.
//!
//! The suite must bite. These mutants, made by hand, are each caught; make them again when what they touch changes:
//!
//! - `mcp::live`: a known caller's audience, or expiry, is not compared; the generation is not; lost news are not
//!   minded; the news are not heard; the key ring is not compared.
//! - `mcp::guard`: `Host` and `Origin` are not checked; any content type is read; a lacking scope goes through.
//! - `mcp::live`: a bound token is let in as a bearer token. `mcp::bound`: the key of a proof is not compared; a proof is
//!   not used up. `oauth::refresh`, `oauth::code`: the key is not asked for.
//! - `mcp::envelope`: `Mcp-Name` need only be there. `mcp::tools`: a list shows every tool.
//! - `mcp::mod`: each server is given every tool. `web::pages::consent`: a scope's tools are those of every server.
//! - `mcp::call`: an effect runs though the audit log could not be written.
//! - `store::codes`: the lock does not ask whether the code is redeemed. `oauth::code`, `oauth::refresh`: another client's
//!   will do. `web::endpoints::grants`: a replayed code, or a reused refresh token, revokes nothing.
//! - `store::refresh_tokens`: a rotation does not ask again whether the grant, the client and the user still stand.
//! - `web::pages::authorize`: any browser finishes a request. `web::session`: a form may come from any site; a sign-in
//!   keeps the session it came with.
//! - `store::sweep`: a successor may go before what it replaced; a client may go though its sign-in is under way, and the
//!   oldest of a flood stay.
//! - `store::replays`: every use is the first. `web::client_auth`: an assertion is not used up. `oauth::assertion`: `aud` need
//!   only hold the issuer; `exp`, `jti`, `typ` or `iss` is not looked at. `oauth::jwt`: `crit` is not; `oauth::key_set`: a key's
//!   `alg` is not. `oauth::client_auth`: a client with a key may come with a secret, or with nothing.
//! - `web::key_sets`: a set is found by its address alone; an unknown key is fetched for each time.
//! - `store::registrations`: a token manages any client; a registration spends no use. `oauth::management`: scopes may grow.
//! - `web::clients`: a document is fetched before its URL is judged. `web::described`: a good document is stored at once.
//!   `web::pages::consent`: a yes counts whatever the document says by now. `oauth::trust`: a host is compared by its end.
//! - `access::roles::rights`: the first statement that fits decides. `access::decision`: rights are not asked. `catalog::seen`:
//!   a part is kept when the catalog turned. `catalog::index`: a part keeps every relation. `mcp::live`: rights are not compared.
//!   `store::policies`: a head moves whatever version was looked at.
//! - `web::stranger`: whatever parses is a link; text keeps what turns or hides it, or its length. `insights::answers`: what
//!   somebody does not see is counted.
//! - `mcp::tasks`: a task asks for nothing after it began. `mcp::rounds`: a state opens as often as it comes.

pub mod access;
mod approvals;
mod assertions;
mod authorize;
mod backstage;
mod bound_tokens;
mod catalog_pages;
mod catalog_sources;
mod client_assertions;
mod codes;
mod described;
mod descriptions;
mod device;
mod exchange;
mod grants;
mod guesses;
mod held_back;
mod housekeeping;
mod http;
mod keys;
mod logs;
mod looks;
mod mcp;
mod mcp_long;
mod mcp_sessions;
mod password_links;
mod problems;
mod rates;
mod reading;
mod refresh;
mod registration;
mod rows;
mod scaffolder;
mod self_registered;
mod servers;
mod starts;
mod streams;
mod token_clients;
mod tokens;
mod trust;
mod upstream;
