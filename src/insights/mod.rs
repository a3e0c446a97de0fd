//! Insights: scorecards over the catalog, and what they say of each entity.
//!
//! Owns: how a scorecard is written ([`read`]), what its checks ask ([`card`]), how the catalog stands ([`results`]),
//! why ([`why`]), and the actions that tell of it. Does not own: what an entity is, or who may read one (`catalog`).
//!
//! Everything is judged at once, when somebody first asks after the catalog or the scorecards changed, and then read.

pub mod actions;
pub mod answers;
pub mod card;
pub mod read;
pub mod results;
pub mod schemas;
pub mod why;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::actions::Caller;
use crate::catalog::Catalog;
use crate::catalog::files::Files;
use crate::catalog::index::Index;
use crate::limits;
use card::Card;
use results::Results;

/// The scorecards that the binary carries, for its sample catalog.
const SAMPLE: &[(&str, &str)] = &[("halyard.yaml", include_str!("../../examples/insights/halyard.yaml"))];

/// The scorecards of this node: a handle that all who ask share.
#[derive(Clone, Debug, Default)]
pub struct Insights(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    catalog: Catalog,
    path: Option<PathBuf>,
    demo: bool,
    cards: ArcSwap<Cards>,
    reader: Mutex<Reader>,
    ready: ArcSwapOption<Ready>,
    making: Mutex<()>,
}

/// Scorecards in order of id.
pub type Cards = Vec<Arc<Card>>;

/// Results, and what they were made by.
#[derive(Debug)]
struct Ready {
    cards: Arc<Cards>,
    results: Arc<Results>,
}

/// What the last reading left.
#[derive(Debug, Default)]
struct Reader {
    /// The last good scorecards of each file.
    good: BTreeMap<String, Vec<Card>>,
    said: HashSet<String>,
}

impl Insights {
    /// Those of `path`, a file or a folder, over `catalog`; those of the sample where `demo` says so and no path is given.
    /// And what is wrong with them.
    pub fn open(catalog: Catalog, path: Option<&Path>, demo: bool) -> (Self, Vec<String>) {
        let (path, demo) = (path.map(Path::to_owned), demo && path.is_none());
        let insights = Self(Arc::new(Parts { catalog, path, demo, ..Parts::default() }));
        let problems = insights.refresh();
        (insights, problems)
    }

    /// Whether there is anything to judge by.
    pub fn is_configured(&self) -> bool {
        self.0.path.is_some() || self.0.demo
    }

    /// Reads the scorecards again. What is broken keeps its last good version. Gives what there is to say that the reading
    /// before did not say. Waits for a disk.
    pub fn refresh(&self) -> Vec<String> {
        let mut reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut problems = Vec::new();
        let before = std::mem::take(&mut reader.good);
        reader.good = match self.files() {
            Ok(Some((files, names))) => read_all(&files, names, before, &mut problems),
            Ok(None) => BTreeMap::new(),
            Err(why) => {
                problems.push(why);
                before
            }
        };
        let cards = distinct(&reader.good, &mut problems);
        if **self.0.cards.load() != cards {
            self.0.cards.store(Arc::new(cards));
        }
        let new = problems.iter().filter(|why| !reader.said.contains(*why)).cloned().collect();
        reader.said = problems.into_iter().collect();
        new
    }

    fn files(&self) -> Result<Option<(Files, Vec<String>)>, String> {
        let Some(path) = &self.0.path else {
            let sample = self.0.demo.then(|| SAMPLE.iter().map(|(name, _)| (*name).to_owned()).collect());
            return Ok(sample.map(|names| (Files::Embedded(SAMPLE), names)));
        };
        if path.is_dir() {
            let files = Files::disk(path)?;
            let names = files.walk().0;
            return Ok(Some((files, names)));
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !path.exists() {
            return Err(format!("{}: no such file or folder", path.display()));
        }
        Ok(Some((Files::disk(folder)?, vec![name.to_owned()])))
    }

    /// How everything stands in the catalog of this moment. Judges it where nobody asked since it turned, which takes some
    /// milliseconds for each thousand entities; one does it, and the others wait for that one.
    pub fn results(&self) -> Arc<Results> {
        let ready = || {
            let (index, cards) = (self.0.catalog.index(), self.0.cards.load_full());
            let made = self.0.ready.load_full();
            let is_of = |made: &Arc<Ready>| {
                Arc::ptr_eq(&made.cards, &cards) && Arc::ptr_eq(&made.results.index, &index)
            };
            let fits = made.filter(is_of);
            fits.map(|made| Arc::clone(&made.results)).ok_or((index, cards))
        };
        if let Ok(results) = ready() {
            return results;
        }
        let _one = self.0.making.lock().unwrap_or_else(PoisonError::into_inner);
        match ready() {
            Ok(results) => results,
            Err((index, cards)) => {
                let results = Arc::new(Results::of(index, &cards));
                let made = Ready { cards, results: Arc::clone(&results) };
                self.0.ready.store(Some(Arc::new(made)));
                results
            }
        }
    }

    /// The scorecards of this moment, in order of id.
    pub fn cards(&self) -> Arc<Cards> {
        self.0.cards.load_full()
    }

    /// What `caller` may be told of.
    pub async fn seen(&self, caller: &Arc<Caller>) -> Arc<Index> {
        self.0.catalog.seen_by(caller).await
    }
}

fn read_all(
    files: &Files,
    names: Vec<String>,
    mut before: BTreeMap<String, Vec<Card>>,
    problems: &mut Vec<String>,
) -> BTreeMap<String, Vec<Card>> {
    if names.len() > limits::SCORECARD_FILES_MAX {
        problems.push(format!(
            "{} files of scorecards; the first {} are read",
            names.len(),
            limits::SCORECARD_FILES_MAX
        ));
    }
    let mut good = BTreeMap::new();
    for name in names.into_iter().take(limits::SCORECARD_FILES_MAX) {
        let (mut cards, wrong) = match files.read(&name, limits::SCORECARD_BYTES_MAX) {
            Ok(text) => read::cards(&text),
            Err(why) => (Vec::new(), vec![why]),
        };
        if !wrong.is_empty() {
            // Which of them is broken may be unreadable itself: what is not here any more stays as it was.
            let last = before.remove(&name).unwrap_or_default();
            let lost: Vec<Card> =
                last.into_iter().filter(|old| !cards.iter().any(|new| new.id == old.id)).collect();
            cards.extend(lost);
            problems.extend(wrong.into_iter().map(|why| format!("{name}: {why}")));
        }
        good.insert(name, cards);
    }
    good
}

/// All of them in order of id; of two with one id the first is kept.
fn distinct(good: &BTreeMap<String, Vec<Card>>, problems: &mut Vec<String>) -> Vec<Arc<Card>> {
    let mut all: BTreeMap<String, Arc<Card>> = BTreeMap::new();
    for (name, card) in good.iter().flat_map(|(name, cards)| cards.iter().map(move |card| (name, card))) {
        if all.contains_key(&card.id) {
            problems.push(format!("{name}: scorecard: there is another {}; this one is left out", card.id));
        } else if all.len() >= limits::SCORECARDS_MAX {
            problems.push(format!(
                "{name}: scorecard: more than {}; {} is left out",
                limits::SCORECARDS_MAX,
                card.id
            ));
        } else {
            all.insert(card.id.clone(), Arc::new(card.clone()));
        }
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests;
