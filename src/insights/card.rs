//! What a scorecard is: for which entities, which checks, and what each is worth.

use serde_json::{Value, json};

use crate::catalog::answers::related;
use crate::catalog::index::Index;
use crate::catalog::predicate::Predicate;
use crate::catalog::project;
use crate::catalog::set::Set;

/// A scorecard.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What it is called in URLs and calls: `production-ready`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Which entities it judges, as it was written.
    pub filter: Value,
    /// The same, read.
    pub applies: Predicate,
    /// Its levels, the lowest first; none where points alone count.
    pub levels: Vec<String>,
    /// Its checks, in the order in which they were written.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What it is called in calls: `owner`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// The position of the level that needs it; 0 where there are no levels.
    pub level: usize,
    /// What it is worth.
    pub points: u32,
    /// Of which entities it is asked, of those that the scorecard judges; `None` for all.
    pub when: Option<Predicate>,
    /// What is asked.
    pub rule: Rule,
    /// How to mend it; empty where its author gave no advice.
    pub mend: String,
}

/// What is asked of an entity.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Somebody in the catalog owns it.
    Owner,
    /// It says where its documentation is.
    Docs,
    /// It is an API with a definition, or each API that it provides is one, and it provides one.
    Definition,
    /// It has the annotation.
    Annotation(String),
    /// It has the label.
    Label(String),
    /// Something stands at this dotted path that is not empty.
    Field(String),
    /// The catalog's own language of questions, as it was written and read.
    Query(Value, Predicate),
}

impl Card {
    /// The check with this id.
    pub fn check(&self, id: &str) -> Option<(usize, &Check)> {
        self.checks.iter().enumerate().find(|(_, check)| check.id == id)
    }

    /// The name of the level that is reached after `reached` of them; empty below the first.
    pub fn level(&self, reached: usize) -> &str {
        reached.checked_sub(1).and_then(|at| self.levels.get(at)).map_or("", String::as_str)
    }
}

impl Rule {
    /// The entities of `asked` that pass. Reads the index and nothing else, each entity at most once.
    pub fn passed(&self, index: &Index, asked: &Set) -> Set {
        let mut passed = match self {
            Self::Docs => {
                Predicate::Any(DOCS.map(|key| Predicate::Exists(key.to_owned())).to_vec()).evaluate(index)
            }
            Self::Annotation(name) => has(index, "annotations", name),
            Self::Label(name) => has(index, "labels", name),
            Self::Query(_, predicate) => predicate.evaluate(index),
            Self::Owner | Self::Definition | Self::Field(_) => {
                let found: Vec<u32> =
                    asked.iter_from(0).filter(|&at| self.holds(index, index.entity(at))).collect();
                let mut set = Set::empty(index.len());
                set.extend(&found);
                set
            }
        };
        passed.intersect(asked);
        passed
    }

    /// Of those that no column answers.
    fn holds(&self, index: &Index, entity: &Value) -> bool {
        match self {
            Self::Owner => related(entity, "ownedBy").any(|owner| index.get(owner).is_some()),
            Self::Definition if entity["kind"] == "API" => is_defined(entity),
            Self::Definition => {
                let mut apis = related(entity, "providesApi").peekable();
                apis.peek().is_some() && apis.all(|api| index.get(api).is_some_and(|api| is_defined(api)))
            }
            Self::Field(path) => project::get(entity, path).is_some_and(|found| !is_empty(found)),
            Self::Docs | Self::Annotation(_) | Self::Label(_) | Self::Query(..) => false,
        }
    }

    /// As it is written in YAML.
    pub fn written(&self) -> Value {
        match self {
            Self::Owner => json!({"has": "owner"}),
            Self::Docs => json!({"has": "docs"}),
            Self::Definition => json!({"has": "api-definition"}),
            Self::Annotation(name) => json!({"annotation": name}),
            Self::Label(name) => json!({"label": name}),
            Self::Field(path) => json!({"field": path}),
            Self::Query(query, _) => json!({"query": query}),
        }
    }
}

/// Where an entity says where its documentation is.
const DOCS: [&str; 2] =
    ["metadata.annotations.backstage.io/techdocs-ref", "metadata.annotations.backstage.io/techdocs-entity"];

fn has(index: &Index, what: &str, name: &str) -> Set {
    Predicate::Exists(format!("metadata.{what}.{name}").to_lowercase()).evaluate(index)
}

/// A text, a document that a placeholder brought in, or where a server is that describes itself.
fn is_defined(api: &Value) -> bool {
    ["definition", "remotes"].iter().any(|key| !is_empty(&api["spec"][*key]))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
