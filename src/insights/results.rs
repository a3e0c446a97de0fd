//! Scorecards × the catalog of one moment: which entity passes which check. Some bits a check, made once and then read.
//!
//! Judged on the whole catalog, so that an entity stands equally well whoever looks; which entities somebody is told of
//! is decided where they are told.

use std::sync::Arc;

use super::card::Card;
use crate::catalog::index::Index;
use crate::catalog::set::Set;

/// The results of one moment.
#[derive(Debug, Default)]
pub struct Results {
    /// The catalog that was judged.
    pub index: Arc<Index>,
    /// Each scorecard with what came of it, in order of id.
    pub cards: Vec<Judged>,
}

/// A scorecard and what came of it.
#[derive(Debug)]
pub struct Judged {
    /// The scorecard.
    pub card: Arc<Card>,
    /// The entities that it is for.
    pub applies: Set,
    /// For each check the entities that it was asked of, and those that passed.
    pub checks: Vec<(Set, Set)>,
}

/// How one entity stands in one scorecard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many levels it reached; 0 for none.
    pub reached: usize,
    /// Checks that it passed.
    pub passed: usize,
    /// Checks that it was asked.
    pub asked: usize,
    /// What those that it passed are worth.
    pub points: u32,
    /// What all that it was asked are worth.
    pub points_max: u32,
    /// The positions of the checks that it failed.
    pub failed: Vec<usize>,
}

impl Results {
    /// Judges every entity by every scorecard.
    pub fn of(index: Arc<Index>, cards: &[Arc<Card>]) -> Self {
        let judged = |card: &Arc<Card>| {
            let applies = card.applies.evaluate(&index);
            let check = |check: &super::card::Check| {
                let mut asked = applies.clone();
                if let Some(when) = &check.when {
                    asked.intersect(&when.evaluate(&index));
                }
                let passed = check.rule.passed(&index, &asked);
                (asked, passed)
            };
            let checks = card.checks.iter().map(check).collect();
            Judged { card: Arc::clone(card), applies, checks }
        };
        let cards = cards.iter().map(judged).collect();
        Self { index, cards }
    }

    /// The scorecard with this id.
    pub fn card(&self, id: &str) -> Option<&Judged> {
        self.cards.iter().find(|judged| judged.card.id == id)
    }
}

impl Judged {
    /// How the entity at a position stands; `None` where the scorecard is not for it.
    pub fn standing(&self, at: u32) -> Option<Standing> {
        if !self.applies.contains(at) {
            return None;
        }
        let mut standing = Standing { reached: self.card.levels.len(), ..Standing::default() };
        for (position, (check, (asked, passed))) in self.card.checks.iter().zip(&self.checks).enumerate() {
            if !asked.contains(at) {
                continue;
            }
            standing.asked += 1;
            standing.points_max += check.points;
            if passed.contains(at) {
                standing.passed += 1;
                standing.points += check.points;
            } else {
                standing.reached = standing.reached.min(check.level);
                standing.failed.push(position);
            }
        }
        Some(standing)
    }
}

impl Standing {
    /// Its points of a hundred; all of them where nothing was asked.
    pub fn percent(&self) -> u32 {
        (self.points * 100).checked_div(self.points_max).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::catalog::Catalog;

    fn judged(text: &str) -> Results {
        let (cards, wrong) = read::cards(text);
        assert_eq!(wrong, Vec::<String>::new());
        Results::of(Catalog::sample().index(), &cards.into_iter().map(Arc::new).collect::<Vec<_>>())
    }

    const CARD: &str = "scorecard: ready\nfor: {kind: Component}\nlevels: [bronze, silver, gold]\nchecks:\n  - {check: owner, has: owner, level: bronze}\n  - {check: call, annotation: halyard.example/on-call, level: silver, points: 3}\n  - {check: docs, has: docs, level: gold}\n  - {check: api, has: api-definition, level: gold, when: {spec.type: service}}\n";

    fn standing(results: &Results, name: &str) -> Option<Standing> {
        results.cards[0].standing(results.index.position(name).unwrap())
    }

    #[test]
    fn a_level_is_reached_by_passing_every_check_up_to_it() {
        let results = judged(CARD);
        let best = standing(&results, "component:default/booking-service").unwrap();
        assert_eq!((best.reached, best.passed, best.asked, best.percent()), (3, 4, 4, 100));
        // No documentation: silver, and three checks of four, four points... of six.
        let fares = standing(&results, "component:default/fares-service").unwrap();
        assert_eq!(
            (fares.reached, fares.failed.as_slice(), fares.points, fares.points_max),
            (2, &[2][..], 5, 6)
        );
        // A website is not asked for an API, and a system not at all.
        let web = standing(&results, "component:default/timetable-web").unwrap();
        assert_eq!((web.asked, web.reached), (3, 3));
        assert_eq!(standing(&results, "system:default/booking"), None);
    }

    #[test]
    fn each_rule_holds_where_it_says_and_nowhere_else() {
        let index = Catalog::sample().index();
        let passes = |rule: &str| {
            let text = format!(
                "scorecard: a\nfor: {{kind: {{$in: [Component, API, Group]}}}}\nchecks:\n  - check: a\n    {rule}\n"
            );
            let results = judged(&text);
            move |name: &str| {
                results.cards[0].standing(results.index.position(name).unwrap()).unwrap().passed == 1
            }
        };
        let owner = passes("has: owner");
        assert!(owner("component:default/fares-service") && !owner("group:default/passage"));
        let definition = passes("has: api-definition");
        assert!(definition("api:default/bookings") && definition("component:default/booking-service"));
        assert!(!definition("component:default/timetable-web"), "provides none");
        let field = passes("field: spec.system");
        assert!(field("component:default/fares-service") && !field("group:default/passage"));
        let label = passes("label: no.such/label");
        assert!(
            index.references().iter().filter(|it| it.kind() == "component").all(|it| !label(it.as_str()))
        );
        let query = passes("query: {metadata.tags: {$contains: rust}}");
        assert!(query("component:default/fares-service") && !query("component:default/booking-service"));
    }
}
