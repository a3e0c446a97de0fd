//! The formats of an entity's envelope: names, namespaces, labels, annotations, tags, links.
//!
//! The rules and the words are Backstage's (`FieldFormatEntityPolicy`), so that what an author reads here
//! is what a search engine finds. Faults are pushed, not returned: an author wants to see all of them.

use serde_json::{Map, Value};

const NAME_CHARS_MAX: usize = 63;
const DNS_CHARS_MAX: usize = 253;

const OBJECT_NAME: &str =
    "a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total";
const NAMESPACE: &str =
    "a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total";
const TAG: &str = "a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in total";
const KIND: &str = "a string that is a sequence of [a-zA-Z][a-z0-9A-Z], at most 63 characters in total";
const PREFIXED: &str = "a valid prefix and/or suffix";
const URL: &str = "a string that is a valid url";
const NON_EMPTY: &str = "a non empty string";
const STRING: &str = "a string";

/// Checks the fields of the envelope of `entity`, whose shape [`super::schema::envelope`] has accepted.
pub fn check(entity: &Map<String, Value>, faults: &mut Vec<String>) {
    let mut check = Check { faults };
    check.require("apiVersion", entity.get("apiVersion"), is_api_version, PREFIXED);
    check.require("kind", entity.get("kind"), is_kind, KIND);
    let Some(metadata) = entity.get("metadata").and_then(Value::as_object) else { return };
    check.require("metadata.name", metadata.get("name"), is_object_name, OBJECT_NAME);
    check.optional("metadata.namespace", metadata.get("namespace"), is_namespace, NAMESPACE);
    for (key, value) in object(metadata, "labels") {
        let field = format!("labels.{key}");
        check.text(&field, key, is_prefixed_name, PREFIXED);
        check.require(&field, Some(value), |v| v.is_empty() || is_object_name(v), OBJECT_NAME);
    }
    for (key, value) in object(metadata, "annotations") {
        let field = format!("annotations.{key}");
        check.text(&field, key, is_prefixed_name, PREFIXED);
        check.require(&field, Some(value), |_| true, STRING);
    }
    for (index, tag) in array(metadata, "tags").iter().enumerate() {
        check.require(&format!("tags.{index}"), Some(tag), is_tag, TAG);
    }
    for (index, link) in array(metadata, "links").iter().enumerate() {
        check.require(&format!("links.{index}.url"), link.get("url"), is_url, URL);
        for field in ["title", "icon", "type"] {
            let name = format!("links.{index}.{field}");
            check.optional(&name, link.get(field), |v| !v.is_empty(), NON_EMPTY);
        }
    }
}

struct Check<'a> {
    faults: &'a mut Vec<String>,
}

impl Check<'_> {
    fn require(&mut self, field: &str, value: Option<&Value>, valid: fn(&str) -> bool, expected: &str) {
        match value {
            None | Some(Value::Null) => self.faults.push(format!("{field} must have a value")),
            some => self.optional(field, some, valid, expected),
        }
    }

    fn optional(&mut self, field: &str, value: Option<&Value>, valid: fn(&str) -> bool, expected: &str) {
        match value {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => self.text(field, text, valid, expected),
            Some(other) => self.refuse(field, &other.to_string(), expected),
        }
    }

    fn text(&mut self, field: &str, text: &str, valid: fn(&str) -> bool, expected: &str) {
        if !valid(text) {
            self.refuse(field, text, expected);
        }
    }

    fn refuse(&mut self, field: &str, found: &str, expected: &str) {
        let found = super::excerpt(found);
        self.faults.push(format!("\"{field}\" is not valid; expected {expected} but found \"{found}\"."));
    }
}

/// `[dns-subdomain/]` and one to 63 letters and digits.
fn is_api_version(text: &str) -> bool {
    let (prefix, version) = text.split_once('/').map_or((None, text), |(p, v)| (Some(p), v));
    prefix.is_none_or(is_dns_subdomain)
        && (1..=NAME_CHARS_MAX).contains(&version.len())
        && version.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_kind(text: &str) -> bool {
    text.len() <= NAME_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A name: letters and digits, with `-`, `_` and `.` between them.
pub fn is_object_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=NAME_CHARS_MAX).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

fn is_namespace(text: &str) -> bool {
    text.len() <= NAME_CHARS_MAX && separated(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_tag(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b":+#".contains(&b);
    text.len() <= NAME_CHARS_MAX && text.split('-').all(|part| !part.is_empty() && part.bytes().all(allowed))
}

fn is_prefixed_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_object_name(name),
        None => is_object_name(text),
    }
}

fn is_dns_subdomain(text: &str) -> bool {
    (1..=DNS_CHARS_MAX).contains(&text.len())
        && text.split('.').all(|label| {
            label.len() <= NAME_CHARS_MAX
                && separated(label, |b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// Runs of `allowed` with one or more `-` between them, none at the ends.
fn separated(text: &str, allowed: fn(u8) -> bool) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b == b'-' || allowed(b))
}

fn is_url(text: &str) -> bool {
    url::Url::parse(text).is_ok()
}

fn object<'a>(parent: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    parent.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn array<'a>(parent: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    parent.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(entity: Value) -> Vec<String> {
        let mut faults = Vec::new();
        check(entity.as_object().unwrap(), &mut faults);
        faults
    }

    #[test]
    fn a_bad_name_is_refused_in_the_words_of_backstage() {
        let entity = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "bad name"}});
        assert_eq!(
            faults(entity),
            [
                "\"metadata.name\" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total but found \"bad name\"."
            ]
        );
    }

    #[test]
    fn names_obey_the_table() {
        for good in ["a", "A-b_c.d", "0", &"x".repeat(63)] {
            assert!(is_object_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a b", "a/b", "é", &"x".repeat(64)] {
            assert!(!is_object_name(bad), "{bad}");
        }
        for (text, good) in [("a", true), ("a--b", true), ("A", false), ("-a", false), ("a_b", false)] {
            assert_eq!(is_namespace(text), good, "{text}");
        }
        for (text, good) in
            [("c++", true), ("a-b", true), ("a--b", false), ("c:d#1", true), ("A", false), ("", false)]
        {
            assert_eq!(is_tag(text), good, "{text}");
        }
        for (text, good) in
            [("a/b", true), ("a.b/c", true), ("A.b/c", false), ("a/b/c", false), ("/c", false), ("c", true)]
        {
            assert_eq!(is_prefixed_name(text), good, "{text}");
        }
        for (text, good) in
            [("v1", true), ("backstage.io/v1alpha1", true), ("a/", false), ("/v1", false), ("v-1", false)]
        {
            assert_eq!(is_api_version(text), good, "{text}");
        }
    }

    #[test]
    fn every_fault_of_an_envelope_is_named() {
        let entity = json!({
            "apiVersion": "v1", "kind": "Component",
            "metadata": {
                "name": "a", "namespace": "Bad", "labels": {"ok": "", "b": "no way"}, "annotations": {"a/b/c": "x", "n": 1},
                "tags": ["Upper"], "links": [{"url": "nowhere"}, {"url": "https://a.example", "title": ""}, {}],
            },
        });
        let faults = faults(entity);
        assert_eq!(faults.len(), 8, "{faults:#?}");
        assert!(faults.contains(&"links.2.url must have a value".to_owned()));
    }
}
