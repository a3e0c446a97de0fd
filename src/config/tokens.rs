//! Tokens that the configuration names, for programs that cannot sign in: `tokens.static`, or Backstage's
//! `backend.auth.externalAccess`, with `type: static`. The token itself comes from the environment or a file.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{ConfigError, PublicUrl, Raw};
use crate::actions::Effect;
use crate::actions::filter::{Glob, Rule, words};
use crate::limits;
use crate::oauth::scope::ScopeSet;
use crate::secret::Digest;

/// The client under which such tokens are recorded.
pub const CLIENT_ID: &str = "config";
/// The keys that hold them.
pub const KEYS: [&str; 2] = ["tokens.static", "backend.auth.externalAccess"];

/// A token that the configuration names.
#[derive(Clone, Debug)]
pub struct StaticToken {
    /// What it is found by. The token itself is forgotten once this is made.
    pub digest: Digest,
    /// Who calls with it: a program, never a person.
    pub subject: String,
    /// What it may be used for. Left out: whatever its restrictions leave, or without those what only reads.
    pub scopes: Option<ScopeSet>,
    /// What it is kept to.
    pub restrictions: Option<Arc<[Rule]>>,
    /// The one resource it opens; `None` for every one.
    pub resource: Option<String>,
}

/// Every such token.
///
/// # Errors
/// [`ConfigError`] that names the entry and the part, never the token.
pub fn read(raw: &Raw, public_url: &PublicUrl) -> Result<Vec<StaticToken>, ConfigError> {
    let mut tokens: Vec<StaticToken> = Vec::new();
    for key in KEYS {
        let Some(document) = raw.document(key)? else { continue };
        let wrong = |why: String| ConfigError(format!("{key} ({}): {why}", raw.origin(key)));
        let entries = document.as_array().ok_or_else(|| wrong("a list of tokens is wanted".into()))?;
        for (index, entry) in entries.iter().enumerate() {
            let token = one(entry, public_url).map_err(|why| wrong(format!("entry {}: {why}", index + 1)))?;
            if tokens.iter().any(|known| known.digest.matches(&token.digest)) {
                return Err(wrong(format!("entry {}: the same token stands here twice", index + 1)));
            }
            tokens.push(token);
        }
    }
    Ok(tokens)
}

fn one(entry: &Value, public_url: &PublicUrl) -> Result<StaticToken, String> {
    let entry = entry.as_object().ok_or("a table is wanted")?;
    let none = Map::new();
    let options = match entry.get("options") {
        Some(options) => options.as_object().ok_or("options: a table is wanted")?,
        None => &none,
    };
    let known = ["type", "options", "accessRestrictions", "scopes", "server", "token", "subject"];
    if let Some(other) = entry.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("there is no {other}: {}", known.join(", ")));
    }
    match entry.get("type").and_then(Value::as_str).unwrap_or("static") {
        "static" => {}
        other => {
            return Err(format!(
                "type {other:?} is not served; static is. Other programs use client_credentials"
            ));
        }
    }
    let part = |name: &str| options.get(name).or_else(|| entry.get(name)).and_then(Value::as_str);
    let token = part("token").unwrap_or_default();
    // What begins so is read as a JWT; what is short is guessed.
    if token.len() < limits::STATIC_TOKEN_BYTES_MIN
        || token.starts_with("ey")
        || !token.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(format!(
            "the token must have at least {} printable characters without blanks, and not begin with \"ey\"; make one \
             with `openssl rand -hex 32` and name it as ${{VARIABLE}}",
            limits::STATIC_TOKEN_BYTES_MIN
        ));
    }
    let subject = part("subject").unwrap_or_default();
    let longest = limits::STATIC_SUBJECT_BYTES_MAX;
    if subject.is_empty() || subject.len() > longest || !subject.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!(
            "subject: a word of at most {longest} letters is wanted; it stands in the audit log"
        ));
    }
    let scopes = entry.get("scopes").map(|value| words("scopes", value)).transpose()?;
    let resource = match entry
        .get("server")
        .map(|value| value.as_str().ok_or("server: a name is wanted"))
        .transpose()?
    {
        None => None,
        Some("") => Some(public_url.at("/mcp")),
        Some(name) => Some(public_url.at(&format!("/mcp/{name}"))),
    };
    Ok(StaticToken {
        digest: Digest::of(token),
        subject: subject.to_owned(),
        scopes: scopes.map(|words| words.into_iter().collect()),
        restrictions: entry.get("accessRestrictions").map(restrictions).transpose()?,
        resource,
    })
}

