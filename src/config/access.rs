//! `access.*`: where the policy comes from.

use std::path::PathBuf;

use super::raw::Raw;

/// Where the policy comes from.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A file that holds it, as in a repository; then nothing is published beside it.
    pub policy_file: Option<PathBuf>,
}

impl Access {
    /// Reads the keys.
    pub fn from_raw(raw: &Raw) -> Self {
        Self { policy_file: raw.optional("access.policy_file").map(PathBuf::from) }
    }
}
