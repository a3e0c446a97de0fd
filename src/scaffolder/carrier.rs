//! One claimed task, carried through its steps: each is written down before it begins and after it has ended.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::House;
use super::journal::Journal;
use super::run::{Run, Stepped};
use super::source::Source;
use super::steps::{About, Lasting};
use super::tasks::State;
use super::template::{Step, read_steps};
use super::worker::{FOLDER, forget};
use super::workspace::Workspace;
use crate::actions::Caller;
use crate::limits;
use crate::store::scaffolder_runs::{self as runs, End};
use crate::store::scaffolder_tasks::{Line, Status, Task};
use crate::store::{self, grants, users};

/// Why a run of a task is over before its steps are.
#[derive(Debug)]
enum Gone {
    /// Somebody else may have it now: nothing more is written.
    Lost,
    /// Its owner took it back.
    Cancelled,
    /// This process stops; the next one goes on.
    Stopping,
}

/// One task on the node that has it.
pub(super) struct Carrier {
    held: Held,
    task: Task,
    steps: Vec<Step>,
    output: Value,
    state: State,
    run: Run,
    stop: CancellationToken,
}

/// A claim.
pub(super) struct Held {
    house: House,
    id: String,
    lease: String,
    journal: Journal,
}

impl Held {
    fn named(&self) -> (&str, &str) {
        (&self.id, &self.lease)
    }

    async fn end(
        &self,
        status: Status,
        output: Option<String>,
        error: Option<String>,
        sealed: String,
    ) -> store::Result<()> {
        let word = status.word();
        let kind = if status == Status::Cancelled { "cancelled" } else { "completion" };
        let mut lines = self.journal.take();
        lines.push(Line {
            kind,
            message: format!("Run completed with status: {word}"),
            step_id: None,
            status: Some(word),
            output: output
                .clone()
                .or_else(|| error.as_ref().map(|e| json!({"error": {"message": e}}).to_string())),
        });
        let end = End { status, output, error, sealed };
        runs::end(&self.house.store, self.named(), &end, &lines, self.house.clock.now()).await?;
        Ok(())
    }

    pub(super) async fn fail(&self, why: &str) -> store::Result<()> {
        let why = self.journal.redacted(why);
        self.end(Status::Failed, None, Some(why), String::new()).await
    }
}

impl Carrier {
    pub(super) fn new(
        house: House,
        task: Task,
        lease: String,
        stop: CancellationToken,
    ) -> Result<Self, (Held, String)> {
        let id = task.asked.id.clone();
        let held = Held { house: house.clone(), id: id.clone(), lease, journal: Journal::default() };
        let state = match State::open(&house, &task) {
            Ok(state) => state,
            Err(why) => return Err((held, why)),
        };
        let spec: Value = serde_json::from_str(&task.asked.spec).unwrap_or_default();
        let masked = spec.pointer("/templateInfo/masked").and_then(Value::as_array).into_iter().flatten();
        let masked: Vec<String> = masked.filter_map(Value::as_str).map(str::to_owned).collect();
        let journal = Journal::new(state.hidden(&masked));
        let held = Held { journal: journal.clone(), ..held };
        let folder = house.data_dir.join(FOLDER);
        // What a dead node left of it, if that was on this disk.
        forget(&folder, |name| name.starts_with(id.as_str()));
        let work = match Workspace::make(&folder, &format!("{id}-{}", held.lease)) {
            Ok(work) => Arc::new(work),
            Err(why) => return Err((held, why)),
        };
        let caller = house.fresh(&Arc::new(caller_of(&task)));
        let run = Run {
            source: Source::of(&house.catalog.index(), &task.asked.template_ref),
            work,
            journal,
            about: About { id, owner_name: task.asked.owner.name.clone(), created_at: task.created_at },
            caller,
            allowed: serde_json::from_str(&task.asked.allowed).unwrap_or_default(),
            parameters: state.parameters.clone(),
            secrets: state.secrets.clone(),
            user: spec["user"].clone(),
            outputs: Map::new(),
            dry: false,
            cancelled: CancellationToken::new(),
            house,
        };
        let steps = read_steps(&spec["steps"], &mut Vec::new());
        Ok(Self { held, task, steps, output: spec["output"].clone(), state, run, stop })
    }