/// Backstage's `accessRestrictions`: a plugin, and within it permissions, by name or by the kind of act.
fn restrictions(value: &Value) -> Result<Arc<[Rule]>, String> {
    let list = value.as_array().ok_or("accessRestrictions: a list is wanted")?;
    let mut rules = Vec::new();
    for entry in list {
        let entry = entry.as_object().ok_or("accessRestrictions: each is a table")?;
        let mut rule = Rule::default();
        for (key, value) in entry {
            match key.as_str() {
                "plugin" => {
                    rule.plugin = Some(Glob::parse(value.as_str().ok_or("plugin: a name is wanted")?)?)
                }
                "permission" => rule.permissions = words(key, value)?,
                "permissionAttribute" => rule.effects = acts(value)?,
                other => {
                    return Err(format!(
                        "accessRestrictions has no {other}: plugin, permission, permissionAttribute"
                    ));
                }
            }
        }
        if rule.plugin.is_none() {
            return Err("accessRestrictions: each names its plugin".into());
        }
        rules.push(rule);
    }
    Ok(rules.into())
}

/// `{ action = "read" }` or several: what an act of Backstage does to the world, in our words.
fn acts(value: &Value) -> Result<Vec<Effect>, String> {
    let wrong =
        || "permissionAttribute: { action = \"create\", \"read\", \"update\" or \"delete\" }".to_owned();
    let table = value.as_object().filter(|table| table.len() == 1).ok_or_else(wrong)?;
    let mut effects = Vec::new();
    for act in words("action", table.get("action").ok_or_else(wrong)?)? {
        effects.push(match act.as_str() {
            "read" => Effect::Read,
            "create" | "update" => Effect::Change,
            "delete" => Effect::Delete,
            _ => return Err(wrong()),
        });
    }
    if effects.is_empty() { Err(wrong()) } else { Ok(effects) }
}

/// Puts the token in the place of `${NAME}`, `token_env` and `token_file`, in `options` or beside it.
///
/// # Errors
/// [`ConfigError`] that names what is missing.
pub fn fill(
    document: &mut Value,
    env: impl Fn(&str) -> Option<String>,
    file: impl Fn(&str) -> Result<String, ConfigError>,
) -> Result<(), ConfigError> {
    for entry in document.as_array_mut().into_iter().flatten() {
        let Some(entry) = entry.as_object_mut() else { continue };
        fill_table(entry, &env, &file)?;
        if let Some(options) = entry.get_mut("options").and_then(Value::as_object_mut) {
            fill_table(options, &env, &file)?;
        }
    }
    Ok(())
}

