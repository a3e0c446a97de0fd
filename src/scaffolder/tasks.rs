//! Tasks as those who ask for them see them: begun, looked at, cancelled, retried. A task is its owner's alone; to
//! everybody else it is not there.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::House;
use super::journal::Journal;
use super::parameters;
use super::template::Template;
use crate::actions::{ActionError, Caller};
use crate::limits;
use crate::secret;
use crate::store::scaffolder_tasks::{self as rows, NewTask, Owner, Said, Status, Task};

/// What is sealed with a task.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct State {
    /// The secrets, until the task has ended.
    #[serde(default)]
    pub secrets: Map<String, Value>,
    /// Whether there were any: then a retry needs them again.
    #[serde(default)]
    pub had_secrets: bool,
    /// The values, hidden ones too.
    pub parameters: Map<String, Value>,
    /// What the steps that ended gave, by id; `null` for one that was left out.
    #[serde(default)]
    pub outputs: Map<String, Value>,
    /// Which step failed first, and why.
    #[serde(default)]
    pub failed: Option<(usize, String)>,
}

impl State {
    /// Sealed for the task.
    pub fn seal(&self, house: &House, id: &str) -> String {
        house.vault.seal(id, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// Opened.
    ///
    /// # Errors
    /// A sentence.
    pub fn open(house: &House, task: &Task) -> Result<Self, String> {
        let id = &task.asked.id;
        let plain = house.vault.open(id, &task.asked.sealed).map_err(|e| e.to_string())?;
        serde_json::from_slice(&plain).map_err(|e| e.to_string())
    }

    /// Every text that no log may hold.
    pub fn hidden(&self, masked: &[String]) -> Vec<String> {
        let hidden = masked.iter().filter_map(|name| self.parameters.get(name));
        let texts = self.secrets.values().chain(hidden);
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// The template that `text` names, where `caller` may know of it: `template:default/x`, `default/x` or `x`.
///
/// # Errors
/// [`ActionError::NotFound`] with what was probably meant; [`ActionError::InvalidInput`] for one that cannot run.
pub async fn template(house: &House, caller: &Arc<Caller>, text: &str) -> Result<Template, ActionError> {
    let index = house.catalog.seen_by(caller).await;
    let reference = crate::catalog::relation::Ref::parse(text, Some("template"), "default")
        .map_err(ActionError::InvalidInput)?;
    let entity =
        index.get(reference.as_str()).filter(|_| reference.kind() == "template").ok_or_else(|| {
            let near =
                crate::catalog::suggest::did_you_mean(&index, text, |near| near.starts_with("template:"));
            ActionError::NotFound(format!("Template {text} not found.{near}"))
        })?;
    Template::read(entity).map_err(|faults| {
        ActionError::InvalidInput(format!("Template {text} cannot run: {}", faults.join("; ")))
    })
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish<'w> {
    /// The template.
    pub template: &'w Template,
    /// Its values, defaults included.
    pub values: Map<String, Value>,
    /// Its secrets.
    pub secrets: Map<String, Value>,
}

/// Begins a task, and gives its id. Somebody runs it a moment later.
///
/// # Errors
/// [`ActionError`].
pub async fn begin(house: &House, caller: &Caller, wish: Wish<'_>) -> Result<String, ActionError> {
    check_secrets(wish.template, &wish.secrets)?;
    let now = house.clock.now();
    let id = secret::id(now);
    let user = house.user(caller);
    let masked = parameters::secret_names(wish.template);
    let mut shown = wish.values.clone();
    for name in &masked {
        if let Some(value) = shown.get_mut(name) {
            *value = "******".into();
        }
    }
    let mut spec = wish.template.kept();
    spec.insert("parameters".to_owned(), Value::Object(shown));
    spec.insert("user".to_owned(), user);
    spec.insert(
        "templateInfo".to_owned(),
        json!({"entityRef": wish.template.reference, "title": wish.template.title, "masked": masked}),
    );
    let had_secrets = !wish.secrets.is_empty();
    let state = State { secrets: wish.secrets, had_secrets, parameters: wish.values, ..State::default() };
    // Somebody may paste a secret into a field that everybody sees; it is not written down there either.
    let spec = Journal::new(state.hidden(&masked)).without_secrets(&Value::Object(spec));
    let task = NewTask {
        id: id.clone(),
        owner: Owner {
            subject: caller.subject.clone(),
            name: caller.username.clone(),
            is_user: caller.is_user,
        },
        client_id: caller.client_id.clone(),
        grant_id: caller.grant_id.clone(),
        resource: caller.resource.clone(),
        scopes: caller.scopes.to_string(),
        template_ref: wish.template.reference.clone(),
        spec: spec.to_string(),
        allowed: json!(house.allowed(caller)).to_string(),
        sealed: state.seal(house, &id),
    };
    if !rows::add(&house.store, &task, now).await.map_err(fault)? {
        let max = limits::SCAFFOLDER_OPEN_PER_OWNER_MAX;
        return Err(ActionError::Conflict(format!(
            "you have {max} tasks under way already; wait for one of them, or cancel one"
        )));
    }
    house.wake.notify_one();
    Ok(id)
}

fn check_secrets(template: &Template, secrets: &Map<String, Value>) -> Result<(), ActionError> {
    let faults = parameters::faults_of_secrets(template, secrets);
    if faults.is_empty() {
        return Ok(());
    }
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(ActionError::InvalidInput(faults.join("; ")))
}

/// The task `id` of `owner`.
///
/// # Errors
/// [`ActionError::NotFound`], also for somebody else's.
pub async fn find(house: &House, owner: &str, id: &str) -> Result<Task, ActionError> {
    let found = rows::find(&house.store, id, owner).await.map_err(fault)?;
    found.ok_or_else(|| not_found(id))
}

/// What it said after the line `after`.
///
/// # Errors
/// As [`find`].
pub async fn said(house: &House, owner: &str, id: &str, after: i64) -> Result<Vec<Said>, ActionError> {
    find(house, owner, id).await?;
    rows::said(&house.store, id, after, limits::SCAFFOLDER_LINES_MAX).await.map_err(fault)
}

/// Asks for its end.
///
/// # Errors
/// [`ActionError::Conflict`] for one that has ended.
pub async fn cancel(house: &House, owner: &str, id: &str) -> Result<(), ActionError> {
    let task = find(house, owner, id).await?;
    if !rows::cancel(&house.store, (id, owner), house.clock.now()).await.map_err(fault)? {
        return Err(ActionError::Conflict(format!("the task has ended: it is {}", task.status.word())));
    }
    Ok(())
}

/// Opens a failed one again. What its steps did outside is not done again.
///
/// # Errors
/// [`ActionError::Conflict`] for one that did not fail; [`ActionError::InvalidInput`] where secrets are needed again.
pub async fn retry(
    house: &House,
    owner: &str,
    id: &str,
    secrets: Map<String, Value>,
) -> Result<(), ActionError> {
    let task = find(house, owner, id).await?;
    let conflict = |status: Status| {
        ActionError::Conflict(format!("only a task that failed is retried; this one is {}", status.word()))
    };
    if task.status != Status::Failed {
        return Err(conflict(task.status));
    }
    if task.asked.sealed.is_empty() {
        let why = "what this task was begun with is not kept any more; begin a new one";
        return Err(ActionError::Conflict(why.to_owned()));
    }
    let mut state = State::open(house, &task).map_err(|why| ActionError::Fault(why.into()))?;
    if state.had_secrets && secrets.is_empty() {
        let why = "this task was begun with secrets, which are forgotten by now: give them again";
        return Err(ActionError::InvalidInput(why.to_owned()));
    }
    state.had_secrets |= !secrets.is_empty();
    state.secrets = secrets;
    // What ran only because something failed may have to run again.
    if let Some((at, _)) = state.failed.take() {
        let spec: Value = serde_json::from_str(&task.asked.spec).unwrap_or_default();
        for step in super::template::read_steps(&spec["steps"], &mut Vec::new()).iter().skip(at) {
            state.outputs.shift_remove(&step.id);
        }
    }
    let journal = Journal::default();
    journal.say("Retrying: what its steps did outside is not done again");
    let sealed = state.seal(house, id);
    let now = house.clock.now();
    if !rows::retry(&house.store, (id, owner), &sealed, &journal.take(), now).await.map_err(fault)? {
        return Err(conflict(task.status));
    }
    house.wake.notify_one();
    Ok(())
}

/// Waits until it has ended, or so many seconds.
///
/// # Errors
/// As [`find`].
pub async fn wait(house: &House, owner: &str, id: &str, seconds: u64) -> Result<Task, ActionError> {
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let mut pause = std::time::Duration::from_millis(50);
    loop {
        let task = find(house, owner, id).await?;
        if task.status.has_ended() || tokio::time::Instant::now() >= until {
            return Ok(task);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(1));
    }
}

fn not_found(id: &str) -> ActionError {
    ActionError::NotFound(format!("No task with id {:?} found", crate::catalog::excerpt(id)))
}

/// A fault of the store.
pub fn fault(error: crate::store::Error) -> ActionError {
    ActionError::Fault(error.into())
}
