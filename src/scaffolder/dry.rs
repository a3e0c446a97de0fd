//! A dry run: everything that a task does but what reaches outside, which is named and left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::House;
use super::journal::Journal;
use super::parameters;
use super::run::{Run, Stepped};
use super::source::Source;
use super::steps::About;
use super::template::Template;
use super::workspace::Workspace;
use crate::actions::Caller;
use crate::limits;
use crate::secret;
use crate::store::scaffolder_tasks::Line;

/// How a dry run went.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Everything that is wrong.
    pub errors: Vec<String>,
    /// What it said.
    pub log: Vec<Line>,
    /// What the template would give.
    pub output: Value,
}

/// Tries `template` out.
pub async fn run(
    house: &House,
    caller: &Arc<Caller>,
    template: &Template,
    source: Option<Source>,
    given: &Map<String, Value>,
) -> Tried {
    let values = match parameters::accept(template, given) {
        Ok(values) => values,
        Err(faults) => {
            return Tried { errors: faults.iter().map(ToString::to_string).collect(), ..Tried::default() };
        }
    };
    let now = house.clock.now();
    let id = secret::id(now);
    let work = match Workspace::make(&house.data_dir.join(super::worker::FOLDER), &format!("dry-{id}")) {
        Ok(work) => Arc::new(work),
        Err(why) => return Tried { errors: vec![why], ..Tried::default() },
    };
    let user = house.user(caller);
    let hidden = parameters::secret_names(template);
    let hidden = hidden.iter().filter_map(|name| values.get(name)?.as_str()).map(str::to_owned);
    let journal = Journal::new(hidden);
    let mut run = Run {
        house: house.clone(),
        work,
        source,
        journal: journal.clone(),
        about: About { id, owner_name: caller.username.clone(), created_at: now },
        caller: Arc::clone(caller),
        allowed: house.allowed(caller).into_iter().collect(),
        parameters: values,
        secrets: Map::new(),
        user,
        outputs: Map::new(),
        dry: true,
        cancelled: CancellationToken::new(),
    };
    journal.say(&format!("Starting up task with {} steps", template.steps.len()));
    let mut tried = Tried { output: json!({}), ..Tried::default() };
    for step in &template.steps {
        match run.step(step, !tried.errors.is_empty()).await {
            Stepped::Done(output) => drop(run.outputs.insert(step.id.clone(), output)),
            Stepped::Skipped => {}
            Stepped::Failed(why) => tried.errors.push(format!("step {}: {why}", step.id)),
        }
    }
    if tried.errors.is_empty() {
        match run.output(&template.output) {
            Ok(output) => tried.output = output,
            Err(why) => tried.errors.push(why),
        }
    }
    tried.log = journal.take();
    tried
}

/// The files that a dry run brings along.
///
/// # Errors
/// A sentence, for a path that leads anywhere, and for too many of them.
pub fn files(listed: &Value) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let listed = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    if listed.len() > limits::SCAFFOLDER_DRY_FILES_MAX {
        return Err(format!("more than {} files", limits::SCAFFOLDER_DRY_FILES_MAX));
    }
    let file = |file: &Value| {
        let path = file["path"].as_str().unwrap_or_default();
        let parts = super::workspace::parts(path)?;
        Ok((parts.join("/"), file["content"].as_str().unwrap_or_default().as_bytes().to_vec()))
    };
    listed.iter().map(file).collect()
}
