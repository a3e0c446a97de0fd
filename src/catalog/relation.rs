//! References between entities, and the relations that they make: each in both directions, as Backstage has
//! them, so that "what does this team own" and "who owns this" are one question.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::descriptor::Entity;
use crate::limits;

/// A canonical entity reference: `kind:namespace/name`, all in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref(Box<str>);

impl Ref {
    /// The reference of an entity.
    ///
    /// # Errors
    /// Where it has no kind or no name.
    pub fn of(entity: &Map<String, Value>) -> Result<Self, String> {
        let kind = entity.get("kind").and_then(Value::as_str).unwrap_or_default();
        let metadata = entity.get("metadata").and_then(Value::as_object);
        let text = |key| metadata.and_then(|m: &Map<String, Value>| m.get(key)).and_then(Value::as_str);
        match (kind, text("name").unwrap_or_default()) {
            ("", _) | (_, "") => Err("an entity has a kind and a name".to_owned()),
            (kind, name) => Ok(Self::new(kind, text("namespace").unwrap_or("default"), name)),
        }
    }

    /// From its three parts.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self(format!("{kind}:{namespace}/{name}").to_lowercase().into())
    }

    /// Reads `[<kind>:][<namespace>/]<name>`; what is left out is the default's.
    ///
    /// # Errors
    /// Backstage's sentence, where a part is empty, or the kind is neither written nor implied.
    pub fn parse(text: &str, kind: Option<&str>, namespace: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Entity reference must not be empty".to_owned());
        }
        let slash = text.find('/');
        // A colon after the slash belongs to the name.
        let colon = text.find(':').filter(|colon| slash.is_none_or(|slash| *colon < slash));
        let name_at = slash.or(colon).map_or(0, |at| at + 1);
        let written_kind = colon.map(|at| &text[..at]);
        let written_namespace = slash.map(|at| &text[colon.map_or(0, |colon| colon + 1)..at]);
        let name = &text[name_at..];
        if written_kind == Some("") || written_namespace == Some("") || name.is_empty() {
            let text = super::excerpt(text);
            return Err(format!(
                "Entity reference \"{text}\" was not on the form [<kind>:][<namespace>/]<name>"
            ));
        }
        match written_kind.or(kind) {
            Some(kind) => Ok(Self::new(kind, written_namespace.unwrap_or(namespace), name)),
            None => Err(format!(
                "Entity reference \"{}\" had missing or empty kind (e.g. did not start with \"component:\" or similar)",
                super::excerpt(text)
            )),
        }
    }

    /// The text of the reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon.
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(kind, _)| kind)
    }

    /// The part between the colon and the slash.
    pub fn namespace(&self) -> &str {
        self.0
            .split_once(':')
            .and_then(|(_, rest)| rest.split_once('/'))
            .map_or("", |(namespace, _)| namespace)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Ref {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A field that names other entities: the relation it makes, the one the other end gets, and the kind that a
/// name without one has.
type Rule = (&'static str, &'static str, &'static str, Option<&'static str>);

const OWNER: Rule = ("owner", "ownedBy", "ownerOf", Some("Group"));
const PART_OF_SYSTEM: Rule = ("system", "partOf", "hasPart", Some("System"));
const DEPENDS_ON: Rule = ("dependsOn", "dependsOn", "dependencyOf", None);
const DEPENDENCY_OF: Rule = ("dependencyOf", "dependencyOf", "dependsOn", None);

fn rules(kind: &str) -> &'static [Rule] {
    match kind {
        "component" => &[
            OWNER,
            ("subcomponentOf", "partOf", "hasPart", Some("Component")),
            ("providesApis", "providesApi", "apiProvidedBy", Some("API")),
            ("consumesApis", "consumesApi", "apiConsumedBy", Some("API")),
            DEPENDS_ON,
            DEPENDENCY_OF,
            PART_OF_SYSTEM,
        ],
        "api" => &[OWNER, PART_OF_SYSTEM],
        "resource" => &[OWNER, DEPENDS_ON, DEPENDENCY_OF, PART_OF_SYSTEM],
        "system" => &[OWNER, ("domain", "partOf", "hasPart", Some("Domain"))],
        "domain" => &[OWNER, ("subdomainOf", "partOf", "hasPart", Some("Domain"))],
        "group" => &[
            ("parent", "childOf", "parentOf", Some("Group")),
            ("children", "parentOf", "childOf", Some("Group")),
            ("members", "hasMember", "memberOf", Some("User")),
        ],
        "user" => &[("memberOf", "memberOf", "hasMember", Some("Group"))],
        "template" => &[OWNER],
        "airesource" => &[
            OWNER,
            PART_OF_SYSTEM,
            ("dependsOn", "dependsOn", "dependencyOf", Some("AiResource")),
            ("skills", "hasPart", "partOf", Some("AiResource")),
            ("plugins", "hasPart", "partOf", Some("AiResource")),
        ],
        _ => &[],
    }
}

/// What linking found about one entity, by its position.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The entity's position in the list that was linked.
    pub entity: usize,
    /// `true` where the entity cannot stay: a reference in it cannot be read.
    pub is_fault: bool,
    /// What it is, as a sentence.
    pub message: String,
}

