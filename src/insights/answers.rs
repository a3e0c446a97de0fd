//! What is asked of scorecards: each a function of the results and of what the asker may read, so that an action, a
//! resource and a page say the same.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::results::{Judged, Results, Standing};
use super::why;
use crate::catalog::answers::{related, title};
use crate::catalog::index::Index;
use crate::limits;

/// Which results are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of one scorecard.
    pub scorecard: Option<String>,
    /// Of one entity, by its canonical reference.
    pub entity: Option<String>,
    /// Of what these own.
    pub owners: Option<HashSet<String>>,
    /// Only where a check fails.
    pub only_failing: bool,
    /// After this one, as [`Page::next`] says.
    pub after: Option<String>,
    /// How many.
    pub limit: usize,
}

/// One entity in one scorecard.
#[derive(Debug)]
pub struct Line<'r> {
    /// The scorecard.
    pub judged: &'r Judged,
    /// The entity's position in the catalog that was judged.
    pub at: u32,
    /// How it stands.
    pub standing: Standing,
}

/// A page of results.
#[derive(Debug)]
pub struct Page<'r> {
    /// The results.
    pub lines: Vec<Line<'r>>,
    /// How many there are of them all.
    pub total: usize,
    /// What to give back to read on.
    pub next: Option<String>,
    /// A summary of each scorecard that occurs.
    pub tallies: Vec<(&'r Judged, Tally)>,
}

/// What many standings come to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many entities.
    pub entities: usize,
    /// How many of them reached no level, one, two and so on.
    pub reached: Vec<usize>,
    /// The points that were given, and all that there were.
    pub points: (u64, u64),
    /// For each check, of how many it was asked and how many passed.
    pub checks: Vec<(usize, usize)>,
    /// The same for what each owner has, without the checks.
    pub owners: BTreeMap<String, Tally>,
}

impl Tally {
    fn add(&mut self, judged: &Judged, standing: &Standing) {
        self.entities += 1;
        self.reached.resize(judged.card.levels.len() + 1, 0);
        self.reached[standing.reached] += 1;
        self.points.0 += u64::from(standing.points);
        self.points.1 += u64::from(standing.points_max);
    }

    /// The points of a hundred.
    pub fn percent(&self) -> u64 {
        (self.points.0 * 100).checked_div(self.points.1).unwrap_or(100)
    }
}

/// Finds what is wanted among what `seen` holds, in order of reference and then of scorecard.
pub fn page<'r>(results: &'r Results, seen: &Index, wanted: &Wanted) -> Page<'r> {
    let mut page = Page { lines: Vec::new(), total: 0, next: None, tallies: Vec::new() };
    let judged =
        results.cards.iter().filter(|it| wanted.scorecard.as_ref().is_none_or(|id| *id == it.card.id));
    let judged: Vec<&Judged> = judged.collect();
    let mut tallies: Vec<Tally> = judged.iter().map(|_| Tally::default()).collect();
    let mut last = None;
    let one = wanted.entity.as_ref().map(|one| results.index.position(one));
    let (from, until) = match one {
        None => (0, results.index.len()),
        Some(at) => at.map_or((0, 0), |at| (at as usize, at as usize + 1)),
    };
    for (at, reference) in (0_u32..).zip(results.index.references()).take(until).skip(from) {
        if seen.position(reference.as_str()).is_none() {
            continue;
        }
        let entity = results.index.entity(at);
        if wanted
            .owners
            .as_ref()
            .is_some_and(|owners| !related(entity, "ownedBy").any(|owner| owners.contains(owner)))
        {
            continue;
        }
        for (judged, tally) in judged.iter().zip(&mut tallies) {
            let Some(standing) = judged.standing(at) else { continue };
            tally.add(judged, &standing);
            tally.checks.resize(judged.checks.len(), (0, 0));
            for (counted, (asked, passed)) in tally.checks.iter_mut().zip(&judged.checks) {
                counted.0 += usize::from(asked.contains(at));
                counted.1 += usize::from(passed.contains(at));
            }
            let owner = related(entity, "ownedBy").next().unwrap_or_default();
            tally.owners.entry(owner.to_owned()).or_default().add(judged, &standing);
            if wanted.only_failing && standing.failed.is_empty() {
                continue;
            }
            page.total += 1;
            let key = format!("{reference} {}", judged.card.id);
            if wanted.after.as_ref().is_some_and(|after| key <= *after) {
                continue;
            }
            if page.lines.len() < wanted.limit {
                page.lines.push(Line { judged, at, standing });
                last = Some(key);
            } else if page.next.is_none() {
                page.next.clone_from(&last);
            }
        }
    }
    page.tallies = judged.into_iter().zip(tallies).collect();
    page
}

