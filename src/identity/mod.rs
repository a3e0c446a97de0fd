//! Who the human is: accounts, passwords, sessions, and the link that makes the first administrator.
//!
//! Owns: what an e-mail address is, how a password is judged, when a session has ended. Does not own: cookies (`web`),
//! rows (`store`), what anybody may do (`access`).

pub mod first_admin;
pub mod guesses;
pub mod password;
pub mod session;
pub mod user;

pub use first_admin::first_admin_link;
