use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::json;

use super::super::Catalog;
use super::super::flatten::{Cell, rows, scalar};
use super::super::load::read;
use super::super::relation::Ref;
use super::*;

type Row = (String, Option<String>);

/// The sample, its rows, and every key and value in it.
struct World {
    index: Arc<Index>,
    rows: Vec<(Ref, Vec<Row>)>,
    keys: Vec<String>,
    pairs: Vec<Row>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let index = Catalog::sample().index();
    let rows_of = |entity: &Value| {
        let mut seen = Vec::new();
        rows(entity, |key, cell| {
            let value = match cell {
                Cell::Text(text) => Some(text.to_owned()),
                Cell::Incomparable => None,
            };
            seen.push((key.to_owned(), value));
        });
        seen
    };
    let entities = index.references().iter().zip(index.entities());
    let rows: Vec<_> = entities.map(|(reference, entity)| (reference.clone(), rows_of(entity))).collect();
    let pairs: BTreeSet<Row> = rows.iter().flat_map(|(_, rows)| rows.clone()).collect();
    let keys: BTreeSet<String> = pairs.iter().map(|(key, _)| key.clone()).collect();
    World { index, keys: keys.into_iter().collect(), pairs: pairs.into_iter().collect(), rows }
});

/// What the rules of the language say, read off the words and in no hurry.
fn holds(query: &Value, rows: &[Row]) -> bool {
    let object = query.as_object().unwrap();
    if let Some(parts) = object.get("$all") {
        return parts.as_array().unwrap().iter().all(|part| holds(part, rows));
    }
    if let Some(parts) = object.get("$any") {
        return parts.as_array().unwrap().iter().any(|part| holds(part, rows));
    }
    if let Some(part) = object.get("$not") {
        return !holds(part, rows);
    }
    object.iter().all(|(key, value)| field_holds(&key.to_lowercase(), value, rows))
}

fn field_holds(key: &str, value: &Value, rows: &[Row]) -> bool {
    let values: Vec<_> = rows.iter().filter(|(known, _)| known == key).map(|(_, value)| value).collect();
    let is = |wanted: &Value| {
        let wanted = scalar(wanted).unwrap().to_lowercase();
        values.iter().any(|value| value.as_deref() == Some(wanted.as_str()))
    };
    let Value::Object(operator) = value else { return is(value) };
    match operator.iter().next().map(|(name, operand)| (name.as_str(), operand)).unwrap() {
        ("$exists", operand) => values.is_empty() != operand.as_bool().unwrap(),
        ("$in", operand) => operand.as_array().unwrap().iter().any(is),
        ("$hasPrefix", operand) => {
            let prefix = operand.as_str().unwrap().to_lowercase();
            values.iter().any(|value| value.as_deref().is_some_and(|value| value.starts_with(&prefix)))
        }
        ("$contains", Value::Object(relation)) => {
            let key = format!("relations.{}", relation["type"].as_str().unwrap()).to_lowercase();
            match relation.get("targetRef") {
                None => field_holds(&key, &json!({"$exists": true}), rows),
                Some(target) => field_holds(&key, target, rows),
            }
        }
        ("$contains", operand) => is(operand),
        other => panic!("{other:?}"),
    }
}

fn references(page: &Page) -> Vec<String> {
    let of = |entity: &Value| Ref::of(entity.as_object().unwrap()).unwrap().to_string();
    page.items.iter().map(of).collect()
}

fn answer(arguments: &Value) -> Vec<String> {
    let page = Query::from_arguments(arguments).unwrap().run(&WORLD.index).unwrap();
    assert_eq!(page.total, page.items.len());
    references(&page)
}

fn a_pair() -> impl Strategy<Value = Row> {
    prop_oneof![9 => prop::sample::select(WORLD.pairs.as_slice()), 1 => Just(("no.such".to_owned(), Some("x".to_owned())))]
}