/// Gives every entity its `relations`, sorted, and says what refers to nothing.
///
/// An entity with a reference that cannot be read gets a fault and takes no part in any relation; the caller
/// leaves it out. A reference to an entity that is not there is a warning: its relation is kept, since the
/// other end may come later.
pub fn link(entities: &mut [Entity]) -> Vec<Finding> {
    let position: HashMap<Ref, usize> =
        entities.iter().enumerate().map(|(index, entity)| (entity.reference.clone(), index)).collect();
    let mut relations: Vec<HashSet<(&'static str, Ref)>> = vec![HashSet::new(); entities.len()];
    let mut findings = Vec::new();
    for (index, entity) in entities.iter().enumerate() {
        let named = match references(&entity.reference, &entity.value) {
            Ok(named) => named,
            Err(message) => {
                findings.push(Finding { entity: index, is_fault: true, message });
                continue;
            }
        };
        for (rule, target) in named {
            let (field, forward, backward, _) = rule;
            match position.get(&target) {
                Some(&other) => drop(relations[other].insert((backward, entity.reference.clone()))),
                None => findings.push(Finding {
                    entity: index,
                    is_fault: false,
                    message: format!("spec.{field} refers to {target}, which is not in the catalog"),
                }),
            }
            relations[index].insert((forward, target));
        }
    }
    for (entity, relations) in entities.iter_mut().zip(relations) {
        let mut sorted: Vec<_> = relations.into_iter().collect();
        sorted.sort_unstable();
        let list =
            sorted.iter().map(|(kind, target)| json!({"type": kind, "targetRef": target.as_str()})).collect();
        if let Value::Object(root) = &mut entity.value {
            root.insert("relations".to_owned(), Value::Array(list));
        }
    }
    findings
}

/// An entity without the relations that others made to it, of those that `is_hidden` names. What its own descriptor says
/// stays, as with a reference to what is not in the catalog: that the other end is missing says nothing of it.
pub fn without(reference: &Ref, entity: &Arc<Value>, is_hidden: impl Fn(&str) -> bool) -> Arc<Value> {
    let all = entity["relations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let hides = |one: &Value| one["targetRef"].as_str().is_some_and(&is_hidden);
    if !all.iter().any(hides) {
        return Arc::clone(entity);
    }
    let own = references(reference, entity).unwrap_or_default();
    let is_own = |one: &Value| {
        own.iter().any(|((_, forward, ..), to)| one["type"] == *forward && one["targetRef"] == to.as_str())
    };
    let left: Vec<Value> = all.iter().filter(|one| !hides(one) || is_own(one)).cloned().collect();
    let mut value = Value::clone(entity);
    value["relations"] = Value::Array(left);
    Arc::new(value)
}

fn references(reference: &Ref, value: &Value) -> Result<Vec<(Rule, Ref)>, String> {
    let mut named = Vec::new();
    let spec = &value["spec"];
    for &rule in rules(reference.kind()) {
        let (field, _, _, kind) = rule;
        let texts: Vec<&str> = match &spec[field] {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        for text in texts {
            named.push((rule, Ref::parse(text, kind, reference.namespace())?));
        }
    }
    Ok(named)
}

/// Whom `user` may speak for: itself, the groups it is a member of, and their parents, nearest first.
///
/// `relations_of` gives the relations of an entity, or nothing where it is not in the catalog.
pub fn ownership<'a>(user: &str, relations_of: impl Fn(&str) -> Option<&'a Value>) -> Vec<String> {
    let mut owners = vec![user.to_owned()];
    climb(&mut owners, 0, "memberOf", &relations_of);
    climb_all(owners, 1, relations_of)
}

/// The groups of `owners` and their parents, nearest first.
pub fn parents<'a>(owners: Vec<String>, relations_of: impl Fn(&str) -> Option<&'a Value>) -> Vec<String> {
    climb_all(owners, 0, relations_of)
}

fn climb_all<'a>(
    mut owners: Vec<String>,
    from: usize,
    relations_of: impl Fn(&str) -> Option<&'a Value>,
) -> Vec<String> {
    let mut next = from;
    // A group that is its own ancestor is met once: `owners` is also the list of what was seen.
    while next < owners.len() && owners.len() < limits::OWNERSHIP_GROUPS_MAX {
        climb(&mut owners, next, "childOf", &relations_of);
        next += 1;
    }
    owners
}

