//! Words in the Markdown that explains entities. Reads files, so it may wait for a disk.

use serde_json::{Value, json};

use super::super::attached::{self, Kind};
use super::super::index::Index;
use crate::limits;

/// Pages that hold every word of `term`, in whatever case, those with a word in a heading first. Only those of
/// `entity`, where one is named, and else those of every entity that says where its documentation is.
pub fn search(index: &Index, term: &str, entity: Option<&str>, limit: usize) -> Value {
    let words: Vec<String> = term.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<(usize, Value)> = Vec::new();
    let mut read = 0;
    for (reference, value) in index.references().iter().zip(index.entities()) {
        let is_asked = match entity {
            Some(entity) => reference.as_str() == entity,
            None => attached::is_said(value, Kind::Docs),
        };
        if !is_asked {
            continue;
        }
        for page in attached::names(index, reference.as_str(), Kind::Docs) {
            if words.is_empty() || read >= limits::DOCS_SEARCHED_MAX {
                break;
            }
            read += 1;
            let Some(text) = attached::read(index, reference.as_str(), Kind::Docs, &page) else { continue };
            let lower = text.to_lowercase();
            if !words.iter().all(|word| lower.contains(word)) {
                continue;
            }
            let heads = lower.lines().filter(|line| line.starts_with('#'));
            let worth = heads.filter(|line| words.iter().any(|word| line.contains(word))).count();
            let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&page);
            let line = text.lines().find(|line| line.to_lowercase().contains(&words[0])).unwrap_or_default();
            let (kind, namespace, name) = (reference.kind(), reference.namespace(), reference.name());
            found.push((
                worth,
                json!({
                    "entityRef": reference.as_str(),
                    "page": page,
                    "title": title.trim(),
                    "snippet": super::super::excerpt(line.trim()),
                    "uri": format!("catalog://{kind}/{namespace}/{name}/docs/{page}"),
                }),
            ));
        }
    }
    found.sort_by_key(|(worth, _)| std::cmp::Reverse(*worth));
    let total = found.len();
    let results: Vec<Value> = found.into_iter().take(limit).map(|(_, page)| page).collect();
    json!({
        "results": results,
        "totalItems": total,
        "hasMoreResults": total > limit,
        "isComplete": read < limits::DOCS_SEARCHED_MAX,
    })
}