fn fill_table(
    table: &mut Map<String, Value>,
    env: &impl Fn(&str) -> Option<String>,
    file: &impl Fn(&str) -> Result<String, ConfigError>,
) -> Result<(), ConfigError> {
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let named = |name: &str| {
        env(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            ConfigError(format!("the environment variable {name}, which a token is to come from, is not set"))
        })
    };
    let token = if let Some(name) = text(table.remove("token_env")) {
        named(&name)?
    } else if let Some(path) = text(table.remove("token_file")) {
        file(&path)?.trim().to_owned()
    } else if let Some(written) = text(table.get("token").cloned()) {
        match written.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => named(name)?,
            None => written,
        }
    } else {
        return Ok(());
    };
    table.insert("token".to_owned(), token.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags};

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn from_file(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let (file, secret) = (dir.path().join("postern.toml"), dir.path().join("secret"));
        std::fs::write(&secret, format!("{TOKEN}-file\n")).unwrap();
        std::fs::write(&file, text.replace("SECRET", &secret.display().to_string())).unwrap();
        let env = |name: &str| (name == "CICD_TOKEN").then(|| TOKEN.to_owned());
        let raw = Raw::read(&Flags { file: Some(file), set: vec![] }, env).map_err(|e| e.to_string())?;
        let shown = raw.explain();
        assert!(!format!("{shown:?}").contains(TOKEN), "a token is printed");
        Config::from_raw(&raw).map_err(|e| e.to_string())
    }

    #[test]
    fn backstages_static_token_is_understood_as_it_stands() {
        let config = from_file(
            "[[backend.auth.externalAccess]]\ntype = \"static\"\noptions = { token = \"${CICD_TOKEN}\", subject = \"cicd\" }\n\
             accessRestrictions = [{ plugin = \"catalog\", permission = \"catalog.entity.read, catalog.entity.refresh\", \
             permissionAttribute = { action = \"read\" } }]\n",
        )
        .unwrap();
        let token = &config.static_tokens[0];
        assert!(
            token.digest.matches(&Digest::of(TOKEN)) && token.subject == "cicd" && token.resource.is_none()
        );
        let rule = &token.restrictions.as_ref().unwrap()[0];
        assert_eq!((rule.effects.as_slice(), rule.permissions.len()), ([Effect::Read].as_slice(), 2));
        assert!(!format!("{token:?}").contains(TOKEN));
    }

    #[test]
    fn a_token_comes_from_a_file_or_the_environment_and_may_be_for_one_server() {
        let config = from_file(
            "[[tokens.static]]\nsubject = \"nightly\"\ntoken_file = \"SECRET\"\nserver = \"catalog\"\nscopes = [\"catalog:read\"]\n\
             [[tokens.static]]\nsubject = \"cicd\"\ntoken_env = \"CICD_TOKEN\"\n",
        )
        .unwrap();
        let [nightly, cicd] = config.static_tokens.as_slice() else { panic!("two") };
        assert!(nightly.digest.matches(&Digest::of(&format!("{TOKEN}-file"))));
        assert_eq!(nightly.resource.as_deref(), Some("http://localhost:8787/mcp/catalog"));
        assert!(cicd.restrictions.is_none() && cicd.scopes.is_none());
    }

    #[test]
    fn what_cannot_be_used_says_why_and_never_the_token() {
        let entry = |more: &str| format!("[[tokens.static]]\nsubject = \"a\"\ntoken = \"{TOKEN}\"\n{more}\n");
        for (bad, word) in [
            ("[[tokens.static]]\nsubject = \"a\"\ntoken = \"short-secret\"\n".to_owned(), "at least"),
            (format!("[[tokens.static]]\nsubject = \"a\"\ntoken = \"ey{TOKEN}\"\n"), "ey"),
            (format!("[[tokens.static]]\ntoken = \"{TOKEN}\"\n"), "subject"),
            ("[[tokens.static]]\nsubject = \"a\"\ntoken_env = \"NOT_SET\"\n".to_owned(), "NOT_SET"),
            (
                "[[tokens.static]]\nsubject = \"a\"\ntoken_file = \"/no/such/file\"\n".to_owned(),
                "/no/such/file",
            ),
            (entry("type = \"jwks\""), "jwks"),
            (entry("scope = \"x\""), "scope"),
            (entry("accessRestrictions = [{ permission = \"x\" }]"), "plugin"),
            (
                entry(
                    "accessRestrictions = [{ plugin = \"x\", permissionAttribute = { action = \"use\" } }]",
                ),
                "permissionAttribute",
            ),
            (entry(&entry("")), "twice"),
        ] {
            let error = from_file(&bad).unwrap_err();
            assert!(
                error.contains(word) && !error.contains(TOKEN) && !error.contains("short-secret"),
                "{bad}: {error}"
            );
        }
    }
}
