use serde_json::json;

use super::answers::Wanted;
use super::*;

fn card(id: &str, rule: &str) -> String {
    format!("scorecard: {id}\nfor: {{kind: Component}}\nchecks:\n  - check: a\n    {rule}\n")
}

fn ids(insights: &Insights) -> Vec<String> {
    insights.results().cards.iter().map(|judged| judged.card.id.clone()).collect()
}

#[test]
fn the_sample_is_sound_and_tells_something_of_the_sample_catalog() {
    let (insights, problems) = Insights::open(Catalog::sample(), None, true);
    assert_eq!(problems, Vec::<String>::new());
    let results = insights.results();
    let page = answers::page(&results, &results.index, &Wanted { limit: 500, ..Wanted::default() });
    for (judged, tally) in &page.tallies {
        assert!(tally.entities > 3, "{}", judged.card.id);
        assert!(tally.checks.iter().all(|(asked, _)| *asked > 0), "{}", judged.card.id);
        assert!((1..100).contains(&tally.percent()), "{}: neither all bad nor all good", judged.card.id);
    }
    assert!(page.tallies.len() >= 2);
}

#[test]
fn a_broken_file_keeps_its_last_good_scorecards_and_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.yaml", &format!("{}---\n{}", card("one", "has: owner"), card("two", "has: docs")));
    write("b.yaml", &card("three", "label: tier"));
    let (insights, problems) = Insights::open(Catalog::sample(), Some(folder.path()), true);
    assert_eq!((problems, ids(&insights)), (vec![], vec!["one".into(), "three".into(), "two".into()]));
    write("a.yaml", &format!("{}---\n{}", card("one", "has: docs"), card("two", "has: dogs")));
    let problems = insights.refresh();
    assert_eq!(
        problems,
        ["a.yaml: line 11: checks[0].has: there is no dogs; it is owner, docs or api-definition"]
    );
    assert_eq!(ids(&insights), ["one", "three", "two"]);
    let results = insights.results();
    assert_eq!(results.card("one").unwrap().card.checks[0].rule, card::Rule::Docs, "what is sound is taken");
    assert_eq!(
        results.card("two").unwrap().card.checks[0].rule,
        card::Rule::Docs,
        "what is not stays as it was"
    );
    assert_eq!(insights.refresh(), Vec::<String>::new());
    write("b.yaml", &card("one", "label: tier"));
    assert!(insights.refresh()[0].contains("there is another one"));
    write("a.yaml", &card("two", "has: docs"));
    insights.refresh();
    assert_eq!(ids(&insights), ["one", "two"], "what is taken out of a sound file goes");
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(insights.refresh()[0].contains("no such file or folder"));
    assert_eq!(ids(&insights), ["one", "two"], "a disk that is away for a moment takes nothing with it");
}

#[test]
fn everything_is_judged_once_until_the_catalog_or_the_scorecards_change() {
    let catalog = Catalog::sample();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cards.yaml");
    std::fs::write(&file, card("one", "has: owner")).unwrap();
    let (insights, _) = Insights::open(catalog.clone(), Some(&file), false);
    let first = insights.results();
    assert!(Arc::ptr_eq(&first, &insights.results()));
    insights.refresh();
    assert!(Arc::ptr_eq(&first, &insights.results()), "read again and the same");
    std::fs::write(&file, card("one", "has: docs")).unwrap();
    insights.refresh();
    let second = insights.results();
    assert!(!Arc::ptr_eq(&first, &second));
    catalog.replace(Vec::new());
    assert!(insights.results().index.is_empty() && !second.index.is_empty());
}

#[test]
fn results_are_paged_and_counted_by_owner_and_hold_only_what_is_seen() {
    let (insights, _) = Insights::open(Catalog::sample(), None, true);
    let results = insights.results();
    let all = answers::page(&results, &results.index, &Wanted { limit: 1_000, ..Wanted::default() });
    let (mut seen, mut after) = (0, None);
    loop {
        let wanted = Wanted { limit: 7, after: after.clone(), ..Wanted::default() };
        let page = answers::page(&results, &results.index, &wanted);
        assert_eq!(page.total, all.total);
        seen += page.lines.len();
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((seen, all.lines.len()), (all.total, all.total));
    let owners = answers::owners(&results.index, "group:default/technology");
    assert!(owners.len() > 2, "{owners:?}");
    let owned = answers::page(
        &results,
        &results.index,
        &Wanted { owners: Some(owners), limit: 1_000, ..Wanted::default() },
    );
    assert!(owned.total > 0 && owned.total < all.total);
    let (judged, tally) = &owned.tallies[0];
    let summary = answers::summary(judged, tally);
    let by_owner = summary["byOwner"].as_array().unwrap();
    let sum: u64 = by_owner.iter().map(|it| it["entities"].as_u64().unwrap()).sum();
    assert_eq!(json!(sum), summary["entities"]);
    // Who may read nothing is told of nothing, and counts nothing.
    let none = answers::page(&results, &Index::default(), &Wanted { limit: 9, ..Wanted::default() });
    assert!(
        none.total == 0
            && none.tallies.iter().all(|(_, tally)| tally.entities == 0 && tally.owners.is_empty())
    );
}