fn climb<'a>(
    owners: &mut Vec<String>,
    from: usize,
    wanted: &str,
    relations_of: &impl Fn(&str) -> Option<&'a Value>,
) {
    for relation in relations_of(&owners[from]).and_then(Value::as_array).into_iter().flatten() {
        if relation["type"] == wanted
            && let Some(target) = relation["targetRef"].as_str()
            && !owners.iter().any(|owner| owner == target)
        {
            owners.push(target.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::descriptor::Place;
    use super::super::files::Files;
    use super::*;

    fn entities(described: &[(&str, Value)]) -> Vec<Entity> {
        let one = |(reference, spec): &(&str, Value)| {
            let reference = Ref::parse(reference, None, "default").unwrap();
            let place = Place { file: "f".to_owned(), document: 1, line: 1 };
            Entity { value: json!({"spec": spec}), reference, place, files: Arc::new(Files::Embedded(&[])) }
        };
        described.iter().map(one).collect()
    }

    fn relations(entity: &Entity) -> Vec<String> {
        let text =
            |r: &Value| format!("{} {}", r["type"].as_str().unwrap(), r["targetRef"].as_str().unwrap());
        entity.value["relations"].as_array().unwrap().iter().map(text).collect()
    }

    #[test]
    fn a_reference_is_read_as_backstage_reads_it() {
        for (text, want) in [
            ("a", "group:here/a"),
            ("User:A", "user:here/a"),
            ("ns/a", "group:ns/a"),
            ("API:NS/A.b", "api:ns/a.b"),
            ("ns/a:b", "group:ns/a:b"),
        ] {
            assert_eq!(Ref::parse(text, Some("Group"), "here").unwrap().as_str(), want);
        }
        for bad in ["", ":a", "/a", "k:", "k:/a", "ns/", "k:ns/"] {
            assert!(Ref::parse(bad, Some("Group"), "here").is_err(), "{bad}");
        }
        assert!(Ref::parse("a", None, "here").unwrap_err().contains("missing or empty kind"));
        let reference = Ref::new("API", "NS", "A");
        assert_eq!((reference.kind(), reference.namespace(), reference.name()), ("api", "ns", "a"));
    }

    #[test]
    fn relations_go_both_ways_and_a_dangling_one_is_kept_and_said() {
        let mut all = entities(&[
            (
                "component:shop/web",
                json!({"owner": "Team", "dependsOn": ["resource:db"], "consumesApis": ["gone"]}),
            ),
            ("group:shop/team", json!({"children": [], "members": ["user:default/ann"]})),
            ("resource:shop/db", json!({"owner": "team"})),
            ("user:default/ann", json!({"memberOf": []})),
        ]);
        let findings = link(&mut all);
        assert_eq!(
            relations(&all[0]),
            ["consumesApi api:shop/gone", "dependsOn resource:shop/db", "ownedBy group:shop/team"]
        );
        assert_eq!(
            relations(&all[1]),
            ["hasMember user:default/ann", "ownerOf component:shop/web", "ownerOf resource:shop/db"]
        );
        assert_eq!(relations(&all[2]), ["dependencyOf component:shop/web", "ownedBy group:shop/team"]);
        assert_eq!(relations(&all[3]), ["memberOf group:shop/team"]);
        assert_eq!(
            findings,
            [Finding {
                entity: 0,
                is_fault: false,
                message: "spec.consumesApis refers to api:shop/gone, which is not in the catalog".to_owned(),
            }]
        );
    }

    #[test]
    fn a_reference_without_a_kind_where_none_is_implied_is_a_fault() {
        let mut all = entities(&[("component:default/a", json!({"owner": "t", "dependsOn": ["b"]}))]);
        let findings = link(&mut all);
        assert!(
            findings.iter().any(|f| f.is_fault && f.message.contains("missing or empty kind")),
            "{findings:?}"
        );
    }

    #[test]
    fn ownership_climbs_to_the_parents_and_survives_a_cycle() {
        let mut all = entities(&[
            ("user:default/ann", json!({"memberOf": ["a"]})),
            ("group:default/a", json!({"parent": "b", "children": []})),
            ("group:default/b", json!({"parent": "a", "children": []})),
        ]);
        link(&mut all);
        let relations_of = |wanted: &str| {
            all.iter()
                .find(|entity| entity.reference.as_str() == wanted)
                .map(|entity| &entity.value["relations"])
        };
        assert_eq!(
            ownership("user:default/ann", relations_of),
            ["user:default/ann", "group:default/a", "group:default/b"]
        );
        assert_eq!(ownership("user:default/nobody", relations_of), ["user:default/nobody"]);
    }
}
