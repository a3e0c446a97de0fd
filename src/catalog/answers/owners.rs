//! Who owns an entity: the groups, the people in them, and whom to ask when none of those answers.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::index::Index;
use super::{related, title};
use crate::limits;

/// The owners of the entity at `reference`, down to people and up to the parents of each group. What has no owner is
/// owned by who owns what it is part of, and `inheritedFrom` names that.
pub fn owners(index: &Index, reference: &str) -> Value {
    let mut answer = Map::new();
    answer.insert("entityRef".to_owned(), json!(reference));
    let mut seen = HashSet::new();
    let mut at = reference.to_owned();
    let owners = loop {
        let Some(entity) = index.get(&at).filter(|_| seen.insert(at.clone())) else { break Vec::new() };
        // A group and a person answer for themselves.
        if entity["kind"] == "Group" || entity["kind"] == "User" {
            break vec![at.clone()];
        }
        let found: Vec<String> = related(entity, "ownedBy").map(str::to_owned).collect();
        match related(entity, "partOf").next() {
            Some(whole) if found.is_empty() => at = whole.to_owned(),
            _ => break found,
        }
    };
    let list: Vec<Value> = owners.iter().map(|owner| one(index, owner)).collect();
    answer.insert("owners".to_owned(), Value::Array(list));
    if at != reference && !owners.is_empty() {
        answer.insert("inheritedFrom".to_owned(), json!(at));
    }
    Value::Object(answer)
}

fn one(index: &Index, reference: &str) -> Value {
    let mut owner = contact(index, reference);
    let Some(entity) = index.get(reference) else { return owner };
    if entity["kind"] == "Group" {
        owner["people"] = people(index, reference);
        let (mut parents, mut seen) = (Vec::new(), HashSet::from([reference.to_owned()]));
        let mut next = related(entity, "childOf").next().map(str::to_owned);
        while let Some(parent) = next.take().filter(|parent| seen.insert(parent.clone())) {
            let mut group = contact(index, &parent);
            group["people"] = people(index, &parent);
            parents.push(group);
            next = index.get(&parent).and_then(|it| related(it, "childOf").next()).map(str::to_owned);
        }
        owner["parents"] = Value::Array(parents);
    }
    owner
}

/// The members of a group; of one that has none itself, those of the groups below it.
fn people(index: &Index, group: &str) -> Value {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut level = vec![group.to_owned()];
    while found.is_empty() && !level.is_empty() {
        let mut below = Vec::new();
        for group in level.into_iter().filter(|group| seen.insert(group.clone())) {
            let Some(entity) = index.get(&group) else { continue };
            found.extend(related(entity, "hasMember").map(str::to_owned));
            below.extend(related(entity, "parentOf").map(str::to_owned));
        }
        level = below;
    }
    found.sort_unstable();
    found.dedup();
    Value::Array(found.iter().take(limits::OWNING_PEOPLE_MAX).map(|person| contact(index, person)).collect())
}

fn contact(index: &Index, reference: &str) -> Value {
    let mut contact = json!({"entityRef": reference});
    match index.get(reference) {
        None => contact["isMissing"] = Value::Bool(true),
        Some(entity) => {
            contact["title"] = json!(title(entity));
            if let Some(email) = entity["spec"]["profile"]["email"].as_str() {
                contact["email"] = json!(email);
            }
        }
    }
    contact
}
