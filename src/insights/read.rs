//! YAML → scorecards. A mistake is told with its line and its field, and takes nothing but its own scorecard with it.

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::card::{Card, Check, Rule};
use crate::catalog::predicate::Predicate;
use crate::catalog::yaml;
use crate::limits;

/// A scorecard as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCard {
    scorecard: Spanned<String>,
    title: Option<Spanned<String>>,
    description: Option<Spanned<String>>,
    #[serde(rename = "for")]
    applies: Spanned<Value>,
    levels: Option<Spanned<Vec<String>>>,
    checks: Spanned<Vec<RawCheck>>,
}

/// A check as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    check: Spanned<String>,
    title: Option<Spanned<String>>,
    level: Option<Spanned<String>>,
    points: Option<Spanned<u32>>,
    when: Option<Spanned<Value>>,
    has: Option<Spanned<String>>,
    annotation: Option<Spanned<String>>,
    label: Option<Spanned<String>>,
    field: Option<Spanned<String>>,
    query: Option<Spanned<Value>>,
    mend: Option<Spanned<String>>,
}

/// The scorecards of a text, and what is wrong with the others: `line 7: checks[1].has: …`.
pub fn cards(text: &str) -> (Vec<Card>, Vec<String>) {
    let (mut good, mut wrong) = (Vec::new(), Vec::new());
    for (first_line, read) in yaml::typed::<RawCard>(text) {
        let card = read.and_then(|raw| {
            card(raw).map_err(|Fault { line, field, why }| {
                let line = usize::try_from(line).unwrap_or(1).max(1) + first_line - 1;
                format!("line {line}: {field}: {why}")
            })
        });
        match card {
            Ok(card) => good.push(card),
            Err(why) => wrong.push(why),
        }
    }
    (good, wrong)
}

/// A mistake: the line in its document, the field, and what would be right.
struct Fault {
    line: u64,
    field: String,
    why: String,
}

fn fault<T>(at: &Spanned<T>, field: impl Into<String>, why: impl Into<String>) -> Fault {
    Fault { line: at.referenced.line(), field: field.into(), why: why.into() }
}

fn card(raw: RawCard) -> Result<Card, Fault> {
    let id = id("scorecard", &raw.scorecard)?;
    let title = text("title", raw.title)?.unwrap_or_else(|| id.clone());
    let description = text("description", raw.description)?.unwrap_or_default();
    let applies = predicate("for", &raw.applies)?;
    let levels = levels(raw.levels)?;
    if raw.checks.value.is_empty() || raw.checks.value.len() > limits::SCORECARD_CHECKS_MAX {
        let why = format!("between 1 and {} checks are wanted", limits::SCORECARD_CHECKS_MAX);
        return Err(fault(&raw.checks, "checks", why));
    }
    let mut checks: Vec<Check> = Vec::new();
    for (at, raw) in raw.checks.value.into_iter().enumerate() {
        let name = raw.check.clone();
        let check = check(&format!("checks[{at}]"), raw, &levels)?;
        if checks.iter().any(|known| known.id == check.id) {
            return Err(fault(
                &name,
                format!("checks[{at}].check"),
                format!("there is another check {}", check.id),
            ));
        }
        checks.push(check);
    }
    Ok(Card { id, title, description, filter: raw.applies.value, applies, levels, checks })
}

fn check(at: &str, raw: RawCheck, levels: &[String]) -> Result<Check, Fault> {
    let field = |name: &str| format!("{at}.{name}");
    let id = id(&field("check"), &raw.check)?;
    let level = match (&raw.level, levels) {
        (None, []) => 0,
        (None, _) => {
            return Err(fault(
                &raw.check,
                field("level"),
                format!("name the level that needs it: {}", levels.join(", ")),
            ));
        }
        (Some(level), _) => levels.iter().position(|known| *known == level.value).ok_or_else(|| {
            let known = if levels.is_empty() {
                "this scorecard has no levels".to_owned()
            } else {
                format!("there is {}", levels.join(", "))
            };
            fault(level, field("level"), format!("there is no level {}; {known}", excerpt(&level.value)))
        })?,
    };
    let points = match &raw.points {
        None => 1,
        Some(points) if (1..=limits::SCORECARD_POINTS_MAX).contains(&points.value) => points.value,
        Some(points) => {
            return Err(fault(
                points,
                field("points"),
                format!("between 1 and {}", limits::SCORECARD_POINTS_MAX),
            ));
        }
    };
    let when = raw.when.as_ref().map(|when| predicate(&field("when"), when)).transpose()?;
    let (title, mend) = (raw.title.clone(), raw.mend.clone());
    let rule = rule(at, &raw)?;
    let title = text(&field("title"), title)?.unwrap_or_else(|| id.clone());
    let mend = text(&field("mend"), mend)?.unwrap_or_default();
    Ok(Check { id, title, level, points, when, rule, mend })
}

