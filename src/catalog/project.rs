//! Parts of an entity by dotted path, as `fields` names them.
//!
//! A key may itself hold dots, as annotations do: where `a` is not there, `a.b` is tried as one key, as
//! Backstage does. A part is matched as it is written, or else in whatever case.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// What lies at a path.
pub fn get<'a>(entity: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = entity;
    walk(entity, path, |_, found| value = found)?;
    Some(value)
}

/// The parts of an entity that `fields` name, in the order that they are named; all of it where none are.
pub fn fields(entity: &Value, fields: &[String]) -> Value {
    if fields.is_empty() {
        return entity.clone();
    }
    let mut projected = Value::Object(Map::new());
    for field in fields {
        let mut keys = Vec::new();
        if let Some(found) = walk(entity, field, |key, _| keys.push(key.to_owned())) {
            put(&mut projected, &keys, found.clone());
        }
    }
    projected
}

/// The same, made when it is written: an answer of many entities never holds them twice.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The entity.
    pub entity: &'a Value,
    /// See [`fields`].
    pub fields: &'a [String],
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.fields {
            [] => self.entity.serialize(to),
            named => fields(self.entity, named).serialize(to),
        }
    }
}

/// Calls `step` with each key that is taken and what lies under it; gives what lies at the end.
fn walk<'a>(entity: &'a Value, path: &str, mut step: impl FnMut(&'a str, &'a Value)) -> Option<&'a Value> {
    let mut value = entity;
    let mut rest = path;
    while !rest.is_empty() {
        let map = value.as_object()?;
        let ends = rest.match_indices('.').map(|(at, _)| at).chain(std::iter::once(rest.len()));
        let (key, found, end) = ends.into_iter().find_map(|end| {
            let key = &rest[..end];
            let (key, found) = map
                .get_key_value(key)
                .or_else(|| map.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)))?;
            Some((key, found, end))
        })?;
        step(key, found);
        value = found;
        rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
    }
    Some(value)
}

fn put(target: &mut Value, keys: &[String], found: Value) {
    let Some((key, rest)) = keys.split_first() else {
        *target = found;
        return;
    };
    // A whole that an earlier field brought already holds this part.
    if let Value::Object(map) = target {
        let next = map.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new()));
        put(next, rest, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_are_named_by_paths_whose_keys_may_hold_dots() {
        let entity = json!({
            "metadata": {"name": "n", "annotations": {"a.io/b.c": "d", "e": "f"}, "tags": ["t"]},
            "kind": "K", "spec": {"type": "s", "x": {"y": 1}},
        });
        let of = |names: &[&str]| fields(&entity, &names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(of(&[]), entity);
        let kind = ["kind".to_owned()];
        for (named, want) in [(&[][..], entity.clone()), (&kind, json!({"kind": "K"}))] {
            assert_eq!(serde_json::to_value(Part { entity: &entity, fields: named }).unwrap(), want);
        }
        assert_eq!(
            of(&["kind", "metadata.annotations.a.io/b.c", "metadata.NAME", "none.such"]),
            json!({"kind": "K", "metadata": {"annotations": {"a.io/b.c": "d"}, "name": "n"}})
        );
        assert_eq!(of(&["spec", "spec.type"]), json!({"spec": {"type": "s", "x": {"y": 1}}}));
        assert_eq!(of(&["spec.type", "spec"]), json!({"spec": {"type": "s", "x": {"y": 1}}}));
        assert_eq!(of(&["metadata.tags.t", "kind.x"]), json!({}));
        assert_eq!(get(&entity, "spec.x.y"), Some(&json!(1)));
        assert_eq!(get(&entity, "spec.x.z"), None);
    }
}
