//! Many entities in few words: a line each, as long as there is room.

use serde_json::{Value, json};

use super::super::index::Index;
use super::super::query::Query;
use super::related;
use crate::limits;

/// A token is about four characters of English text and of references; models differ, and none by half.
const CHARS_A_TOKEN: usize = 4;

/// One line for each entity that a question finds, until `tokens` are used up. Says how many there are besides.
///
/// # Errors
/// A sentence, where the question cannot be answered.
pub fn summary(index: &Index, query: &Query, tokens: usize) -> Result<Value, String> {
    let page = query.run(index)?;
    let room = tokens * CHARS_A_TOKEN;
    let (mut text, mut shown) = (String::new(), 0);
    for entity in &page.items {
        let line = line(entity);
        if text.len() + line.len() > room {
            break;
        }
        text += &line;
        shown += 1;
    }
    let used = text.len().div_ceil(CHARS_A_TOKEN);
    Ok(json!({
        "summary": text,
        "shown": shown,
        "totalItems": page.total,
        "isComplete": shown == page.total,
        "tokens": used,
    }))
}

fn line(entity: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &entity["metadata"];
    let (kind, namespace, name) =
        (text(&entity["kind"]), text(&metadata["namespace"]), text(&metadata["name"]));
    let mut line = format!("{}:{namespace}/{name}", kind.to_lowercase());
    let mut facts: Vec<String> = ["type", "lifecycle"].map(|key| text(&entity["spec"][key])).to_vec();
    let first =
        |relation: &str, word: &str| related(entity, relation).next().map(|to| format!("{word} {to}"));
    facts.extend(first("ownedBy", "owner"));
    facts.extend(first("partOf", "part of"));
    facts.retain(|fact| !fact.is_empty());
    if !facts.is_empty() {
        line += &format!(" [{}]", facts.join(", "));
    }
    let about = text(&metadata["description"]);
    let about: Vec<&str> = about.split_whitespace().collect();
    if !about.is_empty() {
        let about = about.join(" ");
        let end = about.char_indices().nth(limits::SUMMARY_TEXT_CHARS).map_or(about.len(), |(at, _)| at);
        line += &format!(" {}{}", &about[..end], if end < about.len() { "…" } else { "" });
    }
    line + "\n"
}
