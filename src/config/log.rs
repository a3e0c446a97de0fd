//! `log.*`: how log lines are written.

use tracing_subscriber::EnvFilter;

use super::ConfigError;
use super::raw::Raw;

/// How log lines are written.
#[derive(Clone, Debug)]
pub struct Log {
    /// A `tracing` filter, such as `info` or `postern=debug`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Log {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`ConfigError`], where the filter cannot be read.
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        let log = Self { filter: raw.text("log.filter"), json: raw.boolean("log.json")? };
        log.directives()?;
        Ok(log)
    }

    /// The filter, parsed.
    ///
    /// # Errors
    /// As [`Log::from_raw`].
    pub fn directives(&self) -> Result<EnvFilter, ConfigError> {
        // `rmcp` tells of its own work at `info`, several lines a request, and warns of every error it answers. Whoever
        // wants that names it: a later directive for a target replaces an earlier one.
        EnvFilter::try_new(format!("rmcp=error,{}", self.filter))
            .map_err(|e| ConfigError(format!("log.filter = \"{}\": {e}", self.filter)))
    }
}
