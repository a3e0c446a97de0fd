//! Completion: what an argument of a prompt or a part of a URI could be, out of what the caller may see.

use rmcp::ErrorData;
use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference};

use super::parameters::Offers;
use super::uri::{self, PREFIX};
use super::{Features, invalid, prompts};
use crate::actions::Caller;
use crate::catalog::attached::{self, Kind};
use crate::catalog::index::Index;
use crate::catalog::relation::Ref;
use crate::limits;

/// Values for the argument that a client is being asked for.
///
/// # Errors
/// `-32602` for a prompt, a URI template or an argument of one that there is none of.
pub async fn complete(
    features: &Features,
    caller: &std::sync::Arc<Caller>,
    request: CompleteRequestParams,
) -> Result<CompletionInfo, ErrorData> {
    if request.argument.value.len() > limits::MCP_PROMPT_ARGUMENT_BYTES_MAX {
        return Err(invalid("the value is too long"));
    }
    let index = features.catalog.seen_by(caller).await;
    let typed = request.argument.value.to_lowercase();
    let argument = request.argument.name.as_str();
    // Whoever may not read is told nothing, and not that there is something.
    let reads = features.may_read(caller);
    let values = match &request.r#ref {
        Reference::Prompt(prompt) => match prompts::offers(&index, &prompt.name, argument) {
            Some(Offers::Entities(kinds)) if reads => entities(&index, &kinds, &typed),
            Some(Offers::Words(words)) if reads => {
                Found::of(words.into_iter().filter(|word| word.to_lowercase().starts_with(&typed)))
            }
            Some(_) if reads => Found::default(),
            _ => return Err(invalid("unknown prompt")),
        },
        Reference::Resource(template) => {
            let Some(below) = template
                .uri
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.strip_prefix("{kind}/{namespace}/{name}"))
            else {
                return Err(invalid("unknown resource template"));
            };
            let known = |name: &str| {
                request
                    .context
                    .as_ref()
                    .and_then(|context| context.get_argument(name))
                    .map(|text| text.to_lowercase())
            };
            match (argument, below) {
                _ if !reads => Found::default(),
                ("kind" | "namespace" | "name", _) => part(&index, argument, &typed, &known),
                ("path", _) => paths(index, below, &typed, &known).await?,
                _ => return Err(invalid("unknown argument of the resource template")),
            }
        }
        _ => return Err(invalid("unknown kind of reference")),
    };
    let mut info = CompletionInfo::default();
    info.total = u32::try_from(values.total).ok();
    info.has_more = Some(values.total > values.first.len());
    info.values = values.first;
    Ok(info)
}

/// The first so many values, and how many there are.
#[derive(Default)]
struct Found {
    first: Vec<String>,
    total: usize,
}

impl Found {
    fn of(values: impl Iterator<Item = String>) -> Self {
        let mut found = Self::default();
        for value in values {
            if found.first.len() < limits::MCP_COMPLETIONS_MAX {
                found.first.push(value);
            }
            found.total += 1;
        }
        found
    }

    /// The same, of values in order: equal neighbours are one.
    fn sorted(mut values: Vec<&str>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self::of(values.into_iter().map(str::to_owned))
    }
}

/// References whose name or whole text begins with what was typed.
fn entities(index: &Index, kinds: &[String], typed: &str) -> Found {
    let fits = |reference: &&Ref| {
        (kinds.is_empty() || kinds.iter().any(|kind| kind == reference.kind()))
            && (reference.name().starts_with(typed) || reference.as_str().starts_with(typed))
    };
    Found::of(index.references().iter().filter(fits).map(ToString::to_string))
}

/// One part of a reference, narrowed by the parts that are known.
fn part(index: &Index, argument: &str, typed: &str, known: &impl Fn(&str) -> Option<String>) -> Found {
    let known = ["kind", "namespace", "name"].map(|name| known(name).filter(|_| name != argument));
    let fits = |reference: &&Ref| {
        let parts = [reference.kind(), reference.namespace(), reference.name()];
        parts.iter().zip(&known).all(|(part, known)| known.as_ref().is_none_or(|known| known == part))
    };
    let of = |reference: &Ref| match argument {
        "kind" => reference.kind().to_owned(),
        "namespace" => reference.namespace().to_owned(),
        _ => reference.name().to_owned(),
    };
    let values: Vec<String> =
        index.references().iter().filter(fits).map(of).filter(|value| value.starts_with(typed)).collect();
    Found::sorted(values.iter().map(String::as_str).collect())
}

async fn paths(
    index: std::sync::Arc<Index>,
    below: &str,
    typed: &str,
    known: &impl Fn(&str) -> Option<String>,
) -> Result<Found, ErrorData> {
    let kind = [Kind::Docs, Kind::Skeleton]
        .into_iter()
        .find(|kind| below == format!("/{}/{{+path}}", uri::word(*kind)));
    let Some(kind) = kind else { return Err(invalid("this resource template has no path")) };
    let (Some(of), Some(namespace), Some(name)) = (known("kind"), known("namespace"), known("name")) else {
        return Ok(Found::default());
    };
    let reference = Ref::new(&of, &namespace, &name);
    let reading = tokio::task::spawn_blocking(move || attached::names(&index, reference.as_str(), kind));
    let names = reading.await.unwrap_or_default();
    Ok(Found::of(names.into_iter().filter(|name| name.to_lowercase().starts_with(typed))))
}
