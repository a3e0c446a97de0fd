//! What a shelf writes down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What outlives the process.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What was fetched.
    pub source: String,
    /// The commit of a repository.
    pub revision: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
    /// Why the source as a whole could not be read at the last attempt.
    pub failure: Option<String>,
    /// When the whole was last asked for, in microseconds.
    pub tried_at: i64,
    /// The last answer to each name.
    pub items: BTreeMap<String, Item>,
}

/// One name's last answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Item {
    /// SHA-256 of the last good answer in hexadecimal, which is also the name of its file; `None` where there never was one.
    pub hash: Option<String>,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its entity tag, to be asked with again.
    pub etag: Option<String>,
    /// When it was last asked for, in microseconds.
    pub tried_at: i64,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// Since when its host says that it is gone, in microseconds.
    #[serde(default)]
    pub gone_at: Option<i64>,
}
