//! YAML text → documents. Bounded before and while it is read: YAML is the one input here that can be
//! small as a file and enormous as a value (aliases: "billion laughs").

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Options};

use crate::limits;

/// One document of a stream.
#[derive(Debug)]
pub struct Document {
    /// Counted from 1, empty documents included, as an author counts `---` lines.
    pub number: usize,
    /// The line of the file that the document begins on, counted from 1.
    pub line: usize,
    /// What it says, or why it cannot be read.
    pub content: Result<Value, String>,
}

/// Reads every document of `text`. Empty ones are left out; a broken one does not spoil the others.
pub fn documents(text: &str) -> Vec<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let pieces = pieces(text);
    if pieces.len() > limits::DESCRIPTOR_DOCUMENTS_MAX {
        let reason = format!(
            "the file has {} documents; at most {} are read",
            pieces.len(),
            limits::DESCRIPTOR_DOCUMENTS_MAX
        );
        return vec![Document { number: 1, line: 1, content: Err(reason) }];
    }
    let documents = pieces.into_iter().enumerate().map(|(index, (line, piece))| Document {
        number: index + 1,
        line,
        content: document(piece).map_err(|error| place(&error, line)),
    });
    documents.filter(|document| !matches!(document.content, Ok(Value::Null))).collect()
}

/// Reads a text that is one document, as a `$yaml` placeholder brings in.
///
/// # Errors
/// A sentence that says what is wrong and on which line.
pub fn single(text: &str) -> Result<Value, String> {
    document(text).map_err(|error| place(&error, 1))
}

/// Reads every document of `text` as a `T`, each with the line of the file that it begins on. Empty ones are left out.
pub fn typed<T: DeserializeOwned>(text: &str) -> Vec<(usize, Result<T, String>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let pieces =
        pieces(text).into_iter().take(limits::DESCRIPTOR_DOCUMENTS_MAX).filter(|(_, piece)| !is_empty(piece));
    let read = |piece| serde_saphyr::from_str_with_options(piece, options());
    pieces.map(|(line, piece)| (line, read(piece).map_err(|error| place(&error, line)))).collect()
}

fn is_empty(text: &str) -> bool {
    text.lines()
        .map(str::trim_end)
        .all(|line| line.is_empty() || line == "---" || line.starts_with(['#', '%']))
}

fn document(text: &str) -> Result<Value, serde_saphyr::Error> {
    if text.lines().all(|line| line.trim().is_empty() || line.starts_with(['#', '%'])) {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str_with_options(text, options())
}

/// YAML 1.2 as Backstage's parser has it: `yes` is text, one key once; and nothing without a bound.
fn options() -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::Error,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: limits::DESCRIPTOR_DEPTH_MAX,
            max_nodes: limits::DESCRIPTOR_NODES_MAX,
            max_events: limits::DESCRIPTOR_NODES_MAX * 3,
            max_total_scalar_bytes: usize::try_from(limits::DESCRIPTOR_BYTES_MAX).unwrap_or(usize::MAX),
            max_documents: 2,
        },
    }
}

/// Cuts at `---` and after `...` in the first column, which YAML forbids inside any scalar (section 9.1.2).
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    let mut open = false;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_end_matches(['\n', '\r']);
        let begins =
            bare.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if begins && open {
            pieces.push((start_line, &text[start..offset]));
            (start, start_line) = (offset, index + 1);
        }
        // Comments and directives before the first marker belong to the document that it begins.
        open |= begins || !(bare.trim().is_empty() || bare.starts_with(['#', '%']));
        offset += line.len();
    }
    pieces.push((start_line, &text[start..]));
    pieces
}

/// `mapping values are not allowed here at line 3, column 7`, counted in the file.
fn place(error: &serde_saphyr::Error, first_line: usize) -> String {
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    // The parser says where in its own words, counted from the piece; ours replaces them.
    let message = message.split(" at line ").next().unwrap_or(message).trim_end_matches([',', ':', ' ']);
    match error.location() {
        Some(at) => {
            let line = usize::try_from(at.line()).unwrap_or(1).saturating_sub(1).saturating_add(first_line);
            format!("YAML parsing error: {message} at line {line}, column {}", at.column())
        }
        None => format!("YAML parsing error: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_counted_as_an_author_counts_them() {
        let read = documents("# head\n---\na: 1\n---\n---\nb: |\n  --- not a marker\n...\n---\n");
        let seen: Vec<_> =
            read.iter().map(|d| (d.number, d.line, d.content.as_ref().unwrap().clone())).collect();
        assert_eq!(seen, [(1, 1, json!({"a": 1})), (3, 5, json!({"b": "--- not a marker\n"}))]);
    }

    #[test]
    fn a_broken_document_leaves_its_neighbours_alone_and_says_its_line() {
        let read = documents("a: 1\n---\nb: [1\n---\nc: 3\n");
        assert!(read[0].content.is_ok() && read[2].content.is_ok());
        let message = read[1].content.as_ref().unwrap_err();
        assert!(message.starts_with("YAML parsing error: "), "{message}");
        assert!(message.contains("at line 3") || message.contains("at line 4"), "{message}");
    }

    #[test]
    fn words_that_yaml_1_1_took_for_booleans_are_text_and_a_key_is_given_once() {
        assert_eq!(
            single("a: yes\nb: on\nc: true\nd: 2020-01-01").unwrap(),
            json!({"a": "yes", "b": "on", "c": true, "d": "2020-01-01"})
        );
        assert!(single("a: 1\na: 2").is_err());
    }

    #[test]
    fn a_bomb_is_refused_quickly() {
        let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            laughs.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(", ")));
        }
        assert!(single(&laughs).is_err());
        let wide = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 90].join(", "));
        assert!(single(&wide).is_err(), "the bytes of repeated scalars count");
        assert!(single(&"[".repeat(10_000)).is_err());
        assert!(single(&format!("{}1", "- ".repeat(200))).is_err());
    }
}
