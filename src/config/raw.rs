//! Raw values: text with an origin, gathered from the file, the environment and the flags, before any of it is
//! understood.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::keys::{KEYS, find, suggestion};
use super::{ConfigError, Key};
use crate::limits;

/// What the command line says; anything given here wins.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The configuration file; `None` for `postern.toml` where it exists.
    pub file: Option<PathBuf>,
    /// `key=value` pairs by dotted path.
    pub set: Vec<(String, String)>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable, by name.
    Env(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// Values as text, each with its origin.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Raw {
    /// Gathers the file, the environment (asked through `env`) and the flags.
    ///
    /// # Errors
    /// [`ConfigError`] for a file that cannot be read or parsed, and for keys that do not exist.
    pub fn read(flags: &Flags, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut raw = Self::default();
        for key in KEYS {
            if let Some(default) = key.default {
                raw.values.insert(key.path, (default.to_owned(), Origin::Default));
            }
        }
        match &flags.file {
            Some(path) => raw.read_file(path)?,
            None if Path::new("postern.toml").exists() => raw.read_file(Path::new("postern.toml"))?,
            None => {}
        }
        raw.read_env(env)?;
        for (path, value) in &flags.set {
            let key = find(path).ok_or_else(|| unknown(path, &Origin::Flag))?;
            raw.values.insert(key.path, (value.clone(), Origin::Flag));
        }
        Ok(raw)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = read_bounded(path)?;
        let table: toml::Table =
            text.parse().map_err(|e| ConfigError(format!("{} is not TOML: {e}", path.display())))?;
        let origin = Origin::File(path.to_owned());
        let mut found = Vec::new();
        flatten("", &toml::Value::Table(table), &mut found);
        for (name, value) in found {
            let key = find(&name).ok_or_else(|| unknown(&name, &origin))?;
            self.values.insert(key.path, (value, origin.clone()));
        }
        Ok(())
    }

    fn read_env(&mut self, env: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        for key in KEYS {
            if let Some(value) = env(key.env).filter(|v| !v.is_empty()) {
                self.values.insert(key.path, (value, Origin::Env(key.env.to_owned())));
            }
            let from_file = format!("{}_FILE", key.env);
            if key.secret
                && let Some(path) = env(&from_file).filter(|v| !v.is_empty())
            {
                let text = read_bounded(Path::new(&path))
                    .map_err(|ConfigError(why)| ConfigError(format!("{from_file}: {why}")))?;
                self.values.insert(key.path, (text.trim().to_owned(), Origin::Env(from_file)));
            }
        }
        Ok(())
    }

    /// The text of a key that has a default.
    pub fn text(&self, path: &str) -> String {
        self.optional(path).unwrap_or_default()
    }

    /// The text of a key, if anything set it.
    pub fn optional(&self, path: &str) -> Option<String> {
        self.values.get(path).map(|(value, _)| value.clone())
    }

    /// Where the value of a key came from.
    pub fn origin(&self, path: &str) -> Origin {
        self.values.get(path).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// The value, parsed; `what` says in an error what it should have been.
    ///
    /// # Errors
    /// [`ConfigError`] with key, value and origin.
    pub fn parse<T: FromStr>(&self, path: &str, what: &str) -> Result<T, ConfigError> {
        let text = self.text(path);
        text.parse()
            .map_err(|_| ConfigError(format!("{path} = \"{text}\" ({}): expected {what}", self.origin(path))))
    }

    /// A yes or no.
    ///
    /// # Errors
    /// As [`Raw::parse`].
    pub fn boolean(&self, path: &str) -> Result<bool, ConfigError> {
        match self.text(path).as_str() {
            // What people write in an environment.
            "1" => Ok(true),
            "0" => Ok(false),
            _ => self.parse(path, "true or false"),
        }
    }

    /// A yes or no, or `default` where nothing set it.
    ///
    /// # Errors
    /// As [`Raw::parse`].
    pub fn boolean_or(&self, path: &str, default: bool) -> Result<bool, ConfigError> {
        if self.values.contains_key(path) { self.boolean(path) } else { Ok(default) }
    }

    /// A list, which is written with commas between its items.
    pub fn list(&self, path: &str) -> Vec<String> {
        let text = self.text(path);
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A table, which is written as `name=value` with commas between.
    pub fn table(&self, path: &str) -> Vec<(String, String)> {
        self.list(path)
            .into_iter()
            .filter_map(|item| item.split_once('=').map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned())))
            .collect()
    }

    /// A document: tables and lists inside one key, kept as JSON. Nothing where the key is not set or empty.
    ///
    /// # Errors
    /// [`ConfigError`] where the text is no JSON.
    pub fn document(&self, path: &str) -> Result<Option<serde_json::Value>, ConfigError> {
        let Some(text) = self.optional(path).filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|e| {
            let place = e.column();
            ConfigError(format!(
                "{path} ({}): tables are wanted, or JSON with them (column {place})",
                self.origin(path)
            ))
        })
    }

    /// Every key with its value (hidden where secret) and origin, for `config print`.
    pub fn explain(&self) -> Vec<(&'static Key, String, Origin)> {
        let shown = |key: &'static Key| match self.values.get(key.path) {
            None => (key, String::new(), Origin::Default),
            Some((_, origin)) if key.secret => (key, "(hidden)".to_owned(), origin.clone()),
            Some((value, origin)) => (key, value.clone(), origin.clone()),
        };
        KEYS.iter().map(shown).collect()
    }
}

fn unknown(path: &str, origin: &Origin) -> ConfigError {
    let hint = suggestion(path).map(|s| format!("; did you mean `{s}`?")).unwrap_or_default();
    ConfigError(format!("unknown key `{path}` ({origin}){hint}"))
}

fn read_bounded(path: &Path) -> Result<String, ConfigError> {
    let wrong = |why: String| ConfigError(format!("{} cannot be read: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?.len();
    if size > limits::CONFIG_FILE_BYTES_MAX {
        return Err(wrong(format!("{size} bytes, at most {} are", limits::CONFIG_FILE_BYTES_MAX)));
    }
    std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))
}

/// Leaves of the file by dotted path. A known key that holds a table or a list is one leaf, in the form that its
/// environment variable has.
fn flatten(prefix: &str, value: &toml::Value, found: &mut Vec<(String, String)>) {
    let text = |v: &toml::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    match value {
        // A document: what has tables inside is written as JSON.
        nested if find(prefix).is_some() && is_nested(nested) => {
            found.push((prefix.to_owned(), serde_json::to_string(nested).unwrap_or_default()));
        }
        toml::Value::Table(table) if find(prefix).is_some() => {
            let pairs: Vec<String> = table.iter().map(|(k, v)| format!("{k}={}", text(v))).collect();
            found.push((prefix.to_owned(), pairs.join(",")));
        }
        toml::Value::Table(table) => {
            for (name, inner) in table {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&path, inner, found);
            }
        }
        toml::Value::Array(items) => {
            found.push((prefix.to_owned(), items.iter().map(text).collect::<Vec<_>>().join(",")));
        }
        leaf => found.push((prefix.to_owned(), text(leaf))),
    }
}

fn is_nested(value: &toml::Value) -> bool {
    let holds = |inner: &toml::Value| inner.is_table() || inner.is_array();
    match value {
        toml::Value::Table(table) => table.values().any(holds),
        toml::Value::Array(items) => items.iter().any(holds),
        _ => false,
    }
}
