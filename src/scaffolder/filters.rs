//! Backstage's own filters, those of nunjucks that minijinja lacks, and the few methods of JavaScript that templates call
//! on texts and lists.

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value as Held};
use serde_json::{Map, Value, json};

use super::expression::text_of;
use crate::catalog::relation::Ref;

/// Adds them.
pub fn add(environment: &mut Environment<'_>) {
    environment.add_filter("parseRepoUrl", |url: String| told(repository(&url)));
    environment.add_filter("projectSlug", |url: String| told(repository(&url).and_then(|it| slug(&it))));
    environment.add_filter("parseEntityRef", |reference: String, context: Rest<Held>| {
        told(entity(&reference, context.first()))
    });
    environment.add_filter("pick", |value: Held, key: Held| value.get_item(&key));
    environment.add_filter("dump", dump);
    environment.add_filter("length", length);
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", |text: String| text.split_whitespace().count());
    environment.add_filter("nl2br", |text: String| text.replace('\n', "<br />\n"));
    environment.add_global("null", Held::from(()));
    environment.add_global("undefined", Held::UNDEFINED);
    environment.set_unknown_method_callback(method);
}

fn told(found: Result<Value, String>) -> Result<Held, Error> {
    found
        .map(|value| Held::from(minijinja::value::Serde(value)))
        .map_err(|why| Error::new(ErrorKind::InvalidOperation, why))
}

/// `github.com?owner=acme&repo=shop`, as RepoUrlPicker writes it.
pub fn repository(text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("invalid repo URL {:?}: {what}", crate::catalog::excerpt(text));
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = url::Url::parse(&url).map_err(|e| wrong(&e.to_string()))?;
    let host = url.host_str().ok_or_else(|| wrong("it has no host"))?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut parts = Map::new();
    parts.insert("host".to_owned(), host.into());
    for name in ["owner", "organization", "workspace", "project", "repo"] {
        let value = url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            parts.insert(name.to_owned(), value.into());
        }
    }
    if !parts.contains_key("repo") && !parts.contains_key("project") {
        return Err(wrong("it names no repo"));
    }
    Ok(Value::Object(parts))
}

fn slug(parts: &Value) -> Result<Value, String> {
    match (parts["owner"].as_str(), parts["repo"].as_str()) {
        (Some(owner), Some(repo)) => Ok(json!(format!("{owner}/{repo}"))),
        _ => Err("a slug needs owner and repo".to_owned()),
    }
}

fn entity(text: &str, context: Option<&Held>) -> Result<Value, String> {
    let said = |names: [&str; 2]| {
        let found =
            names.iter().find_map(|name| context?.get_attr(name).ok().filter(|it| !it.is_undefined()));
        found.map(|it| it.to_string())
    };
    let kind = said(["defaultKind", "kind"]);
    let namespace = said(["defaultNamespace", "namespace"]).unwrap_or_else(|| "default".to_owned());
    let reference = Ref::parse(text, kind.as_deref(), &namespace)?;
    // As it is written, not in the lower case of a canonical reference: templates print these.
    let slash = text.find('/');
    let colon = text.find(':').filter(|colon| slash.is_none_or(|slash| *colon < slash));
    let kind = colon.map(|at| text[..at].to_owned()).or(kind);
    let written = slash.map(|at| text[colon.map_or(0, |colon| colon + 1)..at].to_owned());
    let name = &text[slash.or(colon).map_or(0, |at| at + 1)..];
    let kind = kind.unwrap_or_else(|| reference.kind().to_owned());
    Ok(json!({"kind": kind, "namespace": written.unwrap_or(namespace), "name": name}))
}

fn dump(value: Held, spaces: Option<usize>) -> Result<String, Error> {
    let wrong = |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, e.to_string());
    match spaces {
        Some(1..) => serde_json::to_string_pretty(&value).map_err(wrong),
        _ => serde_json::to_string(&value).map_err(wrong),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "filters take what they are given")]
fn length(value: Held) -> Held {
    value.len().map_or(Held::UNDEFINED, Held::from)
}

fn truncate(text: String, length: Option<usize>, killwords: Option<bool>, end: Option<String>) -> String {
    let length = length.unwrap_or(255);
    if text.chars().count() <= length {
        return text;
    }
    let cut: String = text.chars().take(length).collect();
    let cut = match cut.rfind(' ').filter(|_| killwords != Some(true)) {
        Some(at) => cut[..at].to_owned(),
        None => cut,
    };
    cut + end.as_deref().unwrap_or("...")
}

fn method(_: &mut State<'_, '_>, value: &Held, name: &str, arguments: &[Held]) -> Result<Held, Error> {
    let unknown = || Error::new(ErrorKind::UnknownMethod, format!("nothing here is called {name}"));
    let first = arguments.first().cloned().unwrap_or(Held::UNDEFINED);
    let text = |value: &Held| value.as_str().map(str::to_owned).unwrap_or_default();
    if name == "toString" {
        return text_of(value).map(Held::from);
    }
    if let ValueKind::Seq = value.kind() {
        return match name {
            "includes" => Ok(value.try_iter()?.any(|item| item == first).into()),
            "join" => {
                let parts: Result<Vec<_>, Error> = value.try_iter()?.map(|item| text_of(&item)).collect();
                let between = if first.is_undefined() { ",".to_owned() } else { text(&first) };
                let parts = parts?;
                bounded(parts.iter().map(String::len).sum::<usize>() + between.len() * parts.len())?;
                Ok(parts.join(&between).into())
            }
            _ => Err(unknown()),
        };
    }
    let Some(own) = value.as_str() else { return Err(unknown()) };
    Ok(match name {
        "toLowerCase" => own.to_lowercase().into(),
        "toUpperCase" => own.to_uppercase().into(),
        "trim" => own.trim().into(),
        "includes" => own.contains(&text(&first)).into(),
        "startsWith" => own.starts_with(&text(&first)).into(),
        "endsWith" => own.ends_with(&text(&first)).into(),
        "split" => own.split(&text(&first)).map(Held::from).collect(),
        // JavaScript replaces the first one where it is given a text.
        "replace" => own.replacen(&text(&first), &arguments.get(1).map(text).unwrap_or_default(), 1).into(),
        _ => return Err(unknown()),
    })
}

/// The engine charges for what is made once it is there; what may be huge is refused before.
fn bounded(bytes: usize) -> Result<(), Error> {
    if bytes > crate::limits::SCAFFOLDER_INPUT_BYTES_MAX {
        return Err(Error::new(ErrorKind::OutOfFuel, "too much"));
    }
    Ok(())
}
