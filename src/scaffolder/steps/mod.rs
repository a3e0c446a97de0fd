//! What steps can do. Each kind is a row of [`KINDS`]; besides these, every action of this server is one.

mod catalog;
mod debug;
mod fetch;
mod fs;
mod http;
mod publish;
pub mod repository;

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::House;
use super::journal::Journal;
use super::source::Source;
use super::workspace::Workspace;
use crate::actions::Caller;
use crate::clock::Time;

/// Where the effect of a step is. What is done again after a node died follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Nowhere: what it gave is written down, and that is all of it.
    Nothing,
    /// In the workspace, which a node that takes over has to make anew.
    Workspace,
    /// Outside, and doing it twice is as good as doing it once.
    OutsideOnce,
    /// Outside, and doing it twice does it twice.
    Outside,
}

/// One step at work.
#[derive(Clone)]
pub struct Doing {
    /// What it was given, expressions filled in and checked against its schema.
    pub input: Value,
    /// Where it works.
    pub work: Arc<Workspace>,
    /// Where the template's own files are.
    pub source: Option<Source>,
    /// Where it says what it does.
    pub journal: Journal,
    /// The catalog, the way out, the data directory.
    pub house: House,
    /// Whoever asked for the task, with what they may do now.
    pub caller: Arc<Caller>,
    /// The task.
    pub task: About,
    /// Fires when the task is to stop.
    pub cancelled: CancellationToken,
}

/// The task that a step belongs to.
#[derive(Clone, Debug)]
pub struct About {
    /// Its id.
    pub id: String,
    /// Whose it is, for people.
    pub owner_name: String,
    /// When it was asked for.
    pub created_at: Time,
}

/// What a step gives: its output, or a sentence that says why not.
pub type Given = Result<Value, String>;

/// A step under way.
pub type Working = Pin<Box<dyn Future<Output = Given> + Send>>;

/// One kind of step.
pub struct Kind {
    /// As templates name it.
    pub id: &'static str,
    /// What it does, for authors.
    pub description: &'static str,
    /// JSON Schema of its input.
    pub input: fn() -> Value,
    /// JSON Schema of its output.
    pub output: fn() -> Value,
    /// Where its effect is.
    pub lasting: Lasting,
    /// The action of this server that its caller must be allowed to use: a step is no way around a scope.
    pub needs: Option<&'static str>,
    /// Whether a dry run leaves it out, and says so.
    pub reaches_out: fn(&Value) -> bool,
    /// Does it.
    pub run: fn(Doing) -> Working,
}

/// Every kind of step that is built in, in order of id.
pub static KINDS: &[&Kind] = &[
    &catalog::FETCH,
    &catalog::WRITE,
    &debug::LOG,
    &debug::WAIT,
    &fetch::PLAIN,
    &fetch::PLAIN_FILE,
    &fetch::TEMPLATE,
    &fetch::TEMPLATE_FILE,
    &fs::DELETE,
    &fs::READDIR,
    &fs::RENAME,
    &http::REQUEST,
    &publish::LOCAL,
];

/// The kind with this id.
pub fn find(id: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.id == id).copied()
}

const fn never(_: &Value) -> bool {
    false
}

const fn always(_: &Value) -> bool {
    true
}

/// Runs what waits for a disk away from the threads that answer others.
fn on_disk(doing: Doing, work: impl FnOnce(&Doing) -> Given + Send + 'static) -> Working {
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(move || work(&doing)).await;
        done.unwrap_or_else(|error| Err(format!("the step broke: {error}")))
    })
}

/// A member of an input that its schema says is a text.
fn text<'v>(input: &'v Value, name: &str) -> &'v str {
    input[name].as_str().unwrap_or_default()
}
