//! `catalog.*`: what the catalog is read from, and how often.

use std::path::PathBuf;

use super::ConfigError;
use super::raw::Raw;
use crate::limits;

/// What the catalog is read from.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Files and directories of descriptors.
    pub paths: Vec<PathBuf>,
    /// Whether the sample catalog is shown.
    pub demo: bool,
    /// How often they are looked at again, in seconds; 0 for on demand only.
    pub refresh_seconds: u64,
}

impl Catalog {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`ConfigError`], where a value cannot be used.
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        let paths = raw.list("catalog.paths").into_iter().map(PathBuf::from).collect::<Vec<_>>();
        let demo = raw.boolean_or("catalog.demo", paths.is_empty())?;
        Ok(Self { paths, demo, refresh_seconds: refresh_seconds(raw)? })
    }
}

fn refresh_seconds(raw: &Raw) -> Result<u64, ConfigError> {
    let (least, want) =
        (limits::CATALOG_REFRESH_SECONDS_MIN, "a number of seconds, such as 60; 0 for on demand only");
    match raw.parse("catalog.refresh_seconds", want)? {
        few @ 1.. if few < least => Err(ConfigError(format!(
            "catalog.refresh_seconds = {few} ({}) is less than {least}; a SIGHUP or `postern catalog refresh` is at once.",
            raw.origin("catalog.refresh_seconds")
        ))),
        seconds => Ok(seconds),
    }
}
