//! Everything the entities of an index say under one key: its values in order, and who has each.
//!
//! Values lie end to end in one text and their entities end to end in one list, both in order of value. So a
//! value is found by halving, a prefix is one stretch of the list, and a word is found in all values in one
//! pass.

use std::collections::HashMap;

use memchr::memmem::Finder;

use super::flatten::Cell;
use super::set::Set;
use super::texts::{Match, Texts};

/// The values of one key.
#[derive(Debug, Default)]
pub struct Column {
    values: Texts,
    /// Positions of entities, by value; rising within one value.
    lists: Vec<u32>,
    list_ends: Vec<u32>,
    /// Entities whose value is null or too long to be compared; it exists all the same.
    incomparable: Vec<u32>,
}

impl Column {
    /// The entities with exactly this value, which is in lower case.
    pub fn equal(&self, value: &str) -> &[u32] {
        self.find(value).map_or(&[], |index| self.list(index))
    }

    /// The entities with a value that begins so, which is in lower case. May name one twice.
    pub fn prefixed(&self, prefix: &str) -> &[u32] {
        let from = self.values.partition_from(0, |value| value < prefix);
        let to = from + self.values.partition_from(from, |value| value.starts_with(prefix));
        &self.lists[self.list_start(from)..self.list_start(to)]
    }

    /// Adds every entity that has the key at all to `set`.
    pub fn exists(&self, set: &mut Set) {
        set.extend(&self.lists);
        set.extend(&self.incomparable);
    }

    /// The entities whose value under the key is null or long.
    pub fn incomparable(&self) -> &[u32] {
        &self.incomparable
    }

    /// Calls `found` with the entities of each value that contains the word, which is in lower case.
    pub fn containing(&self, word: &Finder<'_>, mut found: impl FnMut(&[u32], Match)) {
        self.values.containing(0..self.values.len(), word, |index, how| found(self.list(index), how));
    }

    /// The place of each of `size` entities in the order of this key: a smaller number comes first, and
    /// `u32::MAX`, for entities without a comparable value, last in both directions. An entity with several
    /// values goes by the one that comes first.
    pub fn places(&self, size: usize, descending: bool) -> Vec<u32> {
        let mut places = vec![u32::MAX; size];
        for index in 0..self.values.len() {
            let place = self.turn(doubled(index) + 1, descending);
            for &entity in self.list(index) {
                let slot = &mut places[entity as usize];
                *slot = place.min(*slot);
            }
        }
        places
    }

    /// The place of a value in the same order, whether or not an entity has it.
    pub fn place_of(&self, value: &str, descending: bool) -> u32 {
        match self.find(value) {
            Some(index) => self.turn(doubled(index) + 1, descending),
            None => self.turn(doubled(self.values.partition_from(0, |known| known < value)), descending),
        }
    }

    /// The value that stands at a place.
    pub fn value_at(&self, place: u32, descending: bool) -> Option<&str> {
        let place = if place == u32::MAX { return None } else { self.turn(place, descending) };
        (place % 2 == 1).then(|| self.values.get(place as usize / 2))
    }

    fn turn(&self, place: u32, descending: bool) -> u32 {
        if descending { doubled(self.values.len()) - place } else { place }
    }

    fn find(&self, value: &str) -> Option<usize> {
        let index = self.values.partition_from(0, |known| known < value);
        (index < self.values.len() && self.values.get(index) == value).then_some(index)
    }

    fn list(&self, index: usize) -> &[u32] {
        &self.lists[self.list_start(index)..self.list_start(index + 1)]
    }

    fn list_start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.list_ends[index - 1] as usize }
    }
}

/// Values lie at odd places, and what lies between two of them at even ones.
fn doubled(index: usize) -> u32 {
    u32::try_from(index * 2).unwrap_or(u32::MAX - 1)
}

/// A column while it is filled, entity by entity in rising order.
#[derive(Debug, Default)]
pub struct Filling {
    values: HashMap<Box<str>, Vec<u32>>,
    incomparable: Vec<u32>,
}

impl Filling {
    /// Takes what `entity` says under the key.
    pub fn add(&mut self, entity: u32, cell: Cell<'_>) {
        let list = match cell {
            Cell::Text(text) => match self.values.get_mut(text) {
                Some(list) => list,
                None => self.values.entry(text.into()).or_default(),
            },
            Cell::Incomparable => &mut self.incomparable,
        };
        if list.last() != Some(&entity) {
            list.push(entity);
        }
    }

    /// The column, to be read from now on.
    pub fn finish(self) -> Column {
        let mut sorted: Vec<_> = self.values.into_iter().collect();
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut column = Column { incomparable: self.incomparable, ..Column::default() };
        for (value, list) in sorted {
            column.values.push(&value);
            column.lists.extend(list);
            column.list_ends.push(u32::try_from(column.lists.len()).unwrap_or(u32::MAX));
        }
        column.lists.shrink_to_fit();
        column.values.shrink();
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(rows: &[(u32, &str)]) -> Column {
        let mut filling = Filling::default();
        for &(entity, value) in rows {
            filling.add(entity, Cell::Text(value));
        }
        filling.add(8, Cell::Incomparable);
        filling.finish()
    }

    #[test]
    fn values_prefixes_and_words_are_found() {
        let column = column(&[(0, "ab"), (1, "abba"), (2, "ab"), (3, "b"), (3, "zab")]);
        assert_eq!(column.equal("ab"), [0, 2]);
        assert_eq!(column.equal("a"), [0; 0]);
        assert_eq!(column.prefixed("ab"), [0, 2, 1]);
        assert_eq!(column.prefixed(""), [0, 2, 1, 3, 3]);
        assert_eq!(column.prefixed("zz"), [0; 0]);
        let seen = |word: &str| {
            let mut seen = Vec::new();
            column.containing(&Finder::new(word), |list, how| seen.push((list.to_vec(), how)));
            seen
        };
        use Match::{Begins, Inside, Whole};
        let want = [(vec![0, 2], Whole), (vec![1], Begins), (vec![3], Inside)];
        assert_eq!(seen("ab"), want);
        assert_eq!(seen("abab"), []); // "ab" and "abba" lie end to end, and neither has it.
        let mut exists = Set::empty(10);
        column.exists(&mut exists);
        assert_eq!(exists.iter_from(0).collect::<Vec<_>>(), [0, 1, 2, 3, 8]);
    }

    #[test]
    fn places_order_both_ways_with_the_nameless_last() {
        let column = column(&[(0, "b"), (1, "a"), (1, "c"), (2, "c")]);
        assert_eq!(column.places(4, false), [3, 1, 5, u32::MAX]);
        assert_eq!(column.places(4, true), [3, 1, 1, u32::MAX]);
        for descending in [false, true] {
            for value in ["a", "b", "c"] {
                assert_eq!(column.value_at(column.place_of(value, descending), descending), Some(value));
            }
        }
        assert_eq!(column.place_of("bb", false), 4);
        assert_eq!(column.place_of("bb", true), 2);
        assert_eq!(column.place_of("", true), 6);
        assert_eq!(column.place_of("z", true), 0);
        assert_eq!(column.value_at(u32::MAX, false), None);
    }
}
