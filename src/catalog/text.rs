//! Full-text search: every word of the term must occur in some searched field, as it is written, in whatever
//! case. What matches a name comes before what matches a description, and a whole word before a part.

use memchr::memmem::Finder;
use serde_json::Value;

use super::column::Match;
use super::index::Index;
use super::set::Set;
use super::{flatten, project};
use crate::limits;

/// The fields that are searched where none are named, and what a match in each is worth.
const SEARCHED: &[(&str, u32)] = &[
    ("metadata.name", 16),
    ("metadata.title", 12),
    ("spec.profile.displayname", 12),
    ("metadata.tags", 8),
    ("spec.profile.email", 6),
    ("kind", 4),
    ("spec.type", 4),
    ("metadata.description", 2),
];

/// Whether long texts under a key, which is in lower case, are kept for searching.
pub fn is_searched(key: &str) -> bool {
    SEARCHED.iter().any(|(known, _)| *known == key)
}

/// What to look for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The term as it was given.
    pub term: String,
    /// The fields as they were given; none stands for the usual ones.
    pub fields: Vec<String>,
}

impl Text {
    /// Takes a term and its fields.
    ///
    /// # Errors
    /// A sentence, where there is too much of either.
    pub fn new(term: &str, fields: Vec<String>) -> Result<Self, String> {
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
        Ok(Self { term: term.to_owned(), fields })
    }

    /// Takes what does not match out of `set`, and gives the rank of each position: more is better.
    ///
    /// # Errors
    /// A sentence, where the fields hold more long texts than are read for one question.
    pub fn evaluate(&self, index: &Index, set: &mut Set) -> Result<Vec<u32>, String> {
        let mut ranks = vec![0; index.len()];
        let mut long_left = limits::FULL_TEXT_LONG_MAX;
        for word in self.term.to_lowercase().split_whitespace() {
            let mut best = vec![0; index.len()];
            let word = Finder::new(word);
            for (field, worth) in self.searched() {
                search(index, field, worth, &word, &mut best);
                search_long(index, set, field, worth, &word, &mut best, &mut long_left)?;
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

    fn searched(&self) -> impl Iterator<Item = (&str, u32)> {
        let usual = SEARCHED.iter().filter(|_| self.fields.is_empty()).copied();
        let worth = |field: &str| {
            SEARCHED
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(field))
                .map_or(1, |(_, worth)| *worth)
        };
        usual.chain(self.fields.iter().map(move |field| (field.as_str(), worth(field))))
    }
}

fn search(index: &Index, field: &str, worth: u32, word: &Finder<'_>, best: &mut [u32]) {
    let Some(column) = index.column(&field.to_lowercase()) else { return };
    column.containing(word, |entities, how| {
        let found = worth * how as u32;
        for &at in entities {
            let slot = &mut best[at as usize];
            *slot = found.max(*slot);
        }
    });
}

/// Looks into texts that are too long for the index, such as the definitions of APIs. The usual fields keep
/// theirs in their columns.
fn search_long(
    index: &Index,
    set: &Set,
    field: &str,
    worth: u32,
    word: &Finder<'_>,
    best: &mut [u32],
    left: &mut usize,
) -> Result<(), String> {
    let key = field.to_lowercase();
    let Some(column) = index.column(&key).filter(|_| !is_searched(&key)) else { return Ok(()) };
    for &at in column.incomparable().iter().filter(|at| set.contains(**at)) {
        if best[at as usize] > 0 {
            continue;
        }
        *left = left.checked_sub(1).ok_or_else(|| {
            let field = super::excerpt(field);
            format!("fullTextFilter.fields: {field} holds too many long texts to read; narrow the question with query")
        })?;
        if long_text_contains(index.entity(at), field, word) {
            best[at as usize] = worth * Match::Inside as u32;
        }
    }
    Ok(())
}

fn long_text_contains(entity: &Value, field: &str, word: &Finder<'_>) -> bool {
    let contains = |text: &str| {
        let text = flatten::beginning(text).to_lowercase();
        word.find(text.as_bytes()).is_some()
    };
    match project::get(entity, field) {
        Some(Value::String(text)) => contains(text),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).any(contains),
        _ => false,
    }
}
