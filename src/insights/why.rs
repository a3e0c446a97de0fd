//! Why an entity passes a check or fails it, in a sentence that says what was found.

use serde_json::Value;

use super::card::{Check, Rule};
use super::results::{Judged, Results};
use crate::catalog::answers::related;
use crate::catalog::flatten::scalar;
use crate::catalog::index::Index;
use crate::catalog::predicate::Predicate;
use crate::catalog::project;

/// How a check came out for the entity at `at` of what was judged, as a word and a sentence. The sentence quotes what
/// `seen` holds: of what its reader may not know, an entity's relations say nothing there (attack H07).
pub fn told(
    results: &Results,
    seen: &Index,
    judged: &Judged,
    (position, at): (usize, u32),
) -> (&'static str, String) {
    let check = &judged.card.checks[position];
    let (asked, passed) = &judged.checks[position];
    let does = passed.contains(at);
    let outcome = match asked.contains(at) {
        false => "not-asked",
        true if does => "passed",
        true => "failed",
    };
    let Some(here) = seen.position(results.index.reference(at).as_str()) else {
        return (outcome, "it has just changed; ask again".to_owned());
    };
    let why = if !judged.applies.contains(at) {
        format!("the scorecard is not for it: {}", missing(seen, &judged.card.applies, here))
    } else if outcome == "not-asked" {
        let why = check.when.as_ref().map(|when| missing(seen, when, here)).unwrap_or_default();
        format!("this check is not asked of it: {why}")
    } else {
        sentence(seen, check, here, does)
    };
    (outcome, why)
}

fn sentence(index: &Index, check: &Check, at: u32, does: bool) -> String {
    let entity = index.entity(at);
    match (&check.rule, does) {
        (Rule::Owner, true) => format!("it is owned by {}", list(related(entity, "ownedBy"))),
        (Rule::Owner, false) => match related(entity, "ownedBy").next() {
            None => "it names no owner".to_owned(),
            Some(owner) => format!("its owner {} is not in the catalog", short(owner)),
        },
        (Rule::Docs, true) => "it says where its documentation is".to_owned(),
        (Rule::Docs, false) => "it has no annotation backstage.io/techdocs-ref".to_owned(),
        (Rule::Definition, true) => "there is a definition".to_owned(),
        (Rule::Definition, false) if entity["kind"] == "API" => "it has no definition".to_owned(),
        (Rule::Definition, false) => match related(entity, "providesApi").next() {
            None => "it provides no API".to_owned(),
            Some(_) => "an API that it provides has no definition, or is not in the catalog".to_owned(),
        },
        (Rule::Annotation(name), _) => format!("{} the annotation {name}", has(does)),
        (Rule::Label(name), _) => format!("{} the label {name}", has(does)),
        (Rule::Field(path), true) => format!("{path} is {}", found(entity, path)),
        (Rule::Field(path), false) => format!("nothing stands at {path}"),
        (Rule::Query(_, predicate), true) => wanted(predicate),
        (Rule::Query(_, predicate), false) => missing(index, predicate, at),
    }
}

fn has(does: bool) -> &'static str {
    if does { "it has" } else { "it has not" }
}

/// What of a predicate does not hold.
fn missing(index: &Index, predicate: &Predicate, at: u32) -> String {
    if let Predicate::All(parts) = predicate {
        let fails = |part: &&Predicate| !part.evaluate(index).contains(at);
        let failed: Vec<String> = parts.iter().filter(fails).map(|part| missing(index, part, at)).collect();
        // What it fails by may be hidden.
        return if failed.is_empty() { format!("wanted: {}", wanted(predicate)) } else { failed.join("; ") };
    }
    let here = match predicate {
        Predicate::Equals(key, _) | Predicate::Begins(key, _) => {
            format!(", and here {key} is {}", found(index.entity(at), key))
        }
        _ => String::new(),
    };
    format!("wanted: {}{here}", wanted(predicate))
}

/// A predicate as a sentence.
fn wanted(predicate: &Predicate) -> String {
    let joined = |parts: &[Predicate], word: &str| {
        let all: Vec<String> = parts.iter().map(wanted).collect();
        if all.len() > 1 { format!("({})", all.join(word)) } else { all.concat() }
    };
    match predicate {
        Predicate::All(parts) if parts.is_empty() => "anything".to_owned(),
        Predicate::Any(parts) if parts.is_empty() => "nothing at all".to_owned(),
        Predicate::All(parts) => joined(parts, " and "),
        Predicate::Any(parts) => joined(parts, " or "),
        Predicate::Not(part) => format!("not {}", wanted(part)),
        Predicate::Equals(key, values) => format!("{key} is {}", values.join(" or ")),
        Predicate::Exists(key) => format!("there is {key}"),
        Predicate::Begins(key, prefix) => format!("{key} begins with {prefix}"),
    }
}

