//! Many texts end to end: found in one pass, and compared by halving where they are sorted.

use std::ops::Range;

use memchr::memmem::Finder;

/// Texts, by number.
#[derive(Debug, Default)]
pub struct Texts {
    text: String,
    ends: Vec<u32>,
}

/// How well a text matches a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// Somewhere inside.
    Inside = 1,
    /// At the beginning of a line.
    Begins = 2,
    /// A whole line.
    Whole = 4,
}

impl Texts {
    /// Adds a text after the others.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// Gives back the room that growing took.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of a number.
    pub fn get(&self, index: usize) -> &str {
        &self.text[self.start(index)..self.ends[index] as usize]
    }

    /// How many of the texts from `from` on are `before`, where those come first.
    pub fn partition_from(&self, from: usize, before: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high) = (from, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if before(self.get(middle)) { low = middle + 1 } else { high = middle }
        }
        low - from
    }

    /// Calls `found` with the number of each text of `range` that contains the word, and with how well its
    /// first occurrence matches. Numbers rise.
    pub fn containing(&self, range: Range<usize>, word: &Finder<'_>, mut found: impl FnMut(usize, Match)) {
        if range.is_empty() {
            return;
        }
        let (mut index, length) = (range.start, word.needle().len());
        let bytes = &self.text.as_bytes()[..self.ends[range.end - 1] as usize];
        let mut at = self.start(index);
        while let Some(offset) = word.find(&bytes[at..]) {
            let hit = at + offset;
            index = self.holder(index, hit);
            let (start, end) = (self.start(index), self.ends[index] as usize);
            if hit + length > end {
                at = hit + 1; // Half in one text, half in the next: in neither.
                continue;
            }
            let begins = hit == start || bytes[hit - 1] == b'\n';
            let ends = hit + length == end || bytes[hit + length] == b'\n';
            found(
                index,
                match (begins, ends) {
                    (true, true) => Match::Whole,
                    (true, false) => Match::Begins,
                    (false, _) => Match::Inside,
                },
            );
            at = end;
            index += 1;
            if index == range.end {
                return;
            }
        }
    }

    /// The number of the text that the byte `hit` is in, `index` or later. Hits are mostly near one another, so
    /// it strides from where the last one was, twice as far each time, before it halves.
    fn holder(&self, mut index: usize, hit: usize) -> usize {
        let is_before = |index: usize| (self.ends[index] as usize) <= hit;
        let mut stride = 1;
        while index + stride < self.ends.len() && is_before(index + stride) {
            index += stride;
            stride *= 2;
        }
        let end = self.ends.len().min(index + stride + 1);
        index + self.ends[index..end].partition_point(|end| *end as usize <= hit)
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_is_found_in_its_text_and_not_across_two() {
        let mut texts = Texts::default();
        ["ab", "abba", "", "b", "zab\nab", "x"].iter().for_each(|text| texts.push(text));
        let seen = |word: &str, range: Range<usize>| {
            let mut seen = Vec::new();
            texts.containing(range, &Finder::new(word), |index, how| seen.push((index, how)));
            seen
        };
        use Match::{Begins, Inside, Whole};
        assert_eq!(seen("ab", 0..6), [(0, Whole), (1, Begins), (4, Inside)]);
        assert_eq!(seen("ab", 1..4), [(1, Begins)]);
        assert_eq!(seen("abab", 0..6), []);
        assert_eq!(seen("ab", 2..2), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_pass_finds_what_looking_into_each_finds(
            parts in prop::collection::vec("[ab]{0,5}", 0..40), word in "[ab]{1,3}", from in 0..40_usize,
        ) {
            let mut texts = Texts::default();
            parts.iter().for_each(|part| texts.push(part));
            let range = from.min(parts.len())..parts.len();
            let wanted: Vec<_> = range.clone().filter(|index| parts[*index].contains(&word)).collect();
            let mut seen = Vec::new();
            texts.containing(range, &Finder::new(&word), |index, _| seen.push(index));
            prop_assert_eq!(seen, wanted);
        }
    }
}
