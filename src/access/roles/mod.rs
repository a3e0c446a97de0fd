//! Roles: who may do what, and to which things, as a policy says it.
//!
//! A *policy* is a list of *roles*. A role has *members* (users, groups, programs, or everyone) and *statements*: each
//! allows or denies a *permission* by Backstage's name, wholly or for the things that fit a *condition*. A deny wins over
//! every allow. What nothing speaks of is denied, unless the policy says otherwise.
//!
//! [`rights::Rights`] is what one person has of it, and [`rights::Rights::judge`] the one question; it gives the
//! statement that decided. Nothing here is asked while no policy is published: then scopes alone decide.

pub mod condition;
pub mod difference;
pub mod permission;
pub mod policy;
pub mod rbac;
mod reading;
pub mod rights;

pub use condition::Thing;
pub use policy::{Effect, Policy};
pub use rights::{Because, Judgement, Level, Person, Rights};
