//! Full-text search: every word of the term must occur in some searched field, as it is written, in whatever
//! case. What matches a name comes before what matches a description, and a whole word before a part.

use memchr::memmem::Finder;
use serde_json::Value;

use super::index::Index;
use super::project;
use super::set::Set;
use super::texts::{Match, Texts};
use crate::limits;

/// The fields that are searched where none are named, and what a match in each is worth.
const SEARCHED: [(&str, u32); 8] = [
    ("metadata.name", 16),
    ("metadata.title", 12),
    ("spec.profile.displayName", 12),
    ("metadata.tags", 8),
    ("spec.profile.email", 6),
    ("kind", 4),
    ("spec.type", 4),
    ("metadata.description", 2),
];

/// The searched fields of every entity, end to end and in order of position: one pass reads them all, and a
/// few entities are read without the rest.
#[derive(Debug, Default)]
pub struct Haystack {
    texts: Texts,
}

impl Haystack {
    /// Adds the entity of the next position.
    pub fn add(&mut self, entity: &Value) {
        for (field, _) in SEARCHED {
            match project::get(entity, field) {
                Some(Value::String(text)) => self.texts.push(&beginning(text)),
                Some(Value::Array(items)) => {
                    let lines: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                    self.texts.push(&beginning(&lines.join("\n")));
                }
                _ => self.texts.push(""),
            }
        }
    }

    /// Raises `best` for each position that has the word in one of the fields of `worth`. Few positions are
    /// read one by one, many in one pass.
    fn search(&self, set: &Set, worth: &[u32; SEARCHED.len()], word: &Finder<'_>, best: &mut [u32]) {
        let each = SEARCHED.len();
        let many = set.count() > best.len() / 4;
        let mut found = |index: usize, how: Match| {
            let slot = &mut best[index / each];
            *slot = (*slot).max(worth[index % each] * how as u32);
        };
        if many {
            return self.texts.containing(0..self.texts.len(), word, found);
        }
        for at in set.iter_from(0) {
            let first = at as usize * each;
            self.texts.containing(first..first + each, word, &mut found);
        }
    }
}

/// As much of a text as is searched, in lower case.
fn beginning(text: &str) -> String {
    text[..text.floor_char_boundary(limits::SEARCH_TEXT_BYTES_MAX)].to_lowercase()
}

/// What to look for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    term: String,
    /// What each usual field is worth; nothing where it is not searched.
    usual: [u32; SEARCHED.len()],
    /// Fields beside the usual ones.
    other: Vec<String>,
}

impl Text {
    /// Takes a term, and the fields to search; none stands for the usual ones.
    ///
    /// # Errors
    /// A sentence, where there is too much of either.
    pub fn new(term: &str, fields: &[String]) -> Result<Self, String> {
        let words = term.split_whitespace().count();
        if term.len() > limits::FULL_TEXT_BYTES_MAX || words > limits::FULL_TEXT_WORDS_MAX {
            return Err(format!(
                "fullTextFilter.term has {words} words in {} bytes; at most {} words in {} bytes are searched, and all \
                 must occur: name the few that matter",
                term.len(),
                limits::FULL_TEXT_WORDS_MAX,
                limits::FULL_TEXT_BYTES_MAX
            ));
        }
        if fields.len() > limits::FULL_TEXT_FIELDS_MAX {
            return Err(format!(
                "fullTextFilter.fields has more than {} fields",
                limits::FULL_TEXT_FIELDS_MAX
            ));
        }
        let is_named = |known: &str| fields.iter().any(|field| field.eq_ignore_ascii_case(known));
        let usual =
            SEARCHED.map(|(known, worth)| if fields.is_empty() || is_named(known) { worth } else { 0 });
        let is_usual = |field: &&String| SEARCHED.iter().any(|(known, _)| field.eq_ignore_ascii_case(known));
        let other = fields.iter().filter(|field| !is_usual(field)).cloned().collect();
        Ok(Self { term: term.to_lowercase(), usual, other })
    }

    /// Takes what does not match out of `set`, and gives the rank of each position: more is better.
    ///
    /// # Errors
    /// A sentence, where the fields hold more long texts than are read for one question.
    pub fn evaluate(&self, index: &Index, set: &mut Set) -> Result<Vec<u32>, String> {
        let mut ranks = vec![0; index.len()];
        let mut long_left = limits::FULL_TEXT_LONG_MAX;
        for word in self.words() {
            let mut best = vec![0; index.len()];
            let word = Finder::new(word);
            if self.usual.iter().any(|worth| *worth > 0) {
                index.haystack().search(set, &self.usual, &word, &mut best);
            }
            for field in &self.other {
                search_column(index, field, &word, &mut best);
                search_long(index, set, field, &word, &mut best, &mut long_left)?;
            }
            for at in set.clone().iter_from(0) {
                match best[at as usize] {
                    0 => set.remove(at),
                    found => ranks[at as usize] += found,
                }
            }
        }
        Ok(ranks)
    }

    /// The words, longest first: a long one leaves the fewest entities for the others.
    fn words(&self) -> Vec<&str> {
        let mut words: Vec<_> = self.term.split_whitespace().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words
    }
}

fn search_column(index: &Index, field: &str, word: &Finder<'_>, best: &mut [u32]) {
    let Some(column) = index.column(&field.to_lowercase()) else { return };
    column.containing(word, |entities, how| {
        for &at in entities {
            let slot = &mut best[at as usize];
            *slot = (*slot).max(how as u32);
        }
    });
}

/// Looks into texts that are too long for the index, such as the definitions of APIs.
fn search_long(
    index: &Index,
    set: &Set,
    field: &str,
    word: &Finder<'_>,
    best: &mut [u32],
    left: &mut usize,
) -> Result<(), String> {
    let Some(column) = index.column(&field.to_lowercase()) else { return Ok(()) };
    for &at in column.incomparable().iter().filter(|at| set.contains(**at)) {
        if best[at as usize] > 0 {
            continue;
        }
        *left = left.checked_sub(1).ok_or_else(|| {
            let field = super::excerpt(field);
            format!("fullTextFilter.fields: {field} holds too many long texts to read; narrow the question with query")
        })?;
        if long_text_contains(index.entity(at), field, word) {
            best[at as usize] = Match::Inside as u32;
        }
    }
    Ok(())
}

fn long_text_contains(entity: &Value, field: &str, word: &Finder<'_>) -> bool {
    let contains = |text: &str| word.find(beginning(text).as_bytes()).is_some();
    match project::get(entity, field) {
        Some(Value::String(text)) => contains(text),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).any(contains),
        _ => false,
    }
}
