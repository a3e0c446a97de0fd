//! The grants of the token endpoint, one a file, each in four beats: lock, decide, apply, commit.
//!
//! Owns: what a grant asks of the form, the rows it locks and writes. Does not own: any decision ([`crate::oauth`]) and
//! what an answer looks like, which is one for all of them ([`answer`]).

pub(super) mod answer;
pub(super) mod client_credentials;
pub(super) mod code;
pub(super) mod device;
pub(super) mod jwt_bearer;
pub(super) mod refresh;
pub(super) mod token_exchange;