fn found(entity: &Value, key: &str) -> String {
    if let Some(relation) = key.strip_prefix("relations.") {
        let all = entity["relations"].as_array().into_iter().flatten();
        let of = all.filter(|it| it["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(relation)));
        return list(of.filter_map(|it| it["targetRef"].as_str()));
    }
    match project::get(entity, key) {
        None | Some(Value::Null) => "not there".to_owned(),
        Some(Value::Array(items)) => {
            let texts: Vec<String> = items.iter().filter_map(scalar).collect();
            list(texts.iter().map(String::as_str))
        }
        Some(one) => scalar(one).map_or_else(|| "there".to_owned(), |text| short(&text)),
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let some: Vec<String> = items.take(5).map(short).collect();
    if some.is_empty() { "not there".to_owned() } else { some.join(", ") }
}

/// What a descriptor says, as far as a sentence has room for it.
fn short(text: &str) -> String {
    crate::catalog::excerpt(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{answers, read};
    use super::*;
    use crate::catalog::Catalog;
    use crate::catalog::set::Set;

    #[test]
    fn the_reason_names_what_was_wanted_and_what_was_found() {
        let index = Catalog::sample().index();
        let about = |name: &str, rule: &str| {
            let text = format!("scorecard: a\nfor: {{kind: Component}}\nchecks:\n  - check: a\n    {rule}\n");
            let (mut cards, wrong) = read::cards(&text);
            assert_eq!(wrong, Vec::<String>::new());
            let results = Results::of(Arc::clone(&index), &[Arc::new(cards.remove(0))]);
            told(&results, &index, &results.cards[0], (0, index.position(name).unwrap()))
        };
        let fares = "component:default/fares-service";
        assert_eq!(about(fares, "has: owner"), ("passed", "it is owned by group:default/passage".to_owned()));
        assert_eq!(about(fares, "has: docs").0, "failed");
        assert_eq!(
            about(fares, "query: {spec.type: website, metadata.tags: {$contains: rust}}"),
            ("failed", "wanted: spec.type is website, and here spec.type is service".to_owned())
        );
        assert_eq!(
            about(fares, "query: {relations.partOf: 'system:default/x'}").1,
            "wanted: relations.partof is system:default/x, and here relations.partof is system:default/booking"
        );
        assert_eq!(
            about(fares, "query: {$not: {spec.lifecycle: production}}").1,
            "wanted: not spec.lifecycle is production"
        );
        let (word, why) = about(fares, "has: docs\n    when: {spec.type: library}");
        assert_eq!(word, "not-asked");
        assert!(why.ends_with("wanted: spec.type is library, and here spec.type is service"), "{why}");
        assert_eq!(about("group:default/passage", "has: docs").0, "not-asked");
        assert_eq!(about(fares, "field: spec.nothing").1, "nothing stands at spec.nothing");
    }
    #[test]
    fn attack_h07_the_reason_names_nothing_that_its_reader_may_not_know() {
        let index = Catalog::sample().index();
        let mut keep = Set::empty(index.len());
        keep.invert();
        keep.remove(index.position("component:default/booking-service").unwrap());
        let seen = index.part(&keep);
        let api = index.entities().iter().find(|it| {
            it["kind"] == "API" && it["relations"].to_string().contains("component:default/booking-service")
        });
        let name = format!("api:default/{}", api.unwrap()["metadata"]["name"].as_str().unwrap());
        for rule in [
            "query: {relations.apiProvidedBy: 'component:default/x'}",
            "query: {kind: API, relations.apiProvidedBy: 'component:default/x'}",
            "field: relations.apiProvidedBy",
            "query: {$not: {relations.apiProvidedBy: {$exists: true}}}",
            "has: docs\n    when: {relations.apiProvidedBy: 'component:default/x'}",
        ] {
            let text = format!("scorecard: a\nfor: {{kind: API}}\nchecks:\n  - check: a\n    {rule}\n");
            let (mut cards, wrong) = read::cards(&text);
            assert_eq!(wrong, Vec::<String>::new());
            let results = Results::of(Arc::clone(&index), &[Arc::new(cards.remove(0))]);
            let page = answers::page(&results, &seen, &answers::Wanted { limit: 500, ..Default::default() });
            let lines: Vec<_> = page.lines.iter().map(|it| answers::line(&results, &seen, it)).collect();
            let about = told(&results, &seen, &results.cards[0], (0, index.position(&name).unwrap()));
            assert!(
                !format!("{lines:?} {about:?}").contains("booking-service"),
                "{rule}: {about:?} {lines:?}"
            );
            assert!(!about.1.is_empty());
        }
    }
}
