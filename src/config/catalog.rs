//! `catalog.*`: what the catalog is read from, and how often.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use url::Url;

use super::raw::Raw;
use super::{ConfigError, Hidden};
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
    /// https URLs of descriptors.
    pub urls: Vec<String>,
    /// Git repositories with descriptors.
    pub git: Vec<Repository>,
    /// How often what is elsewhere is asked for again, in seconds.
    pub fetch_seconds: u64,
    /// A token for each host that wants one.
    pub tokens: BTreeMap<String, Hidden>,
    /// Which kinds a registered location may make.
    pub registered_kinds: Vec<String>,
}

/// A git repository with descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its https URL, as `git clone` takes it.
    pub url: String,
    /// The branch; `None` for the one that the repository names.
    pub branch: Option<String>,
    /// Which of its files are descriptors, as patterns.
    pub paths: Vec<String>,
}

impl Catalog {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`ConfigError`], where a value cannot be used.
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        let paths = raw.list("catalog.paths").into_iter().map(PathBuf::from).collect::<Vec<_>>();
        let has_none = paths.is_empty()
            && raw.list("catalog.urls").is_empty()
            && raw.optional("catalog.git").is_none_or(|text| text.trim().is_empty());
        let demo = raw.boolean_or("catalog.demo", has_none)?;
        let urls = raw
            .list("catalog.urls")
            .iter()
            .map(|url| https(raw, "catalog.urls", url))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            paths,
            demo,
            refresh_seconds: refresh_seconds(raw)?,
            urls,
            git: repositories(raw)?,
            fetch_seconds: fetch_seconds(raw)?,
            tokens: tokens(raw)?,
            registered_kinds: raw.list("catalog.registered_kinds"),
        })
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

fn fetch_seconds(raw: &Raw) -> Result<u64, ConfigError> {
    let (key, least) = ("catalog.fetch_seconds", limits::CATALOG_FETCH_SECONDS_MIN);
    match raw.parse(key, "a number of seconds, such as 300")? {
        few if few < least => Err(ConfigError(format!(
            "{key} = {few} ({}) is less than {least}; `postern catalog refresh` is at once.",
            raw.origin(key)
        ))),
        seconds => Ok(seconds),
    }
}

/// The URL in its normal form.
fn https(raw: &Raw, key: &str, text: &str) -> Result<String, ConfigError> {
    let wrong = |why: &str| Err(ConfigError(format!("{key} ({}): {text:?} {why}", raw.origin(key))));
    let Ok(mut url) = Url::parse(text) else { return wrong("is not a URL") };
    if url.scheme() != "https" {
        return wrong("is not an https URL; a file on this machine belongs into catalog.paths");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError(format!(
            "{key} ({}): a URL has a user or a password in it; put the token into catalog.tokens",
            raw.origin(key)
        )));
    }
    url.set_fragment(None);
    Ok(url.into())
}

fn repositories(raw: &Raw) -> Result<Vec<Repository>, ConfigError> {
    const KEY: &str = "catalog.git";
    let wrong = |why: String| ConfigError(format!("{KEY} ({}): {why}", raw.origin(KEY)));
    let Some(document) = raw.document(KEY)? else { return Ok(Vec::new()) };
    let Value::Array(items) = document else {
        return Err(wrong("a list of tables is wanted, each with url".to_owned()));
    };
    let one = |item: &Value| {
        let Value::Object(table) = item else { return Err(wrong("each is a table with url".to_owned())) };
        if let Some(other) = table.keys().find(|key| !["url", "branch", "paths"].contains(&key.as_str())) {
            return Err(wrong(format!("unknown key {other:?}; there are url, branch and paths")));
        }
        let text = |key: &str| table.get(key).and_then(Value::as_str);
        let url = text("url").ok_or_else(|| wrong("a repository has no url".to_owned()))?;
        let branch = text("branch").map(str::to_owned);
        // Of names of branches those that git itself takes (git-check-ref-format), as far as they could do harm.
        if branch
            .as_ref()
            .is_some_and(|it| it.is_empty() || it.starts_with('-') || it.contains(char::is_whitespace))
        {
            return Err(wrong("branch is not the name of one".to_owned()));
        }
        let paths = match table.get("paths") {
            None => vec!["**/catalog-info.yaml".to_owned()],
            Some(Value::Array(paths)) if !paths.is_empty() => {
                let all: Option<Vec<_>> = paths.iter().map(|path| path.as_str().map(str::to_owned)).collect();
                all.ok_or_else(|| wrong("paths are patterns such as \"**/catalog-info.yaml\"".to_owned()))?
            }
            Some(_) => return Err(wrong("paths is a list of patterns".to_owned())),
        };
        Ok(Repository { url: https(raw, KEY, url)?, branch, paths })
    };
    items.iter().map(one).collect()
}

fn tokens(raw: &Raw) -> Result<BTreeMap<String, Hidden>, ConfigError> {
    let pairs = raw.table("catalog.tokens");
    let is_host = |host: &str| {
        Url::parse(&format!("https://{host}/")).is_ok_and(|url| {
            url.path() == "/"
                && url.username().is_empty()
                && url.host_str().is_some_and(|it| host.starts_with(it))
        })
    };
    // Never the value: what is wrong with it would be in a log.
    if pairs.len() != raw.list("catalog.tokens").len() || pairs.iter().any(|(host, _)| !is_host(host)) {
        let origin = raw.origin("catalog.tokens");
        return Err(ConfigError(format!(
            "catalog.tokens ({origin}): each is HOST=TOKEN, such as github.com=…"
        )));
    }
    Ok(pairs.into_iter().map(|(host, token)| (host, Hidden::new(token))).collect())
}