fn a_field() -> impl Strategy<Value = Value> {
    (a_pair(), a_pair(), 0..9, 0..8_usize).prop_map(|((key, value), (other, another), form, cut)| {
        let value = value.unwrap_or_default();
        let key = if form % 2 == 0 { key.to_uppercase() } else { key };
        let prefix: String = value.chars().take(cut).collect();
        match form {
            0 | 1 => json!({key: value.to_uppercase()}),
            2 => json!({key: {"$exists": cut % 2 == 0}}),
            3 => json!({key: {"$in": [value, another.unwrap_or_default(), cut]}}),
            4 => json!({key: {"$hasPrefix": prefix}}),
            5 => json!({key: {"$contains": value}}),
            6 => json!({key: value, other: {"$exists": true}}),
            7 => json!({"relations": {"$contains": {"type": "ownedBy", "targetRef": "group:default/fleet"}}}),
            _ => json!({"relations": {"$contains": {"type": "PartOf"}}}),
        }
    })
}

fn a_query() -> impl Strategy<Value = Value> {
    a_field().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| json!({"$all": parts})),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| json!({"$any": parts})),
            inner.prop_map(|part| json!({"$not": part})),
        ]
    })
}

fn an_order() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        4 => prop::sample::select(vec!["kind", "spec.type", "spec.owner", "metadata.title", "metadata.tags", "spec.lifecycle"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(WORLD.keys.as_slice()),
    ];
    let one = (field, prop::bool::ANY)
        .prop_map(|(field, rising)| json!({"field": field, "order": if rising { "asc" } else { "desc" }}));
    prop::collection::vec(one, 0..4).prop_map(Value::from)
}

/// The place of an entity by one sorted field: entities without it last, whichever way.
fn place(rows: &[Row], order: &Value) -> (bool, Option<String>) {
    let field = order["field"].as_str().unwrap();
    let values = rows.iter().filter(|(key, _)| key == field).filter_map(|(_, value)| value.clone());
    let value = if order["order"] == "asc" { values.min() } else { values.max() };
    (value.is_none(), value)
}

fn sorted(order: &[Value]) -> Vec<String> {
    let mut all: Vec<_> = WORLD.rows.iter().collect();
    all.sort_by(|(a_ref, a), (b_ref, b)| {
        let by_fields = order.iter().map(|order| {
            let ((a_none, a), (b_none, b)) = (place(a, order), place(b, order));
            let by_value = if order["order"] == "asc" { a.cmp(&b) } else { b.cmp(&a) };
            a_none.cmp(&b_none).then(by_value)
        });
        by_fields.fold(Ordering::Equal, Ordering::then).then_with(|| a_ref.cmp(b_ref))
    });
    all.into_iter().map(|(reference, _)| reference.to_string()).collect()
}

