//! The predicate language of `query`: Backstage's, with sentences where it answers with a dump.
//!
//! `{kind: "Component", "spec.type": {"$in": ["service", "website"]}}`; fields of one object are all to hold.
//! An operator stands alone in its object. A field means the search index (see [`super::flatten`]): values are
//! compared as lower-case text, and a list matches by any of its items.

use serde_json::{Map, Value};

use super::flatten::scalar;
use super::index::Index;
use super::relation::Ref;
use super::set::Set;
use crate::limits;

/// A question that each entity answers with yes or no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// All of these hold; of none, yes.
    All(Vec<Predicate>),
    /// Any of these holds; of none, no.
    Any(Vec<Predicate>),
    /// This does not hold.
    Not(Box<Predicate>),
    /// The key has one of these values. Keys and values are in lower case, here and below.
    Equals(String, Vec<String>),
    /// The key is there.
    Exists(String),
    /// The key has a value that begins so.
    Begins(String, String),
}

impl Predicate {
    /// Reads a `query` argument.
    ///
    /// # Errors
    /// A sentence that says where, what is wrong, and what would be right.
    pub fn parse(query: &Value) -> Result<Self, String> {
        let length = query.to_string().len();
        if length > limits::PREDICATE_BYTES_MAX {
            return Err(format!(
                "query is {length} bytes long; at most {} are read",
                limits::PREDICATE_BYTES_MAX
            ));
        }
        let mut parser = Parser { nodes: 0 };
        parser.predicate(query, "query", 0)
    }

    /// The entities that it holds for.
    pub fn evaluate(&self, index: &Index) -> Set {
        let size = index.len();
        let mut set = Set::empty(size);
        match self {
            Self::All(parts) => {
                set.invert();
                parts.iter().for_each(|part| set.intersect(&part.evaluate(index)));
            }
            Self::Any(parts) => parts.iter().for_each(|part| set.unite(&part.evaluate(index))),
            Self::Not(part) => {
                set = part.evaluate(index);
                set.invert();
            }
            Self::Equals(key, values) => {
                if let Some(column) = index.column(key) {
                    values.iter().for_each(|value| set.extend(column.equal(value)));
                }
            }
            Self::Exists(key) => {
                if let Some(column) = index.column(key) {
                    column.exists(&mut set);
                }
            }
            Self::Begins(key, prefix) => {
                if let Some(column) = index.column(key) {
                    set.extend(column.prefixed(prefix));
                }
            }
        }
        set
    }
}

const LOGIC: [&str; 3] = ["$all", "$any", "$not"];
const OPERATORS: [&str; 4] = ["$exists", "$in", "$contains", "$hasPrefix"];

struct Parser {
    nodes: usize,
}

impl Parser {
    fn predicate(&mut self, query: &Value, at: &str, depth: usize) -> Result<Predicate, String> {
        self.nodes += 1;
        if depth > limits::PREDICATE_DEPTH_MAX || self.nodes > limits::PREDICATE_NODES_MAX {
            return Err(format!(
                "{at}: the query is too large; at most {} levels and {} parts are read",
                limits::PREDICATE_DEPTH_MAX,
                limits::PREDICATE_NODES_MAX
            ));
        }
        let Value::Object(fields) = query else {
            return Err(format!(
                "{at} must be an object such as {{\"kind\": \"Component\"}}, found {}",
                named(query)
            ));
        };
        if let Some(operator) = fields.keys().find(|key| key.starts_with('$')) {
            return self.logic(operator, fields, at, depth);
        }
        let parts = fields.iter().map(|(key, value)| self.field(key, value, at));
        Ok(Predicate::All(parts.collect::<Result<_, _>>()?))
    }

    fn logic(
        &mut self,
        operator: &str,
        fields: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<Predicate, String> {
        if !LOGIC.contains(&operator) {
            return Err(unknown(operator, at));
        }
        alone(operator, fields, at)?;
        let (operand, at) = (&fields[operator], format!("{at}.{operator}"));
        if operator == "$not" {
            return Ok(Predicate::Not(Box::new(self.predicate(operand, &at, depth + 1)?)));
        }
        let Value::Array(items) = operand else {
            return Err(format!("{at} must be a list of queries, found {}", named(operand)));
        };
        let mut parts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            parts.push(self.predicate(item, &format!("{at}[{index}]"), depth + 1)?);
        }
        Ok(if operator == "$all" { Predicate::All(parts) } else { Predicate::Any(parts) })
    }