/// Exactly one of the ways to ask.
fn rule(at: &str, raw: &RawCheck) -> Result<Rule, Fault> {
    let mut rules = Vec::new();
    if let Some(has) = &raw.has {
        rules.push(match has.value.as_str() {
            "owner" => Rule::Owner,
            "docs" => Rule::Docs,
            "api-definition" => Rule::Definition,
            other => {
                let why = format!("there is no {}; it is owner, docs or api-definition", excerpt(other));
                return Err(fault(has, format!("{at}.has"), why));
            }
        });
    }
    let named = [("annotation", &raw.annotation), ("label", &raw.label), ("field", &raw.field)];
    for (name, said) in named {
        let Some(said) = said else { continue };
        if said.value.trim().is_empty() || said.value.chars().count() > limits::SEARCH_CHARS_MAX {
            return Err(fault(
                said,
                format!("{at}.{name}"),
                format!("1 to {} characters", limits::SEARCH_CHARS_MAX),
            ));
        }
        let value = said.value.trim().to_owned();
        rules.push(match name {
            "annotation" => Rule::Annotation(value),
            "label" => Rule::Label(value),
            _ => Rule::Field(value),
        });
    }
    if let Some(query) = &raw.query {
        rules.push(Rule::Query(query.value.clone(), predicate(&format!("{at}.query"), query)?));
    }
    match (rules.pop(), rules.is_empty()) {
        (Some(rule), true) => Ok(rule),
        (None, _) => {
            Err(fault(&raw.check, at, "it asks nothing; give one of has, annotation, label, field or query"))
        }
        (Some(_), false) => Err(fault(&raw.check, at, "it asks two things; make two checks of them")),
    }
}

fn levels(raw: Option<Spanned<Vec<String>>>) -> Result<Vec<String>, Fault> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let mut seen = std::collections::BTreeSet::new();
    let fits = |level: &String| is_id(level) && seen.insert(level.clone());
    if raw.value.is_empty() || raw.value.len() > limits::SCORECARD_LEVELS_MAX || !raw.value.iter().all(fits) {
        let why = format!(
            "1 to {} different names, the lowest first, such as [bronze, silver, gold]",
            limits::SCORECARD_LEVELS_MAX
        );
        return Err(fault(&raw, "levels", why));
    }
    Ok(raw.value)
}

fn predicate(field: &str, raw: &Spanned<Value>) -> Result<Predicate, Fault> {
    // The parser says "query" of the whole; here it has the name of the field.
    let named = |why: String| why.strip_prefix("query").map_or(why.clone(), |rest| format!("{field}{rest}"));
    Predicate::parse(&raw.value).map_err(|why| fault(raw, field, named(why)))
}

fn id(field: &str, raw: &Spanned<String>) -> Result<String, Fault> {
    if is_id(&raw.value) {
        return Ok(raw.value.clone());
    }
    let most = limits::SCORECARD_ID_BYTES_MAX;
    Err(fault(
        raw,
        field,
        format!("small letters, digits and hyphens, at most {most}, such as production-ready"),
    ))
}

fn is_id(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= limits::SCORECARD_ID_BYTES_MAX
        && !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(fits)
}

fn text(field: &str, raw: Option<Spanned<String>>) -> Result<Option<String>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let clean = raw.value.trim();
    if clean.is_empty() || clean.chars().count() > limits::SCORECARD_TEXT_CHARS_MAX {
        return Err(fault(&raw, field, format!("1 to {} characters", limits::SCORECARD_TEXT_CHARS_MAX)));
    }
    Ok(Some(clean.to_owned()))
}

fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "scorecard: ready\nfor: {kind: Component}\nlevels: [bronze, gold]\nchecks:\n  - check: owner\n    has: owner\n    level: bronze\n  - check: docs\n    has: docs\n    level: gold\n";

    #[test]
    fn a_scorecard_is_read_with_what_it_leaves_out() {
        let (cards, wrong) = cards(GOOD);
        assert_eq!(wrong, Vec::<String>::new());
        let card = &cards[0];
        assert_eq!((card.id.as_str(), card.title.as_str(), card.levels.len()), ("ready", "ready", 2));
        assert_eq!((card.checks[1].level, card.checks[1].points, &card.checks[1].rule), (1, 1, &Rule::Docs));
        assert_eq!((card.level(0), card.level(1), card.level(2)), ("", "bronze", "gold"));
    }

    #[test]
    fn each_mistake_names_its_line_and_its_field_and_spares_the_neighbours() {
        for (from, to, says) in [
            ("scorecard: ready", "scorecard: Not Ready", "line 1: scorecard: small letters"),
            ("has: docs", "has: dogs", "line 9: checks[1].has: there is no dogs; it is owner, docs"),
            (
                "level: gold",
                "level: goldd",
                "line 10: checks[1].level: there is no level goldd; there is bronze, gold",
            ),
            ("    level: gold\n", "", "line 8: checks[1].level: name the level"),
            ("check: docs", "check: owner", "line 8: checks[1].check: there is another check owner"),
            ("{kind: Component}", "{kind: {$like: x}}", "line 2: for: for.\"kind\": there is no $like"),
            ("    has: docs\n", "", "line 8: checks[1]: it asks nothing"),
            ("    has: docs\n", "    has: docs\n    label: tier\n", "line 8: checks[1]: it asks two things"),
            ("    has: docs\n", "    has: docs\n    points: 0\n", "line 10: checks[1].points: between 1 and"),
            ("[bronze, gold]", "[bronze, bronze]", "line 3: levels: 1 to 8 different names"),
            ("    has: docs\n", "    hass: docs\n", "line 9"),
            ("for: {kind: Component}\n", "", "missing field `for`"),
            ("checks:\n", "checks: [\n", "line"),
        ] {
            let text = format!("{}---\n{}", GOOD.replace(from, to), GOOD.replace("ready", "other"));
            let (cards, wrong) = cards(&text);
            assert!(wrong[0].contains(says), "{to}: {wrong:?}");
            assert_eq!((wrong.len(), cards[0].id.as_str()), (1, "other"), "{to}: {wrong:?}");
        }
        let (_, wrong) = cards(&format!("{GOOD}---\n{}", GOOD.replace("has: docs", "has: dogs")));
        assert!(wrong[0].starts_with("line 20: "), "{wrong:?}");
    }
}
