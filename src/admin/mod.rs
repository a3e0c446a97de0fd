//! Acts of the operator: commands, and the pages of an administrator.
//!
//! Owns: how an act is asked for and how its outcome is shown. Does not own: the acts themselves (`store`,
//! `oauth`, `identity`), nor serving (`ops` hands that in).

pub mod commands;
