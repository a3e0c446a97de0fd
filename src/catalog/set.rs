//! A set of entities of one index, as bits: what every question is answered with.

/// Positions below a fixed number, one bit each. Combining two of 100,000 takes microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    words: Vec<u64>,
    size: usize,
}

impl Set {
    /// None of `size` positions.
    pub fn empty(size: usize) -> Self {
        Self { words: vec![0; size.div_ceil(64)], size }
    }

    /// Adds each position of `list`.
    pub fn extend(&mut self, list: &[u32]) {
        for &at in list {
            self.words[at as usize / 64] |= 1 << (at % 64);
        }
    }

    /// Takes one position out.
    pub fn remove(&mut self, at: u32) {
        self.words[at as usize / 64] &= !(1 << (at % 64));
    }

    /// Whether `at` is in the set.
    pub fn contains(&self, at: u32) -> bool {
        self.words[at as usize / 64] & (1 << (at % 64)) != 0
    }

    /// Keeps what is in both.
    pub fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Adds what is in the other.
    pub fn unite(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Makes it what it was not.
    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        // The bits past the end stay clear, or they would be counted.
        if let Some(last) = self.words.last_mut()
            && !self.size.is_multiple_of(64)
        {
            *last &= (1 << (self.size % 64)) - 1;
        }
    }

    /// How many positions are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The positions from `start` on, rising.
    pub fn iter_from(&self, start: u32) -> impl Iterator<Item = u32> {
        let first = start as usize / 64;
        self.words.iter().enumerate().skip(first).flat_map(move |(index, &word)| {
            let word = if index == first { word & (u64::MAX << (start % 64)) } else { word };
            let base = u32::try_from(index * 64).unwrap_or(u32::MAX);
            std::iter::successors((word != 0).then_some(word), |word| {
                let rest = word & (word - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |word| base + word.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(size: usize) -> Set {
        let mut set = Set::empty(size);
        set.invert();
        set
    }

    #[test]
    fn a_set_does_what_sets_do() {
        let mut a = Set::empty(130);
        a.extend(&[0, 63, 64, 129]);
        assert_eq!(a.iter_from(0).collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!(a.iter_from(64).collect::<Vec<_>>(), [64, 129]);
        assert_eq!(a.iter_from(65).collect::<Vec<_>>(), [129]);
        let mut b = full(130);
        assert_eq!(b.count(), 130);
        b.remove(63);
        b.intersect(&a);
        assert_eq!(b.iter_from(0).collect::<Vec<_>>(), [0, 64, 129]);
        b.invert();
        assert_eq!(b.count(), 127);
        b.unite(&a);
        assert_eq!(b, full(130));
        assert_eq!(full(0).count(), 0);
        assert!(full(64).contains(63));
    }
}
