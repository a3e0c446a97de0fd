//! Roles and the policy.

/// Most bytes of a policy, in whatever form it is written: thousands of roles, and read at once.
pub const POLICY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most roles of a policy.
pub const POLICY_ROLES_MAX: usize = 2_000;
/// Most members, and most statements, of one role; whoever has more names a group.
pub const POLICY_ROLE_ITEMS_MAX: usize = 2_000;
/// How deep conditions may stand in each other; no real one passes five, and each is gone through by a call.
pub const CONDITION_DEPTH_MAX: usize = 12;
/// Most rules of one condition: each is compared with every entity that is read.
pub const CONDITION_RULES_MAX: usize = 100;
/// Longest text of a name, a member or a value in a policy, in bytes.
pub const POLICY_TEXT_BYTES_MAX: usize = 500;
/// Most lines of what would change that are shown at once; the rest is counted.
pub const POLICY_CHANGES_SHOWN: usize = 500;
/// Most accounts that are looked through for what would change.
pub const POLICY_PEOPLE_MAX: i64 = 5_000;
/// Drafts that may stand at once: somebody has to read them.
pub const POLICY_DRAFTS_MAX: i64 = 100;
/// People whose rights a node remembers; each costs a few kilobytes, and is found again in microseconds.
pub const RIGHTS_REMEMBERED_MAX: u64 = 20_000;
/// Entities in all the parts of the catalog together that a node keeps ready for people who may not read all of it.
pub const CATALOG_PARTS_ENTITIES_MAX: u64 = 400_000;
