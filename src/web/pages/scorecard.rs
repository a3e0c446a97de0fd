//! One scorecard: its checks with how many pass, its owners with how they stand, and what fails, a page at a time.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;

use crate::app::App;
use crate::catalog::index::Index;
use crate::insights::answers::{self, Line, Tally, Wanted};
use crate::insights::results::{Judged, Results};
use crate::insights::why;
use crate::limits;
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::seen::Reader;
use crate::web::stranger::{self, Named};
use crate::web::{session, way_back};

#[derive(Template)]
#[template(path = "scorecard.html")]
struct Page {
    frame: Frame,
    told: Facts,
}

struct Facts {
    id: String,
    title: String,
    about: String,
    entities: usize,
    percent: u64,
    stands: Vec<Stand>,
    checks: Vec<Check>,
    owners: Vec<Owner>,
    owner: Option<Named>,
    failing: usize,
    lines: Vec<Standing>,
    next: String,
    is_first: bool,
}

/// How many stand at one level.
pub struct Stand {
    /// The level, or that none is reached.
    pub level: String,
    /// How many.
    pub count: usize,
    /// Where its part of the bar begins, of a hundred.
    pub from: usize,
    /// How wide it is.
    pub width: usize,
    /// Its shade: 0 for none, then rising.
    pub shade: usize,
}

struct Check {
    title: String,
    level: String,
    points: u32,
    asked: usize,
    passed: usize,
    mend: String,
}

struct Owner {
    named: Named,
    query: String,
    entities: usize,
    percent: u64,
}

/// How one entity stands in one scorecard, for a page.
pub struct Standing {
    /// The entity, or the scorecard where the page is the entity's.
    pub named: Named,
    /// The level that it reached; empty where there are no levels.
    pub level: String,
    /// Its points of a hundred.
    pub percent: u32,
    /// How many checks it passed.
    pub passed: usize,
    /// Of how many.
    pub asked: usize,
    /// The checks that it fails: title, why, and how to mend it.
    pub failed: Vec<(String, String, String)>,
}

/// `GET /catalog/scorecards/{id}`.
pub async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let reader = Reader::of(&app, &session).await;
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let insights = app.insights.clone();
    let told = tokio::task::spawn_blocking(move || {
        let results = insights.results();
        results.card(&id).map(|judged| facts(&results, judged, &reader.index, &fields))
    });
    let told = told.await.map_err(|_| Problem::Busy)?.ok_or_else(gone)?;
    Ok(page::html(StatusCode::OK, &Page { frame: Frame::of(&app.config), told }))
}

fn gone() -> Problem {
    Told::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "There is no such scorecard",
        "It may have another name by now.",
        "Look at the list of scorecards.",
    )
    .into()
}

fn facts(results: &Results, judged: &Judged, seen: &Index, fields: &Fields) -> Facts {
    let owner = Some(fields.get("owner")).filter(|owner| seen.get(owner).is_some());
    let after = Some(fields.get("after")).filter(|after| !after.is_empty());
    let wanted = Wanted {
        scorecard: Some(judged.card.id.clone()),
        owners: owner.map(|owner| answers::owners(seen, owner)),
        only_failing: true,
        after: after.map(str::to_owned),
        limit: limits::CATALOG_PAGE_ROWS,
        entity: None,
    };
    let page = answers::page(results, seen, &wanted);
    let tally = page.tallies.first().map(|(_, tally)| tally.clone()).unwrap_or_default();
    let next = page.next.map(|next| {
        let mut url = url::form_urlencoded::Serializer::new(String::new());
        url.extend_pairs(owner.map(|owner| ("owner", owner)));
        url.append_pair("after", &next).finish()
    });
    Facts {
        id: judged.card.id.clone(),
        title: stranger::title(&judged.card.title),
        about: page::plain(&judged.card.description),
        entities: tally.entities,
        percent: tally.percent(),
        stands: stands(judged, &tally),
        checks: checks(judged, &tally),
        owners: if owner.is_some() { Vec::new() } else { owners(seen, &tally) },
        owner: owner.map(|owner| Named::new(owner, seen.get(owner).map(AsRef::as_ref))),
        failing: page.total,
        lines: page.lines.iter().map(|line| standing((results, seen), line, named(results, line))).collect(),
        next: next.unwrap_or_default(),
        is_first: after.is_none(),
    }
}

fn named(results: &Results, line: &Line<'_>) -> Named {
    Named::new(results.index.reference(line.at).as_str(), Some(results.index.entity(line.at)))
}

/// One result for a page, under a name.
pub fn standing((results, seen): (&Results, &Index), line: &Line<'_>, named: Named) -> Standing {
    let (card, standing) = (&line.judged.card, &line.standing);
    let failed = |&at: &usize| {
        let check = &card.checks[at];
        let why = why::told(results, seen, line.judged, (at, line.at)).1;
        let why = stranger::line(&why, limits::ENTITY_TEXT_CHARS);
        (stranger::title(&check.title), why, page::plain(&check.mend))
    };
    Standing {
        named,
        level: level(line.judged, standing.reached),
        percent: standing.percent(),
        passed: standing.passed,
        asked: standing.asked,
        failed: standing.failed.iter().map(failed).collect(),
    }
}

fn level(judged: &Judged, reached: usize) -> String {
    match judged.card.level(reached) {
        "" if judged.card.levels.is_empty() => String::new(),
        "" => "no level yet".to_owned(),
        level => level.to_owned(),
    }
}

/// The bar of a scorecard with levels: how many reached which.
pub fn stands(judged: &Judged, tally: &Tally) -> Vec<Stand> {
    if judged.card.levels.is_empty() || tally.entities == 0 {
        return Vec::new();
    }
    let (mut passed, levels) = (0, judged.card.levels.len());
    let stand = |(reached, &count): (usize, &usize)| {
        let (from, to) = (passed * 100 / tally.entities, (passed + count) * 100 / tally.entities);
        passed += count;
        let shade = (reached * 3).div_ceil(levels);
        Stand { level: level(judged, reached), count, from, width: to - from, shade }
    };
    tally.reached.iter().enumerate().map(stand).collect()
}

fn checks(judged: &Judged, tally: &Tally) -> Vec<Check> {
    let check = |(at, check): (usize, &crate::insights::card::Check)| {
        let (asked, passed) = tally.checks.get(at).copied().unwrap_or_default();
        Check {
            title: stranger::title(&check.title),
            level: judged.card.levels.get(check.level).cloned().unwrap_or_default(),
            points: check.points,
            asked,
            passed,
            mend: page::plain(&check.mend),
        }
    };
    judged.card.checks.iter().enumerate().map(check).collect()
}

fn owners(seen: &Index, tally: &Tally) -> Vec<Owner> {
    let mut all: Vec<(&String, &Tally)> =
        tally.owners.iter().filter(|(owner, _)| !owner.is_empty()).collect();
    all.sort_by(|a, b| b.1.entities.cmp(&a.1.entities).then_with(|| a.0.cmp(b.0)));
    let one = |(owner, tally): (&String, &Tally)| Owner {
        named: Named::new(owner, seen.get(owner).map(AsRef::as_ref)),
        query: url::form_urlencoded::Serializer::new(String::new()).append_pair("owner", owner).finish(),
        entities: tally.entities,
        percent: tally.percent(),
    };
    all.into_iter().take(limits::ENTITY_ROWS_MAX).map(one).collect()
}
