//! The actions on scorecards. Whoever may read an entity may read how it stands.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answers::{self, Wanted};
use super::results::Results;
use super::{Insights, schemas, why};
use crate::actions::{Action, ActionError, Outcome, Run};
use crate::catalog::actions::{READ_PERMISSION, find};
use crate::catalog::index::Index;
use crate::limits;

/// The scope that reading scorecards needs.
pub const READ_SCOPE: &str = "insights:read";
/// The action that tells of all of them: its decision is the decision of every resource and page of theirs.
pub const READS: &str = "insights:get-scorecard-results";

const LIST: &str = "List the scorecards of this platform: what each is for, its levels and checks, and how many entities pass each check. \
    Start here to learn which scorecards there are.";
const RESULTS: &str = "Tell how entities stand in scorecards: level, points of a hundred, and each check that fails with the reason and the way to \
    mend it. Of one entity, of what a team owns, of one scorecard, or of everything; with a summary by level and by owner.";
const EXPLAIN: &str = "Explain one check of a scorecard for one entity: whether it passes, what was found and what was wanted, and how to mend it.";

type Answer = fn(&Results, &Index, &Value) -> Outcome;

/// Every action here; none where no scorecards are configured.
pub fn actions(insights: &Insights) -> Vec<Action> {
    if !insights.is_configured() {
        return Vec::new();
    }
    let reading = |id: &str, title: &str, description: &str, schemas: (Value, Value), answer: Answer| {
        let insights = insights.clone();
        let run: Run = Arc::new(move |turn, arguments| {
            let insights = insights.clone();
            Box::pin(async move {
                let seen = insights.seen(turn.caller()).await;
                // It reads every entity: not on the threads that answer others.
                let answered =
                    tokio::task::spawn_blocking(move || answer(&insights.results(), &seen, &arguments)).await;
                answered.unwrap_or_else(|error| Err(ActionError::Fault(error.into())))
            })
        });
        Action::reading([id, title, description], schemas, (READ_SCOPE, READ_PERMISSION), run)
    };
    vec![
        reading(
            "insights:list-scorecards",
            "List Scorecards",
            LIST,
            (schemas::list_input(), schemas::list_output()),
            |results, seen, _| Ok(list(results, seen)),
        ),
        reading(
            READS,
            "Get Scorecard Results",
            RESULTS,
            (schemas::results_input(), schemas::results_output()),
            results,
        ),
        reading(
            "insights:explain-check",
            "Explain Scorecard Check",
            EXPLAIN,
            (schemas::explain_input(), schemas::explain_output()),
            explain,
        ),
    ]
}

/// Every scorecard with what it comes to.
pub fn list(results: &Results, seen: &Index) -> Value {
    let page = answers::page(results, seen, &Wanted::default());
    let cards = page.tallies.iter().map(|(judged, tally)| {
        let mut card = answers::card(judged, tally);
        if let Some(summary) = card["summary"].as_object_mut() {
            summary.shift_remove("byOwner");
        }
        card
    });
    json!({"scorecards": cards.collect::<Vec<_>>()})
}

fn results(results: &Results, seen: &Index, arguments: &Value) -> Outcome {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let entity = match text("entityRef") {
        Some(_) => Some(seen.reference(find::from_reference(seen, arguments)?).to_string()),
        None => None,
    };
    let scorecard =
        text("scorecard").map(|id| known(results, id).map(|judged| judged.card.id.clone())).transpose()?;
    let owners = match text("owner") {
        Some(owner) => {
            let at = find::from_reference(seen, &json!({"entityRef": owner}))?;
            Some(answers::owners(seen, seen.reference(at).as_str()))
        }
        None => None,
    };
    let limit = arguments.get("limit").and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    let wanted = Wanted {
        scorecard,
        entity,
        owners,
        only_failing: arguments["onlyFailing"] == true,
        after: text("cursor").map(str::to_owned),
        limit: limit.unwrap_or(limits::SCORECARD_RESULTS).clamp(1, limits::SCORECARD_RESULTS_MAX),
    };
    let page = answers::page(results, seen, &wanted);
    let summary = |(judged, tally): &(&super::results::Judged, answers::Tally)| {
        let mut told = answers::summary(judged, tally);
        told["scorecard"] = json!(judged.card.id);
        told
    };
    let occurs = page.tallies.iter().filter(|(_, tally)| tally.entities > 0);
    let mut answer = json!({
        "results": page.lines.iter().map(|line| answers::line(results, seen, line)).collect::<Vec<_>>(),
        "totalItems": page.total,
        "summaries": occurs.map(summary).collect::<Vec<_>>(),
    });
    if let Some(next) = page.next {
        answer["nextPageCursor"] = json!(next);
    }
    Ok(answer)
}

fn explain(results: &Results, seen: &Index, arguments: &Value) -> Outcome {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let judged = known(results, text("scorecard"))?;
    let Some((position, check)) = judged.card.check(text("check")) else {
        let all: Vec<&str> = judged.card.checks.iter().map(|check| check.id.as_str()).collect();
        let why = format!("{} has no check of that name; it has {}", judged.card.id, all.join(", "));
        return Err(ActionError::NotFound(why));
    };
    let reference = seen.reference(find::from_reference(seen, arguments)?);
    let Some(at) = results.index.position(reference.as_str()) else {
        return Err(ActionError::Conflict(format!("{reference} has just changed; ask again")));
    };
    let (outcome, why) = why::told(results, seen, judged, (position, at));
    let mut answer = json!({
        "entityRef": reference.as_str(),
        "scorecard": judged.card.id,
        "check": check.id,
        "title": check.title,
        "outcome": outcome,
        "why": why,
        "rule": check.rule.written(),
    });
    if !check.mend.is_empty() {
        answer["mend"] = json!(check.mend);
    }
    Ok(answer)
}

fn known<'r>(results: &'r Results, id: &str) -> Result<&'r super::results::Judged, ActionError> {
    results.card(id).ok_or_else(|| {
        let all: Vec<&str> = results.cards.iter().map(|judged| judged.card.id.as_str()).collect();
        ActionError::NotFound(format!("there is no scorecard of that name; there is {}", all.join(", ")))
    })
}