    fn field(&mut self, key: &str, value: &Value, at: &str) -> Result<Predicate, String> {
        self.nodes += 1;
        let at = format!("{at}.\"{}\"", super::excerpt(key));
        let key = key.to_lowercase();
        let operators = match value {
            Value::Object(operators) => operators,
            other => return Ok(Predicate::Equals(key, vec![primitive(other, &at)?])),
        };
        let Some(operator) = operators.keys().next() else {
            return Err(format!("{at} is an empty object; write a value or one of {}", OPERATORS.join(", ")));
        };
        if !OPERATORS.contains(&operator.as_str()) {
            return Err(unknown(operator, &at));
        }
        alone(operator, operators, &at)?;
        let (operand, at) = (&operators[operator], format!("{at}.{operator}"));
        match operator.as_str() {
            "$exists" => match operand {
                Value::Bool(true) => Ok(Predicate::Exists(key)),
                Value::Bool(false) => Ok(Predicate::Not(Box::new(Predicate::Exists(key)))),
                other => Err(format!("{at} must be true or false, found {}", named(other))),
            },
            "$in" => {
                let values = list(operand, &at)?;
                self.nodes += values.len();
                Ok(Predicate::Equals(key, values))
            }
            "$hasPrefix" => match operand {
                Value::String(prefix) => Ok(Predicate::Begins(key, prefix.to_lowercase())),
                other => Err(format!("{at} must be a string, found {}", named(other))),
            },
            _ => contains(key, operand, &at),
        }
    }
}

/// A primitive is looked for among a list's items. An object only among relations, as Backstage has it.
fn contains(key: String, operand: &Value, at: &str) -> Result<Predicate, String> {
    let Value::Object(relation) = operand else {
        return Ok(Predicate::Equals(key, vec![primitive(operand, at)?]));
    };
    if key != "relations" {
        return Err(format!(
            "{at} may be an object only for the field \"relations\"; for other fields write a value, \
             such as {{\"metadata.tags\": {{\"$contains\": \"java\"}}}}"
        ));
    }
    let example = "such as {\"relations\": {\"$contains\": {\"type\": \"ownedBy\", \"targetRef\": \"group:default/team\"}}}";
    if let Some(other) = relation.keys().find(|key| !["type", "targetRef"].contains(&key.as_str())) {
        return Err(format!(
            "{at} has no \"{}\"; it takes type and targetRef, {example}",
            super::excerpt(other)
        ));
    }
    let Some(Value::String(kind)) = relation.get("type") else {
        return Err(format!("{at} must have a \"type\" that is a string, {example}"));
    };
    let key = format!("relations.{kind}").to_lowercase();
    let references = match relation.get("targetRef") {
        None => return Ok(Predicate::Exists(key)),
        Some(Value::Object(operators)) if operators.len() == 1 && operators.contains_key("$in") => {
            let references = list(&operators["$in"], &format!("{at}.targetRef.$in"))?;
            if references.is_empty() {
                return Err(format!("{at}.targetRef.$in must not be empty"));
            }
            references
        }
        Some(Value::String(reference)) => vec![reference.to_lowercase()],
        Some(other) => {
            let found = named(other);
            return Err(format!("{at}.targetRef must be a string or {{\"$in\": [...]}}, found {found}"));
        }
    };
    for reference in &references {
        Ref::parse(reference, None, "default").map_err(|why| format!("{at}.targetRef: {why}"))?;
    }
    Ok(Predicate::Equals(key, references))
}

fn list(operand: &Value, at: &str) -> Result<Vec<String>, String> {
    let Value::Array(items) = operand else {
        return Err(format!("{at} must be a list of values, found {}", named(operand)));
    };
    items.iter().enumerate().map(|(index, item)| primitive(item, &format!("{at}[{index}]"))).collect()
}

fn primitive(value: &Value, at: &str) -> Result<String, String> {
    match scalar(value) {
        Some(text) => Ok(text.to_lowercase()),
        None => Err(format!(
            "{at} must be a string, a number or a boolean, found {}; for \"one of\" write {{\"$in\": [...]}}, \
             for \"is there\" {{\"$exists\": true}}",
            named(value)
        )),
    }
}

fn alone(operator: &str, fields: &Map<String, Value>, at: &str) -> Result<(), String> {
    match fields.keys().find(|key| *key != operator) {
        None => Ok(()),
        Some(other) => Err(format!(
            "{at}: {operator} must be the only key of its object, found \"{}\" beside it; combine with \
             {{\"$all\": [{{...}}, {{...}}]}}",
            super::excerpt(other)
        )),
    }
}

