//! Acts of the operator, as commands. The pages of an administrator are in `web/pages`, like all pages.
//!
//! Owns: how an act is asked for and how its outcome is shown. Does not own: the acts themselves (`store`,
//! `oauth`, `identity`), nor serving (`ops` hands that in).

pub mod commands;
