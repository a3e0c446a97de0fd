//! Scorecards, and how entities stand in them, as resources: `insights://scorecards`, `insights://scorecards/{id}` and
//! `insights://entities/{kind}/{namespace}/{name}`. Whoever may call `insights:get-scorecard-results` here may read them.

use std::sync::Arc;

use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

use super::{Features, uri};
use crate::access;
use crate::actions::Caller;
use crate::catalog::index::Index;
use crate::catalog::relation::Ref;
use crate::insights::actions::{READS, list as every};
use crate::insights::answers::{self, Wanted};
use crate::insights::results::Results;
use crate::limits;

const PREFIX: &str = "insights://";

/// What a URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All scorecards.
    All,
    /// One.
    Card(String),
    /// How an entity stands in each.
    Entity(Ref),
}

impl Target {
    /// Reads a URI, as strictly as those of the catalog are read.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX).filter(|_| text.len() <= limits::MCP_RESOURCE_URI_BYTES_MAX)?;
        if rest == "scorecards" {
            return Some(Self::All);
        }
        if let Some(id) = rest.strip_prefix("scorecards/") {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            return (!id.is_empty() && id.chars().all(plain)).then(|| Self::Card(id.to_owned()));
        }
        match uri::Target::parse(&format!("{}{}", uri::PREFIX, rest.strip_prefix("entities/")?)) {
            Some(uri::Target::Entity(reference)) => Some(Self::Entity(reference)),
            _ => None,
        }
    }
}

fn may_read(features: &Features, caller: &Caller) -> bool {
    features.tools.find(READS).is_some_and(|offered| access::decide(caller, &offered.action).allows())
}

/// Each scorecard, and all of them.
pub fn list(features: &Features, caller: &Caller) -> Vec<Resource> {
    if !may_read(features, caller) {
        return Vec::new();
    }
    let all = Resource::new(format!("{PREFIX}scorecards"), "scorecards").with_title("Scorecards");
    let mut found = vec![all.with_mime_type("application/json")];
    for card in features.insights.cards().iter() {
        let one = Resource::new(format!("{PREFIX}scorecards/{}", card.id), format!("scorecard {}", card.id));
        let one = one.with_title(card.title.clone()).with_mime_type("application/json");
        found.push(if card.description.is_empty() {
            one
        } else {
            one.with_description(card.description.clone())
        });
    }
    found
}

/// The forms of URI that there are, for whoever may read any.
pub fn templates(features: &Features, caller: &Caller) -> Vec<ResourceTemplate> {
    if !may_read(features, caller) {
        return Vec::new();
    }
    [
        ("scorecards/{id}", "scorecard", "A scorecard: its checks, and how many pass each."),
        (
            "entities/{kind}/{namespace}/{name}",
            "standing",
            "How an entity stands in each scorecard, and what fails.",
        ),
    ]
    .map(|(below, name, description)| {
        ResourceTemplate::new(format!("{PREFIX}{below}"), name)
            .with_description(description)
            .with_mime_type("application/json")
    })
    .into()
}

/// What stands at `uri`; `None` where nothing does, or nothing that the caller may know of.
pub async fn read(features: &Features, caller: &Arc<Caller>, uri: &str) -> Option<ResourceContents> {
    let target = Target::parse(uri).filter(|_| may_read(features, caller))?;
    let (insights, seen) = (features.insights.clone(), features.insights.seen(caller).await);
    // It reads every entity: not on the threads that answer others.
    let told =
        tokio::task::spawn_blocking(move || told(&insights.results(), &seen, &target)).await.ok()??;
    let text = serde_json::to_string_pretty(&told).ok()?;
    Some(ResourceContents::text(text, uri).with_mime_type("application/json"))
}

fn told(results: &Arc<Results>, seen: &Index, target: &Target) -> Option<Value> {
    let mut wanted = Wanted { limit: limits::SCORECARDS_MAX, ..Wanted::default() };
    match target {
        Target::All => Some(every(results, seen)),
        Target::Card(id) => {
            wanted.scorecard = Some(results.card(id)?.card.id.clone());
            let page = answers::page(results, seen, &wanted);
            page.tallies.first().map(|(judged, tally)| answers::card(judged, tally))
        }
        Target::Entity(reference) => {
            seen.position(reference.as_str())?;
            wanted.entity = Some(reference.to_string());
            let page = answers::page(results, seen, &wanted);
            let lines: Vec<Value> =
                page.lines.iter().map(|line| answers::line(results, seen, line)).collect();
            Some(json!({"entityRef": reference.as_str(), "results": lines}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_uri_that_is_not_exactly_one_of_ours_names_nothing() {
        assert_eq!(Target::parse("insights://scorecards"), Some(Target::All));
        assert_eq!(Target::parse("insights://scorecards/a-1"), Some(Target::Card("a-1".to_owned())));
        let entity = Target::Entity(Ref::new("component", "default", "x"));
        assert_eq!(Target::parse("insights://entities/component/default/x"), Some(entity));
        for bad in [
            "insights://",
            "insights://scorecards/",
            "insights://scorecards/..",
            "insights://scorecards/a/b",
            "insights://scorecards/%61",
            "insights://entities/component/default",
            "insights://entities/component/default/x/definition",
            "insights://entities/a:b/default/x",
            "insights://entities/component/default/..",
            "insights://entities/component/default/%2e%2e",
            "catalog://scorecards",
            "INSIGHTS://scorecards",
        ] {
            assert_eq!(Target::parse(bad), None, "{bad}");
        }
    }
}