fn unknown(operator: &str, at: &str) -> String {
    let known = || LOGIC.into_iter().chain(OPERATORS);
    let shown = super::excerpt(operator);
    if known().any(|known| known == operator) {
        let place =
            if LOGIC.contains(&operator) { "a query, not of a field" } else { "a field, not of a query" };
        return format!("{at}: {shown} is an operator of {place}");
    }
    let near = known().max_by(|a, b| {
        let near = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &shown.to_lowercase());
        near(a).total_cmp(&near(b))
    });
    let all: Vec<_> = known().collect();
    format!("{at}: there is no {shown}; did you mean {}? Known are {}", near.unwrap_or("$in"), all.join(", "))
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_edge_rules_are_those_of_backstage() {
        let parse = |query: Value| Predicate::parse(&query).unwrap();
        assert_eq!(parse(json!({})), Predicate::All(vec![]));
        assert_eq!(parse(json!({"$all": []})), Predicate::All(vec![]));
        assert_eq!(parse(json!({"$any": []})), Predicate::Any(vec![]));
        let equals = |key: &str, values: &[&str]| {
            Predicate::Equals(key.to_owned(), values.iter().map(ToString::to_string).collect())
        };
        assert_eq!(
            parse(json!({"Spec.N": 5, "b": true})),
            Predicate::All(vec![equals("spec.n", &["5"]), equals("b", &["true"])])
        );
        assert_eq!(parse(json!({"k": {"$in": ["A", 1]}})), Predicate::All(vec![equals("k", &["a", "1"])]));
        let owned = json!({"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$in": ["Group:a/B", "user:c"]}}}});
        assert_eq!(parse(owned), Predicate::All(vec![equals("relations.ownedby", &["group:a/b", "user:c"])]));
    }

    #[test]
    fn each_mistake_is_told_in_a_sentence_that_says_where_and_what_would_be_right() {
        for (query, says) in [
            (json!("x"), "query must be an object such as {\"kind\": \"Component\"}, found a string"),
            (json!({"kind": null}), "query.\"kind\" must be a string, a number or a boolean, found null"),
            (json!({"kind": ["API"]}), "write {\"$in\": [...]}"),
            (json!({"kind": {}}), "query.\"kind\" is an empty object"),
            (json!({"kind": {"$startsWith": "a"}}), "there is no $startsWith; did you mean"),
            (json!({"kind": {"$hasprefix": "a"}}), "did you mean $hasPrefix?"),
            (json!({"$or": []}), "there is no $or; did you mean"),
            (
                json!({"$all": [], "kind": "a"}),
                "$all must be the only key of its object, found \"kind\" beside it",
            ),
            (json!({"kind": {"$in": [], "$exists": true}}), "$in must be the only key"),
            (json!({"$in": ["a"]}), "query: $in is an operator of a field, not of a query"),
            (
                json!({"kind": {"$not": "a"}}),
                "query.\"kind\": $not is an operator of a query, not of a field",
            ),
            (
                json!({"$any": [{"$all": {"kind": "a"}}]}),
                "query.$any[0].$all must be a list of queries, found an object",
            ),
            (
                json!({"kind": {"$exists": "yes"}}),
                "query.\"kind\".$exists must be true or false, found a string",
            ),
            (json!({"kind": {"$in": [["a"]]}}), "query.\"kind\".$in[0] must be a string"),
            (json!({"metadata.tags": {"$contains": {"type": "a"}}}), "only for the field \"relations\""),
            (json!({"relations": {"$contains": {"targetRef": "a:b"}}}), "must have a \"type\""),
            (
                json!({"relations": {"$contains": {"type": "ownedBy", "targetRef": "team"}}}),
                "missing or empty kind",
            ),
            (
                json!({"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$in": []}}}}),
                "must not be empty",
            ),
            (json!({"relations": {"$contains": {"type": "ownedBy", "target": "a:b"}}}), "has no \"target\""),
        ] {
            let why = Predicate::parse(&query).unwrap_err();
            assert!(why.contains(says), "{query}: {why}");
            assert!(why.len() < 400, "{why}");
        }
    }

    #[test]
    fn a_hostile_query_is_refused_before_it_costs_anything() {
        let mut deep = json!({"kind": "a"});
        for _ in 0..60 {
            deep = json!({"$not": deep});
        }
        assert!(Predicate::parse(&deep).unwrap_err().contains("too large"));
        assert!(
            Predicate::parse(&json!({"$any": vec![json!({}); 2_000]})).unwrap_err().contains("too large")
        );
        assert!(Predicate::parse(&json!({"k": "x".repeat(20_000)})).unwrap_err().contains("bytes long"));
    }
}
