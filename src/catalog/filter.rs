//! The older language of questions, `filter=kind=component,spec.type=service`: within one filter all keys
//! must match, a key that is repeated by any of its values, and a key without `=` by being there; of several
//! filters any must match.

use super::predicate::Predicate;
use crate::limits;

/// Reads the `filter` parameters of one request. None at all let everything through.
///
/// # Errors
/// Backstage's sentence, where a statement has no key; ours, where there are too many.
pub fn parse<'a>(filters: impl IntoIterator<Item = &'a str>) -> Result<Predicate, String> {
    let mut any = Vec::new();
    let mut length = 0;
    for filter in filters {
        length += filter.len();
        if any.len() >= limits::QUERY_FIELDS_MAX || length > limits::PREDICATE_BYTES_MAX {
            return Err(format!(
                "too many filters; at most {} in {} bytes are read",
                limits::QUERY_FIELDS_MAX,
                limits::PREDICATE_BYTES_MAX
            ));
        }
        if let Some(one) = one(filter)? {
            any.push(one);
        }
    }
    Ok(if any.is_empty() { Predicate::All(Vec::new()) } else { Predicate::Any(any) })
}

fn one(filter: &str) -> Result<Option<Predicate>, String> {
    // In order of first appearance; `None` until the key is given a value.
    let mut keys: Vec<(&str, Option<Vec<String>>)> = Vec::new();
    for statement in filter.split(',').map(str::trim).filter(|statement| !statement.is_empty()) {
        let (key, value) = match statement.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim().to_lowercase())),
            None => (statement, None),
        };
        if key.is_empty() {
            let statement = super::excerpt(statement);
            return Err(format!(
                "Invalid filter, '{statement}' is not a valid statement (expected a string on the form a=b or a= or a)"
            ));
        }
        let at = keys.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            keys.push((key, None));
            keys.len() - 1
        });
        if let Some(value) = value {
            keys[at].1.get_or_insert_default().push(value);
        }
    }
    let parts: Vec<_> = keys
        .into_iter()
        .map(|(key, values)| match values {
            Some(values) => Predicate::Equals(key.to_lowercase(), values),
            None => Predicate::Exists(key.to_lowercase()),
        })
        .collect();
    Ok((!parts.is_empty()).then_some(Predicate::All(parts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equals(key: &str, values: &[&str]) -> Predicate {
        Predicate::Equals(key.to_owned(), values.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn keys_are_all_to_match_and_values_of_one_key_any() {
        let read = parse(["kind=Component, spec.type = A ,spec.type=b,x", "kind=api"]).unwrap();
        assert_eq!(
            read,
            Predicate::Any(vec![
                Predicate::All(vec![
                    equals("kind", &["component"]),
                    equals("spec.type", &["a", "b"]),
                    Predicate::Exists("x".to_owned()),
                ]),
                Predicate::All(vec![equals("kind", &["api"])]),
            ])
        );
    }

    #[test]
    fn a_value_may_hold_an_equals_sign_and_may_be_empty() {
        let read = parse(["a=b=c,d="]).unwrap();
        assert_eq!(
            read,
            Predicate::Any(vec![Predicate::All(vec![equals("a", &["b=c"]), equals("d", &[""])])])
        );
        assert_eq!(
            parse(["a,a=b"]).unwrap(),
            Predicate::Any(vec![Predicate::All(vec![equals("a", &["b"])])])
        );
    }

    #[test]
    fn no_filter_lets_everything_through_and_a_bad_one_is_told() {
        assert_eq!(parse([]).unwrap(), Predicate::All(vec![]));
        assert_eq!(parse([" , "]).unwrap(), Predicate::All(vec![]));
        assert!(parse(["=x"]).unwrap_err().starts_with("Invalid filter, '=x' is not a valid statement"));
        assert!(parse(vec!["a"; 101]).unwrap_err().contains("too many filters"));
    }
}
