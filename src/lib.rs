//! Postern: the front door to a platform's MCP tools. One binary is the OAuth 2.1 authorization server that people
//! and clients sign in to, and the MCP resource server that guards the tools behind it.
//!
//! # The map
//!
//! | room | owns |
//! |---|---|
//! | [`oauth`] | the protocol, pure: parameters in, decisions out |
//! | [`identity`] | who the human is: accounts, passwords, sessions |
//! | [`access`] | who may use what, pure: the one rule behind list, call and consent page |
//! | [`actions`] | the registry: an action, its schemas, effect, scope and the way to run it |
//! | [`catalog`] | entities: descriptor rules, relations, the index that answers queries |
//! | [`scaffolder`] | templates, their expressions and steps, tasks that outlive their node |
//! | [`mcp`] | the resource server: the guard, both eras, dispatch |
//! | [`store`] | every SQL statement, the same text on Postgres and SQLite |
//! | [`web`] | endpoints for machines, pages for people |
//! | [`api`] | Backstage's REST API for reads of the catalog, behind the same gate as `mcp` |
//! | [`admin`] | acts of the operator: commands |
//! | [`ops`] | the process: serve, telemetry, health, sweep |
//!
//! The hall is small and shared: [`app`], [`audit`], [`clock`], [`config`], [`limits`], [`outbound`], [`secret`].
//!
//! # The doors
//!
//! ```text
//! main → ops, admin                                        ops → web, api, mcp, identity, catalog, scaffolder, store
//! web → identity, access, actions, catalog, scaffolder, store, oauth        admin → identity, access, actions, catalog, store, oauth
//! mcp → access, actions, catalog, store, oauth             api → web's rows, mcp's gate, access, actions, catalog
//! catalog → actions       identity → store                 access → actions, oauth       actions → oauth
//! scaffolder → catalog, actions, access, store
//! store → the nouns of oauth, identity and access          oauth, access → nothing with a socket
//! ```
//! Never: `web ↔ mcp`, `web ↔ admin`, `mcp ↔ admin`, anything → `ops`. `tests/architecture.rs` holds this.
//!
//! # The invariants
//!
//! 1. `oauth` and `access` know no database, no network, no clock and no chance.
//! 2. SQL is in `store`, the clock in `clock.rs`, randomness in `secret.rs`, the HTTP client in `outbound.rs`.
//! 3. `mcp` knows the authorization server by its issuer, its public keys, and two questions, both asked through
//!    [`mcp::authority`]: is this grant live, and whose is this personal token? What else it keeps in the store are rows
//!    of its own: sessions, tasks, approvals, what was used once, and news.
//! 4. No secret is stored, only its digest; what must be read back is sealed for its own row.
//! 5. No file over 400 lines, no function over 70.
//!
//! # A sign-in
//!
//! `POST /mcp` without a token is answered 401 by [`mcp`]'s guard, which names the resource's metadata. The client finds
//! the authorization server there, registers or names its document, and opens `/authorize`: everything it says becomes
//! an authorization request or a stop ([`oauth::request`]), stored, and the browser goes to **the hub**
//! `/authorize/{id}`. The hub asks one pure question, [`oauth::step`]: sign in, consent, issue, or stop? Each step does its
//! work and returns to the hub, never to another step; so a closed tab, a second tab or the Back button land on one
//! question with one answer. Then code, `state` and `iss` go to the redirect, and `POST /token` locks, decides
//! ([`oauth::code`]), applies and commits.
//!
//! # A call
//!
//! The guard turns the bearer into a [`actions::Caller`], from its cache if it verified that token before; era and tool
//! are decided; [`access`] decides; the action runs with the caller; [`audit`] is told; the answer goes. Straight down,
//! once up, and no database on the way.

pub mod access;
pub mod actions;
pub mod admin;
pub mod api;
pub mod app;
pub mod audit;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod identity;
pub mod limits;
pub mod mcp;
pub mod oauth;
pub mod ops;
pub mod outbound;
pub mod scaffolder;
pub mod secret;
pub mod store;
pub mod web;