fn pages(arguments: &Value, limit: usize) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), None);
    for _ in 0..1_000 {
        let mut arguments = arguments.clone();
        arguments["limit"] = json!(limit);
        if let Some(cursor) = &next {
            arguments = json!({"cursor": cursor, "limit": limit});
        }
        let page = Query::from_arguments(&arguments).unwrap().run(&WORLD.index).unwrap();
        assert!(page.items.len() == limit || page.next.is_none());
        all.extend(references(&page));
        match page.next {
            Some(cursor) => next = Some(cursor),
            None => return all,
        }
    }
    panic!("the pages do not end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_a_predicate_as_its_rules_say(query in a_query()) {
        let wanted = WORLD.rows.iter().filter(|(_, rows)| holds(&query, rows)).map(|(reference, _)| reference.to_string());
        prop_assert_eq!(answer(&json!({"query": query, "limit": 500})), wanted.collect::<Vec<_>>());
    }

    #[test]
    fn the_index_answers_filters_as_their_rules_say(
        filters in prop::collection::vec(prop::collection::vec((a_pair(), prop::bool::ANY), 1..4), 0..3),
    ) {
        let clean = |row: &Row| row.1.as_ref().is_some_and(|value| !value.contains(',') && value.trim() == value);
        let text = |filter: &Vec<(Row, bool)>| {
            let statement = |(row, exists): &(Row, bool)| match (&row.1, exists) {
                (Some(value), false) if clean(row) => format!("{}={}", row.0, value.to_uppercase()),
                _ => row.0.clone(),
            };
            filter.iter().filter(|(row, _)| !row.0.contains([',', '='])).map(statement).collect::<Vec<_>>().join(",")
        };
        let filters: Vec<String> = filters.iter().map(text).filter(|text| !text.is_empty()).collect();
        let question = Question { filters: filters.clone(), ..Question::default() };
        let mut query = Query::new(question).unwrap();
        query.limit = 500;
        let matches = |filter: &String, rows: &[Row]| {
            let statements: Vec<_> = filter.split(',').map(|s| s.split_once('=').map_or((s, None), |(k, v)| (k, Some(v)))).collect();
            statements.iter().all(|(key, _)| {
                let values: Vec<_> = statements.iter().filter(|(k, v)| k == key && v.is_some()).map(|(_, v)| v.unwrap().to_lowercase()).collect();
                rows.iter().any(|(known, value)| {
                    known == key && (values.is_empty() || value.as_ref().is_some_and(|value| values.contains(value)))
                })
            })
        };
        let wanted: Vec<_> = WORLD.rows.iter()
            .filter(|(_, rows)| filters.is_empty() || filters.iter().any(|filter| matches(filter, rows)))
            .map(|(reference, _)| reference.to_string())
            .collect();
        prop_assert_eq!(references(&query.run(&WORLD.index).unwrap()), wanted, "{:?}", filters);
    }

    #[test]
    fn an_answer_is_sorted_by_every_field_that_is_named_and_its_pages_are_the_whole(
        order in an_order(), limit in 1..40_usize, offset in 0..30_usize,
    ) {
        let wanted = sorted(order.as_array().unwrap());
        let arguments = json!({"orderFields": order});
        prop_assert_eq!(&answer(&json!({"orderFields": order, "limit": 500})), &wanted);
        prop_assert_eq!(&pages(&arguments, limit), &wanted);
        prop_assert_eq!(&pages(&json!({"orderFields": order, "offset": offset}), limit), &wanted[offset..]);
    }

    #[test]
    fn the_pages_of_a_search_are_the_whole(term in "[a-z]{1,2}", limit in 1..20_usize) {
        let arguments = json!({"fullTextFilter": {"term": term}});
        let whole = answer(&json!({"fullTextFilter": {"term": term}, "limit": 500}));
        prop_assert_eq!(pages(&arguments, limit), whole);
    }

    #[test]
    fn whatever_a_cursor_holds_it_is_answered_or_refused(text in "\\PC{0,60}", flip in 0..200_usize) {
        let read = Query::from_arguments(&json!({"cursor": text}));
        prop_assert!(read.is_err());
        let page = Query::from_arguments(&json!({"limit": 3, "orderFields": {"field": "kind", "order": "asc"}})).unwrap();
        let mut bytes = page.run(&WORLD.index).unwrap().next.unwrap().into_bytes();
        let at = flip % bytes.len();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        if let Ok(query) = Query::from_arguments(&json!({"cursor": String::from_utf8(bytes).unwrap()})) {
            query.run(&WORLD.index).unwrap();
        }
    }
}