    pub(super) async fn run(&mut self) -> store::Result<()> {
        if self.task.cancel_asked_at.is_some() {
            return self.leave(Gone::Cancelled).await;
        }
        let resumed = self.task.step >= 0;
        if resumed {
            let died = self.task.recoveries > 0;
            let why = if died { "The node that ran this task stopped; going on here" } else { "Going on" };
            self.held.journal.add(if died { "recovered" } else { "log" }, why, Some("processing"));
            if self.task.recoveries > limits::SCAFFOLDER_RECOVERIES_MAX {
                return self
                    .held
                    .fail("the nodes that ran this task stopped again and again; it is not tried any more")
                    .await;
            }
        } else {
            self.held.journal.say(&format!("Starting up task with {} steps", self.steps.len()));
        }
        let mut at = 0;
        while at < self.steps.len() {
            if let Err(gone) = self.one(at).await? {
                return self.leave(gone).await;
            }
            at += 1;
        }
        let kept = State { secrets: Map::new(), ..self.state.clone() };
        if let Some((_, why)) = &self.state.failed {
            let sealed = kept.seal(&self.held.house, &self.held.id);
            return self.held.end(Status::Failed, None, Some(why.clone()), sealed).await;
        }
        match self.run.output(&self.output) {
            Ok(output) => {
                self.held.end(Status::Completed, Some(output.to_string()), None, String::new()).await
            }
            Err(why) => self.held.fail(&why).await,
        }
    }

    /// One step, or what is left of it.
    async fn one(&mut self, at: usize) -> store::Result<Result<(), Gone>> {
        let step = self.steps[at].clone();
        let lasting = self.run.lasting(&step);
        let done = self.state.outputs.get(&step.id).cloned();
        if let Some(output) = done {
            // What it gave is known. Its files are not here any more, unless it made none.
            if lasting != Lasting::Workspace || output.is_null() {
                if !output.is_null() {
                    self.run.outputs.insert(step.id.clone(), output);
                }
                return Ok(Ok(()));
            }
            self.run.journal.of_step(&step.id).say("Making its files again");
        } else if self.was_interrupted(at) {
            let journal = self.run.journal.of_step(&step.id);
            if lasting == Lasting::Outside {
                let why = format!(
                    "the node stopped while step {} ran ({}), and nobody can know whether it happened: look there, then \
                     retry to run it again",
                    step.name, step.action
                );
                journal.stands(&why, "failed");
                self.state.failed.get_or_insert((at, why));
                self.task.step_begun_at = None;
                return Ok(Ok(()));
            }
            journal.say("It was interrupted, and is run once more");
        }
        if self.stop.is_cancelled() {
            return Ok(Err(Gone::Stopping));
        }
        if let Err(why) = self.is_still_allowed().await? {
            self.run.journal.say(&why);
            self.state.failed.get_or_insert((at, why));
            // Not even what cleans up: nobody stands behind it any more.
            self.steps.truncate(at);
            return Ok(Ok(()));
        }
        if !self.write_down(at, true, None).await? {
            return Ok(Err(Gone::Lost));
        }
        let has_failed = self.state.failed.is_some();
        let stepped = match self.beating(&step, has_failed).await {
            Ok(stepped) => stepped,
            Err(gone) => return Ok(Err(gone)),
        };
        match stepped {
            Stepped::Done(output) => {
                self.state.outputs.insert(step.id.clone(), output.clone());
                self.run.outputs.insert(step.id, output);
            }
            Stepped::Skipped => {
                self.state.outputs.insert(step.id, Value::Null);
            }
            Stepped::Failed(why) => {
                self.state.failed.get_or_insert((at, why));
            }
        }
        let sealed = self.state.seal(&self.held.house, &self.held.id);
        Ok(if self.write_down(at, false, Some(&sealed)).await? { Ok(()) } else { Err(Gone::Lost) })
    }

    fn was_interrupted(&self, at: usize) -> bool {
        self.task.step_begun_at.is_some() && i64::try_from(at) == Ok(self.task.step)
    }

