//! Log lines: text for people, JSON for machines, on standard error. Never a secret.

use std::io::IsTerminal as _;

use crate::config::{ConfigError, Log};

/// Starts logging for this process. A second call changes nothing.
///
/// # Errors
/// [`ConfigError`] where the filter cannot be read.
pub fn start(log: &Log) -> Result<(), ConfigError> {
    let filter = log.directives()?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let _ = if log.json { lines.json().try_init() } else { lines.compact().try_init() };
    Ok(())
}