fn search(term: &str, more: Value) -> Vec<String> {
    let mut arguments = json!({"fullTextFilter": {"term": term}, "limit": 500});
    arguments["fullTextFilter"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answer(&arguments)
}

#[test]
fn a_search_reads_names_titles_tags_and_descriptions_best_first() {
    assert_eq!(search("arrivals", json!({}))[0], "api:default/arrivals");
    assert_eq!(search("ARRIVALS", json!({})), search("arrivals", json!({})));
    assert_eq!(search("coastguard", json!({})), ["component:default/manifest-service"]);
    assert_eq!(search("storm passport", json!({})), [] as [&str; 0]);
    assert_eq!(search("storm believes", json!({})), ["component:default/storm-board"]);
    assert_eq!(search("beltrán", json!({})), ["user:default/raul.beltran"]);
    assert_eq!(search("mei.tanaka@", json!({})), ["user:default/mei.tanaka"]);
    assert_eq!(search("order", json!({})), [] as [&str; 0]);
    assert!(search("refund", json!({}))[0].starts_with("component:default/refund-worker"));
    assert_eq!(search(" ", json!({})).len(), WORLD.index.len());
}

#[test]
fn characters_that_mean_something_to_a_database_mean_themselves() {
    for term in ["%", "_", "a%l", "fle_t", "*", "\\"] {
        assert_eq!(search(term, json!({})), [] as [&str; 0], "{term}");
    }
}

#[test]
fn a_search_in_given_fields_reads_only_those_and_long_texts_too() {
    assert_eq!(search("fleet", json!({"fields": ["metadata.title"]})), ["group:default/fleet"]);
    assert_eq!(search("getfare", json!({"fields": ["spec.definition"]})), ["api:default/fares"]);
    assert_eq!(search("getfare", json!({})), [] as [&str; 0]);
    assert_eq!(search("group:default/duty-desk", json!({"fields": ["relations.ownedBy"]})).len(), 4);
    assert_eq!(search("x", json!({"fields": ["no.such"]})), [] as [&str; 0]);
}

#[test]
fn a_cursor_keeps_its_meaning_when_the_catalog_changes() {
    let catalog = Catalog::sample();
    for order in
        [json!([]), json!([{"field": "spec.owner", "order": "desc"}, {"field": "kind", "order": "asc"}])]
    {
        let first = Query::from_arguments(&json!({"orderFields": order, "limit": 10}))
            .unwrap()
            .run(&catalog.index())
            .unwrap();
        let seen = references(&first);
        // The last entity that was seen and one that was not are gone; the rest follows, once each.
        let whole = answer(&json!({"orderFields": order, "limit": 500}));
        let gone = [seen[9].clone(), whole[12].clone()];
        let mut entities =
            read(&crate::catalog::load::From { paths: &[], demo: true, sources: &[] }, None).0.entities;
        entities.retain(|entity| !gone.contains(&entity.reference.to_string()));
        let smaller = Catalog::new(entities).index();
        let rest = Query::from_arguments(&json!({"cursor": first.next, "limit": 500}))
            .unwrap()
            .run(&smaller)
            .unwrap();
        let wanted: Vec<_> =
            whole[10..].iter().filter(|reference| !gone.contains(reference)).cloned().collect();
        assert_eq!(references(&rest), wanted);
    }
    let empty = Index::new(Vec::new());
    let first = Query::from_arguments(&json!({"limit": 1})).unwrap().run(&WORLD.index).unwrap();
    assert!(
        Query::from_arguments(&json!({"cursor": first.next})).unwrap().run(&empty).unwrap().items.is_empty()
    );
}

#[test]
fn numbers_may_be_strings_and_must_be_whole() {
    let limit = |limit: Value| Query::from_arguments(&json!({"limit": limit})).map(|query| query.limit);
    assert_eq!(limit(json!("7")).unwrap(), 7);
    assert_eq!(limit(json!(7.0)).unwrap(), 7);
    assert_eq!(limit(json!(100_000)).unwrap(), 500);
    assert_eq!(limit(Value::Null).unwrap(), 25);
    for bad in
        [json!(0), json!(-1), json!(1.5), json!("ten"), json!(""), json!(true), json!("-3"), json!(1e300)]
    {
        assert_eq!(limit(bad).unwrap_err(), "limit must be a whole number of at least 1");
    }
    assert!(Query::from_arguments(&json!({"offset": "0"})).is_ok());
    let far =
        Query::from_arguments(&json!({"offset": 1_000_000, "limit": 5})).unwrap().run(&WORLD.index).unwrap();
    assert!(far.items.is_empty() && far.next.is_none() && far.total == WORLD.index.len());
}

#[test]
fn arguments_of_the_wrong_shape_are_told_in_a_sentence() {
    for (arguments, says) in [
        (json!({"cursor": 1}), "cursor must be a string"),
        (json!({"fields": "kind"}), "fields must be a list of strings"),
        (json!({"fields": [1]}), "fields must be a list of strings"),
        (json!({"orderFields": {"field": "a", "order": "up"}}), "orderFields must be"),
        (json!({"fullTextFilter": "auth"}), "fullTextFilter must be an object"),
        (json!({"fullTextFilter": {}}), "fullTextFilter.term must be a string"),
        (json!({"fullTextFilter": {"term": "a b c d e f g h i"}}), "9 words"),
        (json!({"query": 1}), "query must be an object"),
    ] {
        let why = Query::from_arguments(&arguments).unwrap_err();
        assert!(why.contains(says), "{arguments}: {why}");
    }
}