    async fn write_down(&self, at: usize, begun: bool, sealed: Option<&str>) -> store::Result<bool> {
        let (at, lines) = (i64::try_from(at).unwrap_or(i64::MAX), self.held.journal.take());
        let (store, now) = (&self.held.house.store, self.held.house.clock.now());
        runs::step(store, self.held.named(), (at, begun), sealed, &lines, now).await
    }

    /// Runs a step and says again and again that this node does.
    async fn beating(&self, step: &Step, has_failed: bool) -> Result<Stepped, Gone> {
        let limit = Duration::from_secs(limits::SCAFFOLDER_STEP_SECONDS);
        let mut work = std::pin::pin!(tokio::time::timeout(limit, self.run.step(step, has_failed)));
        let mut beat = tokio::time::interval(Duration::from_millis(limits::SCAFFOLDER_HEARTBEAT_MILLIS));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                done = &mut work => {
                    let late = || Stepped::Failed("it took longer than a step may".to_owned());
                    return Ok(done.unwrap_or_else(|_| late()));
                }
                _ = beat.tick() => {}
            }
            let lines = self.held.journal.take();
            let (store, now) = (&self.held.house.store, self.held.house.clock.now());
            let beat = runs::heartbeat(store, self.held.named(), &lines, now);
            match tokio::time::timeout(Duration::from_secs(limits::DATABASE_WAIT_SECONDS), beat).await {
                Ok(Ok(Some(false))) => heard = Instant::now(),
                Ok(Ok(Some(true))) => {
                    self.run.cancelled.cancel();
                    return Err(Gone::Cancelled);
                }
                Ok(Ok(None)) => {
                    self.run.cancelled.cancel();
                    return Err(Gone::Lost);
                }
                Ok(Err(_)) | Err(_)
                    if heard.elapsed() > Duration::from_millis(limits::SCAFFOLDER_DOUBT_MILLIS) =>
                {
                    self.run.cancelled.cancel();
                    return Err(Gone::Lost);
                }
                Ok(Err(error)) => tracing::warn!(%error, "a task cannot say that it runs"),
                Err(_) => tracing::warn!("a task cannot say that it runs: the database does not answer"),
            }
        }
    }

    async fn leave(&self, gone: Gone) -> store::Result<()> {
        match gone {
            Gone::Lost => {
                tracing::warn!(task = self.held.id, "lost the claim to a task, and stopped it here");
                Ok(())
            }
            Gone::Cancelled => self.held.end(Status::Cancelled, None, None, String::new()).await,
            Gone::Stopping => {
                let lines = self.held.journal.take();
                let (store, now) = (&self.held.house.store, self.held.house.clock.now());
                runs::release(store, self.held.named(), &lines, now).await
            }
        }
    }

    /// Whether whoever asked for it may still do so: revoked means refused at the next step.
    async fn is_still_allowed(&self) -> store::Result<Result<(), String>> {
        let (asked, store) = (&self.task.asked, &self.held.house.store);
        // The name of a token of the configuration has a slash in it; such a token is not in the database.
        if !asked.grant_id.is_empty() && !asked.grant_id.contains('/') {
            let live = grants::is_live(store, &asked.grant_id, "").await?;
            return Ok(if live {
                Ok(())
            } else {
                Err("the access that this task was asked for with has ended".to_owned())
            });
        }
        if asked.owner.is_user && asked.grant_id.is_empty() {
            let active = users::find(store, &asked.owner.subject).await?.is_some_and(|user| user.is_active());
            return Ok(if active { Ok(()) } else { Err("the account of its owner is suspended".to_owned()) });
        }
        Ok(Ok(()))
    }
}

fn caller_of(task: &Task) -> Caller {
    let asked = &task.asked;
    Caller {
        subject: asked.owner.subject.clone(),
        username: asked.owner.name.clone(),
        is_user: asked.owner.is_user,
        client_id: asked.client_id.clone(),
        grant_id: asked.grant_id.clone(),
        scopes: asked.scopes.parse().unwrap_or_default(),
        resource: asked.resource.clone(),
        // What they leave is in `allowed`, and nothing else is called.
        restrictions: None,
        rights: None,
    }
}
