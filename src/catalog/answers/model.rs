//! What this catalog can hold and does, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::index::Index;
use super::super::schema::KINDS;
use crate::limits;

const ABOUT: [(&str, &str, &str); 10] = [
    (
        "AiResource",
        "a skill, rule, plugin or marketplace for assistants",
        "type, lifecycle, owner, system, dependsOn",
    ),
    (
        "API",
        "an interface that components expose",
        "type, lifecycle, owner, definition (mcp-server: remotes), system",
    ),
    (
        "Component",
        "a piece of software",
        "type, lifecycle, owner, system, subcomponentOf, providesApis, consumesApis, dependsOn, dependencyOf",
    ),
    ("Domain", "systems that share a business purpose", "owner, subdomainOf, type"),
    ("Group", "a team or unit", "type, children, parent, members, profile"),
    ("Location", "a marker that leads to other descriptors", "type, target, targets, presence"),
    ("Resource", "infrastructure that components need", "type, owner, system, dependsOn, dependencyOf"),
    ("System", "components, APIs and resources that belong together", "owner, domain, type"),
    ("Template", "a form and steps that make something new", "type, owner, parameters, steps, output"),
    ("User", "a person", "memberOf, profile"),
];

const RELATIONS: &str = "ownedBy/ownerOf, partOf/hasPart, dependsOn/dependencyOf, providesApi/apiProvidedBy, \
    consumesApi/apiConsumedBy, memberOf/hasMember, childOf/parentOf";

/// Kinds, how many there are of each and their spec fields; relations; annotations, labels and tags in use.
pub fn description(index: &Index) -> String {
    let mut text = "# Catalog model\n\n## Kinds\n\n".to_owned();
    for kind in KINDS {
        let count = index.column("kind").map_or(0, |kinds| kinds.equal(&kind.to_lowercase()).len());
        let (about, fields) =
            ABOUT.iter().find(|it| it.0 == *kind).map_or(("", ""), |(_, about, fields)| (about, fields));
        let _ = writeln!(text, "- **{kind}** ({count}): {about}. spec: {fields}");
    }
    let _ = write!(text, "\n## Relations\n\n{RELATIONS}\n");
    let mut used: [(&str, BTreeMap<String, usize>); 3] =
        [("annotations", BTreeMap::new()), ("labels", BTreeMap::new()), ("tags", BTreeMap::new())];
    for entity in index.entities() {
        for (what, counts) in &mut used {
            let found = &entity["metadata"][*what];
            let keys = found.as_object().into_iter().flat_map(|map| map.keys().map(String::as_str));
            let items = found.as_array().into_iter().flatten().filter_map(|item| item.as_str());
            for name in keys.chain(items) {
                *counts.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    for (what, counts) in used {
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let _ = write!(text, "\n## {}{} in use\n\n", what[..1].to_uppercase(), &what[1..]);
        for (name, count) in counts.iter().take(limits::MODEL_NAMES_MAX) {
            let _ = writeln!(text, "- {name} ({count})");
        }
        if counts.len() > limits::MODEL_NAMES_MAX {
            let _ = writeln!(text, "- and {} more", counts.len() - limits::MODEL_NAMES_MAX);
        }
    }
    text
}