/// The owners of whom `reference` is one, or what is below it: a group with the groups under it, a person with the groups
/// that they are in.
pub fn owners(index: &Index, reference: &str) -> HashSet<String> {
    let mut found: HashSet<String> = HashSet::new();
    let mut next = vec![reference.to_owned()];
    while let Some(group) = next.pop().filter(|_| found.len() < limits::OWNERSHIP_GROUPS_MAX) {
        if let Some(entity) = index.get(&group) {
            next.extend(related(entity, "parentOf").filter(|it| !found.contains(*it)).map(str::to_owned));
            if entity["kind"] == "User" {
                next.extend(related(entity, "memberOf").filter(|it| !found.contains(*it)).map(str::to_owned));
            }
        }
        found.insert(group);
    }
    found
}

/// A scorecard as it was written, with how what the asker may read stands in it.
pub fn card(judged: &Judged, tally: &Tally) -> Value {
    let card = &judged.card;
    let check = |(at, check): (usize, &super::card::Check)| {
        let (asked, passed) = tally.checks.get(at).copied().unwrap_or_default();
        let mut told = json!({"check": check.id, "title": check.title, "points": check.points, "rule": check.rule.written(), "asked": asked, "passed": passed});
        if let Some(level) = card.levels.get(check.level) {
            told["level"] = json!(level);
        }
        if !check.mend.is_empty() {
            told["mend"] = json!(check.mend);
        }
        told
    };
    json!({
        "scorecard": card.id,
        "title": card.title,
        "description": card.description,
        "for": card.filter,
        "levels": card.levels,
        "checks": card.checks.iter().enumerate().map(check).collect::<Vec<_>>(),
        "summary": summary(judged, tally),
    })
}

/// How many entities reached which level, and their points of a hundred; then the same by owner.
pub fn summary(judged: &Judged, tally: &Tally) -> Value {
    let mut told = counts(judged, tally);
    let mut owners: Vec<(&String, &Tally)> = tally.owners.iter().collect();
    owners.sort_by(|a, b| b.1.entities.cmp(&a.1.entities).then_with(|| a.0.cmp(b.0)));
    let owners = owners.into_iter().take(limits::SCORECARD_OWNERS_TOLD_MAX).map(|(owner, tally)| {
        let mut told = counts(judged, tally);
        told["owner"] = if owner.is_empty() { Value::Null } else { json!(owner) };
        told
    });
    told["byOwner"] = owners.collect();
    told
}

fn counts(judged: &Judged, tally: &Tally) -> Value {
    let mut told = Map::new();
    told.insert("entities".to_owned(), json!(tally.entities));
    told.insert("percent".to_owned(), json!(tally.percent()));
    let levels = tally.reached.iter().enumerate().filter(|_| !judged.card.levels.is_empty());
    let level = |(reached, count): (usize, &usize)| {
        let name = judged.card.level(reached);
        json!({"level": if name.is_empty() { "none" } else { name }, "count": count})
    };
    told.insert("byLevel".to_owned(), levels.map(level).collect());
    Value::Object(told)
}

/// One result, for whoever may read `seen`.
pub fn line(results: &Results, seen: &Index, line: &Line<'_>) -> Value {
    let (card, standing) = (&line.judged.card, &line.standing);
    let failed = |&at: &usize| {
        let check = &card.checks[at];
        let why = why::told(results, seen, line.judged, (at, line.at)).1;
        let mut told = json!({"check": check.id, "title": check.title, "why": why});
        if let Some(level) = card.levels.get(check.level) {
            told["level"] = json!(level);
        }
        if !check.mend.is_empty() {
            told["mend"] = json!(check.mend);
        }
        told
    };
    let mut told = json!({
        "entityRef": results.index.reference(line.at).as_str(),
        "title": title(results.index.entity(line.at)),
        "scorecard": card.id,
        "passed": standing.passed,
        "asked": standing.asked,
        "percent": standing.percent(),
        "failed": standing.failed.iter().map(failed).collect::<Vec<_>>(),
    });
    if !card.levels.is_empty() {
        let level = card.level(standing.reached);
        told["level"] = json!(if level.is_empty() { "none" } else { level });
    }
    told
}
